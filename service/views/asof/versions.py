"""An item's history as rectangles of (D, K) that neither overlap nor leave a gap: in each the answer is one state.

A version is known over [known_from, known_to) and ends in valid time where the next one known begins; its state also
holds what is to come. So it makes a rectangle for each stretch of K over which the later versions stay the same.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from service.domain.rule.state import with_upcoming
from service.domain.vocabulary.kinds import PLANNED
from service.views.asof import sql
from service.views.asof.published_versions import published_page
from service.views.asof.question import PAGE_BYTES
from service.views.asof.rectangles import Rectangle, VersionPage
from service.views.asof.weighing import apart

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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


class _Later(NamedTuple):
    """What follows a day, as known from `known_from` on: the next version's day, and the number of all arrivals."""

    known_from: int
    valid_to: int | None
    arrivals: int


class _Piece(NamedTuple):
    """A part of a version: over [known_from, known_to) it ends on `valid_to`; `later` numbers its changes to come."""

    version: _Version
    valid_to: int | None
    known_from: int
    known_to: int
    later: int


class _Arrivals:
    """Changes to come by number, so that they are compared and kept as one; 0 is none."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, int], int] = {}
        self._lists: list[tuple[str, int]] = [("", 0)]

    def before(self, first: str, rest: int) -> int:
        """Return the number of some changes and those after them."""
        if not first:
            return rest
        number = self._numbers.setdefault((first, rest), len(self._lists))
        if number == len(self._lists):
            self._lists.append((first, rest))
        return number

    def text(self, number: int) -> str:
        """Return changes as `with_upcoming` takes them."""
        texts = []
        while number:
            first, number = self._lists[number]
            texts.append(first)
        return ",".join(texts)


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
    versions = await database.fetch_long(_VERSIONS, item, after[0], basis.position)
    arrivals = _Arrivals()
    pieces = await apart(len(versions), _pieces, versions, basis.position, arrivals)
    answered = [piece for piece in pieces if piece.version.status not in {None, PLANNED}]
    wanted = [piece for piece in answered if (piece.version.valid_from, piece.known_from) > after]
    rectangles = await _with_states(database, item, wanted[:limit], basis.position, arrivals)
    return VersionPage(rectangles, len(wanted) > len(rectangles))


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


def _pieces(rows: Sequence[Row], known: int, arrivals: _Arrivals) -> list[_Piece]:
    """Cut every version where the later ones change, from the last day to the first; return them in order."""
    later = [_Later(0, None, 0)]
    pieces: list[_Piece] = []
    days = [list(of_day) for _, of_day in groupby(_versions(rows), key=lambda version: version.valid_from)]
    for of_day in reversed(days):
        pieces += [piece for version in reversed(of_day) for piece in reversed(_cut(version, later, known))]
        later = _preceded(of_day, later, arrivals)
    return pieces[::-1]


def _cut(version: _Version, later: Sequence[_Later], known: int) -> list[_Piece]:
    """Cut a version where what follows its day changes, up to a position."""
    first = bisect_right(later, version.known_from, key=_known_from) - 1
    last = bisect_left(later, min(version.known_to, known + 1), key=_known_from)
    starts = [version.known_from, *(each.known_from for each in later[first + 1 : last])]
    return [
        _Piece(version, each.valid_to, start, end, each.arrivals)
        for each, start, end in zip(later[first:last], starts, [*starts[1:], version.known_to], strict=True)
    ]


def _preceded(of_day: Sequence[_Version], later: Sequence[_Later], arrivals: _Arrivals) -> list[_Later]:
    """Return what follows the day before: the versions of this day where they are known, else what follows it."""
    edges = {each.known_from for each in later} | {edge for version in of_day for edge in version[1:3]}
    found: list[_Later] = []
    place = at = 0
    for edge in sorted(edges):
        while place + 1 < len(later) and later[place + 1].known_from <= edge:
            place += 1
        while at < len(of_day) and of_day[at].known_to <= edge:
            at += 1
        following = later[place]
        if at < len(of_day) and of_day[at].known_from <= edge:
            version = of_day[at]
            following = _Later(edge, version.valid_from, arrivals.before(version.arrivals, following.arrivals))
        if not found or following[1:] != found[-1][1:]:
            found.append(following._replace(known_from=edge))
    return found


_known_from = attrgetter("known_from")


async def _with_states(
    database: Database, item: int, pieces: Sequence[_Piece], known: int, arrivals: _Arrivals
) -> list[Rectangle]:
    """Return the rectangles of the first pieces, as many as make a page."""
    rectangles: list[Rectangle] = []
    size = 0
    for start in range(0, len(pieces), PART):
        part = pieces[start : start + PART]
        bodies = await _bodies(database, item, part)
        for version, valid_to, known_from, known_to, later in part:
            small = await sql.body_of(database, *bodies[version.valid_from, version.known_from])
            body = with_upcoming(small, version.status or "", arrivals.text(later))
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
