"""A history cut into pieces: the parts of versions over which the later ones stay the same.

The same for positions (as recorded) and for days of publication: both are called K here.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from service.domain.rule.read_state import Coming, changes_to
from service.domain.rule.state import UPCOMING_MAX
from service.domain.vocabulary.kinds import PLANNED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Corner = tuple[int, int]
"""The first day and the first K of a piece."""


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


def first_pieces(versions: Sequence[Version], known: int, after: Corner, most: int) -> list[Piece]:
    """Return the first pieces after a corner that have a status; the others are not worked out.

    `versions` are in the order of their days, then of K; `known` is the last K that counts.
    """
    wanted = (piece for piece in _Pieces(versions, known).all() if (piece.version.valid_from, piece.known_from) > after)
    return list(islice(wanted, most))


class _Pieces:
    """The versions of an item, each cut where what follows its day changes, as known up to a position.

    The days are gone through in order, and for each day the values of K: the first pieces cost little, though an item
    may have as many as pairs of facts.
    """

    def __init__(self, versions: Sequence[Version], known: int) -> None:
        """`versions` in the order of their days, then their positions."""
        self._versions, self._known = versions, known
        came = [(version.known_from, index, True) for index, version in enumerate(versions)]
        went = [(version.known_to, index, False) for index, version in enumerate(versions) if version.known_to <= known]
        self._moves = sorted([*came, *went])
        """K, version, and whether it comes or goes there."""
        self._positions = [position for position, _, _ in self._moves]
        self._changes: dict[int, tuple[str | None, bool]] = {}

    def all(self) -> Iterator[Piece]:
        """Return the pieces that have a status."""
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
        following = _Following(self._versions, end, begun)
        place = bisect_right(self._positions, begun)
        for version in self._versions[first:end]:
            while place < len(self._moves) and self._positions[place] <= version.known_from:
                place = self._move(following, place)[0]
            start, last = version.known_from, min(version.known_to, self._known + 1)
            while start < last:
                valid_to, coming = following.valid_to, self._coming(following, version)
                change = version.known_to
                while place < len(self._moves) and self._positions[place] < last:
                    position = self._positions[place]
                    place, is_other = self._move(following, place)
                    if is_other:
                        change = position
                        break
                if version.status not in {None, PLANNED}:
                    yield Piece(version, valid_to, start, change, coming)
                start = change

    def _move(self, following: _Following, place: int) -> tuple[int, bool]:
        """Make the moves of one position; return the place of the next, and whether something else follows now."""
        position = self._positions[place]
        end = bisect_right(self._positions, position, lo=place)
        moves = [(index, comes) for _, index, comes in self._moves[place:end] if index >= following.first]
        return end, bool(moves) and following.move(moves)

    def _coming(self, following: _Following, version: Version) -> Coming:
        """Return the changes to come after a version."""
        indexes, versions = following.arriving, self._versions
        shown = [versions[index].arrivals.encode() for index in indexes[:UPCOMING_MAX]]
        leading = next((index for index in indexes if self._leads(index, version.status)), None)
        return Coming(shown, len(indexes), None if leading is None else versions[leading].arrivals.encode())

    def _leads(self, index: int, status: str | None) -> bool:
        """Return whether a change brings another status, or terms."""
        if index not in self._changes:
            self._changes[index] = changes_to(self._versions[index].arrivals)
        brings, has_terms = self._changes[index]
        return has_terms or brings != status


class _Following:
    """The versions of later days that are known at a position, by index; those of them with which a change comes."""

    def __init__(self, versions: Sequence[Version], first: int, position: int) -> None:
        """`first` is the index of the first version of a later day."""
        self._versions, self.first = versions, first
        known = [index for index in range(first, len(versions)) if _is_known(versions[index], position)]
        self._known, self.arriving = known, [index for index in known if versions[index].arrivals]

    @property
    def valid_to(self) -> int | None:
        """The day of the first of them."""
        return self._versions[self._known[0]].valid_from if self._known else None

    def move(self, moves: Iterable[tuple[int, bool]]) -> bool:
        """Let versions come and go; return whether the first day or a change is another one."""
        valid_to, balance = self.valid_to, Counter[tuple[int, str]]()
        for index, comes in moves:
            version = self._versions[index]
            for indexes in (self._known, self.arriving) if version.arrivals else (self._known,):
                place = bisect_left(indexes, index)
                if comes:
                    indexes.insert(place, index)
                else:
                    del indexes[place]
            if version.arrivals:
                balance[version.valid_from, version.arrivals] += 1 if comes else -1
        return self.valid_to != valid_to or any(balance.values())


def _is_known(version: Version, position: int) -> bool:
    return version.known_from <= position < version.known_to
