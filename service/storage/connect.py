"""From a database URL to its database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.storage.postgres import Postgres
from service.storage.sqlite import Sqlite

if TYPE_CHECKING:
    from service.storage.database import Database


def connect(url: str) -> Database:
    """Give the database of a URL: `sqlite:///path` or `postgresql://…`; ValueError for another."""
    if url.startswith("sqlite:///"):
        return Sqlite(url.removeprefix("sqlite:///"))
    if url.startswith(("postgresql://", "postgres://")):
        return Postgres(url)
    msg = "the database URL must begin with sqlite:/// or postgresql://"
    raise ValueError(msg)
