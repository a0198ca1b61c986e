"""The link of a process to the one that writes: it sends its clients' appends there, and hands back the answers."""

from __future__ import annotations

import asyncio
import hmac
from typing import TYPE_CHECKING

import msgspec

from service.append.request import AppendResult
from service.domain.errors import Refused, Unavailable
from service.writer.frames import NONCE, PING, Frames, append_of, proof, read_reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.append.request import Request

CONNECT_SECONDS = 2.0
"""How long a connection and its greeting may take."""
PINGS_MAX = 6
"""Pings that may stay unanswered while answers are owed; then the writer counts as gone."""


class NoLink(Exception):  # noqa: N818 - a condition: the process records itself then
    """The writer cannot be reached, or does not know the secret of the lease."""


class Link(Frames):
    """A connection to the writer; it is ready once both have proved that they know the secret."""

    def __init__(
        self,
        secret: str,
        nonce: bytes,
        answered: Callable[[int, AppendResult | Exception], object],
        orphaned: Callable[[Request], object],
    ) -> None:
        """Each outcome goes to `answered`, with the epoch; each request whose answer will not come to `orphaned`."""
        super().__init__()
        self.secret, self._mine, self._theirs = secret, nonce, b""
        self._answered, self._orphaned = answered, orphaned
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sent: dict[int, Request] = {}
        self._number = self._pings = 0

    @property
    def is_ready(self) -> bool:
        """Return whether appends can be sent."""
        return self._ready.done() and not self._is_closing() and self._ready.exception() is None

    @property
    def owed(self) -> int:
        """Return how many answers are owed."""
        return len(self._sent)

    async def open(self, address: str) -> None:
        """Connect to an address (host:port); raises NoLink."""
        host, _, port = address.rpartition(":")
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await asyncio.get_running_loop().create_connection(lambda: self, host.strip("[]"), int(port))
                await asyncio.shield(self._ready)
        except (OSError, ValueError, TimeoutError) as error:
            self.break_off()
            raise NoLink(str(error) or "it does not answer") from error

    def send_append(self, request: Request) -> None:
        """Send a request: its answer is its outcome, or it is orphaned."""
        self._number += 1
        self._sent[self._number] = request
        self.send(append_of(self._number, request))

    def tick(self) -> None:
        """Ask for a sign of life while answers are owed: call it every half second."""
        if not self._sent:
            self._pings = 0
        elif self._pings == PINGS_MAX:
            self.break_off()
        else:
            self._pings += 1
            self.send(PING)

    def received(self, frame: bytes) -> None:
        """Take a greeting, a sign of life or an answer."""
        if not self._ready.done():
            self._greet(frame)
        elif frame == PING:
            self._pings = 0
        else:
            self._take(*read_reply(frame))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - as asyncio calls it
        """Orphan what has no answer."""
        if not self._ready.done():
            self._ready.set_exception(ConnectionError("it ended the connection"))
            self._ready.exception()  # it may be that nobody waits any more
        sent, self._sent = self._sent, {}
        for request in sent.values():
            self._orphaned(request)

    def _greet(self, frame: bytes) -> None:
        if not self._theirs:
            if len(frame) != NONCE:
                msg = "no nonce"
                raise msgspec.DecodeError(msg)
            self._theirs = frame
            self.send(self._mine + proof(self.secret, b"link", frame, self._mine))
        elif hmac.compare_digest(frame, proof(self.secret, b"door", self._mine, self._theirs)):
            self._ready.set_result(None)
        else:
            msg = "no proof"
            raise msgspec.DecodeError(msg)

    def _take(self, number: int, epoch: int, outcome: AppendResult | Exception) -> None:
        request = self._sent.pop(number, None)
        if request is None:
            return
        self._answered(epoch, outcome)
        if isinstance(outcome, AppendResult | Refused):
            request.outcome = outcome
            request.resolve()
        elif not request.answer.done():
            request.answer.set_exception(outcome if isinstance(outcome, Unavailable) else Unavailable(str(outcome)))

    def _is_closing(self) -> bool:
        return self.transport is None or self.transport.is_closing()
