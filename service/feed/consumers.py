"""Durable cursors: how far each consumer has come, moved by compare-and-set.

A cursor stands at the last position that its consumer has processed. Every move is one statement that tells what it
moves from, so that of two who race one moves and the other is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from service import eventlog
from service.domain.errors import Fault, Malformed, Refused

if TYPE_CHECKING:
    from service.storage.database import Database

CONSUMERS_MAX: Final = 1_000
"""So many consumers a ledger keeps; those who are made at the same moment may go a little beyond."""

_SHOWN = """name, position, moved_at, (SELECT h.position FROM head h WHERE h.id = 1),
    (SELECT e.recorded_at FROM event e WHERE e.position = consumer.position + 1)"""
_GET = f"SELECT {_SHOWN} FROM consumer WHERE name = $1"
_COUNT = "SELECT count(*) FROM consumer"
_LIST = f"SELECT {_SHOWN} FROM consumer WHERE {{name}} > $1 ORDER BY {{name}} LIMIT $2"
_BY_BYTES = {"sqlite": "name", "postgresql": 'name COLLATE "C"'}
"""The name as it is compared by its bytes, in whatever language a database sorts."""
_CREATE = f"""
INSERT INTO consumer (name, position, moved_at)
SELECT CAST($1 AS text), CAST($2 AS bigint), CAST($3 AS bigint) WHERE ({_COUNT}) < CAST($4 AS bigint)
ON CONFLICT (name) DO NOTHING RETURNING {_SHOWN}
"""
_MOVE = f"""
UPDATE consumer SET position = $2, moved_at = CASE WHEN position = $2 THEN moved_at ELSE $3 END
WHERE name = $1 AND (CAST($4 AS bigint) IS NULL OR position = $4) RETURNING {_SHOWN}
"""
_DELETE = """
DELETE FROM consumer WHERE name = $1 AND (CAST($2 AS bigint) IS NULL OR position = $2) RETURNING position
"""


class Consumer(NamedTuple):
    """A cursor beside the head of the log, at one moment.

    `moved_at` and `waiting_since` are microseconds since 1970 UTC; the second is when the first event behind the cursor
    was recorded, None when there is none.
    """

    name: str
    position: int
    moved_at: int
    head: int
    waiting_since: int | None

    @property
    def events(self) -> int:
        """How many events lie behind the cursor."""
        return self.head - self.position

    def seconds(self, now: int) -> float:
        """Give how long the first event behind the cursor has been there, to the millisecond; 0 when there is none."""
        return 0.0 if self.waiting_since is None else round(max(0, now - self.waiting_since) / 1_000_000, 3)


class CursorConflict(Refused):
    """The cursor is not where the writer thinks it is."""

    def __init__(self, name: str, expected: int | None, actual: int | None) -> None:
        """Both are positions; None when nothing was expected, and when there is no such consumer."""
        super().__init__(f"{name}: expected {expected}, found {actual}")
        self.name, self.expected, self.actual = name, expected, actual


class TooManyConsumers(Refused):
    """There are as many consumers as a ledger keeps; none was made."""


async def get(database: Database, name: str) -> Consumer | None:
    """Give a consumer; None for one that is not there."""
    rows = await database.fetch(_GET, name)
    return Consumer(*rows[0]) if rows else None


async def page(database: Database, after: str = "", limit: int = CONSUMERS_MAX) -> list[Consumer]:
    """Give up to `limit` consumers in the order of their names, behind a name."""
    sql = _LIST.format(name=_BY_BYTES[database.dialect.name])
    return [Consumer(*row) for row in await database.fetch(sql, after, limit)]


async def create(database: Database, name: str, position: int, now: int) -> Consumer | None:
    """Make a consumer at a position; None when there is one of that name.

    Malformed for a position beyond the head, TooManyConsumers when there is no room for another.
    """
    await _within(database, position)
    rows = await database.execute(_CREATE, name, position, now, CONSUMERS_MAX)
    if not rows and await get(database, name) is None and (await database.fetch(_COUNT))[0][0] >= CONSUMERS_MAX:
        raise TooManyConsumers
    return Consumer(*rows[0]) if rows else None


async def move(database: Database, name: str, position: int, now: int, expected: int | None) -> Consumer:
    """Move a cursor that is where it is expected (anywhere, for None).

    Malformed for a position beyond the head, CursorConflict when it is elsewhere or not there.
    """
    await _within(database, position)
    rows = await database.execute(_MOVE, name, position, now, expected)
    if not rows:
        raise await conflict(database, name, expected)
    return Consumer(*rows[0])


async def delete(database: Database, name: str, expected: int | None) -> None:
    """Take a consumer away that is where it is expected (anywhere, for None); CursorConflict otherwise."""
    if not await database.execute(_DELETE, name, expected):
        raise await conflict(database, name, expected)


async def conflict(database: Database, name: str, expected: int | None) -> CursorConflict:
    """Say where a cursor is instead."""
    found = await get(database, name)
    return CursorConflict(name, expected, found and found.position)


async def _within(database: Database, position: int) -> None:
    """Refuse what lies beyond the head, which never goes back."""
    head = (await eventlog.head(database)).position
    if position > head:
        raise Malformed([Fault(("position",), f"must be at most the head of the log, {head}, not {position}")])
