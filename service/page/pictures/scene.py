"""What pictures of days have in common: the day of the question, the days shown, and where things lead to."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.page.pictures.scale import Window


class Links(NamedTuple):
    """Addresses that a picture leads to: of a day, of an item and of a fact."""

    day: Callable[[int], str]
    item: Callable[[str, str], str]
    fact: Callable[[str], str]


class Scene(NamedTuple):
    """What every lane is drawn by: the day of the question, the days shown, and where things lead to."""

    day: int
    window: Window
    links: Links
