"""Many who follow one server's stream: `python -m tests.benchmarks.subscribers PORT COUNT AFTER LAST`.

It prints a line when all of them have their answer, and when all have had the last position, what arrived as JSON: by
position, the instants (seconds of the monotonic clock, which all processes of a machine share).
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections import defaultdict
from typing import cast

import uvloop

_ID = re.compile(rb"^id: (\d+)\ndata", re.MULTILINE)
AT_ONCE = 50
"""Connections that are opened at the same time."""


class Subscriber(asyncio.Protocol):
    """One event stream, of which only the ids are looked at."""

    def __init__(self, request: bytes, last: int, arrived: dict[int, list[float]]) -> None:
        """`arrived` takes the instants by position."""
        self._request, self._last, self._arrived = request, last, arrived
        self.answered = asyncio.get_running_loop().create_future()
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        cast("asyncio.WriteTransport", transport).write(self._request)  # uvloop's own, which is no subclass

    def data_received(self, data: bytes) -> None:
        """Note what comes."""
        now = time.monotonic()
        for position in _ID.findall(data):
            self._arrived[int(position)].append(now)
            if int(position) == self._last:
                self.done.set_result(None)
        if not self.answered.done():
            self.answered.set_result(None)


async def follow(port: int, count: int, after: int, last: int) -> None:
    """Follow until all have had the last position."""
    loop = asyncio.get_running_loop()
    arrived: dict[int, list[float]] = defaultdict(list)
    request = f"GET /v1/feed/stream?after={after} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()
    held: list[Subscriber] = []
    for begun in range(0, count, AT_ONCE):
        opening = (
            loop.create_connection(lambda: Subscriber(request, last, arrived), "127.0.0.1", port)
            for _ in range(min(AT_ONCE, count - begun))
        )
        made = await asyncio.gather(*opening)
        await asyncio.gather(*(subscriber.answered for _, subscriber in made))
        held += [subscriber for _, subscriber in made]
    print("ready", flush=True)
    await asyncio.gather(*(subscriber.done for subscriber in held))
    print(json.dumps(arrived))


if __name__ == "__main__":
    uvloop.run(follow(*map(int, sys.argv[1:5])))
