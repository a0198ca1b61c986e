"""How the route of an operation is run: its handler gets the request, and its answer is sent, with little between.

Every answer says how far it counts the log, and is compressed as its client accepts.

Litestar finds the route and makes a problem of what is raised. Its own way from a handler to an answer (parameters,
dependencies, cookies, background work, encoding) does nothing for handlers that take a request and return bytes, and
took a third of an append's time in the server (decision 75).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from litestar import Request, Response

from service.api.http.encodings import WORTH_BYTES
from service.api.http.outgoing import Kept, encoded
from service.api.http.problems import add_headers
from service.api.http.requests import JSON

if TYPE_CHECKING:
    from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

    from service.api.http.requests import Handler

_PLAIN = frozenset((Response, Kept))
"""Answers that are their headers and their bytes; others know how they are sent."""
_BODILESS = frozenset((204, 304))
TYPE = "Content-Type"
"""The header that an answer may bring itself; Litestar adds a charset to every text."""


def lean(app: ASGIApp) -> ASGIApp:  # noqa: ARG001 - Litestar names it
    """Take the place of Litestar's way through a route: the middleware of every operation."""
    return _run


async def _run(scope: Scope, receive: Receive, send: Send) -> None:
    request: Request[Any, Any, Any] = Request(scope, receive, send)
    response = await cast("Handler", cast("HTTPScope", scope)["route_handler"].fn)(request)
    add_headers(request, response.headers)
    content: Any = response.content  # a stream's is none
    if isinstance(content, bytes) and len(content) >= WORTH_BYTES:
        await encoded(request, response, content)
    if type(response) not in _PLAIN:
        await response.to_asgi_response(None, request)(scope, receive, send)
        return
    # As Litestar writes it.
    status, body, own = response.status_code or 200, response.content, response.headers
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in own.items()]
    if status not in _BODILESS:
        if TYPE not in own:
            form = str(response.media_type or JSON)
            headers.append((b"content-type", (f"{form}; charset=utf-8" if form[:5] == "text/" else form).encode()))
        headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
