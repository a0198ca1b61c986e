"""From a database URL to its database, and from a database to its next tables."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from service.storage import postgres_url
from service.storage.database import scheme
from service.storage.postgres import Postgres
from service.storage.replica import Replicated
from service.storage.sqlite import Sqlite

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from service.storage.database import Database
    from service.storage.next_tables import NextTables


def connect(url: str) -> Database:
    """Return the database of a URL: `sqlite:///path` or `postgresql://…`; ValueError for another."""
    return Postgres(url) if scheme(url) == "postgresql" else Sqlite(url.removeprefix("sqlite:///"))


def next_tables(database: Database, plan: str = "") -> AbstractAsyncContextManager[NextTables]:
    """Open a connection for a rebuild, the only one; or, with its `plan`, another that works for it.

    Raises CannotRebuild.
    """
    primary = database.primary
    assert isinstance(primary, Postgres | Sqlite)  # noqa: S101 - there is no other
    return primary.next_tables(plan)


def shown(url: str) -> str:
    """Return a database URL for people to read, without its password; ValueError for one that cannot be used."""
    return url if scheme(url) == "sqlite" else postgres_url.shown(url)


@asynccontextmanager
async def opened(url: str, read_url: str = "") -> AsyncIterator[Database]:
    """Open the database of a URL, and close it; NotMigrated when it has not the tables of this version.

    With `read_url` it reads from the copy there, and its `primary` is the database of `url`.
    """
    database = Replicated(connect(url), connect(read_url)) if read_url else connect(url)
    try:
        await database.open()
        yield database
    finally:
        await database.close()
