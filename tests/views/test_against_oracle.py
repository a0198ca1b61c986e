"""Whatever is recorded, in whatever order, every answer at any (D, K) equals the slow obvious fold."""

import asyncio
import os
import random
import shutil
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.domain import states
from service.domain.lifecycle import KINDS
from service.rebuild import rebuild
from service.views import postures, query
from tests import oracle
from tests.conftest import PostgresServer
from tests.ledgers import Opened, asking, opened
from tests.strategies import FIRST_DAY, days_near, days_published, histories
from tests.tally import comparing

Event = dict[str, Any]

# More on demand: PARLEY_TEST_EXAMPLES=5000 pytest tests/views/test_against_oracle.py
EXAMPLES = int(os.environ.get("PARLEY_TEST_EXAMPLES", "120"))


BETWEEN, REBUILT = 0.3, 0.3
"""How often a question is asked between two batches, and how often a ledger is rebuilt in the end."""

FILTERS: dict[str, Callable[[Event], bool]] = {
    "against:EU": lambda state: "EU" in state.get("against", ()),
    "good:dysprosium": lambda state: any(good["name"] == "dysprosium" for good in state.get("goods", ())),
    "issue:chips": lambda state: "chips" in state["issues"],
}
"""Tokens of restrictions, and what a state says that carries them."""


def thorough(share: float = 1.0) -> settings:
    """Run the asked number of examples, or a share of it."""
    return settings(
        max_examples=max(10, int(EXAMPLES * share)),
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def cut(events: list[Event], seed: int) -> list[list[Event]]:
    """Cut a history into batches of one to five events."""
    sizes = random.Random(seed)  # noqa: S311 - for variety, not for secrets
    batches = []
    while events:
        size = sizes.randint(1, 5)
        batches.append(events[:size])
        events = events[size:]
    return batches


def check_state(log: list[Event], state: Event | None, item: str, day: date, known: oracle.K) -> None:
    """Compare one item's state with the oracle's, field by field.

    Where the rules leave a choice (which of several ruling facts an alternative names, which of a day's changes is the
    next), any that they allow is right.
    """
    with comparing("states"):
        _check_state(log, state, item, day, known)


def _check_state(log: list[Event], state: Event | None, item: str, day: date, known: oracle.K) -> None:
    truth = oracle.item_state(log, item, day, known)
    if truth is None or state is None:
        assert state == truth, (item, day, known)
        return
    rulers = oracle.alternative_rulers(log, item, day, known)
    assert {each["status"] for each in state["alternatives"]} == {each["status"] for each in truth["alternatives"]}
    assert state["alternatives"][:1] == truth["alternatives"][:1]
    assert all(each["event"] in rulers[each["status"]] for each in state["alternatives"])
    following: list[Event | None] = [*oracle.next_changes(log, item, day, known)]
    assert state["next_change"] in (following or [None])
    free = {"alternatives", "next_change"}
    assert {name: value for name, value in state.items() if name not in free} == {
        name: value for name, value in truth.items() if name not in free
    }, (item, day, known)


async def check_issue(ledger: Opened, log: list[Event], issue: str, day: date, known: oracle.K) -> None:
    """Compare an issue's version, posture and items with the oracle's."""
    with comparing("issues"):
        await _check_issue(ledger, log, issue, day, known)


async def _check_issue(ledger: Opened, log: list[Event], issue: str, day: date, known: oracle.K) -> None:
    page = await query.issue_page(ledger.database, asking(day, known), issue, ended=False, after=0, limit=1_000)
    truth = oracle.issue_state(log, issue, day, known)
    if truth is None or page.own is None:
        assert (truth, page.own) == (None, None)
        return
    held = await postures.statuses(ledger.database, asking(day, known), [issue])
    assert page.version == truth["version"]
    assert states.posture(page.own.found.status, held[issue]) == truth["posture"]
    found = [(each.kind, each.slug) for each in page.items]
    assert sorted(found) == sorted((kind, each["id"]) for kind, items in truth["items"].items() for each in items)


async def paged(ledger: Opened, kind: str, day: date, known: oracle.K) -> list[str]:
    """Read a kind's list in pages of two; give the names."""
    names: list[str] = []
    after, more = 0, True
    while more:
        page = await query.page(ledger.database, asking(day, known), query.Wanted(kind), after=after, limit=2)
        names += [found.slug for found in page.items]
        after, more = page.items[-1].number if page.items else 0, page.more
    return names


async def check_filters(ledger: Opened, listed: list[Event], day: date, known: oracle.K) -> None:
    """Compare lists by filter with what the whole list has of it."""
    for token, holds in FILTERS.items():
        found = await ledger.kind("restriction", day, known, token)
        with comparing("lists"):
            assert [state["id"] for state in found] == [state["id"] for state in listed if holds(state)], token


async def check_answers(ledger: Opened, data: st.DataObject, history: list[Event]) -> None:
    """Compare every item, kind and issue at drawn days, at the head and at drawn positions."""
    log = await ledger.log()
    positions = sorted({len(log), data.draw(st.integers(0, len(log))), data.draw(st.integers(0, len(log)))})
    published = [oracle.Published(data.draw(days_published(log)), known) for known in (*positions, len(log))]
    clocks: list[oracle.K] = [*positions, *published]
    for known in clocks:
        day = data.draw(days_near(history))
        listed = {kind: await ledger.kind(kind, day, known) for kind in KINDS}
        for kind, found in listed.items():
            truth = oracle.items_of_kind(log, kind, day, known)
            with comparing("lists"):
                assert [state["id"] for state in found] == [state["id"] for state in truth]
                assert await paged(ledger, kind, day, known) == [state["id"] for state in truth]
        await check_filters(ledger, listed["restriction"], day, known)
        by_id = {state["id"]: state for found in listed.values() for state in found}
        for item in oracle.items_in_order(log, known):
            check_state(log, by_id.get(item), item, day, known)
        for issue in {issue for event in oracle.recorded_up_to(log, known) for issue in event["issues"]}:
            await check_issue(ledger, log, issue, day, known)
    day = data.draw(days_near(history))
    now = {kind: await ledger.kind(kind, day) for kind in KINDS}
    assert now == {kind: await ledger.kind(kind, day, len(log)) for kind in KINDS}


async def ask_between(ledger: Opened, day: date, draw: random.Random) -> None:
    """Compare the state of one item in the midst of a history, at the head or at a position before it."""
    log = await ledger.log()
    known = draw.randint(1, len(log))
    item = draw.choice(oracle.items_in_order(log, known))
    check_state(log, await ledger.item(oracle.kind_of(log, item), item, day, known), item, day, known)


Check = Callable[[Opened, st.DataObject, list[Event]], Awaitable[None]]


async def record_and_check(
    url: str, history: list[Event], seed: int, data: st.DataObject, check: Check = check_answers
) -> None:
    """Record a history in batches, up to three days apart, with a question now and then; then compare, and rebuild."""
    steps = random.Random(seed)  # noqa: S311 - for variety
    moment = datetime.combine(FIRST_DAY, time(9), UTC)
    async with opened(url) as ledger:
        for batch in cut(history, seed):
            moment += timedelta(days=steps.randint(0, 3), seconds=1)
            await ledger.append(batch, at=int(moment.timestamp()) * 1_000_000)
            if steps.random() < BETWEEN:
                await ask_between(ledger, data.draw(days_near(history)), steps)
        await check(ledger, data, history)
        if steps.random() < REBUILT:
            with comparing("rebuilds"):
                assert (await rebuild(ledger.database)).same


@thorough()
@given(history=histories(), seed=st.integers(0, 9), data=st.data())
def test_every_answer_equals_the_fold_on_sqlite(
    history: list[Event], seed: int, data: st.DataObject, sqlite_template: Path, tmp_path: Path
) -> None:
    """Items, lists and issues answered from SQLite are those of the oracle, now and at past positions."""
    path = tmp_path / f"{random.getrandbits(64)}.db"
    shutil.copyfile(sqlite_template, path)
    asyncio.run(record_and_check(f"sqlite:///{path}", history, seed, data))


@thorough(0.3)
@given(history=histories(), seed=st.integers(0, 9), data=st.data())
def test_every_answer_equals_the_fold_on_postgres(
    history: list[Event], seed: int, data: st.DataObject, postgres_server: PostgresServer, postgres_template: str
) -> None:
    """Items, lists and issues answered from PostgreSQL are those of the oracle, now and at past positions."""
    url = postgres_server.create(postgres_template)
    try:
        asyncio.run(record_and_check(url, history, seed, data))
    finally:
        postgres_server.drop(url)
