"""Rows that hold from a day on, as known from a position on: written and closed within a commit (decision 14)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from service.storage.database import Closing
from service.storage.tables import OPEN_END

if TYPE_CHECKING:
    from service.storage.database import Row


class DatedRows:
    """The rows of one table that a commit brings, and what closes those before it.

    A row begins with the number of an item, the day `valid_from`, the position `known_from`, and `closed_at`.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._rows: list[list[Any]] = []
        self._open: dict[tuple[int, int], list[list[Any]]] = {}
        self._closings: dict[tuple[int, int], Closing] = {}

    def open(self, item: int, day: int, position: int, *rest: int | str) -> None:
        """Add a row; it takes the place of the others of its day."""
        row = [item, day, position, OPEN_END, *rest]
        self._rows.append(row)
        self._open.setdefault((item, day), []).append(row)

    def close(self, item: int, day: int, position: int) -> None:
        """Close the rows of a day that are open, of this commit and of those before."""
        for row in self._open.pop((item, day), ()):
            row[3] = position
        self._closings.setdefault((item, day), Closing(item, day, position))  # the first closes what was before

    @property
    def rows(self) -> list[Row]:
        """The rows."""
        return [tuple(row) for row in self._rows]

    @property
    def closings(self) -> list[Closing]:
        """What closes the rows of earlier commits."""
        return list(self._closings.values())
