"""The ledger on PostgreSQL 15 or newer, over asyncpg.

A commit is one statement: it moves the head by compare-and-set and stores every row, so the lock on the head row is
held for one round trip and positions come in commit order. Connections take the role `parley_app` where they may, which
can add to the log but not change it.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from itertools import accumulate
from typing import TYPE_CHECKING, Any, cast

import asyncpg
import sqlalchemy as sa
import structlog

from service.storage.database import (
    CLOSE,
    COLUMNS,
    END,
    FREEZE,
    REMADE,
    REVISION_OF,
    SHAPED,
    TABLES,
    Commit,
    Dialect,
    DuplicateId,
    Head,
    Lost,
    NotMigrated,
    Row,
    Scratch,
    check_revision,
)
from service.storage.postgres_readers import LOST, Readers
from service.storage.tables import OPEN_END, PROJECTIONS, REQUEST_KEYS, metadata

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence

    from service.storage.database import Source

POOL_MAX = 8
STREAM_ROWS = 1_000
ROLE = "parley_app"
CHANNEL = "parley_head"
"""The channel on which each commit sends the position that it moved the head to."""
RECONNECT_SECONDS = 1.0
_TYPES: dict[type[Any], str] = {
    sa.BigInteger: "bigint",
    sa.Integer: "integer",
    sa.Text: "text",
    sa.LargeBinary: "bytea",
}
_NUMBERS = {"bigint", "integer"}
_PARAMETERS = {"bigint": 1, "integer": 1, "text": 1, "bytea": 3}
"""The number of parameters that a column of a type takes."""
_OF_TABLE = {table: [_TYPES[type(column.type)] for column in metadata.tables[table].columns] for table in COLUMNS}
"""The types of each table's columns."""
_MOVED = ("bigint", "integer", "bigint")
"""The types of closings, and of endings."""
_BETWEEN = "\x1e"
"""The character before each text of a column: no slug, token or status has it, and JSON escapes it."""
_SETTINGS = {
    "application_name": "parley",
    # Every statement on the hot paths is a probe of an index; a plan made while a table was small must not stay a scan.
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_material": "off",
    "enable_memoize": "off",
    "jit": "off",
    # Planned once a connection: where the statistics make the other plan look cheaper, each call would plan again.
    "plan_cache_mode": "force_generic_plan",
}

log = structlog.get_logger(__name__)


def _insert(table: str, first: int, source: str) -> str:
    """Write the statement that inserts rows given as `_columns` writes them, from the parameter `first` on."""
    arrays: list[str] = []
    names: list[str] = []
    values: list[str] = []
    number = first
    for column, of in zip(COLUMNS[table], _OF_TABLE[table], strict=True):
        if of == "bytea":
            arrays += [f"${number + 1}::text::integer[]", f"${number + 2}::text::integer[]"]
            names += [f"{column}_at", f"{column}_size"]
            values.append(f"substr(${number}::bytea, {column}_at, {column}_size)")
        else:
            texts = f"(string_to_array(${number}::text, chr({ord(_BETWEEN)})))[2:]"
            arrays.append(f"${number}::text::{of}[]" if of in _NUMBERS else texts)
            names.append(column)
            values.append(f"u.{column}")
        number += _PARAMETERS[of]
    ignore = " ON CONFLICT DO NOTHING" if table == "facet" else ""
    return (
        f"INSERT INTO {table} ({', '.join(COLUMNS[table])}) SELECT {', '.join(values)} "
        f"FROM {source}unnest({', '.join(arrays)}) u({', '.join(names)}){ignore}"
    )


def _commit_statement(tables: Sequence[str]) -> str:
    """Write the statement of a commit that has rows for these tables.

    $1 to $3 are position, instant and epoch of the head expected, $4 and $5 position and instant of the new one, $6 to
    $11 closings and endings; then comes a column each.
    """
    moved = (
        "UPDATE head SET position = $4, recorded_at = $5::bigint WHERE id = 1 AND position = $1::bigint "
        "AND recorded_at = $2::bigint AND epoch = $3::bigint AND frozen_at < $5::bigint RETURNING id"
    )
    # By the row's address: planned while the table was empty, a join on the columns would stay a scan of the index.
    closed = (
        "UPDATE version v SET closed_at = u.closed_at FROM moved, "
        "unnest($6::text::bigint[], $7::text::integer[], $8::text::bigint[]) u(item, valid_from, closed_at), "
        "LATERAL (SELECT x.ctid AS address FROM version x WHERE x.item = u.item AND x.valid_from = u.valid_from "
        f"AND x.closed_at = {OPEN_END}) x WHERE v.ctid = x.address"
    )
    ended = (
        "UPDATE item i SET over_from = u.over_from, over_known = u.over_known FROM moved, "
        "unnest($9::text::bigint[], $10::text::integer[], $11::text::bigint[]) u(item, over_from, over_known), "
        "LATERAL (SELECT x.ctid AS address FROM item x WHERE x.number = u.item LIMIT 1) x WHERE i.ctid = x.address"
    )
    parts = [f"moved AS ({moved})", f"closed AS ({closed})", f"ended AS ({ended})"]
    first = 12
    for table in tables:
        parts.append(f"{table}_stored AS ({_insert(table, first, 'moved, ')})")
        first += sum(_PARAMETERS[of] for of in _OF_TABLE[table])
    # One notice a commit: each takes a lock that all who notify share until they have committed.
    return f"WITH {', '.join(parts)} SELECT id, pg_notify('{CHANNEL}', $4::bigint::text) FROM moved"


_COMMIT, _COMMIT_WITH_KEYS = _commit_statement(TABLES), _commit_statement((*TABLES, REQUEST_KEYS))


def _columns(rows: Sequence[Row], types: Sequence[str]) -> list[str | bytes]:
    """Turn rows into parameters, a column each: numbers as PostgreSQL writes an array, texts and bytes end to end.

    The driver takes half a microsecond for every element of an array. After bytes come the places where each begins,
    and the sizes.
    """
    given: list[str | bytes] = []
    columns = zip(*rows, strict=True) if rows else [()] * len(types)
    for column, of in zip(columns, types, strict=True):
        if of in _NUMBERS:
            given.append(_array(column))
        elif of == "bytea":
            sizes = list(map(len, column))
            given += b"".join(column), _array(accumulate(sizes[:-1], initial=1) if sizes else ()), _array(sizes)
        else:
            given.append(_end_to_end(column))
    return given


def _array(numbers: Iterable[int]) -> str:
    return "{" + str([*numbers])[1:-1] + "}"


def _end_to_end(texts: Sequence[str]) -> str:
    whole = _BETWEEN + _BETWEEN.join(texts) if texts else ""
    if whole.count(_BETWEEN) != len(texts):
        msg = "a text of a projection holds the character that stands between texts"
        raise ValueError(msg)
    return whole


def _arguments(commit: Commit) -> list[str | bytes]:
    arguments = _columns(commit.closings, _MOVED) + _columns(commit.endings, _MOVED)
    for table in (*TABLES, REQUEST_KEYS) if commit.rows[REQUEST_KEYS] else TABLES:
        arguments += _columns(commit.rows[table], _OF_TABLE[table])
    return arguments


_SET_UP = """
SELECT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = $1 AND pg_has_role(current_user, oid, 'MEMBER')),
    CASE WHEN current_setting('synchronous_commit') IN ('off', 'local')
    THEN set_config('synchronous_commit', 'on', false) END
"""
"""A commit is on disk, and on the standbys that the server waits for, before it is acknowledged, whatever is set."""


async def _prepare(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    may = await connection.fetchval(_SET_UP, ROLE)
    if may:
        await connection.execute(f"SET ROLE {ROLE}")


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
        has_arrays=True,
    )

    def __init__(self, url: str) -> None:
        """`url` as libpq takes it."""
        self._url = url
        self._readers: Readers | None = None
        self._writer: asyncpg.Connection[asyncpg.Record] | None = None
        self._writing = asyncio.Lock()
        self._locked = False

    async def open(self) -> None:
        """Connect; see `Database`."""
        pool = await asyncpg.create_pool(
            self._url, min_size=1, max_size=POOL_MAX, setup=None, init=_prepare, reset=_keep, server_settings=_SETTINGS
        )
        self._readers = Readers(pool)
        try:
            rows = await self.fetch(REVISION_OF)
        except (asyncpg.UndefinedTableError, asyncpg.InsufficientPrivilegeError) as error:
            raise NotMigrated(str(error)) from error
        check_revision(rows)

    async def close(self) -> None:
        """Close; see `Database`."""
        if self._writer is not None:
            await self._writer.close()
        if self._readers is not None:
            await self._readers.close()

    async def fetch(self, sql: str, *parameters: Any) -> Sequence[Row]:  # noqa: ANN401
        """Read; see `Database`."""
        try:
            return cast("Sequence[Row]", await self._opened().fetch(sql, parameters))  # a Record reads like a tuple
        except LOST as error:
            raise Lost(str(error)) from error

    fetch_long = execute = fetch

    async def listen(self, wake: Callable[[int], None]) -> None:
        """Listen; see `Database`."""
        while True:
            try:
                await self._listen_once(wake)
            except LOST as error:
                log.warning("listen.lost", error=str(error))
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _listen_once(self, wake: Callable[[int], None]) -> None:
        """Listen until the connection is lost."""
        lost = asyncio.Event()
        connection = await asyncpg.connect(self._url, server_settings=_SETTINGS)
        try:
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(CHANNEL, lambda *notice: wake(int(notice[-1])))
            await lost.wait()
        finally:
            await connection.close(timeout=1)

    async def stream(self, table: str, columns: Sequence[str], keys: Sequence[str]) -> AsyncIterator[Row]:
        """Stream; see `Database`. Texts are ordered by their bytes, as SQLite orders them."""
        texts = {name for name, column in metadata.tables[table].columns.items() if isinstance(column.type, sa.Text)}
        order = ", ".join(f'{key} COLLATE "C"' if key in texts else key for key in keys)
        async with self._opened().one() as connection, connection.transaction(readonly=True):
            async for row in connection.cursor(
                f"SELECT {', '.join(columns)} FROM {table} ORDER BY {order}", prefetch=STREAM_ROWS
            ):
                yield tuple(row)

    @asynccontextmanager
    async def scratch(self) -> AsyncIterator[Source]:
        """Open another connection; see `Database`."""
        connection = await self._connection()
        try:
            yield Scratch(self.dialect, cast("Callable[..., Coroutine[Any, Any, Sequence[Row]]]", connection.fetch))
        finally:
            await connection.close()

    async def commit(self, expected: Head, head: Head, commit: Commit) -> bool:
        """Commit; see `Database`."""
        if self._locked:
            return await self._commit(expected, head, commit)
        async with self._writing:
            return await self._commit(expected, head, commit)

    async def _commit(self, expected: Head, head: Head, commit: Commit) -> bool:
        try:
            writer = await self._connected()
            heads = expected.position, expected.recorded_at, expected.epoch, head.position, head.recorded_at
            statement = _COMMIT_WITH_KEYS if commit.rows[REQUEST_KEYS] else _COMMIT
            return await writer.fetchval(statement, *heads, *_arguments(commit)) is not None
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name == "uq_event_id":
                raise DuplicateId from error
            raise
        except LOST as error:
            raise self._writer_lost(error) from error

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        """Lock; see `Database`."""
        async with self._writing:
            try:
                writer = await self._connected()
                async with writer.transaction():
                    await writer.execute("SELECT 1 FROM head WHERE id = 1 FOR UPDATE")
                    self._locked = True
                    yield
            except LOST as error:
                raise self._writer_lost(error) from error
            finally:
                self._locked = False

    async def freeze(self, instant: int) -> None:
        """Freeze; see `Database`."""
        await self.execute(FREEZE, instant)

    async def replace(self, chunks: AsyncIterator[Commit], shape: int) -> None:
        """Replace the projections; see `Database`."""
        async with self._writing:
            writer = await self._connected()
            async with writer.transaction():
                await writer.execute(REMADE)
                await writer.execute(SHAPED, shape)
                for table in PROJECTIONS:
                    await writer.execute(f"DELETE FROM {table}")
                async for chunk in chunks:
                    await self._store(writer, chunk)

    @staticmethod
    async def _store(writer: asyncpg.Connection[asyncpg.Record], chunk: Commit) -> None:
        await writer.executemany(CLOSE, chunk.closings)
        await writer.executemany(END, chunk.endings)
        for table, rows in chunk.rows.items():
            if rows:
                await writer.execute(_insert(table, 1, ""), *_columns(rows, _OF_TABLE[table]))

    def _opened(self) -> Readers:
        assert self._readers is not None  # noqa: S101 - opened first
        return self._readers

    def _writer_lost(self, error: Exception) -> Lost:
        if self._writer is not None:
            self._writer.terminate()
        return Lost(str(error))

    async def _connected(self) -> asyncpg.Connection[asyncpg.Record]:
        if self._writer is None or self._writer.is_closed():
            self._writer = await self._connection()
        return self._writer

    async def _connection(self) -> asyncpg.Connection[asyncpg.Record]:
        connection = await asyncpg.connect(self._url, server_settings=_SETTINGS)
        try:
            await _prepare(connection)
        except BaseException:
            connection.terminate()
            raise
        return connection


async def _keep(_connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Keep the session as it is between uses: every statement here is its own transaction and sets nothing."""
