"""The next tables compared with the live ones, table by table, in one snapshot of the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.storage.layout import COLUMNS, KEYS, PROJECTIONS
from service.storage.next_tables import READ_BY_APPENDS

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from service.storage.database import Source
    from service.storage.next_tables import NextTables


async def differing(tables: NextTables, snapshot: Source) -> dict[str, int]:
    """Return how many rows differ by table: those that are not the same, those missing and those too many."""
    found = {}
    for table in PROJECTIONS:
        live, made = tables.live(table), tables.name(table)
        ((wrong,),) = await snapshot.fetch(_wrong(table, live, made))
        ((missing,),) = await snapshot.fetch(_missing(table, live, made))
        if wrong + missing:
            found[table] = wrong + missing
    return found


def to_swap(differ: Collection[str]) -> Sequence[str]:
    """Return the tables that have to be replaced where these differ."""
    return [table for table in PROJECTIONS if table in differ or READ_BY_APPENDS.intersection(differ)]


def _wrong(table: str, live: str, made: str) -> str:
    """Count the live rows of which the next table has no equal."""
    keys = KEYS[table]
    rest = [name for name in COLUMNS[table] if name not in keys]
    other = f" OR ({_of('a', rest)}) <> ({_of('b', rest)})" if rest else ""
    return (
        f"SELECT count(*) FROM {live} a LEFT JOIN {made} b ON {_same(keys)} "  # noqa: S608 - names of our own
        f"WHERE b.{keys[0]} IS NULL{other}"
    )


def _missing(table: str, live: str, made: str) -> str:
    """Count the rows of the next table whose keys no live row has."""
    return f"SELECT count(*) FROM {made} b WHERE NOT EXISTS (SELECT 1 FROM {live} a WHERE {_same(KEYS[table])})"  # noqa: S608 - names of our own


def _same(keys: Sequence[str]) -> str:
    return " AND ".join(f"a.{key} = b.{key}" for key in keys)


def _of(row: str, columns: Sequence[str]) -> str:
    return ", ".join(f"{row}.{column}" for column in columns)
