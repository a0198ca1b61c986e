"""What `decide` asks about the ledger, answered from items in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

    from service.domain.rule.item import Item
    from service.domain.vocabulary.events import Fact, Record


class LedgerKnowledge:
    """The knowledge of the ledger before a batch. An item that is not loaded counts as unknown.

    `item_of` returns the loaded item of a slug. `homes` has the home of an event: the item of the fact that its
    chain begins with. Both are read again at each call: nothing is cached.
    """

    def __init__(self, item_of: Callable[[str], Item | None], homes: Mapping[UUID, str]) -> None:
        """Keep both as they are."""
        self._item_of, self._homes = item_of, homes

    def kind_of(self, item: str) -> str | None:
        """Return the kind of an item; None when no event names it."""
        found = self._item_of(item)
        return None if found is None else found.kind.name

    def issue_exists(self, issue: str) -> bool:
        """Return whether an issue's opening is known and holds."""
        found = self._item_of(issue)
        return found is not None and found.kind.name == "issue" and found.has_opening()

    def has_opening(self, item: str) -> bool:
        """Return whether an asserted opening of an item is known and holds."""
        found = self._item_of(item)
        return found is not None and found.has_opening()

    def chain(self, event_id: UUID) -> list[Fact | Record] | None:
        """Return the fact that an event is, or acts on, then every record on it; None for an unknown id."""
        home = self._item_of(self._homes.get(event_id, ""))
        chain = home and home.chain(event_id)
        return [entry.event for entry in chain] if chain else None

    def version_of(self, issue: str) -> int:
        """Return how many recorded events name an issue; 0 for an unknown one."""
        found = self._item_of(issue)
        return 0 if found is None else found.version
