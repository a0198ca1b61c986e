"""What a projection is given: the items that are loaded, and the bounds of its work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from service.domain.rule.item import Item
    from service.domain.rule.tally import Tally
    from service.domain.vocabulary.events import Fact, Record


class Loaded(Protocol):
    """The items that are loaded, with the tallies of the issues that they ever named."""

    def get(self, slug: str) -> Item | None:
        """Return the item of a known name, None for a new one."""

    def keep(self, item: Item) -> None:
        """Take a new item."""

    def tally(self, issue: str) -> Tally:
        """Return the tally of an issue."""


class WorkCheck(Protocol):
    """The bounds of the work; each of its methods may refuse it with an error."""

    def allow(self, steps: int) -> None:
        """Check the steps done so far."""

    def check(self, item: Item, event: Fact | Record) -> None:
        """Check what an item has become by an event."""
