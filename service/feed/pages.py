"""Pages of the log in position order, whole or by filter."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from service.domain.rule.tokens import delimited, token
from service.domain.vocabulary.words import normalized
from service.eventlog.log import Place, Stored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.storage.database import Database, Row

SCAN_MAX = 20_000
"""Positions read for one page of a filtered question, at most; the rest is for the next page."""

PAGE_BYTES = 8 * 1024 * 1024
"""Bytes of events on one page, at most; one event may be larger."""
CHUNK_BYTES = 256 * 1024
"""The same for what is read for a stream, which a slow follower keeps in memory."""

REACH = """CASE
    WHEN (SELECT sum(length(body)) FROM event WHERE position > $1 AND position <= $1 + $2) <= $3 THEN $1 + $2
    ELSE (
        SELECT max(position) FROM (
            SELECT position, sum(size) OVER (ORDER BY position ROWS UNBOUNDED PRECEDING) - size AS size FROM (
                SELECT position, length(body) AS size FROM event WHERE position > $1 ORDER BY position LIMIT $2
            ) few
        ) sized WHERE size < $3
    ) END"""
"""The last position to read after `$1`: at most `$2` events, which begin within `$3` bytes.

Bodies are not read for it. A sum over `length(body)` itself has SQLite copy them: 24 ms for 200 of 0.67 MB, not 0.1.
"""
_AT = "(SELECT recorded_at FROM event WHERE position = {position})"
_PAGE = f"""
SELECT h.position, {_AT.format(position="$1")}, NULL, e.position, e.recorded_at, e.body, e.recorded_by
FROM head h LEFT JOIN (
    SELECT position, recorded_at, body, recorded_by FROM event
    WHERE position > $1 AND position <= {REACH} ORDER BY position LIMIT $2
) e ON h.id = 1 WHERE h.id = 1 ORDER BY e.position
"""
_FILTERED = f"""
SELECT h.position, {_AT.format(position="$1")}, CASE WHEN h.position < $4 THEN h.recorded_at
    ELSE {_AT.format(position="$4")} END, e.position, e.recorded_at, e.body, e.recorded_by
FROM head h LEFT JOIN (
    SELECT position, sum(size) OVER (ORDER BY position ROWS UNBOUNDED PRECEDING) - size AS size FROM (
        SELECT x.position, length(e.body) AS size FROM event_index x JOIN event e ON e.position = x.position
        WHERE x.position > $1 AND x.position <= $4 AND {{where}}
        ORDER BY x.position LIMIT $2
    ) found
) s ON s.size < $3 LEFT JOIN event e ON e.position = s.position WHERE h.id = 1 ORDER BY e.position
"""


class LogPage(NamedTuple):
    """Events in position order; the next page begins after `place`; `head` is the last position of the log."""

    events: list[Stored]
    place: Place
    head: int

    @property
    def next(self) -> int:
        """Return the position after which the next page begins."""
        return self.place.position


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
    after: Place,
    limit: int,
    wanted: EventFilter = EventFilter(),  # noqa: B008 - immutable
    size: int = PAGE_BYTES,
) -> LogPage:
    """Read up to `limit` events after a place, as long as they begin within `size` bytes; at least one.

    A filtered page may be short or empty before the end: `next` has then moved past the events that were read.
    Raises OtherLog when the log has another event at the place.
    """
    if wanted.all:
        if wanted.until is not None:  # positions have no gaps
            limit = min(limit, max(wanted.until - after.position, 0))
        return _page(await database.fetch(_PAGE, after.position, limit, size), after)
    last = after.position + SCAN_MAX if wanted.until is None else min(after.position + SCAN_MAX, wanted.until)
    return _filtered_page(
        await _filtered(database, after.position, last, limit, size, wanted), after, last, limit, size
    )


async def _filtered(
    database: Database, after: int, last: int, limit: int, size: int, wanted: EventFilter
) -> Sequence[Row]:
    parameters: list[int | str] = [after, limit, size, last]
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


def _page(rows: Sequence[Row], after: Place) -> LogPage:
    head, instant = rows[0][:2]
    place = after.check(instant)
    events = [Stored(*stored) for _, _, _, *stored in rows if stored[0] is not None]
    return LogPage(events, events[-1].place if events else place, head)


def _filtered_page(rows: Sequence[Row], after: Place, last: int, limit: int, size: int) -> LogPage:
    """Move past the events that were left out, unless the page was cut before the last position that was looked at."""
    page = _page(rows, after)
    if len(page.events) == limit or sum([len(event.body) for event in page.events]) >= size:
        return page
    looked_at = min(last, page.head)
    return page if looked_at <= page.next else page._replace(place=Place(looked_at, rows[0][2]))
