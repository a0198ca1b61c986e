"""The relay to JetStream from a log that is already there, compared to the client alone, without order."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

import pytest
from nats.js.api import StreamConfig

from service.eventlog.log import log_pages
from service.feed.cloudevents import Origin, envelope
from service.relay.relay import CONFIG, STREAM, SUBJECTS, Relay
from service.relay.stream import WINDOW
from tests.benchmarks import report
from tests.benchmarks.measure import ROUNDS, SECONDS, spread
from tests.benchmarks.servers import flushes
from tests.benchmarks.sized import Sized, fill
from tests.brokers import broker, connected, reached
from tests.ledgers import Opened, opened
from tests.migrations import migrate

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from pathlib import Path

pytestmark = [pytest.mark.benchmark, pytest.mark.anyio]


class Setting(NamedTuple):
    """A `sync_interval` of the server, and how many events are relayed under it."""

    name: str
    interval: str
    events: int


SETTINGS = (Setting("always", "always", 3_000), Setting("default", "2m", 30_000))
"""The server's default is two minutes."""
PUBLIC_URL = "http://127.0.0.1:8000"
ORIGIN = Origin(PUBLIC_URL, UUID(int=0), 0)
FLUSH = "the disk: fdatasync of 8 kB"


async def relayed(ledger: Opened, url: str, events: int) -> float:
    """Relay the log into a new stream; return events a second, from the first acknowledged ones on."""
    async with connected(url) as client:
        running = asyncio.create_task(Relay(ledger.database, [url], PUBLIC_URL).run())
        try:
            await reached(client, 1)
            begun, first = time.perf_counter(), (await client.jetstream().stream_info(STREAM)).state.messages
            await reached(client, events)
            last = (await client.jetstream().stream_info(STREAM)).state.messages
            return (last - first) / (time.perf_counter() - begun)
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running


async def alone(ledger: Opened, url: str, events: int) -> float:
    """Publish the same messages by the client alone, as many at once, in no order; return messages a second."""
    payloads = [envelope(row, ORIGIN) async for page in log_pages(ledger.database) for row in page]
    del payloads[events:]
    async with connected(url) as client:
        jetstream = client.jetstream()
        await jetstream.add_stream(StreamConfig(name="ALONE", subjects=[SUBJECTS], storage=CONFIG.storage))
        left = iter(payloads)

        async def publish() -> None:
            for payload in left:
                await jetstream.publish("parley.v1.a.b.c", payload)

        begun = time.perf_counter()
        await asyncio.gather(*(publish() for _ in range(WINDOW)))
        return len(payloads) / (time.perf_counter() - begun)


CONTENDERS: dict[str, Callable[[Opened, str, int], Coroutine[None, None, float]]] = {
    "Parley, relay": relayed,
    "nats-py alone, no order": alone,
}


async def test_the_relay_beside_the_client_alone(tmp_path: Path) -> None:
    """Where the disk is not the limit, order and exactly-once cost no more than half of the client's rate."""
    url = f"sqlite:///{tmp_path}/parley.db"
    migrate(url)
    rates: dict[tuple[str, str], list[float]] = defaultdict(list)
    print(f"\n\n{report.machine()}")
    async with opened(url) as ledger:
        await fill(ledger.ledger, Sized(max(setting.events for setting in SETTINGS)))
        for turn in range(ROUNDS):
            rates[FLUSH, "-"].append(flushes(SECONDS / 3).rate)
            for name, run in CONTENDERS.items():
                for setting in SETTINGS:
                    folder = tmp_path / f"{turn} {name} {setting.name}"
                    folder.mkdir()
                    with broker(folder, setting.interval) as server:
                        rates[name, setting.name].append(await run(ledger, server.url, setting.events))
    _print(rates)
    ours, theirs = CONTENDERS
    found = {
        f"{ours} / {theirs}, {setting.name}": spread(
            one / other for one, other in zip(rates[ours, setting.name], rates[theirs, setting.name], strict=True)
        )
        for setting in SETTINGS
    }
    report.ratios(found.items())
    assert found[f"{ours} / {theirs}, default"].middle >= 0.5


def _print(rates: Mapping[tuple[str, str], list[float]]) -> None:
    print(f"\n### Relay of a log to JetStream ({ROUNDS} interleaved rounds, medians)\n")
    print("| | sync_interval | events/s | least-most |\n|---|---|---:|---:|")
    for (name, sync), found in rates.items():
        rate = spread(found)
        print(f"| {name} | {sync} | {rate.middle:,.0f} | {rate.least:,.0f}-{rate.most:,.0f} |")
