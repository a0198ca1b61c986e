"""What `decide` asks about the ledger, answered from items in memory."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from service.domain.admit.doubts import LATEST, Latest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

    from service.domain.rule.facts import Entry
    from service.domain.rule.item import Item
    from service.domain.vocabulary.events import Fact, Record


MOVED = 8
"""Chains beyond the latest facts of an item among which those that came from another item find their place."""


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

    def latest(self, item: str) -> Latest:
        """Return up to LATEST facts of an item that hold, the last one first, at a cost that its size does not raise.

        Chains stand in the order of recording, but for facts that a correction has moved here from another item: these
        find their place among a few more chains than are asked for.
        """
        found = self._item_of(item)
        if found is None:
            return Latest((), whole=True)
        roots = sorted(islice(reversed(found.chains), LATEST + MOVED), reverse=True)[:LATEST]
        facts = [fact for root in roots if (fact := found.facts.get(root)) is not None]
        return Latest(facts, whole=len(found.chains) <= LATEST)

    def chain(self, event_id: UUID) -> list[Fact | Record] | None:
        """Return the fact that an event is, or acts on, then every record on it; None for an unknown id."""
        chain = self._entries(event_id)
        return [entry.event for entry in chain] if chain else None

    def last_record(self, event_id: UUID) -> int | None:
        """Return the position of the last event of a chain; None for an unknown id."""
        chain = self._entries(event_id)
        return chain[-1].position if chain else None

    def _entries(self, event_id: UUID) -> list[Entry] | None:
        home = self._item_of(self._homes.get(event_id, ""))
        return None if home is None else home.chain(event_id)

    def version_of(self, issue: str) -> int:
        """Return how many recorded events name an issue; 0 for an unknown one."""
        found = self._item_of(issue)
        return 0 if found is None else found.version
