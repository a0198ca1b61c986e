"""The start of a service: what the first append needs is there, and nothing is recorded."""

from __future__ import annotations

import asyncio

from service.app import opened
from service.append.warming import BATCH, warm
from service.domain.admit.strict_json import accept
from service.domain.vocabulary.events import Batch
from service.eventlog.head import head_of
from service.settings import Settings


def test_the_batch_that_is_tried_out_would_be_recorded(migrated_url: str) -> None:
    """It goes all the way to states, and leaves the log as it was."""

    async def work() -> None:
        async with opened(Settings(database_url=migrated_url)) as services:
            await warm(services.ledger, services.database)
            found = await services.ledger.preview(accept(BATCH.encode(), Batch))
            assert [item.slug for item in found.items if item.after] == ["warming-up", "warming-up-item"]
            assert (await head_of(services.database)).position == 0

    asyncio.run(work())
