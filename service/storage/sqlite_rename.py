"""The names of next tables on SQLite: made like the live tables, and exchanged with them.

A table takes its automatic indexes with it when it is renamed. The name of another index cannot be changed but in
`sqlite_schema`, as https://www.sqlite.org/lang_altertable.html has it for what ALTER TABLE cannot do. Other connections
read the schema again, since the renaming of the tables changes its number.
"""

from __future__ import annotations

import fcntl
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from service.storage.next_tables import CannotRebuild

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence
    from pathlib import Path

NEXT, OLD = "_next", "_old"
"""What follows the name of a next table, and of one that was replaced, until it is dropped."""
_MADE = "SELECT name, sql FROM main.sqlite_schema WHERE tbl_name = ?1 AND sql IS NOT NULL ORDER BY type DESC"
_INDEXES = "SELECT name FROM main.sqlite_schema WHERE type = 'index' AND tbl_name = ?1 AND sql IS NOT NULL"
_RENAME = """
UPDATE main.sqlite_schema SET name = ?2, sql = replace(sql, 'INDEX ' || ?1 || ' ', 'INDEX ' || ?2 || ' ')
WHERE type = 'index' AND name = ?1
"""


def definitions(connection: sqlite3.Connection, table: str) -> list[str]:
    """Return the statements that make the next table of a live one, and its indexes."""
    return [_next(sql, name, table) for name, sql in connection.execute(_MADE, (table,)).fetchall()]


def _next(sql: str, name: str, table: str) -> str:
    if name == table:
        return re.sub(rf'^CREATE TABLE "?{table}"?', f"CREATE TABLE main.{table}{NEXT}", sql)
    of_index = sql.replace(f"INDEX {name} ON", f"INDEX main.{name}{NEXT} ON")
    return re.sub(rf'ON "?{table}"?', f"ON {table}{NEXT}", of_index, count=1)


def exchange(connection: sqlite3.Connection, tables: Sequence[str]) -> None:
    """Let next tables have the names of the live ones, and these others, within a transaction.

    Afterwards, `PRAGMA writable_schema=RESET` lets this connection read the schema again.
    """
    connection.execute("PRAGMA legacy_alter_table=ON")  # views that somebody made go on meaning the live names
    connection.execute("PRAGMA writable_schema=ON")
    for table in tables:
        _rename(connection, table, f"{table}{OLD}", "", OLD)
        _rename(connection, f"{table}{NEXT}", table, NEXT, "")


def _rename(connection: sqlite3.Connection, table: str, new: str, ending: str, new_ending: str) -> None:
    """Rename a table, and its indexes by their endings."""
    connection.execute(f"ALTER TABLE main.{table} RENAME TO {new}")
    for (index,) in connection.execute(_INDEXES, (new,)).fetchall():
        connection.execute(_RENAME, (index, index.removesuffix(ending) + new_ending))


@contextmanager
def alone(notes: Path) -> Iterator[None]:
    """Keep other rebuilds away for as long as this process lives."""
    with notes.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            msg = "another process is rebuilding this ledger"
            raise CannotRebuild(msg) from error
        yield
