"""The rule: from the facts known of an item to its status on a day, and its whole life (docs/semantics.md, 3-5)."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from msgspec import Struct

from service.domain.dates import FOREVER, OPEN
from service.domain.facts import Known
from service.domain.lifecycle import SUSPENDED
from service.domain.readings import Readings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from service.domain.lifecycle import Kind

ANNOUNCED = "announced"

_order = attrgetter("order")


class Ruler(Struct, frozen=True, gc=False):
    """The fact that rules a track, and whether it is over."""

    fact: Known | None
    over: bool


NOBODY = Ruler(None, over=False)


class Outcome(Struct, frozen=True, gc=False):
    """The rule applied on one day in the earliest reading.

    `base`, `overlay` and `terms` are the rulers of the tracks; `opening` is the announced one; `merged` the facts
    whose terms count.
    """

    status: str | None
    ruling: Known | None
    folded: tuple[Known, ...]
    base: Ruler
    overlay: Ruler
    terms: Ruler
    opening: Known | None
    merged: tuple[Known, ...]


_NOTHING = Outcome(None, None, (), NOBODY, NOBODY, NOBODY, None, ())


class Coming(Struct, frozen=True, gc=False):
    """A coming change: `on` is the date as written."""

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
    alternatives: tuple[tuple[str | None, Known | None], ...]
    ever_in_force: bool
    planned: tuple[Coming, ...]
    arrivals: tuple[Coming, ...]

    def says_the_same(self, other: Segment) -> bool:
        """Tell whether the states are equal, whenever they begin."""
        return (
            self.outcome == other.outcome
            and self.alternatives == other.alternatives
            and self.ever_in_force == other.ever_in_force
            and self.planned == other.planned
        )


def at(kind: Kind, facts: Sequence[Known], day: int) -> Outcome:
    """Apply the rule on a day in the earliest reading; `facts` are the asserted ones in the order of decisions."""
    folded = [fact for fact in facts if fact.eff.lo <= day]
    last = {fact.track: fact for fact in folded}
    overlay, terms = _ruler(last.get("overlay"), day), _ruler(last.get("terms"), day)
    base = _ruler(last.get("base"), day)
    if kind.over is None and base.over:
        base = Ruler(base.fact, over=False)
    hiding = overlay.fact if overlay.fact is not None and overlay.fact.change.hides and not overlay.over else None
    opening: Known | None = None
    if base.fact is not None:
        status, ruling = _based(kind, base.fact, hiding, over=base.over)
    elif kind.name == "issue" and not folded and (first := next((fact for fact in facts if fact.opens), None)):
        status, ruling, folded = first.change.status, first, [first]
    elif opening := _announced(facts, day):
        status, ruling = ANNOUNCED, opening
        folded = sorted((*folded, opening), key=_order)
    elif folded:
        status, ruling = (SUSPENDED, hiding) if hiding else (kind.running, folded[-1])
    else:
        return _NOTHING
    merged = whole = tuple(folded)
    if "overlay" in last or "terms" in last:
        suspended = status == SUSPENDED
        merged = tuple([fact for fact in folded if fact.track == "base" or _counts(fact, day, suspended=suspended)])
    return Outcome(status, ruling, whole, base, overlay, terms, opening, merged)


def _ruler(fact: Known | None, day: int) -> Ruler:
    return NOBODY if fact is None else Ruler(fact, over=fact.until is not None and fact.until.lo <= day)


def _based(kind: Kind, base: Known, hiding: Known | None, *, over: bool) -> tuple[str, Known]:
    """Give the status and its ruling fact while a base fact rules."""
    status = kind.over if over and kind.over else base.change.status
    return (SUSPENDED, hiding) if hiding and status not in kind.ends else (status, base)


def _announced(facts: Sequence[Known], day: int) -> Known | None:
    coming = [fact for fact in facts if fact.opens and fact.occ.lo <= day < fact.eff.lo]
    return coming[-1] if coming else None


def _counts(fact: Known, day: int, *, suspended: bool) -> bool:
    """Tell whether the terms of a folded fact off the base track count on a day."""
    return suspended if fact.track == "overlay" else fact.until is None or day < fact.until.lo


def life(kind: Kind, facts: Iterable[Known], since: int = OPEN, before: Sequence[Segment] = ()) -> list[Segment]:
    """Lay out an item's life from the day `since` on, in order of days; neighbours that say the same are one segment.

    `facts` are all live facts of the item. `before` are the segments that begin before `since`, which these facts leave
    as they are; the answer is `before` continued.
    """
    ordered = sorted(facts, key=_order)
    counted = [fact for fact in ordered if fact.asserted]
    planned = [fact for fact in ordered if fact.event.modality == "planned"] if len(counted) < len(ordered) else []
    readings = Readings(kind, counted) if any([fact.unsure for fact in counted]) else None
    turns, starts = _days(counted, since, unsure=readings is not None)
    segments = list(before)
    last = segments[-1] if segments else None
    outcome: Outcome | None = None
    for start in starts:
        if outcome is None or start in turns:
            outcome = at(kind, counted, start)
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
            tuple([_coming(fact, kind) for fact in planned if not _overtaken(fact, outcome.folded, start)]),
            _arrivals(kind, last.outcome if last else _NOTHING, outcome),
        )
        if last is None or not segment.says_the_same(last):
            segments.append(segment)
            last = segment
    return segments


def _days(facts: Iterable[Known], since: int, *, unsure: bool) -> tuple[set[int], list[int]]:
    """Give the days from `since` on at which the earliest reading can turn, and those at which any can: every bound.

    With uncertain dates the days after the bounds too: on a bound itself two facts of one day stand in the order of
    their places.
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


def _coming(fact: Known, kind: Kind) -> Coming:
    return Coming(fact.eff.text, fact.change.status or kind.running, fact.id, "planned")


def _overtaken(planned: Known, folded: Sequence[Known], day: int) -> bool:
    """Tell whether a fact in effect (an announced opening is not) comes later than a planned one."""
    return any(fact.eff.lo <= day and fact.order > planned.order for fact in folded)


def _arrivals(kind: Kind, old: Outcome, new: Outcome) -> tuple[Coming, ...]:
    """List what takes hold between one outcome and the next: a new ruler of a track, a ruler over, an announcement.

    On an item that has ended nothing takes hold but a base change.
    """
    found: list[Coming] = []
    status = new.status or ""
    tracks = ((old.base, new.base), (old.overlay, new.overlay), (old.terms, new.terms))
    for before, now in tracks[:1] if status in kind.ends else tracks:
        if now.fact is not None and (now.fact is not before.fact or now.over != before.over):
            ended = now.over and before.fact is now.fact
            on = now.fact.until if ended and now.fact.until else now.fact.eff
            found.append(Coming(on.text, status, now.fact.id, "asserted"))
    if new.opening is not None and old.opening is None:
        found.append(Coming(new.opening.occ.text, status, new.opening.id, "asserted"))
    return tuple(found)


def since(segment: Segment) -> str:
    """Give the date, as written, since when the status holds."""
    ruling = segment.outcome.ruling
    assert ruling is not None  # noqa: S101 - a segment has a status, and a status its ruling fact
    if segment.outcome.opening is ruling:
        return ruling.occ.text
    if _is_over(segment.outcome.base, ruling) and ruling.until is not None:
        return ruling.until.text
    return ruling.eff.text


def running_until(segment: Segment) -> Known | None:
    """Give the ruling fact while its own end is still to come."""
    outcome, ruling = segment.outcome, segment.outcome.ruling
    if _is_over(outcome.base, ruling) or _is_over(outcome.overlay, ruling) or _is_over(outcome.terms, ruling):
        return None
    return ruling


def _is_over(ruler: Ruler, fact: Known | None) -> bool:
    return ruler.over and ruler.fact is fact
