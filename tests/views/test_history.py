"""Timelines, differences, rectangles, exposure and words of any history equal the slow obvious ones, page by page."""

import asyncio
import json
import random
import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.api.exposure import ExposureQuery
from service.domain import dates, words
from service.domain.lifecycle import KINDS
from service.views import difference, exposure, published, query, rectangles, search, timeline
from service.views.difference import Point
from service.views.published import Clocks
from tests import oracle
from tests.conftest import PostgresServer
from tests.ledgers import Opened, asking
from tests.strategies import days_near, days_published, histories
from tests.tally import comparing
from tests.views.test_against_oracle import Check, check_state, record_and_check, thorough

Event = dict[str, Any]


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
            with comparing("timelines"):
                assert await timeline_of(ledger, issue, known, limit) == oracle.timeline(log, issue, known)


async def changes_of(
    ledger: Opened, issue: str, one: tuple[date, oracle.K], other: tuple[date, oracle.K], limit: int
) -> dict[str, list[Event | None]]:
    """Read a whole difference in pages."""
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


async def check_difference(
    ledger: Opened, log: list[Event], issue: str, one: tuple[date, oracle.K], other: tuple[date, oracle.K], limit: int
) -> None:
    """Compare what changed with the oracle; what did not has the same answer at both points."""
    with comparing("differences"):
        await _check_difference(ledger, log, issue, one, other, limit)


async def _check_difference(
    ledger: Opened, log: list[Event], issue: str, one: tuple[date, oracle.K], other: tuple[date, oracle.K], limit: int
) -> None:
    found = await changes_of(ledger, issue, one, other, limit)
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
        published = oracle.Published(data.draw(days_published(log)), late)
        await check_difference(ledger, log, issue, (first, published), (last, published), limit)
        sooner = published._replace(day=min(published.day, data.draw(days_published(log))))
        await check_difference(ledger, log, issue, (first, sooner), (first, published), limit)


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


async def history_published(ledger: Opened, kind: str, item: str, known: oracle.Published) -> list[Event]:
    """Read a whole history as known up to a day of publication; its Ks are days, as ordinals."""
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
                with comparing("points of rectangles"):
                    assert held == ([] if answer is None else [json.loads(answer.found.body)])
        (state,) = [rectangle["state"] for rectangle in oracle.covering(found, day, known)] or [None]
        check_state(log, state, item, day, known)
        out = data.draw(days_published(log))
        found = await history_published(ledger, kind, item, oracle.Published(out, known))
        for seen in {out, min(out, data.draw(days_published(log)))}:
            for each in (day - timedelta(1), day, day + timedelta(30)):
                held = [rectangle["state"] for rectangle in oracle.covering(found, each, seen.toordinal())]
                (state,) = held or [None]
                check_state(log, state, item, each, oracle.Published(seen, known))


QUESTIONS = {
    "good": ["dysprosium", "DY", "rare earths", "magnets", "3a090", "nothing"],
    "hs": ["28", "2805", "280530", "280540", "85", "850511", "850512", "90"],
    "eccn": ["3A090", "3A001"],
}


async def exposure_of(ledger: Opened, sought: exposure.Sought, ask: query.Ask, limit: int) -> list[str]:
    """Read what touches a good and a party in pages."""
    found: list[str] = []
    after = 0
    while True:
        page = await exposure.page(ledger.database, ask, sought, after=after, limit=limit)
        found += [each.slug for each in page.items]
        if not page.more:
            return found
        ask, after = page.basis.pinned(), page.items[-1].number


async def check_exposure(ledger: Opened, data: st.DataObject, history: list[Event]) -> None:
    """Compare what touches each good and party, as recorded and as published, however few are listed at a time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exposure, "CHUNK", data.draw(st.sampled_from([1, 3, exposure.CHUNK])))
        patch.setattr(exposure, "PART", data.draw(st.sampled_from([1, exposure.PART])))
        patch.setattr(exposure, "RARE", data.draw(st.sampled_from([1, exposure.RARE])))
        await _check_exposure(ledger, data, history)


async def _check_exposure(ledger: Opened, data: st.DataObject, history: list[Event]) -> None:
    log = await ledger.log()
    position = data.draw(st.integers(1, len(log)))
    limit = data.draw(st.sampled_from([1, 2, 50]))
    clocks: list[oracle.K] = [len(log), position, oracle.Published(data.draw(days_published(log)), position)]
    for known in clocks:
        day = data.draw(days_near(history))
        standing = oracle.states(log, day, known)
        for name, values in QUESTIONS.items():
            value, party = data.draw(st.sampled_from(values)), data.draw(st.sampled_from(["US", "CN", "EU", "GB"]))
            ended = data.draw(st.booleans())
            query_ = {"party": party, name: value} | ({"include": "ended"} if ended else {})
            asked = msgspec.convert(query_, ExposureQuery)
            found = await exposure_of(ledger, asked.sought(), asking(day, known), limit)
            with comparing("exposures"):
                assert found == oracle.exposed(standing, name, value, party, include_ended=ended), (name, value, party)


WORDS = ["dysprosium", "ISSUE", "an what", "magnets ohio", "rare earths", "us", "restriction-1", "3a090 huawei", "ß"]


async def check_words(ledger: Opened, data: st.DataObject, history: list[Event]) -> None:
    """Compare the lists of every kind by words, as recorded and as published."""
    log = await ledger.log()
    position = data.draw(st.integers(1, len(log)))
    limit = data.draw(st.sampled_from([1, 2, 50]))
    clocks: list[oracle.K] = [len(log), position, oracle.Published(data.draw(days_published(log)), position)]
    for known in clocks:
        day, asked = data.draw(days_near(history)), data.draw(st.sampled_from(WORDS))
        for kind in KINDS:
            found: list[str] = []
            after: int | None = 0
            while after is not None:
                ask, wanted = asking(day, known), query.Wanted(kind)
                page = await search.page(ledger.database, ask, wanted, words.of(asked), after=after, limit=limit)
                found += [each.slug for each in page.items]
                after = page.next
            truth = oracle.items_of_kind(log, kind, day, known)
            with comparing("lists"):
                assert found == [state["id"] for state in truth if oracle.has_words(state, asked)]


CHECKS: dict[str, Check] = {
    "exposure": check_exposure,
    "words": check_words,
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
