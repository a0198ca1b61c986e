"""The days that each uncertain date is read as: few of them, for only the order of days matters."""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING

from service.domain.rule.work import CHOICE_STEPS
from service.domain.vocabulary.dates import OPEN, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from service.domain.rule.facts import LiveFact
    from service.domain.rule.work import Spend
    from service.domain.vocabulary.dates import When

WORK_MAX = 8_192
"""Readings that are tried for one day, times the facts in each."""
UNSURE_MAX = WORK_MAX.bit_length() - 1
"""Uncertain strings that can be tried: each is read as two days or more."""


class _Date:
    """A date string of some facts. `orders` is true where it stands in a place of the order of decisions.

    `shifts` are the days by which the ends that it gives follow it: 1 for a `through`.
    """

    __slots__ = ("orders", "shifts", "when")

    def __init__(self, when: When) -> None:
        self.when = when
        self.orders = False
        self.shifts: set[int] = set()

    def is_beside(self, day: int) -> bool:
        """Return whether readings differ in whether it, or an end that it gives, has come on a day."""
        shifts = {0, *self.shifts} if self.orders else self.shifts
        return any(self.when.lo + shift <= day < self.when.hi + shift for shift in shifts)


def _dates(facts: Iterable[LiveFact]) -> dict[str, _Date]:
    """Return every date string of some facts that a reading fixes."""
    found: dict[str, _Date] = {}
    for fact in facts:
        for when in (fact.occ, fact.eff):
            found.setdefault(when.text, _Date(when)).orders = True
        if fact.end_key is not None and fact.end is not None:
            when = parse(fact.end_key)
            found.setdefault(fact.end_key, _Date(when)).shifts.add(fact.end.hi - when.hi)
    return found


def choices_of(facts: Sequence[LiveFact], day: int, spend: Spend, *, all_days: bool) -> dict[str, list[int]] | None:
    """Pick the days that each uncertain string is read as, where it can matter.

    It can where D is among its days, or another date that it is compared with. An end is compared with D alone, or with
    `all_days`, where the answers of earlier days count. None where there are too many readings to try. `spend` takes
    the steps of the work.
    """
    dates = _dates(facts)
    compared = {key: date.when for key, date in dates.items() if date.orders or all_days}
    passed = _passed(compared)
    unsure = [
        key
        for key, date in dates.items()
        if date.when.lo < date.when.hi and (all_days or key in passed or date.is_beside(day))
    ]
    if len(unsure) > UNSURE_MAX:
        return None
    most = len(unsure) * 2 if all_days else len(unsure)
    around = (-1, 0, 1) if all_days else (0,)
    ends = [fact.end for fact in facts if all_days and fact.end is not None]
    spend(CHOICE_STEPS * len(unsure) * (len(compared) + len(ends)))
    chosen: dict[str, list[int]] = {}
    for key in unsure:
        others = [when for name, when in compared.items() if name != key] + ends if key in compared else []
        marks = {bound + step for when in others for bound in (when.lo, when.hi) for step in around}
        chosen[key] = _representatives(dates[key], marks, day, most)
    return chosen if prod(map(len, chosen.values())) * len(facts) <= WORK_MAX else None


def _passed(dates: Mapping[str, When]) -> set[str]:
    """Return the dates that another one can come before and after, or on the day of."""
    found: set[str] = set()
    last, owner = OPEN - 1, ""
    for key, when in sorted(dates.items(), key=_by_bounds):
        if when.lo <= last:
            found |= {key, owner}
        if when.hi >= last:
            last, owner = when.hi, key
    return found


def _by_bounds(date: tuple[str, When]) -> tuple[int, int]:
    return date[1].lo, date[1].hi


def _representatives(date: _Date, marks: Iterable[int], day: int, most: int) -> list[int]:
    """Pick the days of a date that differ in their order to some marks, and in whether they have come on a day.

    They are each mark, and up to `most` days in each gap between two of them.
    """
    when = date.when
    if when.pair:
        return [when.lo, when.hi]
    inside = {mark for mark in marks if when.lo <= mark <= when.hi}
    begins = {when.lo, *inside, *[mark + 1 for mark in inside]}
    begins |= {day + 1 - shift for shift in ({0, *date.shifts} if date.orders else date.shifts)}
    starts = sorted([start for start in begins if when.lo <= start <= when.hi])
    picked: list[int] = []
    for start, following in pairwise([*starts, when.hi + 1]):
        picked.extend(range(start, min(start + most, following)))
    return picked
