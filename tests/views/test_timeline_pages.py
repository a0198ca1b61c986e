"""Pages of a timeline that end by the work that they take."""

import json
import random
from datetime import date, timedelta

import pytest

from service.views.asof import timeline
from tests import oracle
from tests.events import REPORTS, corrected, eased, opening, record
from tests.ledgers import Event, Opened, opened
from tests.views.compare_histories import based

FACTS, RECORDS = 30, 120


async def whole(ledger: Opened, known: oracle.K) -> tuple[list[Event], int]:
    """Return the facts of all pages, some of which may be empty, and how many pages there are."""
    basis = await based(ledger, known)
    facts: list[Event] = []
    after: int | None = 0
    pages = 0
    while after is not None:
        page = await timeline.timeline_page(ledger.database, basis, "trade", after=after, limit=1_000)
        facts += [json.loads(fact.body) for fact in page.facts]
        after, pages = page.next, pages + 1
    return facts, pages


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
                read, pages = await whole(ledger, known)
                assert read == oracle.timeline(log, "trade", known)
                assert pages > 2
