"""A client of server-sent events as the standard has it (WHATWG HTML, 9.2.6): blocks, ids, comments."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx

from tests.servers import plain_client


class Message(NamedTuple):
    """What a block dispatches: the last id seen, and the data decoded."""

    id: str
    event: dict[str, Any]


class Blocks:
    """Reads an event stream line by line; `last_id` is what a browser would send when it comes back."""

    def __init__(self) -> None:
        """Nothing was read yet."""
        self._data: list[str] = []
        self.last_id = ""
        self.comments: list[str] = []

    def take_line(self, line: str) -> Message | None:
        """Read one line without its end; return the message that it ends."""
        name, _, value = line.partition(":")
        if not line and self._data:
            data, self._data = self._data, []
            return Message(self.last_id, json.loads("\n".join(data)))
        if not name and line:
            self.comments.append(value.strip())
        elif name == "id":
            self.last_id = value.removeprefix(" ")
        elif name == "data":
            self._data.append(value.removeprefix(" "))
        return None


class Stream(Blocks):
    """An open event stream."""

    def __init__(self, response: httpx.Response) -> None:
        """Read from an answer that is still open."""
        super().__init__()
        self._lines = response.iter_lines()

    def __iter__(self) -> Iterator[Message]:
        """Return message after message until the stream ends."""
        for line in self._lines:
            if message := self.take_line(line):
                yield message

    def take(self, count: int) -> list[Message]:
        """Return the next messages, as many as are wanted."""
        messages = iter(self)
        return [next(messages) for _ in range(count)]


@contextmanager
def following(url: str, query: str = "", last_id: str | None = None) -> Iterator[Stream]:
    """Open a stream; ValueError with the problem when it is refused."""
    headers = {} if last_id is None else {"Last-Event-ID": last_id}
    with plain_client(url) as client, client.stream("GET", f"/v1/feed/stream?{query}", headers=headers) as response:
        if response.status_code != httpx.codes.OK:
            raise ValueError(response.read())
        assert response.headers["content-type"].startswith("text/event-stream")
        yield Stream(response)
