"""What keys and the gate cost: CPU of the service for a request, with and without them, turn by turn."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import pytest

from service.app import opened
from service.edge.gate import Gate, names
from service.settings import Settings
from tests.access.holders import made
from tests.api.conftest import LONDON
from tests.benchmarks import report
from tests.benchmarks.measure import ROUNDS, spread
from tests.servers import connection, serving_together

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from tests.servers import Connection, Server

pytestmark = pytest.mark.benchmark

READS, APPENDS = 2_000, 400
"""Requests in a turn."""
CALLS = 50_000
KINDS = ("read, kept", "read, looked up", "append")
PATH = "/v1/restrictions/china-seven-rare-earths-control"
KEPT = f"{PATH}?as_of=2025-06-10&known_position=12"


class Contender(NamedTuple):
    """A server, and the header lines that its requests have."""

    server: Server
    headers: str


async def _read(to: Connection, headers: str, path: str) -> None:
    assert (await to.ask("GET", path, b"", headers))[0] == 200


async def _append(to: Connection, headers: str, number: int) -> None:
    day = f"{1900 + number // 336}-{number // 28 % 12 + 1:02}-{number % 28 + 1:02}"
    event = {name: value for name, value in LONDON[3].items() if name != "id"} | {
        "occurred": day,
        "item": f"n-{number}",
    }
    status, body = await to.ask("POST", "/v1/events", msgspec.json.encode({"events": [event]}), headers)
    assert status == 201, body


def cpu_seconds(server: Server) -> float:
    """Return the CPU seconds of all threads of a server, finer than the ticks of its `stat` (proc_pid_schedstat(5))."""
    threads = Path(f"/proc/{server.pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


async def _turn(contender: Contender, kind: str, begin: int) -> float:
    """Send the requests of a turn; return the CPU microseconds that each took the service."""
    async with connection(contender.server.url) as to:
        before = cpu_seconds(contender.server)
        if kind == "append":
            count = APPENDS
            for number in range(begin, begin + count):
                await _append(to, contender.headers, number)
        else:
            count = READS
            for number in range(count):
                day = f"{2026 + begin // APPENDS}-{number % 12 + 1:02}-{number // 12 % 28 + 1:02}"
                known = f"?as_of={day}&known_position={12 + number // 336 % 7}&sources=none"
                await _read(to, contender.headers, KEPT if kind == "read, kept" else PATH + known)
        return (cpu_seconds(contender.server) - before) / count * 1e6


def test_what_keys_cost(tmp_path: Path) -> None:
    """Print the CPU that a request takes without keys and with one, and their ratio, round by round."""
    urls = [f"sqlite:///{tmp_path / name}" for name in ("open.db", "keys.db")]
    key = made(urls[1], "admin", "--name", "bench")
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    with serving_together(urls) as servers:
        bearing = f"Authorization: Bearer {key}\r\n"
        contenders = {"open": Contender(servers[0], ""), "key": Contender(servers[1], bearing)}
        asyncio.run(_measured(contenders, found))
    print(
        f"\n{report.machine()}\n\nCPU µs of a request: least (median) of {ROUNDS} rounds, and the ratio of the least\n"
    )
    print("| request | no keys | with a key | ratio |")
    print("|---|---:|---:|---:|")
    for kind in KINDS:
        without, with_key = found[kind, "open"], found[kind, "key"]
        shown = " | ".join(f"{min(each):.0f} ({median(each):.0f})" for each in (without, with_key))
        print(f"| {kind} | {shown} | {min(with_key) / min(without):.2f} |")


async def _measured(contenders: dict[str, Contender], found: dict[tuple[str, str], list[float]]) -> None:
    for contender in contenders.values():
        async with connection(contender.server.url) as to:
            sent = await to.ask("POST", "/v1/events", msgspec.json.encode({"events": LONDON}), contender.headers)
            assert sent[0] == 201, sent
    for turn in range(ROUNDS):
        for kind in KINDS:
            for name, contender in contenders.items():
                found[kind, name].append(await _turn(contender, kind, turn * APPENDS))


def test_what_the_gate_costs() -> None:
    """Print the CPU that the look at the headers takes, in this process: the same call with it and without."""

    async def application(scope: object, receive: object, send: object) -> None:
        pass

    head = {"host": "127.0.0.1:8000", "user-agent": "curl/8", "accept": "*/*", "content-type": "application/json"}
    headers = [(name.encode(), value.encode()) for name, value in head.items()]
    scope = {"type": "http", "method": "POST", "http_version": "1.1", "headers": headers}
    gate = Gate(application, names("http://127.0.0.1:8000", (), (), local=True))

    async def timed(app: Any) -> float:  # noqa: ANN401 - either application
        begun = time.process_time()
        for _ in range(CALLS):
            called: Awaitable[None] = app(scope, None, None)
            await called
        return (time.process_time() - begun) / CALLS * 1e6

    taken = spread(asyncio.run(timed(gate)) - asyncio.run(timed(application)) for _ in range(ROUNDS))
    print(f"\nthe gate: {taken.middle:.2f} µs a request ({taken.least:.2f}-{taken.most:.2f})")


def test_what_a_look_at_a_key_costs(tmp_path: Path) -> None:
    """Print the CPU that finding and comparing a key takes, in this process."""
    url = f"sqlite:///{tmp_path / 'parley.db'}"
    key = made(url, "reader")

    async def timed() -> list[float]:
        async with opened(Settings(database_url=url)) as services:
            found = []
            for _ in range(ROUNDS):
                begun = time.process_time()
                for _ in range(CALLS):
                    services.keys.find(key)
                found.append((time.process_time() - begun) / CALLS * 1e6)
            return found

    taken = spread(asyncio.run(timed()))
    print(f"\na key: {taken.middle:.2f} µs a request ({taken.least:.2f}-{taken.most:.2f})")
