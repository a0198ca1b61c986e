"""Everything at once: writers, readers and followers on three servers, while faults happen; then the end is checked."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from tests import migrations
from tests.brokers import RelayProcess, broker
from tests.load.findings import Findings
from tests.load.load import Load, Size
from tests.postgres_servers import RETRY, postgres_servers, together
from tests.servers import serving_together
from tests.soak.faults import Cluster, Faults
from tests.webhooks.receivers import receiving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVERS = 3
SIZE = Size(writers=6, readers=4)
REPORT_SECONDS = 10
LEASE_SECONDS = 5
FLAGS = (
    "--webhooks-allow-private",
    "--webhooks-schedule", ",".join(["0"] + ["1"] * 60),
    "--webhooks-lease", str(LEASE_SECONDS),
)  # fmt: skip


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """Run two databases, servers, a broker with a relay, and a receiver of webhooks."""
    with ExitStack() as stack:
        databases = stack.enter_context(postgres_servers())
        primary = databases.primary(**RETRY)
        migrations.migrate(primary.url)
        standby = databases.standby(primary, **RETRY)
        primary.require(standby)
        url = together(primary, standby)
        nats = stack.enter_context(broker(folder, sync="10s"))
        receiver = stack.enter_context(receiving())
        servers = stack.enter_context(serving_together([url] * SERVERS, *FLAGS))
        relay = RelayProcess(url, nats.url)
        stack.callback(relay.close)
        relay.launch()
        yield Cluster(url, servers, relay, nats.url, receiver, primary, standby)


class Soak:
    """One run."""

    def __init__(self, running: Cluster, seed: int, *, pauses: bool) -> None:
        """All processes are running."""
        self.findings = Findings()
        self._load = Load(running, seed, self.findings, SIZE)
        self._faults = Faults(running, self._load.chance("faults"), self._load.answers, pauses=pauses)
        self._began = time.monotonic()

    async def run(self, seconds: float) -> Findings:
        """Work for so long under faults, let everybody finish, and check what is there."""
        load = self._load
        async with asyncio.TaskGroup() as following:
            async with asyncio.TaskGroup() as working:
                await load.follow(following)
                await load.work(working)
                reporting = working.create_task(self._report())
                await self._faults.run(seconds)
                load.end()
                reporting.cancel()
            print("the end: followers go on to the head", flush=True)
            await load.drain()
            load.leave()
        print("the end: the log, every kept answer again, a rebuild to compare with", flush=True)
        await load.check(self.findings.begun("faults: "))
        return self.findings

    async def _report(self) -> None:
        """Print how far it is."""
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            lags = ", ".join(f"{name} {seen.position}" for name, seen in self._load.followers.seen.items())
            print(
                f"{time.monotonic() - self._began:5.0f} s: {self._load.ledger.count} events acknowledged, "
                f"{len(self._load.answers.targets)} answers kept; {lags}",
                flush=True,
            )
