"""A load generator of its own process: HTTP/1.1 over kept connections, nothing parsed that is not needed.

It reads a plan as JSON on standard input and writes what it measured as JSON. httpx would cost more than the server.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import time
from collections import Counter
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, cast

import msgspec
import uvloop

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)


class Plan(msgspec.Struct):
    """What to send: the lines of `bodies` as POSTs to `path`, each once, or else GETs of `path` with these headers.

    With `paths` these are asked in turn instead.
    """

    port: int
    path: str
    connections: int
    seconds: float
    expected: int
    bodies: str | None = None
    headers: dict[str, str] = {}
    paths: list[str] = []


class Measured(msgspec.Struct):
    """What came of it; latencies in seconds."""

    seconds: float
    latencies: list[float]
    statuses: dict[int, int]


def send(plan: Plan) -> Measured:
    """Run a plan in a new process; RuntimeError when a response has another status than expected."""
    command = [sys.executable, "-m", "tests.benchmarks.client"]
    run = subprocess.run(command, input=msgspec.json.encode(plan), cwd=ROOT, stdout=subprocess.PIPE, check=True)
    measured = msgspec.json.decode(run.stdout, type=Measured)
    if set(measured.statuses) != {plan.expected}:
        message = f"{plan.path}: {measured.statuses}"
        raise RuntimeError(message)
    return measured


class _Load:
    """The requests left to send, and what is measured."""

    def __init__(self, plan: Plan) -> None:
        self.requests = _requests(plan)
        self.deadline = 0.0
        self.latencies: list[float] = []
        self.statuses: Counter[int] = Counter()

    def next(self) -> bytes | None:
        return next(self.requests, None) if time.perf_counter() < self.deadline else None


def _requests(plan: Plan) -> Iterator[bytes]:
    host = f"Host: 127.0.0.1:{plan.port}\r\n"
    if plan.bodies is None:
        headers = "".join(f"{name}: {value}\r\n" for name, value in plan.headers.items())
        paths = plan.paths or [plan.path]
        return cycle([f"GET {path} HTTP/1.1\r\n{host}{headers}\r\n".encode() for path in paths])
    head = f"POST {plan.path} HTTP/1.1\r\n{host}Content-Type: application/json\r\nContent-Length: ".encode()
    lines = Path(plan.bodies).read_bytes().splitlines()
    return iter([b"%s%d\r\n\r\n%s" % (head, len(line), line) for line in lines])


class _Connection(asyncio.Protocol):
    """One client that sends its next request when it has the answer to the last."""

    def __init__(self, load: _Load, done: asyncio.Future[None]) -> None:
        self._load, self._done = load, done
        self._received = bytearray()
        self._wanted = 0
        self._sent = 0.0
        self._transport: asyncio.WriteTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(exc or ConnectionResetError("the server closed the connection"))

    def send(self) -> None:
        request = self._load.next()
        if request is None:
            self._done.set_result(None)
            return
        self._sent = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._wanted:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            length = _LENGTH.search(self._received, 0, end)
            self._wanted = end + 4 + (int(length[1]) if length else 0)
        if len(self._received) >= self._wanted:
            self._load.latencies.append(time.perf_counter() - self._sent)
            self._load.statuses[int(self._received[9:12])] += 1
            self._received.clear()
            self._wanted = 0
            self.send()


async def _run(plan: Plan) -> Measured:
    loop = asyncio.get_running_loop()
    load = _Load(plan)
    made = []
    for _ in range(plan.connections):
        done: asyncio.Future[None] = loop.create_future()
        _, connection = await loop.create_connection(partial(_Connection, load, done), "127.0.0.1", plan.port)
        made.append((connection, done))
    began = time.perf_counter()
    load.deadline = began + plan.seconds
    for connection, _ in made:
        connection.send()
    await asyncio.gather(*(done for _, done in made))
    return Measured(time.perf_counter() - began, load.latencies, dict(load.statuses))


def main() -> None:
    """Read a plan, run it, write what was measured."""
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(_run(plan))))


if __name__ == "__main__":
    main()
