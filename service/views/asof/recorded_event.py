"""One recorded event with the records on it, and the text that holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.domain.rule.facts import live_records, text_that_holds
from service.domain.vocabulary.events import Record, decode, encode
from service.eventlog.log import Stored, by_ids
from service.views.asof.engine import engine_of

if TYPE_CHECKING:
    from uuid import UUID

    from service.storage.database import Database
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
    counted = await engine_of(basis).counted(database, basis, [event.item or ""])
    if counted is not None and stored.position not in counted:
        return None
    rows = await database.fetch(_CHAIN, event.item, stored.position, basis.position)
    chain = {event_id}
    records: list[tuple[Stored, Record]] = []
    for row in (Stored(*row) for row in rows if counted is None or row[0] in counted):
        record = decode(row.body)
        if isinstance(record, Record) and record.target in chain:
            chain.add(record.id or record.target)
            records.append((row, record))
    text = text_that_holds(event, live_records([record for _, record in records]))
    return AnnotatedEvent(stored, [row for row, _ in records], None if text is None else encode(text))
