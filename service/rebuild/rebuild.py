"""The projections remade from the log alone, and a digest to compare them by."""

from __future__ import annotations

import hashlib
from contextlib import aclosing
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from service.domain.rule.tally import Days, Shift, Tally
from service.domain.vocabulary import events
from service.eventlog.head import head_of
from service.eventlog.log import events_at
from service.rebuild.register import Register
from service.storage.database import COLUMNS, Commit
from service.storage.tables import LOG, OPEN_END, PROJECTIONS, metadata
from service.views.dated_rows import DatedRows
from service.views.project import Projector, Recorded, published, turn
from service.views.shape import SHAPE, is_current

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

    from service.domain.rule.item import Item
    from service.eventlog.log import Stored
    from service.rebuild.register import Counts
    from service.storage.database import Database, Row

GROUP = 2_000
"""Events of whole items that are projected together, and whose rows are then stored."""


class Rebuilt(NamedTuple):
    """The result of a rebuild: the number of events read, and the digest of the projections before and after.

    `moved` is true when others appended during it: the digests are then of different logs and cannot be compared.
    """

    events: int
    before: str
    after: str
    moved: bool

    @property
    def same(self) -> bool:
        """Return whether the projections matched the log."""
        return self.before == self.after


class _Items(dict[str, "Item"]):
    """The items of one group."""

    def keep(self, item: Item) -> None:
        """Take an item."""
        self[item.slug] = item

    def tally(self, issue: str) -> Tally:
        """Refuse: an issue has items in many groups. Its tally is made when all of them are done."""
        raise NotImplementedError(issue)


class _Projector(Projector):
    """Projects all events of some items; issues are counted by the register, which has seen the whole log."""

    def __init__(self, counts: Counts) -> None:
        """Begin with no item known."""
        super().__init__(_Items())
        self.days: list[tuple[int, ...]] = []
        """By an issue and a position, the days of publication of what bears on it."""
        self._counts = counts
        self._numbers = {issue: number for (issue, _), (number, _, _) in counts.items()}

    def _counted(self, issue: str, position: int) -> tuple[int, int, int]:
        return self._counts[issue, position]

    def _tallied(self, issue: str, shifted: Sequence[Shift], days: Days, position: int) -> int:  # noqa: ARG002 - see below
        """Leave the postures and the days for later, see `_postures`."""
        self.days.append((self._numbers[issue], position, *days))
        return self._numbers[issue]


async def _postures(register: Register) -> AsyncGenerator[Commit, None]:
    """Make the postures of all issues, and their days, from the bearings that the register has noted."""
    tally, postures = Tally(0), DatedRows(OPEN_END)
    async for rows in register.shifts():
        for (_, issue, position), of_event in groupby(rows, key=itemgetter(0, 1, 2)):
            if issue != tally.number:
                tally = Tally(issue)
            turn(tally, [Shift(*row[3:]) for row in of_event], position, postures)
        commit = Commit()
        commit.rows["posture"], commit.posture_closings = postures.rows, postures.closings
        postures = DatedRows(OPEN_END)
        yield commit
    tally = Tally(0)
    async for rows in register.days():
        commit = Commit()
        for _, issue, position, earliest, latest in rows:
            if issue != tally.number:
                tally = Tally(issue)
            commit.rows["issue_published"] += published(tally, Days(earliest, latest), position)
        yield commit


async def rebuild(
    database: Database, progress: Callable[[int, int], object] = lambda *_: None, into: Database | None = None
) -> Rebuilt:
    """Remake every projection in one commit. Appends wait until it is stored; reads see the old rows.

    With `into`, an empty ledger, the projections are made there, and `database` is only read. `progress` is called with
    the number of events done, and of all. The log is read item by item.
    """
    head = await head_of(database)
    before = await digest(database)
    done = 0

    async def chunks() -> AsyncGenerator[Commit, None]:
        nonlocal done
        async with database.scratch() as source:
            register = Register(source)
            await register.fill((await head_of(database)).position)
            async for marks in register.marks():
                commit = Commit()
                commit.rows["commit_mark"] = [*marks]
                yield commit
            async for items in register.groups(GROUP):
                positions = await register.positions(items)
                projector = _Projector(await register.counts(positions))
                projector.project([_decoded(stored) for stored in await events_at(source, positions)])
                commit = projector.finish()
                commit.rows[LOG] = []  # the log has its own
                await register.note(commit.rows["bearing"], projector.days)
                yield commit
                done += len(positions)
                progress(done, head.position)
            async for commit in _postures(register):
                yield commit

    async with aclosing(chunks()) as made:
        await (into or database).replace(made, SHAPE)
    after = await digest(into or database)
    moved = (await head_of(database))[:2] != head[:2]  # position and instant: the rebuild itself raises the epoch
    return Rebuilt(done, before, after, moved)


async def renew(database: Database, progress: Callable[[int, int], object] = lambda *_: None) -> bool:
    """Remake the projections where they have not the shape of this version; return whether they had to be remade."""
    if await is_current(database):
        return False
    await rebuild(database, progress)
    return True


def _decoded(stored: Stored) -> Recorded:
    return Recorded(stored.position, stored.recorded_at, events.decode(stored.body), stored.body)


def rows(database: Database, table: str) -> AsyncIterator[Row]:
    """Read the rows of a projection, in the order of its key."""
    return database.stream(table, COLUMNS[table], metadata.tables[table].primary_key.columns.keys())


async def digest(database: Database) -> str:
    """Return the SHA-256 over every row of every projection, the same for the same log on either database."""
    seen = hashlib.sha256()
    for table in PROJECTIONS:
        seen.update(table.encode())
        async for row in rows(database, table):
            seen.update(msgspec.json.encode(tuple(row)))
    return seen.hexdigest()
