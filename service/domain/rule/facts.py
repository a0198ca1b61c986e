"""A fact and the records on it, weighed: the text that holds, its reports, whether it is contested (semantics, 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from service.domain.rule.disagreements import DENIES, disagreements
from service.domain.rule.ordered import Dated
from service.domain.rule.work import EVENT_STEPS, REPORT_STEPS, RETRACTED_STEPS, WEIGH_STEPS
from service.domain.vocabulary.dates import FOREVER, over_on, parse
from service.domain.vocabulary.events import (
    Fact,
    Record,
    RecordCorrected,
    RecordDisputed,
    RecordReportAdded,
    RecordRetracted,
    text_of,
)
from service.domain.vocabulary.kinds import CHANGES
from service.domain.vocabulary.terms import terms_of
from service.domain.vocabulary.values import Frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from service.domain.vocabulary.events import Report

_ENCODER = msgspec.json.Encoder()


class Entry(Frozen, frozen=True):
    """A recorded event, its position in the log, and the bytes of its JSON (0 where nobody counts them).

    `recorded_on` is the day on which it was recorded, an ordinal (0 where nobody asks what was published).
    """

    position: int
    event: Fact | Record
    size: int = 0
    recorded_on: int = 0


class LiveFact(Dated):
    """A fact as it is known after the records on it, compared by identity: a new text is a new object.

    `position` is the fact's own. The days and the place of `Dated` are those of the earliest reading. `occ`, `eff` and
    `end` are its dates, `end_key` the string that a reading fixes where `end` is uncertain; `unsure` is true where the
    bounds of any differ. It `counts` where it is asserted and not denied, and is `planned` where it is that and not
    denied. `reports` are its own and those added, each once. `tokens` are those of each of its terms, None until they
    are needed; `shown` is its JSON in a state, in two parts around `sets`, None until then.
    """

    __slots__ = (
        "contested", "counts", "disagreements", "eff", "end", "end_key", "event", "id", "issues", "item", "occ",
        "planned", "reports", "shown", "terms", "tokens", "unset", "unsure",
    )  # fmt: skip

    def __init__(self, position: int, event: Fact, reports: tuple[Report, ...], *, disputed: bool) -> None:
        """Weigh `event`, the text that holds, with `reports`, its own and those added."""
        occ = parse(event.occurred)
        eff = occ if event.effective is None else parse(event.effective)
        end = over_on(event.until, event.through)
        super().__init__(position, CHANGES[event.type], occ.lo, eff.lo, FOREVER if end is None else end.lo)
        self.occ, self.eff, self.end = occ, eff, end
        self.end_key = event.until or event.through if end is not None and end.lo < end.hi else None
        self.unsure = occ.lo != occ.hi or eff.lo != eff.hi or (end is not None and end.lo != end.hi)
        self.reports = reports = _each_once(reports) if len(reports) > 1 else reports
        denying = [report.stance == DENIES for report in reports]
        denied = bool(denying) and all(denying)
        self.disagreements = disagreements(event, reports) if any(denying) or len(reports) > 1 else ()
        self.contested = disputed or bool(self.disagreements)
        self.counts = event.modality == "asserted" and not denied
        self.planned = event.modality == "planned" and not denied
        self.event, self.item, self.issues = event, event.item, event.issues
        self.id: str = msgspec.to_builtins(event.id)  # as str() writes it, in a third of the time
        self.terms, self.unset = terms_of(event), event.unset or ()
        self.tokens: dict[str, tuple[str, ...]] | None = None
        self.shown: tuple[bytes, bytes] | None = None


def _each_once(reports: Iterable[Report]) -> tuple[Report, ...]:
    """Leave out the reports that equal an earlier one."""
    found: dict[bytes, Report] = {}
    for report in reports:
        found.setdefault(_ENCODER.encode(report), report)
    return tuple(found.values())


def reports_in(event: Fact | Record) -> int:
    """Return how many reports an event brings, with those of a text that it corrects."""
    text = text_of(event)
    return len(event.reports) + (len(text.reports) if text is not None and text is not event else 0)


def weigh_steps(chain: Sequence[Entry]) -> int:
    """Return the steps that it takes to weigh a fact against the records on it (service/domain/rule/work.py)."""
    reports = sum([reports_in(entry.event) for entry in chain])
    has_retractions = any([isinstance(entry.event, RecordRetracted) for entry in chain])
    steps = RETRACTED_STEPS if has_retractions else EVENT_STEPS
    return WEIGH_STEPS + steps * len(chain) + REPORT_STEPS * reports


def weigh(chain: Sequence[Entry]) -> LiveFact | None:
    """Weigh a fact against the records on it: `chain` is the fact, then the records, in position order.

    None when a live retraction names the fact.
    """
    position, fact = chain[0].position, chain[0].event
    assert isinstance(fact, Fact)  # noqa: S101 - a chain begins with its fact
    if len(chain) == 1:
        return LiveFact(position, fact, fact.reports, disputed=False)
    records = live_records([entry.event for entry in chain[1:] if isinstance(entry.event, Record)])
    text = text_that_holds(fact, records)
    if text is None:
        return None
    assert isinstance(text, Fact)  # noqa: S101 - a fact's text is a fact
    added = [record for record in records if isinstance(record, RecordReportAdded) and record.target == fact.id]
    reports = text.reports + tuple(report for record in added for report in record.reports)
    disputed = any(isinstance(record, RecordDisputed) and record.target == fact.id for record in records)
    return LiveFact(position, text, reports, disputed=disputed)


def shown(fact: LiveFact, sets: Sequence[str]) -> bytes:
    """Return a fact as JSON, as a state shows it; `sets` are the names of what it gives there."""
    if fact.shown is None:
        event = fact.event
        dates = {name: text for name in ("effective", "until", "through") if (text := getattr(event, name)) is not None}
        head: dict[str, Any] = {"id": fact.id, "type": event.type, "occurred": event.occurred, **dates}
        head["contested"] = fact.contested
        if fact.disagreements:
            head["disagreements"] = fact.disagreements
        fact.shown = _ENCODER.encode(head)[:-1] + b',"sets":', b',"reports":' + _ENCODER.encode(fact.reports) + b"}"
    return fact.shown[0] + _ENCODER.encode(sets) + fact.shown[1]


def text_before(chain: Sequence[Entry]) -> Entry:
    """Return the entry with the text that the last of a chain acts on: the one that holds, else the newest."""
    fact = chain[0].event
    records = [entry.event for entry in chain[1:-1] if isinstance(entry.event, Record)]
    text = text_that_holds(fact, live_records(records))
    texts = [entry for entry in chain[:-1] if text_of(entry.event) is not None]
    return next((entry for entry in texts if text_of(entry.event) is text), texts[-1])


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
    for retraction in [record for record in reversed(records) if isinstance(record, RecordRetracted)]:
        if retraction.id not in retracted:
            retracted.add(retraction.target)
    if not retracted:
        return [*records]
    void: set[UUID | None] = set()
    for record in records:
        if record.id in retracted or (record.target in void and not isinstance(record, RecordRetracted)):
            void.add(record.id)
    return [record for record in records if record.id not in void]
