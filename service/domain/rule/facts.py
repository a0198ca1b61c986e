"""A fact and the records on it, weighed: the text that holds, its reports, whether it is contested (semantics, 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from service.domain.vocabulary.dates import When, all_overlap, day_after, parse
from service.domain.vocabulary.events import (
    Fact,
    Record,
    RecordCorrected,
    RecordDisputed,
    RecordReportAdded,
    RecordRetracted,
)
from service.domain.vocabulary.kinds import CHANGES, ChangeRule, Track
from service.domain.vocabulary.terms import terms_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from service.domain.vocabulary.events import Report


_ENCODER = msgspec.json.Encoder()


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A recorded event, its position in the log, and the bytes of its JSON (0 where nobody counts them)."""

    position: int
    event: Fact | Record
    size: int = 0


class LiveFact(msgspec.Struct, eq=False, gc=False):
    """A fact as it is known after the records on it, compared by identity: a new text is a new object.

    `position` is the fact's own. `order` is its place in the order of docs/semantics.md, 3.1, in the earliest reading:
    (occurred, effective, place, position), days as ordinals; `latest` is that in the latest reading. `tied` is true
    where `effective` follows `occurred`. `dates` are occurred, effective and until, each once; `unsure` is true where
    the bounds of any differ. `opens` is true where the fact is asserted and opens the item. `sources` are its own
    reports and those added, as JSON joined by commas. `tokens` are those of each of its terms, None until
    they are needed.
    """

    position: int
    event: Fact
    id: str
    item: str
    issues: tuple[str, ...]
    change: ChangeRule
    track: Track
    asserted: bool
    opens: bool
    occ: When
    eff: When
    until: When | None
    tied: bool
    order: tuple[int, int, int, int]
    latest: tuple[int, int, int, int]
    dates: tuple[When, ...]
    unsure: bool
    sources: bytes
    contested: bool
    terms: dict[str, Any]
    tokens: dict[str, tuple[str, ...]] | None = None


def _live(position: int, event: Fact, reports: tuple[Report, ...], *, contested: bool) -> LiveFact:
    """Return a fact with `event`, the text that holds, and `reports`, its own and those added."""
    change = CHANGES[event.type]
    occ = parse(event.occurred)
    eff = occ if event.effective is None else parse(event.effective)
    until = None if event.until is None else parse(event.until)
    if event.through is not None:
        until = day_after(parse(event.through))
    asserted = event.modality == "asserted"
    tied = event.effective is None or event.effective == event.occurred
    dates = ((occ,) if tied else (occ, eff)) + (() if until is None else (until,))
    return LiveFact(
        position=position,
        event=event,
        id=msgspec.to_builtins(event.id),  # as str() writes it, in a third of the time
        item=event.item,
        issues=event.issues,
        change=change,
        track=change.track,
        asserted=asserted,
        opens=asserted and change.opens,
        occ=occ,
        eff=eff,
        until=until,
        tied=tied,
        order=(occ.lo, eff.lo, change.place, position),
        latest=(occ.hi, eff.hi, change.place, position),
        dates=dates,
        unsure=occ.lo != occ.hi or eff.lo != eff.hi or (until is not None and until.lo != until.hi),
        sources=_ENCODER.encode(reports)[1:-1],
        contested=contested,
        terms=terms_of(event),
    )


def weigh(chain: Sequence[Entry]) -> LiveFact | None:
    """Weigh a fact against the records on it: `chain` is the fact, then the records, in position order.

    None when a live retraction names the fact.
    """
    position, fact = chain[0].position, chain[0].event
    assert isinstance(fact, Fact)  # noqa: S101 - a chain begins with its fact
    if len(chain) == 1:
        return _live(position, fact, fact.reports, contested=_disagree(fact, fact.reports))
    records = live_records([entry.event for entry in chain[1:] if isinstance(entry.event, Record)])
    text = text_that_holds(fact, records)
    if text is None:
        return None
    assert isinstance(text, Fact)  # noqa: S101 - a fact's text is a fact
    added = [record for record in records if isinstance(record, RecordReportAdded) and record.target == fact.id]
    reports = text.reports + tuple(report for record in added for report in record.reports)
    disputed = any(isinstance(record, RecordDisputed) and record.target == fact.id for record in records)
    return _live(position, text, reports, contested=disputed or _disagree(text, reports))


def text_that_holds(event: Fact | Record, records: Iterable[Record]) -> Fact | Record | None:
    """Return the text of an event after the live records on it, in position order; None when it is retracted."""
    text: Fact | Record = event
    for record in records:
        if isinstance(record, RecordRetracted) and record.target == event.id:
            return None
        if isinstance(record, RecordCorrected):
            text = record.event
    return text


def live_records(records: Sequence[Record]) -> list[Record]:
    """Leave out the records that are void: retracted by a live retraction, or naming a void record.

    `records` and the result are in position order.
    """
    retracted: set[UUID | None] = set()
    for record in reversed(records):
        if isinstance(record, RecordRetracted) and record.id not in retracted:
            retracted.add(record.target)
    void: set[UUID | None] = set()
    for record in records:
        if record.id in retracted or (record.target in void and not isinstance(record, RecordRetracted)):
            void.add(record.id)
    return [record for record in records if record.id not in void]


def _disagree(fact: Fact, reports: Iterable[Report]) -> bool:
    """Return whether a report denies, or the dates of two reports do not overlap."""
    dates: set[str] = set()
    for report in reports:
        if report.stance == "denies":
            return True
        dates.add(report.occurred or fact.occurred)
    return len(dates) > 1 and not all_overlap([parse(date) for date in dates])
