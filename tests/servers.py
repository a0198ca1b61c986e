"""Real server processes for tests: started on a free port, ready when /readyz says so, then stopped or killed.

With them the clients that put them under load, and the events that those send.
"""

import asyncio
import json
import random
import re
import ssl
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any
from uuid import UUID

import httpx

from tests.processes import PATIENCE, POLL, Process

Event = dict[str, Any]

_WHERE = re.compile(r"^Parley listens on (http://127\.0\.0\.1:[0-9]+)$", re.MULTILINE)
"""What `parley serve` says of where it listens."""
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Servers here speak plain HTTP: reading the machine's certificates for every client would cost 20 ms."""


class NotReady(Exception):  # noqa: N818 - a condition
    """The server process ended, or did not answer in time; its log says why."""


def client(url: str) -> httpx.AsyncClient:
    """Make a client with connections of its own."""
    return httpx.AsyncClient(base_url=url, verify=_NO_TLS, trust_env=False, timeout=PATIENCE)


def plain_client(url: str) -> httpx.Client:
    """Make a client that blocks, for a thread of its own."""
    return httpx.Client(base_url=url, verify=_NO_TLS, trust_env=False, timeout=PATIENCE)


class Connection:
    """One HTTP/1.1 connection without ceremony: it costs a tenth of httpx, so that the load is on the server.

    What the server breaks off is an OSError or an EOFError (asyncio.IncompleteReadError).
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Use `connection`."""
        self._reader, self._writer = reader, writer

    async def post(self, target: str, content: object) -> tuple[int, Any]:
        """Send JSON; return the status and the JSON of the answer."""
        return await self.send("POST", target, json.dumps(content).encode())

    async def get(self, target: str) -> tuple[int, Any]:
        """Read JSON; return the status too."""
        return await self.send("GET", target)

    async def send(self, method: str, target: str, body: bytes = b"") -> tuple[int, Any]:
        """Send one request; return the status and the JSON of the answer."""
        status, content = await self.ask(method, target, body)
        return status, json.loads(content)

    async def ask(self, method: str, target: str, body: bytes = b"", headers: str = "") -> tuple[int, bytes]:
        """Send one request with more header lines, and read its answer, which has a Content-Length."""
        head = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{headers}"
        self._writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        await self._writer.drain()
        status, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        sizes = dict(line.split(": ", 1) for line in lines if line)
        return int(status.split()[1]), await self._reader.readexactly(int(sizes["content-length"]))


@asynccontextmanager
async def connection(url: str) -> AsyncIterator[Connection]:
    """Open a connection."""
    reader, writer = await asyncio.open_connection(httpx.URL(url).host, httpx.URL(url).port)
    try:
        yield Connection(reader, writer)
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


class Server(Process):
    """`parley serve` on one database; each start is a new process on a port that is free then."""

    def __init__(
        self, database_url: str, *flags: str, files: int | None = None, program: Sequence[str] = ("service",)
    ) -> None:
        """`flags` go to `parley serve` as they are; it may have so many `files` open. `program` is a module."""
        serve = [sys.executable, "-m", *program, "serve", "--host", "127.0.0.1", "--port", "0"]
        limited = [] if files is None else ["sh", "-c", f'ulimit -n {files} && exec "$@"', "sh"]
        super().__init__([*limited, *serve, "--database-url", database_url, "--log-level", "WARNING", *flags])
        self._seen = 0
        self.url = ""
        """Where it listens, once it is ready."""

    def start(self) -> None:
        """Start a process and wait until it is ready."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Start a process without waiting for it."""
        self._seen = len(self.log())
        super().launch()

    def wait_ready(self) -> None:
        """Wait until it says where it listens and /readyz answers 200; NotReady when the process ends first."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self._running().poll() is None:
            if match := _WHERE.search(self.log(), self._seen):
                self.url = match.group(1)
                if self._answers():
                    return
            time.sleep(POLL)
        raise NotReady(self.log())

    def _answers(self) -> bool:
        with plain_client(self.url) as polling, suppress(httpx.TransportError):
            return polling.get("/readyz").status_code == httpx.codes.OK
        return False


@contextmanager
def serving(database_url: str, *flags: str, files: int | None = None) -> Iterator[Server]:
    """Run one server that is ready."""
    with serving_together([database_url], *flags, files=files) as (server,):
        yield server


@contextmanager
def serving_together(database_urls: Sequence[str], *flags: str, files: int | None = None) -> Iterator[list[Server]]:
    """Run several servers, one for each URL (which may be the same), started at the same time."""
    servers = [Server(url, *flags, files=files) for url in database_urls]
    try:
        for server in servers:
            server.launch()
        for server in servers:
            server.wait_ready()
        yield servers
        for server in servers:
            server.stop()
    finally:
        for server in servers:
            server.close()


def read_feed(url: str) -> list[Event]:
    """Read the feed from its beginning to its end."""
    events: list[Event] = []
    with plain_client(url) as reader:
        while True:
            asked = {"after": len(events), "limit": 1_000}
            page = reader.get("/v1/feed", params=asked).raise_for_status().json()
            events += page["events"]
            if page["next"] >= page["head"]:
                return events


ISSUES = ("load-one", "load-two", "load-three")
ITEMS = 240
_REPORTS = [{"outlet": "A client"}]
_CHANGES = ("extended", "tightened", "eased", "suspended", "reinstated")


def openings() -> list[Event]:
    """Open the issues that `fact` names."""
    shared = {"occurred": "2025-01-01", "title": "Load", "summary": "Many write at once.", "parties": ["CN", "US"]}
    return [
        {"id": _id(random.Random(issue)), "type": "issue.opened", "issues": [issue], "item": issue, **shared}  # noqa: S311 - repeatable
        | {"reports": _REPORTS}
        for issue in ISSUES
    ]


def fact(choose: random.Random) -> Event:
    """Make a change of one of many restrictions, on any day: late facts are as likely as others."""
    return {
        "id": _id(choose),
        "type": f"restriction.{choose.choice(_CHANGES)}",
        "issues": choose.sample(ISSUES, choose.randint(1, 2)),
        "item": f"measure-{choose.randrange(ITEMS)}",
        "occurred": f"2025-{choose.randint(1, 12):02}-{choose.randint(1, 28):02}",
        "rate_percent": choose.randint(0, 100),
        "reports": _REPORTS,
    }


def facts(seed: int, count: int) -> list[Event]:
    """Make so many facts, the same for the same seed."""
    choose = random.Random(seed)  # noqa: S311 - repeatable
    return [fact(choose) for _ in range(count)]


def _id(choose: random.Random) -> str:
    return str(UUID(int=choose.getrandbits(128), version=4))
