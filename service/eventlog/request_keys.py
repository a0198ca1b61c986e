"""Requests that had an Idempotency-Key: what each was, and the events that it recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.eventlog.log import Stored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.storage.database import Database

_FOUND = """
SELECT k.key, k.content, e.position, e.recorded_at, e.body, e.recorded_by
FROM request_key k JOIN event e ON e.position BETWEEN k.first AND k.last WHERE k.key IN ({keys}) ORDER BY e.position
"""


class RequestKey(NamedTuple):
    """Two digests (SHA-256): of the key of a request, and of its method, its path and what was sent."""

    key: bytes
    content: bytes


class KeyedRequest(NamedTuple):
    """A recorded request: the digest of what was sent, and its events in order."""

    content: bytes
    events: list[Stored]


async def keyed_requests(database: Database, keys: Sequence[RequestKey]) -> dict[bytes, KeyedRequest]:
    """Find the recorded requests that had one of these keys."""
    found: dict[bytes, KeyedRequest] = {}
    marks = ", ".join(f"${index}" for index in range(1, len(keys) + 1))
    for key, content, *stored in await database.fetch(_FOUND.format(keys=marks), *[each.key for each in keys]):
        found.setdefault(key, KeyedRequest(content, [])).events.append(Stored(*stored))
    return found
