"""Whatever is recorded, in whatever order, every answer at any (D, K) equals the slow obvious fold."""

import asyncio
import os
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import oracle
from tests.ledgers import Opened, opened
from tests.oracle import items_in_order
from tests.strategies import days_near, histories

EXAMPLES = int(os.environ.get("PARLEY_TEST_EXAMPLES", "150"))
relaxed = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


def cut(events: list[dict[str, Any]], seed: int) -> list[list[dict[str, Any]]]:
    """Cut a history into batches of one to five events."""
    sizes = random.Random(seed)
    batches = []
    while events:
        size = sizes.randint(1, 5)
        batches.append(events[:size])
        events = events[size:]
    return batches


def check_item(log: list[dict[str, Any]], state: dict[str, Any] | None, item: str, question: tuple[Any, int]) -> None:
    """Compare one item's state with the oracle's, field by field."""
    truth = oracle.item_state(log, item, *question)
    if truth is None or state is None:
        assert state == truth, (item, question)
        return
    rulers = oracle.alternative_rulers(log, item, *question)
    assert {each["status"] for each in state["alternatives"]} == {each["status"] for each in truth["alternatives"]}
    assert state["alternatives"][:1] == truth["alternatives"][:1]
    assert all(each["event"] in rulers[each["status"]] for each in state["alternatives"])
    assert state["next_change"] in ([*oracle.next_changes(log, item, *question)] or [None])
    same_day = {"alternatives", "next_change"}
    assert {name: value for name, value in state.items() if name not in same_day} == {
        name: value for name, value in truth.items() if name not in same_day
    }, (item, question)


async def check_all(ledger: Opened, data: st.DataObject, history: list[dict[str, Any]]) -> None:
    """Compare every item at drawn days, at every drawn position."""
    log = await ledger.log()
    for known in {len(log), data.draw(st.integers(0, len(log))), data.draw(st.integers(0, len(log)))}:
        day = data.draw(days_near(history))
        for kind in oracle.CHANGES:
            states = await ledger.kind(kind, day, known)
            truth = oracle.items_of_kind(log, kind, day, known)
            assert [state["id"] for state in states] == [state["id"] for state in truth]
        for item in items_in_order(log, known):
            kind = next(e["type"].split(".")[0] for e in log if e.get("item") == item and not oracle.is_record(e))
            check_item(log, await ledger.item(kind, item, day, known), item, (day, known))


@relaxed
@given(history=histories(), seed=st.integers(0, 9), data=st.data())
def test_every_state_equals_the_fold_on_sqlite(
    history: list[dict[str, Any]], seed: int, data: st.DataObject, sqlite_template: Path, tmp_path: Path
) -> None:
    """States from the projection on SQLite are those of the oracle, now and at past positions."""
    path = tmp_path / f"{random.getrandbits(64)}.db"
    shutil.copyfile(sqlite_template, path)

    async def run() -> None:
        async with opened(f"sqlite:///{path}") as ledger:
            for batch in cut(history, seed):
                await ledger.append(batch)
            await check_all(ledger, data, history)

    asyncio.run(run())
    path.unlink()


@pytest.mark.parametrize("kind", sorted(oracle.CHANGES))
def test_the_oracle_knows_every_kind(kind: str) -> None:
    """The vocabulary of the oracle and that of the service are the same."""
    from service.domain.lifecycle import KINDS  # noqa: PLC0415

    assert kind in KINDS
