"""An item's history as rectangles of (D, K) that neither overlap nor leave a gap: in each the answer is one state.

A version is known over [known_from, known_to) and ends in valid time where the next one known begins; its state also
holds what is to come. So it makes a rectangle for each stretch of K over which the later versions stay the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.domain.rule.read_state import with_coming
from service.views.asof import sql
from service.views.asof.pieces import Corner, FirstPieces, Piece, Version, first_pieces
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


async def version_page(
    database: Database, basis: Basis, kind: str, slug: str, *, after: Corner, limit: int
) -> VersionPage | None:
    """Return an item's rectangles as known at K, after one's first day and first K; None for an item with none.

    The last known is open: what is recorded or published later closes it.
    """
    find = _recorded_page if basis.published is None else published_page
    return await find(database, basis, kind, slug, after, limit)


async def _recorded_page(
    database: Database, basis: Basis, kind: str, slug: str, after: Corner, limit: int
) -> VersionPage | None:
    rows = await database.fetch(_ITEM, slug, kind, basis.position)
    if not rows:
        return None
    item = rows[0][0]
    rows = await database.fetch_long(_VERSIONS, item, after[0], basis.position)
    pieces, more = await apart(len(rows), _pieces, rows, basis.position, after, limit)
    rectangles = await _with_states(database, item, pieces, basis.position)
    return VersionPage(rectangles, more or len(pieces) > len(rectangles))


def _pieces(rows: Sequence[Row], known: int, after: Corner, most: int) -> FirstPieces:
    return first_pieces(_versions(rows), known, after, most)


def _versions(rows: Iterable[Row]) -> list[Version]:
    """End each version where the next of its day replaces it, and fill in the arrivals that it did not repeat.

    `rows` as the table has them, in the order of its key.
    """
    versions: list[Version] = []
    for row in rows:
        version = Version(*row)
        if versions and (last := versions[-1]).valid_from == version.valid_from and last.known_to > version.known_from:
            versions[-1] = last._replace(known_to=version.known_from)
            version = version._replace(arrivals=version.arrivals or last.arrivals)
        versions.append(version)
    return versions


async def _with_states(database: Database, item: int, pieces: Sequence[Piece], known: int) -> list[Rectangle]:
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
    database: Database, item: int, pieces: Sequence[Piece]
) -> dict[tuple[int, int], tuple[int, bytes | None]]:
    """Read the states of versions that follow each other: by day and position their numbers, and bodies if small."""
    bounds = [edge for end in (pieces[0], pieces[-1]) for edge in (end.version.valid_from, end.version.known_from)]
    rows = await database.fetch(_BODIES.format(body=sql.body("s")), item, *bounds)
    return {(day, position): (state, body) for day, position, state, body in rows}
