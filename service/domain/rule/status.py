"""The rule on one day, in the earliest reading: the status, the fact that rules it, the facts whose terms count.

docs/semantics.md, 3, 5 and 6.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from msgspec import Struct

from service.domain.rule.facts import LiveFact
from service.domain.vocabulary.kinds import SUSPENDED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.domain.vocabulary.kinds import Kind

ANNOUNCED = "announced"

by_order = attrgetter("order")
"""The key that sorts facts in the order of docs/semantics.md, 3.1."""


class Ruler(Struct, frozen=True, gc=False):
    """The fact that rules a track, and whether it has run out: its `until` has come."""

    fact: LiveFact | None
    run_out: bool


NO_RULER = Ruler(None, run_out=False)


class Outcome(Struct, frozen=True, gc=False):
    """The rule applied on one day in the earliest reading.

    `facts` are the facts in effect, with the announced opening if it gives the status. `base`, `overlay` and `terms`
    are the rulers of the tracks. `opening` is the announced opening. `merged` are the facts whose terms count.
    """

    status: str | None
    ruling: LiveFact | None
    facts: tuple[LiveFact, ...]
    base: Ruler
    overlay: Ruler
    terms: Ruler
    opening: LiveFact | None
    merged: tuple[LiveFact, ...]


NO_OUTCOME = Outcome(None, None, (), NO_RULER, NO_RULER, NO_RULER, None, ())


def outcome_on(kind: Kind, facts: Sequence[LiveFact], day: int) -> Outcome:
    """Apply the rule on a day (an ordinal) in the earliest reading.

    `facts` are the asserted facts of the item in the order of docs/semantics.md, 3.1.
    """
    in_effect = [fact for fact in facts if fact.eff.lo <= day]
    last = {fact.track: fact for fact in in_effect}
    overlay, terms = _ruler(last.get("overlay"), day), _ruler(last.get("terms"), day)
    base = _ruler(last.get("base"), day)
    if kind.over is None and base.run_out:
        base = Ruler(base.fact, run_out=False)
    hiding = overlay.fact if overlay.fact is not None and overlay.fact.change.hides and not overlay.run_out else None
    opening: LiveFact | None = None
    if base.fact is not None:
        status, ruling = _status_of_base(kind, base.fact, hiding, run_out=base.run_out)
    elif kind.name == "issue" and not in_effect and (first := next((fact for fact in facts if fact.opens), None)):
        status, ruling, in_effect = first.change.status, first, [first]
    elif opening := _announced(facts, day):
        status, ruling = ANNOUNCED, opening
        in_effect = sorted((*in_effect, opening), key=by_order)
    elif in_effect:
        status, ruling = (SUSPENDED, hiding) if hiding else (kind.running, in_effect[-1])
    else:
        return NO_OUTCOME
    merged = every = tuple(in_effect)
    if "overlay" in last or "terms" in last:
        suspended = status == SUSPENDED
        merged = tuple([fact for fact in in_effect if fact.track == "base" or _counts(fact, day, suspended=suspended)])
    return Outcome(status, ruling, every, base, overlay, terms, opening, merged)


def _ruler(fact: LiveFact | None, day: int) -> Ruler:
    return NO_RULER if fact is None else Ruler(fact, run_out=fact.until is not None and fact.until.lo <= day)


def _status_of_base(kind: Kind, base: LiveFact, hiding: LiveFact | None, *, run_out: bool) -> tuple[str, LiveFact]:
    """Return the status and its ruling fact while a base fact rules."""
    status = kind.over if run_out and kind.over else base.change.status
    return (SUSPENDED, hiding) if hiding and status not in kind.ends else (status, base)


def _announced(facts: Sequence[LiveFact], day: int) -> LiveFact | None:
    announced = [fact for fact in facts if fact.opens and fact.occ.lo <= day < fact.eff.lo]
    return announced[-1] if announced else None


def _counts(fact: LiveFact, day: int, *, suspended: bool) -> bool:
    """Return whether the terms of a fact in effect, off the base track, count on a day."""
    return suspended if fact.track == "overlay" else fact.until is None or day < fact.until.lo


def rules_run_out(ruler: Ruler, fact: LiveFact | None) -> bool:
    """Return whether a fact rules a track and has run out."""
    return ruler.run_out and ruler.fact is fact
