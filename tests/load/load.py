"""Writers, readers and followers at once, and the check of everything that they saw."""

from __future__ import annotations

import asyncio
import random
import time
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

from tests.load.client import Client
from tests.load.commands import in_thread, rebuild
from tests.load.followers import AT_LEAST_ONCE, ONCE, Followers
from tests.load.ledger import Acknowledged, Final
from tests.load.questions import Questions
from tests.load.readers import FrozenAnswers, Reader
from tests.load.texts import Texts
from tests.load.writers import Writer
from tests.processes import PATIENCE, POLL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.load.findings import Findings
    from tests.load.running import Running
    from tests.servers import Server

PAGE = 1_000


class Size(NamedTuple):
    """How many write, and how many ask."""

    writers: int
    readers: int


class Load:
    """Everything that clients do, and the books of it."""

    def __init__(self, running: Running, seed: int, findings: Findings, size: Size) -> None:
        """All processes are running; `seed` decides what is recorded and asked."""
        self.running, self._seed, self.findings, self._size = running, seed, findings, size
        self._texts = Texts(self.chance("texts"))
        self.ledger = Acknowledged(findings)
        self.answers = FrozenAnswers(findings)
        self._over = asyncio.Event()
        self._generations, self._numbers = count(1), count()
        self._following: list[asyncio.Task[None]] = []
        self._working: list[asyncio.Task[None]] = []
        self.followers = self._new_followers()

    async def follow(self, tasks: asyncio.TaskGroup) -> None:
        """Start the followers, with a subscription where there is a receiver."""
        if self.running.receiver:
            client = self.client("subscriber")
            await client.expect(
                "POST", "/v1/subscriptions", {"id": "load", "url": self.running.receiver.url, "after": 0}
            )
            await client.close()
        self._following = [tasks.create_task(way) for way in self.followers.ways(self.client)]

    async def work(self, tasks: asyncio.TaskGroup) -> None:
        """Start those who write, then those who ask."""
        writers = [self._writer() for _ in range(self._size.writers)]
        for writer in writers:
            await writer.begin()
        self._working = [
            tasks.create_task(writer.run(self.chance(f"writer {writer.number}"), self._over)) for writer in writers
        ]
        while not self._texts.items:  # noqa: ASYNC110 - until there is something to ask about
            await asyncio.sleep(POLL)
        self._working += [
            tasks.create_task(self._reader(number).run(self.chance(f"reader {number}"), self._over))
            for number in range(self._size.readers)
        ]

    def end(self) -> None:
        """Let those who write and ask end, once everything that they sent is answered."""
        self._over.set()

    async def ended(self) -> None:
        """Wait until they have ended."""
        await asyncio.gather(*self._working)

    def leave(self) -> None:
        """End the followers."""
        for task in self._following:
            task.cancel()

    def begin_again(self) -> None:
        """Forget what was recorded, for others who write, ask and follow after a log was set back."""
        self.leave()
        self._texts, self._over = Texts(self.chance("texts, again")), asyncio.Event()
        self.followers = self._new_followers()

    async def drain(self) -> None:
        """Wait until every follower has the whole log; note those that do not get there."""
        client = self.client("head", self.running.servers[:1])
        head = (await client.expect("GET", "/v1/feed?limit=1"))["head"]
        await client.close()
        ends = time.monotonic() + PATIENCE
        followers = self.followers.seen
        while any(seen.position < head for seen in followers.values()) and time.monotonic() < ends:  # noqa: ASYNC110
            await asyncio.sleep(POLL)
        for name, seen in followers.items():
            if seen.position < head:
                self.findings.wrong("followers that did not reach the end", f"{name}: {seen.position} of {head}")
            self.findings.count(f"events followed: {name}", seen.position)

    async def check(self, returns: int) -> None:
        """Check the followers, the log, the answers that are kept, and the projections.

        Webhooks and the relay may be sent back to an earlier event so many times.
        """
        self._check_followers(returns)
        await self._check_log()
        self.answers.now = "at the end"
        parts = len(self.running.servers)
        readers = [self._reader(number) for number in range(parts)]
        await asyncio.gather(*(each.ask_again(self.answers.targets[n::parts]) for n, each in enumerate(readers)))
        code, text = await in_thread(lambda: rebuild(self.running.url, "--check"))
        print(f"  {text.strip().splitlines()[-1]}", flush=True)
        if code:
            self.findings.wrong("rebuilds that changed something", text)

    def client(self, name: str, servers: Sequence[Server] = ()) -> Client:
        """Make a client of all servers, or of these."""
        return Client(servers or self.running.servers, self.chance(f"client {name}"), self.findings)

    def chance(self, name: str) -> random.Random:
        """Return chances of a name, which the seed decides."""
        return random.Random(f"{self._seed} {name}")  # noqa: S311 - repeatable

    def _check_followers(self, returns: int) -> None:
        wrong = self.findings.wrong
        for name, seen in self.followers.seen.items():
            wrong("events missed by followers", name, seen.missed)
            wrong("events reordered for followers", name, seen.reordered)
            if name in ONCE:
                wrong("events seen twice by followers", name, seen.doubled)
            if name in AT_LEAST_ONCE:
                self.findings.count(f"returns to an earlier event: {name}", seen.returns)
                wrong("returns of webhooks and relay beyond one a fault", name, max(seen.returns - returns, 0))
        wrong("gaps in the log", "positions that nobody has seen", self.ledger.log.gaps())

    async def _check_log(self) -> None:
        client, final = self.client("log", self.running.servers[:1]), Final(self.ledger.log, self.findings)
        while True:
            page = await client.expect("GET", f"/v1/feed?after={len(final.marks)}&limit={PAGE}")
            for event in page["events"]:
                final.take(event)
            if not page["events"]:
                break
        await client.close()
        self.ledger.check(final)
        self.findings.count("events in the log", len(final.marks))

    def _new_followers(self) -> Followers:
        name = f"load-{next(self._generations)}"
        return Followers(name, self.ledger.log, self.chance(name), self.running, self.findings)

    def _writer(self) -> Writer:
        number = next(self._numbers)
        return Writer(number, self.client(f"writing {number}"), self._texts, self.ledger, self.findings)

    def _reader(self, number: int) -> Reader:
        questions = Questions(self.chance(f"questions {number}"), self._texts, self.ledger)
        return Reader(self.client(f"reading {number}"), questions, self.answers, self.findings)
