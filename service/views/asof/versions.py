"""An item's history as rectangles of (D, K) that neither overlap nor leave a gap: in each the answer is one state.

A version is known over [known_from, known_to) and ends in valid time where the next one known begins; its state also
holds what is to come. So it makes a rectangle for each stretch of K over which the later versions stay the same.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from service.domain.rule.state import UPCOMING_MAX, Coming, changes_to, with_coming
from service.domain.vocabulary.kinds import PLANNED
from service.views.asof import sql
from service.views.asof.published_versions import published_page
from service.views.asof.question import PAGE_BYTES
from service.views.asof.rectangles import Rectangle, VersionPage
from service.views.asof.weighing import apart

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from service.storage.database import Database, Row
    from service.views.asof.question import Basis

PART = 50
"""Pieces whose states are read at a time."""
_ITEM = "SELECT i.number FROM item i WHERE i.slug = $1 AND i.kind = $2 AND i.number <= $3"
"""Its number is the first position that names it."""
_VERSIONS = """
SELECT w.valid_from, w.known_from, w.closed_at, s.status, w.arrivals
FROM version w LEFT JOIN state s ON s.number = w.state
WHERE w.item = $1 AND w.valid_from >= $2 AND w.known_from <= $3
ORDER BY w.valid_from, w.known_from
"""
_BODIES = """
SELECT w.valid_from, w.known_from, s.number, {body} FROM version w JOIN state s ON s.number = w.state
WHERE w.item = $1 AND (w.valid_from, w.known_from) >= ($2, $3) AND (w.valid_from, w.known_from) <= ($4, $5)
"""


class _Version(NamedTuple):
    """A version as known over [known_from, known_to), with all that arrives on its first day; without its body."""

    valid_from: int
    known_from: int
    known_to: int
    status: str | None
    arrivals: str


class _Piece(NamedTuple):
    """A part of a version: over [known_from, known_to) it ends on `valid_to`, and the same changes are to come."""

    version: _Version
    valid_to: int | None
    known_from: int
    known_to: int
    coming: Coming


async def version_page(
    database: Database, basis: Basis, kind: str, slug: str, *, after: tuple[int, int], limit: int
) -> VersionPage | None:
    """Return an item's rectangles as known at K, after one's first day and first K; None for an item with none.

    The last known is open: what is recorded or published later closes it.
    """
    find = _recorded_page if basis.published is None else published_page
    return await find(database, basis, kind, slug, after, limit)


async def _recorded_page(
    database: Database, basis: Basis, kind: str, slug: str, after: tuple[int, int], limit: int
) -> VersionPage | None:
    rows = await database.fetch(_ITEM, slug, kind, basis.position)
    if not rows:
        return None
    item = rows[0][0]
    rows = await database.fetch_long(_VERSIONS, item, after[0], basis.position)
    pieces = await apart(len(rows), _first_pieces, rows, basis.position, after, limit + 1)
    rectangles = await _with_states(database, item, pieces[:limit], basis.position)
    return VersionPage(rectangles, len(pieces) > len(rectangles))


def _first_pieces(rows: Sequence[Row], known: int, after: tuple[int, int], most: int) -> list[_Piece]:
    """Return the first pieces after a corner that have a status; the others are not worked out."""
    pieces = _Pieces(_versions(rows), known)
    wanted = (piece for piece in pieces.all() if (piece.version.valid_from, piece.known_from) > after)
    return list(islice(wanted, most))


def _versions(rows: Iterable[Row]) -> list[_Version]:
    """End each version where the next of its day replaces it, and fill in the arrivals that it did not repeat.

    `rows` as the table has them, in the order of its key.
    """
    versions: list[_Version] = []
    for row in rows:
        version = _Version(*row)
        if versions and (last := versions[-1]).valid_from == version.valid_from and last.known_to > version.known_from:
            versions[-1] = last._replace(known_to=version.known_from)
            version = version._replace(arrivals=version.arrivals or last.arrivals)
        versions.append(version)
    return versions


class _Pieces:
    """The versions of an item, each cut where what follows its day changes, as known up to a position.

    The days are gone through in order, and for each day the positions: so the first pieces cost little, though an item
    may have as many as pairs of facts.
    """

    def __init__(self, versions: Sequence[_Version], known: int) -> None:
        """`versions` in the order of their days, then their positions."""
        self._versions, self._known = versions, known
        came = [(version.known_from, index, True) for index, version in enumerate(versions)]
        went = [(version.known_to, index, False) for index, version in enumerate(versions) if version.known_to <= known]
        self._moves = sorted([*came, *went])
        """Position, version, and whether it comes or goes there."""
        self._positions = [position for position, _, _ in self._moves]
        self._changes: dict[int, tuple[str | None, bool]] = {}

    def all(self) -> Iterator[_Piece]:
        """Return the pieces that have a status."""
        versions = self._versions
        first = 0
        while first < len(versions):
            day, end = versions[first].valid_from, first
            while end < len(versions) and versions[end].valid_from == day:
                end += 1
            yield from self._of_day(first, end)
            first = end

    def _of_day(self, first: int, end: int) -> Iterator[_Piece]:
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
                    yield _Piece(version, valid_to, start, change, coming)
                start = change

    def _move(self, following: _Following, place: int) -> tuple[int, bool]:
        """Make the moves of one position; return the place of the next, and whether something else follows now."""
        position = self._positions[place]
        end = bisect_right(self._positions, position, lo=place)
        moves = [(index, comes) for _, index, comes in self._moves[place:end] if index >= following.first]
        return end, bool(moves) and following.move(moves)

    def _coming(self, following: _Following, version: _Version) -> Coming:
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

    def __init__(self, versions: Sequence[_Version], first: int, position: int) -> None:
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


def _is_known(version: _Version, position: int) -> bool:
    return version.known_from <= position < version.known_to


async def _with_states(database: Database, item: int, pieces: Sequence[_Piece], known: int) -> list[Rectangle]:
    """Return the rectangles of the first pieces, as many as make a page."""
    rectangles: list[Rectangle] = []
    size = 0
    for start in range(0, len(pieces), PART):
        part = pieces[start : start + PART]
        bodies = await _bodies(database, item, part)
        for version, valid_to, known_from, known_to, coming in part:
            small = await sql.body_of(database, *bodies[version.valid_from, version.known_from])
            body = with_coming(small, coming)
            end = known_to if known_to <= known else None
            rectangles.append(Rectangle(version.valid_from, valid_to, known_from, end, body))
            size += len(body)
            if size > PAGE_BYTES:
                return rectangles
    return rectangles


async def _bodies(
    database: Database, item: int, pieces: Sequence[_Piece]
) -> dict[tuple[int, int], tuple[int, bytes | None]]:
    """Read the states of versions that follow each other: by day and position their numbers, and bodies if small."""
    bounds = [edge for end in (pieces[0], pieces[-1]) for edge in (end.version.valid_from, end.version.known_from)]
    rows = await database.fetch(_BODIES.format(body=sql.body("s")), item, *bounds)
    return {(day, position): (state, body) for day, position, state, body in rows}
