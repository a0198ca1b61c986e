"""The next tables on PostgreSQL: in a schema of their own, which the session of a rebuild looks into first.

Indexes and constraints go with their tables from schema to schema, under the same names. The owner of the tables makes
them and hands them over: only an owner may, and migrations find their tables as they left them.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

import asyncpg

from service.storage.database import CLOSE, CLOSE_POSTURE, END, REMADE, SHAPED, Scratch
from service.storage.layout import PROJECTIONS, TYPES
from service.storage.next_tables import COLUMNS_MADE, NOTES, SCHEMA, CannotRebuild, TablesInUse
from service.storage.postgres_commit import columns, insert
from service.storage.postgres_sessions import LOOK_SECONDS
from service.tasks import quiet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
    from typing import Any

    from service.storage.database import Commit, Dialect, Row, Source
    from service.storage.postgres_session import Session
    from service.storage.postgres_sessions import Sessions

OLD = "parley_old"
"""The schema of the tables that were replaced, until they are dropped."""
SWAP_LOCK = "100ms"
"""How long a swap waits for those who read: those who come after it wait as long."""
_LOCK = 7_269_737_153
"""The number of the lock that a rebuild holds: `parley`, on the keys of a telephone, and some more."""
_OWNER = """
SELECT quote_ident(current_schema()), quote_ident(pg_get_userbyid(relowner)) FROM pg_class WHERE oid = 'item'::regclass
"""
_VIEWS = """
SELECT r.ev_class::regclass::text, c.relname
FROM pg_class c JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid
JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = ANY($1::text[])
"""
"""Views that would go with the tables that are replaced."""
_PLAIN = ("enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin", "enable_material")
_BULK = "; ".join([f"SET LOCAL {name} = on" for name in _PLAIN]) + (
    "; SET LOCAL work_mem = '64MB'; SET LOCAL max_parallel_workers_per_gather = 0"
)
"""Plans for whole tables, in place of those for a few rows."""
_THERE = f"SELECT to_regclass('{SCHEMA}.progress') IS NOT NULL AND to_regclass('{SCHEMA}.planned') IS NOT NULL"
_INDEXES = """
SELECT format('ALTER TABLE %s.%I ADD CONSTRAINT %I %s', $2::text, r.relname, c.conname, pg_get_constraintdef(c.oid))
FROM pg_constraint c JOIN pg_class r ON r.oid = c.conrelid
WHERE r.relnamespace = $1::text::regnamespace AND r.relname = ANY($3::text[]) AND c.contype IN ('p', 'u')
UNION ALL
SELECT replace(pg_get_indexdef(i.indexrelid), format(' ON %s.', $1::text), format(' ON %s.', $2::text))
FROM pg_index i JOIN pg_class r ON r.oid = i.indrelid
WHERE r.relnamespace = $1::text::regnamespace AND r.relname = ANY($3::text[])
    AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid)
"""
"""Writes the statements that make the indexes of some tables of a schema in another one."""
_GRANTS = """
SELECT format('GRANT %s ON %s.%I TO %s%s', a.privilege_type, $2::text, c.relname,
    CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
    CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
FROM pg_class c, aclexplode(c.relacl) a
WHERE c.relnamespace = $1::text::regnamespace AND c.relname = ANY($3::text[]) AND a.grantee <> c.relowner
"""


@asynccontextmanager
async def next_tables(sessions: Sessions, dialect: Dialect, plan: str) -> AsyncIterator[PostgresNext]:
    """Open a session for a rebuild, or with the `plan` of one that goes on, for one of its workers."""
    async with sessions.long() as session:
        await session.execute("RESET ROLE")
        if not plan and not await session.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):
            msg = "another process is rebuilding this ledger"
            raise CannotRebuild(msg)
        ((schema, owner),) = await session.fetch(_OWNER)
        if views := await session.fetch(_VIEWS, PROJECTIONS):
            msg = f"the view {views[0][0]} reads {views[0][1]}, which is replaced: drop it, and make it again later"
            raise CannotRebuild(msg)
        try:
            await session.execute(f"SET ROLE {owner}; CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
            await session.execute(f"SET search_path = {SCHEMA}, {schema}")
        except asyncpg.InsufficientPrivilegeError as error:
            msg = f"a rebuild is for {owner}, who owns the tables, with the right to CREATE in the database: {error}"
            raise CannotRebuild(msg) from error
        yield PostgresNext(sessions, session, dialect, (schema, owner), plan)


class PostgresNext:
    """The session of a rebuild; see `NextTables`."""

    unlogged = "UNLOGGED"

    def __init__(
        self, sessions: Sessions, session: Session, dialect: Dialect, place: tuple[str, str], plan: str
    ) -> None:
        """`place` are the schema of the live tables and their owner."""
        self.dialect, self.plan = dialect, plan
        self._sessions, self._session = sessions, session
        self._schema, self._owner = place
        self.fetch = cast("Callable[..., Coroutine[Any, Any, Sequence[Row]]]", session.fetch)

    def name(self, table: str) -> str:
        """Return a name; see `NextTables`."""
        return f"{SCHEMA}.{table}"

    def live(self, table: str) -> str:
        """Return a name; see `NextTables`."""
        return f"{self._schema}.{table}"

    async def is_there(self) -> bool:
        """Look; see `NextTables`."""
        return await self._session.fetchval(_THERE) is True

    async def make(self) -> str:
        """Make them; see `NextTables`."""
        await self.drop()
        notes = [f"CREATE TABLE {SCHEMA}.{table} ({columns})" for table, columns in NOTES.items()]
        alike = [
            f"CREATE TABLE {SCHEMA}.{table} (LIKE {self.live(table)} INCLUDING ALL EXCLUDING INDEXES)"
            for table in PROJECTIONS
        ]
        indexes = [made for (made,) in await self.fetch(_INDEXES, self._schema, SCHEMA, PROJECTIONS)]
        await self._session.execute("; ".join([f"CREATE SCHEMA {SCHEMA}", *alike, *notes, *indexes]))
        return str(await self._session.fetchval("SELECT gen_random_uuid()"))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Commit; see `NextTables`."""
        if self._session.is_in_transaction():
            yield
            return
        async with self._session.transaction():
            if self.plan and not await self.fetch("SELECT 1 FROM progress WHERE plan = $1", self.plan):
                msg = "another rebuild has begun"
                raise CannotRebuild(msg)
            yield

    @asynccontextmanager
    async def locked(self, tables: Sequence[str] = ()) -> AsyncIterator[None]:
        """Lock the row of the head; see `NextTables`. Who waits for `tables` does so no longer than SWAP_LOCK.

        These come first: an append that waits for the head has locks on them.
        """
        async with self.transaction():
            try:
                if tables:
                    await self._session.execute(f"SET LOCAL lock_timeout = '{SWAP_LOCK}'")
                    await self._session.execute(f"LOCK TABLE {', '.join(map(self.live, tables))}")
                await self.fetch("SELECT 1 FROM head WHERE id = 1 FOR UPDATE")
            except asyncpg.LockNotAvailableError as error:
                raise TablesInUse from error
            yield

    async def load(self, commit: Commit, dated: Sequence[Row], number: int, events: int) -> None:
        """Store by COPY; see `NextTables`."""
        async with self.transaction():
            for table, rows in (*commit.rows.items(), ("dated", dated)):
                if rows:
                    await self._copy(table, rows)
            await self.fetch("INSERT INTO done VALUES ($1, $2)", number, events)

    async def _copy(self, table: str, rows: Sequence[Row]) -> None:
        """Copy rows; raises ConnectionResetError when the connection is lost: asyncpg was seen to wait on then."""
        copy = self._session.copy_records_to_table(table, schema_name=SCHEMA, records=rows, columns=COLUMNS_MADE[table])
        copying = quiet(asyncio.create_task(copy))
        try:
            await self._over(copying)
        except asyncio.CancelledError:
            copying.cancel()
            await self._over(copying)  # it lets the server know; until then the session takes nothing else
            raise
        await copying

    async def _over(self, copying: asyncio.Task[str]) -> None:
        """Wait until a copy is over; raises ConnectionResetError when the connection is lost before."""
        while not (await asyncio.wait([copying], timeout=LOOK_SECONDS))[0]:
            if self._session.is_closed():
                copying.cancel()
                msg = "the connection was lost while rows were copied"
                raise ConnectionResetError(msg)

    async def store(self, commit: Commit) -> None:
        """Store; see `NextTables`."""
        async with self.transaction():
            await self._session.executemany(CLOSE, commit.closings)
            await self._session.executemany(CLOSE_POSTURE, commit.posture_closings)
            await self._session.executemany(END, commit.endings)
            for table, rows in commit.rows.items():
                if rows:
                    await self._session.execute(insert(table, 1, ""), *columns(rows, TYPES[table].values()))

    async def clear(self, table: str) -> None:
        """Truncate; see `NextTables`."""
        await self._session.execute(f"TRUNCATE {SCHEMA}.{table}")

    async def analyze(self) -> None:
        """Analyze; see `NextTables`."""
        await self._session.execute(f"ANALYZE {', '.join(map(self.name, PROJECTIONS))}")

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Source]:
        """Open another session; see `NextTables`."""
        async with self._sessions.long() as session, session.transaction(isolation="repeatable_read"):
            await session.execute(f"RESET ROLE; SET ROLE {self._owner}; {_BULK}; SELECT 1")
            yield Scratch(self.dialect, cast("Callable[..., Coroutine[Any, Any, Sequence[Row]]]", session.fetch))

    async def swap(self, tables: Sequence[str], shape: int) -> None:
        """Exchange; see `NextTables`."""
        grants = await self.fetch(_GRANTS, self._schema, self._schema, tables)
        moves = [
            f"ALTER TABLE {self.live(table)} SET SCHEMA {OLD}; ALTER TABLE {SCHEMA}.{table} SET SCHEMA {self._schema}"
            for table in tables
        ]
        await self._session.execute("; ".join([f"CREATE SCHEMA {OLD}", *moves, *(grant for (grant,) in grants)]))
        await self._session.execute(REMADE)
        await self._session.execute(SHAPED, shape)

    async def drop(self) -> None:
        """Drop both schemas; see `NextTables`."""
        self.plan = ""
        await self._session.execute(f"DROP SCHEMA IF EXISTS {SCHEMA}, {OLD} CASCADE")
