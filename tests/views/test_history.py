"""Timelines, differences, rectangles, exposure and words of any history equal the oracle's, page by page."""

import asyncio
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.vocabulary.kinds import KINDS
from service.views.asof import candidates, touching
from tests import oracle
from tests.conftest import PostgresServer
from tests.examples import thorough
from tests.ledgers import Opened, fresh_postgres, fresh_sqlite
from tests.strategies import days_near, days_published, histories
from tests.tally import comparing
from tests.views.compare_histories import (
    check_all_differences,
    check_changes,
    check_difference,
    check_rectangles,
    check_rectangles_published,
    check_timeline,
)
from tests.views.compare_states import GOODS, PARTIES, WORDS, check_between, check_exposure, check_words
from tests.views.test_against_oracle import Check, record_and_check

Event = dict[str, Any]


def issues_of(log: list[Event]) -> list[str]:
    return sorted({issue for event in log for issue in event["issues"]})


async def check_timelines(ledger: Opened, data: st.DataObject, history: list[Event]) -> None:
    """Compare the timeline of every issue at every position, and as published."""
    log = await ledger.log()
    published = oracle.Published(data.draw(days_published(log)), data.draw(st.integers(1, len(log))))
    for known in (*range(len(log) + 1), published, published._replace(position=len(log))):
        for issue in issues_of(log):
            limit = data.draw(st.sampled_from([1, 2, 3, 50]))
            await check_timeline(ledger, log, issue, known, limit)


async def check_differences(ledger: Opened, data: st.DataObject, history: list[Event]) -> None:
    """Compare what changed in every issue between two days, and between two positions."""
    log = await ledger.log()
    first, last = sorted([data.draw(days_near(history)), data.draw(days_near(history))])
    early, late = sorted([data.draw(st.integers(0, len(log))), data.draw(st.integers(0, len(log)))])
    limit = data.draw(st.sampled_from([1, 2, 50]))
    for one, other in (((first, late), (last, late)), ((first, early), (first, late))):
        await check_all_differences(ledger, one, other, limit)
    for issue in issues_of(log):
        await check_difference(ledger, log, issue, (first, late), (last, late), limit)
        await check_difference(ledger, log, issue, (first, early), (first, late), limit)
        published = oracle.Published(data.draw(days_published(log)), late)
        await check_all_differences(ledger, (first, published), (last, published), limit)
        await check_difference(ledger, log, issue, (first, published), (last, published), limit)
        sooner = published._replace(day=min(published.day, data.draw(days_published(log))))
        await check_difference(ledger, log, issue, (first, sooner), (first, published), limit)


async def check_changes_of_days(ledger: Opened, data: st.DataObject, history: list[Event]) -> None:
    """Compare what changes on the days of three weeks, at drawn positions and days of publication."""
    log = await ledger.log()
    first = data.draw(days_near(history))
    positions = (data.draw(st.integers(1, len(log))), len(log))
    published = [oracle.Published(data.draw(days_published(log)), position) for position in positions]
    clocks: list[oracle.K] = [*positions, *published]
    kinds = sorted({oracle.kind_of(log, item) for item in oracle.items_in_order(log, len(log))})
    for known in clocks:
        limit = data.draw(st.sampled_from([1, 3, 50]))
        await check_changes(ledger, log, data.draw(st.sampled_from(kinds)), first, known, limit)


async def check_histories(ledger: Opened, data: st.DataObject, history: list[Event]) -> None:
    """Check that every (D, K) lies in the one rectangle whose state is the answer, or in none without an answer."""
    log = await ledger.log()
    known = data.draw(st.integers(1, len(log)))
    day = data.draw(days_near(history))
    limit = data.draw(st.sampled_from([1, 3, 50]))
    for item in oracle.items_in_order(log, known):
        found = await check_rectangles(ledger, log, item, known, [(day, known)], limit)
        for position in range(1, known + 1):
            for each in (day - timedelta(9), day - timedelta(1), day, day + timedelta(1), day + timedelta(30)):
                states = [rectangle["state"] for rectangle in oracle.covering(found, each, position)]
                answer = await ledger.item(oracle.kind_of(log, item), item, each, position)
                with comparing("points of rectangles"):
                    assert states == ([] if answer is None else [answer])
        out = data.draw(days_published(log))
        seen = {out, min(out, data.draw(days_published(log)))}
        points = product((day - timedelta(1), day, day + timedelta(30)), seen)
        await check_rectangles_published(ledger, log, item, oracle.Published(out, known), points)


async def check_exposures(ledger: Opened, data: st.DataObject, history: list[Event]) -> None:
    """Compare what touches each good and party, as recorded and as published, however few are listed at a time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "CHUNK", data.draw(st.sampled_from([1, 3, candidates.CHUNK])))
        patch.setattr(touching, "PART", data.draw(st.sampled_from([1, touching.PART])))
        patch.setattr(candidates, "RARE", data.draw(st.sampled_from([1, candidates.RARE])))
        await _check_exposures(ledger, data, history)


async def _check_exposures(ledger: Opened, data: st.DataObject, history: list[Event]) -> None:
    log = await ledger.log()
    position = data.draw(st.integers(1, len(log)))
    limit = data.draw(st.sampled_from([1, 2, 50]))
    clocks: list[oracle.K] = [len(log), position, oracle.Published(data.draw(days_published(log)), position)]
    for known in clocks:
        day = data.draw(days_near(history))
        standing = oracle.states(log, day, known)
        for name, values in GOODS.items():
            asked = {"party": data.draw(st.sampled_from(PARTIES)), name: data.draw(st.sampled_from(values))}
            ended = {"include": "ended"} if data.draw(st.booleans()) else {}
            await check_exposure(ledger, standing, asked | ended, day, known, limit)


async def check_partners(ledger: Opened, data: st.DataObject, history: list[Event]) -> None:
    """Compare what stands between partners with every state's own side, as recorded and as published."""
    log = await ledger.log()
    position = data.draw(st.integers(1, len(log)))
    clocks: list[oracle.K] = [len(log), position, oracle.Published(data.draw(days_published(log)), position)]
    for known in clocks:
        day = data.draw(days_near(history))
        standing = oracle.states(log, day, known)
        for a, b in (("US", "CN"), data.draw(st.permutations(PARTIES))[:2]):
            more = data.draw(st.fixed_dictionaries({}, optional=BESIDE))
            limit = data.draw(st.sampled_from([1, 2, 50]))
            await check_between(ledger, standing, {"a": a, "b": b, **more}, day, known, limit)


BESIDE: dict[str, st.SearchStrategy[Any]] = {
    "recent": st.integers(1, 60),
    "include": st.just("ended"),
    "hs": st.sampled_from(["2805", "8505", "90"]),
    "status": st.lists(
        st.sampled_from(["in_force", "lifted", "expired", "open", "made"]), min_size=1, max_size=2, unique=True
    ),
}
"""Filters beside the partners."""


async def check_lists_by_words(ledger: Opened, data: st.DataObject, history: list[Event]) -> None:
    """Compare the lists of every kind by words, as recorded and as published."""
    log = await ledger.log()
    position = data.draw(st.integers(1, len(log)))
    limit = data.draw(st.sampled_from([1, 2, 50]))
    clocks: list[oracle.K] = [len(log), position, oracle.Published(data.draw(days_published(log)), position)]
    for known in clocks:
        day, asked = data.draw(days_near(history)), data.draw(st.sampled_from(WORDS))
        for kind in KINDS:
            await check_words(ledger, log, kind, asked, (day, known), limit)


CHECKS: dict[str, Check] = {
    "changes": check_changes_of_days,
    "exposure": check_exposures,
    "between": check_partners,
    "words": check_lists_by_words,
    "timelines": check_timelines,
    "differences": check_differences,
    "histories": check_histories,
}


@thorough(0.6)
@given(history=histories(), seed=st.integers(0, 9), data=st.data(), check=st.sampled_from(sorted(CHECKS)))
def test_histories_equal_the_oracle_on_sqlite(
    history: list[Event], seed: int, data: st.DataObject, check: str, sqlite_template: Path, tmp_path: Path
) -> None:
    """Timelines, differences, rectangles, exposure and words from SQLite are those of the oracle."""
    with fresh_sqlite(sqlite_template, tmp_path) as url:
        asyncio.run(record_and_check(url, history, seed, data, CHECKS[check]))


@thorough(0.3)
@given(history=histories(), seed=st.integers(0, 9), data=st.data(), check=st.sampled_from(sorted(CHECKS)))
def test_histories_equal_the_oracle_on_postgres(
    history: list[Event],
    seed: int,
    data: st.DataObject,
    check: str,
    postgres_server: PostgresServer,
    postgres_template: str,
) -> None:
    """Timelines, differences, rectangles, exposure and words from PostgreSQL are those of the oracle."""
    with fresh_postgres(postgres_server, postgres_template) as url:
        asyncio.run(record_and_check(url, history, seed, data, CHECKS[check]))
