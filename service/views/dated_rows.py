"""Rows that hold from a day on, as known from a position on: written and closed within a commit (decision 14)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from service.storage.database import Closing, Row


class DatedRows:
    """The rows of one table that a commit brings, and what closes those before it.

    A row begins with the number of an item, the day `valid_from`, the position `known_from`, then where it is closed.
    """

    def __init__(self, *open_end: int) -> None:
        """Begin with none; `open_end` stands where a row is closed, while nothing has closed it."""
        self._open_end = open_end
        self._rows: list[list[Any]] = []
        self._open: dict[tuple[int, int], list[list[Any]]] = {}
        self._closings: dict[tuple[int, int], Closing] = {}

    def open(self, item: int, day: int, position: int, *rest: int | str) -> None:
        """Add a row; it takes the place of the others of its day."""
        row = [item, day, position, *self._open_end, *rest]
        self._rows.append(row)
        self._open.setdefault((item, day), []).append(row)

    def close(self, item: int, day: int, *closed: int) -> None:
        """Close the rows of a day that are open, of this commit and of those before; `closed` says where."""
        for row in self._open.pop((item, day), ()):
            row[3 : 3 + len(closed)] = closed
        self._closings.setdefault((item, day), (item, day, *closed))  # the first closes what was before

    @property
    def rows(self) -> list[Row]:
        """The rows."""
        return [tuple(row) for row in self._rows]

    @property
    def closings(self) -> list[Closing]:
        """What closes the rows of earlier commits."""
        return list(self._closings.values())
