"""What of a fact's chain was known on a day of publication (docs/semantics.md, 8). Days are ordinals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from service.domain.dates import parse
from service.domain.events import Fact, Record, RecordCorrected, RecordReportAdded
from service.domain.facts import Entry, live

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from service.domain.events import Report

DENIES = "denies"


def published(chain: Sequence[Entry], recorded_on: Mapping[int, int], day: int) -> list[Entry]:
    """Cut a chain to what counts on a day of publication, for `weigh`; [] when the fact is not known then.

    `chain` is the fact, then the records on it, in position order; `recorded_on` the day of recording by position. Of
    the entries kept, reports that are not out yet are left out.
    """
    kept = [cut for entry in chain if (cut := _cut(entry, recorded_on[entry.position], day)) is not None]
    fact = chain[0].event
    assert isinstance(fact, Fact)  # noqa: S101 - a chain begins with its fact
    return kept if _is_known(fact, kept, recorded_on[chain[0].position], day) else []


def days(event: Fact | Record, recorded_on: int) -> set[int]:
    """Give the days of publication on which something about an event may come to count."""
    texts = [event.event] if isinstance(event, RecordCorrected) else []
    return {recorded_on}.union(_day(report, recorded_on) for each in (event, *texts) for report in each.reports)


def _cut(entry: Entry, recorded_on: int, day: int) -> Entry | None:
    """Leave out of an event the reports that are not out; None for a record that does not count yet."""
    event = entry.event
    match event:
        case Fact():
            return _with(entry, _cut_text(event, recorded_on, day))
        case RecordReportAdded():
            reports = _out(event.reports, recorded_on, day)
            return _with(entry, replace(event, reports=reports)) if reports else None
        case RecordCorrected():
            text = _cut_text(event.event, recorded_on, day)
            cut = event if text is event.event else replace(event, event=text)
            return _with(entry, cut) if _counts(event, recorded_on, day) else None
        case _:
            return entry if _counts(event, recorded_on, day) else None


def _with(entry: Entry, event: Fact | Record) -> Entry:
    return entry if event is entry.event else Entry(entry.position, event)


def _cut_text(fact: Fact, recorded_on: int, day: int) -> Fact:
    reports = _out(fact.reports, recorded_on, day)
    return fact if len(reports) == len(fact.reports) else replace(fact, reports=reports)


def _out(reports: Sequence[Report], recorded_on: int, day: int) -> tuple[Report, ...]:
    return tuple(report for report in reports if _day(report, recorded_on) <= day)


def _day(report: Report, recorded_on: int) -> int:
    """Give the day from which a report is surely out; `recorded_on` that of the event that carries it."""
    return recorded_on if report.published is None else parse(report.published).hi


def _counts(record: Record, recorded_on: int, day: int) -> bool:
    return min((_day(report, recorded_on) for report in record.reports), default=recorded_on) <= day


def _is_known(fact: Fact, kept: Sequence[Entry], recorded_on: int, day: int) -> bool:
    """Tell whether a report that does not deny is out: the fact's own, an added one, or one of a corrected text."""
    if all(report.stance == DENIES for report in fact.reports) and recorded_on <= day:
        return True
    own, *records = [entry.event for entry in kept]
    if _affirmed(own.reports):
        return True
    for record in live([record for record in records if isinstance(record, Record)]):
        if isinstance(record, RecordCorrected) and _affirmed(record.event.reports):
            return True
        if isinstance(record, RecordReportAdded) and record.target == fact.id and _affirmed(record.reports):
            return True
    return False


def _affirmed(reports: Iterable[Report]) -> bool:
    return any(report.stance != DENIES for report in reports)
