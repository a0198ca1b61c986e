"""An item's history as rectangles of (D, K) that neither overlap nor leave a gap: in each the answer is one state.

A version is known over [known_from, known_to) and ends in valid time where the next one known begins; its state also
holds what is to come. So it makes a rectangle for each stretch of K over which the later versions stay the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.domain.rule.state import with_upcoming
from service.views.asof.published_versions import published_page
from service.views.asof.rectangles import Rectangle, VersionPage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from service.storage.database import Database, Row
    from service.views.asof.question import Basis

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


class _Version(NamedTuple):
    """A version as known over [known_from, known_to), with all that arrives on its first day; without its body."""

    valid_from: int
    known_from: int
    known_to: int
    status: str
    arrivals: str


class _Piece(NamedTuple):
    """A part of a version: over [known_from, known_to) it ends on `valid_to`; `later` are its changes to come."""

    version: _Version
    valid_to: int | None
    known_from: int
    known_to: int
    later: str


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
    item, (day, position) = rows[0][0], after
    versions = _versions(await database.fetch(_VERSIONS, item, day, basis.position))
    pieces: list[_Piece] = []
    for piece in _pieces(versions, basis.position):
        if (piece.version.valid_from, piece.known_from) > (day, position):
            pieces.append(piece)
        if len(pieces) > limit:
            break
    return VersionPage(await _with_states(database, item, pieces[:limit], basis.position), len(pieces) > limit)


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


def _pieces(versions: Sequence[_Version], known: int) -> Iterator[_Piece]:
    for version in versions:
        following = [
            other
            for other in versions
            if other.valid_from > version.valid_from
            and other.known_from < version.known_to
            and other.known_to > version.known_from
        ]
        yield from _cut(version, following, known)


def _cut(version: _Version, following: Sequence[_Version], known: int) -> Iterator[_Piece]:
    """Cut a version where the later ones change; `following` are those, in order of days."""
    edges = {edge for other in following for edge in (other.known_from, other.known_to)}
    last: _Piece | None = None
    for edge in sorted({version.known_from, *(e for e in edges if version.known_from < e < version.known_to)}):
        if edge > known:
            break
        known_then = [other for other in following if other.known_from <= edge < other.known_to]
        valid_to = known_then[0].valid_from if known_then else None
        later = ",".join(other.arrivals for other in known_then if other.arrivals)
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
            with_upcoming(
                bodies[piece.version.valid_from, piece.version.known_from], piece.version.status, piece.later
            ),
        )
        for piece in pieces
    ]
