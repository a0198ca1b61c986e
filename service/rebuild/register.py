"""The register of a rebuild: which events bear on which items, found by the database in temporary tables.

So memory stays flat however long the log is, and the log is not carried through this process to find it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from service.storage.database import pages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from service.storage.database import Row, Source

Counts = dict[tuple[str, int], tuple[int, int, int]]
"""By an issue and the position of an event that names it: the issue's number, that position, its version then."""

_SAID = {
    "sqlite": """
CREATE TEMP TABLE said AS
SELECT position, recorded_at, json_extract(text, '$.item') AS item, json_extract(text, '$.event.item') AS moved,
    json_extract(text, '$.issues') AS issues
FROM (SELECT position, recorded_at, CAST(body AS TEXT) AS text FROM event WHERE position <= $1)
""",
    "postgresql": """
CREATE TEMP TABLE said AS
SELECT position, recorded_at, text ->> 'item' AS item, text -> 'event' ->> 'item' AS moved, text -> 'issues' AS issues
FROM (SELECT position, recorded_at, convert_from(body, 'UTF8')::json AS text FROM event WHERE position <= $1) e
""",
}
"""The items that an event names: its own, and that of the new text of a correction."""
_ISSUES = {"sqlite": "json_each(issues)", "postgresql": "json_array_elements_text(issues) AS each(value)"}
_NUMBER = "(SELECT min(n.position) FROM named n WHERE n.name = {})"
_TABLES = """
CREATE TEMP TABLE mark AS SELECT recorded_at, max(position) AS position FROM said GROUP BY recorded_at;
CREATE INDEX mark_order ON mark (recorded_at, position);
CREATE TEMP TABLE named AS
    SELECT item AS name, position FROM said UNION SELECT moved, position FROM said WHERE moved IS NOT NULL;
CREATE INDEX named_order ON named (name, position);
CREATE TEMP TABLE bears AS SELECT min(position) OVER (PARTITION BY name) AS item, position FROM named;
CREATE INDEX bears_order ON bears (item, position);
CREATE TEMP TABLE counted AS
    SELECT position, value AS issue, {number} AS number,
        row_number() OVER (PARTITION BY value ORDER BY position) AS version
    FROM said, {issues};
CREATE INDEX counted_order ON counted (position, issue, number, version);
CREATE TEMP TABLE shifted (issue bigint, position bigint, bearing bigint, day bigint, more bigint);
CREATE TEMP TABLE dated (issue bigint, position bigint, earliest bigint, latest bigint)
"""
_MOVES = "SELECT DISTINCT {item}, {moved} FROM said s WHERE s.moved <> s.item"
_MARKS = "SELECT recorded_at, position FROM mark WHERE recorded_at > $1 ORDER BY recorded_at LIMIT $2"
_SIZES = "SELECT item, count(*) FROM bears WHERE item > $1 GROUP BY item ORDER BY item LIMIT $2"
_POSITIONS = "SELECT DISTINCT position FROM bears WHERE item {among} ORDER BY position"
_COUNTS = "SELECT issue, number, position, version FROM counted WHERE position {among}"
_NOTE = {
    "sqlite": ("INSERT INTO {} SELECT {} FROM json_each($1)", "json_extract(value, '$[{}]')"),
    "postgresql": (
        "INSERT INTO {} SELECT {} FROM json_array_elements($1::text::json)",
        "(value ->> {})::bigint",
    ),
}
"""Notes rows of numbers, given as JSON; then how one of a row's numbers is read."""
_SHIFTED = """
CREATE TEMP TABLE shift AS SELECT dense_rank() OVER (ORDER BY issue, position) AS place, * FROM shifted;
CREATE INDEX shift_order ON shift (place)
"""
_SHIFTS = "SELECT * FROM shift WHERE place > $1 AND place <= $1 + $2 ORDER BY place, bearing, day"
_DATED = """
CREATE TEMP TABLE day AS SELECT row_number() OVER (ORDER BY issue, position) AS place, * FROM dated;
CREATE INDEX day_order ON day (place)
"""
_DAYS = "SELECT * FROM day WHERE place > $1 ORDER BY place LIMIT $2"
PAGE = 1_000


class Register:
    """The positions that bear on each item and count for each issue. An item's number is the first that names it.

    Nothing on one item depends on another but where a correction puts a fact on it, so items are joined by
    corrections, and each set of them can be projected on its own.
    """

    def __init__(self, source: Source) -> None:
        """`source` is the connection that has the tables."""
        self._source = source

    async def fill(self, last: int) -> None:
        """Find what the events up to a position name."""
        database = self._source.dialect.name
        await self._source.fetch(_SAID[database], last)
        for statement in _TABLES.format(issues=_ISSUES[database], number=_NUMBER.format("value")).split(";"):
            await self._source.fetch(statement)

    def marks(self) -> AsyncIterator[Sequence[Row]]:
        """Return the instant and the last position of each commit: its events have one instant."""
        return pages(self._source, _MARKS, -1, PAGE)

    async def groups(self, size: int) -> AsyncIterator[list[int]]:
        """Return all items in groups on which `size` events or more bear; a set that corrections join is not parted."""
        moves = _MOVES.format(item=_NUMBER.format("s.item"), moved=_NUMBER.format("s.moved"))
        joined = _joined(await self._source.fetch(moves))
        group: list[int] = []
        events = 0
        async for rows in pages(self._source, _SIZES, 0, PAGE):
            for item, count in rows:
                events += count
                items = joined.get(item, [item])
                if items[0] == item:
                    group += items
                if events >= size:
                    yield group
                    group, events = [], 0
        yield group

    async def positions(self, items: Sequence[int]) -> list[int]:
        """Return the positions that bear on any of some items, in order."""
        return [position for (position,) in await self._among(_POSITIONS, items)]

    async def counts(self, positions: Sequence[int]) -> Counts:
        """Return, for some positions, the number and the version of each issue that they name."""
        rows = await self._among(_COUNTS, positions)
        return {(issue, position): (number, position, version) for issue, number, position, version in rows}

    async def note(self, bearings: Sequence[Row], days: Sequence[Row]) -> None:
        """Note rows of bearings, for `shifts`; and of days, for `days`."""
        insert, number = _NOTE[self._source.dialect.name]
        for table, size, rows in (("shifted", 5, bearings), ("dated", 4, days)):
            numbers = ", ".join([number.format(place) for place in range(size)])
            await self._source.fetch(insert.format(table, numbers), msgspec.json.encode(rows).decode())

    def shifts(self) -> AsyncIterator[Sequence[Row]]:
        """Return the noted rows in pages of whole events, in order of issues and of positions, each after its place."""
        return self._noted(_SHIFTED, _SHIFTS)

    def days(self) -> AsyncIterator[Sequence[Row]]:
        """Return the noted days of publication in order of issues and of positions, each after its place."""
        return self._noted(_DATED, _DAYS)

    async def _noted(self, tables: str, sql: str) -> AsyncIterator[Sequence[Row]]:
        for statement in tables.split(";"):
            await self._source.fetch(statement)
        async for rows in pages(self._source, sql, 0, PAGE):
            yield rows

    async def _among(self, sql: str, numbers: Sequence[int]) -> Sequence[Row]:
        dialect = self._source.dialect
        return await self._source.fetch(sql.format(among=dialect.positions.format("$1")), dialect.numbered(numbers))


def _joined(moves: Sequence[Row]) -> dict[int, list[int]]:
    """Return to each item that a correction joins to others their set, the first of it first."""
    sets: dict[int, list[int]] = {}
    for one, other in moves:
        mine, others = sets.setdefault(one, [one]), sets.setdefault(other, [other])
        if mine is not others:
            mine += others
            sets.update(dict.fromkeys(others, mine))
    for each in sets.values():
        each.sort()
    return sets
