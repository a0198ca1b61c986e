"""Appends with 1, 2 and 4 processes on one PostgreSQL database, turn by turn: rate, and CPU of the service an event."""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests import migrations
from tests.benchmarks import report
from tests.benchmarks.measure import ROUNDS, spread
from tests.benchmarks.test_access import cpu_seconds
from tests.postgres_servers import postgres_servers
from tests.servers import connection, fact, openings, serving_together

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.servers import Server

pytestmark = pytest.mark.benchmark

COUNTS = (1, 2, 4)
CLIENTS, EACH = 32, 30
SETTLED_SECONDS = 2.0
"""After so long the processes have found each other: they look twice a second."""


class Turn(NamedTuple):
    """Events in a second, and CPU microseconds of the service for each."""

    rate: float
    cpu: float


def test_appends_by_processes() -> None:
    """Print both for each number of processes, and the ratio to one process, round by round."""
    found: dict[int, list[Turn]] = defaultdict(list)
    with postgres_servers() as servers:
        primary = servers.primary()
        migrations.migrate(primary.url)
        for turn in range(ROUNDS):
            for count in COUNTS:
                with serving_together([primary.url] * count) as processes:
                    found[count].append(asyncio.run(_turn(processes, random.Random(turn * 10 + count))))  # noqa: S311
    print(f"\n{report.machine()}\n\n{CLIENTS} clients, one event a request; medians of {ROUNDS} rounds (least-most)\n")
    print("| processes | events/s | ratio | CPU µs an event | ratio |")
    print("|---|---:|---:|---:|---:|")
    for count, turns in found.items():
        rate, cpu = spread(each.rate for each in turns), spread(each.cpu for each in turns)
        faster = spread(each.rate / one.rate for each, one in zip(turns, found[1], strict=True))
        dearer = spread(each.cpu / one.cpu for each, one in zip(turns, found[1], strict=True))
        print(
            f"| {count} | {rate.middle:,.0f} ({rate.least:,.0f}-{rate.most:,.0f}) | {faster.middle:.2f} "
            f"| {cpu.middle:.0f} ({cpu.least:.0f}-{cpu.most:.0f}) | {dearer.middle:.2f} |"
        )


async def _turn(processes: Sequence[Server], choose: random.Random) -> Turn:
    async with connection(processes[0].url) as to:
        assert (await to.post("/v1/events", {"events": openings()}))[0] in {200, 201}
    await asyncio.sleep(SETTLED_SECONDS)
    await _load(processes, choose, 3)
    before, began = sum(map(cpu_seconds, processes)), time.perf_counter()
    await _load(processes, choose, EACH)
    taken = time.perf_counter() - began
    events = CLIENTS * EACH
    return Turn(events / taken, (sum(map(cpu_seconds, processes)) - before) / events * 1e6)


async def _load(processes: Sequence[Server], choose: random.Random, each: int) -> None:
    async def write(number: int) -> None:
        async with connection(processes[number % len(processes)].url) as to:
            for _ in range(each):
                status, _ = await to.post("/v1/events", {"events": [fact(choose)]})
                assert status == 201

    await asyncio.gather(*[write(number) for number in range(CLIENTS)])
