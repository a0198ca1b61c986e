"""Whatever is recorded, in whatever order, every answer at any (D, K) equals that of the oracle."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from service.domain.vocabulary.kinds import KINDS
from service.rebuild.rebuild import rebuild
from tests import oracle
from tests.conftest import PostgresServer
from tests.examples import thorough
from tests.ledgers import Opened, fresh_postgres, fresh_sqlite, opened
from tests.strategies import FIRST_DAY, cut, days_near, days_published, histories
from tests.tally import comparing
from tests.views.compare_states import check_filters, check_issue, check_list, check_state

Event = dict[str, Any]

BETWEEN, REBUILT = 0.3, 0.3
"""The share of batches after which a question is asked, and of ledgers that are rebuilt in the end."""


async def check_answers(ledger: Opened, data: st.DataObject, history: list[Event]) -> None:
    """Compare every item, kind and issue at drawn days, at the head and at drawn positions."""
    log = await ledger.log()
    positions = sorted({len(log), data.draw(st.integers(0, len(log))), data.draw(st.integers(0, len(log)))})
    published = [oracle.Published(data.draw(days_published(log)), known) for known in (*positions, len(log))]
    clocks: list[oracle.K] = [*positions, *published]
    for known in clocks:
        day = data.draw(days_near(history))
        listed = {kind: await check_list(ledger, log, kind, day, known) for kind in KINDS}
        for kind in ("restriction", "clearance", "investigation"):
            await check_filters(ledger, kind, listed[kind], day, known)
        by_id = {state["id"]: state for found in listed.values() for state in found}
        for item in oracle.items_in_order(log, known):
            check_state(log, by_id.get(item), item, day, known)
        for issue in {issue for event in oracle.recorded_up_to(log, known) for issue in event["issues"]}:
            await check_issue(ledger, log, issue, day, known)
    day = data.draw(days_near(history))
    now = {kind: await ledger.kind(kind, day) for kind in KINDS}
    assert now == {kind: await ledger.kind(kind, day, len(log)) for kind in KINDS}


async def ask_between(ledger: Opened, day: date, draw: random.Random) -> None:
    """Compare the state of one item in the middle of a history, at the head or at a position before it."""
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
def test_every_answer_equals_the_oracle_on_sqlite(
    history: list[Event], seed: int, data: st.DataObject, sqlite_template: Path, tmp_path: Path
) -> None:
    """Items, lists and issues answered from SQLite are those of the oracle, now and at past positions."""
    with fresh_sqlite(sqlite_template, tmp_path) as url:
        asyncio.run(record_and_check(url, history, seed, data))


@thorough(0.3)
@given(history=histories(), seed=st.integers(0, 9), data=st.data())
def test_every_answer_equals_the_oracle_on_postgres(
    history: list[Event], seed: int, data: st.DataObject, postgres_server: PostgresServer, postgres_template: str
) -> None:
    """Items, lists and issues answered from PostgreSQL are those of the oracle, now and at past positions."""
    with fresh_postgres(postgres_server, postgres_template) as url:
        asyncio.run(record_and_check(url, history, seed, data))
