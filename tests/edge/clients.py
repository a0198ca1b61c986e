"""Clients that send what no proper client would, byte by byte, over connections of their own."""

from __future__ import annotations

import json
import socket
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx

from tests.processes import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import Server

MB = 1_000_000


class Answer(NamedTuple):
    """A response: its status, its headers by name in lower case, and its body."""

    status: int
    headers: dict[str, str]
    body: bytes

    def problem(self) -> dict[str, Any]:
        """Return the problem that it is, having checked its form."""
        assert self.headers["content-type"] == "application/problem+json"
        found: dict[str, Any] = json.loads(self.body)
        assert found["status"] == self.status
        assert found["type"].startswith("/problems/")
        assert found["title"]
        return found


class Client:
    """One connection; what the server breaks off is an OSError."""

    def __init__(self, server: Server) -> None:
        """Connect."""
        at = httpx.URL(server.url)
        self._socket = socket.create_connection((at.host, at.port), timeout=PATIENCE)

    def send(self, data: bytes) -> bool:
        """Send all; return whether the server took it."""
        try:
            self._socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def flood(self, part: bytes, size: int) -> int:
        """Send a part again and again until so many bytes are sent or no more are taken; return the bytes sent."""
        many = part * (64 * 1024 // len(part) + 1)
        sent = 0
        while sent < size and self.send(many):
            sent += len(many)
        return sent

    def rest(self) -> bytes:
        """Return what the server sends until it closes the connection."""
        parts = []
        try:
            while part := self._socket.recv(65_536):
                parts.append(part)
        except ConnectionResetError:
            pass
        return b"".join(parts)

    def answer(self) -> Answer:
        """Return the only response, after which the server closes the connection."""
        head, _, body = self.rest().partition(b"\r\n\r\n")
        line, *fields = head.decode().split("\r\n")
        return Answer(int(line.split()[1]), {k.lower(): v for k, v in (field.split(": ", 1) for field in fields)}, body)

    def close(self) -> None:
        """Close it."""
        self._socket.close()


@contextmanager
def clients(server: Server, count: int = 1) -> Iterator[list[Client]]:
    """Open connections."""
    with ExitStack() as stack:
        found = []
        for _ in range(count):
            found.append(Client(server))
            stack.callback(found[-1].close)
        yield found


def post(size: int, *, path: str = "/v1/events") -> bytes:
    """Return the head of a POST with a body of so many bytes."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n\r\n"
    ).encode()


CHUNKED = (
    b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
