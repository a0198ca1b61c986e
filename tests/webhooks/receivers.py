"""A receiver of webhooks: a real HTTP server in a thread, that keeps what it gets and answers as a test wants."""

from __future__ import annotations

import json
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple

from tests.processes import PATIENCE, POLL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Received(NamedTuple):
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """The message's id."""
        return self.headers["webhook-id"]

    @property
    def position(self) -> int:
        """The event's position."""
        return int(json.loads(self.body)["sequence"])


class Answered(NamedTuple):
    """An answer."""

    status: int = 204
    headers: tuple[tuple[str, str], ...] = ()


class Receiver:
    """Keeps the requests in the order in which they came."""

    def __init__(self, port: int) -> None:
        """`port` where it listens."""
        self.url = f"http://127.0.0.1:{port}/hook"
        self.requests: list[Received] = []
        self.connections = 0
        self.answer: Callable[[int, Received], Answered] = lambda _number, _request: Answered()
        """What to answer to a request, given how many there were before."""
        self._arrived = threading.Condition()

    @property
    def positions(self) -> list[int]:
        """The positions of the events, in the order in which they came."""
        return [request.position for request in self.requests]

    def take(self, request: Received) -> Answered:
        """Keep a request."""
        with self._arrived:
            number = len(self.requests)
            self.requests.append(request)
            self._arrived.notify_all()
        return self.answer(number, request)

    def wait(self, enough: Callable[[list[Received]], bool]) -> list[Received]:
        """Wait until there is enough; return what there is."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: enough(self.requests), PATIENCE), [
                request.body[:200] for request in self.requests
            ]
            return list(self.requests)

    def wait_for(self, count: int) -> list[Received]:
        """Wait for so many requests."""
        return self.wait(lambda requests: len(requests) >= count)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore a sender that was killed."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Run a receiver on a free port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            receiver.connections += 1
            super().setup()

        def do_POST(self) -> None:
            body = self.rfile.read(length := int(self.headers["content-length"]))
            if len(body) < length:  # the sender was killed in the middle
                self.close_connection = True
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            answered = receiver.take(Received(self.path, headers, body))
            self.send_response(answered.status)
            for name, value in (*answered.headers, ("Content-Length", "0")):
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Write no log."""

    server = _Server(("127.0.0.1", 0), Handler)
    receiver = Receiver(server.server_port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": POLL})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def until(found: Callable[[], bool]) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found():
            return
        time.sleep(POLL)
    msg = "it never came"
    raise AssertionError(msg)
