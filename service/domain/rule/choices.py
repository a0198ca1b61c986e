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
    from service.domain.vocabulary.kinds import ChangeRule

Trait = tuple["ChangeRule", bool]
"""The change of a fact, and whether the fact has an end."""

WORK_MAX = 8_192
"""Readings that are tried for one day, times the facts in each."""
UNSURE_MAX = WORK_MAX.bit_length() - 1
"""Uncertain strings that can be tried: each is read as two days or more."""


class _Date:
    """A date string of some facts.

    `shifts` are the days after it on which it is compared with D: 0 for the day itself, 1 for the end of a `through`.
    `decided` are the traits of the facts that were decided on it; `begun` those of the facts that take hold on it, each
    with the first and the last possible day of their decisions.
    """

    __slots__ = ("begun", "decided", "shifts", "when")

    def __init__(self, when: When) -> None:
        self.when = when
        self.shifts: set[int] = set()
        self.decided: set[Trait] = set()
        self.begun: dict[Trait, tuple[int, int]] = {}

    @property
    def orders(self) -> bool:
        """Return whether it stands in a place of the order of decisions."""
        return bool(self.decided or self.begun)

    def is_beside(self, day: int) -> bool:
        """Return whether readings differ in whether it, or an end that it gives, has come on a day."""
        return any([self.when.lo + shift <= day < self.when.hi + shift for shift in self.shifts])

    def is_compared_with(self, other: _Date) -> bool:
        """Return whether the order of two facts, one of each date, can depend on these dates and change the status."""
        if any([_are_compared(trait, another) for trait in self.decided for another in other.decided]):
            return True
        return any(
            [
                lo <= last and first <= hi and _are_compared(trait, another)
                for trait, (lo, hi) in self.begun.items()
                for another, (first, last) in other.begun.items()
            ]
        )


def _are_compared(one: Trait, other: Trait) -> bool:
    """Return whether the order of two facts can matter to the status on a day, where neither is a `postponed`.

    If it cannot, the two may change places wherever they are neighbours, and the rule gives the same status
    (docs/decisions/0079).
    """
    (change, has_end), (another, another_has_end) = one, other
    if change.track != another.track:
        clears = change if change.track == "base" else another
        return (clears.opens or clears.ends) and {change.track, another.track} in _CLEARED
    if change.track == "terms":
        return False
    return (
        has_end
        or another_has_end
        or (change.opens and another.opens)
        or change.preliminary
        or another.preliminary
        or (change.status, change.ends) != (another.status, another.ends)
    )


_CLEARED = ({"base", "overlay"}, {"base", "quota"})


def _dates(facts: Iterable[LiveFact], *, all_days: bool) -> dict[str, _Date]:
    """Return every date string of some facts that a reading fixes."""
    found: dict[str, _Date] = {}
    for fact in facts:
        trait, occ = (fact.change, fact.end is not None), fact.occ
        decided = found.setdefault(occ.text, _Date(occ))
        decided.decided.add(trait)
        if all_days or fact.change.opens:
            decided.shifts.add(0)
        begun = found.setdefault(fact.eff.text, _Date(fact.eff))
        first, last = begun.begun.get(trait, (occ.lo, occ.hi))
        begun.begun[trait] = min(first, occ.lo), max(last, occ.hi)
        begun.shifts.add(0)
        if fact.end_key is not None and fact.end is not None:
            when = parse(fact.end_key)
            found.setdefault(fact.end_key, _Date(when)).shifts.add(fact.end.hi - when.hi)
    return found


def choices_of(facts: Sequence[LiveFact], day: int, spend: Spend, *, all_days: bool) -> dict[str, list[int]] | None:
    """Pick the days that each uncertain string is read as, where it can matter.

    It can where D is among its days, or another date that it is compared with: that of a fact after which it would be
    another status. An end is compared with D alone. With `all_days`, where the answers of earlier days count, each is
    compared with all others. None where there are too many readings to try. `spend` takes the steps of the work.
    """
    dates = _dates(facts, all_days=all_days)
    compared = {key: date.when for key, date in dates.items() if date.orders or all_days}
    passed = _passed(compared)
    unsure = [
        key
        for key, date in dates.items()
        if date.when.lo < date.when.hi and (all_days or key in passed or date.is_beside(day))
    ]
    if len(unsure) > UNSURE_MAX:
        return None
    ends = [fact.end for fact in facts if all_days and fact.end is not None]
    spend(CHOICE_STEPS * len(unsure) * (len(compared) + len(ends)))
    marks: dict[str, set[int]] = {}
    for key in unsure:
        date = dates[key]
        others = [(name, when) for name, when in compared.items() if name != key]
        if all_days:
            around = [*[when for _, when in others], *ends] if key in compared else []
            marks[key] = {bound + step for when in around for bound in (when.lo, when.hi) for step in (-1, 0, 1)}
            continue
        beside = [dates[name] for name, when in others if _overlap(date.when, when)]
        around = [other.when for other in beside if date.is_compared_with(other)]
        if around or date.is_beside(day):
            marks[key] = {bound for when in around for bound in (when.lo, when.hi)}
    most = len(marks) * 2 if all_days else len(marks)
    chosen = {key: _representatives(dates[key], found, day, most) for key, found in marks.items()}
    return chosen if prod(map(len, chosen.values())) * len(facts) <= WORK_MAX else None


def _overlap(one: When, other: When) -> bool:
    return one.lo <= other.hi and other.lo <= one.hi


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
    begins |= {day + 1 - shift for shift in date.shifts}
    starts = sorted([start for start in begins if when.lo <= start <= when.hi])
    picked: list[int] = []
    for start, following in pairwise([*starts, when.hi + 1]):
        picked.extend(range(start, min(start + most, following)))
    return picked
