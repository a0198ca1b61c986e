"""The life of one item over the days, row by row: its status, the rate that is charged, its terms, its facts."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from service.domain.vocabulary.dates import iso, parse
from service.page import words
from service.page.markup import Markup, element, joined, percent
from service.page.pictures.bars import BAR, LETTER, bars, title
from service.page.pictures.lives import Edge
from service.page.pictures.marks import Mark, marks
from service.page.pictures.rectangles import Note
from service.page.pictures.steps import HEIGHT, Step, chart
from service.page.pictures.timeline import axis, grid
from service.page.says import is_denial

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from service.page.pictures.lives import ItemLife
    from service.page.pictures.rectangles import Bound
    from service.page.pictures.scale import Window
    from service.page.pictures.scene import Links

Members = dict[str, Any]


class StoryRow(NamedTuple):
    """One row: its label, its picture with its height in pixels, and its value on the day of the question.

    `look` is that of the status, else "".
    `spans` are what the script shows while the day moves; `marks` are the marks of a vertical axis.
    """

    label: str
    picture: Markup
    height: float
    now: str
    look: str
    spans: list[list[Any]]
    marks: list[tuple[float, str]]


class Story(NamedTuple):
    """The rows, with what stands around them; `life` has the spans in words, `terms` each term's values."""

    day: int
    day_x: str
    axis: Markup
    grid: Markup
    rows: list[StoryRow]
    life: list[str]


class Value(NamedTuple):
    """Days with one value of a term; None where it is not given."""

    first: int
    last: int | None
    value: Any


def story(
    life: ItemLife, facts: Sequence[Members], versions: Sequence[Members], day: int, window: Window, links: Links
) -> Story:
    """Draw an item's life; `versions` are its rectangles as the API has them."""
    standing = sorted([each for each in versions if each["known_to"] is None], key=lambda each: str(each["valid_from"]))
    rows = [_status(life, day, window, links), _facts(facts, window, links)]
    charged = values(standing, "charged_percent")
    if any(each.value is not None for each in charged):
        rows.insert(1, _rate(standing, charged, day, window))
    rows += [_term(name, found, day, window) for name, found in _terms(standing).items()]
    return Story(day, percent(window.x(day)), axis(window), grid(window), rows, [title(span) for span in life.spans])


def _status(life: ItemLife, day: int, window: Window, links: Links) -> StoryRow:
    now = life.on(day)
    spans = [
        [
            span.start.lo, span.start.hi, span.end.lo if span.end else None, words.look(life.kind, span.status),
            words.words(span.status) + (", contested" if span.contested else ""),
        ]
        for span in life.spans
    ]  # fmt: skip
    text = "not yet" if now is None else words.words(now.status)
    look = "" if now is None else words.look(life.kind, now.status)
    return StoryRow("Status", bars(life, window, 6, links.day), BAR + 12, text, look, spans, [])


def _rate(standing: Sequence[Members], charged: Sequence[Value], day: int, window: Window) -> StoryRow:
    own = values(standing, "rate_percent")
    steps = [
        Step(
            parse(each["valid_from"]).lo,
            None if each["valid_to"] is None else parse(each["valid_to"]).lo,
            each["state"].get("charged_percent", 0),
            each["state"].get("rate_percent"),
            each["state"]["certainty"] != "possible",
        )
        for each in standing
        if "rate_percent" in each["state"] or own
    ]
    found = chart(steps, window)
    spans = [[each.first, each.first, each.last, "none", _rate_words(each.value)] for each in charged]
    now = next((_rate_words(each.value) for each in charged if _covers(each, day)), "")
    return StoryRow("Rate charged", found.drawn, HEIGHT, now, "", spans, found.marks)


def _rate_words(value: float | None) -> str:
    return "not known" if value is None else words.percent(value)


def _covers(value: Value, day: int) -> bool:
    return value.first <= day and (value.last is None or day < value.last)


def _facts(facts: Sequence[Members], window: Window, links: Links) -> StoryRow:
    found = []
    for fact in facts:
        when = parse(fact.get("effective") or fact["occurred"])
        outlets = dict.fromkeys([str(report["outlet"]) for report in fact["reports"]])
        text = f"{fact['act']} ({', '.join(outlets)})" if outlets else fact["act"]
        found.append(Mark(Edge(when.lo, when.hi), _shape(fact), text, links.fact(fact["id"])))
    return StoryRow("Facts", marks(found, window, 11), 22, "", "", [], [])


def _shape(fact: Members) -> str:
    if fact.get("retracted") or fact.get("modality") == "denied":
        return "denied"
    if fact.get("modality", "asserted") != "asserted":
        return "planned"
    return "disputed" if fact.get("contested") else "corrected" if fact.get("corrected") else "fact"


_NOT_TERMS = {
    "id", "kind", "issues", "status", "since", "until", "through", "until_condition", "certainty", "alternatives",
    "contested", "incomplete", "ruling", "upcoming", "upcoming_more", "next_change", "applies", "charged_percent",
    "ever_in_force", "ever_in_force_certainty", "rate_percent", "matched",
}  # fmt: skip


def _terms(standing: Sequence[Members]) -> dict[str, list[Value]]:
    """Return the values over the days of the terms that change."""
    names = dict.fromkeys(name for each in standing for name in each["state"] if name not in _NOT_TERMS)
    found = {name: values(standing, name) for name in names}
    return {name: each for name, each in found.items() if len([1 for one in each if one.value is not None]) > 1}


def values(standing: Iterable[Members], name: str) -> list[Value]:
    """Return the values of a term over the days, neighbours that are equal as one."""
    found: list[Value] = []
    for each in standing:
        first = parse(each["valid_from"]).lo
        last = None if each["valid_to"] is None else parse(each["valid_to"]).lo
        value = each["state"].get(name)
        if found and found[-1].last == first and found[-1].value == value:
            found[-1] = found[-1]._replace(last=last)
        else:
            found.append(Value(first, last, value))
    return found


def _term(name: str, found: Sequence[Value], day: int, window: Window) -> StoryRow:
    parts = [_box(each, window) for each in found if each.value is not None]
    spans = [[each.first, each.first, each.last, "none", _text(each.value)] for each in found]
    now = next((_text(each.value) for each in found if _covers(each, day)), "")
    return StoryRow(words.words(name).capitalize(), joined(*parts), 26, now, "", spans, [])


def _text(value: Any) -> str:  # noqa: ANN401 - any term
    text = "not given" if value is None else words.value(value)
    return text if len(text) <= TEXT_MOST else text[: TEXT_MOST - 1] + "…"


TEXT_MOST = 60


def _box(each: Value, window: Window) -> Markup:
    last = window.last if each.last is None else each.last
    if not window.shows(each.first, last):
        return Markup()
    left, right = window.x(each.first), window.x(last)
    text = words.value(each.value)
    room = int((window.pixels(min(last, window.last) - max(each.first, window.first)) - 12) / LETTER)
    parts = [
        element("title", text),
        element("rect", class_="term-box", x=percent(left), y=3, width=percent(right - left), height=20),
    ]
    if room >= min(len(text), SHORT):
        short = text if len(text) <= room else text[: room - 1] + "…"
        parts.append(element("text", short, class_="term-text", x=percent(left), dx=6, y=13))
    return element("g", *parts)


SHORT = 6
"""Letters that a value is cut to, at least: a shorter piece of it says nothing."""


def notes(events: Iterable[Members], *, published: bool) -> dict[Bound, Note]:
    """Return what was learnt at each K: at a position an event, on a day what was published by its end."""
    found: dict[Bound, list[tuple[str, str]]] = defaultdict(list)
    for event in events:
        known = _known(event) if published else event["position"]
        if known is not None:
            change = event["type"].partition(".")[2]
            text = "denial added" if is_denial(event) else words.words(change)
            found[known].append((text, change if event["type"].startswith("record.") else ""))
    return {known: _note(each) for known, each in found.items()}


def _known(event: Members) -> str | None:
    """Return the day by whose end an event was surely published, None where no report says when."""
    days = [
        parse(report["published"]).hi
        for report in event.get("reports") or ()
        if report.get("published") and (report.get("stance") != "denies" or is_denial(event))
    ]
    return iso(min(days)) if days else None


def _note(learnt: Sequence[tuple[str, str]]) -> Note:
    texts = sorted(dict.fromkeys([text for text, _ in learnt]), key=lambda text: text == "report added")
    marked = next((change for _, change in learnt if change in {"corrected", "retracted", "disputed"}), "")
    shown = texts[:2] if len(", ".join(texts[:2])) <= NOTE_MOST else texts[:1]
    more = f" +{len(texts) - len(shown)}" if len(texts) > len(shown) else ""
    return Note(", ".join(shown) + more, marked)


NOTE_MOST = 22
"""Letters of what was learnt at a K, at most, where there is more than one thing."""
