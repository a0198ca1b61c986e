"""Durable cursors: how far each consumer has come, moved by compare-and-set.

A cursor is the last position that its consumer has processed. Every move is one statement that names the position it
moves from: of two writers who race, one moves the cursor and the other gets a conflict. It moves only to a position of
the log, and where the writer says when the event there was recorded, only to that event: the database that is set back
takes its cursors along, but not what its readers have seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from service.domain.errors import Fault, Malformed, Refused
from service.eventlog.head import waited_seconds
from service.eventlog.log import Place
from service.feed.pages import log_page

if TYPE_CHECKING:
    from service.storage.database import Database

CONSUMERS_MAX: Final = 1_000
"""Consumers that a ledger keeps; some made at the same moment may go a little beyond."""

_SHOWN = """name, position, moved_at, (SELECT h.position FROM head h WHERE h.id = 1),
    (SELECT h.recorded_at FROM head h WHERE h.id = 1),
    (SELECT e.recorded_at FROM event e WHERE e.position = consumer.position + 1),
    (SELECT e.recorded_at FROM event e WHERE e.position = consumer.position)"""
_IN_LOG = """{position} <= (SELECT h.position FROM head h WHERE h.id = 1) AND (CAST({at} AS bigint) IS NULL
    OR EXISTS (SELECT 1 FROM event e WHERE e.position = {position} AND e.recorded_at = {at}))"""
_MAY = "(owner = '' OR CAST({owner} AS text) IS NULL OR owner = {owner})"
"""Whether a holder may move a consumer: those of nobody, and its own; NULL: all."""
_OWNER = "SELECT owner FROM consumer WHERE name = $1"
_GET = f"SELECT {_SHOWN} FROM consumer WHERE name = $1"
_COUNT = "SELECT count(*) FROM consumer"
_LIST = f"SELECT {_SHOWN} FROM consumer WHERE {{name}} > $1 ORDER BY {{name}} LIMIT $2"
_BY_BYTES = {"sqlite": "name", "postgresql": 'name COLLATE "C"'}
"""The name as it is compared by its bytes, in whatever language a database sorts."""
_CREATE = f"""
INSERT INTO consumer (name, position, moved_at, owner)
SELECT CAST($1 AS text), CAST($2 AS bigint), CAST($3 AS bigint), CAST($6 AS text) WHERE ({_COUNT}) < CAST($4 AS bigint)
    AND {_IN_LOG.format(position="CAST($2 AS bigint)", at="$5")}
ON CONFLICT (name) DO NOTHING RETURNING {_SHOWN}
"""
_MOVE = f"""
UPDATE consumer SET position = $2, moved_at = CASE WHEN position = $2 THEN moved_at ELSE $3 END
WHERE name = $1 AND (CAST($4 AS bigint) IS NULL OR position = $4) AND {_MAY.format(owner="$6")}
    AND {_IN_LOG.format(position="$2", at="$5")} RETURNING {_SHOWN}
"""
_DELETE = f"""
DELETE FROM consumer WHERE name = $1 AND (CAST($2 AS bigint) IS NULL OR position = $2) AND {_MAY.format(owner="$3")}
RETURNING position
"""


class CursorState(NamedTuple):
    """The cursor of a consumer beside the head of the log, at one moment.

    Instants are microseconds since 1970 UTC: `head_at` is that of the head, `waiting_since` when the first event after
    the cursor was recorded, `reached_at` when the one at its position was; None when there is none.
    """

    name: str
    position: int
    moved_at: int
    head: int
    head_at: int
    waiting_since: int | None
    reached_at: int | None

    @property
    def place(self) -> Place:
        """Return the place up to which all events have been processed."""
        return Place(self.position, self.reached_at)

    @property
    def events(self) -> int:
        """Return how many events follow the cursor."""
        return self.head - self.position

    def seconds(self, now: int) -> float:
        """Return the age of the first event after the cursor in seconds; 0 when there is none."""
        return waited_seconds(self.waiting_since, self.head_at, now)


class CursorConflict(Refused):
    """The cursor is not where the writer thinks it is."""

    def __init__(self, name: str, expected: int | None, actual: int | None) -> None:
        """Both are positions; None when nothing was expected, and when there is no such consumer."""
        super().__init__(f"{name}: expected {expected}, found {actual}")
        self.name, self.expected, self.actual = name, expected, actual


class NotTheOwner(Refused):
    """The consumer belongs to another holder of keys."""

    def __init__(self, name: str) -> None:
        """Keep the name of the consumer."""
        super().__init__(f"{name} is a consumer of another holder of keys.")
        self.name = name


class TooManyConsumers(Refused):
    """There are as many consumers as a ledger keeps; none was made."""


async def get(database: Database, name: str) -> CursorState | None:
    """Return a consumer; None for one that is not there."""
    rows = await database.fetch(_GET, name)
    return CursorState(*rows[0]) if rows else None


async def listed(database: Database, after: str = "", limit: int = CONSUMERS_MAX) -> list[CursorState]:
    """Return up to `limit` consumers in the order of their names, after a name."""
    sql = _LIST.format(name=_BY_BYTES[database.dialect.name])
    return [CursorState(*row) for row in await database.fetch(sql, after, limit)]


async def create(database: Database, name: str, place: Place, now: int, owner: str = "") -> CursorState | None:
    """Make a consumer at a place, of an owner ("": of nobody); None when there is one of that name.

    Raises Malformed for a position beyond the head, OtherLog where the log has another event at the place,
    TooManyConsumers when there is no room for another.
    """
    await _within(database, place)
    rows = await database.execute(_CREATE, name, place.position, now, CONSUMERS_MAX, place.recorded_at, owner)
    if not rows and await get(database, name) is None and (await database.fetch(_COUNT))[0][0] >= CONSUMERS_MAX:
        raise TooManyConsumers
    return CursorState(*rows[0]) if rows else None


async def move(
    database: Database, name: str, place: Place, now: int, expected: int | None, owner: str | None = None
) -> CursorState:
    """Move a cursor that is where it is expected (anywhere, for None), as an owner (None: as one who may move all).

    Raises Malformed for a position beyond the head, OtherLog where the log has another event at the place,
    CursorConflict when the cursor is elsewhere or not there, NotTheOwner.
    """
    await _within(database, place)
    rows = await database.execute(_MOVE, name, place.position, now, expected, place.recorded_at, owner)
    if not rows:
        await check_owner(database, name, owner)
        raise await conflict(database, name, expected)
    return CursorState(*rows[0])


async def delete(database: Database, name: str, expected: int | None, owner: str | None = None) -> None:
    """Delete a consumer whose cursor is where it is expected (anywhere, for None), as an owner.

    Raises CursorConflict or NotTheOwner.
    """
    if not await database.execute(_DELETE, name, expected, owner):
        await check_owner(database, name, owner)
        raise await conflict(database, name, expected)


async def check_owner(database: Database, name: str, owner: str | None) -> None:
    """Check that an owner may move a consumer, or that there is none; raises NotTheOwner."""
    rows = await database.fetch(_OWNER, name)
    if owner is not None and rows and rows[0][0] not in {"", owner}:
        raise NotTheOwner(name)


async def conflict(database: Database, name: str, expected: int | None) -> CursorConflict:
    """Return where a cursor is instead."""
    cursor = await get(database, name)
    return CursorConflict(name, expected, cursor and cursor.position)


async def _within(database: Database, place: Place) -> None:
    """Refuse a position beyond the head, and another event than the one at the position.

    The statements check the same: of a move while the log is set back, nothing comes but a conflict.
    """
    _, _, head = await log_page(database, place, 0)
    if place.position > head:
        raise Malformed([Fault(("position",), f"must be at most the head of the log, {head}, not {place.position}")])
