"""A service that is stopped while appends are under way answers them, and has what it acknowledged."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.ledgers import writers_locked_out
from tests.servers import client, connection, facts, openings, read_feed, serving

if TYPE_CHECKING:
    from tests.servers import Event, Server


async def send(url: str, *events: Event) -> list[str]:
    """Append events; return the ids of those that were acknowledged: none where the service takes no more requests."""
    with suppress(OSError, EOFError):
        async with connection(url) as writer:
            status, receipt = await writer.post("/v1/events", {"events": events})
            assert status == 201, receipt
            return [event["id"] for event in receipt["events"]]
    return []


async def stopped_between(server: Server, database_url: str) -> list[str]:
    """Stop a service while appends wait, let them through after the signal; return the ids that it acknowledged."""
    sent = [asyncio.create_task(send(server.url, *openings()))]
    await sent[0]
    with writers_locked_out(database_url):
        for fact in facts(1, 1_000):
            sent.append(asyncio.create_task(send(server.url, fact)))
            async with client(server.url) as asking:
                if "parley_append_queue 0.0" not in (await asking.get("/metrics")).text:
                    break
        stopping = asyncio.create_task(asyncio.to_thread(server.stop))
        with suppress(httpx.TransportError):
            while True:
                async with client(server.url) as asking:
                    await asking.get("/healthz")
    assert await stopping == 0
    return [each for answer in await asyncio.gather(*sent) for each in answer]


@pytest.mark.row(31)
def test_appends_under_way_are_answered(migrated_url: str) -> None:
    """SIGTERM comes while commits wait for another writer: when that is done, they are stored and acknowledged."""
    with serving(migrated_url) as server:
        acknowledged = asyncio.run(stopped_between(server, migrated_url))
        assert len(acknowledged) > len(openings())
        server.start()
        assert sorted(acknowledged) == sorted(event["id"] for event in read_feed(server.url))
