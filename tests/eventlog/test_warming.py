"""The start of a service: what the first append needs is there, and nothing is recorded."""

from __future__ import annotations

import asyncio

from service.app import opened
from service.append.warming import BATCH, warm
from service.domain.admit.strict_json import accept
from service.domain.vocabulary.events import Batch
from service.eventlog.head import head_of
from service.settings import Settings
from service.views.known_names import KnownNames


def test_the_batch_that_is_tried_out_would_be_recorded(migrated_url: str) -> None:
    """It goes all the way to states, and leaves the log as it was."""

    async def work() -> None:
        async with opened(Settings(database_url=migrated_url)) as services:
            await warm(services.ledger, services.database)
            found = await services.ledger.preview(accept(BATCH.encode(), Batch))
            assert [item.slug for item in found.items if item.after] == ["warming-up", "warming-up-item"]
            assert (await head_of(services.database)).position == 0

    asyncio.run(work())


def test_a_name_counts_as_new_only_once_all_names_are_known() -> None:
    """Until then the database is asked; a name that was added is never new."""
    names = KnownNames()
    assert not names.is_new("a-name")
    names.is_whole = True
    assert names.is_new("a-name")
    names.add("a-name")
    assert not names.is_new("a-name")
    others = [f"name-{number}" for number in range(50_000)]
    for name in others:
        names.add(name)
    assert not any(names.is_new(name) for name in others)
    assert sum(not names.is_new(f"other-{number}") for number in range(10_000)) < 20


def test_the_names_of_a_ledger_are_learnt(migrated_url: str) -> None:
    """Those that are recorded are known, and others are new."""

    async def work() -> None:
        async with opened(Settings(database_url=migrated_url)) as first:
            await first.ledger.append(accept(BATCH.encode(), Batch))
            names = KnownNames()
            await names.learn(first.database)
            assert names.is_whole
            assert not names.is_new("warming-up-item")
            assert names.is_new("a-name-that-nobody-has")

    asyncio.run(work())
