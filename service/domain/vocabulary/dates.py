"""Dates as sources give them: a strict part of EDTF (ISO 8601-2), kept as written, with their bounds.

Days are proleptic Gregorian ordinals (`datetime.date.toordinal`, 0001-01-01 is day 1).
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date
from functools import lru_cache

from msgspec import Struct

OPEN = date.min.toordinal()
"""The day that stands for an open start (`[..B]`)."""
FOREVER = date.max.toordinal() + 1
"""The day after every day: the end, exclusive, of what has no end."""

_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
PATTERN = rf"^([0-9]{{4}}(-[0-9]{{2}}(-[0-9]{{2}})?)?|\[({_DAY})?\.\.{_DAY}\]|\[{_DAY},{_DAY}\])\Z"
"""The shape of a date string; `parse` also checks that the days exist and are in order."""
_SHAPE = re.compile(PATTERN)


class When(Struct, frozen=True, gc=False):
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


def iso(day: int) -> str:
    """Write an ordinal as YYYY-MM-DD."""
    return date.fromordinal(day).isoformat()
