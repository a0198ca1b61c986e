"""uvicorn's protocol for what else a client may speak: an offer of another protocol, and HTTP/1.0."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

if TYPE_CHECKING:
    from collections.abc import Callable

_FRAMING = frozenset((b"transfer-encoding", b"content-length"))


class Unframed(RequestResponseCycle):
    """An answer to a client of HTTP/1.0, which knows no chunks: without a length it ends with the connection."""

    _has_no_end = False

    async def send(self, message: Any) -> None:  # noqa: ANN401 - uvicorn's own
        """Send a part of the answer."""
        if message["type"] == "http.response.start":
            self._has_no_end = all(name.lower() != b"content-length" for name, _ in message.get("headers", ()))
            self.chunked_encoding = False if self._has_no_end else None
        elif self._has_no_end:
            self.expected_content_length = len(message.get("body", b""))
        await super().send(message)


class Parsing(HttpToolsProtocol):
    """A connection that goes on with HTTP/1.1 after `Upgrade: h2c`, which is not taken up (RFC 9110, 7.8).

    The parser stops after a head with such an offer, and takes its body for the other protocol. So another parser is
    given the framing of the body, without the offer.
    """

    _repeated = False
    """Whether the parser reads the framing of a body again, whose head has been read."""

    def go_on(self, rest: bytes, feed: Callable[[bytes], None]) -> None:
        """Read the rest of what arrived, after a head that offers another protocol."""
        framed = self.is_body_to_come()
        self.parser = httptools.HttpRequestParser(self)
        if framed:
            fields = [b"%b: %b\r\n" % field for field in self.headers if field[0] in _FRAMING]
            self._repeated = True
            self.parser.feed_data(b"".join([b"POST / HTTP/1.1\r\n", *fields, b"\r\n"]))
            self._repeated = False
        if rest:
            feed(rest)

    def is_body_to_come(self) -> bool:
        """Return whether the head that was read offers another protocol and has a body, which is still to be read."""
        return self.parser.should_upgrade() and any(
            name in _FRAMING and value.strip(b"0 ") != b"" for name, value in self.headers
        )

    def on_message_begin(self) -> None:
        """Begin a head."""
        if not self._repeated:
            super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Take a part of the target."""
        if not self._repeated:
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field."""
        if not self._repeated:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin the request."""
        super().on_headers_complete()
        if self.parser.get_http_version() == "1.0":
            self.cycle.__class__ = Unframed
