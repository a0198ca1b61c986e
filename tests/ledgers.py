"""A ledger opened for a test, and what tests ask of it: appends in batches, states at (D, K) as plain JSON."""

import json
import random
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import msgspec
import psycopg

from service.append.ledger import Ledger
from service.append.request import AppendResult
from service.domain.vocabulary.events import Batch
from service.eventlog.log import log_pages
from service.storage.connect import connect
from service.storage.database import Database
from service.views.asof import lists
from service.views.asof.engine import engine_of
from service.views.asof.question import Question, StateFilter
from service.views.asof.weighing import PageWork
from tests.conftest import PostgresServer
from tests.oracle import K, Published

Event = dict[str, Any]


def now() -> int:
    """Return microseconds since 1970 UTC."""
    return time.time_ns() // 1_000


@contextmanager
def writers_locked_out(url: str) -> Iterator[None]:
    """Hold what every writer needs, as a rebuild by another process does."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")
    else:
        with psycopg.connect(url) as connection:
            connection.execute("UPDATE head SET epoch = epoch WHERE id = 1")
            yield
            connection.rollback()


def asking(day: date, known: K | None = None) -> Question:
    """Ask about a day as known at a position, by a day of publication up to one, or at the head."""
    if isinstance(known, Published):
        return Question(day.toordinal(), known.position, published=known.day.toordinal())
    return Question(day.toordinal(), known)


class Opened:
    """A ledger under test."""

    def __init__(self, database: Database, ledger: Ledger) -> None:
        """Hold both."""
        self.database, self.ledger = database, ledger

    async def append(
        self, events: Sequence[Event], expected: Mapping[str, int] | None = None, at: int | None = None
    ) -> AppendResult:
        """Append plain events as one batch; `at` stamps its commit (microseconds since 1970 UTC)."""
        content = {"events": list(events)} | ({"expected_versions": dict(expected)} if expected else {})
        return await self.ledger.append(msgspec.convert(content, Batch), at)

    async def log(self) -> list[Event]:
        """Read the whole log as the feed gives it."""
        return [json.loads(stored.json()) async for page in log_pages(self.database) for stored in page]

    async def item(self, kind: str, item: str, day: date, known: K | None = None) -> Event | None:
        """Ask for one item's state."""
        question = asking(day, known)
        found = await engine_of(question).item(self.database, question, kind, item)
        return None if found is None else dict(json.loads(found[1].body))

    async def kind(self, kind: str, day: date, known: K | None = None, *tokens: str) -> list[Event]:
        """Ask for the states of a kind."""
        wanted = lists.Search(StateFilter(kind, tokens))
        page = await lists.page(self.database, asking(day, known), wanted, after=0, limit=1_000, work=PageWork())
        return [json.loads(found.body) for found in page.items]

    async def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Read every row of the projections, in order."""
        from service.storage.layout import PROJECTIONS  # noqa: PLC0415

        return {
            table: sorted(tuple(row) for row in await self.database.fetch(f"SELECT * FROM {table}"))  # noqa: S608
            for table in PROJECTIONS
        }


@asynccontextmanager
async def opened(url: str, clock: Callable[[], int] = now) -> AsyncIterator[Opened]:
    """Open a migrated ledger that goes by a clock (microseconds since 1970 UTC)."""
    database = connect(url)
    await database.open()
    ledger = Ledger(database, clock, uuid4)
    await ledger.start()
    try:
        yield Opened(database, ledger)
    finally:
        await ledger.stop()
        await database.close()


@contextmanager
def fresh_sqlite(template: Path, folder: Path) -> Iterator[str]:
    """Make a ledger for one example of a property, a copy of a migrated file; it is removed afterwards."""
    path = folder / f"{random.getrandbits(64)}.db"
    shutil.copyfile(template, path)
    try:
        yield f"sqlite:///{path}"
    finally:
        for part in folder.glob(f"{path.name}*"):  # with its -wal and -shm
            part.unlink()


@contextmanager
def fresh_postgres(server: PostgresServer, template: str) -> Iterator[str]:
    """Make a ledger for one example of a property, a clone of a migrated database; it is dropped afterwards."""
    url = server.create(template)
    try:
        yield url
    finally:
        server.drop(url)


async def cut(url: str) -> None:
    """End every session of the service, as a restart of the database would."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'parley'"
        )
    finally:
        await connection.close()
