"""Whole lists of the API, page after page."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import defstruct

from service.page.ask import ask

if TYPE_CHECKING:
    from msgspec import Struct

    from service.page.ask import Members
    from service.page.visit import Visit

MOST = 1000
PAGES = 5
"""Pages of facts and of changes that a view reads, at most; it says where there are more."""


async def read(visit: Visit, path: str, shape: type[Struct], **query: object) -> tuple[list[Any], bool]:
    """Return what `pages` does, of each item what a shape has of it: the rest is not decoded."""
    found: list[Any] = []
    cursor: str | None = None
    decode = msgspec.json.Decoder(_page_of(shape)).decode
    for _ in range(PAGES):
        answer = await ask(visit.request, path, {"limit": MOST, "cursor": cursor, **query, **visit.known_clocks})
        if answer.status != 200:  # noqa: PLR2004
            answer.members()
        page = decode(answer.body)
        found += page.items
        cursor = page.next
        if cursor is None:
            return found, True
    return found, False


@cache
def _page_of(shape: type[Struct]) -> Any:  # noqa: ANN401 - a type
    return defstruct(f"PageOf{shape.__name__}", [("items", list[shape]), ("next", str | None)])  # type: ignore[valid-type]


async def pages(visit: Visit, path: str, **query: object) -> tuple[list[Members], bool]:
    """Return what a list has, page after page, and whether that is all."""
    found: list[Members] = []
    cursor: str | None = None
    for _ in range(PAGES):
        page = await visit.known(path, limit=MOST, cursor=cursor, **query)
        found += page["items"]
        cursor = page["next"]
        if cursor is None:
            return found, True
    return found, False
