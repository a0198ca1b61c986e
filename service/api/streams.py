"""The log in chunks: all of it as lines of JSON, and live as server-sent events."""

from __future__ import annotations

import asyncio
import re
import types
from typing import TYPE_CHECKING, Any

from litestar import Response
from litestar.response.base import ASGIResponse

from service import eventlog
from service.api.problems import BadRequest
from service.api.queries import POSITION_MAX
from service.api.wire import NO_STORE
from service.feed import pages
from service.feed.tail import block

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Generator, Iterator, Sequence

    from litestar.types import HTTPResponseBodyEvent, Receive, Send

    from service.feed.tail import Tail
    from service.storage.database import Database

CHUNK = 200
"""Events that a follower is sent at once: what a slow one holds."""
LINES = 500
"""Events that are read from the log at once for lines."""
HEARTBEAT_SECONDS = 14.0
"""After so long without a word a follower is told that the stream is alive."""
EVENT_STREAM = "text/event-stream"
HEADERS = {"Cache-Control": NO_STORE, "X-Accel-Buffering": "no"}
"""A proxy is to keep nothing and to hold nothing back."""
RETRY = b"retry: 3000\n\n"
"""Milliseconds after which a client comes back when the stream has broken off."""

_POSITION = re.compile(r"[0-9]{1,16}", re.ASCII)


async def lines(
    database: Database, after: int, until: int, tokens: Sequence[str], limit: int | None
) -> AsyncIterator[bytes]:
    """Write the events behind a position up to another, one JSON a line; then a line that says how far it came.

    The next page is read while one is sent. Without the last line the stream was cut off.
    """
    count, wanted = 0, pages.Filter(tuple(tokens), until=until)
    reading = _read(database, after, wanted, limit)
    try:
        while True:
            page = await reading
            count += len(page.events)
            left = None if limit is None else limit - count
            more = page.next < until and left != 0
            if more:
                reading = _read(database, page.next, wanted, left)
                await asyncio.sleep(0)  # the database is asked before what it gave is written
            if page.events:
                yield eventlog.lines(page.events)
            if not more:
                break
    finally:
        reading.cancel()
    yield b'{"end":true,"count":%d,"next":%d,"head":%d}\n' % (count, page.next, until)


def _read(database: Database, after: int, wanted: pages.Filter, left: int | None) -> asyncio.Task[pages.Page]:
    limit = LINES if left is None else min(left, LINES)
    return asyncio.create_task(pages.page(database, after, limit, wanted), name="lines")


def resumed(last_event_id: str | None, after: int) -> int:
    """Give the position behind which a stream goes on: what the client has seen wins over where it began."""
    if not last_event_id:
        return after
    if not _POSITION.fullmatch(last_event_id) or int(last_event_id) > POSITION_MAX:
        detail = f"Last-Event-ID is a position, not {last_event_id[:40]}."
        raise BadRequest(detail)
    return int(last_event_id)


class EventStream(Response[bytes]):
    """The events behind a position as an event stream, then what is recorded, until the client goes."""

    def __init__(self, database: Database, tail: Tail, after: int, tokens: Sequence[str]) -> None:
        """`tokens` are what an event must have."""
        super().__init__(b"", media_type=EVENT_STREAM, headers=HEADERS)
        self._follower = Follower(database, tail, after, tokens)

    def to_asgi_response(self, *_: Any, **__: Any) -> ASGIResponse:  # noqa: ANN401 - Litestar's own
        """Give what sends it."""
        return _Sent(self._follower, headers=self.headers, media_type=self.media_type)


class _Sent(ASGIResponse):
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
    """Somebody who follows the log: a position and what is wanted, and nothing else that would take memory.

    At the end of the log all followers share one reader, which has each of them `_push` what it read: no task is woken
    while the client takes what it is sent. At 1,000 clients each step there is taken 1,000 times an event.
    """

    __slots__ = ("_after", "_clock", "_database", "_rest", "_send", "_spoke", "_tail", "_tokens", "gone")

    def __init__(self, database: Database, tail: Tail, after: int, tokens: Sequence[str]) -> None:
        """`gone` is set when nobody reads any more."""
        self._database, self._tail, self._after, self._tokens = database, tail, after, tokens
        self._clock = asyncio.get_running_loop().time
        self._spoke = self._clock()
        self._rest: Awaitable[None] | None = None
        self.gone = False

    async def follow(self, send: Send) -> None:
        """Send what lies behind the position page by page, and then what is recorded; a heartbeat now and then."""
        self._send = send
        await send(_message(RETRY))
        with self._tail.following():
            while not self._tail.closed and not self.gone:
                found = self._tail.blocks(self._after, CHUNK, self._tokens) or await self._read()
                if said := self._said(*found):
                    await send(_message(said))
                await self._tail.moved(self._after, self._push)
                if self._rest is not None:
                    await self._rest
                    self._rest = None

    def _push(self) -> bool:
        """Send what was recorded since; false when that cannot be done at once, and the task has to go on."""
        tail = self._tail
        found = None if tail.closed or self.gone else tail.blocks(self._after, CHUNK, self._tokens)
        if found is None:
            return False
        if said := self._said(*found):
            sending = self._send(_message(said)).__await__()
            try:
                blocked = next(sending)
            except StopIteration:  # sent
                pass
            else:
                self._rest = _resumed(sending, blocked)
                return False
        return self._after >= tail.head

    async def _read(self) -> tuple[bytes, int]:
        page = await pages.page(self._database, self._after, CHUNK, pages.Filter(tuple(self._tokens)))
        return b"".join([block(event) for event in page.events]), page.next

    def _said(self, written: bytes, reached: int) -> bytes:
        """Move on, and give what to send: what is written, or a heartbeat when it is time for one.

        It carries the position reached, so that a client whose filter lets little through comes back behind all that
        was looked at.
        """
        self._after = reached
        now = self._clock()
        if not written and now - self._spoke >= HEARTBEAT_SECONDS:
            written = b"id: %d\n: alive\n\n" % reached
        if written:
            self._spoke = now
        return written


def _message(written: bytes) -> HTTPResponseBodyEvent:
    return {"type": "http.response.body", "body": written, "more_body": True}


@types.coroutine
def _resumed(sending: Iterator[Any], blocked: object) -> Generator[Any, Any, None]:
    """Go on in a task with what was begun outside of one, and waits for something."""
    yield blocked
    yield from sending
