"""A rebuild beside appends and reads: nothing is refused, and whatever stops it, it ends with the rows of the log."""

import asyncio
import random
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
import pytest
from alembic import command
from hypothesis import given
from hypothesis import strategies as st

from service.rebuild.rebuild import Options, Rebuild, rebuild
from service.storage import migrate
from service.storage.connect import connect, next_tables
from service.storage.connect import opened as opened_database
from service.storage.database import Commit, Database, Lost
from service.storage.next_tables import CannotRebuild
from service.views.shape import SHAPE, is_current
from tests.conftest import PostgresServer
from tests.examples import thorough
from tests.ledgers import Opened, fresh_postgres, fresh_sqlite, opened
from tests.migrations import migrate as migrate_to_newest
from tests.postgres_servers import Postgres, postgres_servers
from tests.processes import PATIENCE, Process
from tests.rebuilds import in_small_steps, of_another_version
from tests.servers import facts, openings
from tests.strategies import cut, histories

Event = dict[str, Any]
pytestmark = pytest.mark.anyio
_WAITS = "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted)"


async def beside_appends(url: str, history: list[Event], seed: int) -> None:
    """Record the first part of a history, then the rest by two writers while rebuilds run, one after the other."""
    batches = cut(history, seed)
    first = len(batches) * (seed % 4) // 4
    async with opened(url) as one, opened(url) as other, opened(url) as third:
        for batch in batches[:first]:
            await one.append(batch)
        rest = asyncio.create_task(recorded(batches[first:], one, other))
        with in_small_steps(seed):
            while not rest.done():
                if seed % 3:
                    await of_another_version(third)
                await rebuild(third.database)
        await rest
        live = await third.rows()
        await of_another_version(third)
        await rebuild(third.database)
        assert await third.rows() == live


async def recorded(batches: list[list[Event]], one: Opened, other: Opened) -> None:
    """Record batches by turns."""
    for number, batch in enumerate(batches):
        await (one, other)[number % 2].append(batch)


@thorough(0.2)
@given(history=histories(), seed=st.integers(0, 11))
def test_appends_during_rebuilds_on_sqlite(
    history: list[Event], seed: int, sqlite_template: Path, tmp_path: Path
) -> None:
    """Whatever two writers record in SQLite during rebuilds, nothing is refused, and the rows are those of the log."""
    with fresh_sqlite(sqlite_template, tmp_path) as url:
        asyncio.run(beside_appends(url, history, seed))


@thorough(0.1)
@given(history=histories(), seed=st.integers(0, 11))
def test_appends_during_rebuilds_on_postgres(
    history: list[Event], seed: int, postgres_server: PostgresServer, postgres_template: str
) -> None:
    """Whatever two writers record in PostgreSQL during rebuilds, nothing is refused; the rows are those of the log."""
    with fresh_postgres(postgres_server, postgres_template) as url:
        asyncio.run(beside_appends(url, history, seed))


@asynccontextmanager
async def load(url: str) -> AsyncIterator[Opened]:
    """Open a ledger with some events."""
    async with opened(url) as ledger:
        await ledger.append([*openings(), *facts(1, 40)])
        yield ledger


async def test_appends_between_the_steps_of_a_rebuild(migrated_url: str) -> None:
    """What is recorded before, between and after all steps is in the tables that take the place of the others."""
    async with load(migrated_url) as ledger, opened(migrated_url) as other:
        async with next_tables(other.database) as tables:
            work = Rebuild(tables, lambda *_: None, Options())
            for seed, step in enumerate((work.make, work.compare, lambda: work.swap(None), tables.drop), start=2):
                await step()
                await ledger.append(facts(seed, 5))
                await other.append(facts(seed + 10, 5))
        assert (await rebuild(other.database)).differing == {}


@pytest.mark.slow
async def test_a_rebuild_that_is_killed_goes_on(migrated_url: str) -> None:
    """Killed after ever more calls, while others record more, it ends with the rows of the log and leaves no table."""
    async with load(migrated_url) as ledger:
        tables = await named_tables(migrated_url)
        await of_another_version(ledger)
        calls, ended = 1, None
        while ended != 0:
            killed = Process([sys.executable, "-m", "tests.rebuilds", migrated_url, str(calls), "0"])
            killed.launch()
            ended = killed.wait()
            assert ended in {0, -signal.SIGKILL}, killed.log()
            killed.close()
            await ledger.append(facts(100 + calls, 2))
            calls = calls * 2 if calls < 8 else calls + 9
        assert calls > 30
        assert await is_current(ledger.database)
        assert (await rebuild(ledger.database)).differing == {}
        assert await named_tables(migrated_url) == tables


async def named_tables(url: str) -> set[str]:
    """Return the names of the tables and indexes of a database."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            return {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
    with psycopg.connect(url) as connection:
        named = (
            "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname LIKE 'parley%' OR n.nspname = 'public'"
        )
        return {name for (name,) in connection.execute(named).fetchall()}


async def test_a_rebuild_leaves_the_tables_as_migrations_made_them(migrated_url: str) -> None:
    """Tables that took the place of others have their indexes, under their names."""
    tables = await named_tables(migrated_url)
    async with load(migrated_url) as ledger:
        await of_another_version(ledger)
        await rebuild(ledger.database)
    command.check(migrate.config(migrated_url))
    assert await named_tables(migrated_url) == tables


async def test_views_of_projections(migrated_url: str) -> None:
    """A view that somebody has made goes on on SQLite; on PostgreSQL a rebuild that would drop it is refused."""
    async with load(migrated_url) as ledger:
        view = "CREATE VIEW seen AS SELECT count(*) AS items FROM item"
        if migrated_url.startswith("sqlite"):
            with closing(sqlite3.connect(migrated_url.removeprefix("sqlite:///"))) as connection:
                connection.execute(view)
                before = connection.execute("SELECT items FROM seen").fetchall()
                await of_another_version(ledger)
                await rebuild(ledger.database)
                assert connection.execute("SELECT items FROM seen").fetchall() == before
            return
        with psycopg.connect(migrated_url) as connection:
            connection.execute(view.encode())
        with pytest.raises(CannotRebuild, match="the view seen reads item"):
            await rebuild(ledger.database)


async def test_a_rebuild_by_several_processes(migrated_url: str) -> None:
    """Groups that several processes make have the same rows."""
    async with load(migrated_url) as ledger:
        live = await ledger.rows()
        await of_another_version(ledger)
        with in_small_steps(5):
            await rebuild(ledger.database, options=Options(workers=2, url=migrated_url))
        assert await ledger.rows() == live


async def test_one_rebuild_at_a_time(migrated_url: str) -> None:
    """A second rebuild of a ledger is refused, and goes on with the first one's tables when that has stopped."""
    said: list[str] = []
    async with load(migrated_url) as ledger:
        async with next_tables(ledger.database) as tables:
            await Rebuild(tables, lambda *_: None, Options()).make()
            with pytest.raises(CannotRebuild, match="another process"):
                await rebuild(ledger.database)
        assert (await rebuild(ledger.database, options=Options(say=said.append))).same
        assert len(said) == 1


async def test_a_log_that_is_set_back_during_a_rebuild(migrated_sqlite_url: str, tmp_path: Path) -> None:
    """Tables that were made from events which the log has lost take no place; the next rebuild begins again."""
    path, copy = migrated_sqlite_url.removeprefix("sqlite:///"), tmp_path / "copy.db"
    async with load(migrated_sqlite_url) as ledger, opened(migrated_sqlite_url) as other:
        with closing(sqlite3.connect(path)) as live, closing(sqlite3.connect(copy)) as backup:
            live.backup(backup)
        await ledger.append(facts(2, 10))
        async with next_tables(other.database) as tables:
            work = Rebuild(tables, lambda *_: None, Options())
            await work.make()
            with closing(sqlite3.connect(copy)) as backup, closing(sqlite3.connect(path)) as live:
                backup.backup(live)
            await ledger.append(facts(3, 20))
            with pytest.raises(CannotRebuild, match="set back"):
                await work.swap(None)
        assert (await rebuild(other.database)) == (63, {})


async def test_readers_wait_no_longer_than_a_swap_may(migrated_postgres_url: str) -> None:
    """A swap waits for one who reads for long, again and again; others read and write while it does."""
    url = migrated_postgres_url
    async with load(url) as ledger, opened(url) as other:
        await of_another_version(ledger)
        reader = await asyncpg.connect(url)
        async with reader.transaction():
            await reader.fetch("SELECT count(*) FROM version")
            rebuilding = asyncio.create_task(rebuild(other.database))
            for seed in range(2, 12):
                async with asyncio.timeout(2):
                    await ledger.append(facts(seed, 1))
                    await ledger.database.fetch("SELECT count(*) FROM version")
            assert not await is_current(ledger.database)
        await reader.close()
        await rebuilding
        assert await ledger.database.fetch("SELECT shape FROM ledger") == [(SHAPE,)]
        assert (await rebuild(other.database)).differing == {}


async def test_a_load_ends_when_its_server_is_gone() -> None:
    """Rows that wait to be sent to a server that takes no more wait no longer than it lives."""
    with postgres_servers() as servers:
        server = servers.primary()
        await asyncio.to_thread(migrate_to_newest, server.url)
        async with opened_database(server.url) as database, asyncio.timeout(PATIENCE):
            with pytest.raises(Lost, match="the connection to the database was lost"):
                await _load_in_vain(database, server)


async def _load_in_vain(database: Database, server: Postgres) -> None:
    """Load 50 MB into a server that is paused as they come, then killed."""
    commit = Commit()
    commit.rows["state"] = [(number, "in_force", "", b"x" * 1_000) for number in range(50_000)]
    async with next_tables(database) as tables:
        await tables.make()
        async with tables.transaction():
            server.pause()
            loading = asyncio.create_task(tables.load(commit, [], 1, 1))
            await asyncio.wait([loading], timeout=1)  # until no more can be sent
            assert not loading.done()
            server.kill()
            await loading


async def test_a_load_that_is_cancelled_leaves_its_session_to_others(migrated_postgres_url: str) -> None:
    """A load that is stopped while it waits ends as cancelled, and the session takes the next statement."""
    commit = Commit()
    commit.rows["state"] = [(number, "in_force", "", b"x") for number in range(100)]
    async with opened_database(migrated_postgres_url) as database, next_tables(database) as tables:
        await tables.make()
        other = await asyncpg.connect(migrated_postgres_url)
        async with other.transaction(), asyncio.timeout(PATIENCE):
            await other.execute("LOCK TABLE parley_next.state")
            loading = asyncio.create_task(tables.load(commit, [], 1, 1))
            while not await other.fetchval(_WAITS):  # noqa: ASYNC110 - it is in another process
                await asyncio.sleep(0)
            loading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await loading
            assert await tables.fetch("SELECT number FROM done") == []
        await other.close()


async def test_who_may_read_tables_may_read_those_that_take_their_place(migrated_postgres_url: str) -> None:
    """Grants and owners are as they were."""
    found = []
    asked = (
        "SELECT relname, relowner::regrole::text, (SELECT array_agg(a ORDER BY a) FROM unnest(relacl::text[]) a) "
        "FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY relname"
    )
    role = f"analyst_{random.getrandbits(40)}"
    with psycopg.connect(migrated_postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role}")
        connection.execute(f"GRANT SELECT ON version TO {role} WITH GRANT OPTION; GRANT SELECT ON state TO PUBLIC")
        async with load(migrated_postgres_url) as ledger:
            for _ in range(2):
                found.append(connection.execute(asked).fetchall())
                await of_another_version(ledger)
                await rebuild(ledger.database)
        connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
    assert found[0] == found[1]


async def test_only_the_owner_of_the_tables_can_rebuild(migrated_postgres_url: str) -> None:
    """A login that can only serve the ledger is refused, with the name of the role that can rebuild it."""
    role = f"server_{random.getrandbits(40)}"
    with psycopg.connect(migrated_postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN IN ROLE parley_app")
        try:
            database = connect(f"{migrated_postgres_url}{'&' if '?' in migrated_postgres_url else '?'}user={role}")
            await database.open()
            with pytest.raises(CannotRebuild, match="owns the tables"):
                await rebuild(database)
            await database.close()
        finally:
            connection.execute(f"DROP ROLE {role}")
