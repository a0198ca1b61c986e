"""The working set: the items that writers are busy with, kept in memory; loaded from the log when missing."""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from service.domain.rule.facts import Entry
from service.domain.rule.item import Item
from service.domain.vocabulary import events, instants
from service.storage.threads import to_its_end
from service.views.tallies import Tallies

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence

    from service.storage.database import Dialect, Row, Source

MEMORY_MAX = 128 * 2**20
"""Bytes that the kept items may take in memory together, about."""
LARGE = 200
"""From so many events on, items are worked out in a thread: 5 ms, in which others would wait."""
NEWEST = 2**62
"""A position that is after every position."""

_VERSION = """coalesce((SELECT n.version FROM issue_event n WHERE n.issue = i.number AND n.position <= $2
    ORDER BY n.position DESC LIMIT 1), 0)"""
_LOAD = """
SELECT i.number, i.slug, i.kind, {extra}, e.position, e.body
FROM item i
JOIN item_event b ON b.item = i.number AND b.position <= $2
JOIN event e ON e.position = b.position
WHERE i.slug {among}
ORDER BY i.number, e.position
"""
_CHANGED = """
SELECT i.slug FROM item_event b JOIN item i ON i.number = b.item WHERE b.position > $1
UNION
SELECT i.slug FROM issue_event n JOIN item i ON i.number = n.issue WHERE n.position > $1
"""


async def load(database: Source, slugs: Iterable[str], until: int = NEWEST) -> list[Item]:
    """Load items as of a position; names that no event up to it has are left out."""
    found = await rows_by_item(database.fetch, database.dialect, f"{_VERSION}, e.recorded_at", slugs, until)
    work = partial(_items, found)
    return await to_its_end(None, work) if sum(map(len, found)) > LARGE else work()


async def rows_by_item(
    fetch: Callable[..., Awaitable[Sequence[Row]]], dialect: Dialect, extra: str, slugs: Iterable[str], until: int
) -> list[list[Row]]:
    """Read the events that bear on items up to a position: for each item rows in position order, in order of numbers.

    A row is the item's number, slug and kind, `extra` (expressions over item i and event e), position and body.
    """
    wanted = sorted(set(slugs))
    if not wanted:
        return []
    sql = _LOAD.format(extra=extra, among=dialect.slugs.format("$1"))
    rows = await fetch(sql, dialect.listed(wanted), until)
    return [list(group) for _, group in groupby(rows, key=lambda row: row[0])]


def _items(found: Iterable[Sequence[Row]]) -> list[Item]:
    return [_item(rows) for rows in found]


def _item(rows: Sequence[Row]) -> Item:
    number, slug, kind, version = rows[0][:4]
    entries = (Entry(row[5], events.decode(row[6]), len(row[6]), instants.day(row[4])) for row in rows)
    return Item.load(number, slug, kind, version, entries)


class WorkingSet:
    """Items by slug, the least used dropped first; and the tallies of the issues that they belong to."""

    def __init__(self, database: Source) -> None:
        """Begin empty."""
        self._database = database
        self.tallies = Tallies(database)
        self._items: OrderedDict[str, Item] = OrderedDict()
        self._sizes: dict[str, int] = {}
        self._memory = 0

    def get(self, slug: str) -> Item | None:
        """Return an item that is loaded; None for another."""
        item = self._items.get(slug)
        if item is not None:
            self._items.move_to_end(slug)
        return item

    def __contains__(self, slug: str) -> bool:
        """Return whether an item is loaded, and the tally of every issue that its texts name."""
        item = self._items.get(slug)
        return item is not None and item.issues <= self.tallies.ready

    def keep(self, item: Item) -> None:
        """Keep a new item, or one that was loaded."""
        self._items[item.slug] = item
        self._count(item)

    async def fill(self, slugs: Iterable[str]) -> None:
        """Load those of the named items that are missing and exist, and the tallies of their issues."""
        missing = [slug for slug in slugs if slug not in self]
        if absent := [slug for slug in missing if slug not in self._items]:
            for item in await load(self._database, absent):
                self.keep(item)
        if missing:
            loaded = [self._items[slug] for slug in missing if slug in self._items]
            await self.tallies.fill({issue for item in loaded for issue in item.issues})

    def drop(self, slugs: Iterable[str]) -> None:
        """Forget these items."""
        for slug in slugs:
            if self._items.pop(slug, None) is not None:
                self._memory -= self._sizes.pop(slug)

    async def catch_up(self, position: int) -> None:
        """Forget the items that others have changed after a position."""
        self.drop(row[0] for row in await self._database.fetch(_CHANGED, position))
        self.tallies.expire(position)

    def clear(self) -> None:
        """Forget everything."""
        self._items.clear()
        self._sizes.clear()
        self._memory = 0
        self.tallies.clear()

    def trim(self, busy: Collection[str]) -> None:
        """Forget the least used items and tallies over the limits, but none of `busy`, which may have grown."""
        self.tallies.trim(busy)
        for slug in busy:
            if slug in self._items:
                self._count(self._items[slug])
        while self._memory > MEMORY_MAX:
            idle = next((slug for slug in self._items if slug not in busy), None)
            if idle is None:
                break
            self.drop([idle])

    def _count(self, item: Item) -> None:
        size = item.memory
        self._memory += size - self._sizes.get(item.slug, 0)
        self._sizes[item.slug] = size
