"""One read of the head serves all who wait for it, and none gets a head older than its question."""

import asyncio
from uuid import uuid4

import pytest

from service.eventlog.head import Heads
from tests.ledgers import opened

pytestmark = pytest.mark.anyio


async def test_no_head_is_older_than_its_question(migrated_url: str) -> None:
    """With 16 readers beside a writer, every head read after an acknowledged append knows that append."""
    acknowledged = 0
    reads = 0
    async with opened(migrated_url) as held:
        heads = Heads(held.database)

        async def write() -> None:
            nonlocal acknowledged
            for number in range(40):
                slug = f"issue-{number}"
                issue = {"id": str(uuid4()), "type": "issue.opened", "issues": [slug], "item": slug, "title": "A"}
                more = {"occurred": "2025-06-01", "summary": "B", "parties": [], "reports": [{"outlet": "A ministry"}]}
                acknowledged = (await held.append([issue | more])).events[-1].position

        async def read() -> None:
            nonlocal reads
            while acknowledged < 40:
                known = acknowledged
                assert (await heads.read()).position >= known
                reads += 1

        await asyncio.gather(write(), *(read() for _ in range(16)))
    assert reads >= 16


async def test_one_who_gives_up_does_not_take_the_others_answer(migrated_url: str) -> None:
    """A reader that is cancelled leaves the read to the others."""
    async with opened(migrated_url) as held:
        heads = Heads(held.database)
        impatient, patient = asyncio.create_task(heads.read()), asyncio.create_task(heads.read())
        await asyncio.sleep(0)
        impatient.cancel()
        assert (await patient).position == 0
