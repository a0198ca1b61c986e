"""The feed: recorded events in position order, for services that follow; in pages, and as a whole."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import structlog
from litestar import Response
from litestar.enums import HttpMethod
from litestar.response import Stream
from msgspec import Meta

from service.access.keys import Role
from service.api.http import moments
from service.api.http.access import admit, client_of, key_of_request
from service.api.http.conditions import not_modified
from service.api.http.encodings import coding_of, compressing, form_of
from service.api.http.feed_headers import VARY, edition_of, page_headers
from service.api.http.outgoing import HeadOfStream
from service.api.http.parameters import (
    LIMIT_DEFAULT,
    Limit,
    OfEccns,
    OfEntity,
    OfGood,
    OfHsCodes,
    OfIssues,
    OfItems,
    OfParties,
    OfTypes,
    Since,
)
from service.api.http.problems import POSITION
from service.api.http.query_strings import BadQuery, Query
from service.api.http.requests import JSON, NO_STORE, AnyRequest, query_of, services_of
from service.api.spec import examples, follower_shapes
from service.api.spec.operations import AS_OF_HEADERS, Documented, Media, Operation, Route
from service.api.spec.recorded_shapes import AnyRecorded
from service.domain.errors import Fault, KnowledgeAhead, OtherLog, Unavailable
from service.eventlog.log import Place, lines, place_before
from service.feed.cloudevents import BATCH_MEDIA_TYPE, envelope, origin_of
from service.feed.filters import EventConditions, Passing, passing
from service.feed.pages import CHUNK_BYTES, EventFilter, LogPage, log_page
from service.storage.database import Lost
from service.tasks import quiet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from litestar.types import Receive

    from service.api.http.requests import Services
    from service.storage.database import Database

LINES = 500
"""Events that are read from the log at once for lines."""
NDJSON = "application/x-ndjson"
FOLLOWERS_MAX = 4_000
"""Clients that may follow one process at the same time, by stream or waiting; more are asked to come back."""
WAIT_MAX = 30
"""Seconds that a client may wait for the next event."""

logger = structlog.get_logger(__name__)

After = Annotated[
    str,
    Meta(
        pattern=moments.PLACE,
        description="Return events after this position; 0 is the beginning. With `@` and the `recorded_at` of the "
        "event there (`Feed-Place` of the page before, unchanged) it is refused where the log has another event.",
        examples=["20", "20@2025-06-10T12:00:00.000000Z"],
    ),
]


class FollowQuery(Query, frozen=True, kw_only=True):
    """The place to begin, and which events; conditions given together all hold."""

    after: After | None = None
    since: Since | None = None
    type: OfTypes | None = None
    issue: OfIssues | None = None
    item: OfItems | None = None
    party: OfParties | None = None
    good: OfGood | None = None
    entity: OfEntity | None = None
    hs: OfHsCodes | None = None
    eccn: OfEccns | None = None

    def faults(self) -> list[Fault]:
        """Refuse two places to begin."""
        both = self.after is not None and self.since is not None
        return [Fault(("since",), "not together with after")] if both else []

    async def place(self, services: Services) -> Place:
        """Return the place to begin after; raises KnowledgeAhead for an instant that is not past."""
        if self.since is None:
            return moments.place(self.after or "0")
        instant = moments.begun(self.since)
        if instant > services.clock():
            asked = f"since={self.since}"
            raise KnowledgeAhead(asked, (await services.heads.read()).position)
        return await place_before(services.database, instant)

    def passing(self) -> Passing:
        """Return the filter on events."""
        return passing(EventConditions.of(self))


class FeedQuery(FollowQuery, frozen=True, kw_only=True):
    """The place to begin, how many, which events, and how long to wait for the first."""

    limit: Annotated[
        Limit | None, Meta(description="At most so many; 50 on a page, and all of them as NDJSON, when absent.")
    ] = None
    wait: Annotated[
        int,
        Meta(
            ge=0,
            le=WAIT_MAX,
            description="Seconds to wait where no event follows yet; the answer comes as soon as one does.",
        ),
    ] = 0


async def _read_feed(request: AnyRequest) -> Response[Any]:
    """Read a page of the log, or all of it, in the form that the client accepts."""
    query = query_of(request, FeedQuery)
    form = form_of(request, JSON, NDJSON, BATCH_MEDIA_TYPE)
    if form == NDJSON:
        return await _whole(request, query)
    services = services_of(request)
    page = await _page(request, services, query)
    if form == JSON:
        events = b",".join([event.json() for event in page.events])
        body = b'{"events":[%s],"next":%d,"head":%d}' % (events, page.next, page.head)
    else:
        origin = origin_of(services.public_url, services.heads)
        body = b"[%s]" % b",".join([envelope(event, origin) for event in page.events])
    # After a place there is always the same: after a position alone the log may be another once it was set back.
    whole = len(page.events) == (query.limit or LIMIT_DEFAULT) and page.next < page.head
    headers = page_headers(request, page, form, frozen=whole and "@" in (query.after or ""))
    return not_modified(request, headers) or Response(body, media_type=form, headers=headers)


async def _page(request: AnyRequest, services: Services, query: FeedQuery) -> LogPage:
    """Read a page; where it is empty, wait for the next event as long as the query asks and the client stays."""
    wanted, limit = query.passing(), query.limit or LIMIT_DEFAULT
    place = await query.place(services)
    page = await log_page(services.database, place, limit, EventFilter(wanted))
    check_position(f"after={query.after}", place.position, page.head)
    if page.events or not query.wait:
        return page
    check_room(request)
    loop, tail = asyncio.get_running_loop(), services.tail
    until = loop.time() + query.wait
    gone = asyncio.create_task(left_by(request.receive), name="gone")
    try:
        with tail.following(), followed(request, gone.cancel):
            while not page.events and not tail.closed and not gone.done() and (left := until - loop.time()) > 0:
                await asyncio.wait([gone, tail.moved(page.next)], timeout=left, return_when=asyncio.FIRST_COMPLETED)
                more = tail.page(page.place, limit, wanted)
                if more is None:
                    more = await log_page(services.database, page.place, limit, EventFilter(wanted))
                page = more._replace(head=max(page.head, more.head))
    finally:
        gone.cancel()
    admit(request, Role.READER)  # its key may have ended during the wait
    return page


async def left_by(receive: Receive) -> None:
    """Wait until the client of a request has gone; what it still sends is not looked at."""
    while (await receive())["type"] != "http.disconnect":
        pass


def check_position(written: str, after: int, head: int) -> None:
    """Refuse a position beyond the head: a client who has read more than there is has followed another ledger."""
    if after > head:
        raise KnowledgeAhead(written, head)


@contextmanager
def followed(request: AnyRequest, leave: Callable[[], object]) -> Iterator[None]:
    """Count a follower for its client during the block; call `leave` when its key ends."""
    services = services_of(request)
    with services.clients.following(client_of(request)), services.keys.ending(key_of_request(request), leave):
        yield


def check_room(request: AnyRequest) -> None:
    """Refuse another follower where all, or its client, have as many as may be, or the process is stopping."""
    services = services_of(request)
    services.clients.check_room(client_of(request))
    if services.tail.closed or services.tail.followers >= FOLLOWERS_MAX:
        reason = "as many follow as there is room for"
        raise Unavailable(reason)


async def _whole(request: AnyRequest, query: FeedQuery) -> Response[Any]:
    """Stream the log from a position to the head as it is now; the last line says that it is whole."""
    if query.wait:
        raise BadQuery([Fault(("wait",), f"not with {NDJSON}, which ends at the head as it is now")])
    services = services_of(request)
    (_, after, head) = await log_page(services.database, await query.place(services), 0)
    check_position(f"after={query.after}", after.position, head)
    headers = {
        "Feed-Head": str(head),
        POSITION: str(head),
        **edition_of(services),
        "Cache-Control": NO_STORE,
        "Vary": VARY,
    }
    if request.method == HttpMethod.HEAD:
        return HeadOfStream(b"", media_type=NDJSON, headers=headers)
    lasts = partial(services.keys.lasts, key_of_request(request))
    lines = _lines(services.database, after, head, query.passing(), query.limit, lasts)
    if coding := coding_of(request):
        headers["Content-Encoding"] = coding
        lines = compressing(lines, coding)
    return Stream(lines, media_type=NDJSON, headers=headers)


async def _lines(
    database: Database, after: Place, until: int, passing: Passing, limit: int | None, lasts: Callable[[], bool]
) -> AsyncIterator[bytes]:
    """Yield the events after a position up to another, one JSON a line; then a line with the position reached.

    The next page is read while one is sent. Without the last line the stream was cut off, as it is where the log is set
    back during it, where the database is lost, or where the reader's key ends: `lasts` is asked before each page.
    """
    count, wanted = 0, EventFilter(passing, until=until)
    reading = _read(database, after, wanted, limit)
    try:
        while True:
            page = await reading
            if not lasts():
                return
            count += len(page.events)
            left = None if limit is None else limit - count
            more = page.next < until and left != 0
            if more:
                reading = _read(database, page.place, wanted, left)
                await asyncio.sleep(0)  # the next page is asked for before this one is written
            if page.events:
                yield lines(page.events)
            if not more:
                break
    except (OtherLog, Lost) as error:
        logger.warning("feed.cut_off", error=str(error))
        return
    finally:
        reading.cancel()
    yield b'{"end":true,"count":%d,"next":%d,"head":%d}\n' % (count, page.next, until)


def _read(database: Database, after: Place, wanted: EventFilter, left: int | None) -> asyncio.Task[LogPage]:
    limit = LINES if left is None else min(left, LINES)
    return quiet(asyncio.create_task(log_page(database, after, limit, wanted, CHUNK_BYTES), name="lines"))


_LINE = Media(NDJSON, (AnyRecorded, follower_shapes.FeedEnd), example=examples.FEED["events"][0])
_BATCH = Media(BATCH_MEDIA_TYPE, tuple[follower_shapes.CloudEvent, ...], example=[examples.CLOUD_EVENT])
ROUTES = [
    Route(
        Operation(
            method="GET", path="/v1/feed", operation_id="read_feed", tag="feed", summary="Read the feed",
            description="Recorded events in position order: without a gap, never reordered. A filtered page moves "
            "`next` past what it leaves out; a position is valid for ever, unless the log is set back, as to a backup: "
            "`Feed-Place`, sent as `after`, is then refused. With `wait` an empty page is delayed until something "
            "follows. `Accept: application/x-ndjson` streams all that is recorded when it is asked "
            "for, one event a line, and ends with a line `{end, count, next, head}`: without that it was cut off. "
            "`Accept: application/cloudevents-batch+json` gives a page as CloudEvents, with `next` and `head` in "
            "headers. A page has some 8 MB of events at most.",
            query=FeedQuery, example_query={"after": "0", "limit": 10}, headers=("If-None-Match",),
            answers={
                200: Documented(
                    "A page of the log.", follower_shapes.FeedPage, example=examples.FEED, also=(_LINE, _BATCH),
                    headers=("Feed-Next", "Feed-Place", "Feed-Head", "Feed-Ledger", "Feed-Epoch", *AS_OF_HEADERS),
                ),
                304: Documented("The client has this page.", headers=AS_OF_HEADERS),
            },
            problems=("knowledge-ahead", "other-log", "not-acceptable"),
        ),
        _read_feed,
    )
]  # fmt: skip
