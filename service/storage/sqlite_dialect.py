"""What SQLite does in its own way: how parameters are written, and how the one lock to write of a file is taken."""

from __future__ import annotations

import re
import sqlite3
import time
from functools import lru_cache
from typing import TYPE_CHECKING

from service.storage.database import Lost

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


@lru_cache(maxsize=512)
def own(sql: str) -> str:
    """Write `$1` as SQLite's `?1`."""
    return re.sub(r"\$(\d+)", r"?\1", sql)


def begun(connection: sqlite3.Connection) -> bool:
    """Begin to write; return False while another process does."""
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise
        return False
    return True


async def begin(
    try_once: Callable[[], Awaitable[bool]], seconds: float, gives_up: Callable[[], bool] = lambda: False
) -> None:
    """Wait for the write lock, try by try: what waits in a thread keeps the process from stopping. Raises Lost."""
    until = time.monotonic() + seconds
    while not await try_once():
        if time.monotonic() > until or gives_up():
            msg = "another process has been writing all the time"
            raise Lost(msg)
