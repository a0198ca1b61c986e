"""Dates as sources give them: a strict part of EDTF (ISO 8601-2), kept as written, with their bounds.

Days are proleptic Gregorian ordinals (`datetime.date.toordinal`, 0001-01-01 is day 1).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from calendar import monthrange
from datetime import date
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING

from service.domain.vocabulary.values import Frozen

if TYPE_CHECKING:
    from collections.abc import Collection

OPEN = date.min.toordinal()
"""The day that stands for an open start (`[..B]`)."""
FOREVER = date.max.toordinal() + 1
"""The day after every day: the end, exclusive, of what has no end."""

_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
PATTERN = rf"^([0-9]{{4}}(-[0-9]{{2}}(-[0-9]{{2}})?)?|\[({_DAY})?\.\.{_DAY}\]|\[{_DAY},{_DAY}\])\Z"
"""The shape of a date string; `parse` also checks that the days exist and are in order."""
_YEAR, _MONTH = r"(?!0000)[0-9]{4}", "(0[1-9]|1[0-2])"
EXACT_DAY = rf"{_YEAR}-{_MONTH}-(0[1-9]|[12][0-9]|3[01])"
"""The shape of a day with the months and days of a calendar, without anchors, for the document."""
EXACT_PATTERN = (
    rf"^({_YEAR}(-{_MONTH}(-(0[1-9]|[12][0-9]|3[01]))?)?|\[({EXACT_DAY})?\.\.{EXACT_DAY}\]"
    rf"|\[{EXACT_DAY},{EXACT_DAY}\])$"
)
"""The shape of a date string with the same; the last days of short months are left to `parse`, which says in words what
is wrong."""
_SHAPE = re.compile(PATTERN)


class When(Frozen, frozen=True):
    """A date as written with its first and last possible day (ordinals, inclusive).

    `pair` is true where only the two bounds themselves are possible (`[A,B]`).
    """

    text: str
    lo: int
    hi: int
    pair: bool = False

    def latest(self, day: int) -> int:
        """Return the last possible day that is not after `day`; the caller knows that `lo <= day`."""
        if self.hi <= day:
            return self.hi
        return self.lo if self.pair else day


def all_overlap(dates: Collection[When]) -> bool:
    """Return whether each two dates have a possible day in common. The dates are distinct; no two pairs are alike.

    n dates take n log n steps, so that reports without end cannot hold up an append.
    """
    ranges = sorted((date for date in dates if not date.pair), key=lambda date: date.lo)
    pairs = [date for date in dates if date.pair]
    return _ranges_overlap(ranges) and _pairs_overlap(pairs) and _pairs_touch(pairs, ranges)


def _ranges_overlap(ranges: list[When]) -> bool:
    return not ranges or ranges[-1].lo <= min(date.hi for date in ranges)


def _pairs_overlap(pairs: list[When]) -> bool:
    """Return whether each two pairs share a day: all share the same one, or they are the sides of a triangle."""
    days = [{pair.lo, pair.hi} for pair in pairs]
    if len(days) == 3:  # noqa: PLR2004 - a triangle
        one, two, three = days
        return bool(one & two and two & three and one & three)
    return not days or bool(set.intersection(*days))


def _pairs_touch(pairs: list[When], ranges: list[When]) -> bool:
    """Return whether a day of each pair lies in each range. The ranges have days in common; they are in order of `lo`.

    A pair with a day in the common part touches all. One with both days on the same side of it misses a range. One with
    the common part between its days misses the ranges that lie wholly between them.
    """
    if not pairs or not ranges:
        return True
    starts = [date.lo for date in ranges]
    soonest = list(accumulate((date.hi for date in reversed(ranges)), min))[::-1]
    """The first end among the ranges from here on."""
    first, last = starts[-1], soonest[0]
    for pair in pairs:
        if first <= pair.lo <= last or first <= pair.hi <= last:
            continue
        if pair.hi < first or pair.lo > last or soonest[bisect_right(starts, pair.lo)] < pair.hi:
            return False
    return True


def has_form(text: str) -> bool:
    """Return whether a text has the shape of a date string, whether or not its days exist."""
    return _SHAPE.match(text) is not None


@lru_cache(maxsize=65_536)
def parse(text: str) -> When:
    """Read a date string; ValueError, with the reason, for what the subset does not hold."""
    if not _SHAPE.match(text):
        msg = "not a date of the form YYYY, YYYY-MM, YYYY-MM-DD, [A..B], [..B] or [A,B]"
        raise ValueError(msg)
    if text[0] != "[":
        return _plain(text)
    pair = "," in text
    first, last = text[1:-1].split("," if pair else "..")
    lo, hi = _day(first) if first else OPEN, _day(last)
    if lo > hi or (pair and lo == hi):
        msg = f"the days of {text} are not in order"
        raise ValueError(msg)
    return When(text, lo, hi, pair)


def _plain(text: str) -> When:
    parts = [int(part) for part in text.split("-")]
    if len(parts) == 3:  # noqa: PLR2004 - year, month and day
        day = _day(text)
        return When(text, day, day)
    year, first, last = parts[0], *((parts[1], parts[1]) if len(parts) > 1 else (1, 12))
    try:
        lo = date(year, first, 1)
        hi = date(year, last, monthrange(year, last)[1])
    except ValueError as error:
        msg = f"there is no {text}"
        raise ValueError(msg) from error
    return When(text, lo.toordinal(), hi.toordinal())


def _day(text: str) -> int:
    try:
        return date.fromisoformat(text).toordinal()
    except ValueError as error:
        msg = f"there is no day {text}"
        raise ValueError(msg) from error


def over_on(until: str | None, through: str | None) -> When | None:
    """Return the date from which on what ends so no longer holds; None for no end. `through` is its last day."""
    if through is not None:
        return day_after(parse(through))
    return None if until is None else parse(until)


def day_after(when: When) -> When | None:
    """Return the end of what holds through a date: the day after, as it is reckoned and shown.

    A date of year, month or day precision gives the day after its last day, written YYYY-MM-DD. One in brackets gives
    the same brackets with each day a day later; `[..B]` stays open at the start, and its first day, which stands for
    the open start, is a day later too. None where it would pass 9999-12-31: what holds through the last day of the
    calendar has no end.
    """
    lo, hi = when.lo + 1, when.hi + 1
    if hi == FOREVER:
        return None
    if when.text[0] != "[":
        return When(iso(hi), hi, hi)
    if when.pair:
        return When(f"[{iso(lo)},{iso(hi)}]", lo, hi, pair=True)
    return When(f"[{'' if when.text.startswith('[..') else iso(lo)}..{iso(hi)}]", lo, hi)


def iso(day: int) -> str:
    """Write an ordinal as YYYY-MM-DD."""
    return date.fromordinal(day).isoformat()
