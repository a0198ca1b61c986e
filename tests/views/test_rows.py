"""What an event writes into the projections follows what it changes, not the length of an item's history."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.events import event, imposed, opening, record
from tests.ledgers import Event, Opened, opened

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

FACTS = 200
FIRST = date(2000, 1, 1)
pytestmark = pytest.mark.anyio


def day(number: int) -> str:
    return (FIRST + timedelta(number)).isoformat()


def amended(number: int, rate: float) -> Event:
    """Amend the rate so many days after the imposition."""
    return event("restriction.amended", "quota", "chips", occurred=day(number), rate_percent=rate)


IMPOSED = imposed("quota", "chips", occurred=day(0))
HISTORY = [IMPOSED, *(amended(2 * number, number % 50) for number in range(1, FACTS))]
"""An imposition, then another rate every second day: each fact rules until the next."""


@pytest.fixture
async def ledger(migrated_url: str) -> AsyncIterator[Opened]:
    """A ledger with an item that has a history."""
    async with opened(migrated_url) as running:
        await running.append([opening("chips"), *HISTORY])
        yield running


async def written(ledger: Opened, added: Event) -> tuple[int, int]:
    """Append an event; return how many rows of `version` and of `state` it wrote."""
    counted = "SELECT (SELECT count(*) FROM version), (SELECT count(*) FROM state)"
    ((versions, states),) = await ledger.database.fetch(counted)
    await ledger.append([added])
    ((more_versions, more_states),) = await ledger.database.fetch(counted)
    return more_versions - versions, more_states - states


async def test_a_fact_on_time_writes_one_version(ledger: Opened) -> None:
    """The version from its day on, with its state, and nothing else."""
    assert await written(ledger, amended(2 * FACTS, 60)) == (1, 1)


async def test_a_late_fact_writes_the_version_of_its_interval(ledger: Opened) -> None:
    """It rules from a day without a version to the next change, which is as it was."""
    assert await written(ledger, amended(3, 60)) == (1, 1)


async def test_a_late_fact_on_the_day_of_another_writes_one_version(ledger: Opened) -> None:
    """It takes the place of the version of that day."""
    assert await written(ledger, amended(4, 60)) == (1, 1)


async def test_a_correction_of_one_interval_writes_its_version(ledger: Opened) -> None:
    """A fact in the middle has another rate: its interval alone is another."""
    target = HISTORY[FACTS // 2]
    text = {name: value for name, value in target.items() if name != "id"} | {"rate_percent": 60}
    assert await written(ledger, record("corrected", target, event=text)) == (1, 1)


async def test_a_retraction_of_an_early_fact_writes_no_more(ledger: Opened) -> None:
    """What stood before stands on: the day of the fact has no version any more."""
    versions, states = await written(ledger, record("retracted", HISTORY[3]))
    assert (versions, states) == (0, 0)


async def test_a_late_suspension_that_ended_long_ago_writes_its_days(ledger: Opened) -> None:
    """It has an end far ahead, but another fact ended it: the days up to its end are not written."""
    suspended = event("restriction.suspended", "quota", "chips", occurred=day(3), until=day(9))
    await ledger.append([suspended, event("restriction.reinstated", "quota", "chips", occurred=day(5))])
    assert await written(ledger, suspended | {"id": str(uuid4()), "until": day(2 * FACTS)}) == (2, 2)


async def test_a_late_suspension_writes_what_has_another_beginning(ledger: Opened) -> None:
    """After it the item has been in force since another day: every later answer says so."""
    await ledger.append([event("restriction.reinstated", "quota", "chips", occurred=day(2 * FACTS - 5))])
    suspended = event("restriction.suspended", "quota", "chips", occurred=day(2 * FACTS - 7))
    assert await written(ledger, suspended) == (5, 5)


async def test_an_added_report_writes_the_states_that_list_its_fact(ledger: Opened) -> None:
    """Of a fact that rules for a while, that one state; of the opening, on which every answer rests, all of them."""
    report = [{"outlet": "Another ministry"}]
    assert await written(ledger, record("report_added", HISTORY[FACTS // 2], reports=report)) == (1, 1)
    assert await written(ledger, record("report_added", IMPOSED, reports=report)) == (FACTS, FACTS)


async def test_an_added_report_on_a_fact_that_no_answer_rests_on_writes_nothing(ledger: Opened) -> None:
    """A fact whose values another of its day replaced is in no state, nor is its new source."""
    hidden = amended(4, 60)
    await ledger.append([hidden, amended(4, 70)])
    assert await written(ledger, record("report_added", hidden, reports=[{"outlet": "Another ministry"}])) == (0, 0)
