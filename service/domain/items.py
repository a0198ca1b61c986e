"""The rule: from the facts known of an item to its status on a day, and its whole life (docs/semantics.md, 3-5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.domain.dates import FOREVER, OPEN
from service.domain.lifecycle import SUSPENDED
from service.domain.readings import possible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from service.domain.facts import Known
    from service.domain.lifecycle import Kind

ANNOUNCED = "announced"
Ruler = tuple["Known | None", bool]
"""A fact that rules a track, and whether it is over."""
NOBODY: Ruler = (None, False)


class Outcome(NamedTuple):
    """The rule applied on one day in the earliest reading.

    `rulers` are those of the base, overlay and terms tracks; `opening` is the announced one; `merged` the facts whose
    terms count.
    """

    status: str | None
    ruling: Known | None
    folded: tuple[Known, ...]
    rulers: tuple[Ruler, Ruler, Ruler]
    opening: Known | None
    merged: tuple[Known, ...]


class Coming(NamedTuple):
    """A coming change: `on` is the date as written."""

    on: str
    status: str
    event: str
    modality: str


class Segment(NamedTuple):
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


def asserted(facts: Iterable[Known]) -> list[Known]:
    """Keep the facts that count in the state, in the order of decisions."""
    return sorted((fact for fact in facts if fact.event.modality == "asserted"), key=lambda fact: fact.order)


def at(kind: Kind, facts: Sequence[Known], day: int) -> Outcome:
    """Apply the rule on a day in the earliest reading; `facts` as `asserted` gives them."""
    folded = [fact for fact in facts if fact.eff.lo <= day]
    last = {fact.track: fact for fact in folded}
    base, overlay, terms = last.get("base"), last.get("overlay"), last.get("terms")
    ends = kind.over is not None
    rulers = ((base, ends and _over(base, day)), (overlay, _over(overlay, day)), (terms, _over(terms, day)))
    hiding = overlay if overlay is not None and overlay.change.hides and not rulers[1][1] else None
    opening: Known | None = None
    if base is not None:
        status, ruling = _based(kind, base, hiding, over=rulers[0][1])
    elif kind.name == "issue" and not folded and (first := next((fact for fact in facts if fact.change.opens), None)):
        status, ruling, folded = first.change.status, first, [first]
    elif opening := _announced(facts, day):
        status, ruling = ANNOUNCED, opening
        folded = sorted((*folded, opening), key=lambda fact: fact.order)
    elif folded:
        status, ruling = (SUSPENDED, hiding) if hiding else (kind.running, folded[-1])
    else:
        return Outcome(None, None, (), rulers, None, ())
    merged = tuple(fact for fact in folded if _counts(fact, day, suspended=status == SUSPENDED))
    return Outcome(status, ruling, tuple(folded), rulers, opening, merged)


def _over(ruler: Known | None, day: int) -> bool:
    return ruler is not None and ruler.until is not None and ruler.until.lo <= day


def _based(kind: Kind, base: Known, hiding: Known | None, *, over: bool) -> tuple[str, Known]:
    """Give the status and its ruling fact while a base fact rules."""
    status = kind.over if over and kind.over else base.change.status
    return (SUSPENDED, hiding) if hiding and status not in kind.ends else (status, base)


def _announced(facts: Sequence[Known], day: int) -> Known | None:
    coming = [fact for fact in facts if fact.change.opens and fact.occ.lo <= day < fact.eff.lo]
    return coming[-1] if coming else None


def _counts(fact: Known, day: int, *, suspended: bool) -> bool:
    """Tell whether a folded fact's terms count on a day."""
    if fact.track == "overlay":
        return suspended
    return fact.track == "base" or fact.until is None or day < fact.until.lo


def life(kind: Kind, facts: Iterable[Known], since: int = OPEN, before: Sequence[Segment] = ()) -> list[Segment]:
    """Lay out an item's life from the day `since` on, in order of days; neighbours that say the same are one segment.

    `facts` are all live facts of the item. `before` are the segments that begin before `since`, which these facts leave
    as they are; the answer is `before` continued.
    """
    counted, planned = asserted(facts), _planned(facts)
    segments = list(before)
    unsure = any(fact.unsure for fact in counted)
    for start in (since, *sorted(edge for edge in _edges(counted, unsure=unsure) if edge > since)):
        outcome = at(kind, counted, start)
        if outcome.status is None:
            continue
        last = segments[-1] if segments else None
        segment = Segment(
            start,
            outcome,
            possible(kind, counted, start, (outcome.status, outcome.ruling)) if unsure else (),
            outcome.status == "in_force" or (last is not None and last.ever_in_force),
            tuple(_coming(fact, kind) for fact in planned if not _overtaken(fact, outcome.folded, start)),
            _arrivals(last.outcome if last else None, outcome),
        )
        if last is None or segment[1:5] != last[1:5]:
            segments.append(segment)
    return segments


def _edges(facts: Iterable[Known], *, unsure: bool) -> set[int]:
    """Give the days on which a state can change: the bounds of every date.

    With uncertain dates the days after them too: on a bound itself two facts of one day stand in the order of their
    places.
    """
    bounds = {bound for fact in facts for bound in fact.edges}
    return bounds | {bound + 1 for bound in bounds if bound + 1 < FOREVER} if unsure else bounds


def _planned(facts: Iterable[Known]) -> list[Known]:
    return sorted((fact for fact in facts if fact.event.modality == "planned"), key=lambda fact: fact.order)


def _coming(fact: Known, kind: Kind) -> Coming:
    return Coming(fact.eff.text, fact.change.status or kind.running, fact.id, "planned")


def _overtaken(planned: Known, folded: Sequence[Known], day: int) -> bool:
    """Tell whether a fact in effect (an announced opening is not) comes later than a planned one."""
    return any(fact.eff.lo <= day and fact.order > planned.order for fact in folded)


def _arrivals(old: Outcome | None, new: Outcome) -> tuple[Coming, ...]:
    """List what takes hold between one outcome and the next: a new ruler of a track, a ruler over, an announcement."""
    found: list[Coming] = []
    status = new.status or ""
    for before, now in zip(old.rulers if old else (NOBODY,) * 3, new.rulers, strict=True):
        ruler, over = now
        if ruler is not None and before != now:
            ended = over and before[0] is ruler and ruler.until is not None
            on = ruler.until if ended and ruler.until else ruler.eff
            found.append(Coming(on.text, status, ruler.id, "asserted"))
    if new.opening is not None and (old is None or old.opening is None):
        found.append(Coming(new.opening.occ.text, status, new.opening.id, "asserted"))
    return tuple(found)


def since(segment: Segment) -> str:
    """Give the date, as written, since when the status holds."""
    ruling = segment.outcome.ruling
    assert ruling is not None  # noqa: S101 - a segment has a status, and a status its ruling fact
    if segment.outcome.opening is ruling:
        return ruling.occ.text
    if segment.outcome.rulers[0] == (ruling, True) and ruling.until is not None:
        return ruling.until.text
    return ruling.eff.text


def running_until(segment: Segment) -> Known | None:
    """Give the ruling fact while its own end is still to come."""
    ruling = segment.outcome.ruling
    over = any(ruler == (ruling, True) for ruler in segment.outcome.rulers)
    return None if over else ruling
