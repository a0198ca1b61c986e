"""The terms of the facts that stand, merged in the order of decisions (docs/semantics.md, 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from service.domain.rule.facts import LiveFact
from service.domain.rule.ordered import Ordered
from service.domain.vocabulary.terms import terms_of_kind, width_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.domain.rule.ordered import Dated
    from service.domain.rule.walk import Standing, Walk
    from service.domain.vocabulary.events.base import Rate

LEFT = frozenset({"rate_percent", "rates", "portion"})
"""Terms of a hiding fact that say what is collected while the item is hidden; they never merge."""

_Value = TypeVar("_Value")
Given = dict[str, LiveFact]
"""By term, the fact whose value stands."""


class Left(NamedTuple):
    """What hiding facts leave of a restriction: the rate in percent, all rates, and the portion; None: not said."""

    rate: float | None = None
    rates: tuple[Rate, ...] | None = None
    portion: str | None = None

    @property
    def applies(self) -> bool:
        """Return whether a part of the restriction applies while it is suspended."""
        rates = [rate.percent or rate.amount or 0 for rate in self.rates or ()]
        return self.portion == "part" or max(self.rate or 0, *rates, 0) > 0

    @property
    def charged(self) -> float | None:
        """Return the one percentage that is collected; None where it is not said, or is not one."""
        if self.rate is not None:
            return self.rate
        if self.rates is not None:
            return self.rates[0].percent if len(self.rates) == 1 and self.rates[0].is_plain else None
        return None if self.portion == "part" else 0


class Terms:
    """The facts of an item that give or take away each term, in the order of decisions; hiding facts are left out."""

    __slots__ = ("_order", "by_name", "widest")

    def __init__(self, kind: str) -> None:
        """Begin with none."""
        self._order = terms_of_kind(kind)
        self.by_name: dict[str, Ordered] = {}
        """In the order of the vocabulary."""
        self.widest = 0
        """How many elements the lists of a fact had together, at most: to compare its terms takes as long."""

    def add(self, fact: LiveFact) -> None:
        """Put in a fact that counts."""
        for name in _names(fact):
            if name not in self.by_name:
                self.by_name = self._in_order(self.by_name | {name: Ordered()})
            self.by_name[name].add(fact)
        self.widest = max(self.widest, width_of(fact.terms))

    def remove(self, fact: LiveFact) -> None:
        """Take out a fact that is in."""
        for name in _names(fact):
            self.by_name[name].remove(fact)

    def given(self, walk: Walk, standing: Standing) -> Given:
        """Return the fact that gives each term on the day of a walk, in the order of the vocabulary."""

        def stands(fact: Dated) -> bool:
            return walk.lists(fact) if fact.change.track == "base" else fact.ends > walk.day

        found: Given = {}
        last: Dated | None = None
        for name, facts in self.by_name.items():
            if last is None or facts.newest is not last:  # mostly one fact gives several terms
                last = facts.last_that(stands, walk.day)
            if last is not None:
                found[name] = last  # type: ignore[assignment] # only live facts are put in
        if standing.coming is not None or standing.hiding:
            for fact in _joining(standing):
                for name in (*fact.terms, *fact.unset):
                    hidden = fact.change.hides and name in LEFT
                    if not hidden and (name not in found or found[name].order < fact.order):
                        found[name] = fact
            found = self._in_order(found)
        return {name: fact for name, fact in found.items() if name in fact.terms}

    def _in_order(self, by_name: dict[str, _Value]) -> dict[str, _Value]:
        return {name: by_name[name] for name in self._order if name in by_name}


def given_by(fact: LiveFact) -> Given:
    """Return what one fact gives by itself."""
    return {name: fact for name in fact.terms if not (fact.change.hides and name in LEFT)}


NOT_SAID = Left()


def left(standing: Standing) -> Left:
    """Return what the hiding facts say is collected; None where they do not say."""
    if not standing.hiding:
        return NOT_SAID
    return Left(*[_latest(standing, name) for name in ("rate_percent", "rates", "portion")])


def _latest(standing: Standing, name: str) -> Any:  # noqa: ANN401 - any term
    """Return the value of a term in the last hiding fact that gives it or takes it away."""
    for fact in standing.hiding:
        if isinstance(fact, LiveFact) and (name in fact.terms or name in fact.unset):
            return fact.terms.get(name)
    return None


def _names(fact: LiveFact) -> Iterator[str]:
    if not fact.change.hides:
        yield from fact.terms
        yield from fact.unset


def _joining(standing: Standing) -> Iterator[LiveFact]:
    """Return the facts that are merged at their places though `Terms.by_name` does not find them."""
    for fact in (standing.coming, *reversed(standing.hiding)):
        if isinstance(fact, LiveFact):
            yield fact
