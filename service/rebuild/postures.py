"""The postures of all issues and their days of publication, from the bearings of all items; and the commits."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from service.domain.rule.tally import Days, Shift, Tally
from service.storage.database import Commit
from service.storage.layout import OPEN_END
from service.views.dated_rows import DatedRows
from service.views.posture_rows import published, turn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from service.rebuild.register import Register
    from service.storage.database import Row
    from service.storage.next_tables import NextTables

PAGE = 1_000
REMADE_LAST = ("commit_mark", "posture", "issue_published")
_SHIFTS = """
SELECT issue, position, bearing, day, more FROM bearing WHERE (issue, position) > ($1, $2)
ORDER BY issue, position, bearing, day LIMIT $3
"""
_DAYS = """
SELECT issue, position, earliest, latest FROM dated WHERE (issue, position) > ($1, $2)
ORDER BY issue, position LIMIT $3
"""


async def make_rest(tables: NextTables, register: Register) -> None:
    """Make what needs all groups; where a rebuild was stopped during it, from the start."""
    for table in REMADE_LAST:
        await tables.clear(table)
    async for marks in register.marks():
        commit = Commit()
        commit.rows["commit_mark"] = [tuple(mark) for mark in marks]
        await tables.store(commit)
    async for commit in _postures(tables):
        await tables.store(commit)
    async for commit in _published(tables):
        await tables.store(commit)


async def _postures(tables: NextTables) -> AsyncIterator[Commit]:
    tally = Tally(0)
    async for rows in _whole(tables, _SHIFTS):
        postures = DatedRows(OPEN_END)
        for (issue, position), of_event in groupby(rows, key=itemgetter(0, 1)):
            if issue != tally.number:
                tally = Tally(issue)
            turn(tally, [Shift(*row[2:]) for row in of_event], position, postures)
        commit = Commit()
        commit.rows["posture"], commit.posture_closings = postures.rows, postures.closings
        yield commit


async def _published(tables: NextTables) -> AsyncIterator[Commit]:
    tally = Tally(0)
    async for rows in _whole(tables, _DAYS):
        commit = Commit()
        for issue, position, earliest, latest in rows:
            if issue != tally.number:
                tally = Tally(issue)
            commit.rows["issue_published"] += published(tally, Days(earliest, latest), position)
        yield commit


async def _whole(tables: NextTables, sql: str) -> AsyncIterator[Sequence[Row]]:
    """Read rows by issue and position page by page: those of one event on an issue are not parted."""
    after, size = (0, 0), PAGE
    while rows := await tables.fetch(sql, *after, size):
        last = tuple(rows[-1][:2])
        if len(rows) == size:
            rows = [row for row in rows if tuple(row[:2]) != last]
        if rows:
            yield rows
            after, size = tuple(rows[-1][:2]), PAGE
        else:
            size *= 2
