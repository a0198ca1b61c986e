"""The items and tallies that an attempt has asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.domain.rule.item import Item
    from service.domain.rule.tally import Tally
    from service.views.working_set import WorkingSet


class Touched:
    """The items that a projection has asked for: it may have changed them. And the issues whose tallies it has changed.

    Not a part of the attempt itself: the two would refer to each other, and the rows of every commit would wait for the
    garbage collector.
    """

    def __init__(self, loaded: WorkingSet) -> None:
        """Begin with none."""
        self._loaded = loaded
        self.items: dict[str, Item] = {}
        self.issues: dict[str, None] = {}
        self.begun: list[str] = []
        """The issues that are new."""

    def get(self, slug: str) -> Item | None:
        """Return the item of a known name, None for a new one."""
        item = self.items.get(slug) or self._loaded.get(slug)
        if item is not None:
            self.items[slug] = item
        return item

    def keep(self, item: Item) -> None:
        """Take a new item."""
        self.items[item.slug] = item
        self._loaded.keep(item)
        if item.kind.name == "issue":
            self._loaded.tallies.begin(item.slug, item.number)
            self.begun.append(item.slug)

    def tally(self, issue: str) -> Tally:
        """Return the tally of an issue."""
        self.issues[issue] = None
        return self._loaded.tallies.get(issue)
