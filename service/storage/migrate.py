"""Bring a database to the tables of this version, by Alembic; the scripts are in `migrations/`."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg import connect

from service.storage import files, postgres_url
from service.storage.database import scheme


def config(url: str) -> Config:
    """Make Alembic's configuration for a database URL."""
    settings = Config()
    settings.set_main_option("script_location", str(files.data("migrations")))
    settings.set_main_option("path_separator", "os")
    settings.attributes["engine"] = engine(url)
    return settings


def engine(url: str) -> sa.Engine:
    """Make the engine that migrations use, over sqlite3 or psycopg; ValueError for another URL than the service's."""
    if scheme(url) == "sqlite":
        return sa.create_engine(url, poolclass=sa.NullPool)
    added = postgres_url.defaults(url)
    # SQLAlchemy's own reading of a URL knows one host only.
    return sa.create_engine("postgresql+psycopg://", poolclass=sa.NullPool, creator=lambda: connect(url, **added))


def upgrade(url: str, revision: str = "head") -> None:
    """Migrate up; makes the SQLite file and its folder where they are missing."""
    if url.startswith("sqlite:///"):
        Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    command.upgrade(config(url), revision)


def current(url: str) -> str | None:
    """Return the revision of a database; None for an empty one."""
    with engine(url).connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest() -> str | None:
    """Return the newest revision that the scripts know."""
    return ScriptDirectory(str(files.data("migrations"))).get_current_head()
