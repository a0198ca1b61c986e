"""One connection: uvicorn's protocol, with bounds on what may arrive and on how long that may take.

uvicorn reads the headers of a request into memory without any limit, and waits for the rest of a request for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import httptools

from service.edge import refusal
from service.edge.limits import FIELDS_MAX, HEAD_MAX, IGNORED_MAX, LINGER_BYTES, PIPELINED_MAX, TARGET_MAX
from service.edge.parsing import Parsing

if TYPE_CHECKING:
    import asyncio
    from typing import Any

    from uvicorn._types import ASGI3Application
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

    from service.edge.crowd import Crowd, Phase
    from service.edge.refusal import Refusal


class Excess(Exception):  # noqa: N818 - a condition
    """Raised in a callback of the parser: the head is more than the service takes."""

    def __init__(self, why: Refusal) -> None:
        """Keep the reason."""
        super().__init__(why.detail)
        self.why = why


class Connection(Parsing):
    """A connection of the crowd that the class belongs to (see `connections`)."""

    crowd: ClassVar[Crowd]

    def __init__(self, *given: Any, **named: Any) -> None:  # noqa: ANN401 - uvicorn's own
        """Begin with nothing read."""
        super().__init__(*given, **named)
        self.url, self.headers = b"", []
        self._phase: Phase | None = None
        self._running: RequestResponseCycle | None = None
        self._unplaced = 0
        """Bytes read since the parser last completed a head or a message, or found a part of a body."""
        self._counted = False
        """Whether the crowd counts bytes of a request that has not arrived whole."""
        self._ignored = 0
        self._refused = False

    @property
    def is_silent(self) -> bool:
        """Whether nothing of a request has arrived."""
        return not self._unplaced

    @property
    def is_sending(self) -> bool:
        """Whether a part of an answer is still to be sent."""
        return self.transport.get_write_buffer_size() > 0

    @property
    def address(self) -> str:
        """The address of the client, without its port."""
        return self.client[0] if self.client else ""

    def enter(self, phase: Phase | None) -> None:
        """Wait for something else from now on; None: for nothing."""
        if self._phase is not None:
            self._phase.pop(self, None)
        self._phase = phase
        if phase is not None:
            phase[self] = self.crowd.now

    def close(self) -> None:
        """Close once all answers are sent."""
        self.enter(None)
        self.transport.close()

    def drop(self) -> None:
        """Close at once, whatever is still to be sent."""
        self.enter(None)
        self._refused = True
        self.transport.abort()

    def refuse(self, why: Refusal) -> None:
        """Answer with a problem, read no further request, and close soon.

        A request that arrived whole before is answered first. One whose answer has begun is broken off.
        """
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        running = self._running
        if running is not None and not running.response_complete:
            if not running.more_body:
                (self.pipeline[0][0] if self.pipeline else running).keep_alive = False
                return
            running.disconnected = True
            running.message_event.set()
            if running.response_started:
                self.drop()
                return
        if running is None or not running.response_complete or not running.more_body:
            headers = [b"%b: %b\r\n" % header for header in self.server_state.default_headers]
            answer = refusal.written(why, self.crowd.refused(why))
            self.transport.write(b"".join([refusal.status_line(why), *headers, answer]))
        self.flow.resume_reading()
        self.transport.write_eof()
        self.enter(self.crowd.lingering)

    # What uvicorn and the transport call.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Join the crowd."""
        super().connection_made(transport)
        self.crowd.join(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the crowd."""
        self.enter(None)
        self.crowd.leave(self)
        super().connection_lost(exc)
        if self._running is not None and self._running is not self.cycle:  # uvicorn notifies the request read last
            self._running.disconnected = True
            self._running.message_event.set()

    def shutdown(self) -> None:
        """Answer what has arrived whole, then close."""
        if self._phase is self.crowd.bodies:
            self.refuse(refusal.STOPPING)
        if self._phase is self.crowd.lingering:
            self.transport.close()
        else:
            super().shutdown()

    def data_received(self, data: bytes) -> None:
        """Parse what arrived, in parts no longer than a head may be.

        It takes the place of uvicorn's, which answers what it cannot parse in plain text.
        """
        if self._refused:
            self._ignore(len(data), LINGER_BYTES)
            return
        if len(data) <= HEAD_MAX - self._unplaced:
            self._feed(data)
            return
        rest = memoryview(data)
        while rest and not self._refused:
            room = HEAD_MAX + 1 - self._unplaced
            self._feed(rest[:room])  # type: ignore[arg-type] # the parser takes both
            rest = rest[room:]

    # What the parser calls.

    def on_headers_complete(self) -> None:
        """Begin the request, or let it wait for those before it."""
        self._unplaced = 0
        if self._repeated:
            return
        why = refusal.PIPELINED if len(self.pipeline) >= PIPELINED_MAX else self._excess()
        if why is not None:
            raise Excess(why)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Pass a part of the body to the application; ignore it if that has answered."""
        self._unplaced = 0
        super().on_body(body)
        if self.cycle.response_complete:
            self._ignore(len(body), IGNORED_MAX)

    def on_message_complete(self) -> None:
        """Wait for the next request if this one was answered before it had arrived."""
        self._unplaced = 0
        if self.is_body_to_come():
            return
        super().on_message_complete()
        self.cycle.more_body = False
        if self._phase is self.crowd.bodies:
            self._finished()
            self._ignored = 0
            self.enter(self.crowd.resting if self.cycle.response_complete else None)

    def on_response_complete(self) -> None:
        """Begin the next request if it is there, or wait for it; the body of this one may still be arriving.

        It takes the place of uvicorn's, which sets a timer for each answer.
        """
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            self._wait_for_rest(0)
        elif self._running is not None and not self._running.more_body:
            self.enter(self.crowd.resting)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        self.enter(None)
        if self._counted:
            self._finished()
        super()._start_asgi_task(cycle, app)

    def _feed(self, data: bytes) -> None:
        self._unplaced += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offered:
            self.go_on(data[offered.args[0] :], self._feed)
            return
        except httptools.HttpParserError as error:
            self._refuse_unparsed(error, data)
        if self._unplaced or (self._running is not None and self._running.more_body):
            self._wait_for_rest(len(data))

    def _refuse_unparsed(self, error: httptools.HttpParserError, data: bytes) -> None:
        if isinstance(error.__context__, Excess):
            self.refuse(error.__context__.why)
        elif isinstance(error, httptools.HttpParserInvalidMethodError) and bytes(data[:1]).isalpha():
            self.refuse(refusal.NO_SUCH_METHOD)
        elif bytes(data[:8]) == b"CONNECT ":
            self.refuse(refusal.NO_TUNNEL)
        else:
            self.refuse(refusal.NOT_HTTP)

    def _wait_for_rest(self, size: int) -> None:
        """Note that a request has not arrived whole; refuse what is too much already."""
        if self._refused:
            return
        why = self._excess()
        if why is not None:
            self.refuse(why)
            return
        if self._phase is self.crowd.resting:
            self.enter(self.crowd.heads)
        elif self._phase is None and self._running is not None and self._running.more_body:
            self.enter(self.crowd.bodies)
        if self._phase is not None:
            self._counted = True
            self.crowd.unfinished(self, size)

    def _excess(self) -> Refusal | None:
        """Return why the head, or the framing of the body, is refused as far as it has arrived."""
        if len(self.url) > TARGET_MAX:
            return refusal.LONG_TARGET
        if len(self.headers) > FIELDS_MAX:
            return refusal.MANY_FIELDS
        return refusal.LARGE_HEAD if self._unplaced > HEAD_MAX else None

    def _finished(self) -> None:
        self._counted = False
        self.crowd.finished(self)

    def _ignore(self, size: int, most: int) -> None:
        """Read and forget; read no more once it is too much."""
        self._ignored += size
        if self._ignored > most:
            self.drop()


def connections(crowd: Crowd) -> type[Connection]:
    """Make the class of the connections of a crowd: uvicorn makes one for each client."""
    return type("Connection", (Connection,), {"crowd": crowd})
