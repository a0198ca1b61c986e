"""Lists, searched where their JSON decides, as with words: their states are then read a chunk at a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from service.views.asof.engine import engine_of
from service.views.asof.question import ItemState, Question, ScopeFilter, StateFilter, StatePage, is_full, page_of
from service.views.asof.touching import touching_page

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.storage.database import Database

if TYPE_CHECKING:
    Passes = Callable[[ItemState], bool]
    """What a state has to pass beyond a filter of the database."""

CHUNK = 200
SCAN_MAX = 5_000
"""States searched for one page, at most; the rest is for the next page."""


async def page(
    database: Database,
    question: Question,
    wanted: StateFilter | ScopeFilter,
    passes: Passes | None,
    *,
    after: int,
    limit: int,
) -> StatePage:
    """Return the states that pass a filter, after an item number, and what else they have to pass.

    With that, a page may be short before the end, where few states pass.
    """
    if passes is None:
        return await _unsearched(database, question, wanted, after=after, limit=limit)
    found: list[ItemState] = []
    scanned = 0
    while True:
        chunk = await _unsearched(database, question, wanted, after=after, limit=CHUNK)
        found += filter(passes, chunk.items)
        if is_full(found, limit):
            return page_of(chunk.basis, found, limit)
        if chunk.next is None:
            return StatePage(chunk.basis, found, None)
        question, after, scanned = chunk.basis.pinned(), chunk.next, scanned + CHUNK
        if scanned >= SCAN_MAX or (question.published is not None and len(chunk.items) < CHUNK):  # it cost enough
            return StatePage(chunk.basis, found, after)
        await asyncio.sleep(0)  # others want an answer too


async def _unsearched(
    database: Database, question: Question, wanted: StateFilter | ScopeFilter, *, after: int, limit: int
) -> StatePage:
    if isinstance(wanted, ScopeFilter):
        return await touching_page(database, question, wanted, after=after, limit=limit)
    return await engine_of(question).page(database, question, wanted, after=after, limit=limit)
