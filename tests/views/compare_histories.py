"""Timelines, differences and rectangles, read in pages and compared with those of the oracle."""

import json
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import msgspec

from service.api.change_forms import dated
from service.domain.vocabulary import dates
from service.domain.vocabulary.kinds import KINDS
from service.domain.vocabulary.terms import terms_of_kind
from service.views.asof import difference, timeline, versions
from service.views.asof.basis import resolve
from service.views.asof.changes import Wanted, change_page
from service.views.asof.difference import Point
from service.views.asof.engine import engine_of
from service.views.asof.question import Basis
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
    basis = await based(ledger, known)
    while True:
        page = await timeline.timeline_page(ledger.database, basis, issue, after=after, limit=limit)
        facts += [json.loads(fact.body) for fact in page.facts]
        if page.next is None:
            return facts
        assert page.facts
        after = page.next


async def based(ledger: Opened, known: oracle.K, day: date = date.min) -> Basis:
    """Resolve a day and a K."""
    return await resolve(ledger.database, asking(day, known))


async def check_difference(
    ledger: Opened, log: list[Event], issue: str, one: oracle.Point, other: oracle.Point, limit: int
) -> None:
    """Compare what changed with the oracle; an item that did not change has the same answer at both points.

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
        questions = [asking(*point) for point in (one, other)]
        answers = [await engine_of(each).item(ledger.database, each, kind, item) for each in questions]
        bodies = [None if each is None else json.loads(each.state.body) for each in answers]
        states = [body if body is not None and issue in body["issues"] else None for body in bodies]
        assert found.get(item, states) == states
        assert (item in found) == (states[0] != states[1])
        if item in found:
            for state, (day, known) in zip(states, (one, other), strict=True):
                if state is not None:
                    check_state(log, state, item, day, known)
                else:
                    assert oracle.state_in(log, issue, item, (day, known)) is None
        elif item in sure:  # where the rules leave a choice, the oracle's may have changed and ours not
            truth = [oracle.state_in(log, issue, item, point) for point in (one, other)]
            assert without(truth[0], FREE) == without(truth[1], FREE)


async def check_all_differences(ledger: Opened, one: oracle.Point, other: oracle.Point, limit: int) -> None:
    """Compare what changed across issues with the states of every kind at both points."""
    before, after = [
        {state["id"]: state for kind in KINDS for state in await ledger.kind(kind, *point)} for point in (one, other)
    ]
    found = await _difference(ledger, None, one, other, limit)
    with comparing("differences"):
        assert found == {
            name: [before.get(name), after.get(name)]
            for name in before.keys() | after.keys()
            if before.get(name) != after.get(name)
        }


async def _difference(
    ledger: Opened, issue: str | None, one: oracle.Point, other: oracle.Point, limit: int
) -> dict[str, list[Event | None]]:
    ends = [
        Point(day.toordinal(), known if isinstance(known, int) else known.day.toordinal())
        for day, known in (one, other)
    ]
    found: dict[str, list[Event | None]] = {}
    after: int | None = 0
    basis = await based(ledger, other[1], other[0])
    while after is not None:
        page = await difference.change_page(
            ledger.database,
            basis,
            difference.WantedDiff(issue),
            difference.Points(ends[0], ends[1]),
            after=after,
            limit=limit,
        )
        for each in page.items:
            found[each.slug] = [None if state is None else json.loads(state) for state in (each.before, each.after)]
        after = page.next
    return found


async def check_rectangles(
    ledger: Opened, log: list[Event], item: str, known: int, points: Iterable[tuple[date, int]], limit: int
) -> list[Event]:
    """Compare an item's history up to a position with the oracle's answers at some points (D, K); return the history.

    A point lies in the one rectangle whose state is the answer, or in none where there is no answer.
    """
    found = await _rectangles(ledger, oracle.kind_of(log, item), item, known, limit)
    assert found == sorted(found, key=lambda each: (each["valid_from"], each["known_from"]))
    for day, position in points:
        (state,) = [each["state"] for each in oracle.covering(found, day, position)] or [None]
        check_state(log, state, item, day, position)
    return found


async def _rectangles(ledger: Opened, kind: str, item: str, known: oracle.K, limit: int) -> list[Event]:
    """Read a history in pages; as published its Ks are days, as ordinals."""
    found: list[Event] = []
    after = (0, 0)
    basis = await based(ledger, known)
    while True:
        page = await versions.version_page(ledger.database, basis, kind, item, after=after, limit=limit)
        if page is None:
            assert isinstance(known, oracle.Published)
            return found
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
    found = await _rectangles(ledger, oracle.kind_of(log, item), item, known, limit=3)
    assert found == sorted(found, key=lambda each: (each["valid_from"], each["known_from"]))
    for day, out in points:
        (state,) = [each["state"] for each in oracle.covering(found, day, out.toordinal())] or [None]
        check_state(log, state, item, day, oracle.Published(out, known.position))


async def check_changes(ledger: Opened, log: list[Event], kind: str, first: date, known: oracle.K, limit: int) -> None:
    """Compare the changes of a kind's items in three weeks with the states that the oracle has day by day."""
    last = first + timedelta(21)
    expected: list[Event] = []
    before = _by_id(log, kind, first - timedelta(1), known)
    for number in range(first.toordinal(), last.toordinal() + 1):
        after = _by_id(log, kind, date.fromordinal(number), known)
        for item in oracle.items_in_order(log, known):
            was, now = before.get(item), after.get(item)
            names = {
                name for name in ("status", *terms_of_kind(kind)) if (was or {}).get(name) != (now or {}).get(name)
            }
            if names:
                day = date.fromordinal(number).isoformat()
                expected.append({"day": day, "item": item, "before": _side(was, names), "after": _side(now, names)})
        before = after
    with comparing("changes"):
        assert await _changes(ledger, kind, (first, last), known, limit) == expected


def _by_id(log: list[Event], kind: str, day: date, known: oracle.K) -> dict[str, Event]:
    return {state["id"]: state for state in oracle.items_of_kind(log, kind, day, known)}


def _side(state: Event | None, names: set[str]) -> Event:
    if state is None:
        return {"status": None, "terms": {}}
    return {"status": state["status"], "terms": {name: state[name] for name in names - {"status"} if name in state}}


async def _changes(ledger: Opened, kind: str, days: tuple[date, date], known: oracle.K, limit: int) -> list[Event]:
    """Read the changes in pages; each is what the API answers, without what the states do not have."""
    found: list[Event] = []
    after = (0, 0)
    basis = await based(ledger, known)
    wanted = Wanted(days[0].toordinal(), days[1].toordinal(), (kind,))
    while True:
        page = await change_page(ledger.database, basis, wanted, after, limit)
        found += [json.loads(msgspec.json.encode(dated(each))) for each in page.items]
        assert len(page.items) <= limit
        if page.next is None:
            return [{name: each[name] for name in ("day", "item", "before", "after")} for each in found]
        assert page.next > after
        after = page.next
