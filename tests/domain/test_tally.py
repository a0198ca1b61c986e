"""The tally of an issue against counting its items day by day."""

from collections import Counter

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.rule.facts import Entry
from service.domain.rule.item import Item
from service.domain.rule.posture import NO_POSTURE, Posture, bearing_of, posture_in
from service.domain.rule.tally import Shift, Tally, shifts
from service.domain.rule.tokens import statuses
from service.domain.vocabulary.dates import FOREVER
from service.domain.vocabulary.events import AnyEvent, Fact
from tests.oracle import Event
from tests.strategies import histories

LAST = 12
BEARINGS = [
    bearing_of("issue", "closed"),
    bearing_of("restriction", "in_force"),
    bearing_of("restriction", "in_force", ("in_force", "lifted")),
    bearing_of("restriction", "suspended"),
    bearing_of("clearance", "active"),
    bearing_of("round", "scheduled", ("scheduled", None)),
]
Span = tuple[int, int, int, int]


def spans() -> st.SearchStrategy[Span]:
    """Draw an item's change: its bearing before and after, and the days on which it changes; FOREVER for no end."""
    bearings = st.sampled_from([0, *BEARINGS])
    return st.tuples(bearings, bearings, st.integers(1, LAST), st.integers(2, LAST) | st.just(FOREVER))


def days(change: Span) -> range:
    return range(change[2], min(change[3], LAST + 2))


def shifted(changes: list[Span]) -> list[Shift]:
    """Return changes as shifts of a tally."""
    found: Counter[tuple[int, int]] = Counter()
    for before, after, start, until in changes:
        for bearing, more in ((before, -1), (after, 1)):
            if bearing and start < until:
                found[bearing, start] += more
                found[bearing, until] -= more
    return [Shift(*place, more) for place, more in found.items() if more and place[1] < FOREVER]


@settings(max_examples=300)
@given(st.lists(spans(), max_size=20))
def test_the_days_that_turn_are_those_of_another_posture(changes: list[Span]) -> None:
    """What a tally returns, written down, is the posture of every day, and begins where it is another than before."""
    tally, counts, written = Tally(1), Counter[tuple[int, int]](), dict[int, Posture]()
    for change in changes:
        if change[0] and not all(counts[change[0], day] for day in days(change)):
            continue  # there is no such item
        for day, posture in tally.add(shifted([change])):
            assert written.get(day) != posture
            if posture is None:
                del written[day]
            else:
                written[day] = posture
        for day in days(change):
            counts[change[0], day] -= 1
            counts[change[1], day] += 1
        every = range(1, LAST + 2)
        truth = [NO_POSTURE, *[posture_in(sum(1 << each for each in BEARINGS if counts[each, day])) for day in every]]
        assert written == {day: truth[day] for day in every if truth[day] != truth[day - 1]}


@given(st.lists(spans(), max_size=8), st.lists(spans(), max_size=8))
def test_what_is_undone_leaves_the_tally_as_it_was(kept: list[Span], undone: list[Span]) -> None:
    """After shifts and their opposites, a tally answers the next shifts as one that never had them."""
    tally, other = Tally(1), Tally(1)
    tally.add(shifted(kept))
    tally.add(shifted(undone))
    tally.add([Shift(bearing, day, -more) for bearing, day, more in shifted(undone)])
    other.add(shifted(kept))
    later = shifted([(0, bearing, 3, FOREVER) for bearing in BEARINGS])
    assert tally.add(later) == other.add(later)
    assert tally.memory - other.memory <= 400 * len(BEARINGS)


@settings(max_examples=60)
@given(histories())
def test_shifts_add_up_to_what_the_items_bear(history: list[Event]) -> None:
    """Event by event, the shifts of an item's rewrites add up to the bearings of its segments, for each issue."""
    items: dict[str, Item] = {}
    found: Counter[tuple[str, str, int, int]] = Counter()
    events = [msgspec.convert(each, AnyEvent) for each in history]
    for position, event in enumerate(events, 1):
        if not isinstance(event, Fact):
            continue  # records move facts between items: the projections are compared with a rebuild for that
        slug = event.item
        item = items.setdefault(slug, Item(position, slug, event.type.partition(".")[0]))
        root = item.add(Entry(position, event))
        for issue, by_place in shifts(item.kind.name, item.reweigh(root), item.segments).items():
            for place, more in by_place.items():
                found[slug, issue, *place] += more
    truth: Counter[tuple[str, str, int, int]] = Counter()
    for slug, item in items.items():
        ends = [*[segment.start for segment in item.segments], FOREVER][1:]
        for segment, until in zip(item.segments, ends, strict=True):
            possible = tuple(statuses(segment.answer))
            bearing = bearing_of(item.kind.name, segment.answer.status, possible)
            for issue in segment.answer.issues if bearing else ():
                truth[slug, issue, bearing, segment.start] += 1
                truth[slug, issue, bearing, until] -= 1
    assert {place: more for place, more in found.items() if more} == {
        place: more for place, more in truth.items() if more and place[3] < FOREVER
    }
