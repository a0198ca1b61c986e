"""A history cut into pieces: the parts of versions over which the later ones stay the same.

The same for positions (as recorded) and for days of publication: both are called K here.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from service.domain.rule.read_state import Coming, changes_to
from service.domain.rule.state import UPCOMING_MAX
from service.domain.vocabulary.kinds import PLANNED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Corner = tuple[int, int]
"""The first day and the first K of a piece."""
_Change = tuple[int, str]
"""A change to come: its day, and its text."""
STEPS = 500_000
"""Values of K and versions that are looked at for a page, about: some 0.4 seconds."""


class Version(NamedTuple):
    """A version as known over [known_from, known_to), with all that arrives on its first day; without its body."""

    valid_from: int
    known_from: int
    known_to: int
    status: str | None
    arrivals: str


class Piece(NamedTuple):
    """A part of a version: over [known_from, known_to) it ends on `valid_to`, and the same changes are to come."""

    version: Version
    valid_to: int | None
    known_from: int
    known_to: int
    coming: Coming


class FirstPieces(NamedTuple):
    """The first pieces; `more` is true where others may follow."""

    pieces: list[Piece]
    more: bool


def first_pieces(versions: Sequence[Version], known: int, after: Corner, most: int) -> FirstPieces:
    """Return the first pieces after a corner that have a status: `most`, or fewer where they take much work.

    `versions` are in the order of their days, then of K; `known` is the last K that counts.
    """
    found: list[Piece] = []
    work = _Pieces(versions, known, after)
    for piece in work.all():
        if len(found) == most or (found and work.steps > STEPS):
            return FirstPieces(found, more=True)
        found.append(piece)
    return FirstPieces(found, more=False)


class _Pieces:
    """The versions of an item, each cut where what follows its day changes, as known up to a position.

    The days are gone through in order, and for each day the values of K: the first pieces cost little, though an item
    may have as many as pairs of facts.
    """

    def __init__(self, versions: Sequence[Version], known: int, after: Corner) -> None:
        """`versions` in the order of their days, then their positions; those after a corner are wanted."""
        self.steps = 0
        self._versions, self._known, self._after = versions, known, after
        self._arriving = [index for index, version in enumerate(versions) if version.arrivals]
        moved: dict[int, _Move] = {}
        for index, version in enumerate(versions):
            _move_at(moved, version.known_from).take(index, version, 1)
            if version.known_to <= known:
                _move_at(moved, version.known_to).take(index, version, -1)
        self._positions = sorted(moved)
        self._moves = [moved[position] for position in self._positions]
        for each in self._moves:  # looked at for each day: what comes as it goes is left out once
            each.balance = {change: more for change, more in each.balance.items() if more}
        self._earliest = [*accumulate(reversed([version.known_from for version in versions]), min)][::-1]
        """By index, the first K at which a version from there on is known."""
        self._changes: dict[str, _ToCome] = {}

    def all(self) -> Iterator[Piece]:
        """Return the pieces after the corner that have a status."""
        versions = self._versions
        first = 0
        while first < len(versions):
            day, end = versions[first].valid_from, first
            while end < len(versions) and versions[end].valid_from == day:
                end += 1
            yield from self._of_day(first, end)
            first = end

    def _of_day(self, first: int, end: int) -> Iterator[Piece]:
        """Return the pieces of the versions of one day."""
        begun = self._versions[first].known_from
        arriving = self._arriving_at(end, begun)
        place = bisect_right(self._positions, begun)
        for version in self._versions[first:end]:
            while place < len(self._moves) and self._positions[place] <= version.known_from:
                self._move(place, version.valid_from, arriving)
                place += 1
            start, last = version.known_from, min(version.known_to, self._known + 1)
            while start < last:
                valid_to, change = self._first_known(end, start), version.known_to
                is_wanted = version.status not in {None, PLANNED} and (version.valid_from, start) > self._after
                coming = self._coming(arriving, version.status) if is_wanted else None
                while place < len(self._moves) and self._positions[place] < last:
                    position, moved = self._positions[place], self._moves[place]
                    is_other = self._move(place, version.valid_from, arriving)
                    place += 1
                    if is_other or (moved.last >= end and self._first_known(end, position) != valid_to):
                        change = position
                        break
                if coming is not None:
                    yield Piece(version, valid_to, start, change, coming)
                start = change

    def _arriving_at(self, first: int, position: int) -> list[_Change]:
        """Return the changes of the versions from an index on that are known at a K, in order of days."""
        place = bisect_left(self._arriving, first)
        self.steps += len(self._arriving) - place
        found = [self._versions[index] for index in self._arriving[place:]]
        return [(each.valid_from, each.arrivals) for each in found if _is_known(each, position)]

    def _first_known(self, first: int, position: int) -> int | None:
        """Return the day of the first version from an index on that is known at a K."""
        if first == len(self._versions) or self._earliest[first] > position:
            return None
        for index in range(first, len(self._versions)):
            version = self._versions[index]
            if _is_known(version, position):
                self.steps += index - first
                return version.valid_from
        self.steps += len(self._versions) - first
        return None

    def _move(self, place: int, day: int, arriving: list[_Change]) -> bool:
        """Let the changes after a day come and go that do so at a place; return whether there are any."""
        balances = self._moves[place].balance
        self.steps += 1 + len(balances)
        moved = False
        for change, balance in balances.items():
            if change[0] > day:
                moved = True
                if balance > 0:
                    insort(arriving, change)
                else:
                    del arriving[bisect_left(arriving, change)]
        return moved

    def _coming(self, arriving: Sequence[_Change], status: str | None) -> Coming:
        """Return the changes to come, as they are seen from a day with a status."""
        shown = [self._read(text).text for _, text in arriving[:UPCOMING_MAX]]
        for place, (_, text) in enumerate(arriving):
            change = self._read(text)
            if change.has_terms or change.status != status:
                self.steps += place
                return Coming(shown, len(arriving), change.text)
        self.steps += len(arriving)
        return Coming(shown, len(arriving), None)

    def _read(self, text: str) -> _ToCome:
        """Read a change once, for all the pieces to which it is to come."""
        if text not in self._changes:
            self._changes[text] = _ToCome(text.encode(), *changes_to(text))
        return self._changes[text]


class _ToCome(NamedTuple):
    """A change to come: as JSON, the status that it brings, and whether it brings terms."""

    text: bytes
    status: str | None
    has_terms: bool


class _Move:
    """What comes and goes at one K: by change, how many more versions bring it; `last` is the last version's index."""

    __slots__ = ("balance", "last")

    def __init__(self) -> None:
        self.balance: dict[_Change, int] = {}
        self.last = 0

    def take(self, index: int, version: Version, more: int) -> None:
        self.last = max(self.last, index)
        if version.arrivals:
            change = version.valid_from, version.arrivals
            self.balance[change] = self.balance.get(change, 0) + more


def _move_at(moved: dict[int, _Move], position: int) -> _Move:
    return moved.get(position) or moved.setdefault(position, _Move())


def _is_known(version: Version, position: int) -> bool:
    return version.known_from <= position < version.known_to
