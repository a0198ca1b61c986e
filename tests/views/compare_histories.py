"""Timelines, differences and rectangles, read in pages and compared with the slow obvious ones."""

import json
from collections.abc import Iterable
from datetime import date
from typing import Any

from service.domain import dates
from service.views import difference, published, query, rectangles, timeline
from service.views.difference import Point
from service.views.published import Clocks
from tests import oracle
from tests.ledgers import Opened, asking
from tests.tally import comparing
from tests.views.compare_states import FREE, check_state, without

Event = dict[str, Any]


async def check_timeline(ledger: Opened, log: list[Event], issue: str, known: oracle.K, limit: int) -> None:
    """Compare the timeline of an issue, fact by fact."""
    with comparing("timelines"):
        assert await _timeline(ledger, issue, known, limit) == oracle.timeline(log, issue, known)


async def _timeline(ledger: Opened, issue: str, known: oracle.K, limit: int) -> list[Event]:
    facts: list[Event] = []
    after = 0
    counts = timeline.Known(known) if isinstance(known, int) else timeline.Known(known.position, known.day.toordinal())
    while True:
        page = await timeline.page(ledger.database, issue, counts, after=after, limit=limit)
        facts += [json.loads(told.body) for told in page.facts]
        if page.next is None:
            return facts
        assert page.facts
        after = page.next


async def check_difference(
    ledger: Opened, log: list[Event], issue: str, one: oracle.Point, other: oracle.Point, limit: int
) -> None:
    """Compare what changed with the oracle; what did not has the same answer at both points.

    Both Ks are positions, or both days of publication with one position.
    """
    with comparing("differences"):
        await _check_difference(ledger, log, issue, one, other, limit)


async def _check_difference(
    ledger: Opened, log: list[Event], issue: str, one: oracle.Point, other: oracle.Point, limit: int
) -> None:
    found = await _difference(ledger, issue, one, other, limit)
    sure = oracle.differing(log, issue, one, other)
    order = oracle.items_in_order(log, len(log))
    assert list(found) == [item for item in order if item in found]
    for item in order:
        kind = oracle.kind_of(log, item)
        answers = [await query.item(ledger.database, asking(*point), kind, item) for point in (one, other)]
        bodies = [None if each is None else json.loads(each.found.body) for each in answers]
        held = [body if body is not None and issue in body["issues"] else None for body in bodies]
        assert found.get(item, held) == held
        assert (item in found) == (held[0] != held[1])
        if item in found:
            for state, (day, known) in zip(held, (one, other), strict=True):
                if state is not None:
                    check_state(log, state, item, day, known)
                else:
                    assert oracle.state_in(log, issue, item, (day, known)) is None
        elif item in sure:  # where the rules leave a choice, the oracle's may have changed and ours not
            truth = [oracle.state_in(log, issue, item, point) for point in (one, other)]
            assert without(truth[0], FREE) == without(truth[1], FREE)


async def _difference(
    ledger: Opened, issue: str, one: oracle.Point, other: oracle.Point, limit: int
) -> dict[str, list[Event | None]]:
    days = one[0].toordinal(), other[0].toordinal()
    found: dict[str, list[Event | None]] = {}
    after = 0
    while True:
        if isinstance(one[1], oracle.Published) and isinstance(other[1], oracle.Published):
            then = Clocks(days[0], one[1].position, one[1].day.toordinal())
            now = Clocks(days[1], other[1].position, other[1].day.toordinal())
            page = await difference.published_page(ledger.database, issue, then, now, after=after, limit=limit)
        else:
            assert isinstance(one[1], int)
            assert isinstance(other[1], int)
            ends = Point(days[0], one[1]), Point(days[1], other[1])
            page = await difference.page(ledger.database, issue, *ends, after=after, limit=limit)
        for each in page.items:
            found[each.slug] = [None if state is None else json.loads(state) for state in (each.before, each.after)]
        if not page.more:
            return found
        after = page.items[-1].number


async def check_rectangles(
    ledger: Opened, log: list[Event], item: str, known: int, points: Iterable[tuple[date, int]], limit: int
) -> list[Event]:
    """Compare an item's history up to a position with the oracle's answers at some points (D, K); give the history.

    A point lies in the one rectangle whose state is the answer, or in none where there is no answer.
    """
    found = await _rectangles(ledger, oracle.kind_of(log, item), item, known, limit)
    assert found == sorted(found, key=lambda each: (each["valid_from"], each["known_from"]))
    for day, position in points:
        (state,) = [each["state"] for each in oracle.covering(found, day, position)] or [None]
        check_state(log, state, item, day, position)
    return found


async def _rectangles(ledger: Opened, kind: str, item: str, known: int, limit: int) -> list[Event]:
    found: list[Event] = []
    after = (0, 0)
    while True:
        page = await rectangles.page(ledger.database, kind, item, known, after=after, limit=limit)
        assert page is not None
        for each in page.rectangles:
            ends = [None if day is None else dates.iso(day) for day in (each.valid_from, each.valid_to)]
            names = ("valid_from", "valid_to", "known_from", "known_to", "state")
            values = (*ends, each.known_from, each.known_to, json.loads(each.state))
            found.append(dict(zip(names, values, strict=True)))
        if not page.more:
            return found
        after = (page.rectangles[-1].valid_from, page.rectangles[-1].known_from)


async def check_rectangles_published(
    ledger: Opened, log: list[Event], item: str, known: oracle.Published, points: Iterable[tuple[date, date]]
) -> None:
    """Compare an item's history as known up to a day of publication at some points (D, day of publication)."""
    found = await _rectangles_published(ledger, oracle.kind_of(log, item), item, known)
    for day, out in points:
        (state,) = [each["state"] for each in oracle.covering(found, day, out.toordinal())] or [None]
        check_state(log, state, item, day, oracle.Published(out, known.position))


async def _rectangles_published(ledger: Opened, kind: str, item: str, known: oracle.Published) -> list[Event]:
    """Its Ks are days, as ordinals."""
    every = await published.rectangles(ledger.database, kind, item, known.position, known.day.toordinal())
    assert [(each.valid_from, each.known_from) for each in every] == sorted(
        {(each.valid_from, each.known_from) for each in every}
    )
    bounds = [[None if day is None else dates.iso(day) for day in (each.valid_from, each.valid_to)] for each in every]
    return [
        {
            "valid_from": valid_from, "valid_to": valid_to, "known_from": each.known_from, "known_to": each.known_to,
            "state": json.loads(each.state),
        }
        for (valid_from, valid_to), each in zip(bounds, every, strict=True)
    ]  # fmt: skip
