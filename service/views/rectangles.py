"""An item's history as rectangles of (D, K) that neither overlap nor leave a gap: in each the answer is one state.

A version is known over [known_from, known_to) and ends in valid time where the next one known begins; what is to come
stands in its state too. So it makes a rectangle for each stretch of K over which the versions behind it stay the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.domain import states

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from service.storage.database import Database, Row

_ITEM = "SELECT i.number FROM item i WHERE i.slug = $1 AND i.kind = $2 AND i.number <= $3"
"""Its number is the first position that names it."""
_VERSIONS = """
SELECT w.valid_from, w.known_from, w.closed_at, s.status, w.arrivals FROM version w JOIN state s ON s.number = w.state
WHERE w.item = $1 AND w.valid_from >= $2 AND w.known_from <= $3
ORDER BY w.valid_from, w.known_from
"""
_BODIES = """
SELECT w.valid_from, w.known_from, s.body FROM version w JOIN state s ON s.number = w.state
WHERE w.item = $1 AND (w.valid_from, w.known_from) >= ($2, $3) AND (w.valid_from, w.known_from) <= ($4, $5)
"""


class Rectangle(NamedTuple):
    """A state over [valid_from, valid_to) x [known_from, known_to): days, and positions or as published days.

    None: open.
    """

    valid_from: int
    valid_to: int | None
    known_from: int
    known_to: int | None
    state: bytes


class Page(NamedTuple):
    """Rectangles by their first day, then their first position; `more` tells whether others follow."""

    rectangles: list[Rectangle]
    more: bool


class _Version(NamedTuple):
    """A version as known over [known_from, known_to), with all that arrives on its first day; without its body."""

    valid_from: int
    known_from: int
    known_to: int
    status: str
    arrivals: str


class _Piece(NamedTuple):
    """A part of a version: over [known_from, known_to) it ends on `valid_to` and `later` is what is to come."""

    version: _Version
    valid_to: int | None
    known_from: int
    known_to: int
    later: str


async def page(
    database: Database, kind: str, slug: str, known: int, *, after: tuple[int, int], limit: int
) -> Page | None:
    """Give an item's rectangles as known at a position, behind one's first day and position; None for none then.

    The last known is open: a position that comes later closes it.
    """
    rows = await database.fetch(_ITEM, slug, kind, known)
    if not rows:
        return None
    item, (day, position) = rows[0][0], after
    versions = _versions(await database.fetch(_VERSIONS, item, day, known))
    pieces: list[_Piece] = []
    for piece in _pieces(versions, known):
        if (piece.version.valid_from, piece.known_from) > (day, position):
            pieces.append(piece)
        if len(pieces) > limit:
            break
    return Page(await _with_states(database, item, pieces[:limit], known), len(pieces) > limit)


def _versions(rows: Iterable[Row]) -> list[_Version]:
    """Let each version end where the next of its day takes its place, and have the arrivals that it did not repeat.

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


def _pieces(versions: Sequence[_Version], known: int) -> Iterator[_Piece]:
    for version in versions:
        behind = [
            other
            for other in versions
            if other.valid_from > version.valid_from
            and other.known_from < version.known_to
            and other.known_to > version.known_from
        ]
        yield from _cut(version, behind, known)


def _cut(version: _Version, behind: Sequence[_Version], known: int) -> Iterator[_Piece]:
    """Cut a version where what lies behind it changes; `behind` in order of days."""
    edges = {edge for other in behind for edge in (other.known_from, other.known_to)}
    last: _Piece | None = None
    for edge in sorted({version.known_from, *(e for e in edges if version.known_from < e < version.known_to)}):
        if edge > known:
            break
        standing = [other for other in behind if other.known_from <= edge < other.known_to]
        valid_to = standing[0].valid_from if standing else None
        later = ",".join(other.arrivals for other in standing if other.arrivals)
        if last is None:
            last = _Piece(version, valid_to, edge, version.known_to, later)
        elif (valid_to, later) != (last.valid_to, last.later):
            yield last._replace(known_to=edge)
            last = _Piece(version, valid_to, edge, version.known_to, later)
    if last is not None:
        yield last


async def _with_states(database: Database, item: int, pieces: Sequence[_Piece], known: int) -> list[Rectangle]:
    if not pieces:
        return []
    bounds = [edge for end in (pieces[0], pieces[-1]) for edge in (end.version.valid_from, end.version.known_from)]
    bodies = {(day, position): body for day, position, body in await database.fetch(_BODIES, item, *bounds)}
    return [
        Rectangle(
            piece.version.valid_from,
            piece.valid_to,
            piece.known_from,
            piece.known_to if piece.known_to <= known else None,
            states.with_arrivals(
                bodies[piece.version.valid_from, piece.version.known_from], piece.version.status, piece.later
            ),
        )
        for piece in pieces
    ]
