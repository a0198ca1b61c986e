"""The log in chunks: all of it as lines of JSON, and live as server-sent events."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from service.api.problems import BadRequest
from service.api.queries import POSITION_MAX
from service.feed import pages
from service.feed.tail import block

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from service.feed.tail import Tail
    from service.storage.database import Database

CHUNK = 1_000
"""Events that are read from the log at once."""
LIVE_CHUNK = 200
"""Events that a follower is sent at once: what a slow one holds."""
HEARTBEAT_SECONDS = 14.0
"""After so long without a word a follower is told that the stream is alive."""
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
            if page.events:
                yield b"\n".join([*[event.json() for event in page.events], b""])
            if not more:
                break
    finally:
        reading.cancel()
    yield b'{"end":true,"count":%d,"next":%d,"head":%d}\n' % (count, page.next, until)


def _read(database: Database, after: int, wanted: pages.Filter, left: int | None) -> asyncio.Task[pages.Page]:
    limit = CHUNK if left is None else min(left, CHUNK)
    return asyncio.create_task(pages.page(database, after, limit, wanted), name="lines")


def resumed(last_event_id: str | None, after: int) -> int:
    """Give the position behind which a stream goes on: what the client has seen wins over where it began."""
    if not last_event_id:
        return after
    if not _POSITION.fullmatch(last_event_id) or int(last_event_id) > POSITION_MAX:
        detail = f"Last-Event-ID is a position, not {last_event_id[:40]}."
        raise BadRequest(detail)
    return int(last_event_id)


async def blocks(database: Database, tail: Tail, after: int, tokens: Sequence[str]) -> AsyncIterator[bytes]:
    """Write the events behind a position as blocks of an event stream, then what is recorded, until the client goes.

    What lies far behind is read page by page; at the end of the log all streams share one reader. A heartbeat carries
    the position reached, so that a client whose filter lets little through comes back behind all that was looked at.
    """
    loop = asyncio.get_running_loop()
    with tail.following():
        yield RETRY
        spoke = loop.time()
        while not tail.closed:
            found = tail.blocks(after, LIVE_CHUNK, tokens)
            if found is None:
                page = await pages.page(database, after, LIVE_CHUNK, pages.Filter(tuple(tokens)))
                found = b"".join([block(event) for event in page.events]), page.next
            written, reached = found
            if written:
                yield written
                spoke = loop.time()
            elif loop.time() - spoke >= HEARTBEAT_SECONDS:
                yield b"id: %d\n: alive\n\n" % reached
                spoke = loop.time()
            if reached == after:
                await tail.moved(after)
            after = reached
