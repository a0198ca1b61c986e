"""Pages of the log in position order, whole or by filter."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from service.domain.rule.tokens import delimited, token
from service.domain.vocabulary.terms import normalized
from service.eventlog.log import Stored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.storage.database import Database, Row

SCAN_MAX = 20_000
"""Positions read for one page of a filtered question, at most; the rest is for the next page."""

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


class LogPage(NamedTuple):
    """Events in position order; `next` is the position after which the next page begins, `head` the last position."""

    events: list[Stored]
    next: int
    head: int


def has_tokens(stored: str, wanted: Sequence[str]) -> bool:
    """Return whether an event has every wanted token; `stored` are its own, between line breaks as they are stored."""
    return all([delimited(token) in stored for token in wanted])


class EventConditions(Struct, frozen=True, omit_defaults=True):
    """The conditions on events, which hold together; None is no condition.

    `type` is a type, or all of a kind: `restriction.*`. `good` is a name, an element or an ECCN, in any case.
    """

    type: str | None = None
    issue: str | None = None
    item: str | None = None
    party: str | None = None
    good: str | None = None

    @classmethod
    def of(cls, source: object) -> EventConditions:
        """Return the conditions that a query or a body has under these names."""
        return cls(*[getattr(source, name, None) for name in cls.__struct_fields__])

    def tokens(self) -> tuple[str, ...]:
        """Return the tokens of the events for which all conditions hold."""
        coded = [(name, getattr(self, name)) for name in ("type", "issue", "item", "party")]
        tokens = [token(name, value) for name, value in coded if value is not None]
        return (*tokens, *(() if self.good is None else (token("good", normalized(self.good)),)))


class EventFilter(NamedTuple):
    """Events that have all tokens and may have occurred in [from, to] (ordinals), up to a position."""

    tokens: tuple[str, ...] = ()
    occurred_from: int | None = None
    occurred_to: int | None = None
    until: int | None = None

    @property
    def all(self) -> bool:
        """Return whether every event up to there passes."""
        return not self.tokens and self.occurred_from is None and self.occurred_to is None


async def log_page(
    database: Database,
    after: int,
    limit: int,
    wanted: EventFilter = EventFilter(),  # noqa: B008 - immutable
) -> LogPage:
    """Read up to `limit` events after a position.

    A filtered page may be short or empty before the end: `next` has then moved past the events that were read.
    """
    if wanted.all:
        if wanted.until is not None:  # positions have no gaps
            limit = min(limit, max(wanted.until - after, 0))
        return _page(await database.fetch(_PAGE, after, limit), after, limit, None)
    last = after + SCAN_MAX if wanted.until is None else min(after + SCAN_MAX, wanted.until)
    return _page(await _filtered(database, after, last, limit, wanted), after, limit, last)


async def _filtered(database: Database, after: int, last: int, limit: int, wanted: EventFilter) -> Sequence[Row]:
    parameters: list[int | str] = [after, last, limit]
    found_at = database.dialect.found_at
    where = ["x.position > 0"]
    for condition, value in (
        *((f"{found_at}(x.tokens, {{}}) > 0", delimited(each)) for each in wanted.tokens),
        ("x.occurred_hi >= {}", wanted.occurred_from),
        ("x.occurred_lo <= {}", wanted.occurred_to),
    ):
        if value is not None:
            parameters.append(value)
            where.append(condition.format(f"${len(parameters)}"))
    return await database.fetch_long(_FILTERED.format(where=" AND ".join(where)), *parameters)


def _page(rows: Sequence[Row], after: int, limit: int, last: int | None) -> LogPage:
    head = rows[0][0]
    events = [Stored(position, recorded_at, body) for _, position, recorded_at, body in rows if position is not None]
    if len(events) == limit or last is None:
        reached = events[-1].position if events else after
    else:
        reached = max(after, min(last, head))
    return LogPage(events, reached, head)
