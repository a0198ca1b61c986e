"""The log as other services see it: pages in position order, and what one recorded event has become."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.domain.events import Fact, Record, RecordCorrected, RecordRetracted, decode, encode
from service.domain.facts import live
from service.eventlog import Stored, by_ids

if TYPE_CHECKING:
    from collections.abc import Container, Sequence
    from uuid import UUID

    from service.storage.database import Database, Row

SCAN_MAX = 20_000
"""So many positions are looked at for one page of a filtered question; the rest is for the next page."""

_PAGE = """
SELECT h.position, e.position, e.recorded_at, e.body
FROM head h LEFT JOIN (
    SELECT position, recorded_at, body FROM event WHERE position > $1 ORDER BY position LIMIT $2
) e ON h.id = 1 WHERE h.id = 1 ORDER BY e.position
"""
_FILTERED = """
SELECT h.position, e.position, e.recorded_at, e.body
FROM head h LEFT JOIN (
    SELECT e.position, e.recorded_at, e.body
    FROM event_index x JOIN event e ON e.position = x.position
    WHERE x.position > $1 AND x.position <= $2 AND {where}
    ORDER BY x.position LIMIT $3
) e ON h.id = 1 WHERE h.id = 1 ORDER BY e.position
"""


class Page(NamedTuple):
    """Events in position order; `next` is the position to ask behind for what follows, `head` the last position."""

    events: list[Stored]
    next: int
    head: int


class Filter(NamedTuple):
    """What is asked for: events with all tokens, that may have occurred in [from, to] (ordinals), up to a position."""

    tokens: tuple[str, ...] = ()
    occurred_from: int | None = None
    occurred_to: int | None = None
    until: int | None = None

    @property
    def empty(self) -> bool:
        """Whether everything is asked for."""
        return self == Filter()


async def page(database: Database, after: int, limit: int, wanted: Filter = Filter()) -> Page:  # noqa: B008 - immutable
    """Read up to `limit` events behind a position.

    A filtered page may be short or empty before the end: `next` has then moved past what was looked at.
    """
    if wanted.empty:
        return _page(await database.fetch(_PAGE, after, limit), after, limit, None)
    last = after + SCAN_MAX if wanted.until is None else min(after + SCAN_MAX, wanted.until)
    return _page(await _filtered(database, after, last, limit, wanted), after, limit, last)


async def _filtered(database: Database, after: int, last: int, limit: int, wanted: Filter) -> Sequence[Row]:
    parameters: list[int | str] = [after, last, limit]
    has = database.dialect.found_at
    where = ["x.position > 0"]
    for condition, value in (
        *((f"{has}(x.tokens, {{}}) > 0", f"\n{token}\n") for token in wanted.tokens),
        ("x.occurred_hi >= {}", wanted.occurred_from),
        ("x.occurred_lo <= {}", wanted.occurred_to),
    ):
        if value is not None:
            parameters.append(value)
            where.append(condition.format(f"${len(parameters)}"))
    return await database.fetch_long(_FILTERED.format(where=" AND ".join(where)), *parameters)


def _page(rows: Sequence[Row], after: int, limit: int, last: int | None) -> Page:
    head = rows[0][0]
    events = [Stored(*row[1:]) for row in rows if row[1] is not None]
    if len(events) == limit or last is None:
        reached = events[-1].position if events else after
    else:
        reached = max(after, min(last, head))
    return Page(events, reached, head)


class Told(NamedTuple):
    """A recorded event, what has been recorded about it since, and the text that holds: None when retracted."""

    event: Stored
    records: list[Stored]
    now: bytes | None


_CHAIN = """
SELECT e.position, e.recorded_at, e.body FROM item_event b JOIN event e ON e.position = b.position
WHERE b.item = (SELECT number FROM item WHERE slug = $1) AND b.position > $2 AND b.position <= $3 ORDER BY b.position
"""


async def one(database: Database, event_id: UUID, until: int, among: Container[int] | None = None) -> Told | None:
    """Give a recorded event, the records on it up to a position, and what it says now; None for an unknown id.

    Of the records only those `among` some positions count; None: all do.
    """
    stored = (await by_ids(database, [event_id])).get(event_id)
    if stored is None or stored.position > until:
        return None
    event = decode(stored.body)
    rows = await database.fetch(_CHAIN, event.item, stored.position, until)
    named = {event_id}
    records: list[tuple[Stored, Record]] = []
    for row in (Stored(*row) for row in rows if among is None or row[0] in among):
        record = decode(row.body)
        if isinstance(record, Record) and record.target in named:
            named.add(record.id or record.target)
            records.append((row, record))
    return Told(stored, [row for row, _ in records], _now(event, [record for _, record in records]))


def _now(event: Fact | Record, records: Sequence[Record]) -> bytes | None:
    """Give the text that holds of an event under the records on it."""
    text: Fact | Record = event
    for record in live(records):
        if isinstance(record, RecordRetracted) and record.target == event.id:
            return None
        if isinstance(record, RecordCorrected):
            text = record.event
    return encode(text)
