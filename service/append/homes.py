"""Homes: an event's home is the item of the fact that its chain begins with. One rule, one place.

A fact's home is its own item. A record's home is that of its target, whatever a correction has moved the fact to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.domain.vocabulary.events import Fact, Record, RecordCorrected, decode, id_of
from service.eventlog.log import by_ids

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from uuid import UUID

    from service.storage.database import Database
    from service.views.working_set import WorkingSet


class Homes(dict["UUID", str]):
    """The homes known to one attempt, by event id. `own` are those of the events that it records itself."""

    def __init__(self) -> None:
        """Begin with none."""
        super().__init__()
        self.own: dict[UUID, str] = {}

    def begin(self, events: Iterable[Fact | Record], before: Mapping[UUID, str]) -> None:
        """Take the homes of facts to be recorded, and those of a group that is being committed before."""
        self.own.update([(id_of(event), event.item) for event in events if isinstance(event, Fact)])
        self.update(before)
        self.update(self.own)

    async def find(self, database: Database, events: Iterable[Fact | Record], loaded: WorkingSet) -> set[str]:
        """Find the homes of the targets of records; return the names of those items.

        Most corrections keep the item, and that item is loaded already: then the log is not read.
        """
        events = list(events)
        targets = {event.target for event in events if isinstance(event, Record)}
        self.update(_of_corrected(events, loaded))
        if missing := targets - self.keys():
            self.update(await recorded_homes(database, missing))
        for event in events:
            if isinstance(event, Record) and (home := self.own.get(event.target) or self.get(event.target)):
                self.own[id_of(event)] = home
        self.update(self.own)
        return {self[target] for target in targets & self.keys()} - {""}


async def recorded_homes(database: Database, ids: Iterable[UUID]) -> dict[UUID, str]:
    """Read the homes of recorded events from the log; unknown ids are left out."""
    return {each: decode(row.body).item or "" for each, row in (await by_ids(database, ids)).items()}


def _of_corrected(events: Iterable[Fact | Record], loaded: WorkingSet) -> dict[UUID, str]:
    """Find the home of each corrected event on the item that its new text names, where that is loaded."""
    found: dict[UUID, str] = {}
    for event in events:
        if isinstance(event, RecordCorrected) and (item := loaded.get(event.event.item)):
            chain = item.chain(event.target)
            if chain is not None:
                found[event.target] = chain[0].event.item or ""
    return found
