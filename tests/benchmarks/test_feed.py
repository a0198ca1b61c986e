"""The feed: the whole log read beside peers, and how soon a thousand followers are notified."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import pytest

from tests.benchmarks import peer_message_db
from tests.benchmarks.logs import Messages, Notifications, fill, read_lines
from tests.benchmarks.measure import ROUNDS, spread
from tests.benchmarks.ours import runner
from tests.benchmarks.servers import ROOT
from tests.benchmarks.workload import batches
from tests.migrations import migrate
from tests.servers import Server, client, plain_client, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.benchmarks.logs import Read
    from tests.benchmarks.measure import Spread
    from tests.benchmarks.servers import Postgres
    from tests.benchmarks.workload import Workload

pytestmark = pytest.mark.benchmark

EVENTS = int(os.environ.get("PARLEY_BENCH_EVENTS", "100000"))
PEER_EVENTS = min(EVENTS, 100_000)
"""The peers' logs have no more: message-db's category read of a million had not ended after three minutes."""
SUBSCRIBERS = 1_000
RATE = 50
"""Events a second, one an append."""
SECONDS = 10
AS_JSON = {"Content-Type": "application/json"}
LINES, LINES_SQLITE = "Parley, NDJSON over HTTP, PostgreSQL", "Parley, NDJSON over HTTP, SQLite"
MESSAGE_DB, EVENTSOURCING = "message-db, category read", "eventsourcing, notification log"


class Process(NamedTuple):
    """What a process has used: seconds of CPU, and MB of memory of its own now; SQLite's mapped file is not that."""

    cpu: float
    memory: float


def used(pid: int) -> Process:
    """Return what a process has used."""
    ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    (resident,) = [line.split()[1] for line in status if line.startswith("RssAnon:")]
    return Process(sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK"), int(resident) / 1_024)


def port(server: Server) -> int:
    """Return where it listens."""
    return int(server.url.rpartition(":")[2])


def test_reading_the_whole_log(postgres: Postgres, workload: Workload, tmp_path: Path) -> None:
    """Our feed over HTTP has every event from the first to the head; the peers are read in process, by turns."""
    sqlite = f"sqlite:///{tmp_path / 'log.db'}"
    migrate(sqlite)
    ours = {LINES: postgres.migrated(), LINES_SQLITE: sqlite}
    with ExitStack() as stack:
        loop = stack.enter_context(runner())
        for url in ours.values():
            loop.run(fill(url, workload, EVENTS))
        servers = {name: stack.enter_context(serving(url)) for name, url in ours.items()}
        readers: dict[str, Callable[[], Read]] = {
            name: lambda server=server: read_lines(port(server))  # type: ignore[misc]
            for name, server in servers.items()
        }
        readers[EVENTSOURCING] = stack.enter_context(Notifications(postgres.create(), workload, PEER_EVENTS)).read
        try:
            scripts = peer_message_db.scripts()
        except peer_message_db.Unavailable as reason:
            print(f"message-db is not measured: {reason}")
        else:
            readers[MESSAGE_DB] = stack.enter_context(Messages(postgres.create(), workload, scripts, PEER_EVENTS)).read
        before = {name: used(server.pid).memory for name, server in servers.items()}
        found: dict[str, list[Read]] = {name: [] for name in readers}
        for _ in range(ROUNDS):
            for name, read in readers.items():
                found[name].append(read())
        after = {name: used(server.pid).memory for name, server in servers.items()}
    _print_reads(found)
    for name in ours:
        print(f"memory of the server, {name.rpartition(' ')[2]}: {before[name]:.0f} MB, then {after[name]:.0f} MB")
    assert all(read.events == EVENTS for name in ours for read in found[name])


def _print_reads(found: dict[str, list[Read]]) -> None:
    print(
        f"\n### The whole log of {EVENTS:,} events, the peers' of {PEER_EVENTS:,} ({ROUNDS} rounds in turn, medians)\n"
    )
    print("| | events/s | least-most |\n|---|---:|---:|")
    rates = {name: spread(read.rate for read in reads) for name, reads in found.items()}
    for name, rate in rates.items():
        print(f"| {name} | {rate.middle:,.0f} | {rate.least:,.0f}-{rate.most:,.0f} |")
    print("\n| ratio, round by round | median | least-most |\n|---|---:|---:|")
    for ours in (LINES, LINES_SQLITE):
        for peer in {MESSAGE_DB, EVENTSOURCING} & set(found):
            ratio = _ratio(found[ours], found[peer])
            print(f"| {ours} / {peer} | {ratio.middle:.2f} | {ratio.least:.2f}-{ratio.most:.2f} |")


def _ratio(over: list[Read], under: list[Read]) -> Spread:
    return spread(one.rate / other.rate for one, other in zip(over, under, strict=True))


@contextmanager
def subscribed(server: Server, after: int, last: int) -> Iterator[subprocess.Popen[str]]:
    """Run the followers in a process of their own."""
    arguments = [str(port(server)), str(SUBSCRIBERS), str(after), str(last)]
    command = [sys.executable, "-m", "tests.benchmarks.subscribers", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process


async def append(server: Server, bodies: list[bytes]) -> dict[int, tuple[float, float]]:
    """Append at the rate; return by position when each was sent and when it was answered."""
    times: dict[int, tuple[float, float]] = {}

    async def one(body: bytes) -> None:
        sent = time.monotonic()
        answer = await http.post("/v1/events", content=body, headers=AS_JSON)
        times[answer.json()["position"]] = sent, time.monotonic()

    async with client(server.url) as http, asyncio.TaskGroup() as group:
        begun = time.monotonic()
        for number, body in enumerate(bodies):
            await asyncio.sleep(max(0.0, begun + number / RATE - time.monotonic()))
            group.create_task(one(body))
    return times


@pytest.mark.parametrize("backend", ["SQLite", "PostgreSQL"])
def test_notifying_a_thousand_followers(backend: str, postgres: Postgres, workload: Workload, tmp_path: Path) -> None:
    """Every follower gets every event; printed is the time to it from the POST being sent, and from its answer."""
    url = postgres.migrated() if backend == "PostgreSQL" else f"sqlite:///{tmp_path / 'live.db'}"
    migrate(url)
    with serving(url) as server:
        with plain_client(server.url) as http:
            for batch in batches([*workload.openings, *workload.start]):
                http.post(
                    "/v1/events", content=msgspec.json.encode(batch), headers={"Content-Type": "application/json"}
                )
            head = http.get("/readyz").json()["head"]
        alone = used(server.pid).memory
        bodies = [body.json for body in workload.bodies(0, RATE * SECONDS)]
        with subscribed(server, head, head + len(bodies)) as process:
            begun, mine = used(server.pid), used(process.pid)
            posted = asyncio.run(append(server, bodies))
            ended, own = used(server.pid), used(process.pid).cpu - mine.cpu
            out, _ = process.communicate()
    arrived: dict[int, list[float]] = {int(position): times for position, times in json.loads(out).items()}
    assert sum(map(len, arrived.values())) == len(bodies) * SUBSCRIBERS
    print(f"\n### {SUBSCRIBERS:,} followers of the stream, {RATE} events/s for {SECONDS} s, {backend}\n")
    for name, which in (("from sending the POST", 0), ("from its answer", 1)):
        waits = sorted((at - posted[position][which]) * 1_000 for position, times in arrived.items() for at in times)
        print(f"{name}: p50 {_at(waits, 50):.1f} ms, p99 {_at(waits, 99):.1f} ms, longest {waits[-1]:.1f} ms")
    cost = (ended.cpu - begun.cpu) / (len(bodies) * SUBSCRIBERS) * 1e6
    memory = f"{alone:.0f} MB, with followers {begun.memory:.0f}, then {ended.memory:.0f}"
    print(f"the server: {cost:.1f} us of CPU a delivery, appends included; {memory}")
    share = own / (len(bodies) * SUBSCRIBERS) * 1e6
    print(f"the followers, on the same machine: {share:.1f} us of CPU a delivery")


def _at(waits: list[float], percent: int) -> float:
    return waits[min(len(waits) - 1, len(waits) * percent // 100)]
