"""Measures over time as bands: a row each, whose bars stand for what held, drawn in parts of the window's width.

Widths and places are in percent of the row, so that a row is as wide as its place on the screen, and its words are not
scaled with it.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from service.page.words import MONTHS, day_words, look, percent, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Members = Mapping[str, Any]

MONTHS_BEFORE, MONTHS_AFTER = 18, 6
"""Months of the window before D and after it."""
LABELLED = 7.0
"""From this width on, in percent, a bar has its rate written in it."""
_TICKS, _NAMED = 3, 6
"""Months from tick to tick, and from name to name."""


class BandWindow(NamedTuple):
    """The days that are drawn: from the first up to, not on, the end, as ordinals."""

    first: int
    end: int

    def place(self, day: int) -> float:
        """Return where a day is, in percent of the width; within 0 and 100."""
        return round(min(max((day - self.first) / (self.end - self.first), 0.0), 1.0) * 100, 2)

    def shows(self, segment: BandSegment) -> bool:
        """Return whether some of a segment is in the window."""
        begins, ends = segment.days()
        return begins < self.end and ends > self.first and look("", segment.state["status"]) != "none"


class BandSegment(NamedTuple):
    """The days on which a state holds, YYYY-MM-DD, up to, not on, the last; None is open."""

    begins: str
    ends: str | None
    state: Members

    def days(self) -> tuple[int, int]:
        """Return both days as ordinals."""
        return _ordinal(self.begins), _ordinal(self.ends) if self.ends else date.max.toordinal()


class Band(NamedTuple):
    """The life of an item."""

    item: Members
    segments: list[BandSegment]


class Bar(NamedTuple):
    """A bar: its place and its width in percent, how it is drawn, what is written in it and what it says."""

    x: float
    width: float
    look: str
    doubt: str
    label: str
    says: str


class Row(NamedTuple):
    """A row of the picture: its item, its bars, and all of it in words."""

    item: Members
    bars: list[Bar]
    says: str


class BandPicture(NamedTuple):
    """Rows over time, the place of D, the lines of months, and the names of some of them."""

    rows: list[Row]
    at: float
    ticks: list[float]
    names: list[tuple[float, str]]


def window_around(day: str) -> BandWindow:
    """Return the window around D, from the first of a month to the first of another."""
    return BandWindow(_month(day, -MONTHS_BEFORE).toordinal(), _month(day, MONTHS_AFTER + 1).toordinal())


def drawn(bands: Iterable[Band], window: BandWindow, day: str) -> BandPicture:
    """Return the picture of some bands."""
    months = [_month(day, at) for at in range(-MONTHS_BEFORE, MONTHS_AFTER + 1)]
    ticks = [each for each in months if (each.month - 1) % _TICKS == 0]
    named = [each for each in ticks if (each.month - 1) % _NAMED == 0]
    return BandPicture(
        [_row(each, window) for each in bands],
        window.place(_ordinal(day)),
        [window.place(each.toordinal()) for each in ticks],
        [(window.place(each.toordinal()), f"{MONTHS[each.month - 1][:3]} {each.year}") for each in named],
    )


def _row(band: Band, window: BandWindow) -> Row:
    segments = [each for each in _joined(band.segments) if window.shows(each)]
    return Row(band.item, [_bar(each, window) for each in segments], "; ".join(_says(each) for each in segments))


def _joined(segments: Iterable[BandSegment]) -> list[BandSegment]:
    """Return segments of which neighbours look different: others become one."""
    found: list[BandSegment] = []
    for each in segments:
        if found and found[-1].ends == each.begins and _face(found[-1].state) == _face(each.state):
            found[-1] = found[-1]._replace(ends=each.ends)
        else:
            found.append(each)
    return found


def _face(state: Members) -> tuple[object, ...]:
    return state["status"], state.get("charged_percent"), state["certainty"], state["contested"]


def _bar(segment: BandSegment, window: BandWindow) -> Bar:
    begins, ends = (window.place(day) for day in segment.days())
    state, width = segment.state, round(max(ends - begins, 0.3), 2)
    doubt = "contested" if state["contested"] else "possible" if state["certainty"] == "possible" else ""
    label = _charged(state) if width >= LABELLED else ""
    return Bar(begins, width, look(state["kind"], state["status"]), doubt, label, _says(segment))


def _charged(state: Members) -> str:
    charged = state.get("charged_percent")
    return "" if charged is None or state["status"] in {"announced", "proposed"} else percent(charged)


def _says(segment: BandSegment) -> str:
    state = segment.state
    text = words(state["status"]) + (f", {charged} charged" if (charged := _charged(state)) else "")
    text += ", contested" if state["contested"] else ", possibly" if state["certainty"] == "possible" else ""
    return f"{text} from {day_words(segment.begins)}" + (f" up to {day_words(segment.ends)}" if segment.ends else "")


def _ordinal(day: str) -> int:
    return date.fromisoformat(day).toordinal()


def _month(day: str, later: int) -> date:
    """Return the first day of the month of a day, or of one so many months later; within the years there are."""
    found = date.fromisoformat(day)
    number = min(max(found.year * 12 + found.month - 1 + later, 12), 9999 * 12 + 11)
    return date(number // 12, number % 12 + 1, 1)
