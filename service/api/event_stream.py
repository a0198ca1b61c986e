"""The feed live: server-sent events, resumed by the position of the last one (WHATWG HTML, 9.2)."""

from __future__ import annotations

import asyncio
import re
import types
from typing import TYPE_CHECKING, Any

from litestar import Response
from litestar.enums import HttpMethod
from litestar.response.base import ASGIResponse

from service.api.feed import FollowQuery, check_position, check_room
from service.api.http.encodings import form_of
from service.api.http.moments import POSITION_MAX
from service.api.http.problems import BadRequest
from service.api.http.requests import NO_STORE, AnyRequest, query_of, services_of
from service.api.spec import examples
from service.api.spec.operations import Documented, Operation, Route
from service.feed.live import block
from service.feed.pages import EventFilter, log_page

if TYPE_CHECKING:
    from collections.abc import Awaitable, Generator, Iterator, Sequence

    from litestar.types import HTTPResponseBodyEvent, Receive, Send

    from service.feed.live import Tail
    from service.storage.database import Database

CHUNK = 200
"""Events that a follower is sent at once: so many a slow one keeps in memory."""
HEARTBEAT_SECONDS = 14.0
"""After so long without an event a follower gets a sign of life."""
EVENT_STREAM = "text/event-stream"
HEADERS = {"Cache-Control": NO_STORE, "X-Accel-Buffering": "no"}
"""A proxy is to keep nothing and to hold nothing back."""
RETRY = b"retry: 3000\n\n"
"""Milliseconds after which a client comes back when the stream has broken off."""

_POSITION = re.compile(r"[0-9]{1,16}", re.ASCII)


def resumed(last_event_id: str | None, after: int) -> int:
    """Return the position after which a stream goes on: the last event that the client has seen wins over `after`."""
    if not last_event_id:
        return after
    if not _POSITION.fullmatch(last_event_id) or int(last_event_id) > POSITION_MAX:
        detail = f"Last-Event-ID is a position, not {last_event_id[:40]}."
        raise BadRequest(detail)
    return int(last_event_id)


class EventStream(Response[bytes]):
    """The events after a position as an event stream, then new ones, until the client goes."""

    def __init__(self, database: Database, tail: Tail, after: int, tokens: Sequence[str]) -> None:
        """`tokens` are what an event must have."""
        super().__init__(b"", media_type=EVENT_STREAM, headers=HEADERS)
        self._follower = Follower(database, tail, after, tokens)

    def to_asgi_response(self, *_: Any, **__: Any) -> ASGIResponse:  # noqa: ANN401 - Litestar's own
        """Return the response that sends it."""
        return _StreamSent(self._follower, headers=self.headers, media_type=self.media_type)


class _StreamSent(ASGIResponse):
    """Sends block by block."""

    _should_set_content_length = False

    def __init__(self, follower: Follower, **given: Any) -> None:  # noqa: ANN401 - Litestar's own
        super().__init__(**given)
        self._follower = follower

    async def send_body(self, send: Send, receive: Receive) -> None:
        """Send until the client goes or the process stops."""
        watching = asyncio.create_task(self._watch(receive), name="watch")
        try:
            await self._follower.follow(send)
        finally:
            watching.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._follower.gone = True


class Follower:
    """A follower of the log: a position and the tokens of its filter, and nothing else that would take memory.

    At the end of the log all followers share one reader, which calls `_push` of each of them: no task is woken while
    the client reads. At 1,000 clients each step there is taken 1,000 times an event.
    """

    __slots__ = ("_after", "_clock", "_database", "_rest", "_send", "_sent_at", "_tail", "_tokens", "gone")

    def __init__(self, database: Database, tail: Tail, after: int, tokens: Sequence[str]) -> None:
        """`gone` is set when nobody reads any more."""
        self._database, self._tail, self._after, self._tokens = database, tail, after, tokens
        self._clock = asyncio.get_running_loop().time
        self._sent_at = self._clock()
        self._rest: Awaitable[None] | None = None
        self.gone = False

    async def follow(self, send: Send) -> None:
        """Send the events after the position page by page, then new ones; a heartbeat now and then."""
        self._send = send
        await send(_message(RETRY))
        with self._tail.following():
            while not self._tail.closed and not self.gone:
                found = self._tail.blocks(self._after, CHUNK, self._tokens) or await self._read()
                if written := self._written(*found):
                    await send(_message(written))
                await self._tail.moved(self._after, self._push)
                if self._rest is not None:
                    await self._rest
                    self._rest = None

    def _push(self) -> bool:
        """Send new events; return false when that cannot be done at once, and the task has to go on."""
        tail = self._tail
        found = None if tail.closed or self.gone else tail.blocks(self._after, CHUNK, self._tokens)
        if found is None:
            return False
        if written := self._written(*found):
            sending = self._send(_message(written)).__await__()
            try:
                blocked = next(sending)
            except StopIteration:  # sent
                pass
            else:
                self._rest = _resumed(sending, blocked)
                return False
        return self._after >= tail.head

    async def _read(self) -> tuple[bytes, int]:
        page = await log_page(self._database, self._after, CHUNK, EventFilter(tuple(self._tokens)))
        return b"".join([block(event) for event in page.events]), page.next

    def _written(self, written: bytes, reached: int) -> bytes:
        """Move on, and return the bytes to send: the events, or a heartbeat when it is time for one.

        It carries the position reached, so that a client whose filter lets little through comes back after all the
        events that were read.
        """
        self._after = reached
        now = self._clock()
        if not written and now - self._sent_at >= HEARTBEAT_SECONDS:
            written = b"id: %d\n: alive\n\n" % reached
        if written:
            self._sent_at = now
        return written


def _message(written: bytes) -> HTTPResponseBodyEvent:
    return {"type": "http.response.body", "body": written, "more_body": True}


@types.coroutine
def _resumed(sending: Iterator[Any], blocked: object) -> Generator[Any, Any, None]:
    """Go on in a task with a send that was begun outside of one."""
    yield blocked
    yield from sending


async def _stream_feed(request: AnyRequest) -> Response[Any]:
    """Follow the log live as server-sent events."""
    query = query_of(request, FollowQuery)
    form_of(request, EVENT_STREAM)
    services = services_of(request)
    check_room(services)
    after = resumed(request.headers.get("last-event-id"), query.after)
    check_position(f"position {after}", after, (await services.heads.read()).position)
    if request.method == HttpMethod.HEAD:
        return Response(b"", media_type=EVENT_STREAM, headers=HEADERS)
    return EventStream(services.database, services.tail, after, query.tokens())


ROUTES = [
    Route(
        Operation(
            method="GET", path="/v1/feed/stream", operation_id="stream_feed", tag="feed",
            summary="Follow the feed live",
            description="Server-sent events: each event of the feed as a message whose id is its position, after "
            "`Last-Event-ID` or `after`, without a gap. A stream that breaks off is resumed by its last "
            "id. A heartbeat comes at least every half minute, with the position reached.",
            query=FollowQuery, headers=("Last-Event-ID",),
            answers={200: Documented("The log from there on.", None, EVENT_STREAM, example=examples.EVENT_STREAM)},
            problems=("knowledge-ahead", "not-acceptable", "bad-request"),
        ),
        _stream_feed,
    )
]  # fmt: skip
