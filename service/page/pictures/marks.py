"""Marks on a lane: what happened on a day. Those that would overlap are drawn as one, with their number."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.page.markup import Markup, element, joined, percent
from service.page.pictures.scale import PLOT_WIDTH, in_words
from service.page.words import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from service.page.pictures.lives import Edge
    from service.page.pictures.scale import Window

APART = 13
LETTER = 6.6
"""Pixels between two marks, at least, where the plot is narrowest; pixels of a letter."""


class Mark(NamedTuple):
    """What happened on a day: `shape` is a class of the style sheet and the id of a symbol, `href` leads to it."""

    day: Edge
    shape: str
    title: str
    href: str
    label: str = ""


def marks(found: Iterable[Mark], window: Window, y: float) -> Markup:
    """Draw marks at a height in pixels; those of one place are one mark, which says how many it stands for."""
    shown = sorted((mark for mark in found if window.shows(mark.day.lo, mark.day.hi)), key=lambda mark: mark.day)
    return joined(*[_drawn(each, window, y) for each in clusters(shown, window)])


def clusters(found: Sequence[Mark], window: Window) -> list[list[Mark]]:
    """Put marks that are closer than `APART` to the first of their cluster together. They are in order of days."""
    groups: list[list[Mark]] = []
    for mark in found:
        if groups and window.pixels(place(mark, window) - place(groups[-1][0], window)) < APART:
            groups[-1].append(mark)
        else:
            groups.append([mark])
    return groups


def place(mark: Mark, window: Window) -> int:
    """Return the day where a mark stands: its first possible day that is shown."""
    return min(max(mark.day.lo, window.first), window.last)


def _drawn(cluster: list[Mark], window: Window, y: float) -> Markup:
    first = cluster[0]
    x = percent(window.x(place(first, window)))
    parts = [element("title", _title(cluster))]
    if len(cluster) == 1:
        if first.day.soft:
            end = percent(window.x(first.day.hi))
            parts.append(element("line", class_="maybe", x1=x, x2=end, y1=y, y2=y))
        parts.append(element("use", href=f"#mark-{first.shape}", class_=f"mark {first.shape}", x=x, y=y))
    else:
        parts.append(element("use", href="#mark-many", class_="mark many", x=x, y=y))
        number = str(len(cluster)) if len(cluster) < MANY else "+"
        parts.append(element("text", number, class_="count", x=x, y=y))
    return element("a", *parts, href=first.href, tabindex="-1")


MANY = 100


def _title(cluster: list[Mark]) -> str:
    lines = [f"{in_words(mark.day.lo)}: {mark.title}" for mark in cluster[:_TITLES]]
    return "\n".join([*lines, *([f"and {len(cluster) - _TITLES} more"] if len(cluster) > _TITLES else [])])


_TITLES = 6


class Labelled(NamedTuple):
    """A mark with its row; `label` stands after it, or before it where it is `turned`, "" where it has no room."""

    mark: Mark
    row: int
    label: str
    turned: bool = False


def rows_of(found: Iterable[Mark], window: Window, most: int) -> list[Labelled] | None:
    """Place marks with their labels in as few rows as they need; None where the marks themselves have no room.

    A mark whose label has no room is in one more row, without it.
    """
    rows = _Rows([-1e9] * most, [-1e9])
    placed = []
    for mark in sorted(found, key=lambda mark: mark.day):
        each = rows.place(mark, window.pixels(place(mark, window) - window.first))
        if each is None:
            return None
        placed.append(each)
    return placed


class _Rows(NamedTuple):
    """For each row the first pixel that is free; `bare` is that of the row of marks without labels."""

    free: list[float]
    bare: list[float]

    def place(self, mark: Mark, x: float) -> Labelled | None:
        width = APART / 2 + 4 + len(mark.label) * LETTER
        for row, free in enumerate(self.free):
            if free <= x - APART / 2 and x + width <= PLOT_WIDTH:
                self.free[row] = x + width + APART / 2
                return Labelled(mark, row, mark.label)
            if free <= x - width and x + width > PLOT_WIDTH:
                self.free[row] = x + APART
                return Labelled(mark, row, mark.label, turned=True)
        if self.bare[0] > x - APART / 2:
            return None
        self.bare[0] = x + APART / 2
        return Labelled(mark, len(self.free), "")


def labelled(placed: Iterable[Labelled], window: Window, top: float, height: float) -> Markup:
    """Draw marks with their labels, row by row."""
    parts = []
    for mark, row, label, turned in placed:
        y = top + row * height
        x = window.x(place(mark, window))
        drawn = [element("title", _title([mark]))]
        if mark.day.soft:
            end = percent(window.x(mark.day.hi))
            drawn.append(element("line", class_="maybe", x1=percent(x), x2=end, y1=y, y2=y))
        drawn.append(element("use", href=f"#mark-{mark.shape}", class_=f"mark {mark.shape}", x=percent(x), y=y))
        beside, dx = ("beside turned", -9) if turned else ("beside", 9)
        drawn.append(element("text", label, class_=beside, x=percent(x), dx=dx, y=y))
        parts.append(element("a", *drawn, href=mark.href, tabindex="-1"))
    return joined(*parts)


def described(change: str) -> str:
    """Return the change of a type in words: `restriction.suspension_extended` is suspension extended."""
    return words(change.partition(".")[2])
