"""One session with a PostgreSQL server, which knows how long what it does may take."""

from __future__ import annotations

from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any

import asyncpg

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from service.storage.postgres_url import Host

    _Connection = asyncpg.Connection[asyncpg.Record]
else:
    _Connection = asyncpg.Connection

STATEMENT_SECONDS = 5.0
"""How long a short statement may take."""


class Session(_Connection):
    """A connection of asyncpg's that knows its socket, the place that it was opened at, and when it is overdue."""

    __slots__ = ("is_overdue", "limit", "place", "since", "socket", "timeline")

    def __init__(self, protocol: Any, transport: Any, *rest: Any) -> None:  # noqa: ANN401 - asyncpg's own types
        """As asyncpg calls it."""
        super().__init__(protocol, transport, *rest)
        self.socket: socket.socket | None = transport.get_extra_info("socket")
        self.place: Host
        self.since, self.limit, self.is_overdue = 0.0, 0.0, False
        self.timeline = 0

    def begin(self, seconds: float | None = None) -> None:
        """Limit what follows to so many seconds; `STATEMENT_SECONDS` for None."""
        self.limit = STATEMENT_SECONDS if seconds is None else seconds
        self.since = monotonic()

    def end(self) -> None:
        """Take note that it is done."""
        self.since = 0.0
        self.is_overdue = False

    @contextmanager
    def within(self, seconds: float | None = None) -> Iterator[None]:
        """Begin, and end with the block."""
        self.begin(seconds)
        try:
            yield
        finally:
            self.end()
