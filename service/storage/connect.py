"""From a database URL to its database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.storage.database import scheme
from service.storage.postgres import Postgres
from service.storage.sqlite import Sqlite

if TYPE_CHECKING:
    from service.storage.database import Database


def connect(url: str) -> Database:
    """Give the database of a URL: `sqlite:///path` or `postgresql://…`; ValueError for another."""
    return Sqlite(url.removeprefix("sqlite:///")) if scheme(url) == "sqlite" else Postgres(url)
