"""Records that say again what is recorded already and holds: a repeat of such a request is answered, not recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from service.domain.rule.facts import live_records
from service.domain.vocabulary.events import (
    Fact,
    Record,
    RecordCorrected,
    RecordReportAdded,
    RecordRetracted,
    id_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID


def recorded_alike(record: Record, chain: Sequence[Fact | Record]) -> UUID | None:
    """Return the id of a record on the same event that says what a new one does, and holds; None where there is none.

    `chain` is a fact, then the records on it, in position order. A retraction says the same as an earlier one, unless
    it has other reports of its own; added reports the same as those added before; a correction the same as the last.
    """
    live = live_records([each for each in chain if isinstance(each, Record)])
    others = [each for each in live if each.target == record.target and type(each) is type(record)]
    if isinstance(record, RecordCorrected):
        others = others[-1:]
    return next((id_of(each) for each in others if _says_the_same(record, each)), None)


def _says_the_same(record: Record, other: Record) -> bool:
    match record, other:
        case RecordRetracted(), RecordRetracted():
            return not record.reports or record.reports == other.reports
        case RecordReportAdded(), RecordReportAdded():
            return record.reports == other.reports
        case RecordCorrected(), RecordCorrected():
            text = replace(record.event, id=other.event.id)
            return text == other.event and record.reports == other.reports
        case _:
            return False
