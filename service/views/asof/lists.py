"""Lists, searched where their JSON decides, as with words: their states are then read a chunk at a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from service.views.asof import published, recorded
from service.views.asof.question import ItemState, Question, ScopeFilter, StateFilter, StatePage, is_full, page_of
from service.views.asof.touching import touching_page

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.storage.database import Database
    from service.views.asof.weighing import PageWork

    Passes = Callable[[ItemState], bool]
    """What a state has to pass beyond a filter of the database."""

CHUNK = 200
SCAN_MAX = 5_000
"""States searched for one page, at most; the rest is for the next page."""


class Search(NamedTuple):
    """A filter, and what else a state has to pass."""

    wanted: StateFilter | ScopeFilter
    passes: Passes | None = None


async def page(
    database: Database, question: Question, search: Search, *, after: int, limit: int, work: PageWork
) -> StatePage:
    """Return the states of a list in the order of the log, after an item number.

    Where they have to pass more than a filter, a page may be short before the end: few states may pass.
    """
    wanted, passes = search
    if passes is None:
        return await _unsearched(database, question, wanted, after, limit, work)
    found: list[ItemState] = []
    scanned = 0
    while True:
        chunk = await _unsearched(database, question, wanted, after, CHUNK, work)
        found += filter(passes, chunk.items)
        if is_full(found, limit):
            return page_of(chunk.basis, found, limit)
        if chunk.next is None:
            return StatePage(chunk.basis, found, None)
        question, after, scanned = chunk.basis.pinned(), chunk.next, scanned + CHUNK
        if scanned >= SCAN_MAX or work.is_enough:
            return StatePage(chunk.basis, found, after)
        await asyncio.sleep(0)  # others want an answer too


async def _unsearched(
    database: Database,
    question: Question,
    wanted: StateFilter | ScopeFilter,
    after: int,
    limit: int,
    work: PageWork,
) -> StatePage:
    if isinstance(wanted, ScopeFilter):
        return await touching_page(database, question, wanted, after=after, limit=limit, work=work)
    if question.published is None:
        return await recorded.page(database, question, wanted, after=after, limit=limit)
    return await published.page(database, question, wanted, after=after, limit=limit, work=work)
