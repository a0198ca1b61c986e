"""The rectangles of (D, K) that make an item's history."""

from __future__ import annotations

from typing import NamedTuple


class Rectangle(NamedTuple):
    """A state over [valid_from, valid_to) x [known_from, known_to): days, and positions or as published days.

    None: open.
    """

    valid_from: int
    valid_to: int | None
    known_from: int
    known_to: int | None
    state: bytes


class VersionPage(NamedTuple):
    """Rectangles by their first day, then their first K; `more` is true where others follow."""

    rectangles: list[Rectangle]
    more: bool
