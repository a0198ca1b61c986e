"""The postures of issues as they are kept: whoever writes, and whatever of it fails, they are those of the items."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import TYPE_CHECKING

import pytest

from service.domain.errors import TooMuchWork
from service.rebuild.rebuild import rebuild
from service.views.asof import recorded
from service.views.asof.question import Question
from tests.events import corrected, event, imposed, opening, record
from tests.ledgers import Event, Opened, opened

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

pytestmark = pytest.mark.anyio
ROUNDS, ITEMS = 12, 5


@pytest.fixture
async def ledger(migrated_url: str) -> AsyncIterator[Opened]:
    """A ledger with two issues."""
    async with opened(migrated_url) as running:
        await running.append([opening("chips"), opening("metals")])
        yield running


async def posture(ledger: Opened, issue: str, day: str) -> tuple[str, str]:
    """Return the posture of an issue on a day as known now, and how sure it is."""
    (head,) = await ledger.database.fetch("SELECT position FROM head")
    question = Question(date.fromisoformat(day).toordinal(), head[0])
    return (await recorded.summaries(ledger.database, question, [issue]))[issue].posture


async def written(ledger: Opened, *added: Event) -> tuple[int, int]:
    """Append events; return how many rows of `bearing` and of `posture` they wrote."""
    counted = "SELECT (SELECT count(*) FROM bearing), (SELECT count(*) FROM posture)"
    ((bearings, postures),) = await ledger.database.fetch(counted)
    await ledger.append(added)
    ((more_bearings, more_postures),) = await ledger.database.fetch(counted)
    return more_bearings - bearings, more_postures - postures


async def test_an_item_bears_on_every_issue_that_it_belongs_to(ledger: Opened, migrated_url: str) -> None:
    """An event that names one of an item's issues is seen in the posture of the other, by a writer that is new too."""
    first = imposed("quota", "chips", occurred="2025-01-01")
    await ledger.append([first, event("restriction.amended", "quota", "metals", occurred="2025-02-01")])
    async with opened(migrated_url) as other:
        await other.append([event("restriction.lifted", "quota", "metals", occurred="2025-03-01")])
    found = [await posture(ledger, issue, day) for day in ("2025-01-15", "2025-02-15", "2025-03-15")
             for issue in ("chips", "metals")]  # fmt: skip
    names = ["restricted", "open", "restricted", "restricted", "open", "open"]
    assert found == [(name, "certain") for name in names]
    assert (await rebuild(ledger.database)).same


async def test_a_fact_that_moves_takes_its_bearing_along(ledger: Opened) -> None:
    """A correction puts an imposition on another item, of another issue; its retraction puts it back."""
    first = imposed("quota", "chips", occurred="2025-01-01")
    moved = corrected(first, first | {"item": "ban", "issues": ["metals"]})
    await ledger.append([first])
    for added, names in ((moved, ("open", "restricted")), (record("retracted", moved), ("restricted", "open"))):
        await ledger.append([added])
        found = [(await posture(ledger, issue, "2025-02-01"))[0] for issue in ("chips", "metals")]
        assert found == [*names]
    assert (await rebuild(ledger.database)).same


async def test_only_what_changes_a_posture_writes_one(ledger: Opened) -> None:
    """Of two measures in force the second is in the tally and writes no posture; nor do other terms, or a late fact."""
    assert await written(ledger, imposed("quota", "chips", occurred="2025-01-01")) == (1, 1)
    assert await written(ledger, imposed("ban", "chips", occurred="2025-02-01")) == (1, 0)
    assert await written(ledger, event("restriction.eased", "ban", "chips", occurred="2025-03-01")) == (0, 0)
    late = event("restriction.suspended", "ban", "chips", occurred="2025-02-10", until="2025-02-20")
    assert await written(ledger, late) == (4, 0)
    assert await written(ledger, event("issue.revised", "chips", "chips", title="Chips")) == (0, 0)
    lifted = event("restriction.lifted", "quota", "chips", occurred="2025-02-15")
    assert await written(ledger, lifted) == (1, 2)
    assert await posture(ledger, "chips", "2025-02-17") == ("suspended", "certain")
    assert await posture(ledger, "chips", "2025-02-25") == ("restricted", "certain")


def granted(item: str, *issues: str, **fields: object) -> Event:
    terms = {"granted_by": "CN", "beneficiaries": [{"name": "importers"}]}
    return event("clearance.granted", item, *issues, **(terms | fields))


def facts(writer: str, number: int) -> list[Event]:
    """Make what a writer records in a round: on an item of its own and on one of all, of both issues."""
    day = f"2025-{1 + number % 12:02}-{1 + number:02}"
    own, shared = f"{writer}-{number % ITEMS}", f"shared-{number % ITEMS}"
    issue = ("chips", "metals")[number % 2]
    return [
        imposed(own, issue, occurred=day, until=f"[{day}..2026-01-01]" if number % 3 else "2026-02-01"),
        event("restriction.suspended", shared, issue, occurred=day),
        granted(f"leave-{own}", *dict.fromkeys((issue, "chips")), occurred=day),
    ]


async def test_writers_that_race_keep_the_postures_right(ledger: Opened, migrated_url: str) -> None:
    """Two processes write to the same issues at once: what one loses to the other is undone and done again."""
    async with opened(migrated_url) as other:
        for number in range(ROUNDS):
            both: Sequence[Opened] = (ledger, other)
            await asyncio.gather(
                *(each.append([fact]) for name, each in zip("ab", both, strict=True) for fact in facts(name, number))
            )
    assert (await rebuild(ledger.database)).same


async def test_a_request_that_is_refused_leaves_no_trace(ledger: Opened, migrated_url: str) -> None:
    """An issue that a refused batch opens, and what it does to others, is in no posture when another opens it."""
    unsure = [imposed("ban", "ores", "chips", occurred=f"[2025-01-01..2025-02-{1 + n % 28:02}]") for n in range(65)]
    with pytest.raises(TooMuchWork):
        await ledger.append([opening("ores"), imposed("quota", "ores", "chips"), *unsure])
    assert await posture(ledger, "chips", "2025-07-01") == ("open", "certain")
    async with opened(migrated_url) as other:
        await other.append([imposed("tariff", "chips"), opening("ores"), granted("leave", "ores")])
    await ledger.append([event("restriction.lifted", "tariff", "chips"), imposed("quota", "ores")])
    assert await posture(ledger, "chips", "2025-07-01") == ("open", "certain")
    assert await posture(ledger, "ores", "2025-07-01") == ("partially_cleared", "certain")
    assert (await rebuild(ledger.database)).same
