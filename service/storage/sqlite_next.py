"""The next tables on SQLite: in the same file, under names with `_next` at the end.

On the connection of a rebuild temporary views give them the plain names: SQLite looks for those first. A swap renames
tables, and moves indexes to their names as SQLite's documentation has it for what ALTER TABLE cannot do. The file has
one lock to write: it is taken for some milliseconds at a time, and left to others for longer while others write.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from service.storage.database import CLOSE, CLOSE_POSTURE, END, REMADE, SHAPED, Scratch
from service.storage.layout import PROJECTIONS
from service.storage.next_tables import COLUMNS_MADE, MADE, NOTES, SCHEMA, CannotRebuild
from service.storage.sqlite_dialect import begin, begun, own
from service.storage.sqlite_rename import NEXT, OLD, alone, definitions, exchange
from service.storage.threads import to_its_end

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator, Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from service.storage.database import Commit, Dialect, Row, Source

T = TypeVar("T")

SLICE, ALONE_SLICE = 400, 10_000
"""Rows that are stored or deleted while others wait for the lock (2 to 5 ms), and while there are no others."""
PAUSE, BULK_PAUSE, OTHERS_SECONDS = 1.0, 3.0, 1.0
"""How many times as long as it was held the lock is left to others, while what they record is added, and before; and
for how many seconds after they have last written."""
CHECKPOINT_COMMITS = 4
"""Commits between two checkpoints."""
WAIT_MS, WAIT_SECONDS = 250, 60.0
"""How long one try to get the lock lasts, and all of them."""
_LEFT = f"SELECT name FROM main.sqlite_schema WHERE type = 'table' AND (name GLOB '*{NEXT}' OR name GLOB '*{OLD}')"
_THERE = f"""SELECT EXISTS (SELECT 1 FROM main.sqlite_schema WHERE name = 'progress{NEXT}')
AND EXISTS (SELECT 1 FROM {SCHEMA}.sqlite_schema WHERE name = 'planned')"""
_PLANNED = f"SELECT 1 FROM main.progress{NEXT} WHERE plan = ?1"


@asynccontextmanager
async def next_tables(
    connect: Callable[[], sqlite3.Connection], path: str, dialect: Dialect, plan: str
) -> AsyncIterator[SqliteNext]:
    """Open a connection for a rebuild, or with the `plan` of one that goes on, for one of its workers."""
    notes = Path(f"{path}-rebuild")
    with nullcontext() if plan else alone(notes), closing(connect()) as connection:
        connection.execute(f"PRAGMA busy_timeout={WAIT_MS}")
        connection.execute("PRAGMA synchronous=NORMAL")  # the commit of an append takes those before it to the disk
        connection.execute("PRAGMA wal_autocheckpoint=0")
        connection.execute(f"ATTACH DATABASE ?1 AS {SCHEMA}", (str(notes),))
        tables = SqliteNext(connection, connect, dialect, plan)
        if plan:
            tables.show()
        try:
            yield tables
        finally:
            tables.close()
            if tables.is_over:
                os.unlink(notes)  # noqa: PTH108 - one call, no wait


class SqliteNext:
    """The connection of a rebuild; see `NextTables`."""

    unlogged = ""

    def __init__(
        self,
        connection: sqlite3.Connection,
        connect: Callable[[], sqlite3.Connection],
        dialect: Dialect,
        plan: str,
    ) -> None:
        """`connect` opens others to the same file."""
        self.dialect, self.plan = dialect, plan
        self.is_over = False
        """Whether there is nothing left that a rebuild could go on with."""
        self._connection, self._connect = connection, connect
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="rebuild")
        self._version, self._others = self._data_version(), -OTHERS_SECONDS
        self._commits = 0

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown()

    def name(self, table: str) -> str:
        """Return a name; see `NextTables`."""
        return f"main.{table}{NEXT}"

    def live(self, table: str) -> str:
        """Return a name; see `NextTables`."""
        return f"main.{table}"

    async def fetch(self, sql: str, *parameters: Any) -> Sequence[Row]:  # noqa: ANN401
        """Read or write in a thread; see `NextTables`."""
        return await self._read(self._connection, sql, *parameters)

    async def is_there(self) -> bool:
        """Look; see `NextTables`."""
        (found,) = self._connection.execute(_THERE).fetchone()
        if found:
            self.show()
        return bool(found)

    def show(self) -> None:
        """Let the plain names mean the next tables."""
        for table in MADE:
            self._connection.execute(f"CREATE TEMP VIEW {table} AS SELECT * FROM {self.name(table)}")

    def _hide(self) -> None:
        for table in MADE:
            self._connection.execute(f"DROP VIEW IF EXISTS temp.{table}")

    async def make(self) -> str:
        """Make them as the live ones are; see `NextTables`."""
        await self.drop()
        self.is_over = False
        async with self.transaction():
            for table in PROJECTIONS:
                for made in await self._in_thread(partial(definitions, self._connection, table)):
                    await self.fetch(made)
            for table, columns in NOTES.items():
                await self.fetch(f"CREATE TABLE {self.name(table)} ({columns})")
        self.show()
        return str((await self.fetch("SELECT lower(hex(randomblob(16)))"))[0][0])

    @asynccontextmanager
    async def transaction(self, pause: float = PAUSE) -> AsyncIterator[None]:
        """Commit; see `NextTables`."""
        connection = self._connection
        if connection.in_transaction:
            yield
            return
        await begin(lambda: self._in_thread(partial(begun, connection)), WAIT_SECONDS)
        began = time.monotonic()
        try:
            if self.plan and not connection.execute(_PLANNED, (self.plan,)).fetchall():
                msg = "another rebuild has begun"
                raise CannotRebuild(msg)
            yield
            await self._in_thread(connection.commit)
        finally:
            if connection.in_transaction:
                connection.rollback()
        await self._leave(pause * (time.monotonic() - began))
        await self._checkpoint()

    def locked(self, tables: Sequence[str] = ()) -> AbstractAsyncContextManager[None]:  # noqa: ARG002 - nobody waits for tables here
        """Lock; see `NextTables`. Who writes at all keeps others from it."""
        return self.transaction()

    async def _leave(self, seconds: float) -> None:
        """Leave the lock to others, which look for it now and then, for so many seconds, if there are any."""
        version, now = self._data_version(), time.monotonic()
        if version != self._version:
            self._version, self._others = version, now
        if self._has_others(now):
            await asyncio.sleep(seconds)

    async def _checkpoint(self) -> None:
        """Move what is committed into the file: within a commit, others would wait for it."""
        self._commits += 1
        if self._commits % CHECKPOINT_COMMITS == 0:
            await self.fetch("PRAGMA main.wal_checkpoint(PASSIVE)")

    def _has_others(self, now: float) -> bool:
        return now < self._others + OTHERS_SECONDS

    def _data_version(self) -> int:
        return int(self._connection.execute("PRAGMA main.data_version").fetchone()[0])

    @property
    def _slice(self) -> int:
        return SLICE if self._has_others(time.monotonic()) else ALONE_SLICE

    async def load(self, commit: Commit, dated: Sequence[Row], number: int, events: int) -> None:
        """Store slice by slice; see `NextTables`."""
        rest = [(table, [*rows]) for table, rows in commit.rows.items()]
        rest += [("dated", [*dated]), ("done", [(number, events)])]
        while rest:
            async with self.transaction(BULK_PAUSE):
                await self._in_thread(partial(self._load_slice, rest, self._slice))

    def _load_slice(self, rest: list[tuple[str, list[Row]]], size: int) -> None:
        while rest and size > 0:
            table, rows = rest[0]
            taken = rows[:size]
            self._insert(table, taken, " OR IGNORE")
            size -= len(taken)
            del rows[: len(taken)]
            if not rows:
                del rest[0]

    def _insert(self, table: str, rows: Sequence[Row], otherwise: str = "") -> None:
        if rows:
            columns = COLUMNS_MADE[table]
            into = f"{self.name(table)} ({', '.join(columns)})"
            values = ", ".join("?" * len(columns))
            self._connection.executemany(f"INSERT{otherwise} INTO {into} VALUES ({values})", rows)

    async def store(self, commit: Commit) -> None:
        """Store; see `NextTables`."""
        async with self.transaction():
            await self._in_thread(partial(self._store, commit))

    def _store(self, commit: Commit) -> None:
        for sql, given in ((CLOSE, commit.closings), (CLOSE_POSTURE, commit.posture_closings), (END, commit.endings)):
            written = re.sub(r"^UPDATE (\w+)", lambda found: f"UPDATE {self.name(found[1])}", own(sql))
            self._connection.executemany(written, given)
        for table, rows in commit.rows.items():
            self._insert(table, rows, " OR IGNORE" if table == "facet" else "")

    async def clear(self, table: str) -> None:
        """Delete slice by slice; see `NextTables`."""
        await self._empty(f"{table}{NEXT}")

    async def _empty(self, table: str) -> None:
        keys = [name for (name,) in await self.fetch("SELECT name FROM pragma_table_info($1) WHERE pk > 0", table)]
        key = ", ".join(keys or ["rowid"])
        left = f"SELECT {key} FROM main.{table} LIMIT $1"
        while await self.fetch(left, 1):
            async with self.transaction(BULK_PAUSE):
                await self.fetch(f"DELETE FROM main.{table} WHERE ({key}) IN ({left})", self._slice)

    async def analyze(self) -> None:
        """Do nothing: no plan goes by what tables hold; see `NextTables`."""

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Source]:
        """Open another connection; see `NextTables`."""
        with closing(self._connect()) as connection:
            connection.execute("BEGIN")
            connection.execute("SELECT 1 FROM head").fetchall()
            yield Scratch(self.dialect, partial(self._read, connection))

    async def swap(self, tables: Sequence[str], shape: int) -> None:
        """Rename; see `NextTables`. Nobody waits for those who read: they go on with what they began with."""
        await self._in_thread(partial(self._swap, tables, shape))

    def _swap(self, tables: Sequence[str], shape: int) -> None:
        self._hide()
        exchange(self._connection, tables)
        self._connection.execute(REMADE)
        self._connection.execute(own(SHAPED), (shape,))

    async def drop(self) -> None:
        """Empty them slice by slice, then drop them; see `NextTables`."""
        self._hide()
        self._connection.execute("PRAGMA writable_schema=RESET")
        self.plan = ""
        for (table,) in await self.fetch(_LEFT):
            await self._empty(table)
            async with self.transaction():
                await self.fetch(f"DROP TABLE main.{table}")
        for (table,) in await self.fetch(f"SELECT name FROM {SCHEMA}.sqlite_schema WHERE type = 'table'"):
            await self.fetch(f"DROP TABLE {SCHEMA}.{table}")
        self.is_over = True

    async def _read(self, connection: sqlite3.Connection, sql: str, *parameters: Any) -> Sequence[Row]:  # noqa: ANN401
        return await self._in_thread(lambda: connection.execute(own(sql), parameters).fetchall())

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await to_its_end(self._threads, call)
