"""One failure: load before it, the failure, load after it, and the check of everything that was acknowledged."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from service.relay.relay import STREAM
from tests.brokers import connected, reached
from tests.failover.pulses import Pulse, seconds_until
from tests.failover.rows import Row
from tests.load.commands import in_thread
from tests.load.findings import Findings
from tests.load.followers import ONCE
from tests.load.load import Load, Size
from tests.load.running import ended_well
from tests.processes import PATIENCE, POLL

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.failover.cluster import Cluster, Room
    from tests.servers import Server

SIZE = Size(writers=4, readers=2)
RETURNS_MAX = 3
"""How often JetStream may deliver again what it had delivered: as often as servers of it were lost, and once more."""


class Scenario(NamedTuple):
    """A failure."""

    name: str
    says: str
    strike: Callable[[Run], Awaitable[None]]
    room: Room
    missing: Callable[[], str]
    """Return why it cannot be made here; "" where it can."""
    synchronous: bool = True
    loses: bool = False
    """Whether acknowledged events are lost, and everybody has to be notified."""


class Run:
    """What a failure has at hand."""

    def __init__(self, cluster: Cluster, seed: int, seconds: float) -> None:
        """There is load for so many seconds before and after the failure."""
        self.cluster, self.seconds = cluster, seconds
        self.findings = Findings()
        self.load = Load(cluster, seed, self.findings, SIZE)
        self.pulses = [Pulse(self.load, server, number) for number, server in enumerate(cluster.servers)]
        self.notes: list[str] = []
        self._struck = self._followed = 0.0
        self._left_out: Server | None = None
        self._ahead: list[str] = []
        self._following: asyncio.TaskGroup
        self._working: asyncio.TaskGroup

    async def run(self, scenario: Scenario) -> Row:
        """Do it all; TimeoutError where something never goes on."""
        load = self.load
        async with asyncio.TaskGroup() as self._following:
            async with asyncio.TaskGroup() as self._working:
                await load.follow(self._following)
                await load.work(self._working)
                await self._begin_pulses()
                await asyncio.sleep(self.seconds)
                await scenario.strike(self)
                await asyncio.sleep(self.seconds)
                load.end()
                for pulse in self.pulses:
                    pulse.end()
            await load.drain()
            load.leave()
        await load.check(RETURNS_MAX)
        await in_thread(lambda: ended_well(self.cluster, self.findings, None))
        return self._row(scenario)

    def strike(self, what: str) -> None:
        """Take note of the moment of the failure."""
        self.load.answers.now = f"after: {what}"
        self._struck = time.monotonic()
        print(f"  {what}", flush=True)

    def since(self) -> float:
        """Return the seconds since the failure."""
        return time.monotonic() - self._struck

    async def went_on(self, without: Server | None = None) -> None:
        """Wait until every process but one answers and takes writes, and every follower has what is new."""
        self._left_out, now = without, time.monotonic()
        pulses = self._pulses()
        await until(lambda: all(pulse.goes_on(now) for pulse in pulses), "writes and reads")
        head = self.load.ledger.head
        followers = self.load.followers.seen
        await until(lambda: all(seen.position >= head for seen in followers.values()), "followers")
        self._followed = self.since()

    async def go_further(self, position: int) -> None:
        """Keep the load up until the stream of the relay and a follower are past a position, for some seconds at least.

        The log will be set back to that position or one before it: then both have something to refuse.
        """
        await asyncio.sleep(self.seconds)
        async with connected(self.cluster.nats_url) as client:
            await reached(client, position + 1)
        followers = self.load.followers.seen
        await until(lambda: any(followers[name].position > position for name in ONCE), "followers that go further")

    def set_back(self, position: int) -> None:
        """Take note that the log goes on after a position: what it had more is lost, and everybody must be notified.

        Those who write, ask and follow end: what they send until then may be refused.
        """
        seen = self.load.followers.seen
        self._ahead = [name for name in ONCE if seen[name].position > position]
        self.findings.excused |= {"requests refused", "followers refused"}
        self.load.end()
        self.load.ledger.set_back(position, datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"))
        self.load.answers.keep_until(position)

    async def begin_again(self, epoch: int) -> None:
        """Wait until everybody is notified of the loss; then let others write, ask and follow from the beginning.

        A follower that has read nothing that is lost goes on, as it may.
        """
        refused, relay = self.load.followers.refused, self.cluster.relay
        assert self._ahead, "no follower has gone further"
        await until(lambda: all(name in refused for name in self._ahead), "followers that are refused")
        code = await in_thread(relay.wait)
        if code != 1 or "is not the beginning of this log" not in relay.log():
            self.findings.wrong("losses without a notice", f"the relay ended with {code}")
        async with asyncio.timeout(PATIENCE):
            while (raised := await self.epoch()) <= epoch:  # noqa: ASYNC110 - it is raised in another process
                await asyncio.sleep(POLL)
        seconds = max(refused.values()) - self._struck
        ahead = f"{len(self._ahead)} of {len(ONCE)} followers had gone further and got 400 within {seconds:.1f} s"
        self.notes.append(f"{ahead}, the relay refused, epoch {epoch} -> {raised}")
        await self.load.ended()
        self.findings.excused.clear()
        self.load.begin_again()
        async with connected(self.cluster.nats_url) as client:
            await client.jetstream(timeout=PATIENCE).delete_stream(STREAM)
        relay.launch()
        await self.load.follow(self._following)
        await self.load.work(self._working)

    async def epoch(self) -> int:
        """Return the epoch of the ledger, once it is ready."""
        client = self.load.client("epoch", self.cluster.servers[:1])
        ready = await client.expect("GET", "/readyz")
        await client.close()
        return int(ready["epoch"])

    async def _begin_pulses(self) -> None:
        for pulse in self.pulses:
            await pulse.begin()
            self._working.create_task(pulse.write())
            self._working.create_task(pulse.read())

    def _pulses(self) -> list[Pulse]:
        return [pulse for pulse in self.pulses if pulse.server is not self._left_out]

    def _row(self, scenario: Scenario) -> Row:
        pulses, ledger, struck = self._pulses(), self.load.ledger, self._struck
        lost = ledger.lost + self.findings.of("acknowledged events lost")
        writes = max(seconds_until(pulse.writes, struck) for pulse in pulses)
        reads = max(seconds_until(pulse.reads, struck) for pulse in pulses)
        acknowledged = ledger.count + ledger.lost
        return Row(
            scenario.name, acknowledged, lost, scenario.loses, self.findings, writes, reads, self._followed, self.notes
        )  # fmt: skip


async def until(holds: Callable[[], bool], what: str) -> None:
    """Wait until something holds; TimeoutError if it never does."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        await asyncio.sleep(POLL)
