"""The tally of an issue: how many of its items have each bearing on its posture, by day, as known at one K.

A writer keeps it up: a shift is what an event does to it. The days on which the posture is another after an event are
looked for where a bearing comes or goes, so an item among many like it costs nothing more.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, NamedTuple

from service.domain.rule.posture import BEARING_KINDS, Posture, bearing_of, posture_in
from service.domain.rule.tokens import statuses
from service.domain.vocabulary.dates import FOREVER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, MutableSequence, Sequence

    from service.domain.rule.answer import Answer, Rewrite, Segment


class Shift(NamedTuple):
    """From a day on, so many items of an issue more (or less, below 0) have a bearing."""

    bearing: int
    day: int
    more: int


class Days(NamedTuple):
    """The days of publication on which the first part, and the last, of some events begins to count."""

    earliest: int
    latest: int


class Turn(NamedTuple):
    """A day on which another posture begins now; None: none begins on it any more."""

    day: int
    posture: Posture | None


class _Flip(NamedTuple):
    """Days on which a bearing (its bit) has come or gone: from one until another, FOREVER for no end."""

    start: int
    until: int
    bit: int


_Bears = tuple[int, tuple[str, ...]]
"""The bearing of an item, and the issues on whose postures it bears."""
_NOTHING: _Bears = 0, ()
_by_start, _bearing = attrgetter("start"), itemgetter(0)


def shifts(
    kind: str, rewrites: Sequence[Rewrite], segments: Sequence[Segment]
) -> dict[str, dict[tuple[int, int], int]]:
    """Return by issue what the rewrites of an item's life do to its tally: by bearing and day, how many more.

    `segments` are those of the life after the rewrites.
    """
    found: dict[str, dict[tuple[int, int], int]] = {}
    if kind not in BEARING_KINDS:
        return found
    for start, until, before, after in _spans(kind, rewrites, segments):
        for (bearing, issues), more in ((before, -1), (after, 1)):
            for issue in issues:
                shifted = found.setdefault(issue, {})
                shifted[bearing, start] = shifted.get((bearing, start), 0) + more
                if until < FOREVER:
                    shifted[bearing, until] = shifted.get((bearing, until), 0) - more
    return found


def _spans(
    kind: str, rewrites: Sequence[Rewrite], segments: Sequence[Segment]
) -> Iterator[tuple[int, int, _Bears, _Bears]]:
    """Return the days, from one until another, on which an item bears on other postures or otherwise than before."""
    if not rewrites:
        return
    place = bisect_left(segments, rewrites[0].start, key=_by_start)
    before = after = _bears(kind, segments[place - 1].answer) if place else _NOTHING
    for index, (start, old, new) in enumerate(rewrites):
        while place < len(segments) and segments[place].start < start:
            before = after = _bears(kind, segments[place].answer)
            place += 1
        if old is not None:
            before = _bears(kind, old.answer)
        if new is not None:
            after = _bears(kind, new.answer)
            place += 1
        if before != after:
            until = segments[place].start if place < len(segments) else FOREVER
            if index + 1 < len(rewrites):
                until = min(until, rewrites[index + 1].start)
            yield start, until, before, after


def _bears(kind: str, answer: Answer) -> _Bears:
    bearing = bearing_of(kind, answer.status, tuple(statuses(answer)) if answer.possible else ())
    return (bearing, answer.issues) if bearing else _NOTHING


class Tally:
    """The tally of the issue of a number. `published` is the day by which all that bears on the issue was out."""

    __slots__ = ("_bearings", "_counts", "_days", "_places", "number", "published")

    def __init__(self, number: int) -> None:
        """Begin with no item."""
        self.number, self.published = number, 0
        self._counts: dict[int, _Counts] = {}
        # What some item bears, as bits, from each of some days on: all that the posture depends on.
        self._days, self._bearings = array("i"), list[int]()
        self._places = 0

    def add(self, shifted: Iterable[Shift]) -> list[Turn]:
        """Take shifts, of one bearing and day one at most; return the days on which another posture begins."""
        flips: list[_Flip] = []
        for bearing, of_bearing in groupby(sorted(shifted), key=_bearing):
            counts = self._counts.get(bearing) or self._counts.setdefault(bearing, _Counts())
            self._places -= len(counts.days)
            flips += [_Flip(*days, 1 << bearing) for days in counts.add([each[1:] for each in of_bearing])]
            self._places += len(counts.days)
        return self._flip(flips) if flips else []

    @property
    def memory(self) -> int:
        """Return about how many bytes it takes in memory."""
        return 500 + 60 * len(self._days) + 400 * len(self._counts) + 8 * self._places

    def _flip(self, flips: Sequence[_Flip]) -> list[Turn]:
        """Let bearings come or go; return the days on which another posture begins."""
        days, bearings = self._days, self._bearings
        for start, until, _ in flips:
            for day in (start, until):
                _cut(days, bearings, day)
        first = bisect_left(days, min([flip.start for flip in flips]))
        end = bisect_left(days, max([flip.until for flip in flips])) + 1
        before = bearings[first:end]
        for start, until, bit in flips:
            for place in range(bisect_left(days, start), bisect_left(days, until)):
                bearings[place] ^= bit
        turns: list[Turn] = []
        eve = old_eve = posture_in(bearings[first - 1] if first else 0)
        for place, old_bearings in enumerate(before, first):
            now, old = posture_in(bearings[place]), posture_in(old_bearings)
            if now != eve and (old == old_eve or old != now):
                turns.append(Turn(days[place], now))
            elif now == eve and old != old_eve:
                turns.append(Turn(days[place], None))
            eve, old_eve = now, old
        _join(days, bearings, range(first, min(end, len(days))))
        return turns


class _Counts:
    """How many items have a bearing, from each of some days on."""

    __slots__ = ("counts", "days")

    def __init__(self) -> None:
        self.days, self.counts = array("i"), array("i")

    def add(self, shifted: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        """Add so many from each of some days on, in order; return the days on which there are some now, or none."""
        flips: list[tuple[int, int]] = []
        total = 0
        for place, (day, more) in enumerate(shifted):
            total += more
            if total:
                self._add(day, shifted[place + 1][0] if place + 1 < len(shifted) else FOREVER, total, flips)
        return flips

    def _add(self, start: int, until: int, more: int, flips: list[tuple[int, int]]) -> None:
        days, counts = self.days, self.counts
        first, end = _cut(days, counts, start), _cut(days, counts, until)
        for place in range(first, end):
            was = counts[place]
            counts[place] = was + more
            if not was or not was + more:
                following = days[place + 1] if place + 1 < len(days) else FOREVER
                if flips and flips[-1][1] == days[place]:
                    flips[-1] = flips[-1][0], following
                else:
                    flips.append((days[place], following))
        _join(days, counts, (first, end))


def _cut(days: array[int], values: MutableSequence[int], day: int) -> int:
    """Let the value from a day on have a place of its own; return that. FOREVER has the place after all others."""
    place = bisect_left(days, day)
    if day < FOREVER and (place == len(days) or days[place] != day):
        values.insert(place, values[place - 1] if place else 0)
        days.insert(place, day)
    return place


def _join(days: array[int], values: MutableSequence[int], places: Sequence[int]) -> None:
    """Take out those of some places, in order, from which on the value is that before."""
    for place in reversed(places):
        if place < len(days) and values[place] == (values[place - 1] if place else 0):
            del days[place], values[place]
