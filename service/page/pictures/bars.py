"""One lane: an item's spans as bars across the days of a window, with soft ends where days are uncertain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.page.markup import Markup, element, joined, percent
from service.page.pictures.scale import in_words
from service.page.words import look as tone
from service.page.words import percent as rate
from service.page.words import words

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.page.pictures.lives import Edge, ItemLife, Span
    from service.page.pictures.scale import Window

BAR = 16
"""The height of a bar in pixels; what has ended is a line."""
LETTER = 6.6
"""Pixels of a letter of a label, at most on average."""
_HEIGHTS = {"runs": BAR, "hidden": BAR, "coming": BAR - 2, "ended": 2}


def bars(life: ItemLife, window: Window, top: float, link: Callable[[int], str] | None = None) -> Markup:
    """Draw the spans of a life; `top` is the first pixel of the lane's bars. `link` makes the address of a day."""
    return joined(*[_bar(life.kind, span, window, top, link) for span in life.spans if _shown(span, window)])


def _shown(span: Span, window: Window) -> bool:
    return window.shows(span.start.lo, span.end.hi if span.end else window.last)


def _bar(kind: str, span: Span, window: Window, top: float, link: Callable[[int], str] | None) -> Markup:
    look = tone(kind, span.status)
    height = _HEIGHTS[look]
    y = top + (BAR - height) / 2
    first, last = span.start.hi, span.end.lo if span.end else window.last
    parts = [element("title", title(span))]
    parts += _fades(span, window, look, y, height)
    if last > first:
        parts.append(_rect(window, first, last, f"stay {look}", y, height))
        if look == "ended":
            x = percent(window.x(first))
            parts.append(element("line", class_="cap", x1=x, x2=x, y1=top + 2, y2=top + BAR - 2))
        if span.contested:
            parts.append(_rect(window, first, last, "hatch", y, height))
        parts.append(_label(span, look, window, first, last, top))
    drawn = joined(*parts)
    if link is None:
        return element("g", drawn)
    return element("a", drawn, href=link(max(span.start.lo, 1)), tabindex="-1")


def _fades(span: Span, window: Window, look: str, y: float, height: float) -> list[Markup]:
    """Draw the ends that are uncertain: a start that grows, an end that fades."""
    drawn = []
    if span.start.soft:
        drawn.append(_rect(window, *span.start, f"fade in-{look}", y, height))
    if span.end is not None and span.end.soft:
        drawn.append(_rect(window, *span.end, f"fade out-{look}", y, height))
    return drawn


def _rect(window: Window, first: int, last: int, class_: str, y: float, height: float) -> Markup:
    x = window.x(first)
    width = max(window.x(last) - x, 0.3)
    return element("rect", class_=class_, x=percent(x), y=y, width=percent(width), height=height)


def _label(span: Span, look: str, window: Window, first: int, last: int, top: float) -> Markup:
    text = label(span, look)
    start = max(first, window.first)
    if not text or window.pixels(min(last, window.last) - start) < len(text) * LETTER + 8:
        return Markup()
    return element("text", text, class_=f"in-bar {look}", x=percent(window.x(start)), dx=5, y=top + BAR / 2)


def label(span: Span, look: str) -> str:
    """Return the words within a bar: the rate of what runs, else the status."""
    if look == "runs":
        return "" if span.rate is None else rate(span.rate)
    return words(span.status)


def title(span: Span) -> str:
    """Describe a span in words, for a pointer that rests on it and for readers of the table."""
    text = f"{words(span.status)} from {edge_in_words(span.start)}"
    if span.end is not None:
        text += f" to {edge_in_words(span.end)}"
    charged = "" if span.rate is None else f", {rate(span.rate)}"
    return text + charged + (", contested" if span.contested else "")


def edge_in_words(edge: Edge) -> str:
    """Write the days of an edge as people do."""
    if not edge.soft:
        return in_words(edge.lo)
    if edge.lo <= 1:
        return f"a day up to {in_words(edge.hi)}"
    return f"a day from {in_words(edge.lo)} to {in_words(edge.hi)}"
