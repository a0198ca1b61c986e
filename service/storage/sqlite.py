"""The ledger in one SQLite file: WAL, synchronous=FULL.

Reads run where they are called, a bounded probe costs less than a hop to a thread; what waits for the disk or another
process (beginning a write, committing it, long reads) runs in a thread.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from service.storage.database import (
    CLOSE,
    CLOSE_POSTURE,
    END,
    FREEZE,
    REVISION_OF,
    Commit,
    Dialect,
    DuplicateId,
    Head,
    Lost,
    NotMigrated,
    Row,
    check_revision,
)
from service.storage.layout import COLUMNS
from service.storage.sqlite_dialect import begin, begun, own
from service.storage.sqlite_file import File, look_through
from service.storage.sqlite_next import next_tables
from service.storage.threads import to_its_end

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from service.storage.next_tables import NextTables

T = TypeVar("T")

BUSY_MS = 10_000
WRITE_SECONDS = 5.0
"""How long a write waits for those of other processes."""
WRITE_BUSY_MS = 250
"""How long one of its tries waits in a thread, where it cannot be broken off."""
TURN_SECONDS, ROWS_AT_ONCE = 0.01, 64
"""How long rows are written before others have a turn, and after how many the clock is looked at.

A thread would have to wait for its turn at every row.
"""
CACHE_KIB = 65_536
_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    f"PRAGMA busy_timeout={BUSY_MS}",
    f"PRAGMA cache_size=-{CACHE_KIB}",
    "PRAGMA mmap_size=1073741824",
)
_INSERT = {
    table: f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
    for table, columns in COLUMNS.items()
} | {"facet": "INSERT OR IGNORE INTO facet (token, item, position) VALUES (?, ?, ?)"}
_MOVE = """UPDATE head SET position = ?4, recorded_at = ?5
WHERE id = 1 AND position = ?1 AND recorded_at = ?2 AND epoch = ?3 AND frozen_at < ?5"""


class Sqlite:
    """One SQLite file; see `Database`."""

    dialect = Dialect(
        name="sqlite",
        joined="group_concat({}, ',')",
        gathered="(SELECT json_group_array(item) FROM ({}))",
        found_at="instr",
        number="{}",
        slugs="IN (SELECT value FROM json_each({}))",
        positions="IN (SELECT value FROM json_each({}))",
        now="CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)",
        place="(SELECT file FROM pragma_database_list WHERE name = 'main')",
        has_arrays=False,
    )

    def __init__(self, path: str) -> None:
        """`path` of the file, which must exist and be migrated before `open`."""
        self._path = path
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="sqlite")
        self._writing = asyncio.Lock()
        self._reading_long = asyncio.Lock()
        self._locking: asyncio.Task[Any] | None = None
        self._given_up = False
        self._file = File(path)
        self._reader: sqlite3.Connection
        self._long_reader: sqlite3.Connection
        self._writer: sqlite3.Connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"file:{self._path}?mode=rw", uri=True, isolation_level=None, check_same_thread=False, cached_statements=512
        )
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        return connection

    @property
    def primary(self) -> Sqlite:
        """Itself; see `Database`."""
        return self

    async def open(self) -> None:
        """Connect; see `Database`."""
        try:
            self._reader, self._long_reader, self._writer = self._connect(), self._connect(), self._connect()
            for reader in (self._reader, self._long_reader):
                reader.execute("PRAGMA query_only=ON")
            self._writer.execute(f"PRAGMA busy_timeout={WRITE_BUSY_MS}")
            self._file.note()
            look_through(self._reader)
            rows = self._reader.execute(REVISION_OF).fetchall()
        except sqlite3.OperationalError as error:
            raise NotMigrated(str(error)) from error
        check_revision(rows)

    def give_up(self) -> None:
        """Let nobody wait; see `Database`."""
        self._given_up = True

    async def close(self) -> None:
        """Close; see `Database`."""
        self._threads.shutdown()
        for name in ("_reader", "_long_reader", "_writer"):
            if connection := self.__dict__.get(name):
                connection.close()

    async def check(self) -> None:
        """Check that the file is still where it was; see `Database`."""
        self._file.check()

    async def fetch(self, sql: str, *parameters: Any) -> Sequence[Row]:  # noqa: ANN401
        """Read; see `Database`."""
        return self._reader.execute(own(sql), parameters).fetchall()

    async def fetch_long(self, sql: str, *parameters: Any) -> Sequence[Row]:  # noqa: ANN401
        """Read in a thread, over a connection of its own; see `Database`."""
        async with self._reading_long:
            return await self._read(self._long_reader, sql, *parameters)

    async def execute(self, sql: str, *parameters: Any) -> Sequence[Row]:  # noqa: ANN401
        """Write; see `Database`."""
        async with self._transaction() as connection:
            return connection.execute(own(sql), parameters).fetchall()

    async def listen(self, wake: Callable[[int], None]) -> None:
        """Do nothing: a file gives no notice; see `Database`."""

    async def stream(self, table: str, columns: Sequence[str], keys: Sequence[str]) -> AsyncIterator[Row]:
        """Stream; see `Database`."""
        connection = self._connect()
        try:
            rows = connection.execute(f"SELECT {', '.join(columns)} FROM {table} ORDER BY {', '.join(keys)}")
            for row in rows:
                yield row
        finally:
            connection.close()

    def next_tables(self, plan: str = "") -> AbstractAsyncContextManager[NextTables]:
        """Open another connection for a rebuild, see `service/storage/connect.py`."""
        return next_tables(self._connect, self._path, self.dialect, plan)

    async def commit(self, expected: Head, head: Head, commit: Commit) -> bool:
        """Commit; see `Database`."""
        async with self._transaction() as connection:
            heads = expected.position, expected.recorded_at, expected.epoch, head.position, head.recorded_at
            if connection.execute(_MOVE, heads).rowcount == 0:
                return False
            try:
                await self._store(connection, commit)
            except sqlite3.IntegrityError as error:
                if "event.id" in str(error):
                    raise DuplicateId from error
                raise
        return True

    async def confirm(self) -> None:
        """Do nothing: what can be read is on the disk; see `Database`."""

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        """Begin a transaction that the writes of this task are made in; see `Database`."""
        async with self._transaction():
            self._locking = asyncio.current_task()
            try:
                yield
            finally:
                self._locking = None

    async def freeze(self, instant: int) -> None:
        """Freeze; see `Database`."""
        async with self._transaction() as connection:
            connection.execute(own(FREEZE), (instant,))

    @staticmethod
    async def _store(connection: sqlite3.Connection, commit: Commit) -> None:
        turn = time.monotonic() + TURN_SECONDS
        changes: list[tuple[str, Sequence[Sequence[Any]]]] = [
            (own(CLOSE), commit.closings),
            (own(CLOSE_POSTURE), commit.posture_closings),
            (own(END), commit.endings),
            *[(_INSERT[table], rows) for table, rows in commit.rows.items()],
        ]
        for statement, rows in changes:
            for start in range(0, len(rows), ROWS_AT_ONCE):
                connection.executemany(statement, rows[start : start + ROWS_AT_ONCE])
                if time.monotonic() > turn:
                    await asyncio.sleep(0)
                    turn = time.monotonic() + TURN_SECONDS

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[sqlite3.Connection]:
        """Hold the write lock of the file and commit at the end, or within `locked` use what that holds."""
        connection = self._writer
        if self._locking is not None and self._locking is asyncio.current_task():
            yield connection
            return
        async with self._writing:
            try:
                await self._begin()
                yield connection
                await self._in_thread(connection.commit)
            except sqlite3.OperationalError as error:
                raise Lost(str(error)) from error
            finally:
                if connection.in_transaction:
                    connection.rollback()

    async def _begin(self) -> None:
        """Wait for the write lock."""
        await begin(lambda: self._in_thread(self._begun), WRITE_SECONDS, lambda: self._given_up)

    def _begun(self) -> bool:
        """Begin to write; return False while another process does."""
        self._file.check()
        return begun(self._writer)

    async def _read(self, connection: sqlite3.Connection, sql: str, *parameters: Any) -> Sequence[Row]:  # noqa: ANN401
        return await self._in_thread(lambda: connection.execute(own(sql), parameters).fetchall())

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await to_its_end(self._threads, call)
