"""What stands on a day, in one reading of an item's dates (docs/semantics.md, 3).

The document goes through the facts forward and keeps a list. Here each track is searched backward, from the last fact
in the order of decisions, until its ruler is found: an answer costs what it rests on, not what the item has been
through.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

from service.domain.rule.decisions import POSTPONED
from service.domain.rule.ordered import by_order
from service.domain.vocabulary.kinds import EXHAUSTED, SUSPENDED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.domain.rule.decisions import Decisions
    from service.domain.rule.ordered import Dated, Order, Ordered

ANNOUNCED = "announced"
GIVE_WAY = frozenset({"proposed", "applied"})
"""Openings that leave the list where a decided one is coming."""
START_AFRESH = frozenset({"suspended", POSTPONED})
"""Hiding changes that take those before them out of the list."""


class Standing(NamedTuple):
    """What stands on a day: the status with its ruling fact.

    `coming` is the opening to come on which the status rests (rows f and g). `hiding` are the hiding facts of the
    ruler's track that are in the list, the latest first, where one of them rules.
    """

    status: str | None
    ruling: Dated | None
    coming: Dated | None = None
    hiding: tuple[Dated, ...] = ()


NOTHING = Standing(None, None)


def standing_on(decisions: Decisions, day: int) -> Standing:
    """Apply the rule on a day."""
    return Walk(decisions, day).standing()


class Walk:
    """The walk over an item's facts on one day."""

    __slots__ = ("_announces", "_coming", "_decisions", "_passing", "_undone", "day")

    def __init__(self, decisions: Decisions, day: int) -> None:
        """Find what is coming, and which `reinstated` is at work."""
        self._decisions, self.day = decisions, day
        self._coming = decisions.coming(day)
        self._announces = self._coming is not None and not self._coming.change.preliminary
        undone = decisions.returns.last_that(lambda fact: fact.ends > day, day)
        self._undone = None if undone is None else undone.order
        self._passing: tuple[Order, Order] | None = None
        """A base fact, and a place up to which every preliminary opening after that fact is passed over."""

    def standing(self) -> Standing:
        """Return the status, and what it rests on."""
        base, coming = self._decisions.bases.last_that(self.lists, self.day), None
        openings = self._decisions.openings.facts
        if base is None and openings and self._decisions.kind.name == "issue":
            base = coming = openings[0]
        if base is not None:
            return self._based(base, coming)
        coming = self._coming
        hider = self._hider(self._decisions.overlays)
        if coming is not None:
            if hider is not None and hider.order > coming.order:
                status = ANNOUNCED if hider.change.name == POSTPONED else SUSPENDED
                return Standing(status, hider, coming, self._hiding(self._decisions.overlays, hider))
            return Standing(coming.change.status if coming.change.preliminary else ANNOUNCED, coming, coming)
        if hider is not None:
            return Standing(SUSPENDED, hider, None, self._hiding(self._decisions.overlays, hider))
        last = max(self._last(), key=by_order, default=None)
        return NOTHING if last is None else Standing(self._decisions.kind.running, last)

    def _based(self, base: Dated, coming: Dated | None) -> Standing:
        """Return what stands where there is a base ruler (rows a to e)."""
        kind, decisions = self._decisions.kind, self._decisions
        if base.change.ends:
            return Standing(base.change.status, base, coming)
        if base.ends <= self.day and kind.over is not None:
            return Standing(kind.over, base, coming)
        if (hider := self._hider(decisions.overlays)) is not None:
            waits = hider.change.name == POSTPONED and not self._has_stood(base.change.status)
            hidden = ANNOUNCED if waits else SUSPENDED
            return Standing(hidden, hider, coming, self._hiding(decisions.overlays, hider))
        if (hider := self._hider(decisions.quotas)) is not None:
            return Standing(EXHAUSTED, hider, coming, self._hiding(decisions.quotas, hider))
        return Standing(base.change.status, base, coming)

    def _has_stood(self, status: str) -> bool:
        """Return whether a base ruler gave this status (row e) on an earlier day, since the last opening took hold."""
        listed = [*filter(self.lists, self._decisions.bases.begun(self.day))]
        opened = next((fact for fact in listed if fact.change.opens), listed[0])
        return _has_stood(self._decisions, status, opened.begins, self.day)

    def listed(self) -> list[Dated]:
        """Return the facts of the list, track by track."""
        decisions = self._decisions
        found = [*filter(self.lists, decisions.bases.begun(self.day)), *decisions.terms.begun(self.day)]
        for track in (decisions.overlays, decisions.quotas):
            is_out = False
            for fact in track.begun(self.day):
                if not (fact.change.hides and (is_out or self._is_cleared(fact))):
                    found.append(fact)
                if fact.change.name in START_AFRESH or (not fact.change.hides and fact.ends > self.day):
                    is_out = True
        return found

    def lists(self, fact: Dated) -> bool:
        """Return whether a base fact that has taken hold is in the list at the end of the walk."""
        if fact.change.ends and self._undone is not None and fact.order < self._undone:
            return False
        return self._joins(fact) and not (self._announces and fact.change.name in GIVE_WAY)

    def _joins(self, fact: Dated) -> bool:
        """Return whether a base fact joins the list, whether or not it stays there."""
        if fact.change.ends:
            return fact.ends > self.day
        return not fact.change.preliminary or not self._is_passed_over(fact)

    def _is_passed_over(self, opening: Dated) -> bool:
        """Return whether the item runs already where a preliminary opening stands in the order."""
        if self._passing is not None and self._passing[0] < opening.order <= self._passing[1]:
            return True
        before = opening.order
        for fact in self._decisions.bases.begun(self.day, before):
            if fact.change.ends:
                if fact.ends > self.day and not self._is_undone(fact, before):
                    return False
            elif fact.change.preliminary:
                before = fact.order  # it was passed over as well, or else it is what stands
            else:
                runs = fact.change.status == self._decisions.kind.running and fact.ends > self.day
                if runs:
                    self._passing = fact.order, opening.order
                return runs
        return False

    def _is_undone(self, end: Dated, before: Order) -> bool:
        """Return whether a `reinstated` before a place has taken an end out of the list."""
        undone = next((fact for fact in self._decisions.returns.begun(self.day, before) if fact.ends > self.day), None)
        return undone is not None and undone.order > end.order

    def _hider(self, track: Ordered) -> Dated | None:
        """Return the ruler of the overlay or quota track where it hides."""
        if not track.facts:
            return None
        for fact in track.begun(self.day):
            if fact.change.hides:
                return fact if fact.ends > self.day and not self._is_cleared(fact) else None
            if fact.ends > self.day:
                return None
        return None

    def _is_cleared(self, hiding: Dated) -> bool:
        """Return whether an opening or an end after a hiding fact has taken it out of the list."""
        for fact in self._decisions.clearers.begun(self.day):
            if fact.order < hiding.order:
                return False
            if self._joins(fact):
                return True
        return False

    def _hiding(self, track: Ordered, ruler: Dated) -> tuple[Dated, ...]:
        """Return the hiding facts of a track that are in the list, the latest first: the ruler, and those before it."""
        found = [ruler]
        for fact in track.begun(self.day, ruler.order):
            if found[-1].change.name in START_AFRESH or (not fact.change.hides and fact.ends > self.day):
                break
            if fact.change.hides:
                if self._is_cleared(fact):
                    break
                found.append(fact)
        return tuple(found)

    def _last(self) -> Iterator[Dated]:
        """Return the last fact of the list on each track but the base."""
        decisions = self._decisions
        for track in (decisions.terms, decisions.overlays, decisions.quotas):
            for fact in track.begun(self.day):
                if not fact.change.hides or not self._is_cleared(fact):
                    yield fact
                    break


def _has_stood(decisions: Decisions, status: str, first: int, last: int) -> bool:
    """Return whether a base ruler gave this status (row e) on a day from `first` to the day before `last`."""
    stood, edges = decisions.stood, decisions.edges
    for place in range(bisect_left(edges, stood.until), bisect_left(edges, last)):
        standing = standing_on(decisions, edges[place])
        is_base = standing.ruling is not None and standing.ruling.change.track == "base" and standing.coming is None
        stood.add(edges[place], standing.status if is_base else None)
    return stood.gave(status, first, last)
