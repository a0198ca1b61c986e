"""Bring a database to the tables of this version, by Alembic; the scripts are in `migrations/`."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from service.storage import files
from service.storage.database import scheme


def config(url: str) -> Config:
    """Make Alembic's configuration for a database URL."""
    settings = Config()
    settings.set_main_option("script_location", str(files.data("migrations")))
    settings.set_main_option("path_separator", "os")
    settings.set_main_option("sqlalchemy.url", engine_url(url).replace("%", "%%"))
    return settings


def engine_url(url: str) -> str:
    """Name the driver that migrations use: sqlite3, or psycopg for PostgreSQL; ValueError for another database."""
    return url if scheme(url) == "sqlite" else f"postgresql+psycopg://{url.partition('://')[2]}"


def upgrade(url: str, revision: str = "head") -> None:
    """Migrate up; makes the SQLite file and its folder where they are missing."""
    if url.startswith("sqlite:///"):
        Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    command.upgrade(config(url), revision)


def current(url: str) -> str | None:
    """Return the revision of a database; None for an empty one."""
    engine = sa.create_engine(engine_url(url), poolclass=sa.NullPool)
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest() -> str | None:
    """Return the newest revision that the scripts know."""
    return ScriptDirectory(str(files.data("migrations"))).get_current_head()
