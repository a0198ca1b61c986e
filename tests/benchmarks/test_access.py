"""What the edge costs: limits, traces and metrics, access lines, keys; CPU of the service for a request."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import pytest

from service.app import opened
from service.edge.gate import Gate, names
from service.settings import Settings
from tests.access.holders import made, parley
from tests.api.conftest import LONDON
from tests.benchmarks import report
from tests.benchmarks.measure import ROUNDS, spread
from tests.servers import Server, connection

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from tests.servers import Connection

pytestmark = pytest.mark.benchmark

READS, APPENDS = 500, 100
"""Requests in a turn."""
CALLS = 50_000
PATH = "/v1/restrictions/china-seven-rare-earths-control"
KINDS = {
    "an item, kept in memory": PATH,
    "an item, looked up": PATH,
    "an issue, looked up": "/v1/issues/rare-earth-export-restrictions",
    "an append": "",
}
"""Requests by name, with the path of those that read."""
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
        if kind == "an append":
            count = APPENDS
            for number in range(begin, begin + count):
                await _append(to, contender.headers, number)
        else:
            count = READS
            for number in range(count):
                day = f"{2026 + begin // APPENDS}-{number % 12 + 1:02}-{number // 12 % 28 + 1:02}"
                known = f"?as_of={day}&known_position={12 + number // 336 % 7}&sources=none"
                await _read(to, contender.headers, KEPT if "kept" in kind else KINDS[kind] + known)
        return (cpu_seconds(contender.server) - before) / count * 1e6


STEPS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "bare": (("tests.benchmarks.bare", "limits,seen"), ()),
    "+ limits": (("tests.benchmarks.bare", "seen"), ()),
    "+ traces, metrics": (("service",), ()),
    "+ access lines": (("service",), ("--log-level", "INFO", "--log-format", "json")),
    "+ a key": (("service",), ("--log-level", "INFO", "--log-format", "json")),
    "+ a rate limit": (("service",), ("--log-level", "INFO", "--log-format", "json", "--rate-limit", "1000000/1")),
}
KEYED = {"+ a key", "+ a rate limit"}
"""By name: the program and its flags. Each has what those above it have."""


def test_what_the_edge_costs(tmp_path: Path) -> None:
    """Print the CPU that a request takes with each part of the edge more, and its ratio to a service without any."""
    urls = {step: f"sqlite:///{tmp_path / str(number)}.db" for number, step in enumerate(STEPS)}
    keys = {step: made(urls[step], "admin", "--name", "bench") for step in STEPS if step in KEYED}
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    with ExitStack() as stack:
        contenders = {}
        for step, (program, flags) in STEPS.items():
            if step not in KEYED:
                parley(urls[step], "migrate")
            server = stack.enter_context(closing(Server(urls[step], *flags, program=program)))
            server.start()
            bearing = f"Authorization: Bearer {keys[step]}\r\n" if step in KEYED else ""
            contenders[step] = Contender(server, bearing)
        asyncio.run(_measured(contenders, found))
    print(f"\n{report.machine()}\n\nCPU µs of a request: least of {ROUNDS} rounds; its ratio to `bare`\n")
    print("| request | " + " | ".join(STEPS) + " |")
    print("|---|" + "---:|" * len(STEPS))
    for kind in KINDS:
        least = [min(found[kind, step]) for step in STEPS]
        shown = [f"{least[0]:.0f}", *(f"{each:.0f} ({each / least[0]:.2f})" for each in least[1:])]
        print(f"| {kind} | " + " | ".join(shown) + " |")


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
    scope = {"type": "http", "method": "POST", "raw_path": b"/v1/events", "http_version": "1.1", "headers": headers}
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
