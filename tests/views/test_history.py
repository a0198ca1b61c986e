"""Timelines, differences and rectangles of any history equal the slow obvious ones, page by page."""

import asyncio
import json
import random
import shutil
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from service.domain import dates
from service.views import difference, query, rectangles, timeline
from service.views.difference import Point
from tests import oracle
from tests.conftest import PostgresServer
from tests.ledgers import Opened, opened
from tests.strategies import days_near, days_published, histories
from tests.views.test_against_oracle import check_state, cut, thorough

Event = dict[str, Any]
Check = Callable[[Opened, st.DataObject, list[Event]], Awaitable[None]]


def issues_of(log: list[Event]) -> list[str]:
    return sorted({issue for event in log for issue in event["issues"]})


async def timeline_of(ledger: Opened, issue: str, known: oracle.K, limit: int) -> list[Event]:
    """Read a whole timeline in pages."""
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


async def check_timelines(ledger: Opened, data: st.DataObject, history: list[Event]) -> None:
    """Compare the timeline of every issue at every position, and as published."""
    log = await ledger.log()
    published = oracle.Published(data.draw(days_published(log)), data.draw(st.integers(1, len(log))))
    for known in (*range(len(log) + 1), published, published._replace(position=len(log))):
        for issue in issues_of(log):
            limit = data.draw(st.sampled_from([1, 2, 3, 50]))
            assert await timeline_of(ledger, issue, known, limit) == oracle.timeline(log, issue, known)


async def changes_of(ledger: Opened, issue: str, one: Point, other: Point, limit: int) -> dict[str, list[Event | None]]:
    """Read a whole difference in pages."""
    found: dict[str, list[Event | None]] = {}
    after = 0
    while True:
        page = await difference.page(ledger.database, issue, one, other, after=after, limit=limit)
        for each in page.items:
            found[each.slug] = [None if state is None else json.loads(state) for state in (each.before, each.after)]
        if not page.more:
            return found
        after = page.items[-1].number


async def check_difference(
    ledger: Opened, log: list[Event], issue: str, one: tuple[date, int], other: tuple[date, int], limit: int
) -> None:
    """Compare what changed with the oracle; what did not has the same answer at both points."""
    ends = [Point(day.toordinal(), known) for day, known in (one, other)]
    found = await changes_of(ledger, issue, ends[0], ends[1], limit)
    sure = oracle.differing(log, issue, one, other)
    order = oracle.items_in_order(log, len(log))
    assert list(found) == [item for item in order if item in found]
    for item in order:
        kind = oracle.kind_of(log, item)
        answers = [await query.item(ledger.database, query.Ask(*end), kind, item) for end in ends]
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
            free = {"alternatives", "next_change"}
            assert without(truth[0], free) == without(truth[1], free)


def without(state: Event | None, names: set[str]) -> Event | None:
    return None if state is None else {name: value for name, value in state.items() if name not in names}


async def check_differences(ledger: Opened, data: st.DataObject, history: list[Event]) -> None:
    """Compare what changed in every issue between two days, and between two positions."""
    log = await ledger.log()
    first, last = sorted([data.draw(days_near(history)), data.draw(days_near(history))])
    early, late = sorted([data.draw(st.integers(0, len(log))), data.draw(st.integers(0, len(log)))])
    limit = data.draw(st.sampled_from([1, 2, 50]))
    for issue in issues_of(log):
        await check_difference(ledger, log, issue, (first, late), (last, late), limit)
        await check_difference(ledger, log, issue, (first, early), (first, late), limit)


async def history_of(ledger: Opened, kind: str, item: str, known: int, limit: int) -> list[Event]:
    """Read a whole history in pages."""
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


async def check_histories(ledger: Opened, data: st.DataObject, history: list[Event]) -> None:
    """Every (D, K) lies in the one rectangle whose state is the answer there, or in none where there is no answer."""
    log = await ledger.log()
    known = data.draw(st.integers(1, len(log)))
    day = data.draw(days_near(history))
    limit = data.draw(st.sampled_from([1, 3, 50]))
    for item in oracle.items_in_order(log, known):
        kind = oracle.kind_of(log, item)
        found = await history_of(ledger, kind, item, known, limit)
        assert found == sorted(found, key=lambda each: (each["valid_from"], each["known_from"]))
        for position in range(1, known + 1):
            for each in (day - timedelta(9), day - timedelta(1), day, day + timedelta(1), day + timedelta(30)):
                held = [rectangle["state"] for rectangle in oracle.covering(found, each, position)]
                answer = await query.item(ledger.database, query.Ask(each.toordinal(), position), kind, item)
                assert held == ([] if answer is None else [json.loads(answer.found.body)])
        (state,) = [rectangle["state"] for rectangle in oracle.covering(found, day, known)] or [None]
        check_state(log, state, item, day, known)


async def record_and_check(url: str, history: list[Event], seed: int, data: st.DataObject, check: Check) -> None:
    """Record a history in batches, then compare."""
    async with opened(url) as ledger:
        for batch in cut(history, seed):
            await ledger.append(batch)
        await check(ledger, data, history)


CHECKS: dict[str, Check] = {
    "timelines": check_timelines,
    "differences": check_differences,
    "histories": check_histories,
}


@thorough(0.6)
@given(history=histories(), seed=st.integers(0, 9), data=st.data(), check=st.sampled_from(sorted(CHECKS)))
def test_the_history_of_anything_on_sqlite(
    history: list[Event], seed: int, data: st.DataObject, check: str, sqlite_template: Path, tmp_path: Path
) -> None:
    """Timelines, differences and rectangles from SQLite are those of the oracle."""
    path = tmp_path / f"{random.getrandbits(64)}.db"
    shutil.copyfile(sqlite_template, path)
    asyncio.run(record_and_check(f"sqlite:///{path}", history, seed, data, CHECKS[check]))


@thorough(0.3)
@given(history=histories(), seed=st.integers(0, 9), data=st.data(), check=st.sampled_from(sorted(CHECKS)))
def test_the_history_of_anything_on_postgres(
    history: list[Event],
    seed: int,
    data: st.DataObject,
    check: str,
    postgres_server: PostgresServer,
    postgres_template: str,
) -> None:
    """Timelines, differences and rectangles from PostgreSQL are those of the oracle."""
    url = postgres_server.create(postgres_template)
    try:
        asyncio.run(record_and_check(url, history, seed, data, CHECKS[check]))
    finally:
        postgres_server.drop(url)
