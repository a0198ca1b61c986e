"""Facts with the days of one reading, kept in the order of decisions (docs/semantics.md, 3)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from operator import attrgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from service.domain.vocabulary.kinds import ChangeRule

Order = tuple[int, int, int, int]
"""A place in the order of decisions: occurred, effective (days as ordinals), place in the kind's row, position."""


class Dated:
    """A fact in one reading. Days are ordinals.

    It was decided on `decided`, takes hold on `begins` and is over from `ends` on (FOREVER: never). `order` is its
    place in the order of decisions.
    """

    __slots__ = ("begins", "change", "decided", "ends", "order", "position")

    def __init__(self, position: int, change: ChangeRule, decided: int, begins: int, ends: int) -> None:
        """Keep them as they are."""
        self.position, self.change = position, change
        self.decided, self.begins, self.ends = decided, begins, ends
        self.order: Order = (decided, begins, change.place, position)


by_order = attrgetter("order")
"""The key that sorts facts in the order of decisions."""


NEAR = 366
"""Days: a fact that takes hold longer before or after its decision is looked at by answers of many other days."""


class Ordered:
    """Facts in the order of decisions. Adding one costs a search, and the shift of pointers that a list does."""

    __slots__ = ("_early", "_lead", "_orders", "facts")

    def __init__(self) -> None:
        """Begin with none."""
        self.facts: list[Dated] = []
        self._orders: list[Order] = []
        self._early: list[Dated] = []
        """Those that took hold more than NEAR days before their decision."""
        self._lead = 0
        """How many days before its decision one of the others took hold, at most."""

    def add(self, fact: Dated) -> None:
        """Put in a fact."""
        place = bisect_left(self._orders, fact.order)
        self._orders.insert(place, fact.order)
        self.facts.insert(place, fact)
        self._note(fact)

    def append(self, fact: Dated) -> None:
        """Put in a fact that is after all others."""
        self._orders.append(fact.order)
        self.facts.append(fact)
        self._note(fact)

    def _note(self, fact: Dated) -> None:
        if (lead := fact.decided - fact.begins) > NEAR:
            insort(self._early, fact, key=by_order)
        elif lead > self._lead:
            self._lead = lead

    def remove(self, fact: Dated) -> None:
        """Take out a fact that is in."""
        place = bisect_left(self._orders, fact.order)
        del self._orders[place], self.facts[place]
        if fact.decided - fact.begins > NEAR:
            self._early.remove(fact)

    @property
    def newest(self) -> Dated | None:
        """Return the last fact of all."""
        return self.facts[-1] if self.facts else None

    def last_that(self, passes: Callable[[Dated], bool], day: int) -> Dated | None:
        """Return the last fact that has taken hold by a day and passes: mostly the last of all."""
        if not self.facts:
            return None
        newest = self.facts[-1]
        if newest.begins <= day and passes(newest):
            return newest
        if self._early:
            return next(filter(passes, self.begun(day, newest.order)), None)
        # As `begun` goes, but without a generator: that would be a tenth of the time of a walk.
        for place in range(bisect_left(self._orders, (day + self._lead + 1,)) - 1, -1, -1):
            fact = self.facts[place]
            if fact.begins <= day and passes(fact):
                return fact
        return None

    def begun(self, day: int, before: Order | None = None) -> Iterator[Dated]:
        """Return the facts that have taken hold by a day, from the last to the first, of those before a place."""
        end: tuple[int, ...] = (day + self._lead + 1,)
        for fact in reversed(self._early):
            if fact.order < end:
                break
            if fact.begins <= day and (before is None or fact.order < before):
                yield fact
        facts, place = self.facts, bisect_left(self._orders, end if before is None else min(before, end))
        while place:
            place -= 1
            fact = facts[place]
            if fact.begins <= day:
                yield fact

    def decided(self, day: int) -> Iterator[Dated]:
        """Return the facts decided by a day, from the last to the first."""
        for place in range(bisect_left(self._orders, (day + 1,)) - 1, -1, -1):
            yield self.facts[place]

    def after(self, order: Order) -> Iterator[Dated]:
        """Return the facts after a place, in order."""
        for place in range(bisect_right(self._orders, order), len(self.facts)):
            yield self.facts[place]

    def precede(self, order: Order) -> bool:
        """Return whether a fact stands before a place."""
        return bool(self._orders) and self._orders[0] < order
