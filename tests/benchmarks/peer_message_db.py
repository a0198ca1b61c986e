"""message-db on the same PostgreSQL: its own SQL from npm, `write_message` of one event a call over asyncpg."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tarfile
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

import asyncpg
import psycopg

from tests.benchmarks.measure import Sample
from tests.benchmarks.ours import runner
from tests.benchmarks.workload import event_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Self

    from tests.benchmarks.workload import Body, Workload

PACKAGE = "@eventide/message-db@1.3.1"
FASTEST = 20_000
_FUNCTIONS = (
    "message-store-version hash-64 acquire-lock category is-category id cardinal-id stream-version write-message"
    " get-stream-messages get-category-messages get-last-stream-message"
)
_SCRIPTS = [
    # extensions/pgcrypto.sql is left out: PostgreSQL 13 and newer have gen_random_uuid() themselves
    "roles/message-store",
    "schema/message-store",
    "tables/messages",
    "types/message",
    *(f"functions/{name}" for name in _FUNCTIONS.split()),
    *(f"indexes/messages-{name}" for name in ("id", "stream", "category")),
]
"""In the order of its install.sh; views and privileges do not matter here."""
_WRITE = "SELECT message_store.write_message($1::varchar, $2::varchar, $3::varchar, $4::jsonb)"


class Unavailable(Exception):  # noqa: N818 - a condition
    """The package could not be fetched; the text says why."""


def scripts() -> list[str]:
    """Fetch message-db's SQL from npm, in the order of its installation; Unavailable when that is not possible."""
    if shutil.which("npm") is None:
        reason = "npm is not installed"
        raise Unavailable(reason)
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", PACKAGE, "--silent", "--pack-destination", folder]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            reason = f"npm has not {PACKAGE}: {done.stderr.strip()[-200:]}"
            raise Unavailable(reason)
        (archive,) = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
        return [(Path(folder) / "package" / "database" / f"{name}.sql").read_text() for name in _SCRIPTS]


class _Message(NamedTuple):
    id: str
    stream: str
    type: str
    data: str


class MessageDb:
    """`write_message` over as many connections as there are writers.

    Its lock is per category (the part of a stream's name before the first hyphen). With one category its global
    positions are in commit order, as ours are; with a category for each kind of item writers wait less, and a reader of
    all can miss events.
    """

    def __init__(self, database_url: str, workload: Workload, sql: list[str], *, one_category: bool) -> None:
        """`sql` as `scripts` returns it."""
        self._url, self._workload, self._sql, self._one = database_url, workload, sql, one_category
        self._next = 0
        self._stack = ExitStack()
        self._runner: asyncio.Runner

    def __enter__(self) -> Self:
        """Install it, and write the items in the middle of their lives."""
        self._runner = self._stack.enter_context(runner())
        with psycopg.connect(self._url, autocommit=True) as admin:
            admin.execute("SET search_path = message_store, public")
            for script in self._sql:
                admin.execute(script.encode())
        self._runner.run(self._fill())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close."""
        self._stack.close()

    def run(self, writers: int, seconds: float) -> Sample:
        """Write for so long."""
        bodies = self._workload.bodies(self._next, int(seconds * FASTEST))
        sample = self._runner.run(self._measure(iter([self._message(body) for body in bodies]), writers, seconds))
        self._next += len(sample.latencies)
        return sample

    async def _fill(self) -> None:
        """Write them in one transaction: this is not measured."""
        connection = await self._connect()
        await connection.executemany(_WRITE, [self._message(body) for body in self._workload.start])
        await connection.close()

    async def _connect(self) -> asyncpg.Connection[asyncpg.Record]:
        return await asyncpg.connect(self._url, server_settings={"search_path": "message_store, public"})

    def _message(self, body: Body) -> _Message:
        data = event_json(body.json)
        stream = f"trade-{body.item}" if self._one else body.item
        return _Message(str(UUID(data[7:43].decode())), stream, body.change, data.decode())

    async def _measure(self, messages: Iterator[_Message], writers: int, seconds: float) -> Sample:
        connections = await asyncio.gather(*(self._connect() for _ in range(writers)))
        writes = [(await connection.prepare(_WRITE)).fetchval for connection in connections]
        latencies: list[float] = []
        began = time.perf_counter()
        deadline = began + seconds

        async def write(number: int) -> None:
            now = time.perf_counter()
            while now < deadline and (message := next(messages, None)) is not None:
                await writes[number](*message)
                done = time.perf_counter()
                latencies.append(done - now)
                now = done

        await asyncio.gather(*(write(number) for number in range(writers)))
        sample = Sample(time.perf_counter() - began, latencies)
        await asyncio.gather(*(connection.close() for connection in connections))
        return sample
