"""The register of a rebuild: which events bear on which items, found by the database in tables that only it reads.

So memory stays flat however long the log is, and the log is not carried through this process to find it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.storage.database import pages
from service.storage.next_tables import SCHEMA

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from service.storage.database import Row
    from service.storage.next_tables import NextTables

Counts = dict[tuple[str, int], tuple[int, int, int]]
"""By an issue and the position of an event that names it: the issue's number, that position, its version then."""

_SAID = {
    "sqlite": """
SELECT position, recorded_at, json_extract(text, '$.item') AS item, json_extract(text, '$.event.item') AS moved,
    json_extract(text, '$.issues') AS issues
FROM (SELECT position, recorded_at, CAST(body AS TEXT) AS text FROM event WHERE position <= $1)
""",
    "postgresql": """
SELECT position, recorded_at, text ->> 'item' AS item, text -> 'event' ->> 'item' AS moved, text -> 'issues' AS issues
FROM (SELECT position, recorded_at, convert_from(body, 'UTF8')::json AS text FROM event WHERE position <= $1) e
""",
}
"""The items that an event names: its own, and that of the new text of a correction."""
_ISSUES = {"sqlite": "json_each(issues)", "postgresql": "json_array_elements_text(issues) AS each(value)"}
_NUMBER = "(SELECT min(n.position) FROM named n WHERE n.name = {})"
_TABLES = {
    "mark": "SELECT recorded_at, max(position) AS position FROM said GROUP BY recorded_at",
    "named": "SELECT item AS name, position FROM said UNION SELECT moved, position FROM said WHERE moved IS NOT NULL",
    "bears": "SELECT min(position) OVER (PARTITION BY name) AS item, position FROM named",
    "counted": "SELECT position, value AS issue, {number} AS number,"
    " row_number() OVER (PARTITION BY value ORDER BY position) AS version FROM said, {issues}",
}
"""The tables by name, in the order in which they are made."""
_ORDER = {
    "mark": "recorded_at, position",
    "named": "name, position",
    "bears": "item, position",
    "counted": "position, issue, number, version",
}
_MOVES = "SELECT DISTINCT {item}, {moved} FROM said s WHERE s.moved <> s.item"
_MARKS = "SELECT recorded_at, position FROM mark WHERE recorded_at > $1 ORDER BY recorded_at LIMIT $2"
_SIZES = "SELECT item, count(*) FROM bears WHERE item > $1 GROUP BY item ORDER BY item LIMIT $2"
_POSITIONS = "SELECT DISTINCT position FROM bears WHERE item {among} ORDER BY position"
_COUNTS = "SELECT issue, number, position, version FROM counted WHERE position {among}"
PAGE = 1_000


class Register:
    """The positions that bear on each item and count for each issue. An item's number is the first that names it.

    Nothing on one item depends on another but where a correction puts a fact on it, so items are joined by
    corrections, and each set of them can be projected on its own.
    """

    def __init__(self, tables: NextTables) -> None:
        """`tables` is the connection that has the register."""
        self._source = tables

    async def fill(self, last: int, plan: str) -> None:
        """Find what the events up to a position name; then note that all of it is there, for this plan."""
        database = self._source.dialect.name
        await self._make("said", _SAID[database], last)
        for table, select in _TABLES.items():
            await self._make(table, select.format(issues=_ISSUES[database], number=_NUMBER.format("value")))
            place = f"{SCHEMA}." if database == "sqlite" else ""
            await self._source.fetch(f"CREATE INDEX {place}{table}_order ON {table} ({_ORDER[table]})")
        await self._make("planned", f"SELECT '{plan}' AS plan")

    async def _make(self, table: str, select: str, *parameters: int) -> None:
        await self._source.fetch(f"CREATE {self._source.unlogged} TABLE {SCHEMA}.{table} AS {select}", *parameters)

    def marks(self) -> AsyncIterator[Sequence[Row]]:
        """Return the instant and the last position of each commit: its events have one instant."""
        return pages(self._source, _MARKS, -1, PAGE)

    async def groups(self, size: int) -> AsyncIterator[tuple[int, list[int]]]:
        """Return all items in numbered groups on which `size` events or more bear, always the same.

        A set that corrections join is not parted.
        """
        moves = _MOVES.format(item=_NUMBER.format("s.item"), moved=_NUMBER.format("s.moved"))
        joined = _joined(await self._source.fetch(moves))
        group: list[int] = []
        events = number = 0
        async for rows in pages(self._source, _SIZES, 0, PAGE):
            for item, count in rows:
                events += count
                items = joined.get(item, [item])
                if items[0] == item:
                    group += items
                if events >= size:
                    yield number, group
                    group, events, number = [], 0, number + 1
        yield number, group

    async def positions(self, items: Sequence[int]) -> list[int]:
        """Return the positions that bear on any of some items, in order."""
        return [position for (position,) in await self._among(_POSITIONS, items)]

    async def counts(self, positions: Sequence[int]) -> Counts:
        """Return, for some positions, the number and the version of each issue that they name."""
        rows = await self._among(_COUNTS, positions)
        return {(issue, position): (number, position, version) for issue, number, position, version in rows}

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
