"""A rebuild of a large ledger beside appends at 500 events/s and reads: its rate, and what it costs them.

`PARLEY_BENCH_EVENTS` is the size of the ledger; `PARLEY_BENCH_DATABASES=SQLite` leaves PostgreSQL out. The load comes
at fixed instants, whether or not the request before is answered: a wait counts for all that come during it.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
import time
from collections import deque
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from itertools import count, islice
from statistics import quantiles
from typing import TYPE_CHECKING

import psycopg
import pytest

from service.app import opened
from service.settings import Settings
from tests.benchmarks.ours import runner
from tests.benchmarks.sized import Sized, fill
from tests.migrations import migrate
from tests.processes import Process
from tests.servers import connection, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from pathlib import Path

    from tests.benchmarks.servers import Postgres
    from tests.servers import Connection

pytestmark = pytest.mark.benchmark

EVENTS = int(os.environ.get("PARLEY_BENCH_EVENTS", "100000"))
DATABASES = os.environ.get("PARLEY_BENCH_DATABASES", "SQLite PostgreSQL").split()
WORKERS = os.environ.get("PARLEY_BENCH_WORKERS", "1")
BATCH, APPENDS = 5, 100
"""Events of an append, and appends a second."""
LATER = 1_000_000
"""Events that are there to be appended."""
HELD_BACK = 100
"""Corrections that wait for their facts: some 5,000 events."""
READS = 50
"""Reads a second, of an issue's page at days in turn."""
CONNECTIONS = 32
ALONE_SECONDS = 20.0
SWAP_SECONDS = 1.0
POLL = 0.02
_SHAPE = "UPDATE ledger SET shape = 0 WHERE id = 1"
_EPOCH = "SELECT epoch FROM head WHERE id = 1"


class History(Sized):
    """The events of a ledger, and those that come after."""

    def __init__(self) -> None:
        """Make none yet."""
        super().__init__(EVENTS + LATER)
        self._events = super().events()
        self._corrections: deque[bytes] = deque()

    def events(self) -> Iterator[bytes]:
        """Make the events of the ledger."""
        return islice(self._events, EVENTS)

    def later(self) -> Iterator[bytes]:
        """Make those after it; a correction comes when its fact is surely recorded."""
        for event in self._events:
            if b'"record.corrected"' not in event:
                yield event
                continue
            self._corrections.append(event)
            if len(self._corrections) > HELD_BACK:
                yield self._corrections.popleft()


@dataclass
class Seen:
    """What clients of one sort saw: when each request was due, how long its answer took, and refusals."""

    answered: list[tuple[float, float]] = field(default_factory=list)
    refused: int = 0

    def between(self, start: float, end: float) -> list[float]:
        """Return the milliseconds of what was due in a span."""
        return [1_000 * took for due, took in self.answered if start <= due < end]


def percentiles(took: list[float]) -> str:
    """Write the median, the 99th percentile and the most, in milliseconds."""
    parts = quantiles(took, n=100, method="inclusive")
    return f"{parts[49]:>8.1f} | {parts[98]:>8.1f} | {max(took):>8.1f}"


class Load:
    """Clients of a server, at fixed instants."""

    def __init__(self, url: str) -> None:
        """`url` is the server's."""
        self.appends, self.reads = Seen(), Seen()
        self._url = url
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self, history: History) -> AsyncIterator[None]:
        """Append and read while the block runs."""
        free: asyncio.Queue[Connection] = asyncio.Queue()
        keepers = [asyncio.create_task(self._kept(free)) for _ in range(CONNECTIONS)]
        bodies, paths = self._bodies(history), self._paths(history)
        drivers = [
            asyncio.create_task(self._drive(APPENDS, free, self.appends, lambda each: self._append(each, bodies))),
            asyncio.create_task(self._drive(READS, free, self.reads, lambda each: self._read(each, paths))),
        ]
        yield
        for task in drivers:
            task.cancel()
        await asyncio.wait([*drivers, *self._tasks])
        for task in keepers:
            task.cancel()
        await asyncio.wait(keepers)

    async def _kept(self, free: asyncio.Queue[Connection]) -> None:
        async with connection(self._url) as each:
            await free.put(each)
            await asyncio.Event().wait()

    async def _drive(
        self, rate: int, free: asyncio.Queue[Connection], seen: Seen, ask: Callable[[Connection], Awaitable[int]]
    ) -> None:
        async def once(due: float) -> None:
            each = await free.get()
            seen.refused += await ask(each) not in {200, 201}
            seen.answered.append((due, time.perf_counter() - due))
            await free.put(each)

        began = time.perf_counter()
        for number in count():
            due = began + number / rate
            await asyncio.sleep(due - time.perf_counter())
            task = asyncio.create_task(once(due))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _append(self, each: Connection, bodies: Iterator[bytes]) -> int:
        return (await each.ask("POST", "/v1/events", next(bodies)))[0]

    async def _read(self, each: Connection, paths: Iterator[str]) -> int:
        return (await each.ask("GET", next(paths)))[0]

    def _bodies(self, history: History) -> Iterator[bytes]:
        while True:
            yield b'{"events":[%s]}' % b",".join(islice(history.later(), BATCH))

    def _paths(self, history: History) -> Iterator[str]:
        for number in count():
            issue = history.issues[number % len(history.issues)]
            yield f"/v1/issues/{issue}?as_of=2025-{number % 12 + 1:02}-{number % 28 + 1:02}&limit={20 + number % 31}"


def _run(url: str, statement: str) -> int:
    """Run a statement; return the number that it returns, if any."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=60)) as file, file:
            rows = file.execute(statement).fetchall()
    else:
        with psycopg.connect(url, autocommit=True) as server:
            cursor = server.execute(statement.encode())
            rows = cursor.fetchall() if cursor.description else []
    return int(rows[0][0]) if rows else 0


async def _swapped(url: str, command: Process) -> tuple[float, float]:
    """Wait for the end of a rebuild; return when the epoch was raised, and the MB of memory that it had at most."""
    epoch, swapped, most = _run(url, _EPOCH), 0.0, 0
    while command.is_running():
        with suppress(OSError, IndexError):
            most = command.memory()
        if not swapped and await asyncio.to_thread(_run, url, _EPOCH) != epoch:
            swapped = time.perf_counter()
        await asyncio.sleep(POLL)
    return swapped, most / 2**20


async def _measured(name: str, url: str, history: History, server_url: str) -> None:
    load = Load(server_url)
    async with load.running(history):
        began = time.perf_counter()
        await asyncio.sleep(ALONE_SECONDS)
        _run(url, _SHAPE)
        started = time.perf_counter()
        command = Process([sys.executable, "-m", "service", "migrate", "--database-url", url])
        command.launch()
        swapped, memory = await _swapped(url, command)
        ended = time.perf_counter()
        assert command.wait() == 0, command.log()
        command.close()
    made = _run(url, "SELECT position FROM head WHERE id = 1")
    rate = made / (ended - started)
    print(f"\n### {name}: {made:,} events in {ended - started:,.1f} s, {rate:,.0f} events/s, {memory:.0f} MB\n")
    print("|  | requests | refused | p50, ms | p99, ms | most, ms | most at the swap, ms |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for sort, seen in (("appends", load.appends), ("reads", load.reads)):
        at_swap = max(seen.between(swapped - SWAP_SECONDS, swapped + SWAP_SECONDS))
        for when, took, last in (
            ("alone", seen.between(began + 2, started), ""),
            ("during the rebuild", seen.between(started, ended), f"{at_swap:.1f}"),
        ):
            print(f"| {sort}, {when} | {len(took):>6,} | {seen.refused} | {percentiles(took)} | {last} |", flush=True)
    assert load.appends.refused == load.reads.refused == 0


@pytest.mark.parametrize("name", DATABASES)
def test_rebuild_beside_load(name: str, postgres: Postgres, tmp_path: Path) -> None:
    """Nothing is refused during a rebuild, and what it makes equals what is live afterwards."""
    if name == "PostgreSQL":
        url = postgres.migrated()
    else:
        migrate(url := f"sqlite:///{tmp_path / 'ledger.db'}")
    history = History()
    with runner() as loop:
        loop.run(_filled(url, history))
        if name == "PostgreSQL":
            postgres.vacuum(url)
        with serving(url) as server:
            loop.run(_measured(name, url, history, server.url))
    began = time.perf_counter()
    check = Process([sys.executable, "-m", "service", "rebuild", "--check", "--database-url", url])
    check.launch()
    while check.is_running():
        time.sleep(POLL)
    assert check.wait() == 0, check.log()
    found = check.log().splitlines()[-1]
    check.close()
    print(f"\n{found} (without load: {time.perf_counter() - began:,.1f} s)")


async def _filled(url: str, history: History) -> None:
    async with opened(Settings(database_url=url)) as services:
        await fill(services.ledger, history)
