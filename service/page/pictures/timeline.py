"""The timeline of an issue: a lane an item, grouped by kind; talks, calls and statements as marks."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from service.domain.vocabulary.kinds import KINDS
from service.page.markup import Markup, element, joined, percent
from service.page.pictures.bars import LETTER, bars, title
from service.page.pictures.lives import ItemLife, extent
from service.page.pictures.marks import Mark, labelled, marks, rows_of
from service.page.pictures.moments import moment
from service.page.pictures.scale import Window, in_words
from service.page.pictures.timeline_facts import edge_of, shape_of, title_of
from service.page.words import look as tone
from service.page.words import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from service.page.pictures.lives import Span
    from service.page.pictures.scene import Scene
    from service.page.pictures.timeline_facts import MarkedFact

MOMENTS = ("round", "call", "statement")
"""Kinds whose items are marks on one lane: what happens on a day or a few."""
TITLES = {"round": "Talks", "call": "Calls", "statement": "Statements", "clearance": "Clearances and exclusions"}
_FIRST = (*MOMENTS, "restriction", "clearance", "agreement")
ORDER = (*_FIRST, *[kind for kind in KINDS if kind not in {*_FIRST, "issue"}])
"""The kinds of items in the order of the picture: what happens on a day, what is in force, then the rest."""
ROW, MARKS_Y, LANE = 20, 28.0, 36
ROWS_MOST = 3
OPEN_LANES = 40
"""Lanes that are shown at once; with more, those that have ended are folded up."""


class Lane(NamedTuple):
    """One item: its picture, and its state on the day of the question."""

    item: str
    href: str
    picture: Markup
    look: str
    state: str
    spans: list[list[Any]]
    life: list[str]
    ended: bool


class Group(NamedTuple):
    """The items of a kind: lanes, or for moments one picture of marks that is `height` pixels high."""

    kind: str
    title: str
    lanes: list[Lane]
    folded: list[Lane]
    marks: Markup
    height: float
    number: int

    @property
    def pictures(self) -> list[Markup]:
        """Return all that is drawn of the group."""
        return [self.marks, *[lane.picture for lane in (*self.lanes, *self.folded)]]


class Figure(NamedTuple):
    """The whole picture; `day_x` is where the day of the question stands, in percent."""

    window: Window
    day: int
    day_x: str
    axis: Markup
    grid: Markup
    groups: list[Group]


def window_of(lives: Iterable[ItemLife], facts: Sequence[MarkedFact], day: int, days: int = 0) -> Window:
    """Return the days to show: all on which something changes, or `days` around the day of the question."""
    if days:
        return Window(max(day - days // 2, 1), day + days - days // 2)
    dated = [edge for fact in facts for edge in edge_of(fact) if edge > 1]
    first, last = extent(lives, [*dated, day])
    last = min(last, day + FAR)
    margin = max((last - first) // 25, 7)
    return Window(max(first - margin, 1), last + margin)


FAR = 3 * 365
"""Days after the day of the question that the picture of all days shows, at most."""


def figure(lives: Mapping[str, ItemLife], facts: Sequence[MarkedFact], scene: Scene) -> Figure:
    """Draw the timeline of an issue as one figure."""
    by_item: dict[str, list[MarkedFact]] = defaultdict(list)
    kinds: dict[str, dict[str, None]] = defaultdict(dict)
    for fact in facts:
        by_item[fact.item].append(fact)
        kinds[fact.kind][fact.item] = None
    for life in lives.values():
        kinds[life.kind][life.item] = None
    collapse = sum(len(items) for kind, items in kinds.items() if kind not in MOMENTS) > OPEN_LANES
    groups = []
    for kind in ORDER:
        if not kinds[kind]:
            continue
        if kind in MOMENTS:
            groups.append(_moments(kind, [by_item[item] for item in kinds[kind]], scene))
        else:
            found = [lives.get(item, ItemLife(item, kind, [])) for item in kinds[kind]]
            lanes = [_lane(life, by_item[life.item], scene) for life in found]
            groups.append(_group(kind, lanes, collapse=collapse))
    window, day = scene.window, scene.day
    return Figure(window, day, percent(window.x(day)), axis(window), grid(window), groups)


def _group(kind: str, lanes: Sequence[Lane], *, collapse: bool) -> Group:
    shown = [lane for lane in lanes if not (collapse and lane.ended)]
    folded = [lane for lane in lanes if collapse and lane.ended]
    return Group(kind, _title(kind), shown, folded, Markup(), 0, len(lanes))


def _title(kind: str) -> str:
    return TITLES.get(kind) or KINDS[kind].plural.capitalize()


def _lane(life: ItemLife, facts: Sequence[MarkedFact], scene: Scene) -> Lane:
    day, window, links = scene
    found = [Mark(edge_of(fact), shape_of(fact), title_of(fact), links.fact(fact.id)) for fact in facts]
    picture = joined(bars(life, window, 3, links.day), marks(found, window, MARKS_Y))
    now = life.on(day)
    return Lane(
        life.item,
        links.item(life.kind, life.item),
        picture,
        "none" if now is None else tone(life.kind, now.status),
        "" if now is None else state_in_words(now, day),
        [_data(life.kind, span) for span in life.spans],
        [title(span) for span in life.spans],
        now is not None and tone(life.kind, now.status) == "ended",
    )


def state_in_words(span: Span, day: int) -> str:
    """Return the state of an item on a day in a few words."""
    charged = "" if span.rate is None else f", {span.rate:g} %"
    doubt = ", contested" if span.contested else ", possibly" if span.possible(day) else ""
    return f"{words(span.status)}{charged}{doubt}"


def _data(kind: str, span: Span) -> list[Any]:
    """Return what the script shows of a span while the day moves: three days, look and words.

    The days are its first one, the first on which it is sure, and the first after it.
    """
    end = span.end.lo if span.end else None
    return [span.start.lo, span.start.hi, end, tone(kind, span.status), state_in_words(span, span.start.hi)]


def _moments(kind: str, items: Sequence[Sequence[MarkedFact]], scene: Scene) -> Group:
    window, links = scene.window, scene.links
    found = [moment(kind, facts, links) for facts in items if facts]
    shown = [mark for mark in found if window.shows(mark.day.lo, mark.day.hi)]
    placed = rows_of(shown, window, ROWS_MOST)
    if placed is None:
        drawn, rows = marks(shown, window, LANE / 2), 1.2
    else:
        drawn, rows = labelled(placed, window, ROW / 2 + 4, ROW), 1.0 + max([each.row for each in placed], default=0)
    return Group(kind, _title(kind), [], [], drawn, rows * ROW + 8, len(items))


def axis(window: Window) -> Markup:
    """Draw the days that the axis marks, with their labels."""
    return joined(
        *[
            element(
                "text",
                tick.label,
                class_="day-mark major" if tick.major else "day-mark",
                x=percent(window.x(tick.day)),
                y=14,
            )
            for tick in window.ticks()
            if window.pixels(window.last - tick.day) > len(tick.label) * LETTER
        ]
    )


def grid(window: Window) -> Markup:
    """Draw a line from top to bottom for each day that the axis marks."""
    return joined(
        *[
            element(
                "line", class_="grid major" if tick.major else "grid", x1=percent(window.x(tick.day)),
                x2=percent(window.x(tick.day)), y1="0", y2="100%",
            )
            for tick in window.ticks()
        ]
    )  # fmt: skip


def day_line(window: Window, day: int, name: str = "D") -> Markup:
    """Draw the line at the day of the question."""
    x = percent(window.x(day))
    return element(
        "line", element("title", f"{name}: {in_words(day)}"), class_="day-line", x1=x, x2=x, y1="0", y2="100%"
    )
