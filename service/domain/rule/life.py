"""The whole life of an item: segments of days with one outcome each, and what takes hold between them.

docs/semantics.md, 3 and 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from service.domain.rule.facts import LiveFact
from service.domain.rule.readings import Readings
from service.domain.rule.status import NO_OUTCOME, Outcome, by_order, outcome_on, rules_run_out
from service.domain.rule.work import PAIRS, Spend, unbounded
from service.domain.vocabulary.dates import FOREVER, OPEN

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from service.domain.vocabulary.kinds import Kind


class Upcoming(Struct, frozen=True, gc=False):
    """A change to come: `on` is its date as written."""

    on: str
    status: str
    event: str
    modality: str


class Segment(Struct, frozen=True, gc=False):
    """An item's state from the day `start` until the next segment's, as known at one K.

    An item that has a status keeps one, so segments have no gaps and the last has no end. `alternatives` is empty
    where the status is certain. `planned` are the facts still planned, `arrivals` the changes that take hold on
    `start`.
    """

    start: int
    outcome: Outcome
    alternatives: tuple[tuple[str | None, LiveFact | None], ...]
    ever_in_force: bool
    planned: tuple[Upcoming, ...]
    arrivals: tuple[Upcoming, ...]

    def is_same_state(self, other: Segment) -> bool:
        """Return whether two segments have one state, whenever they begin."""
        return (
            self.outcome == other.outcome
            and self.alternatives == other.alternatives
            and self.ever_in_force == other.ever_in_force
            and self.planned == other.planned
        )


def life(
    kind: Kind,
    facts: Iterable[LiveFact],
    since: int = OPEN,
    before: Sequence[Segment] = (),
    spend: Spend = unbounded,
) -> list[Segment]:
    """Return an item's segments in order of days; neighbours with one state are one segment.

    `facts` are all live facts of the item. `before` are the segments that begin before the day `since`, which these
    facts leave as they are; the result continues them. `spend` takes the steps of the work, and may refuse them.
    """
    ordered = sorted(facts, key=by_order)
    asserted = [fact for fact in ordered if fact.asserted]
    planned: list[LiveFact] = []
    if len(asserted) < len(ordered):
        planned = [fact for fact in ordered if fact.event.modality == "planned"]
    readings = Readings(kind, asserted, spend) if any([fact.unsure for fact in asserted]) else None
    turns, starts = _days(asserted, since, unsure=readings is not None)
    spend(len(starts) * len(ordered) // PAIRS)
    segments = list(before)
    last = segments[-1] if segments else None
    outcome: Outcome | None = None
    for start in starts:
        if outcome is None or start in turns:
            outcome = outcome_on(kind, asserted, start)
        if outcome.status is None:
            continue
        headline = (outcome.status, outcome.ruling)
        alternatives = readings.on(start, headline, outcome.base.fact, outcome.overlay.fact) if readings else ()
        if last is not None and outcome is last.outcome and alternatives == last.alternatives:
            continue
        segment = Segment(
            start,
            outcome,
            alternatives,
            outcome.status == "in_force" or (last is not None and last.ever_in_force),
            tuple([_planned(fact, kind) for fact in planned if not _is_overtaken(fact, outcome.facts, start)]),
            _arrivals(kind, last.outcome if last else NO_OUTCOME, outcome),
        )
        if last is None or not segment.is_same_state(last):
            segments.append(segment)
            last = segment
    return segments


def _days(facts: Iterable[LiveFact], since: int, *, unsure: bool) -> tuple[set[int], list[int]]:
    """Return the days from `since` on at which the earliest reading can turn, and those at which any can: every bound.

    With uncertain dates the day after each bound counts too: on a bound itself two facts of one day stand in the order
    of their places.
    """
    turns: set[int] = set()
    bounds: set[int] = set()
    for fact in facts:
        for when in fact.dates:
            if when.hi >= since:
                turns.add(when.lo)
                bounds.add(when.hi)
    bounds |= turns
    if unsure:
        bounds |= {day + 1 for day in bounds if day + 1 < FOREVER}
    return turns, [since, *sorted([day for day in bounds if day > since])]


def _planned(fact: LiveFact, kind: Kind) -> Upcoming:
    return Upcoming(fact.eff.text, fact.change.status or kind.running, fact.id, "planned")


def _is_overtaken(planned: LiveFact, facts: Sequence[LiveFact], day: int) -> bool:
    """Return whether a fact in effect (an announced opening is not) comes later than a planned one."""
    return any(fact.eff.lo <= day and fact.order > planned.order for fact in facts)


def _arrivals(kind: Kind, old: Outcome, new: Outcome) -> tuple[Upcoming, ...]:
    """List the changes between one outcome and the next.

    They are a new ruler of a track, a ruler that runs out, an announcement. On an item that has ended nothing takes
    hold but a base change.
    """
    arrivals: list[Upcoming] = []
    status = new.status or ""
    tracks = ((old.base, new.base), (old.overlay, new.overlay), (old.terms, new.terms))
    for before, now in tracks[:1] if status in kind.ends else tracks:
        if now.fact is not None and (now.fact is not before.fact or now.run_out != before.run_out):
            runs_out = now.run_out and before.fact is now.fact
            on = now.fact.until if runs_out and now.fact.until else now.fact.eff
            arrivals.append(Upcoming(on.text, status, now.fact.id, "asserted"))
    if new.opening is not None and old.opening is None:
        arrivals.append(Upcoming(new.opening.occ.text, status, new.opening.id, "asserted"))
    return tuple(arrivals)


def since(segment: Segment) -> str:
    """Return the date, as written, since when the status holds."""
    ruling = segment.outcome.ruling
    assert ruling is not None  # noqa: S101 - a segment has a status, and a status its ruling fact
    if segment.outcome.opening is ruling:
        return ruling.occ.text
    if rules_run_out(segment.outcome.base, ruling) and ruling.until is not None:
        return ruling.until.text
    return ruling.eff.text


def running_until(segment: Segment) -> LiveFact | None:
    """Return the ruling fact while its own end is still to come, else None."""
    outcome, ruling = segment.outcome, segment.outcome.ruling
    if any(rules_run_out(ruler, ruling) for ruler in (outcome.base, outcome.overlay, outcome.terms)):
        return None
    return ruling


def ended_from(kind: Kind, segments: Sequence[Segment]) -> int:
    """Return the day (an ordinal) from which an item has ended for good in every reading; FOREVER if it has not."""
    day = FOREVER
    if not segments or segments[-1].outcome.status not in kind.ends:
        return day
    for segment in reversed(segments):
        possible = [status for status, _ in segment.alternatives]
        if segment.outcome.status not in kind.ends or not all_are_ends(kind, possible):
            break
        day = segment.start
    return day


def all_are_ends(kind: Kind, statuses: Iterable[str | None]) -> bool:
    """Return whether each of some statuses is an end of a kind, or none at all."""
    return all([each is None or each in kind.ends for each in statuses])
