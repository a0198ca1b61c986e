"""A commit on PostgreSQL as one statement, and its parameters: a column of rows each."""

from __future__ import annotations

from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING

from service.storage.layout import COLUMNS, OPEN_END, REQUEST_KEYS, TABLES, TYPES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from service.storage.database import Commit, Row

CHANNEL = "parley_head"
"""The channel on which each commit sends the position that it moved the head to."""
_NUMBERS = {"bigint", "integer"}
_PARAMETERS = {"bigint": 1, "integer": 1, "text": 1, "bytea": 3}
"""The number of parameters that a column of a type takes."""
_MOVED = ("bigint", "integer", "bigint", "integer")
"""The types of closings of versions, and of endings; closings of postures have no day of publication."""
_SELDOM = {"bearing", "posture", "issue_published", REQUEST_KEYS}
"""Tables that are left out of a commit without rows for them: a statement takes time for each table that it has."""
_BETWEEN = "\x1e"
"""The character before each text of a column: no slug, token or status has it, and JSON escapes it."""


def insert(table: str, first: int, source: str) -> str:
    """Write the statement that inserts rows given as `columns` writes them, from the parameter `first` on."""
    arrays: list[str] = []
    names: list[str] = []
    values: list[str] = []
    number = first
    for column, of in TYPES[table].items():
        if of == "bytea":
            arrays += [f"${number + 1}::text::integer[]", f"${number + 2}::text::integer[]"]
            names += [f"{column}_at", f"{column}_size"]
            values.append(f"substr(${number}::bytea, {column}_at, {column}_size)")
        else:
            texts = f"(string_to_array(${number}::text, chr({ord(_BETWEEN)})))[2:]"
            arrays.append(f"${number}::text::{of}[]" if of in _NUMBERS else texts)
            names.append(column)
            values.append(f"u.{column}")
        number += _PARAMETERS[of]
    ignore = " ON CONFLICT DO NOTHING" if table == "facet" else ""
    return (
        f"INSERT INTO {table} ({', '.join(COLUMNS[table])}) SELECT {', '.join(values)} "
        f"FROM {source}unnest({', '.join(arrays)}) u({', '.join(names)}){ignore}"
    )


@cache
def _commit_statement(tables: Sequence[str], *, closes_postures: bool) -> str:
    """Write the statement of a commit that has rows for these tables.

    $1 to $3 are position, instant and epoch of the head expected, $4 and $5 position and instant of the new one, $6 to
    $13 closings and endings; then come closings of postures, if there are some, and a column each.
    """
    moved = (
        "UPDATE head SET position = $4, recorded_at = $5::bigint WHERE id = 1 AND position = $1::bigint "
        "AND recorded_at = $2::bigint AND epoch = $3::bigint AND frozen_at < $5::bigint RETURNING id"
    )
    ended = (
        "UPDATE item i SET over_from = u.over_from, over_known = u.over_known, over_on = u.over_on "
        "FROM moved, unnest($10::text::bigint[], $11::text::integer[], $12::text::bigint[], $13::text::integer[]) "
        "u(item, over_from, over_known, over_on), "
        "LATERAL (SELECT x.ctid AS address FROM item x WHERE x.number = u.item LIMIT 1) x WHERE i.ctid = x.address"
    )
    closed = _close("version", "item", ("closed_at", "closed_on"), 6)
    parts = [f"moved AS ({moved})", f"closed AS ({closed})", f"ended AS ({ended})"]
    first = 14
    if closes_postures:
        parts.append(f"posture_closed AS ({_close('posture', 'issue', ('closed_at',), first)})")
        first += 3
    for table in tables:
        parts.append(f"{table}_stored AS ({insert(table, first, 'moved, ')})")
        first += sum(_PARAMETERS[of] for of in TYPES[table].values())
    # One notice a commit: each takes a lock that all who notify share until they have committed.
    return f"WITH {', '.join(parts)} SELECT id, pg_notify('{CHANNEL}', $4::bigint::text) FROM moved"


def _close(table: str, number: str, closes: Sequence[str], first: int) -> str:
    """Write the statement that closes rows, given from the parameter `first` on."""
    # By the row's address: planned while the table was empty, a join on the columns would stay a scan of the index.
    arrays = [f"${first + place}::text::{of}[]" for place, of in enumerate(_MOVED[: 2 + len(closes)])]
    return (
        f"UPDATE {table} v SET {', '.join(f'{each} = u.{each}' for each in closes)} FROM moved, "
        f"unnest({', '.join(arrays)}) u(number, valid_from, {', '.join(closes)}), "
        f"LATERAL (SELECT x.ctid AS address FROM {table} x "
        f"WHERE x.{number} = u.number AND x.valid_from = u.valid_from AND x.closed_at = {OPEN_END}) x "
        "WHERE v.ctid = x.address"
    )


def columns(rows: Sequence[Row], types: Collection[str]) -> list[str | bytes]:
    """Turn rows into parameters, a column each: numbers as PostgreSQL writes an array, texts and bytes end to end.

    The driver takes half a microsecond for every element of an array. After bytes come the places where each begins,
    and the sizes.
    """
    given: list[str | bytes] = []
    by_column = zip(*rows, strict=True) if rows else [()] * len(types)
    for column, of in zip(by_column, types, strict=True):
        if of in _NUMBERS:
            given.append(_array(column))
        elif of == "bytea":
            sizes = list(map(len, column))
            given += b"".join(column), _array(accumulate(sizes[:-1], initial=1) if sizes else ()), _array(sizes)
        else:
            given.append(_end_to_end(column))
    return given


def _array(numbers: Iterable[int]) -> str:
    return "{" + str([*numbers])[1:-1] + "}"


def _end_to_end(texts: Sequence[str]) -> str:
    whole = _BETWEEN + _BETWEEN.join(texts) if texts else ""
    if whole.count(_BETWEEN) != len(texts):
        msg = "a text of a projection holds the character that stands between texts"
        raise ValueError(msg)
    return whole


def statement_of(commit: Commit) -> tuple[str, list[str | bytes]]:
    """Return the statement of a commit, and its parameters from the sixth on.

    It stores the rows and moves the head by compare-and-set; it returns a row if the head was where it was expected.
    """
    tables = tuple([name for name in TABLES if commit.rows[name] or name not in _SELDOM])
    given = columns(commit.closings, _MOVED) + columns(commit.endings, _MOVED)
    if commit.posture_closings:
        given += columns(commit.posture_closings, _MOVED[:3])
    for table in tables:
        given += columns(commit.rows[table], TYPES[table].values())
    return _commit_statement(tables, closes_postures=bool(commit.posture_closings)), given
