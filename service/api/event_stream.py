"""The feed live: server-sent events, resumed by the position or the place of the last one (WHATWG HTML, 9.2)."""

from __future__ import annotations

import asyncio
import re
import types
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, Literal

import structlog
from litestar import Response
from litestar.enums import HttpMethod
from litestar.response.base import ASGIResponse
from msgspec import Meta

from service.api.feed import FollowQuery, check_position, check_room, followed, left_by
from service.api.http import moments
from service.api.http.encodings import form_of
from service.api.http.feed_headers import edition_of
from service.api.http.outgoing import HeadOfStream
from service.api.http.problems import BadRequest
from service.api.http.requests import NO_STORE, AnyRequest, encode, field_of, query_of, services_of
from service.api.spec import examples
from service.api.spec.follower_shapes import StreamSetBack
from service.api.spec.operations import Documented, Operation, Route
from service.api.spec.recorded_shapes import AnyRecorded
from service.domain.errors import OtherLog
from service.feed.pages import CHUNK_BYTES, EventFilter, log_page
from service.feed.recent import block
from service.storage.database import Lost

if TYPE_CHECKING:
    from collections.abc import Awaitable, Generator, Iterator
    from contextlib import AbstractContextManager

    from litestar.types import HTTPResponseBodyEvent, Receive, Send

    from service.eventlog.log import Place
    from service.feed.filters import Passing
    from service.feed.live import Tail
    from service.storage.database import Database

logger = structlog.get_logger(__name__)
CHUNK = 200
"""Events that a follower is sent at once, at most; also at most CHUNK_BYTES, which a slow one keeps in memory twice."""
HEARTBEAT_SECONDS = 14.0
"""After so long without an event a follower gets a sign of life."""
EVENT_STREAM = "text/event-stream"
HEADERS = {"Cache-Control": NO_STORE, "X-Accel-Buffering": "no"}
"""A proxy is to keep nothing and to hold nothing back."""
RETRY = b"retry: 3000\n\n"
"""Milliseconds after which a client comes back when the stream has broken off."""

_PLACE = re.compile(moments.PLACE, re.ASCII)
_SET_BACK = b'id: %s\nevent: set-back\ndata: {"type":"/problems/other-log","detail":%s}\n\n'
"""The end of a stream whose log was set back. Its id is the place reached, so that coming back with it is refused."""


class StreamQuery(FollowQuery, frozen=True, kw_only=True):
    """The place to begin, which events, and what the ids of the messages are."""

    ids: Annotated[
        Literal["position", "place"],
        Meta(
            description="The id of a message: the position of its event, or its place, `position@recorded_at`. A "
            "client that comes back with a place is refused if the log was set back."
        ),
    ] = "position"


def resumed(last_event_id: str | None, after: Place) -> Place:
    """Return the place after which a stream goes on: the last event that the client has seen wins over `after`."""
    if not last_event_id:
        return after
    if _PLACE.fullmatch(last_event_id):
        with suppress(ValueError):
            return moments.place(last_event_id)
    detail = f"Last-Event-ID is a position or a place, not {last_event_id[:60]}."
    raise BadRequest(detail)


class EventStream(Response[bytes]):
    """The events after a position as an event stream, then new ones, until the client goes."""

    def __init__(self, follower: Follower, headers: dict[str, str], until: AbstractContextManager[None]) -> None:
        """`follower` has yet to begin; it is sent to within `until`, which makes it leave once its key has ended."""
        super().__init__(b"", media_type=EVENT_STREAM, headers=headers)
        self._follower, self._until = follower, until

    def to_asgi_response(self, *_: Any, **__: Any) -> ASGIResponse:  # noqa: ANN401 - Litestar's own
        """Return the response that sends it."""
        return _StreamSent(self._follower, self._until, headers=self.headers, media_type=self.media_type)


class _StreamSent(ASGIResponse):
    """Sends block by block."""

    _should_set_content_length = False

    def __init__(self, follower: Follower, until: AbstractContextManager[None], **given: Any) -> None:  # noqa: ANN401
        super().__init__(**given)
        self._follower, self._until = follower, until

    async def send_body(self, send: Send, receive: Receive) -> None:
        """Send until the client goes or the process stops."""
        watching = asyncio.create_task(self._watch(receive), name="watch")
        try:
            with self._until:
                await self._follower.follow(send)
        finally:
            watching.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _watch(self, receive: Receive) -> None:
        await left_by(receive)
        self._follower.leave()


class Follower:
    """A follower of the log: a place and its filter, and nothing else that would take memory.

    At the end of the log all followers share one reader, which calls `_push` of each of them: no task is woken while
    the client reads. At 1,000 clients each step there is taken 1,000 times an event.
    """

    __slots__ = (
        *("_after", "_clock", "_database", "_gone", "_places", "_rest", "_send", "_sent_at", "_tail", "_wanted"),
        "_woken",
    )

    def __init__(self, database: Database, tail: Tail, after: Place, wanted: Passing, *, places: bool = False) -> None:
        """`wanted` is the filter on events; with `places` the ids of messages are places."""
        self._database, self._tail, self._after, self._wanted = database, tail, after, wanted
        self._places = places
        self._clock = asyncio.get_running_loop().time
        self._sent_at = self._clock()
        self._rest: Awaitable[None] | None = None
        self._woken: asyncio.Future[None] | None = None
        self._gone = False

    def leave(self) -> None:
        """End: nobody reads any more."""
        self._gone = True
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)

    async def follow(self, send: Send) -> None:
        """Send the events after the place page by page, then new ones; a heartbeat now and then.

        Where the log was set back, so that the place is not in it, a message says so and is the last. Where the
        database is lost, the stream ends: the client comes back to where it was.
        """
        self._send = send
        await send(_message(RETRY))
        try:
            with self._tail.following():
                await self._go_on()
        except OtherLog as error:
            await send(_message(_SET_BACK % (str(self._after).encode(), encode(str(error)))))
        except Lost as error:
            logger.warning("feed.cut_off", error=str(error))

    async def _go_on(self) -> None:
        while not self._tail.closed:
            if written := self._written(*(self._blocks() or await self._read())):
                await self._send(_message(written))
            if self._gone:  # perhaps just now, when there was nothing to wake
                return
            self._woken = self._tail.moved(self._after.position, self._push)
            await self._woken
            if self._rest is not None:
                await self._rest
                self._rest = None

    def _push(self) -> bool:
        """Send new events; return false when that cannot be done at once, and the task has to go on."""
        found = None if self._tail.closed or self._gone else self._blocks()
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
        return self._after.position >= self._tail.head

    def _blocks(self) -> tuple[bytes, Place] | None:
        return self._tail.blocks(self._after, CHUNK, self._wanted, self._places)

    async def _read(self) -> tuple[bytes, Place]:
        await asyncio.sleep(0)  # where a read runs at once, and the client takes all, others have their turn
        page = await log_page(self._database, self._after, CHUNK, EventFilter(self._wanted), CHUNK_BYTES)
        return b"".join([block(event, self._places) for event in page.events]), page.place

    def _written(self, written: bytes, reached: Place) -> bytes:
        """Move on, and return the bytes to send: the events, or a heartbeat when it is time for one.

        Its id is the position or the place reached, so that a client whose filter lets little through comes back after
        all the events that were read.
        """
        self._after = reached
        now = self._clock()
        if not written and now - self._sent_at >= HEARTBEAT_SECONDS:
            written = b"id: %s\n: alive\n\n" % str(reached if self._places else reached.position).encode()
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
    query = query_of(request, StreamQuery)
    form_of(request, EVENT_STREAM)
    services = services_of(request)
    check_room(request)
    place = resumed(field_of(request, b"last-event-id"), await query.place(services))
    (_, after, head) = await log_page(services.database, place, 0)
    check_position(f"position {after}", after.position, head)
    headers = HEADERS | edition_of(services)
    if request.method == HttpMethod.HEAD:
        return HeadOfStream(b"", media_type=f"{EVENT_STREAM}; charset=utf-8", headers=headers)
    follower = Follower(services.database, services.tail, after, query.passing(), places=query.ids == "place")
    return EventStream(follower, headers, followed(request, follower.leave))


ROUTES = [
    Route(
        Operation(
            method="GET", path="/v1/feed/stream", operation_id="stream_feed", tag="feed",
            summary="Follow the feed live",
            description="Server-sent events: each event of the feed as a message whose id is its position, after "
            "`Last-Event-ID` or `after`, without a gap. A stream that breaks off is resumed by its last "
            "id. A heartbeat comes at least every half minute, with the position reached. If the log is set back, as "
            "to a backup, a message `set-back` ends the streams that had gone further.",
            query=StreamQuery, example_query={"after": "0"}, headers=("Last-Event-ID",),
            answers={
                200: Documented(
                    "The log from there on; the schema is that of the data of one message.",
                    (AnyRecorded, StreamSetBack), EVENT_STREAM, example=examples.RECORDED,
                    headers=("Feed-Ledger", "Feed-Epoch"),
                )
            },
            problems=("knowledge-ahead", "other-log", "not-acceptable", "bad-request"),
        ),
        _stream_feed,
    )
]  # fmt: skip
