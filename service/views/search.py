"""Lists by words: the states of a list are read a chunk at a time and looked through."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from service.domain import words
from service.views import query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.storage.database import Database

CHUNK = 200
SCAN_MAX = 5_000
"""So many states are looked through for one page; the rest is for the next page."""


class Page(NamedTuple):
    """States in order of the items' first appearance; `next` is the item to ask behind for what follows.

    It is None at the end. A page may be short before that, where few states have the words.
    """

    basis: query.Basis
    items: list[query.Found]
    next: int | None


async def page(
    database: Database, ask: query.Ask, wanted: query.Wanted, sought: Sequence[str], *, after: int, limit: int
) -> Page:
    """Give the states that are wanted and have every word, behind an item number; without words, all of them."""
    if not sought:
        whole = await query.page(database, ask, wanted, after=after, limit=limit)
        return Page(whole.basis, whole.items, whole.items[-1].number if whole.more else None)
    found: list[query.Found] = []
    scanned = 0
    while True:
        read = await query.page(database, ask, wanted, after=after, limit=CHUNK)
        found += [each for each in read.items if words.stand_in(each.kind, each.body, sought)]
        if len(found) > limit:
            return Page(read.basis, found[:limit], found[limit - 1].number)
        if not read.more:
            return Page(read.basis, found, None)
        ask, after, scanned = read.basis.pinned(), read.items[-1].number, scanned + CHUNK
        if scanned >= SCAN_MAX:
            return Page(read.basis, found, after)
        await asyncio.sleep(0)  # others want an answer too
