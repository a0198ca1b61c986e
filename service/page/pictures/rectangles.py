"""The rectangle picture of an item: valid days across, knowledge upwards, a rectangle for each state.

Knowledge is drawn by rank: each K at which something was learnt begins a row of its own height, so that rows are not to
scale, and a label says which K it is. Days are to scale.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

from service.domain.vocabulary.dates import parse
from service.page.markup import Markup, element, joined, percent
from service.page.pictures.bars import LETTER
from service.page.pictures.scale import Window, in_words
from service.page.words import look as tone
from service.page.words import percent as rate
from service.page.words import words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from service.page.pictures.lives import Cell

Bound = int | str
ROW, ROW_LEAST, HEIGHT_MOST = 28.0, 2.0, 900.0
TEXT = 13.0
"""Pixels that a label needs in height."""


class KnowledgeRow(NamedTuple):
    """A K at which something was learnt: where its row begins (`y`, its lower edge), and how it is labelled."""

    known: Bound
    y: float
    height: float
    label: str
    mark: str


class Picture(NamedTuple):
    """The picture: its height in pixels, the rectangles, and the rows of knowledge from the lowest, each `row` high."""

    height: float
    drawn: Markup
    rows: list[KnowledgeRow]
    row: float


class Note(NamedTuple):
    """What was learnt at a K: in a few words, and whether it corrects or retracts (else "")."""

    text: str
    mark: str


def days_of(rectangles: Sequence[Cell], day: int) -> Window:
    """Return the days that the picture shows."""
    days = [parse(text).lo for each in rectangles for text in (each.valid_from, each.valid_to) if text]
    days = [each for each in days if each > 1] or [day]
    first, last = min([*days, day]), min(max([*days, day]), max(day, min(days)) + FAR)
    margin = max((last - first) // 12, 7)
    return Window(max(first - margin, 1), last + margin)


FAR = 3 * 365


def picture(
    kind: str,
    rectangles: Sequence[Cell],
    window: Window,
    notes: Mapping[Bound, Note],
    link: Callable[[str, Bound], str] | None = None,
    *,
    day: int | None = None,
) -> Picture:
    """Draw the rectangles, with a frame around the one that answers on `day` as it is known last.

    `notes` says what was learnt at a K, `link` makes the address of a day and a K.
    """
    bounds = {bound for each in rectangles for bound in (each.known_from, each.known_to) if bound is not None}
    known = sorted(bounds, key=_order)
    row = max(min(ROW, HEIGHT_MOST / max(len(known), 1)), ROW_LEAST)
    height = row * len(known) + 6
    rank = {bound: place for place, bound in enumerate(known)}
    box = _Box(rank, row, height)
    drawn = [_drawn(kind, each, window, box, link) for each in rectangles]
    drawn += [_frame(each, window, box) for each in rectangles if day is not None and _answers(each, day)]
    rows = _rows(known, row, height, notes)
    return Picture(height, joined(*drawn), rows, row)


def _order(bound: Bound) -> tuple[int, str]:
    return (bound, "") if isinstance(bound, int) else (0, bound)


class _Box(NamedTuple):
    """The rows of a picture: which row each K begins, how high a row is, how high the picture."""

    rank: Mapping[Bound, int]
    row: float
    height: float

    def y(self, bound: Bound | None) -> float:
        """Return the height at which a K begins, from the top; None is the upper edge."""
        return 0 if bound is None else self.height - self.rank[bound] * self.row


def _drawn(kind: str, each: Cell, window: Window, box: _Box, link: Callable[[str, Bound], str] | None) -> Markup:
    first = parse(each.valid_from).lo
    last = window.last if each.valid_to is None else parse(each.valid_to).lo
    if not window.shows(first, last):
        return Markup()
    top, bottom = box.y(each.known_to), box.y(each.known_from)
    left, right = window.x(first), window.x(last)
    look = tone(kind, each.state.status)
    width = percent(max(right - left, 0.25))
    size: dict[str, str | float] = {"x": percent(left), "y": top, "width": width, "height": bottom - top}
    parts = [element("title", _title(each)), element("rect", class_=f"cell {look}", **size)]
    if each.state.certainty == "contested":
        parts.append(element("rect", class_="hatch", **size))
    elif each.state.certainty == "possible":
        parts.append(element("rect", class_="dots", **size))
    text = label(each)
    room = window.pixels(min(last, window.last) - max(first, window.first))
    if bottom - top >= TEXT and room >= len(text) * LETTER + 12:
        parts.append(element("text", text, class_=f"in-cell {look}", x=percent(left), dx=6, y=(top + bottom) / 2))
    if link is None:
        return element("g", *parts)
    return element("a", *parts, href=link(each.valid_from, each.known_from), tabindex="-1")


def _answers(each: Cell, day: int) -> bool:
    first = parse(each.valid_from).lo
    return each.known_to is None and first <= day and (each.valid_to is None or day < parse(each.valid_to).lo)


def _frame(each: Cell, window: Window, box: _Box) -> Markup:
    left = window.x(parse(each.valid_from).lo)
    right = 100.0 if each.valid_to is None else window.x(parse(each.valid_to).lo)
    bottom = box.y(each.known_from)
    return element("rect", class_="here", x=percent(left), y=1, width=percent(right - left), height=bottom - 1)


def label(each: Cell) -> str:
    """Return the words of a rectangle: its status, and the rate that is charged while there is one."""
    state = each.state
    ended = state.status not in _CHARGED or state.charged_percent is None
    doubt = {"possible": "?", "contested": " (contested)"}.get(state.certainty, "")
    return f"{words(state.status)}{'' if ended else f' {rate(state.charged_percent)}'}{doubt}"


_CHARGED = {"in_force", "suspended"}


def _title(each: Cell) -> str:
    until = "on" if each.valid_to is None else f"up to {in_words(parse(each.valid_to).lo)}"
    known = f"known from {_known(each.known_from)}"
    known += " on" if each.known_to is None else f" until {_known(each.known_to)}"
    return f"{label(each)}: from {in_words(parse(each.valid_from).lo)} {until}; {known}"


def _known(bound: Bound) -> str:
    return f"position {bound}" if isinstance(bound, int) else in_words(parse(bound).lo)


def _rows(known: Sequence[Bound], row: float, height: float, notes: Mapping[Bound, Note]) -> list[KnowledgeRow]:
    """Label rows from the lowest up; where they are lower than a label, as many as have room."""
    every = max(1, int(-(-TEXT // row)))
    found = []
    for place, bound in enumerate(known):
        note = notes.get(bound, Note("", ""))
        shown = place % every == 0
        text = f"{_short(bound)} {note.text}".strip() if shown else ""
        found.append(KnowledgeRow(bound, height - place * row, row, text, note.mark))
    return found


def _short(bound: Bound) -> str:
    return f"№ {bound}" if isinstance(bound, int) else in_words(parse(bound).lo)


def row_of(rows: Sequence[KnowledgeRow], known: Bound) -> float:
    """Return the height, in pixels from the top, of the middle of the row that holds a K."""
    place = bisect_right([_order(row.known) for row in rows], _order(known)) - 1
    return rows[max(place, 0)].y - rows[max(place, 0)].height / 2 if rows else 0
