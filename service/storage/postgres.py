"""The ledger on PostgreSQL 15 or newer, over asyncpg.

A commit is one statement: it moves the head by compare-and-set and stores every row, so the lock on the head row is
held for one round trip and positions come in commit order. Connections take the role `parley_app` where they may, which
can add to the log but not change it.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

import asyncpg
import structlog

from service.storage.database import (
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
from service.storage.layout import TYPES
from service.storage.postgres_commit import CHANNEL, statement_of
from service.storage.postgres_next import next_tables
from service.storage.postgres_readers import Readers
from service.storage.postgres_sessions import LONG_SECONDS, LOST, Sessions, reason

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from service.storage.next_tables import NextTables
    from service.storage.postgres_session import Session

COMMIT_SECONDS = 10.0
"""How long a commit may take: it waits for those of others, for the disk and for standbys."""
STREAM_ROWS = 1_000
RECONNECT_SECONDS = 1.0
LISTEN_SECONDS = 5.0
"""Seconds between two asks whether the session that listens is still there."""
_READ_ONLY = "SELECT current_setting('transaction_read_only') = 'on'"
_TOUCH = "UPDATE head SET epoch = epoch WHERE id = 1"
"""Changes nothing, but is in the log of the server after all that can be read: it waits for the same standbys."""

log = structlog.get_logger(__name__)


class Postgres:
    """One PostgreSQL database; see `Database`."""

    dialect = Dialect(
        name="postgresql",
        joined="string_agg({}, ',')",
        gathered="ARRAY({})::text",
        found_at="strpos",
        number="{}::bigint",
        slugs="= ANY({}::text[])",
        positions="= ANY({}::text::bigint[])",
        now="(extract(epoch FROM clock_timestamp()) * 1000000)::bigint",
        place="(SELECT oid::text FROM pg_database WHERE datname = current_database())"
        " || '@' || extract(epoch FROM pg_postmaster_start_time())::text",
        has_arrays=True,
    )

    def __init__(self, url: str) -> None:
        """`url` as libpq takes it; raises BadUrl."""
        self._sessions = Sessions(url)
        self._readers = Readers(self._sessions)
        self._writer: Session | None = None
        self._writing = asyncio.Lock()
        self._locked = False
        self._warnings: list[str] = []

    @property
    def primary(self) -> Postgres:
        """Itself; see `Database`."""
        return self

    async def open(self) -> None:
        """Connect; see `Database`."""
        try:
            rows = await self.fetch(REVISION_OF)
        except (asyncpg.UndefinedTableError, asyncpg.InsufficientPrivilegeError) as error:
            raise NotMigrated(str(error)) from error
        check_revision(rows)

    def give_up(self) -> None:
        """Let nobody wait; see `Database`."""
        self._sessions.give_up()

    async def close(self) -> None:
        """Close; see `Database`."""
        await self._readers.close()
        await self._sessions.close()

    async def check(self) -> None:
        """Check; see `Database`. While a commit is under way, that one will show it."""
        if self._writing.locked():
            return
        async with self._writing:
            for _ in range(2):  # a session that may only read is left: a new one may write, or find the new primary
                writer = await self._connected()
                try:
                    with writer.within():
                        if not await writer.fetchval(_READ_ONLY):
                            return
                except LOST as error:
                    raise self._writer_lost(error) from error
                writer.terminate()
        msg = "the database takes no writes"
        raise Lost(msg)

    async def fetch(self, sql: str, *parameters: Any) -> Sequence[Row]:  # noqa: ANN401
        """Read; see `Database`."""
        try:
            return cast("Sequence[Row]", await self._readers.fetch(sql, parameters))  # a Record reads like a tuple
        except LOST as error:
            raise Lost(reason(error)) from error

    execute = fetch

    async def fetch_long(self, sql: str, *parameters: Any) -> Sequence[Row]:  # noqa: ANN401
        """Read; see `Database`."""
        try:
            return cast("Sequence[Row]", await self._readers.fetch(sql, parameters, LONG_SECONDS))
        except LOST as error:
            raise Lost(reason(error)) from error

    async def listen(self, wake: Callable[[int], None]) -> None:
        """Listen; see `Database`."""
        while True:
            try:
                await self._listen_once(wake)
            except (Lost, *LOST) as error:
                log.warning("listen.lost", error=reason(error))
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _listen_once(self, wake: Callable[[int], None]) -> None:
        """Listen until the session is lost."""
        lost = asyncio.Event()
        session = await self._sessions.open()
        try:
            session.add_termination_listener(lambda _: lost.set())
            with session.within():
                await session.add_listener(CHANNEL, lambda *notice: wake(int(notice[-1])))
            while not lost.is_set() and self._sessions.is_current(session):
                with suppress(TimeoutError):
                    async with asyncio.timeout(LISTEN_SECONDS):
                        await lost.wait()
                        return
                with session.within():
                    await session.execute("SELECT 1")
        finally:
            session.terminate()

    async def stream(self, table: str, columns: Sequence[str], keys: Sequence[str]) -> AsyncIterator[Row]:
        """Stream; see `Database`. Texts are ordered by their bytes, as SQLite orders them."""
        order = ", ".join(f'{key} COLLATE "C"' if TYPES[table][key] == "text" else key for key in keys)
        async with self._sessions.long() as session, session.transaction(readonly=True):
            async for row in session.cursor(
                f"SELECT {', '.join(columns)} FROM {table} ORDER BY {order}", prefetch=STREAM_ROWS
            ):
                yield tuple(row)

    def next_tables(self, plan: str = "") -> AbstractAsyncContextManager[NextTables]:
        """Open another session for a rebuild, see `service/storage/connect.py`."""
        return next_tables(self._sessions, self.dialect, plan)

    async def commit(self, expected: Head, head: Head, commit: Commit) -> bool:
        """Commit; see `Database`."""
        if self._locked:
            return await self._commit(expected, head, commit)
        async with self._writing:
            return await self._commit(expected, head, commit)

    async def _commit(self, expected: Head, head: Head, commit: Commit) -> bool:
        writer = await self._connected()
        heads = expected.position, expected.recorded_at, expected.epoch, head.position, head.recorded_at
        statement, given = statement_of(commit)
        try:
            with writer.within(COMMIT_SECONDS):
                stored = await writer.fetchval(statement, *heads, *given) is not None
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name == "uq_event_id":
                raise DuplicateId from error
            raise
        except LOST as error:
            raise self._writer_lost(error) from error
        except asyncio.CancelledError as error:  # what came of it is for the log to show
            self._writer_lost(error)
            raise
        self._check_warnings()
        return stored

    def _check_warnings(self) -> None:
        """Take a commit that the server warns of as lost: it is stored here, but did not wait for the standbys."""
        if self._warnings:
            raise self._writer_lost(OSError(self._warnings.pop()))

    async def confirm(self) -> None:
        """Confirm; see `Database`."""
        async with self._writing:
            writer = await self._connected()
            try:
                with writer.within():
                    await writer.execute(_TOUCH)
            except LOST as error:
                raise self._writer_lost(error) from error
            self._check_warnings()

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        """Lock; see `Database`."""
        async with self._writing:
            writer = await self._connected()
            try:
                with writer.within(COMMIT_SECONDS):
                    await writer.execute("BEGIN; SELECT 1 FROM head WHERE id = 1 FOR UPDATE")
                self._locked = True
                yield
                with writer.within(COMMIT_SECONDS):
                    await writer.execute("COMMIT")
            except BaseException as error:
                lost = self._writer_lost(error)  # the lock goes with the session
                if isinstance(error, LOST):
                    raise lost from error
                raise
            finally:
                self._locked = False
            self._check_warnings()

    async def freeze(self, instant: int) -> None:
        """Freeze; see `Database`."""
        await self.execute(FREEZE, instant)

    def _writer_lost(self, error: BaseException) -> Lost:
        if self._writer is not None:
            self._writer.terminate()
        return Lost(reason(error))

    async def _connected(self) -> Session:
        if self._writer is None or not self._sessions.is_current(self._writer):
            if self._writer is not None:
                self._writer.terminate()
            self._writer = await self._sessions.open()
            self._writer.add_log_listener(self._warned)
        self._warnings.clear()
        return self._writer

    def _warned(self, _: object, message: asyncpg.PostgresLogMessage) -> None:
        if message.severity_en == "WARNING":
            self._warnings.append(message.message)
