"""Until which day a fact can matter: so a late fact costs the answers that it changes, not all that follow it.

From some day on another fact, later in the order of decisions, rules whatever this one does: a base fact that neither
gives way nor is passed over takes the base track; an opening, a new suspension or a `reinstated` without an end the
overlay track; a fact without an end each of its terms. Where that is not plain, the answer is "for ever".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.domain.rule.decisions import POSTPONED
from service.domain.rule.walk import START_AFRESH
from service.domain.vocabulary.dates import FOREVER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.domain.rule.decisions import Decisions
    from service.domain.rule.facts import LiveFact
    from service.domain.rule.merge import Terms
    from service.domain.rule.ordered import Dated


def matters_until(fact: LiveFact, decisions: Decisions, terms: Terms) -> int:
    """Return a day (an ordinal) from which on the answers are the same with and without a fact; FOREVER if none is.

    `decisions` and `terms` are of the other facts of the item.
    """
    if fact.change.preliminary or (fact.change.opens and decisions.kind.name == "issue"):
        return FOREVER
    if decisions.postponed or fact.change.name == POSTPONED:
        return FOREVER  # a postponed item is announced or suspended by what was before
    return max([fact.begins, *_days(fact, decisions, terms)])


def _days(fact: LiveFact, decisions: Decisions, terms: Terms) -> Iterator[int]:
    """Return, for each track and term on which a fact can matter, the day from which it does not."""
    change = fact.change
    yield from _terms(fact, terms)
    if change.track == "base":
        yield _base(fact, decisions)
        if (change.opens or change.ends) and decisions.overlays.precede(fact.order):
            yield _overlay(fact, decisions)
        if (change.opens or change.ends) and decisions.quotas.precede(fact.order):
            yield _quota(fact, decisions)
        return
    if not _has_base(fact, decisions):
        yield FOREVER
    if change.track == "quota":
        yield _quota(fact, decisions)
    elif change.track == "overlay":
        yield _overlay(fact, decisions)
        if not change.hides and any(each.change.ends for each in decisions.clearers.facts if each.order < fact.order):
            yield FOREVER  # it brings back what was ended


def _terms(fact: LiveFact, terms: Terms) -> Iterator[int]:
    last = FOREVER if fact.change.track == "base" else fact.ends
    for name in () if fact.change.hides else (*fact.terms, *fact.unset):
        others = terms.by_name.get(name)
        yield min(last, _first(each for each in (others.after(fact.order) if others else ()) if _lasts(each)))


def _base(fact: LiveFact, decisions: Decisions) -> int:
    for each in decisions.bases.after(fact.order):
        if each.change.preliminary:
            break  # whether it is passed over may depend on the fact
        if not each.change.ends:
            return each.begins
    return FOREVER


def _overlay(fact: LiveFact, decisions: Decisions) -> int:
    later = _first(
        each
        for each in decisions.overlays.after(fact.order)
        if each.change.name in START_AFRESH or (not each.change.hides and each.ends == FOREVER)
    )
    return min(later, _opening(fact, decisions))


def _quota(fact: LiveFact, decisions: Decisions) -> int:
    later = _first(each for each in decisions.quotas.after(fact.order) if each.change.hides or each.ends == FOREVER)
    return min(later, _opening(fact, decisions))


def _opening(fact: LiveFact, decisions: Decisions) -> int:
    """Return the day on which the next decided opening takes hold: it clears what hides."""
    return _first(
        each for each in decisions.clearers.after(fact.order) if each.change.opens and not each.change.preliminary
    )


def _has_base(fact: LiveFact, decisions: Decisions) -> bool:
    """Return whether a base fact rules from the first day of a fact on, whatever that fact does."""
    return any(_lasts(each) for each in decisions.bases.begun(fact.begins))


def _lasts(fact: Dated) -> bool:
    """Return whether a fact stays in the list, with its terms, from when it takes hold on."""
    if fact.change.track == "base":
        return not fact.change.ends and not fact.change.preliminary
    return fact.ends == FOREVER


def _first(facts: Iterator[Dated]) -> int:
    """Return the day on which the first of some facts takes hold; FOREVER where there is none."""
    return next((each.begins for each in facts), FOREVER)
