"""The facts of an item that count, ready for the walk: by track, with the days on which they change anything."""

from __future__ import annotations

from bisect import bisect_left
from itertools import islice
from typing import TYPE_CHECKING

from service.domain.rule.ordered import Dated, Ordered, by_order
from service.domain.vocabulary.dates import FOREVER

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from service.domain.vocabulary.kinds import Kind

POSTPONED = "postponed"


class Stood:
    """The statuses that a base ruler gave by itself, on the edges from the first to the day `until`, excluded."""

    __slots__ = ("_days", "until")

    def __init__(self) -> None:
        """Begin with no edge."""
        self._days: dict[str, list[int]] = {}
        self.until = 0

    def add(self, day: int, status: str | None) -> None:
        """Add the edge after all others; None for another status, or none."""
        if status is not None:
            self._days.setdefault(status, []).append(day)
        self.until = day + 1

    def forget(self, first: int) -> None:
        """Forget the edges from a day on: a fact comes or goes that matters from then on."""
        if first < self.until:
            self.until = first
            for days in self._days.values():
                del days[bisect_left(days, first) :]

    def gave(self, status: str, first: int, last: int) -> bool:
        """Return whether the status was given on an edge from `first` to the day before `last`."""
        days = self._days.get(status, [])
        place = bisect_left(days, first)
        return place < len(days) and days[place] < last


class Decisions:
    """The facts of an item that count, by track in the order of decisions.

    `clearers` are the openings and ends of the base track, `returns` the `reinstated` of the overlay; `postponed` is
    how many facts are that.
    """

    __slots__ = (
        "_announced", "_edges", "_notice", "bases", "clearers", "kind", "openings", "overlays", "postponed", "quotas",
        "returns", "stood", "terms",
    )  # fmt: skip

    def __init__(self, kind: Kind, facts: Iterable[Dated] = ()) -> None:
        """Begin with some facts."""
        self.kind = kind
        self.bases, self.clearers, self.openings = Ordered(), Ordered(), Ordered()
        self.overlays, self.returns, self.quotas, self.terms = Ordered(), Ordered(), Ordered(), Ordered()
        self._announced = Ordered()
        """The openings that were decided before they took hold."""
        self.postponed = 0
        self._notice = 0
        """How many days before it takes hold an opening was decided, at most."""
        self._edges: list[int] | None = None
        self.stood = Stood()
        for fact in sorted(facts, key=by_order):
            for track in self._tracks(fact):
                track.append(fact)
            self._count(fact)

    def add(self, fact: Dated) -> None:
        """Put in a fact."""
        for track in self._tracks(fact):
            track.add(fact)
        self._count(fact)
        self._moved(fact)

    def _count(self, fact: Dated) -> None:
        if fact.change.opens:
            self._notice = max(self._notice, fact.begins - fact.decided)
        if fact.change.name == POSTPONED:
            self.postponed += 1

    def remove(self, fact: Dated) -> None:
        """Take out a fact that is in."""
        for track in self._tracks(fact):
            track.remove(fact)
        self.postponed -= fact.change.name == POSTPONED
        self._moved(fact)

    def _moved(self, fact: Dated) -> None:
        self._edges = None
        if self.stood.until:
            self.stood.forget(min(days_of(fact)))

    @property
    def edges(self) -> Sequence[int]:
        """Return the days on which something takes hold, is over or is announced, each once, in order."""
        if self._edges is None:
            self._edges = sorted({day for fact in self.all() for day in days_of(fact)})
        return self._edges

    def _tracks(self, fact: Dated) -> Sequence[Ordered]:
        change = fact.change
        match change.track:
            case "base":
                if change.opens:
                    announced = (self._announced,) if fact.begins > fact.decided else ()
                    return (self.bases, self.clearers, self.openings, *announced)
                return (self.bases, self.clearers) if change.ends else (self.bases,)
            case "overlay":
                return (self.overlays,) if change.hides else (self.overlays, self.returns)
            case "quota":
                return (self.quotas,)
            case _:
                return (self.terms,)

    def __len__(self) -> int:
        """Return how many facts there are."""
        return sum(len(track.facts) for track in (self.bases, self.overlays, self.quotas, self.terms))

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
        if not self._announced.facts:
            return None
        for fact in self._announced.decided(day):
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
