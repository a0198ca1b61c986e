"""The facts of an item that count, ready for the walk: by track, with the days on which they change anything."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from service.domain.rule.ordered import Dated, Ordered, by_order
from service.domain.vocabulary.dates import FOREVER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from service.domain.vocabulary.kinds import ChangeRule, Kind

POSTPONED = "postponed"


class Decisions:
    """The facts of an item that count, by track in the order of decisions.

    `clearers` are the openings and ends of the base track, `returns` the `reinstated` of the overlay; `postponed` is
    how many facts are that.
    """

    __slots__ = (
        "_edges", "_notice", "bases", "clearers", "kind", "openings", "overlays", "postponed", "quotas", "returns",
        "stood", "terms",
    )  # fmt: skip

    def __init__(self, kind: Kind, facts: Iterable[Dated] = ()) -> None:
        """Begin with some facts."""
        self.kind = kind
        self.bases, self.clearers, self.openings = Ordered(), Ordered(), Ordered()
        self.overlays, self.returns, self.quotas, self.terms = Ordered(), Ordered(), Ordered(), Ordered()
        self.postponed = 0
        self._notice = 0
        """How many days before it takes hold an opening was decided, at most."""
        self._edges: list[int] | None = None
        self.stood: dict[int, str | None] = {}
        """By edge, from the first on: the status that a base ruler gave by itself; empty after a fact has moved."""
        for fact in sorted(facts, key=by_order):
            for track in self._tracks(fact.change):
                track.append(fact)
            self._count(fact)

    def add(self, fact: Dated) -> None:
        """Put in a fact."""
        for track in self._tracks(fact.change):
            track.add(fact)
        self._count(fact)
        self._edges = None
        self.stood.clear()

    def _count(self, fact: Dated) -> None:
        if fact.change.opens:
            self._notice = max(self._notice, fact.begins - fact.decided)
        if fact.change.name == POSTPONED:
            self.postponed += 1

    def remove(self, fact: Dated) -> None:
        """Take out a fact that is in."""
        for track in self._tracks(fact.change):
            track.remove(fact)
        self.postponed -= fact.change.name == POSTPONED
        self._edges = None
        self.stood.clear()

    @property
    def edges(self) -> Sequence[int]:
        """Return the days on which something takes hold, is over or is announced, each once, in order."""
        if self._edges is None:
            self._edges = sorted({day for fact in self.all() for day in days_of(fact)})
        return self._edges

    def _tracks(self, change: ChangeRule) -> Iterator[Ordered]:
        match change.track:
            case "base":
                yield self.bases
                if change.opens or change.ends:
                    yield self.clearers
                if change.opens:
                    yield self.openings
            case "overlay":
                yield self.overlays
                if not change.hides:
                    yield self.returns
            case "quota":
                yield self.quotas
            case _:
                yield self.terms

    def all(self) -> list[Dated]:
        """Return the facts in the order of decisions."""
        tracks = (self.bases, self.overlays, self.quotas, self.terms)
        return sorted((fact for track in tracks for fact in track.facts), key=by_order)

    def last(self, day: int) -> Dated | None:
        """Return the last fact in the order of decisions that has taken hold by a day."""
        tracks = (self.bases, self.overlays, self.quotas, self.terms)
        return max((fact for track in tracks for fact in islice(track.begun(day), 1)), key=by_order, default=None)

    def coming(self, day: int) -> Dated | None:
        """Return the opening that is decided by a day and takes hold later; of several see the document."""
        found: Dated | None = None
        for fact in self.openings.decided(day):
            if fact.decided + self._notice <= day or (found is not None and fact.decided < found.decided):
                break
            if fact.begins > day:
                found = fact
        return found


def days_of(fact: Dated) -> set[int]:
    """Return the days on which a fact can change something: it takes hold, it is over, an opening is announced."""
    days = {fact.begins, fact.decided} if fact.change.opens else {fact.begins}
    if fact.ends != FOREVER:
        days.add(fact.ends)
    return days
