"""The file of a SQLite ledger: whether it is whole, and whether it is still the one that was opened."""

from __future__ import annotations

import os
import sqlite3
import time

import structlog

from service.storage.database import Lost

CHECK_SECONDS = 2.0
"""How long a file is looked through when it is opened: 0.2 s of CPU for 400 MB that are in memory."""
CHECK_STEPS = 100_000
"""Steps of SQLite's between two looks at the clock."""

log = structlog.get_logger(__name__)


class File:
    """The file at a path."""

    def __init__(self, path: str) -> None:
        """Note nothing yet."""
        self._path = path
        self._noted: tuple[int, int] | None = None
        self._is_logged = False

    def note(self) -> None:
        """Note which file has the path: the one that is open."""
        self._noted, self._is_logged = self._found(), False

    def check(self) -> None:
        """Raise Lost when another file, or none, has the path: what is written to the open one nobody would find.

        The log says so once. It costs 3 us.
        """
        if self._found() != self._noted:
            if not self._is_logged:
                self._is_logged = True
                log.error(
                    "database.replaced",
                    path=self._path,
                    remedy="stop every process of this ledger, move away the files -wal and -shm beside it, then start",
                )
            msg = "the file of the database was replaced while it was open"
            raise Lost(msg)

    def _found(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self._path)  # noqa: PTH116 - half as much time as Path.stat
        except OSError:
            return None
        return found.st_dev, found.st_ino


def look_through(connection: sqlite3.Connection) -> None:
    """Raise DatabaseError for a damaged file, as far as it can be looked through in `CHECK_SECONDS`."""
    until = time.monotonic() + CHECK_SECONDS
    connection.set_progress_handler(lambda: time.monotonic() > until, CHECK_STEPS)
    try:
        ((found,),) = connection.execute("PRAGMA quick_check(1)").fetchall()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        return
    finally:
        connection.set_progress_handler(None, 0)
    if found != "ok":
        msg = f"the database file is damaged, restore a backup: {found.splitlines()[-1]}"
        raise sqlite3.DatabaseError(msg)
