"""The life of an item as spans of days with one status each, from the changes of `/v1/changes` or from its versions.

A span begins and ends at an edge: the first and the last day on which the change may have come (ordinals). In the
earliest reading, which the answers give, it comes on the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import Struct

from service.domain.vocabulary.dates import parse


class Edge(NamedTuple):
    """The days on which a change may come: `lo` to `hi`, both included."""

    lo: int
    hi: int

    @property
    def soft(self) -> bool:
        """Return whether the day is uncertain."""
        return self.hi > self.lo


class Span(NamedTuple):
    """Days with one status. `end` is None where no end is known; `rate` is what is charged, in percent, if known."""

    status: str
    start: Edge
    end: Edge | None
    contested: bool = False
    rate: float | None = None
    event: str = ""

    def covers(self, day: int) -> bool:
        """Return whether a day has this status in the earliest reading."""
        return self.start.lo <= day and (self.end is None or day < self.end.lo)

    def possible(self, day: int) -> bool:
        """Return whether another status is possible on a day of the span, since an edge is uncertain."""
        return self.covers(day) and day < self.start.hi


class TurnSide(Struct, frozen=True):
    """One side of a change."""

    status: str | None
    terms: dict[str, Any]


class StatusChange(Struct, frozen=True):
    """What is read of an item of `/v1/changes`."""

    on: str
    item: str
    kind: str
    before: TurnSide
    after: TurnSide
    event: str
    type: str
    certainty: str


class ItemLife(NamedTuple):
    """The spans of an item, in order."""

    item: str
    kind: str
    spans: list[Span]

    def on(self, day: int) -> Span | None:
        """Return the span of a day, None where the item has no status."""
        return next((span for span in self.spans if span.covers(day)), None)


def lives_of(changes: Iterable[StatusChange]) -> dict[str, ItemLife]:
    """Return the life of each item, from its changes in the order of days."""
    lives: dict[str, ItemLife] = {}
    terms: dict[str, dict[str, Any]] = {}
    for change in changes:
        life = lives.setdefault(change.item, ItemLife(change.item, change.kind, []))
        given = terms.setdefault(change.item, {})
        for name in change.before.terms.keys() - change.after.terms.keys():
            given.pop(name, None)
        given.update(change.after.terms)
        when = parse(change.on)
        _turn(life.spans, change, Edge(when.lo, when.hi), given.get("rate_percent"))
    return lives


def _turn(spans: list[Span], change: StatusChange, edge: Edge, rate: float | None) -> None:
    status, contested = change.after.status, change.certainty == "contested"
    last = spans[-1] if spans else None
    if last is not None and last.end is None:
        if (last.status, last.contested, last.rate) == (status, contested, rate):
            return
        spans[-1] = last._replace(end=edge, start=Edge(last.start.lo, min(last.start.hi, edge.lo)))
    if status is not None:
        spans.append(Span(status, edge, None, contested, rate, change.event))


class CellState(Struct, frozen=True):
    """What is read of a state in a rectangle."""

    status: str
    certainty: str
    ruling: str
    contested: bool = False
    charged_percent: float | None = None
    rate_percent: float | None = None


class Cell(Struct, frozen=True):
    """What is read of an item of `/versions`: the bounds of knowledge are positions, or days as published."""

    valid_from: str
    valid_to: str | None
    known_from: int | str
    known_to: int | str | None
    state: CellState


def life_of(item: str, kind: str, rectangles: Iterable[Cell]) -> ItemLife:
    """Return an item's life as it is known now: from the rectangles that are open above."""
    spans: list[Span] = []
    for each in sorted((each for each in rectangles if each.known_to is None), key=lambda each: each.valid_from):
        state, start = each.state, parse(each.valid_from).lo
        end = None if each.valid_to is None else parse(each.valid_to).lo
        ahead = end if state.certainty == "possible" and end is not None else start
        spans = _joined(spans, _span(state, Edge(start, ahead), end), sure=state.certainty != "possible")
    return ItemLife(item, kind, spans)


def _span(state: CellState, start: Edge, end: int | None) -> Span:
    return Span(
        state.status,
        start,
        None if end is None else Edge(end, end),
        state.certainty == "contested",
        state.charged_percent,
        state.ruling,
    )


def _joined(spans: list[Span], span: Span, *, sure: bool) -> list[Span]:
    """Add a span: to the last one where nothing that is drawn changes, or where only certainty is gained."""
    if not spans or (last := spans[-1]).end is None or last.end.lo != span.start.lo:
        return [*spans, span]
    same = (last.status, last.rate) == (span.status, span.rate)
    softening = last.start.soft and last.start.hi == span.start.lo
    if same and (last.contested == span.contested or softening):
        start = last.start if sure or not softening else Edge(last.start.lo, span.start.hi)
        return [*spans[:-1], last._replace(start=start, end=span.end, contested=last.contested or span.contested)]
    return [*spans[:-1], last._replace(end=Edge(last.end.lo, span.start.hi)), span]


def extent(lives: Iterable[ItemLife] | Mapping[str, ItemLife], days: Sequence[int] = ()) -> tuple[int, int]:
    """Return the first and the last day on which something changes, or of `days`; open starts are left out."""
    found = list(days)
    for life in lives.values() if isinstance(lives, Mapping) else lives:
        for span in life.spans:
            found += [day for edge in (span.start, span.end) if edge for day in edge if day > _OPEN]
    return (min(found), max(found)) if found else (0, 0)


_OPEN = 366
"""Days up to this one stand for an open start (`[..B]`)."""
