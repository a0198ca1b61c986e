"""The application, with a bound on the bytes of the request bodies that it works on.

A large body waits for its place before it is read, first come, first served, and keeps it until the answer is made, so
also while its append is queued. What is not read costs little: uvicorn stops reading the connection at 64 KiB.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from service.api.http.requests import BODY_MAX
from service.domain.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Message = dict[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Application = Callable[[Any, Any, Any], Awaitable[None]]

PLACES_BYTES = 32 * 1024 * 1024
"""Bytes of all bodies that have a place."""
SMALL_MAX = 64 * 1024
"""Bytes that a body may have without a place."""
SMALL_BYTES = 32 * 1024 * 1024
"""Bytes of all bodies without a place that have arrived whole and are not answered."""
PLACE_SECONDS = 10.0
LINE_MAX = 256
"""Bodies that may wait for a place."""
BODILESS = frozenset(("GET", "HEAD"))
"""Methods whose bodies nobody reads."""


class Places:
    """The bytes that bodies may have in memory."""

    def __init__(self, seconds: float) -> None:
        """Begin with all of them free; a body waits for so many seconds at most."""
        self._seconds = seconds
        self._room = PLACES_BYTES
        self._line: deque[tuple[int, asyncio.Future[None]]] = deque()
        self.small = 0
        """Bytes of bodies that have arrived whole without a place."""

    async def take(self, size: int) -> None:
        """Wait for a place of `size` bytes; raises Unavailable when there is none in time."""
        if not self._line and size <= self._room:
            self._room -= size
            return
        if len(self._line) >= LINE_MAX:
            raise Unavailable(_FULL)
        waiting = (size, asyncio.get_running_loop().create_future())
        self._line.append(waiting)
        given = waiting[1]
        try:
            await asyncio.wait([given], timeout=self._seconds)
        except asyncio.CancelledError:
            if given.done():
                self.free(size)
            raise
        finally:
            if not given.done():
                self._line.remove(waiting)
                self._next()
        if not given.done():
            raise Unavailable(_FULL)

    def free(self, size: int) -> None:
        """Free a place; others may have it."""
        self._room += size
        self._next()

    def _next(self) -> None:
        while self._line and self._line[0][0] <= self._room:
            size, given = self._line.popleft()
            self._room -= size
            given.set_result(None)


_FULL = "too many large bodies at once"


class _Body:
    """The body of one request as the application receives it."""

    __slots__ = ("_awaited", "_place", "_places", "_receive", "_size", "_small")

    def __init__(self, places: Places, receive: Receive, announced: int | None) -> None:
        """`announced` is its Content-Length; None if it has none."""
        self._places, self._receive = places, receive
        large = announced is not None and announced > SMALL_MAX
        self._awaited = min(announced or 0, BODY_MAX) if large else 0
        self._place = self._small = self._size = 0

    async def receive(self) -> Message:
        """Return the next message, once there is a place for it; raises Unavailable if there is none in time."""
        if self._awaited:
            await self._places.take(self._awaited)
            self._place, self._awaited = self._awaited, 0
        message = await self._receive()
        if not self._place and message["type"] == "http.request":
            self._count(message)
        return message

    def _count(self, message: Message) -> None:
        self._size += len(message["body"])
        if not message["more_body"]:
            if self._places.small + self._size > SMALL_BYTES:
                raise Unavailable(_FULL)
            self._places.small += self._size
            self._small = self._size
        elif self._size > SMALL_MAX:  # without a Content-Length
            self._awaited = BODY_MAX

    def answered(self) -> None:
        """Free what it has."""
        self._places.small -= self._small
        if self._place:
            self._places.free(self._place)


class Bodies:
    """An application with a bound on the bytes of the bodies that it works on."""

    def __init__(self, app: Application, stall_seconds: float) -> None:
        """Answer by `app`; a body may take so many seconds to arrive, a third of it for its place."""
        self._app = app
        self._places = Places(min(PLACE_SECONDS, stall_seconds / 3))

    def __call__(self, scope: dict[str, Any], receive: Receive, send: object) -> Awaitable[None]:
        """Answer a request."""
        if scope["type"] != "http" or scope["method"] in BODILESS:
            return self._app(scope, receive, send)
        return self._with_body(scope, receive, send)

    async def _with_body(self, scope: dict[str, Any], receive: Receive, send: object) -> None:
        body = _Body(self._places, receive, _announced(scope["headers"]))
        try:
            await self._app(scope, body.receive, send)
        finally:
            body.answered()


def _announced(headers: list[tuple[bytes, bytes]]) -> int | None:
    return next((int(value) for name, value in headers if name == b"content-length"), None)
