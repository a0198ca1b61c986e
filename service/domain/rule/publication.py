"""The part of a fact's chain that counts on a day of publication (docs/semantics.md, 8). Days are ordinals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from service.domain.rule.facts import Entry, live_records
from service.domain.vocabulary.dates import parse
from service.domain.vocabulary.events import Fact, Record, RecordCorrected, RecordReportAdded, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from service.domain.vocabulary.events import Report

DENIES = "denies"


def as_published_by(chain: Sequence[Entry], recorded_on: Mapping[int, int], day: int) -> list[Entry]:
    """Return the part of a chain that counts on a day of publication, for `weigh`; [] when the fact is not known then.

    `chain` is the fact, then the records on it, in position order; `recorded_on` the day of recording by position.
    Reports that are not published yet are left out of the entries.
    """
    kept = [cut for entry in chain if (cut := _cut(entry, recorded_on[entry.position], day)) is not None]
    fact = chain[0].event
    assert isinstance(fact, Fact)  # noqa: S101 - a chain begins with its fact
    return kept if _is_known(fact, kept, recorded_on[chain[0].position], day) else []


def days(event: Fact | Record, recorded_on: int) -> set[int]:
    """Return the days of publication on which something about an event may begin to count."""
    text = text_of(event) or event
    return {recorded_on}.union(_day(report, recorded_on) for each in (event, text) for report in each.reports)


def _cut(entry: Entry, recorded_on: int, day: int) -> Entry | None:
    """Return an event without the reports not published yet; None for a record that does not count yet."""
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
    return entry if event is entry.event else Entry(entry.position, event, entry.size)


def _cut_text(fact: Fact, recorded_on: int, day: int) -> Fact:
    reports = _out(fact.reports, recorded_on, day)
    return fact if len(reports) == len(fact.reports) else replace(fact, reports=reports)


def _out(reports: Sequence[Report], recorded_on: int, day: int) -> tuple[Report, ...]:
    return tuple(report for report in reports if _day(report, recorded_on) <= day)


def _day(report: Report, recorded_on: int) -> int:
    """Return the day by which a report is certainly published; `recorded_on` is that of the event that carries it."""
    return recorded_on if report.published is None else parse(report.published).hi


def _counts(record: Record, recorded_on: int, day: int) -> bool:
    return min((_day(report, recorded_on) for report in record.reports), default=recorded_on) <= day


def _is_known(fact: Fact, kept: Sequence[Entry], recorded_on: int, day: int) -> bool:
    """Return whether a report that does not deny is published: the fact's own, an added one, or a correction's."""
    if all(report.stance == DENIES for report in fact.reports) and recorded_on <= day:
        return True
    own, *records = [entry.event for entry in kept]
    if _affirmed(own.reports):
        return True
    for record in live_records([record for record in records if isinstance(record, Record)]):
        if isinstance(record, RecordCorrected) and _affirmed(record.event.reports):
            return True
        if isinstance(record, RecordReportAdded) and record.target == fact.id and _affirmed(record.reports):
            return True
    return False


def _affirmed(reports: Iterable[Report]) -> bool:
    return any(report.stance != DENIES for report in reports)
