"""What the tables are made of: one metadata, names by rule, the types of columns."""

from __future__ import annotations

import sqlalchemy as sa
from sqlmodel import SQLModel

IN_KEY_ORDER = {"sqlite_with_rowid": False}
"""SQLite keeps a table of little but its key in the order of the key: one tree to write to, not two."""

metadata = sa.MetaData(
    naming_convention={name: f"{name}_%(table_name)s_%(column_0_N_name)s" for name in ("ix", "uq")}
    | {"pk": "pk_%(table_name)s"}
)


class Table(SQLModel):
    """Base of the tables: one metadata, names by rule."""

    metadata = metadata


def numbers(*, primary_key: bool = False, autoincrement: bool = False) -> sa.Column[int]:
    """Make a column of positions, instants or counts."""
    # On SQLite only INTEGER PRIMARY KEY is the row's own address.
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column(number, primary_key=primary_key, autoincrement=autoincrement, nullable=False)


def days(*, primary_key: bool = False) -> sa.Column[int]:
    """Make a column of days."""
    return sa.Column(sa.Integer(), primary_key=primary_key, autoincrement=False, nullable=False)


def binaries(length: int | None = None) -> sa.Column[bytes]:
    """Make a column of bytes."""
    return sa.Column(sa.LargeBinary(length), nullable=False)


def texts() -> sa.Column[str]:
    """Make a column of text."""
    return sa.Column(sa.Text(), nullable=False)


def later_texts() -> sa.Column[str]:
    """Make a column of text that is empty in older rows."""
    return sa.Column(sa.Text(), nullable=False, server_default="")
