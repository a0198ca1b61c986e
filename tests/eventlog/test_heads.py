"""One read of the head serves every question that waits for it, and none gets an older head."""

import asyncio
from uuid import uuid4

import pytest

from service.eventlog.head import Heads
from tests.ledgers import now, opened

pytestmark = pytest.mark.anyio


async def test_no_head_is_older_than_its_question(migrated_url: str) -> None:
    """While one writes and 16 read, every head read after an acknowledged append includes that append."""
    acknowledged = 0
    reads = 0
    async with opened(migrated_url) as ledger:
        heads = Heads(ledger.database, now)

        async def write() -> None:
            nonlocal acknowledged
            for number in range(40):
                slug = f"issue-{number}"
                issue = {"id": str(uuid4()), "type": "issue.opened", "issues": [slug], "item": slug, "title": "A"}
                more = {"occurred": "2025-06-01", "summary": "B", "parties": [], "reports": [{"outlet": "A ministry"}]}
                acknowledged = (await ledger.append([issue | more])).events[-1].position

        async def read() -> None:
            nonlocal reads
            while acknowledged < 40:
                known = acknowledged
                assert (await heads.read()).position >= known
                reads += 1

        await asyncio.gather(write(), *(read() for _ in range(16)))
    assert reads >= 16


async def test_a_cancelled_reader_does_not_cancel_the_others(migrated_url: str) -> None:
    """A reader that is cancelled leaves the read to the others."""
    async with opened(migrated_url) as ledger:
        heads = Heads(ledger.database, now)
        impatient, patient = asyncio.create_task(heads.read()), asyncio.create_task(heads.read())
        await asyncio.sleep(0)
        impatient.cancel()
        assert (await patient).position == 0
