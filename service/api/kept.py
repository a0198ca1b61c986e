"""Answers kept in memory: an as-of answer is a function of its URL and of what it rests on, and never changes.

What it rests on is its entity tag. So a kept answer is found once D and K are known: for a K that is given without any
look at the database, for the newest with one read of the head, shared by all who wait for one.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from service.api.memory import Answer
from service.api.wire import answer, ask_of, etag, not_modified, query_of, services
from service.views.query import Basis

if TYPE_CHECKING:
    from litestar import Response

    from service.api.queries import AsOf
    from service.api.wire import AnyRequest, Handler


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
        if response.status_code == HTTPStatus.OK and (given := response.headers.get("ETag")) is not None:
            held.answers.put((path, query, given), Answer(response.content, dict(response.headers)))
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
