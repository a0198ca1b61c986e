"""Our append, in process and over HTTP: strict decoding, validation, versions and projection included."""

from __future__ import annotations

import asyncio
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
import uvloop

from service.app import create_app, opened
from service.domain.admit.strict_json import accept
from service.domain.vocabulary.events import Batch
from service.garbage import collect_seldom
from service.settings import Settings
from tests.benchmarks.client import Plan, send
from tests.benchmarks.measure import Sample
from tests.benchmarks.workload import batches, without_id
from tests.servers import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from types import TracebackType
    from typing import Self

    from litestar import Litestar

    from service.append.ledger import Ledger
    from tests.benchmarks.workload import Workload

FASTEST = 30_000
"""Events a second that nobody here reaches: so many bodies are prepared."""


def runner() -> asyncio.Runner:
    """Make an event loop as the server has it, and let this process look for garbage as seldom."""
    collect_seldom()
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


class Asked:
    """The service on a ledger, in this process, asked by ASGI: without a client, the time it takes is its own."""

    def __init__(self, url: str, loop: asyncio.Runner, stack: ExitStack) -> None:
        """Start the service; it runs until the stack ends."""
        self._app: Any = create_app(Settings(database_url=url))
        stack.callback(lambda stop: loop.run(stop()), loop.run(_started(self._app)))

    async def get(self, target: str) -> bytes:
        """Return the body of an answer 200."""
        return await self._send("GET", target, b"", 200)

    async def post(self, target: str, content: object) -> bytes:
        """Send JSON; return the body of an answer 201."""
        return await self._send("POST", target, msgspec.json.encode(content), 201)

    async def _send(self, method: str, target: str, content: bytes, expected: int) -> bytes:
        path, _, query = target.partition("?")
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": content, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(b"host", b"127.0.0.1"), (b"content-type", b"application/json")],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }
        await self._app(scope, receive, send)
        body = b"".join([message.get("body", b"") for message in sent])
        assert sent[0]["status"] == expected, body
        return body


async def _started(app: Litestar) -> Callable[[], Coroutine[None, None, None]]:
    """Start the service in a task of its own, which has to end it too; return what ends it."""
    ready, done = asyncio.Event(), asyncio.Event()

    async def run() -> None:
        async with app.lifespan():
            ready.set()
            await done.wait()

    task = asyncio.create_task(run())
    await ready.wait()

    async def stop() -> None:
        done.set()
        await task

    return stop


async def fill(ledger: Ledger, workload: Workload) -> None:
    """Append the issues, and the items in the middle of their lives."""
    for batch in batches([*workload.openings, *workload.start]):
        await ledger.append(batch)


class InProcess:
    """`Ledger.append` from tasks of one process, one event a call."""

    def __init__(self, database_url: str, workload: Workload, *, ids: bool = True) -> None:
        """`ids` is whether the client sends the ids of the events."""
        self._url, self._workload, self._ids = database_url, workload, ids
        self._next = 0
        self._stack = ExitStack()
        self._ledger: Ledger
        self._runner: asyncio.Runner

    def __enter__(self) -> Self:
        """Open the ledger and fill it."""
        self._runner = self._stack.enter_context(runner())
        opening = opened(Settings(database_url=self._url))
        services = self._runner.run(opening.__aenter__())
        self._stack.callback(lambda: self._runner.run(opening.__aexit__(None, None, None)))
        self._ledger = services.ledger
        self._runner.run(fill(services.ledger, self._workload))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close."""
        self._stack.close()

    def run(self, writers: int, seconds: float) -> Sample:
        """Append for so long."""
        bodies = [body.json for body in self._workload.bodies(self._next, int(seconds * FASTEST))]
        if not self._ids:
            bodies = [without_id(body) for body in bodies]
        sample = self._runner.run(self._measure(iter(bodies), writers, seconds))
        self._next += len(sample.latencies)
        return sample

    async def _measure(self, bodies: Iterator[bytes], writers: int, seconds: float) -> Sample:
        latencies: list[float] = []
        began = time.perf_counter()
        deadline = began + seconds

        async def write() -> None:
            now = time.perf_counter()
            while now < deadline and (body := next(bodies, None)) is not None:
                await self._ledger.append(accept(body, Batch))
                done = time.perf_counter()
                latencies.append(done - now)
                now = done

        await asyncio.gather(*(write() for _ in range(writers)))
        return Sample(time.perf_counter() - began, latencies)


class OverHttp:
    """POST /v1/events to a process of `parley serve`, one event a request, from a client process."""

    def __init__(self, database_url: str, workload: Workload) -> None:
        """Nothing is started yet."""
        self._url, self._workload = database_url, workload
        self._next = 0
        self._stack = ExitStack()
        self._port = 0
        self._folder = ""

    def __enter__(self) -> Self:
        """Fill the ledger, then start the server."""
        with InProcess(self._url, self._workload):
            pass
        self._folder = self._stack.enter_context(tempfile.TemporaryDirectory())
        self._port = urlsplit(self._stack.enter_context(serving(self._url)).url).port or 0
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop the server."""
        self._stack.close()

    def run(self, writers: int, seconds: float) -> Sample:
        """Append for so long."""
        lines = Path(self._folder) / "bodies"
        count = int(seconds * FASTEST / 2)
        lines.write_bytes(b"\n".join(body.json for body in self._workload.bodies(self._next, count)))
        plan = Plan(self._port, "/v1/events", writers, seconds, 201, bodies=str(lines))
        measured = send(plan)
        self._next += len(measured.latencies)
        return Sample(measured.seconds, measured.latencies)
