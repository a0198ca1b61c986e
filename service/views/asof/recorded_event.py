"""One recorded event with the records on it, and the text that holds."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, NamedTuple

from service.domain.rule.facts import live_records, text_that_holds
from service.domain.vocabulary.events import Record, decode, encode
from service.eventlog.log import Stored, by_ids
from service.views.asof import published
from service.views.asof.weighing import PageWork, apart

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from service.storage.database import Database, Row
    from service.views.asof.question import Basis


class AnnotatedEvent(NamedTuple):
    """A recorded event, the records on it, and the JSON of the text that holds: None when the event is retracted."""

    event: Stored
    records: list[Stored]
    text: bytes | None


_CHAIN = """
SELECT e.position, e.recorded_at, e.body, e.recorded_by FROM item_event b JOIN event e ON e.position = b.position
WHERE b.item = (SELECT number FROM item WHERE slug = $1) AND b.position > $2 AND b.position <= $3 ORDER BY b.position
"""


async def annotated(database: Database, basis: Basis, event_id: UUID) -> AnnotatedEvent | None:
    """Return a recorded event with the records on it, as known at K; None for an id that is not known then."""
    stored = (await by_ids(database, [event_id])).get(event_id)
    if stored is None or stored.position > basis.position:
        return None
    event = decode(stored.body)
    counted: set[int] | None = None
    if basis.published is not None:
        counted, _ = await published.counted(database, basis, [event.item or ""], PageWork(inf))
        if stored.position not in counted:
            return None
    rows = await database.fetch(_CHAIN, event.item, stored.position, basis.position)
    records = await apart(len(rows), _records_on, event_id, rows, counted)
    text = text_that_holds(event, live_records([record for _, record in records]))
    return AnnotatedEvent(stored, [row for row, _ in records], None if text is None else encode(text))


async def counting(database: Database, basis: Basis, events: Sequence[Stored]) -> tuple[Sequence[Stored], int | None]:
    """Return those of some events, in position order, that count.

    As published they end before the first event of an item that was too much work: then also the position before it.
    """
    if basis.published is None:
        return events, None
    items = [decode(event.body).item or "" for event in events]
    counted, left = await published.counted(database, basis, list(dict.fromkeys(items)), PageWork())
    end = next((place for place, item in enumerate(items) if item in left), None)
    found = [event for event in events[:end] if event.position in counted]
    return found, None if end is None else events[end].position - 1


def _records_on(event_id: UUID, rows: Iterable[Row], counted: set[int] | None) -> list[tuple[Stored, Record]]:
    """Return the records on an event, and those on these, of the rows of its item after it."""
    chain = {event_id}
    records: list[tuple[Stored, Record]] = []
    for row in (Stored(*row) for row in rows if counted is None or row[0] in counted):
        record = decode(row.body)
        if isinstance(record, Record) and record.target in chain:
            chain.add(record.id or record.target)
            records.append((row, record))
    return records
