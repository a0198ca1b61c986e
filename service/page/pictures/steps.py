"""The terms of an item over time: a step chart of the rate that is charged, and lanes of the terms that changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.page.markup import Markup, element, joined, percent
from service.page.words import percent as rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.page.pictures.scale import Window

HEIGHT = 150.0
_TOP, _BOTTOM = 18.0, 6.0


class Step(NamedTuple):
    """Days with one rate: `charged` is collected, `own` is the measure's; None where it is not known."""

    first: int
    last: int | None
    charged: float | None
    own: float | None
    sure: bool = True


class Chart(NamedTuple):
    """The chart and the rates that its axis marks, each with its height in pixels."""

    height: float
    drawn: Markup
    marks: list[tuple[float, str]]


def chart(steps: Sequence[Step], window: Window) -> Chart:
    """Draw the rate over the days; heights are in proportion to the rate, from 0."""
    top = max([value for step in steps for value in (step.charged, step.own) if value is not None], default=0) or 1
    scale = _Scale(top)
    parts: list[Markup] = []
    before: Step | None = None
    free = -1e9
    for step in steps:
        last = window.last if step.last is None else step.last
        if not window.shows(step.first, last):
            before = step
            continue
        parts += _own(step, last, window, scale)
        parts += _charged(step, before, last, window, scale)
        x = window.pixels(max(step.first, window.first) - window.first)
        if step.charged and (before is None or before.charged != step.charged) and x >= free:
            text = rate(step.charged)
            parts.append(
                element(
                    "text", text, class_="value", x=percent(window.x(step.first)), dx=4, y=scale.y(step.charged) - 5
                )
            )
            free = x + len(text) * 7 + 6
        before = step
    return Chart(HEIGHT, joined(*parts), [(scale.y(value), rate(value)) for value in _nice(top)])


class _Scale(NamedTuple):
    top: float

    def y(self, value: float) -> float:
        return round(HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * value / self.top, 1)


def _charged(step: Step, before: Step | None, last: int, window: Window, scale: _Scale) -> list[Markup]:
    left, right = percent(window.x(step.first)), percent(window.x(last))
    if step.charged is None:
        size: dict[str, str | float] = {
            "x": left,
            "y": _TOP,
            "width": percent(window.x(last) - window.x(step.first)),
            "height": HEIGHT - _TOP - _BOTTOM,
        }
        return [element("rect", element("title", "how much is charged is not known"), class_="unknown", **size)]
    y = scale.y(step.charged)
    parts = [
        element(
            "rect", class_="area", x=left, y=y, width=percent(window.x(last) - window.x(step.first)),
            height=max(scale.y(0) - y, 0),
        ),
        element("line", class_="step" if step.sure else "step unsure", x1=left, x2=right, y1=y, y2=y),
    ]  # fmt: skip
    if (
        before is not None
        and before.charged is not None
        and before.last == step.first
        and before.charged != step.charged
    ):
        parts.append(element("line", class_="step", x1=left, x2=left, y1=scale.y(before.charged), y2=y))
    elif before is None and step.charged:
        parts.append(element("line", class_="step", x1=left, x2=left, y1=scale.y(0), y2=y))
    return parts


def _own(step: Step, last: int, window: Window, scale: _Scale) -> list[Markup]:
    """Draw the measure's own rate where another one is charged."""
    if step.own is None or step.own == step.charged:
        return []
    y = scale.y(step.own)
    return [
        element(
            "line", element("title", f"its own rate, {rate(step.own)}, of which not all is charged"), class_="own",
            x1=percent(window.x(step.first)), x2=percent(window.x(last)), y1=y, y2=y,
        )
    ]  # fmt: skip


def _nice(top: float) -> list[float]:
    for step in (1, 2, 5, 10, 20, 25, 50, 100, 200, 500, 1000, 5000, 10000):
        if top / step <= 4:  # noqa: PLR2004 - marks of an axis
            return [float(step * place) for place in range(int(top // step) + 1)]
    return [0.0, top]
