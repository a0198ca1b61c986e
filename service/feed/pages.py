"""Pages of the log in position order, whole or by filter."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.domain import states, terms
from service.eventlog import Stored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.storage.database import Database, Row

SCAN_MAX = 20_000
"""So many positions are looked at for one page of a filtered question; the rest is for the next page."""

_PAGE = """
SELECT h.position, e.position, e.recorded_at, e.body
FROM head h LEFT JOIN (
    SELECT position, recorded_at, body FROM event WHERE position > $1 ORDER BY position LIMIT $2
) e ON h.id = 1 WHERE h.id = 1 ORDER BY e.position
"""
_FILTERED = """
SELECT h.position, e.position, e.recorded_at, e.body
FROM head h LEFT JOIN (
    SELECT e.position, e.recorded_at, e.body
    FROM event_index x JOIN event e ON e.position = x.position
    WHERE x.position > $1 AND x.position <= $2 AND {where}
    ORDER BY x.position LIMIT $3
) e ON h.id = 1 WHERE h.id = 1 ORDER BY e.position
"""


class Page(NamedTuple):
    """Events in position order; `next` is the position to ask behind for what follows, `head` the last position."""

    events: list[Stored]
    next: int
    head: int


def has(found: str, tokens: Sequence[str]) -> bool:
    """Tell whether tokens stand among those of an event, between line breaks as they are stored."""
    return all([states.marked(token) in found for token in tokens])


def tokens_of(*, good: str | None = None, **conditions: str | None) -> tuple[str, ...]:
    """Give the tokens of the events for which some conditions hold; None is no condition.

    `conditions` are `type` (a type, or all of a kind: `restriction.*`), `issue`, `item` and `party`.
    """
    given = {**conditions, "good": None if good is None else terms.fold(good)}
    return tuple(f"{name}:{value}" for name, value in given.items() if value is not None)


class Filter(NamedTuple):
    """What is asked for: events with all tokens, that may have occurred in [from, to] (ordinals), up to a position."""

    tokens: tuple[str, ...] = ()
    occurred_from: int | None = None
    occurred_to: int | None = None
    until: int | None = None

    @property
    def all(self) -> bool:
        """Whether every event up to there is asked for."""
        return not self.tokens and self.occurred_from is None and self.occurred_to is None


async def page(database: Database, after: int, limit: int, wanted: Filter = Filter()) -> Page:  # noqa: B008 - immutable
    """Read up to `limit` events behind a position.

    A filtered page may be short or empty before the end: `next` has then moved past what was looked at.
    """
    if wanted.all:
        if wanted.until is not None:  # positions have no gaps
            limit = min(limit, max(wanted.until - after, 0))
        return _page(await database.fetch(_PAGE, after, limit), after, limit, None)
    last = after + SCAN_MAX if wanted.until is None else min(after + SCAN_MAX, wanted.until)
    return _page(await _filtered(database, after, last, limit, wanted), after, limit, last)


async def _filtered(database: Database, after: int, last: int, limit: int, wanted: Filter) -> Sequence[Row]:
    parameters: list[int | str] = [after, last, limit]
    found_at = database.dialect.found_at
    where = ["x.position > 0"]
    for condition, value in (
        *((f"{found_at}(x.tokens, {{}}) > 0", states.marked(token)) for token in wanted.tokens),
        ("x.occurred_hi >= {}", wanted.occurred_from),
        ("x.occurred_lo <= {}", wanted.occurred_to),
    ):
        if value is not None:
            parameters.append(value)
            where.append(condition.format(f"${len(parameters)}"))
    return await database.fetch_long(_FILTERED.format(where=" AND ".join(where)), *parameters)


def _page(rows: Sequence[Row], after: int, limit: int, last: int | None) -> Page:
    head = rows[0][0]
    events = [Stored(position, recorded_at, body) for _, position, recorded_at, body in rows if position is not None]
    if len(events) == limit or last is None:
        reached = events[-1].position if events else after
    else:
        reached = max(after, min(last, head))
    return Page(events, reached, head)
