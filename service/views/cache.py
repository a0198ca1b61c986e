"""The views of the items that writers are busy with, kept in memory; loaded from the log when missing."""

from __future__ import annotations

from collections import OrderedDict
from itertools import groupby
from typing import TYPE_CHECKING

from service.domain import events
from service.domain.facts import Entry
from service.views.project import ItemView

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
    from uuid import UUID

    from service.domain.events import Fact, Record
    from service.storage.database import Database, Dialect, Row

EVENTS_MAX = 50_000
"""How many events the kept views may hold together (about 4 KB each)."""

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
NEWEST = 2**62


async def load(database: Database, slugs: Iterable[str], until: int = NEWEST) -> list[ItemView]:
    """Load the views of items as of a position; names that no event up to it holds are left out."""
    return [_view(rows) for rows in await rows_by_item(database.fetch, database.dialect, _VERSION, slugs, until)]


async def rows_by_item(
    fetch: Callable[..., Awaitable[Sequence[Row]]], dialect: Dialect, extra: str, slugs: Iterable[str], until: int
) -> list[list[Row]]:
    """Read the events that bear on items up to a position: for each item rows in position order, in order of numbers.

    A row is the item's number, slug and kind, `extra` (an expression over item i and event e), position and body.
    """
    wanted = sorted(set(slugs))
    if not wanted:
        return []
    sql = _LOAD.format(extra=extra, among=dialect.slugs.format("$1"))
    rows = await fetch(sql, dialect.listed(wanted), until)
    return [list(group) for _, group in groupby(rows, key=lambda row: row[0])]


def _view(rows: Sequence[Row]) -> ItemView:
    number, slug, kind, version = rows[0][:4]
    return ItemView.load(number, slug, kind, version, (Entry(row[4], events.decode(row[5])) for row in rows))


class Knowledge:
    """What `decide` asks, answered from views; `home_of` gives the item on whose view an event's chain is."""

    def __init__(self, view_of: Callable[[str], ItemView | None], home_of: Mapping[UUID, str]) -> None:
        """Both are looked at anew with every question."""
        self._view_of, self._home_of = view_of, home_of

    def kind_of(self, item: str) -> str | None:
        """Give the kind of an item; None when no event names it."""
        view = self._view_of(item)
        return None if view is None else view.kind.name

    def issue_exists(self, issue: str) -> bool:
        """Tell whether an issue's opening is known and holds."""
        view = self._view_of(issue)
        return view is not None and view.kind.name == "issue" and view.has_opening()

    def has_opening(self, item: str) -> bool:
        """Tell whether an asserted opening of an item is known and holds."""
        view = self._view_of(item)
        return view is not None and view.has_opening()

    def uncertain(self, item: str) -> int:
        """Count the facts of an item with an uncertain date."""
        view = self._view_of(item)
        return 0 if view is None else sum(fact.unsure for fact in view.facts.values())

    def chain(self, event_id: UUID) -> list[Fact | Record] | None:
        """Give the fact that an event is, or acts on, then every record on it; None for an unknown id."""
        home = self._view_of(self._home_of.get(event_id, ""))
        chain = home and home.chain(event_id)
        return [entry.event for entry in chain] if chain else None

    def version_of(self, issue: str) -> int:
        """Give how many recorded events name an issue; 0 for an unknown one."""
        view = self._view_of(issue)
        return 0 if view is None else view.version


class Views:
    """Views by item name, the least used dropped first."""

    def __init__(self, database: Database) -> None:
        """Begin empty."""
        self._database = database
        self._views: OrderedDict[str, ItemView] = OrderedDict()
        self._sizes: dict[str, int] = {}
        self._held = 0

    def get(self, slug: str) -> ItemView | None:
        """Give a view that is loaded; None otherwise."""
        view = self._views.get(slug)
        if view is not None:
            self._views.move_to_end(slug)
        return view

    def __contains__(self, slug: str) -> bool:
        """Tell whether a view is loaded."""
        return slug in self._views

    def keep(self, view: ItemView) -> None:
        """Keep the view of a new item, or one that was loaded."""
        self._views[view.slug] = view
        self._count(view)

    async def fill(self, slugs: Iterable[str]) -> None:
        """Load those of the named items that are missing and exist."""
        missing = [slug for slug in slugs if slug not in self._views]
        if missing:
            for view in await load(self._database, missing):
                self.keep(view)

    def drop(self, slugs: Iterable[str]) -> None:
        """Forget these views."""
        for slug in slugs:
            if self._views.pop(slug, None) is not None:
                self._held -= self._sizes.pop(slug)

    async def catch_up(self, position: int) -> None:
        """Forget the views that others have changed behind a position."""
        self.drop(row[0] for row in await self._database.fetch(_CHANGED, position))

    def clear(self) -> None:
        """Forget everything."""
        self._views.clear()
        self._sizes.clear()
        self._held = 0

    def trim(self, busy: Collection[str]) -> None:
        """Forget the least used views over the limit, but none of `busy`, which are those that may have grown."""
        for slug in busy:
            if slug in self._views:
                self._count(self._views[slug])
        while self._held > EVENTS_MAX:
            idle = next((slug for slug in self._views if slug not in busy), None)
            if idle is None:
                break
            self.drop([idle])

    def _count(self, view: ItemView) -> None:
        self._held += view.size - self._sizes.get(view.slug, 0)
        self._sizes[view.slug] = view.size
