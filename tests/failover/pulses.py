"""Pulses: a write and a read of each process, again and again, so that it shows when they stop and when they go on."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from tests.load.texts import Texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.load.load import Load
    from tests.servers import Server

REST = 0.05
"""Seconds between an answer and the next request."""

ISSUES = 2


class Beat(NamedTuple):
    """One request that was answered: when it was first sent, and when the answer came (`time.monotonic`)."""

    sent: float
    answered: float


class Pulse:
    """Writes and reads at one process, one request after the other, each until it is answered."""

    def __init__(self, load: Load, server: Server, number: int) -> None:
        """What it writes goes into the books of the load."""
        self.server, self._load = server, load
        self._writing = load.client(f"pulse {number}", [server])
        self._reading = load.client(f"pulse reading {number}", [server])
        self._texts = Texts(load.chance(f"pulse {number}"))
        self._over = asyncio.Event()
        self.writes: list[Beat] = []
        self.reads: list[Beat] = []

    async def begin(self) -> None:
        """Open the issues that it writes about."""
        for _ in range(ISSUES):
            issue = self._texts.issue()
            await self._send(issue)
            self._texts.opened(issue)

    def end(self) -> None:
        """Let it end after the requests under way."""
        self._over.set()

    async def write(self) -> None:
        """Write until it ends."""
        while not self._over.is_set():
            sent = time.monotonic()
            await self._send(self._texts.fact())
            self.writes.append(Beat(sent, time.monotonic()))
            await asyncio.sleep(REST)
        await self._writing.close()

    async def read(self) -> None:
        """Ask a question about today until it ends: whatever is recorded changes its answer."""
        while not self._over.is_set():
            sent = time.monotonic()
            await self._reading.expect("GET", "/v1/issues?limit=3")
            self.reads.append(Beat(sent, time.monotonic()))
            await asyncio.sleep(REST)
        await self._reading.close()

    def goes_on(self, since: float) -> bool:
        """Return whether a write and a read that were sent after a moment are answered."""
        return all(beats and beats[-1].sent > since for beats in (self.writes, self.reads))

    async def _send(self, event: dict[str, object]) -> None:
        receipt = await self._writing.expect("POST", "/v1/events", {"events": [event]})
        if receipt is not None:
            self._load.ledger.take(receipt, [str(event["id"])])


def seconds_until(beats: Sequence[Beat], since: float) -> float:
    """Return the seconds from a moment to the end of the longest time without an answer that lasts on after it."""
    pauses = [(max(one.answered, since), two.answered) for one, two in pairwise(beats) if two.answered > since]
    began, ended = max(pauses, key=lambda pause: pause[1] - pause[0])
    return ended - since if began == since else ended - began
