"""The page as a client of the API: a request in process, with the reader's key, answered as over HTTP.

There is one way in. What a view shows is what `GET /v1/...` answers to the same reader, byte for byte.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlencode

import msgspec

from service.page.key import authorized

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.api.http.requests import AnyRequest

Members = dict[str, Any]
JSON = "application/json"
_KEPT = ("asgi", "http_version", "scheme", "root_path", "client", "server")
"""What the request in process has from the reader's own."""


class ApiRefusal(Exception):  # noqa: N818 - the API's, not a fault of ours
    """The API refuses: its status, and the members of its problem."""

    def __init__(self, status: int, problem: Members) -> None:
        """Keep both as they are."""
        super().__init__(problem.get("detail") or problem.get("title"))
        self.status, self.problem = status, problem


class ApiAnswer(NamedTuple):
    """An answer of the API: its status, headers by name in lower case, and its bytes."""

    status: int
    headers: dict[str, str]
    body: bytes

    def members(self) -> Members:
        """Return the JSON of the answer; raises ApiRefusal for a problem."""
        found: Members = msgspec.json.decode(self.body) if self.body else {}
        if self.status >= 400:  # noqa: PLR2004 - where refusals begin
            raise ApiRefusal(self.status, found)
        return found


def target(path: str, query: Mapping[str, object]) -> str:
    """Return a path with the parameters that have a value."""
    given = urlencode([(name, str(value)) for name, value in query.items() if value not in (None, "")])
    return f"{quote(path)}?{given}" if given else quote(path)


def scope_of(request: AnyRequest, path: str, query: bytes, accept: str, method: str = "GET") -> dict[str, Any]:
    """Return the scope of a request in process, with the key that the reader has."""
    scope: dict[str, Any] = {name: request.scope[name] for name in _KEPT if name in request.scope}  # type: ignore[literal-required]
    headers = [(name, value) for name, value in request.scope["headers"] if name == b"host"]
    headers += [(b"accept", accept.encode()), *authorized(request)]
    return {
        **scope, "type": "http", "method": method, "path": path, "raw_path": quote(path).encode(),
        "query_string": query, "headers": headers, "state": {}, "extensions": {},
    }  # fmt: skip


async def ask(request: AnyRequest, path: str, query: Mapping[str, object], accept: str = JSON) -> ApiAnswer:
    """Ask the API in process."""
    url = target(path, query)
    return await send(request, scope_of(request, path, url.partition("?")[2].encode(), accept))


async def post(request: AnyRequest, path: str, query: Mapping[str, object], body: bytes) -> ApiAnswer:
    """Send JSON to the API in process."""
    url = target(path, query)
    scope = scope_of(request, path, url.partition("?")[2].encode(), JSON, "POST")
    scope["headers"] += [(b"content-type", JSON.encode()), (b"content-length", str(len(body)).encode())]
    return await send(request, scope, body)


async def send(request: AnyRequest, scope: dict[str, Any], body: bytes = b"") -> ApiAnswer:
    """Send a request in process, and take its whole answer."""
    start: dict[str, Any] = {}
    parts: list[bytes] = []

    async def receive() -> Any:  # noqa: ANN401 - a message of ASGI
        return {"type": "http.request", "body": body, "more_body": False}

    async def take(message: Any) -> None:  # noqa: ANN401 - a message of ASGI
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            parts.append(message.get("body", b""))

    await request.app(scope, receive, take)  # type: ignore[arg-type]
    headers = {name.decode().lower(): value.decode("latin-1") for name, value in start["headers"]}
    return ApiAnswer(start["status"], headers, b"".join(parts))
