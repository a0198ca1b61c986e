"""Everything at once: writers, readers and followers on three servers, while faults happen; then the end is checked."""

from __future__ import annotations

import asyncio
import random
import re
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from tests import migrations
from tests.brokers import RelayProcess, broker
from tests.postgres_servers import postgres_servers
from tests.processes import PATIENCE
from tests.servers import POLL, Server, serving_together
from tests.soak.client import Client
from tests.soak.faults import Cluster, Faults, in_thread, rebuild
from tests.soak.findings import Findings
from tests.soak.followers import AT_LEAST_ONCE, ONCE, Followers
from tests.soak.ledger import Acknowledged, Final
from tests.soak.questions import Questions
from tests.soak.readers import FrozenAnswers, Reader
from tests.soak.texts import Texts
from tests.soak.writers import Writer
from tests.webhooks.receivers import receiving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVERS = 3
WRITERS = 6
READERS = 4
REPORT_SECONDS = 10
LEASE_SECONDS = 5
FLAGS = (
    "--webhooks-allow-private",
    "--webhooks-schedule", ",".join(["0"] + ["1"] * 60),
    "--webhooks-lease", str(LEASE_SECONDS),
)  # fmt: skip
RETRY = {"wal_retrieve_retry_interval": "200ms"}
"""A standby looks for its primary that often: commits wait for it."""
PAGE = 1_000
UNHANDLED = "never retrieved|never awaited|Exception in|unhandled"
"""What the log of a process has when an error was handled by nobody."""
SHOWN = 3_000


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """Run two databases, servers, a broker with a relay, and a receiver of webhooks."""
    with ExitStack() as stack:
        databases = stack.enter_context(postgres_servers())
        primary = databases.primary(**RETRY)
        migrations.migrate(primary.url)
        standby = databases.standby(primary, **RETRY)
        primary.require(standby)
        ports = f"host=127.0.0.1,127.0.0.1&port={primary.port},{standby.port}"
        url = f"postgresql://postgres@/postgres?{ports}&target_session_attrs=read-write"
        nats = stack.enter_context(broker(folder, sync="10s"))
        receiver = stack.enter_context(receiving())
        servers = stack.enter_context(serving_together([url] * SERVERS, *FLAGS))
        relay = RelayProcess(url, nats.url)
        stack.callback(relay.close)
        relay.launch()
        yield Cluster(url, primary, standby, servers, relay, nats.url, receiver)


class Soak:
    """One run."""

    def __init__(self, running: Cluster, seed: int, *, pauses: bool) -> None:
        """All processes are running."""
        self._cluster, self._seed = running, seed
        self.findings = Findings()
        self._texts = Texts(self._chance("texts"))
        self._ledger = Acknowledged(self.findings)
        self._answers = FrozenAnswers(self.findings)
        self._followers = Followers(self._ledger.log, self._chance("followers"), running.servers, self.findings)
        self._faults = Faults(running, self._chance("faults"), self._answers, pauses=pauses)
        self._over = asyncio.Event()
        self._began = time.monotonic()

    async def run(self, seconds: float) -> Findings:
        """Work for so long under faults, let everybody finish, and check what is there."""
        async with asyncio.TaskGroup() as following:
            async with asyncio.TaskGroup() as working:
                await self._begin(working, following)
                reporting = working.create_task(self._report())
                await self._faults.run(seconds)
                self._over.set()
                reporting.cancel()
            await self._drain()
            for task in self._endless:
                task.cancel()
        await self._check()
        return self.findings

    async def _begin(self, working: asyncio.TaskGroup, following: asyncio.TaskGroup) -> None:
        """Subscribe, start the followers, then those who write, then those who ask."""
        client = self._client("subscriber")
        hook = {"id": "soak", "url": self._cluster.receiver.url, "after": 0}
        self._followers.webhook(self._cluster.receiver)
        await client.expect("POST", "/v1/subscriptions", hook)
        await client.close()
        follow = self._followers
        ways = [follow.pages(self._client("pages")), follow.consumer(self._client("consumer")), follow.stream()]
        ways += [follow.ndjson(), follow.relay(self._cluster.nats_url)]
        self._endless = [following.create_task(way) for way in ways]
        writers = [self._writer(number) for number in range(WRITERS)]
        for writer in writers:
            await writer.begin()
        for number, writer in enumerate(writers):
            working.create_task(writer.run(self._chance(f"writer {number}"), self._over))
        while not self._texts.items:  # noqa: ASYNC110 - until there is something to ask about
            await asyncio.sleep(POLL)
        for number in range(READERS):
            working.create_task(self._reader(number).run(self._chance(f"reader {number}"), self._over))

    async def _report(self) -> None:
        """Print how far it is."""
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            lags = ", ".join(f"{name} {seen.position}" for name, seen in self._followers.seen.items())
            print(
                f"{time.monotonic() - self._began:5.0f} s: {self._ledger.count} events acknowledged, "
                f"{len(self._answers.targets)} answers kept; {lags}",
                flush=True,
            )

    async def _drain(self) -> None:
        """Wait until every follower has the whole log; note those that do not get there."""
        print("the end: followers go on to the head", flush=True)
        client = self._client("head")
        head = (await client.expect("GET", "/v1/feed?limit=1"))["head"]
        await client.close()
        ends = time.monotonic() + PATIENCE
        followers = self._followers.seen
        while any(seen.position < head for seen in followers.values()) and time.monotonic() < ends:  # noqa: ASYNC110
            await asyncio.sleep(POLL)
        for name, seen in followers.items():
            if seen.position < head:
                self.findings.wrong("followers that did not reach the end", f"{name}: {seen.position} of {head}")
            self.findings.count(f"events followed: {name}", seen.position)

    async def _check(self) -> None:
        """Check the followers, the log, the answers that are kept, and the projections."""
        self._check_followers()
        print("the end: the log, every kept answer again, a rebuild to compare with", flush=True)
        await self._check_log()
        self._answers.now = "at the end"
        targets = self._answers.targets
        readers = [self._reader(number) for number in range(SERVERS)]
        await asyncio.gather(*(each.ask_again(targets[n::SERVERS]) for n, each in enumerate(readers)))
        code, text = await in_thread(lambda: rebuild(self._cluster.url, "--check"))
        print(f"  {text.strip().splitlines()[-1]}", flush=True)
        if code:
            self.findings.wrong("rebuilds that changed something", text)

    def _check_followers(self) -> None:
        wrong = self.findings.wrong
        for name, seen in self._followers.seen.items():
            wrong("events missed by followers", name, seen.missed)
            wrong("events reordered for followers", name, seen.reordered)
            if name in ONCE:
                wrong("events seen twice by followers", name, seen.doubled)
            if name in AT_LEAST_ONCE:
                self.findings.count(f"returns to an earlier event: {name}", seen.returns)
                more = seen.returns - self.findings.begun("faults: ")
                wrong("returns of webhooks and relay beyond one a fault", name, max(more, 0))
        wrong("gaps in the log", "positions that nobody has seen", self._ledger.log.gaps())

    async def _check_log(self) -> None:
        client, final = self._client("log"), Final(self._ledger.log, self.findings)
        while True:
            page = await client.expect("GET", f"/v1/feed?after={len(final.marks)}&limit={PAGE}")
            for event in page["events"]:
                final.take(event)
            if not page["events"]:
                break
        await client.close()
        self._ledger.check(final)
        self.findings.count("events in the log", len(final.marks))

    def _writer(self, number: int) -> Writer:
        return Writer(number, self._client(f"writing {number}"), self._texts, self._ledger, self.findings)

    def _reader(self, number: int) -> Reader:
        questions = Questions(self._chance(f"questions {number}"), self._texts, self._ledger)
        return Reader(self._client(f"reading {number}"), questions, self._answers, self.findings)

    def _client(self, name: str) -> Client:
        return Client(self._cluster.servers, self._chance(f"client {name}"), self.findings)

    def _chance(self, name: str) -> random.Random:
        return random.Random(f"{self._seed} {name}")  # noqa: S311 - repeatable


def ended_well(running: Cluster, findings: Findings, logs: Path | None) -> None:
    """Stop the servers and the relay, which must end with 0 and have written of no error that nobody handled.

    Their logs are kept in a folder, if one is given.
    """
    for number, process in enumerate((*running.servers, running.relay)):
        name = "server" if isinstance(process, Server) else "relay"
        if code := process.stop():
            findings.wrong("processes that ended wrongly", f"exit code {code} of a {name}")
        log = process.log()
        if logs:
            (logs / f"{name}{number}.log").write_text(log)
        for found in re.finditer(UNHANDLED, log):
            findings.wrong("errors that nobody handled", f"{name}: {log[found.start() : found.start() + SHOWN]}")
