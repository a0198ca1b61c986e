"""The days on which the facts of an item change something."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from typing import TYPE_CHECKING

from service.domain.rule.decisions import days_of
from service.domain.rule.ordered import by_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.domain.rule.ordered import Dated


class Calendar:
    """Facts by the days on which they take hold, are over or are announced."""

    __slots__ = ("_days", "_facts")

    def __init__(self) -> None:
        """Begin without facts."""
        self._days: list[int] = []
        self._facts: dict[int, list[Dated]] = {}

    def add(self, fact: Dated) -> None:
        """Put in a fact."""
        for day in days_of(fact):
            if day not in self._facts:
                insort(self._days, day)
                self._facts[day] = []
            self._facts[day].append(fact)

    def remove(self, fact: Dated) -> None:
        """Take out a fact that is in."""
        for day in days_of(fact):
            self._facts[day].remove(fact)
            if not self._facts[day]:
                del self._facts[day], self._days[bisect_left(self._days, day)]

    def between(self, first: int, last: int) -> Sequence[int]:
        """Return the days from one to another, both included, each once, in order."""
        return self._days[bisect_left(self._days, first) : bisect_right(self._days, last)]

    def last_on(self, day: int) -> Dated | None:
        """Return the last fact in the order of decisions that has a date on a day."""
        return max(self._facts.get(day, ()), key=by_order, default=None)
