"""The terms of the facts that stand, merged in the order of decisions (docs/semantics.md, 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from service.domain.rule.facts import LiveFact
from service.domain.rule.ordered import Ordered
from service.domain.vocabulary.terms import terms_of_kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.domain.rule.walk import Standing, Walk

LEFT = frozenset({"rate_percent", "rates", "portion"})
"""Terms of a hiding fact that say what is collected while the item is hidden; they never merge."""

Given = dict[str, LiveFact]
"""By term, the fact whose value stands."""
Left = tuple[float | None, str | None]
"""What is collected of a restriction while it is hidden: the rate in percent and the portion."""


class Terms:
    """The facts of an item that give or take away each term, in the order of decisions; hiding facts are left out."""

    __slots__ = ("_order", "by_name")

    def __init__(self, kind: str) -> None:
        """Begin with none."""
        self._order = terms_of_kind(kind)
        self.by_name: dict[str, Ordered] = {}

    def add(self, fact: LiveFact) -> None:
        """Put in a fact that counts."""
        for name in _names(fact):
            if name not in self.by_name:
                self.by_name[name] = Ordered()
            self.by_name[name].add(fact)

    def remove(self, fact: LiveFact) -> None:
        """Take out a fact that is in."""
        for name in _names(fact):
            self.by_name[name].remove(fact)

    def given(self, walk: Walk, standing: Standing) -> Given:
        """Return the fact that gives each term on the day of a walk, in the order of the vocabulary."""
        found: Given = {}
        for name, facts in self.by_name.items():
            for fact in facts.begun(walk.day):
                if walk.lists(fact) if fact.change.track == "base" else fact.ends > walk.day:
                    found[name] = fact  # type: ignore[assignment] # only live facts are put in
                    break
        for fact in _joining(standing):
            for name in (*fact.terms, *fact.unset):
                if not (fact.change.hides and name in LEFT) and (name not in found or found[name].order < fact.order):
                    found[name] = fact
        return {name: found[name] for name in self._order if name in found and name in found[name].terms}


def given_by(fact: LiveFact) -> Given:
    """Return what one fact gives by itself."""
    return {name: fact for name in fact.terms if not (fact.change.hides and name in LEFT)}


def left(standing: Standing) -> Left:
    """Return what the hiding facts say is collected; None where they do not say."""
    return _latest(standing, "rate_percent"), _latest(standing, "portion")


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
