"""Tables: the items of an answer as CSV (RFC 4180), one line each, for spreadsheets and databases."""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Rows = Callable[[Mapping[str, Any]], Iterable[Mapping[str, Any]]]
    """Makes the rows of a table from the members of an answer."""

CSV = "text/csv"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def table(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Return rows as CSV under a line with the names of the columns; a member that a row has not is empty.

    Texts and numbers stand as they are, a list of texts without white space has spaces between them, every other value
    is JSON. A text that a spreadsheet would take for a formula has an apostrophe before it.
    """
    written = StringIO()
    lines = csv.writer(written)
    lines.writerow(columns)
    lines.writerows([[_cell(row.get(name)) for name in columns] for row in rows])
    return written.getvalue().encode()


def _cell(value: object) -> object:
    match value:
        case None:
            return ""
        case str():
            return f"'{value}" if value.startswith(_FORMULA) else value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return value
        case list() if value and all(isinstance(each, str) and each.split() == [each] for each in value):
            return _cell(" ".join(value))
        case _:
            return msgspec.json.encode(value).decode()
