"""The axis of days: a window of days across the width of a picture, and the days that are marked on it."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

PLOT_WIDTH = 600
"""The least width of a plot in pixels: what has room there has room everywhere."""
LABEL_WIDTH = 62
"""Pixels from one label of the axis to the next, at least."""
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Tick(NamedTuple):
    """A day that the axis marks; `major` where a year begins."""

    day: int
    label: str
    major: bool


class Window(NamedTuple):
    """The days `first` (shown whole) to `last` (not shown), as ordinals; `first` < `last`."""

    first: int
    last: int

    def x(self, day: int) -> float:
        """Return where a day begins, in percent of the width; days outside lie on the edge."""
        return 100 * (min(max(day, self.first), self.last) - self.first) / (self.last - self.first)

    def pixels(self, days: float) -> float:
        """Return the width of some days in pixels, where the plot is narrowest."""
        return PLOT_WIDTH * days / (self.last - self.first)

    def shows(self, first: int, last: int) -> bool:
        """Return whether a day from `first` up to, not on, `last` is shown; of one day where they are equal."""
        return first < self.last and max(last, first + 1) > self.first

    def ticks(self) -> list[Tick]:
        """Return the days that are marked, as close as their labels allow."""
        for step in _STEPS:
            days = _days(self, step)
            if len(days) * LABEL_WIDTH <= PLOT_WIDTH:
                return [_tick(day, step, place) for place, day in enumerate(days)]
        return []


class _Step(NamedTuple):
    months: int
    days: int = 0


_STEPS = (
    _Step(0, 1), _Step(0, 2), _Step(0, 7), _Step(0, 14), _Step(1), _Step(2), _Step(3), _Step(6), _Step(12), _Step(24),
    _Step(60), _Step(120), _Step(600), _Step(6000),
)  # fmt: skip


def _days(window: Window, step: _Step) -> list[int]:
    if step.days:
        if (window.last - window.first) // step.days > PLOT_WIDTH // LABEL_WIDTH:
            return [window.first] * (PLOT_WIDTH // LABEL_WIDTH + 1)
        start = window.first + -window.first % step.days
        return list(range(start, window.last, step.days))
    first = date.fromordinal(window.first)
    month = first.year * 12 + first.month - 1 + (first.day > 1)
    month += -month % step.months
    days: list[int] = []
    while (day := _first_of(month)) < window.last and len(days) <= PLOT_WIDTH // LABEL_WIDTH:
        days.append(day)
        month += step.months
    return days


def _first_of(month: int) -> int:
    year, rest = divmod(month, 12)
    return date.max.toordinal() + 1 if year > date.max.year else date(year, rest + 1, 1).toordinal()


def _tick(day: int, step: _Step, place: int) -> Tick:
    when = date.fromordinal(day)
    opens = (when.month, when.day) == (1, 1)
    if step.months % 12 == 0 and step.months:
        return Tick(day, f"{when.year}", major=True)
    name = _MONTHS[when.month - 1]
    if step.days:
        text = f"{when.day} {name}"
        return Tick(day, f"{text} {when.year}" if place == 0 or opens else text, opens)
    if opens:
        return Tick(day, f"{when.year}", major=True)
    return Tick(day, f"{name} {when.year}" if place == 0 else name, major=False)


def in_words(day: int) -> str:
    """Write a day as people do: 5 Apr 2025."""
    when = date.fromordinal(day)
    return f"{when.day} {_MONTHS[when.month - 1]} {when.year}"
