"""Commits are durable and writers recover, whatever settings the database of PostgreSQL has."""

import psycopg
import pytest
from psycopg import sql

from service.storage.connect import next_tables, opened
from service.storage.database import Lost
from tests.ledgers import now


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("written", "kept"), [("off", "on"), ("local", "on"), ("on", "on"), ("remote_apply", "remote_apply")]
)
@pytest.mark.row(7)
async def test_a_commit_is_durable_whatever_the_database_sets(
    migrated_postgres_url: str, written: str, kept: str
) -> None:
    """No connection acknowledges what is not on disk, though the database says that it may."""
    with psycopg.connect(migrated_postgres_url, autocommit=True) as admin:
        name = sql.Identifier(admin.info.dbname)
        admin.execute(sql.SQL("ALTER DATABASE {} SET synchronous_commit = {}").format(name, sql.Literal(written)))
    async with opened(migrated_postgres_url) as database, next_tables(database) as other:
        for source in (database, other):
            assert [tuple(row) for row in await source.fetch("SHOW synchronous_commit")] == [(kept,)]


@pytest.mark.row(38)
@pytest.mark.anyio
async def test_a_database_that_may_only_be_read_is_lost_and_found_again(migrated_postgres_url: str) -> None:
    """A session that turned read-only is given up; the next one writes when the database may be written again."""
    with psycopg.connect(migrated_postgres_url, autocommit=True) as admin:
        name = sql.Identifier(admin.info.dbname)
        admin.execute(sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(name))
        async with opened(migrated_postgres_url) as database:
            with pytest.raises(Lost):
                await database.freeze(now())
            admin.execute("SET default_transaction_read_only = off")
            admin.execute(sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = off").format(name))
            await database.freeze(now())
