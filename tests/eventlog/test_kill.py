"""`kill -9` while clients append, again and again: what was acknowledged is there once, and no batch is half there."""

import asyncio
import random
from collections.abc import Sequence

import pytest

from service.rebuild.rebuild import rebuild
from service.storage.connect import connect
from tests.examples import scaled
from tests.servers import Connection, Event, Server, connection, fact, openings, read_feed, serving

pytestmark = pytest.mark.slow

KILLS = scaled(8)
CLIENTS = 16
BATCH_MAX = 8


class Fuse:
    """Kills the server at the n-th moment; each request sent and each answer received is a moment."""

    def __init__(self, server: Server, moments: int) -> None:
        """`moments` is how many the server has left."""
        self._server, self._left = server, moments

    def burn(self) -> None:
        """Count one moment."""
        self._left -= 1
        if self._left == 0:
            self._server.kill()


class Writer:
    """A client that sends again, unchanged, what was not acknowledged."""

    def __init__(self, seed: int) -> None:
        """`seed` chooses the events."""
        self._choose = random.Random(seed)  # noqa: S311 - repeatable
        self.acknowledged: list[Event] = []
        """The receipts."""
        self.pending: list[Event] = []
        """The batch that was not acknowledged: it may be stored or not."""
        self.repeated = 0
        """How many retries found what the crash had left."""

    async def write(self, url: str, fuse: Fuse) -> None:
        """Send batches until the server is gone."""
        try:
            async with connection(url) as sending:
                while True:
                    await self._send_one(sending, fuse)
        except (OSError, EOFError):
            pass

    async def retry(self, url: str) -> None:
        """Send again what was not acknowledged, if anything."""
        if self.pending:
            async with connection(url) as sending:
                await self._send(sending, None)

    async def _send_one(self, sending: Connection, fuse: Fuse) -> None:
        self.pending = [fact(self._choose) for _ in range(self._choose.randint(1, BATCH_MAX))]
        await self._send(sending, fuse)

    async def _send(self, sending: Connection, fuse: Fuse | None) -> None:
        answering = asyncio.ensure_future(sending.post("/v1/events", {"events": self.pending}))
        if fuse:
            await asyncio.sleep(0)  # the request is on its way
            fuse.burn()
        status, receipt = await answering
        assert status == 201 or (fuse is None and status == 200), receipt
        assert [event["id"] for event in receipt["events"]] == [event["id"] for event in self.pending]
        self.repeated += status == 200
        self.acknowledged.append(receipt)
        self.pending = []
        if fuse:
            fuse.burn()


def check(log: Sequence[Event], writers: Sequence[Writer]) -> None:
    """Check positions without a gap, acknowledged events where their 201 said, pending batches whole or absent."""
    assert [event["position"] for event in log] == list(range(1, len(log) + 1))
    ids = [event["id"] for event in log]
    assert len(set(ids)) == len(ids)
    known = 0
    for writer in writers:
        for receipt in writer.acknowledged:
            first, last = receipt["events"][0]["position"], receipt["position"]
            assert log[first - 1 : last] == receipt["events"]
            known += len(receipt["events"])
        pending = [event["id"] for event in writer.pending]
        there = [place for place, each in enumerate(ids) if each in pending]
        assert [ids[place] for place in there] in ([], pending)
        assert there == list(range(there[0], there[0] + len(there))) if there else True
        known += len(there)
    assert len(log) == known + len(openings())


async def crash_and_retry(server: Server, writers: Sequence[Writer], moments: int) -> None:
    """Kill a busy server, start it again, check the log, let the clients retry, and check it again."""
    fuse = Fuse(server, moments)
    await asyncio.gather(*(writer.write(server.url, fuse) for writer in writers))
    server.start()
    check(read_feed(server.url), writers)
    await asyncio.gather(*(writer.retry(server.url) for writer in writers))
    check(read_feed(server.url), writers)


async def check_rebuild(database_url: str) -> None:
    database = connect(database_url)
    await database.open()
    try:
        assert (await rebuild(database)).same
    finally:
        await database.close()


def test_kills_lose_and_double_nothing(migrated_url: str) -> None:
    """After each kill each acknowledged event is there once, retries double none; a rebuild changes nothing."""
    choose = random.Random(20)  # noqa: S311 - repeatable
    writers = [Writer(seed) for seed in range(CLIENTS)]

    async def run() -> None:
        async with connection(server.url) as first:
            await first.post("/v1/events", {"events": openings()})
        for _ in range(KILLS):
            await crash_and_retry(server, writers, choose.randint(2 * CLIENTS, 12 * CLIENTS))
        await check_rebuild(migrated_url)

    with serving(migrated_url) as server:
        asyncio.run(run())
    # How many commits were cut off between the log and their answer is chance; most runs have dozens.
    print(f"retries that found what the crash had left: {sum(writer.repeated for writer in writers)}")  # noqa: T201
