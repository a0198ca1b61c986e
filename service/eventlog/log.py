"""Recorded events, by position and by id."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

import msgspec
from msgspec import Raw, Struct

from service.domain.errors import OtherLog
from service.domain.vocabulary import instants
from service.storage.database import pages as paged

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from service.storage.database import Database, Source

_BY_IDS = "SELECT id, position, recorded_at, body, recorded_by FROM event WHERE id {among}"
_AT = "SELECT position, recorded_at, body, recorded_by FROM event WHERE position {among} ORDER BY position"
_BEFORE = "SELECT position, recorded_at FROM commit_mark WHERE recorded_at < $1 ORDER BY recorded_at DESC LIMIT 1"
_AFTER = "SELECT position, recorded_at, body, recorded_by FROM event WHERE position > $1 ORDER BY position LIMIT $2"
_JSON = b'{"position":%d,"recorded_at":"%s",%s%s'
_LINE = _JSON + b"\n"


class Place(NamedTuple):
    """A position with the instant at which the event there was recorded: together they name one event of one log.

    `recorded_at` is in microseconds since 1970 UTC, 0 at position 0; None where the instant is not known.
    """

    position: int
    recorded_at: int | None = None

    def check(self, recorded_at: int | None) -> Place:
        """Return this place with the instant that the log has at the position; raises OtherLog for another instant.

        None is for a position that the log does not have.
        """
        if self.recorded_at == recorded_at:
            return self
        if self.position == 0 and not self.recorded_at:
            return BEGINNING
        if self.recorded_at is not None:
            raise OtherLog(str(self), self.position)
        return Place(self.position, recorded_at)

    def __str__(self) -> str:
        """Write as clients get it: `1953@2025-06-10T12:00:00.000000Z`; only the position where that is all."""
        return f"{self.position}@{instants.text(self.recorded_at)}" if self.recorded_at else str(self.position)


BEGINNING = Place(0, 0)


class Stored(NamedTuple):
    """A row of the log: `recorded_at` in microseconds since 1970 UTC, `body` the event's JSON.

    `recorded_by` is the JSON of who recorded it, "" where nobody was asked for a key. `acts_on` is the JSON of the
    event with the text that a record acts on; None where that is not shown.
    """

    position: int
    recorded_at: int
    body: bytes
    recorded_by: str = ""
    acts_on: bytes | None = None

    @property
    def size(self) -> int:
        """Return the bytes of what is kept of it."""
        return len(self.body) if self.acts_on is None else len(self.body) + len(self.acts_on)

    def shown(self) -> bytes:
        """Return the event's JSON as followers get it: of a record, with the text that it acts on."""
        target = self.target()
        return self.body if target is None else b'%s,"target_event":%s}' % (self.body[:-1], target)

    def target(self) -> bytes | None:
        """Return the JSON of the text that a record acts on; None where that is not shown."""
        return None if self.acts_on is None else _text(self.acts_on)

    @property
    def place(self) -> Place:
        """Return the place of the event."""
        return Place(self.position, self.recorded_at)

    def json(self) -> bytes:
        """Write the recorded event as it is answered: position, instant and who recorded it, then the event."""
        return _JSON % (self.position, _stamp(self.recorded_at), _member(self.recorded_by), self.shown()[1:])


def lines(events: Iterable[Stored]) -> bytes:
    """Write recorded events as they are answered, one a line: for a whole log at once, without a call for each."""
    return b"".join(
        [
            _LINE % (each[0], _stamp(each[1]), _member(each[3]), (each[2] if each[4] is None else each.shown())[1:])
            for each in events
        ]
    )


class _Brought(Struct, gc=False):
    """The text that an event brings, where it is not the event itself."""

    type: str
    event: Raw = Raw()


_BROUGHT = msgspec.json.Decoder(_Brought)


def _text(body: bytes) -> bytes:
    """Return the text of a fact that an event brings: its own, or that of a correction."""
    brought = _BROUGHT.decode(body)
    return bytes(brought.event) if brought.type.startswith("record.") else body


@lru_cache(maxsize=1_024)
def _stamp(recorded_at: int) -> bytes:
    """Write an instant; the events of a commit have the same."""
    return instants.text(recorded_at).encode()


@lru_cache(maxsize=1_024)
def _member(recorded_by: str) -> bytes:
    """Write who recorded an event; a key records many."""
    return b'"recorded_by":%s,' % recorded_by.encode() if recorded_by else b""


async def place_before(database: Database, instant: int) -> Place:
    """Return the place of the last event that was recorded before an instant (microseconds since 1970 UTC)."""
    rows = await database.fetch(_BEFORE, instant)
    return Place(*rows[0]) if rows else BEGINNING


async def by_ids(database: Database, ids: Iterable[UUID]) -> dict[UUID, Stored]:
    """Find recorded events by id."""
    wanted = [each.bytes for each in ids]
    if database.dialect.name == "sqlite":
        marks = ", ".join(f"${index}" for index in range(1, len(wanted) + 1))
        rows = await database.fetch(_BY_IDS.format(among=f"IN ({marks})"), *wanted)
    else:
        rows = await database.fetch(_BY_IDS.format(among="= ANY($1::bytea[])"), wanted)
    return {UUID(bytes=id_): Stored(*stored) for id_, *stored in rows}


async def events_at(source: Source, positions: Sequence[int]) -> list[Stored]:
    """Read the events at some positions, in order."""
    dialect = source.dialect
    sql = _AT.format(among=dialect.positions.format("$1"))
    return [Stored(*row) for row in await source.fetch(sql, dialect.numbered(positions))]


async def log_pages(database: Database, after: int = 0, size: int = 1_000) -> AsyncIterator[list[Stored]]:
    """Read the log after a position to its end, page by page."""
    async for rows in paged(database, _AFTER, after, size):
        yield [Stored(*row) for row in rows]
