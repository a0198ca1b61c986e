"""An item's history as published: rectangles of a day (D) and a day of publication (K), each with one state.

The item is worked out for each day on which something about it was published, only what changes that day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.domain.rule.read_state import with_coming
from service.domain.rule.state import arrival_text, encode, state_of
from service.domain.vocabulary.kinds import PLANNED
from service.storage.layout import OPEN_END
from service.views.asof.lives import lives
from service.views.asof.pieces import Version, first_pieces
from service.views.asof.question import PAGE_BYTES
from service.views.asof.rectangles import Rectangle, VersionPage
from service.views.asof.weighing import apart

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.domain.rule.answer import Segment
    from service.storage.database import Database
    from service.views.asof.lives import Lives
    from service.views.asof.pieces import Corner
    from service.views.asof.question import Basis


async def published_page(
    database: Database, basis: Basis, kind: str, slug: str, after: Corner, limit: int
) -> VersionPage | None:
    """Return an item's rectangles after a corner, as known up to a day of publication; None for an item with none."""
    found = await lives(database, basis, kind, slug)
    return None if found is None else await apart(found.size, _page, found, after, limit)


def _page(found: Lives, after: Corner, limit: int) -> VersionPage | None:
    versions = _versions(found)
    if all(segment.answer.status in {None, PLANNED} for _, segment in versions.values()):
        return None
    later = sorted(version for version, _ in versions.values() if version.valid_from >= after[0])
    pieces, more = first_pieces(later, found.last, after, limit)
    rectangles: list[Rectangle] = []
    size = 0
    for version, valid_to, known_from, known_to, coming in pieces:
        _, segment = versions[version.valid_from, version.known_from]
        body = with_coming(encode(state_of(found.kind, found.slug, segment.answer)), coming)
        end = known_to if known_to <= found.last else None
        rectangles.append(Rectangle(version.valid_from, valid_to, known_from, end, body))
        size += len(body)
        if size > PAGE_BYTES:
            break
    return VersionPage(rectangles, more or len(pieces) > len(rectangles))


def _versions(found: Lives) -> Mapping[Corner, tuple[Version, Segment]]:
    """Return every segment that the item has on a day of publication, until the day on which it has another."""
    versions: dict[Corner, tuple[Version, Segment]] = {}
    current: dict[int, int] = {}
    for _, day, changed in found:
        for start, segment in changed.items():
            since = current.pop(start, None)
            if since is not None:
                version, before = versions[start, since]
                if before == segment:
                    current[start] = since
                    continue
                versions[start, since] = version._replace(known_to=day), before
            if segment is not None:
                version = Version(start, day, OPEN_END, segment.answer.status, arrival_text(segment))
                versions[start, day] = version, segment
                current[start] = day
    return versions
