"""The bounds on what clients may make the service keep or wait for."""

from __future__ import annotations

from dataclasses import dataclass

HEAD_MAX = 64 * 1024
"""Bytes of a request's head, or of the framing in a chunked body."""
TARGET_MAX = 8 * 1024
"""Bytes of a request's target: its path and query."""
FIELDS_MAX = 128
"""Header fields and trailer fields of a request."""
HEAD_SECONDS = 10.0
"""Within this a head must arrive, from the opening of the connection or from its first byte on a used one."""
KEEP_ALIVE_SECONDS = 20
"""An idle connection stays open for so long: longer than most clients keep theirs, so that these close first."""
PIPELINED_MAX = 32
"""Requests of one connection that wait for the answer to the one before."""
UNFINISHED_MAX = 64 * 1024 * 1024
"""Bytes of requests that have not arrived whole; above it, the one that takes longest gives way."""
GIVE_WAY_SECONDS = 5.0
"""A request whose body has been arriving for so long gives way to a new connection when there is no room."""
LINGER_SECONDS = 1.0
"""A refused connection stays open for so long, so that its client reads the refusal."""
LINGER_BYTES = 256 * 1024
"""Bytes that a refused connection may send before the service reads no more."""
IGNORED_MAX = 64 * 1024 * 1024
"""Bytes of a body that was answered before it arrived; above it, the connection is closed."""
CONNECTIONS_MAX = 10_000
RESERVED_FILES = 128
"""Open files that are no connections: the database, webhooks on their way, the log."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds that depend on settings and on the process."""

    connections: int
    head_seconds: float
    body_seconds: float
    client_connections: int = 0
    """0: as many as there is room for."""


def limits(stall_seconds: int, client_connections: int = 0) -> Limits:
    """Return the bounds of this process; a client may keep it waiting for so long, and have so many connections."""
    files = _open_files()
    room = CONNECTIONS_MAX if files is None else max(files - RESERVED_FILES, files // 2)
    return Limits(min(room, CONNECTIONS_MAX), min(HEAD_SECONDS, stall_seconds), stall_seconds, client_connections)


def _open_files() -> int | None:
    """Return how many files the process may have open; None where nothing limits it."""
    try:
        import resource  # noqa: PLC0415 - Windows has none
    except ImportError:
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft
