"""An item's history as published: rectangles of a day (D) and a day of publication (K), each with one state.

The item is worked out for each day on which something about it was published, only what changes that day. A first pass
finds where states may change; a second one writes the states of one page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.domain.rule.state import arrival_text
from service.domain.vocabulary.kinds import PLANNED
from service.views.asof.published import lives
from service.views.asof.question import fitting
from service.views.asof.rectangles import Rectangle, VersionPage
from service.views.asof.weighing import apart

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from service.domain.rule.answer import Segment
    from service.domain.rule.item import Item
    from service.storage.database import Database
    from service.views.asof.published import Lives
    from service.views.asof.question import Basis

Corner = tuple[int, int]
"""The first day and the first K of a rectangle."""


class _Stretch(NamedTuple):
    """A segment with the days after it, over [known_from, known_to): it may have the state of the stretch before."""

    valid_from: int
    valid_to: int | None
    known_from: int
    known_to: int | None

    @property
    def corner(self) -> Corner:
        """Return where it begins."""
        return self.valid_from, self.known_from

    def continues(self, other: _Stretch) -> bool:
        """Return whether it begins where another ends."""
        return (other.valid_from, other.valid_to, other.known_to) == (self.valid_from, self.valid_to, self.known_from)


class _Sight(NamedTuple):
    """A segment as it is seen on a day: when it ends, and the number of what comes later."""

    segment: Segment
    valid_to: int | None
    later: int


_Later = tuple[str, int]
"""The change on a day, as JSON, and the number of what comes after it; 0 is nothing."""


async def published_page(
    database: Database, basis: Basis, kind: str, slug: str, after: Corner, limit: int
) -> VersionPage | None:
    """Return an item's rectangles after a corner, as known up to a day of publication; None for an item with none."""
    found = await lives(database, basis, kind, slug)
    return None if found is None else await apart(found.events, _page, found, after, limit)


def _page(found: Lives, after: Corner, limit: int) -> VersionPage | None:
    stretches = _stretches(found)
    if not stretches:
        return None
    first = next((index for index, each in enumerate(stretches) if each.corner > after), len(stretches))
    last = min(first + limit, len(stretches))
    while 0 < last < len(stretches) and stretches[last].continues(stretches[last - 1]):
        last += 1
    if 0 < first < len(stretches) and stretches[first].continues(stretches[first - 1]):
        first -= 1  # its state shows whether the next one is another rectangle
    wanted = stretches[first:last]
    rectangles = [
        each for each in _merged(wanted, _states(found, wanted)) if (each.valid_from, each.known_from) > after
    ]
    page = rectangles[: fitting([len(each.state) for each in rectangles], limit)]
    return VersionPage(page, len(rectangles) > len(page) or last < len(stretches))


def _stretches(found: Lives) -> list[_Stretch]:
    """Find every stretch, by its first day, then its first K."""
    closed: list[_Stretch] = []
    current: dict[int, tuple[_Sight, int]] = {}
    numbers: dict[_Later, int] = {}
    for item, day in found:
        now = {sight.segment.start: sight for sight in _sights(item, numbers)}
        for start, (sight, since) in list(current.items()):
            if now.get(start) != sight:
                closed.append(_Stretch(start, sight.valid_to, since, day))
                del current[start]
        current = {start: current.get(start, (sight, day)) for start, sight in now.items()}
    still = [_Stretch(start, sight.valid_to, since, None) for start, (sight, since) in current.items()]
    return sorted([*closed, *still], key=lambda each: each.corner)


def _sights(item: Item, numbers: dict[_Later, int]) -> Iterator[_Sight]:
    """Return an item's segments from the last to the first; `numbers` has the number of each of what comes later."""
    valid_to, later = None, 0
    for segment in reversed(item.segments):
        if segment.answer.status not in {None, PLANNED}:
            yield _Sight(segment, valid_to, later)
        valid_to = segment.start
        if segment.arrival is not None:
            later = numbers.setdefault((arrival_text(segment), later), len(numbers) + 1)


def _states(found: Lives, wanted: Sequence[_Stretch]) -> Mapping[Corner, bytes]:
    """Write the state of each stretch."""
    by_day: dict[int, list[int]] = {}
    for each in wanted:
        by_day.setdefault(each.known_from, []).append(each.valid_from)
    last = max(by_day, default=0)
    states: dict[Corner, bytes] = {}
    for item, day in found:
        if day > last:
            break
        starts = [segment.start for segment in item.segments] if day in by_day else []
        for start in by_day.get(day, ()):
            state = item.state_of_segment(starts.index(start))
            assert state is not None  # noqa: S101 - a stretch has a status
            states[start, day] = state.body
    return states


def _merged(stretches: Sequence[_Stretch], states: Mapping[Corner, bytes]) -> list[Rectangle]:
    """Make one rectangle of the stretches that continue each other with one state."""
    made: list[Rectangle] = []
    before: _Stretch | None = None
    for each in stretches:
        state = states[each.corner]
        if before is not None and each.continues(before) and made[-1].state == state:
            made[-1] = made[-1]._replace(known_to=each.known_to)
        else:
            made.append(Rectangle(*each, state))
        before = each
    return made
