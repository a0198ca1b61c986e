"""Reads of PostgreSQL share a few connections: waiting reads get one, and a lost one is not used again."""

import asyncio
import random

import asyncpg
import pytest

from service.storage.connect import connect
from service.storage.database import Database, Lost
from service.storage.postgres_readers import READERS_MAX
from tests.events import imposed, opening
from tests.ledgers import cut, opened

pytestmark = pytest.mark.anyio

_SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'parley'"


async def read(database: Database, number: int, seconds: float = 0.0) -> int:
    """Read a number back from the database after a while."""
    rows = await database.fetch("SELECT $1::bigint, pg_sleep($2::float8)", number, seconds)
    return int(rows[0][0])


async def sessions(url: str) -> int:
    """Count the sessions of the service."""
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval(_SESSIONS))
    finally:
        await connection.close()


async def test_more_reads_than_connections_are_all_answered(migrated_postgres_url: str) -> None:
    """Two hundred reads at once, some longer than others, get their own answers over READERS_MAX sessions at most."""
    seconds = random.Random(4)  # noqa: S311 - a test
    async with opened(migrated_postgres_url) as ledger:
        for _ in range(2):
            reads = [read(ledger.database, number, seconds.choice((0.0, 0.002, 0.01))) for number in range(200)]
            assert await asyncio.gather(*reads) == list(range(200))
        assert await sessions(migrated_postgres_url) <= READERS_MAX


async def test_readers_that_give_up_take_no_connection_with_them(migrated_postgres_url: str) -> None:
    """More reads than there are connections are cancelled, running and waiting ones, and the others go on."""
    async with opened(migrated_postgres_url) as ledger:
        for _ in range(3):
            tasks = [asyncio.create_task(read(ledger.database, number, 0.01)) for number in range(3 * READERS_MAX)]
            await asyncio.wait(tasks[:1])
            for task in tasks[::2]:
                task.cancel()
            done = await asyncio.gather(*tasks, return_exceptions=True)
            assert done[1::2] == list(range(3 * READERS_MAX))[1::2]
        assert await read(ledger.database, 7) == 7


async def test_sessions_that_end_are_replaced(migrated_postgres_url: str) -> None:
    """When the database ends every session, idle and busy, each fails one read at most."""
    async with opened(migrated_postgres_url) as ledger:
        await asyncio.gather(*[read(ledger.database, number, 0.01) for number in range(READERS_MAX)])
        busy = asyncio.create_task(read(ledger.database, 0, 60.0))
        await asyncio.sleep(0)
        await cut(migrated_postgres_url)
        with pytest.raises(Lost):
            await busy
        failed = 0
        for number in range(2 * READERS_MAX):
            try:
                assert await read(ledger.database, number) == number
            except Lost:
                failed += 1
        assert failed < READERS_MAX
        assert await read(ledger.database, 7) == 7


async def test_a_whole_table_is_streamed_beside_idle_connections(migrated_postgres_url: str) -> None:
    """A stream gets a connection though every one has been used and is idle."""
    async with opened(migrated_postgres_url) as ledger:
        await ledger.append([opening("chips"), imposed("quota", "chips")])
        await asyncio.gather(*[read(ledger.database, number, 0.01) for number in range(READERS_MAX)])
        stream = ledger.database.stream("item_event", ("item", "position"), ("item", "position"))
        assert [position async for _, position in stream] == [1, 2]


async def test_a_database_closes_while_reads_run_and_wait(migrated_postgres_url: str) -> None:
    """Closing waits for running reads; those that wait for a connection are answered or fail as lost."""
    database = connect(migrated_postgres_url)
    await database.open()
    tasks = [asyncio.create_task(read(database, number, 0.02)) for number in range(3 * READERS_MAX)]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    async with asyncio.timeout(20):
        await database.close()
        done = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(each == number or isinstance(each, Lost) for number, each in enumerate(done))
    assert await sessions(migrated_postgres_url) == 0
