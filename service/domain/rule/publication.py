"""The part of a fact's chain that counts on a day of publication (docs/semantics.md, 8). Days are ordinals."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from msgspec.structs import replace

from service.domain.rule.disagreements import DENIES
from service.domain.rule.facts import Entry, live_records
from service.domain.vocabulary.dates import parse
from service.domain.vocabulary.events import Fact, Record, RecordCorrected, RecordReportAdded, RecordRetracted, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from service.domain.vocabulary.events import Report


def as_published_by(chain: Sequence[Entry], day: int) -> list[Entry]:
    """Return the part of a chain that counts on a day of publication, for `weigh`; [] when the fact is not known then.

    `chain` is the fact, then the records on it, in position order. Reports that are not published yet are left out of
    the entries.
    """
    return _ChainOnDay(chain, day).published()


def days(entry: Entry) -> set[int]:
    """Return the days of publication on which something about an event may begin to count."""
    event, recorded_on = entry.event, entry.recorded_on
    text = text_of(event) or event
    return {recorded_on}.union(_day(report, recorded_on) for each in (event, text) for report in each.reports)


def only_day(chain: Sequence[Entry]) -> int | None:
    """Return the one day of publication from which the last event of a chain counts, with all of its reports.

    None where there is no such day: its reports came out on several, or it mends a text that came out on another.
    """
    entry = chain[-1]
    event, recorded_on = entry.event, entry.recorded_on
    if isinstance(event, Fact):
        found = {_day(report, recorded_on) for report in event.reports}
        if not _affirming(event.reports):
            found.add(recorded_on)
        return found.pop() if len(found) == 1 else None
    if mends(event):
        target = next(index for index, each in enumerate(chain) if each.event.id == event.target)
        day = only_day(chain[: target + 1])
        if not isinstance(event, RecordCorrected):
            return day
        dated = {_day(report, _dated(chain, target)) for report in event.event.reports}
        return day if dated <= {day} and _affirming(event.event.reports) else None
    found = {_day(report, recorded_on) for report in event.reports} or {recorded_on}
    first = min(found)
    if isinstance(event, RecordCorrected):
        found = {first, *(max(first, _day(report, recorded_on)) for report in event.event.reports)}
    elif not isinstance(event, RecordReportAdded):
        found = {first}
    return first if found == {first} else None


def _dated(chain: Sequence[Entry], index: int) -> int:
    """Return the day of the reports without a date in the text of an event: where it mends, that of what it mends."""
    event = chain[index].event
    if isinstance(event, Fact) or not mends(event):
        return chain[index].recorded_on
    return _dated(chain, next(place for place, each in enumerate(chain) if each.event.id == event.target))


def mends(record: Record) -> bool:
    """Return whether a record mends a slip of the ledger, which nobody published: it has no reports of its own."""
    return isinstance(record, RecordCorrected | RecordRetracted) and not record.reports


class _ChainOnDay:
    """A fact and the records on it, on a day of publication."""

    def __init__(self, chain: Sequence[Entry], day: int) -> None:
        fact = chain[0].event
        assert isinstance(fact, Fact)  # noqa: S101 - a chain begins with its fact
        self._fact, self._entries, self._day = fact, chain, day
        self._dated = {fact.id: chain[0].recorded_on}
        """By event, the day of the reports without a date in its text: of one that mends, that of what it mends."""
        self._counting: set[UUID | None] = {fact.id}
        self._always: set[UUID | None] = {fact.id}
        """The fact, and what mends it on every day."""
        self._recorded_on = {entry.event.id: entry.recorded_on for entry in chain}
        for entry in chain[1:]:
            if isinstance(entry.event, Record):
                self._add(entry.event)

    def _add(self, record: Record) -> None:
        recorded_on, target = self._recorded_on[record.id], record.target
        mending = mends(record)
        self._dated[record.id] = self._dated[target] if mending else recorded_on
        if mending and target in self._always:
            self._always.add(record.id)
        first = min((_day(report, recorded_on) for report in record.reports), default=recorded_on)
        if target in self._counting if mending else first <= self._day:
            self._counting.add(record.id)

    def published(self) -> list[Entry]:
        """Return the entries that count, each with the reports that are out; [] where the fact is not known."""
        kept = [self._cut(entry) for entry in self._entries if entry.event.id in self._counting]
        return kept if self._is_known([entry.event for entry in kept[1:]]) else []

    def _cut(self, entry: Entry) -> Entry:
        event = entry.event
        cut: Fact | Record = event
        if isinstance(event, RecordCorrected):
            text = _out(event.event, self._dated[event.id], self._day)
            cut = event if text is event.event else replace(event, event=text)
        elif isinstance(event, Fact):  # noqa: SIM114 - a type each
            cut = _out(event, self._recorded_on[event.id], self._day)
        elif isinstance(event, RecordReportAdded):
            cut = _out(event, self._recorded_on[event.id], self._day)
        return entry if cut is event else Entry(entry.position, cut, entry.size, entry.recorded_on)

    def _is_known(self, records: Iterable[Fact | Record]) -> bool:
        """Return whether a report that does not deny is out.

        It is the fact's own, or of a text that mends the fact; an added one; or one of another correction's text.
        """
        live = live_records([record for record in records if isinstance(record, Record)])
        corrections = [record for record in live if isinstance(record, RecordCorrected)]
        own: Sequence[Report] = self._fact.reports
        for record in corrections:
            if record.id in self._always:
                own = self._original(record).reports
        if _first_day(own, self._recorded_on[self._fact.id]) <= self._day:
            return True
        texts = [record.event for record in corrections if record.id not in self._always]
        added = [each for each in live if isinstance(each, RecordReportAdded) and each.target == self._fact.id]
        return any(
            _affirming(reports) for reports in [each.reports for each in texts] + [each.reports for each in added]
        )

    def _original(self, record: RecordCorrected) -> Fact:
        """Return the text of a correction with all its reports."""
        return next(
            e.event.event for e in self._entries if isinstance(e.event, RecordCorrected) and e.event.id == record.id
        )


T = TypeVar("T", Fact, RecordReportAdded)


def _out(event: T, recorded_on: int, day: int) -> T:
    """Leave out the reports that are not out on a day."""
    reports = tuple([report for report in event.reports if _day(report, recorded_on) <= day])
    return event if len(reports) == len(event.reports) else replace(event, reports=reports)


def _day(report: Report, recorded_on: int) -> int:
    """Return the day by which a report is certainly published; `recorded_on` is that of the event that carries it."""
    return recorded_on if report.published is None else parse(report.published).hi


def known_from(fact: Fact, recorded_on: int) -> int:
    """Return the day of publication from which a fact, recorded on a day, is known by its own reports."""
    return _first_day(fact.reports, recorded_on)


def _first_day(reports: Iterable[Report], recorded_on: int) -> int:
    """Return the day of the first report that does not deny; that of recording where there is none."""
    return min((_day(report, recorded_on) for report in _affirming(reports)), default=recorded_on)


def _affirming(reports: Iterable[Report]) -> list[Report]:
    return [report for report in reports if report.stance != DENIES]
