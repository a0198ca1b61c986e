"""Lists in order of the log or sorted: by name, or by the days on which a status begins or ends.

No index has such an order as of any (D, K): all states that pass are read for each page, a chunk at a time, and those
of the page are kept.
"""

from __future__ import annotations

import asyncio
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from service.domain.rule.read_state import begins, ends
from service.views.asof import lists
from service.views.asof.question import StatePage, page_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.storage.database import Database
    from service.views.asof.lists import Passes
    from service.views.asof.question import ItemState, Question, ScopeFilter, StateFilter
    from service.views.asof.weighing import PageWork

SORTED_MAX = 10_000
"""States that are sorted for one page, at most."""
CHUNK = 500
"""States that are read at a time."""
_NO_END = {False: "~", True: ""}
"""The key of a state without an end, by `last_first`: it comes last in both orders."""


class Order(NamedTuple):
    """What a list is sorted by, `since`, `until` or `id`, and whether the last comes first.

    States with the same key are in order of the log.
    """

    by: str
    last_first: bool = False

    def key(self, state: ItemState) -> str:
        """Return what a state is sorted by: a name, or a day as digits of one length."""
        if self.by == "id":
            return state.slug
        day = begins(state.body) if self.by == "since" else ends(state.body)
        return _NO_END[self.last_first] if day is None else f"{day:07}"


class PagePlace(NamedTuple):
    """Where a page of a sorted list begins: after an item with this key and this number."""

    key: str
    number: int


class Listing(NamedTuple):
    """A list: its filter, what else a state has to pass, and what it is sorted by (None: the order of the log)."""

    wanted: StateFilter | ScopeFilter
    passes: Passes | None
    order: Order | None

    def key(self, shown: Sequence[ItemState]) -> str:
        """Return what the last of some states is sorted by; "" in the order of the log."""
        return self.order.key(shown[-1]) if self.order is not None and shown else ""


class TooManyToSort(Exception):  # noqa: N818 - a refusal, not an error
    """More than SORTED_MAX states would be read for a list that is to be sorted."""


async def page(
    database: Database, question: Question, listing: Listing, *, place: PagePlace, limit: int, work: PageWork
) -> StatePage:
    """Return the states of a list after a place (the number 0: from the first).

    A sorted one raises TooManyToSort, and TooMuchToAnswer where, as published, its items are too much work.
    """
    wanted, passes, order = listing
    if order is None:
        return await lists.page(
            database, question, lists.Search(wanted, passes), after=place.number, limit=limit, work=work
        )
    every = lists.Search(wanted)
    found: list[tuple[str, int, ItemState]] = []
    after, seen = 0, 0
    while True:
        chunk = await lists.page(database, question, every, after=after, limit=CHUNK, work=work)
        seen += len(chunk.items)
        if seen > SORTED_MAX:
            raise TooManyToSort
        keyed = [(order.key(each), each.number, each) for each in chunk.items if passes is None or passes(each)]
        found += [each for each in keyed if not place.number or _follows(PagePlace(*each[:2]), place, order)]
        found.sort(key=itemgetter(1))
        found.sort(key=itemgetter(0), reverse=order.last_first)
        del found[limit + 1 :]
        if chunk.next is None:
            return page_of(chunk.basis, [state for _, _, state in found], limit)
        work.check()
        question, after = chunk.basis.pinned(), chunk.next
        await asyncio.sleep(0)  # others want an answer too


def _follows(one: PagePlace, place: PagePlace, order: Order) -> bool:
    if one.key == place.key:
        return one.number > place.number
    return (one.key < place.key) if order.last_first else (one.key > place.key)
