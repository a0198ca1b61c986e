"""The feed: recorded events in position order, for services that follow; in pages, as a whole, and live."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

from litestar import Response
from litestar.enums import HttpMethod
from litestar.response import Stream
from msgspec import Meta

from service.api import streams
from service.api.encodings import WORTH_BYTES, coding_of, compressed, compressing, form_of
from service.api.events import EventType, OfGood, OfIssue, OfParty
from service.api.queries import LIMIT_DEFAULT, POSITION_MAX, BadQuery, Limit, Query
from service.api.wire import JSON, NO_STORE, REVALIDATE, AnyRequest, query_of, services
from service.cloudevents import BATCH_MEDIA_TYPE, envelope
from service.domain.errors import Fault, KnowledgeAhead, Unavailable
from service.feed import pages

if TYPE_CHECKING:
    from typing import Any

    from service.api.wire import Services

NDJSON = "application/x-ndjson"
FOLLOWERS_MAX = 4_000
"""Clients that may follow one process at the same time, by stream or waiting; more are told to come back."""
WAIT_MAX = 30
"""Seconds that a client may wait for what follows."""
VARY = "Accept, Accept-Encoding"

After = Annotated[
    int, Meta(ge=0, le=POSITION_MAX, description="Read the events behind this position; 0 is the beginning.")
]


class Followed(Query, frozen=True, kw_only=True):
    """From where on, and which events; conditions given together all hold."""

    after: After = 0
    type: EventType | None = None
    issue: OfIssue | None = None
    party: OfParty | None = None
    good: OfGood | None = None

    def tokens(self) -> tuple[str, ...]:
        """Give the tokens that an event must have."""
        return pages.tokens_of(type=self.type, issue=self.issue, party=self.party, good=self.good)


class FeedQuery(Followed, frozen=True, kw_only=True):
    """Where to read on, how much, which events, and how long to wait for the first."""

    limit: Annotated[
        Limit | None, Meta(description="At most so many; 50 on a page, and all of them as NDJSON, when absent.")
    ] = None
    wait: Annotated[
        int,
        Meta(
            ge=0,
            le=WAIT_MAX,
            description="Seconds to wait where nothing follows yet; answered as soon as something does.",
        ),
    ] = 0


async def read_feed(request: AnyRequest) -> Response[Any]:
    """Read a page of the log, or all of it, in the form that the client accepts."""
    asked = query_of(request, FeedQuery)
    form = form_of(request, JSON, NDJSON, BATCH_MEDIA_TYPE)
    if form == NDJSON:
        return await _whole(request, asked)
    held = services(request)
    page = await _page(held, asked)
    if form == JSON:
        events = b",".join([event.json() for event in page.events])
        body = b'{"events":[%s],"next":%d,"head":%d}' % (events, page.next, page.head)
    else:
        body = b"[%s]" % b",".join([envelope(event, held.public_url) for event in page.events])
    headers = {"Feed-Next": str(page.next), "Feed-Head": str(page.head), "Cache-Control": REVALIDATE, "Vary": VARY}
    if len(body) >= WORTH_BYTES and (coding := coding_of(request)):
        headers["Content-Encoding"] = coding
        body = await compressed(body, coding)
    return Response(body, media_type=form, headers=headers)


async def _page(held: Services, asked: FeedQuery) -> pages.Page:
    """Read a page; where it is empty, wait for what follows as long as is asked for."""
    tokens, limit = asked.tokens(), asked.limit or LIMIT_DEFAULT
    page = await pages.page(held.database, asked.after, limit, pages.Filter(tokens))
    _check_behind(f"after={asked.after}", asked.after, page.head)
    if page.events or not asked.wait:
        return page
    _check_room(held)
    loop, tail = asyncio.get_running_loop(), held.tail
    until = loop.time() + asked.wait
    with tail.following():
        while not page.events and not tail.closed and (left := until - loop.time()) > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(tail.moved(page.next), left)
            more = tail.page(page.next, limit, tokens)
            if more is None:
                more = await pages.page(held.database, page.next, limit, pages.Filter(tokens))
            page = more._replace(head=max(page.head, more.head))
    return page


def _check_behind(written: str, after: int, head: int) -> None:
    """Refuse to go on behind what is not there: who has seen more than there is has followed another ledger."""
    if after > head:
        raise KnowledgeAhead(written, head)


def _check_room(held: Services) -> None:
    if held.tail.closed or held.tail.followers >= FOLLOWERS_MAX:
        reason = "as many follow as there is room for"
        raise Unavailable(reason)


async def _whole(request: AnyRequest, asked: FeedQuery) -> Response[Any]:
    """Stream the log from a position to the head as it is now; the last line says that it is whole."""
    if asked.wait:
        raise BadQuery([Fault(("wait",), f"not with {NDJSON}, which ends at the head as it is now")])
    held = services(request)
    head = (await held.heads.read()).position
    _check_behind(f"after={asked.after}", asked.after, head)
    headers = {"Feed-Head": str(head), "Cache-Control": NO_STORE, "Vary": VARY}
    if request.method == HttpMethod.HEAD:
        return Response(b"", media_type=NDJSON, headers=headers)
    lines = streams.lines(held.database, asked.after, head, asked.tokens(), asked.limit)
    if coding := coding_of(request):
        headers["Content-Encoding"] = coding
        lines = compressing(lines, coding)
    return Stream(lines, media_type=NDJSON, headers=headers)


async def stream_feed(request: AnyRequest) -> Response[Any]:
    """Follow the log live as server-sent events."""
    asked = query_of(request, Followed)
    form_of(request, streams.EVENT_STREAM)
    held = services(request)
    _check_room(held)
    after = streams.resumed(request.headers.get("last-event-id"), asked.after)
    _check_behind(f"position {after}", after, (await held.heads.read()).position)
    if request.method == HttpMethod.HEAD:
        return Response(b"", media_type=streams.EVENT_STREAM, headers=streams.HEADERS)
    return streams.EventStream(held.database, held.tail, after, asked.tokens())
