"""Answers kept in memory: an as-of answer is a function of its URL and of what it rests on, and never changes.

What it rests on is its entity tag. So a kept answer is found once D and K are known: for a K that is given without any
look at the database, for the newest with one read of the head, shared by all who wait for one.
"""

from __future__ import annotations

from collections import OrderedDict
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from service.api.wire import answer, ask_of, etag, not_modified, query_of, services
from service.views.query import Basis

if TYPE_CHECKING:
    from litestar import Response

    from service.api.queries import AsOf
    from service.api.wire import AnyRequest, Handler

KEPT_MAX = 64 * 1024 * 1024
"""Bytes of answers that are kept, the least used let go first."""
ANSWER_MAX = 1024 * 1024
"""Bytes that an answer may have to be kept."""
OVERHEAD = 1_000
"""Bytes that an answer takes besides its body and its query, about."""

Key = tuple[str, bytes, str]
"""The path, the query string as sent, and the entity tag."""


class Answer(NamedTuple):
    """An answer of status 200."""

    body: bytes
    headers: dict[str, str]


class Answers:
    """The answers of one service."""

    def __init__(self) -> None:
        """Begin empty."""
        self._held: OrderedDict[Key, Answer] = OrderedDict()
        self._bytes = 0

    def get(self, key: Key) -> Answer | None:
        """Give an answer."""
        answer = self._held.get(key)
        if answer is not None:
            self._held.move_to_end(key)
        return answer

    def put(self, key: Key, answer: Answer) -> None:
        """Keep an answer."""
        if len(answer.body) > ANSWER_MAX or key in self._held:
            return
        self._held[key] = answer
        self._bytes += _size(key, answer)
        while self._bytes > KEPT_MAX:
            self._bytes -= _size(*self._held.popitem(last=False))


def _size(key: Key, answer: Answer) -> int:
    return len(answer.body) + len(key[1]) + OVERHEAD


def kept(handler: Handler, shape: type[AsOf]) -> Handler:
    """Answer from memory what has been answered before; `shape` is the query that the handler takes."""

    async def handle(request: AnyRequest) -> Response[bytes]:
        held = services(request)
        path, query = request.scope["path"], request.scope["query_string"]
        tag = await _tag(request, query_of(request, shape))
        found = None if tag is None else held.answers.get((path, query, tag))
        if found is not None:
            return not_modified(request, found.headers) or answer(found.body, headers=found.headers)
        response = await handler(request)
        if response.status_code == HTTPStatus.OK:
            headers = dict(response.headers)
            held.answers.put((path, query, headers["ETag"]), Answer(response.content, headers))
        return response

    return handle


async def _tag(request: AnyRequest, asked: AsOf) -> str | None:
    """Give the tag that the answer will have; None where only the handler can tell."""
    if getattr(asked, "cursor", None) is not None:
        return None
    ask = await ask_of(request, asked)
    if ask.instant is not None:
        return None
    position = ask.position
    if position is None:
        position = (await services(request).heads.read()).position
    return etag(Basis(ask.as_of, position, 0, ask.published))
