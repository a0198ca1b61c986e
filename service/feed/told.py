"""What one recorded event has become: the records on it, and the text that holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.domain.events import Fact, Record, RecordCorrected, RecordRetracted, decode, encode
from service.domain.facts import live
from service.eventlog import Stored, by_ids

if TYPE_CHECKING:
    from collections.abc import Container, Sequence
    from uuid import UUID

    from service.storage.database import Database


class Told(NamedTuple):
    """A recorded event, what has been recorded about it since, and the text that holds: None when retracted."""

    event: Stored
    records: list[Stored]
    now: bytes | None


_CHAIN = """
SELECT e.position, e.recorded_at, e.body FROM item_event b JOIN event e ON e.position = b.position
WHERE b.item = (SELECT number FROM item WHERE slug = $1) AND b.position > $2 AND b.position <= $3 ORDER BY b.position
"""


async def tell(database: Database, event_id: UUID, until: int, among: Container[int] | None = None) -> Told | None:
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
