"""What an answer shows when it is asked to: every fact or none, and items that are only planned."""

import asyncio
import json
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.api.exposure import ExposureQuery
from service.domain.vocabulary.kinds import KINDS
from service.views.asof import lists, sources
from service.views.asof.engine import engine_of
from service.views.asof.question import Included, ItemState, StateFilter
from service.views.asof.touching import touching_page
from service.views.asof.weighing import PageWork
from tests import oracle
from tests.conftest import PostgresServer
from tests.events import imposed, opening
from tests.examples import thorough
from tests.ledgers import Opened, asking, fresh_postgres, fresh_sqlite, opened
from tests.strategies import FIRST_DAY, cut, days_near, days_published, histories
from tests.tally import comparing
from tests.views.compare_states import FREE, GOODS, PARTIES, check_state, without

Event = dict[str, Any]


async def standing(ledger: Opened, kind: str, day: date, known: oracle.K) -> list[ItemState]:
    """Return the states of a kind, planned items among them, read in pages of three."""
    question = asking(day, known)
    found: list[ItemState] = []
    after: int | None = 0
    while after is not None:
        wanted = StateFilter(kind, planned=True)
        page = await lists.page(ledger.database, question, lists.Search(wanted), after=after, limit=3, work=PageWork())
        found += page.items
        question, after = page.basis.pinned(), page.next
    return found


async def check_kind(ledger: Opened, log: list[Event], kind: str, day: date, known: oracle.K) -> list[Event]:
    """Compare a list with planned items, each with all its facts, those standing and none; return the states."""
    found = await standing(ledger, kind, day, known)
    truth = oracle.items_of_kind(log, kind, day, known, include_planned=True)
    with comparing("lists"):
        assert [each.slug for each in found] == [state["id"] for state in truth]
        planned = StateFilter(kind, marks=[["status:planned"]], planned=True)
        question = asking(day, known)
        page = await lists.page(ledger.database, question, lists.Search(planned), after=0, limit=1_000, work=PageWork())
        assert [each.slug for each in page.items] == [each["id"] for each in truth if each["status"] == "planned"]
    for shown in get_args(sources.Sources):
        answered = await sources.with_sources(ledger.database, page.basis, found, None, shown)
        assert answered.next is None
        for each in answered.items:
            state = json.loads(each.body)
            expected = oracle.item_state(log, each.slug, day, known, sources=shown, include_planned=True)
            with comparing("states"):
                assert without(state, FREE) == without(expected, FREE), (each.slug, day, known, shown)
    for each in found:
        question = asking(day, known)
        one = await engine_of(question).item(ledger.database, question, kind, each.slug, planned=True)
        assert one is not None
        assert one.state.body == each.body
        if each.status == "planned":
            assert await engine_of(question).item(ledger.database, question, kind, each.slug) is None
    return truth


async def check_issue(ledger: Opened, log: list[Event], issue: str, day: date, known: oracle.K) -> None:
    """Compare the items on an issue's page with planned ones, whole and one by one."""
    question = asking(day, known)
    truth = [
        state
        for state in oracle.states(log, day, known, include_planned=True)
        if issue in state["issues"] and state["kind"] != "issue"
    ]
    for ended in (True, False):
        expected = [state["id"] for state in truth if ended or not oracle.has_ended(state)]
        for limit in (1, 1_000):
            found: list[str] = []
            after: int | None = 0
            while after is not None:
                included = Included(ended=ended, planned=True)
                page = await engine_of(question).issue_page(
                    ledger.database, question, issue, included, after=after, limit=limit
                )
                found += [each.slug for each in page.items]
                after = page.next
            with comparing("issues"):
                assert found == expected, (issue, day, known, ended, limit)


async def check_exposure(ledger: Opened, states: list[Event], name: str, day: date, known: oracle.K) -> None:
    """Compare what touches goods and parties, planned items among it."""
    question = asking(day, known)
    for value in GOODS[name]:
        for party in PARTIES[:2]:
            asked = {name: value, "party": party, "include": "ended,planned"}
            wanted = msgspec.convert(asked, ExposureQuery).filter(day.toordinal())
            page = await touching_page(ledger.database, question, wanted, after=0, limit=1_000)
            truth = oracle.exposed(states, name, value, party, day, include_ended=True)
            with comparing("exposures"):
                assert [each.slug for each in page.items] == truth, asked


async def record_and_check(url: str, history: list[Event], seed: int, data: st.DataObject) -> None:
    """Record a history in batches; compare what is shown at the head, at a position and by a day of publication."""
    moment = datetime.combine(FIRST_DAY, time(9), UTC)
    async with opened(url) as ledger:
        for batch in cut(history, seed):
            moment += timedelta(days=1)
            await ledger.append(batch, at=int(moment.timestamp()) * 1_000_000)
        log = await ledger.log()
        known = data.draw(st.integers(0, len(log)))
        clocks: list[oracle.K] = [len(log), known, oracle.Published(data.draw(days_published(log)), len(log))]
        for clock in clocks:
            day = data.draw(days_near(history))
            found = [state for kind in KINDS for state in await check_kind(ledger, log, kind, day, clock)]
            in_order = {item: place for place, item in enumerate(oracle.items_in_order(log, clock))}
            found.sort(key=lambda state: in_order[state["id"]])
            await check_exposure(ledger, found, data.draw(st.sampled_from(sorted(GOODS))), day, clock)
            for issue in {issue for event in log for issue in event["issues"]}:
                await check_issue(ledger, log, issue, day, clock)


@thorough(0.5)
@given(history=histories(), seed=st.integers(0, 9), data=st.data())
def test_what_is_shown_equals_the_oracle_on_sqlite(
    history: list[Event], seed: int, data: st.DataObject, sqlite_template: Path, tmp_path: Path
) -> None:
    """Facts as they are asked for, and planned items where they are asked for, from SQLite."""
    with fresh_sqlite(sqlite_template, tmp_path) as url:
        asyncio.run(record_and_check(url, history, seed, data))


@thorough(0.2)
@given(history=histories(), seed=st.integers(0, 9), data=st.data())
def test_what_is_shown_equals_the_oracle_on_postgres(
    history: list[Event], seed: int, data: st.DataObject, postgres_server: PostgresServer, postgres_template: str
) -> None:
    """Facts as they are asked for, and planned items where they are asked for, from PostgreSQL."""
    with fresh_postgres(postgres_server, postgres_template) as url:
        asyncio.run(record_and_check(url, history, seed, data))


LONG = 70


def long_history(same: int) -> list[Event]:
    """Make a duty that is imposed again on each of many days: on the first of them at the same rate."""
    days = [date(2024, 1, 1) + timedelta(number) for number in range(LONG + 1)]
    return [
        imposed(
            "duty",
            "trade",
            occurred=day.isoformat(),
            rate_percent=max(number - same, 0),
            reports=[{"outlet": "A ministry", "published": day.isoformat()}],
        )
        for number, day in enumerate(days)
    ]


@pytest.mark.anyio
@pytest.mark.parametrize("same", [0, 30])
async def test_more_changes_to_come_than_are_shown(migrated_url: str, same: int) -> None:
    """They are counted, and the next change is found after those that change nothing; also at a K before the head."""
    async with opened(migrated_url) as ledger:
        await ledger.append([opening("trade", occurred="2023-12-01")])
        history = long_history(same)
        for batch in (history[:40], history[40:]):
            await ledger.append(batch)
        log = await ledger.log()
        for day in (date(2024, 1, 1), date(2024, 1, 3), date(2024, 2, 10), date(2024, 2, 28)):
            for known in (len(log), 41, oracle.Published(date(2024, 2, 20), len(log)), oracle.Published(day, len(log))):
                state = await ledger.item("restriction", "duty", day, known)
                check_state(log, state, "duty", day, known)
        state = await ledger.item("restriction", "duty", date(2024, 1, 1), len(log))
        assert state is not None
        assert (len(state["upcoming"]), state["upcoming_more"]) == (20, LONG - 20)
        assert state["next_change"]["on"] == (date(2024, 1, 1) + timedelta(same + 1)).isoformat()
