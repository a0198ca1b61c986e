"""Many who follow one server's stream: `python -m tests.benchmarks.subscribers PORT COUNT AFTER LAST`.

It prints a line when all of them have their answer, and when all have had the last position, what arrived as JSON: by
position, the instants (seconds of the monotonic clock, which all processes of a machine share). A bare loop over epoll:
what measures on the same machine must use little of it.
"""

from __future__ import annotations

import json
import re
import select
import socket
import sys
import time
from collections import defaultdict

_ID = re.compile(rb"^id: (\d+)\ndata", re.MULTILINE)
PATIENCE = 60.0


def follow(port: int, count: int, after: int, last: int) -> None:
    """Follow until all have had the last position."""
    request = f"GET /v1/feed/stream?after={after} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    streams = [_opened(port, request) for _ in range(count)]
    poll = select.epoll()
    by_number = {stream.fileno(): stream for stream in streams}
    for number in by_number:
        poll.register(number, select.EPOLLIN)
    print("ready", flush=True)
    arrived: dict[int, list[float]] = defaultdict(list)
    while len(arrived[last]) < count:
        for number, _ in poll.poll(PATIENCE):
            data = by_number[number].recv(65_536)
            now = time.monotonic()
            for position in _ID.findall(data):
                arrived[int(position)].append(now)
    print(json.dumps(arrived))


def _opened(port: int, request: bytes) -> socket.socket:
    """Open a stream, whose head has come on return."""
    stream = socket.create_connection(("127.0.0.1", port), PATIENCE)
    stream.sendall(request)
    head = b""
    while b"retry: " not in head:
        head += stream.recv(4_096)
    return stream


if __name__ == "__main__":
    follow(*map(int, sys.argv[1:5]))
