"""Pages of a timeline that end by the work that they take."""

import random
from datetime import date, timedelta

import pytest

from service.views.asof import timeline
from tests import oracle
from tests.events import REPORTS, corrected, eased, opening, record
from tests.ledgers import opened
from tests.views.compare_histories import based, check_timeline

FACTS, RECORDS = 30, 120


@pytest.mark.anyio
async def test_records_make_short_pages_of_the_whole_timeline(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Facts with more records than are read at a time, and retracted ones, leave nothing out, on both bases."""
    monkeypatch.setattr(timeline, "CHAIN_EVENTS", 6)
    monkeypatch.setattr(timeline, "EVENTS_MAX", 12)
    draw = random.Random(7)  # noqa: S311 - repeatable
    days = [(date(2025, 1, 1) + timedelta(draw.randrange(40))).isoformat() for _ in range(FACTS)]
    facts = [eased(f"quota-{number % 5}", "trade", occurred=day) for number, day in enumerate(days)]
    batch = [opening("trade", occurred="2024-12-01"), *facts]
    for _ in range(RECORDS):
        fact = facts[int(FACTS * draw.random() ** 3)]
        match draw.randrange(6):
            case 0:
                batch.append(corrected(fact, fact | {"occurred": draw.choice(days)}, reports=REPORTS))
            case 1:
                batch.append(record("retracted", fact, reports=REPORTS))
            case 2 | 3:
                batch.append(record("disputed", fact, reason="why"))
            case _:
                batch.append(record("report_added", fact, reports=[{"outlet": "A paper", "published": "2025-03-01"}]))
    async with opened(migrated_url) as ledger:
        for start in range(0, len(batch), 40):
            await ledger.append(batch[start : start + 40])
        log = await ledger.log()
        for position in (len(log), 100, 40):
            for known in (position, oracle.Published(date(2025, 2, 1), position), oracle.Published(date.max, position)):
                await check_timeline(ledger, log, "trade", known, 1_000)
        page = await timeline.timeline_page(
            ledger.database, await based(ledger, len(log)), "trade", after=0, limit=1_000
        )
        assert page.next is not None
        assert len(page.facts) < FACTS / 2
