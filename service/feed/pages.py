"""Pages of the log in position order, whole or by filter."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from service.domain.errors import OtherLog
from service.eventlog.head import head_of
from service.eventlog.log import Place, Stored
from service.feed.filters import EVERYTHING, Passing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.storage.database import Database, Row

SCAN_MAX = 20_000
"""Positions read for one page of a filtered question, at most; the rest is for the next page."""

PAGE_BYTES = 8 * 1024 * 1024
"""Bytes of events on one page, at most; one event may be larger."""
CHUNK_BYTES = 256 * 1024
"""The same for what is read for a stream, which a slow follower keeps in memory."""
ARRIVAL_LOOKS, LOOK_SECONDS = 10, 0.1
"""How often, and how far apart, the head is looked at for an event that a follower has seen and that is not here."""

REACH = """CASE
    WHEN (SELECT sum(size) FROM event_index WHERE position > $1 AND position <= $1 + $2) <= $3 THEN $1 + $2
    ELSE (
        SELECT max(position) FROM (
            SELECT position, sum(size) OVER (ORDER BY position ROWS UNBOUNDED PRECEDING) - size AS size FROM (
                SELECT position, size FROM event_index WHERE position > $1 ORDER BY position LIMIT $2
            ) few
        ) sized WHERE size < $3
    ) END"""
"""The last position to read after `$1`: at most `$2` events, which begin within `$3` bytes as they are shown.

Bodies are not read for it.
"""
SHOWN = """event e JOIN event_index x ON x.position = e.position
    LEFT JOIN event t ON t.position = x.acts_on AND x.acts_on > 0"""
"""Events as they are shown: `e` itself, `x` its index, `t` the event with the text that a record acts on."""
_AT = "(SELECT recorded_at FROM event WHERE position = {position})"
_PAGE = f"""
SELECT h.position, {_AT.format(position="$1")}, NULL, e.position, e.recorded_at, e.body, e.recorded_by, e.acts_on
FROM head h LEFT JOIN (
    SELECT e.position, e.recorded_at, e.body, e.recorded_by, t.body AS acts_on FROM {SHOWN}
    WHERE e.position > $1 AND e.position <= {REACH} ORDER BY e.position LIMIT $2
) e ON h.id = 1 WHERE h.id = 1 ORDER BY e.position
"""
_FILTERED = f"""
SELECT h.position, {_AT.format(position="$1")}, CASE WHEN h.position < $4 THEN h.recorded_at
    ELSE {_AT.format(position="$4")} END, s.position, s.recorded_at, s.body, s.recorded_by, s.acts_on, s.tokens
FROM head h LEFT JOIN (
    SELECT e.position, e.recorded_at, e.body, e.recorded_by, t.body AS acts_on, x.tokens FROM (
        SELECT position, sum(size) OVER (ORDER BY position ROWS UNBOUNDED PRECEDING) - size AS size FROM (
            SELECT x.position, x.size FROM event_index x
            WHERE x.position > $1 AND x.position <= $4 AND {{where}}
            ORDER BY x.position LIMIT $2
        ) found
    ) sized CROSS JOIN {SHOWN} WHERE e.position = sized.position AND sized.size < $3
) s ON h.id = 1 WHERE h.id = 1 ORDER BY s.position
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


class EventFilter(NamedTuple):
    """Events that pass a filter and may have occurred in [from, to] (ordinals), up to a position."""

    passing: Passing = EVERYTHING
    occurred_from: int | None = None
    occurred_to: int | None = None
    until: int | None = None

    @property
    def all(self) -> bool:
        """Return whether every event up to there passes."""
        return self.passing is EVERYTHING and self.occurred_from is None and self.occurred_to is None


async def log_page(
    database: Database,
    after: Place,
    limit: int,
    wanted: EventFilter = EventFilter(),  # noqa: B008 - immutable
    size: int = PAGE_BYTES,
) -> LogPage:
    """Read up to `limit` events after a place, as long as they begin within `size` bytes; at least one.

    A filtered page may be short or empty before the end: `next` has then moved past the events that were read.
    An event that is not here yet is waited for: a standby shows a commit before its primary does. Raises OtherLog when
    the log has another event at the place.
    """
    page = await _looked_up(database, after, limit, wanted, size)
    if (page is None or after.position > page.head) and await _arrives(database.primary, after.position):
        page = await _looked_up(database, after, limit, wanted, size)
    if page is None:
        raise OtherLog(str(after), after.position)
    return page


async def _arrives(database: Database, position: int) -> bool:
    """Return whether the log has a position, or comes to have it."""
    for _ in range(ARRIVAL_LOOKS):
        if (await head_of(database)).position >= position:
            return True
        await asyncio.sleep(LOOK_SECONDS)
    return False


async def _looked_up(database: Database, after: Place, limit: int, wanted: EventFilter, size: int) -> LogPage | None:
    """Read a page; None when the log has another event at the place."""
    page: LogPage | None = None
    try:
        page = await _log_page(database, after, limit, wanted, size)
    except OtherLog:
        if database.primary is database:
            return None
    if page is not None and (database.primary is database or after.position <= page.head):
        return page
    ((instant,),) = await database.primary.fetch(f"SELECT {_AT.format(position='$1')}", after.position)
    try:
        place = after.check(instant)
    except OtherLog:
        return None
    return LogPage([], place, after.position) if page is None or instant is not None else page  # the copy is late


async def _log_page(database: Database, after: Place, limit: int, wanted: EventFilter, size: int) -> LogPage:
    if wanted.all:
        if wanted.until is not None:  # positions have no gaps
            limit = min(limit, max(wanted.until - after.position, 0))
        return _page(await database.fetch(_PAGE, after.position, limit, size), after)
    last = after.position + SCAN_MAX if wanted.until is None else min(after.position + SCAN_MAX, wanted.until)
    return _filtered_page(
        await _filtered(database, after.position, last, limit, size, wanted), after, last, limit, size, wanted
    )


async def _filtered(
    database: Database, after: int, last: int, limit: int, size: int, wanted: EventFilter
) -> Sequence[Row]:
    parameters: list[int | str] = [after, limit, size, last]
    where = ["x.position > 0"]

    def given(condition: str, value: int | str) -> str:
        parameters.append(value)
        return condition.format(f"${len(parameters)}")

    has = f"{database.dialect.found_at}(x.tokens, {{}}) > 0"
    where += [f"({' OR '.join([given(has, each) for each in group])})" for group in wanted.passing.groups]
    if wanted.occurred_from is not None:
        where.append(given("x.occurred_hi >= {}", wanted.occurred_from))
    if wanted.occurred_to is not None:
        where.append(given("x.occurred_lo <= {}", wanted.occurred_to))
    return await database.fetch_long(_FILTERED.format(where=" AND ".join(where)), *parameters)


def _page(rows: Sequence[Row], after: Place) -> LogPage:
    head, instant = rows[0][:2]
    place = after.check(instant)
    events = [Stored(*row[3:8]) for row in rows if row[3] is not None]
    return LogPage(events, events[-1].place if events else place, head)


def _filtered_page(rows: Sequence[Row], after: Place, last: int, limit: int, size: int, wanted: EventFilter) -> LogPage:
    """Keep the events that pass of those that may, and move past the others.

    The page was cut before the last position that was looked at where as many were found as it may have.
    """
    page = _page(rows, after)
    found = [row[3] for row in rows if row[3] is not None and not wanted.passing.passes(row[8])]
    left_out = frozenset(found)
    passed = page._replace(events=[event for event in page.events if event.position not in left_out])
    if len(page.events) == limit or sum([event.size for event in page.events]) >= size:
        return passed
    looked_at = min(last, page.head)
    return passed if looked_at <= page.next else passed._replace(place=Place(looked_at, rows[0][2]))
