"""The application, for requests by a name of this service that no page of another site has written.

A browser sends requests for any page to any address, also to loopback. It says from which page (`Origin`,
`Sec-Fetch-Site`) and by which name of ours (`Host`): another's name is one that was made to point here (DNS rebinding).
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from service.api.http.exchange import trace_member
from service.api.http.problem_kinds import MEDIA_TYPE, PROBLEM_KINDS
from service.api.spec.headers import REQUEST_HEADERS, RESPONSE_HEADERS
from service.edge.refusal import Refusal, problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    Message = dict[str, Any]
    Send = Callable[[Message], Awaitable[None]]
    Application = Callable[[Any, Any, Any], Awaitable[None]]
    Headers = list[tuple[bytes, bytes]]

SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
"""Methods that change nothing."""
ELSEWHERE = frozenset((b"cross-site", b"same-site"))
"""Values of Sec-Fetch-Site for a page of another site, or of another origin of the same one."""
PREFLIGHT_SECONDS = 600
"""How long a browser may keep what a listed origin may send."""
_AUTHORITY = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{0,5})?")
_KEPT_MAX = 256

NO_HOST = Refusal("bad-request", "A request of HTTP/1.1 has one header Host.")
NOT_OURS = Refusal(
    "misdirected", "The header Host is no name of this service; PARLEY_ALLOWED_HOSTS lists those it has."
)
FOREIGN = Refusal(
    "cross-site", "A page of another origin may not write here; PARLEY_CORS_ORIGINS lists those that may."
)
ODD_PATH = Refusal("not-found", "A path has no empty part, no slash at its end and no %2F: each resource has one URL.")


class Names(NamedTuple):
    """The names of the service.

    `hosts` are in lower case, without ports, in addition to those of loopback. IP addresses are too: those of loopback,
    and all others unless the service is `local`, listening on loopback only. `origin` is that of the public URL;
    `origins` are those of other sites whose pages may read and write.
    """

    hosts: frozenset[str]
    local: bool
    origin: bytes
    origins: frozenset[bytes]


def names(public_url: str, hosts: Collection[str], origins: Collection[str], *, local: bool) -> Names:
    """Return the names of a service with this public URL, and more names and origins."""
    url = urlsplit(public_url)
    known = {url.hostname or "", "localhost", *(each.lower() for each in hosts)}
    own = f"{url.scheme}://{url.netloc}".lower().encode()
    return Names(frozenset(known), local, own, frozenset(each.encode() for each in origins))


class Gate:
    """An application, and what is refused before it is asked."""

    def __init__(self, app: Application, names: Names) -> None:
        """Answer by `app` what is not refused."""
        self._app, self._names = app, names
        self._kept: set[bytes] = set()
        """Values of Host that were found to be ours."""

    def __call__(self, scope: dict[str, Any], receive: object, send: Send) -> Awaitable[None]:
        """Answer a request."""
        if scope["type"] != "http":
            return self._app(scope, receive, send)
        hosts = 0
        host = origin = site = None
        for name, value in scope["headers"]:
            if name == b"host":
                host, hosts = value, hosts + 1
            elif name == b"origin":
                origin = value
            elif name == b"sec-fetch-site":
                site = value
        if hosts > 1 or (host is None and scope["http_version"] == "1.1"):
            return _refused(NO_HOST, scope, send)
        if host is not None and host not in self._kept and not self._is_ours(host):
            return _refused(NOT_OURS, scope, send)
        why = self._why_not(scope, host, origin, site)
        if why is not None:
            return _refused(why, scope, send)
        if self._names.origins:
            return self._shared(scope, receive, send, origin if origin in self._names.origins else None)
        return self._app(scope, receive, send)

    def _why_not(
        self, scope: dict[str, Any], host: bytes | None, origin: bytes | None, site: bytes | None
    ) -> Refusal | None:
        if scope["method"] not in SAFE and (origin or site) and self._is_foreign(host, origin, site):
            return FOREIGN
        path = scope["raw_path"]
        if b"//" in path or (path[-1:] == b"/" and path != b"/") or (b"%" in path and b"%2f" in path.lower()):
            return ODD_PATH
        return None

    def _is_ours(self, host: bytes) -> bool:
        """Return whether a Host is a name of this service, and keep it. No address can be made to point elsewhere."""
        found = _AUTHORITY.fullmatch(host)
        if found is None:
            return False
        name = found[1].decode().lower().removesuffix(".")
        if name not in self._names.hosts and not name.endswith(".localhost"):
            try:
                address = ip_address(name.strip("[]"))
            except ValueError:
                return False
            if self._names.local and not address.is_loopback:
                return False
        if len(self._kept) < _KEPT_MAX:
            self._kept.add(host)
        return True

    def _is_foreign(self, host: bytes | None, origin: bytes | None, site: bytes | None) -> bool:
        """Return whether a page of another origin sends this, and none that is listed."""
        if origin is None:
            return site in ELSEWHERE
        if origin in self._names.origins:
            return False
        own = origin.lower()
        return site in ELSEWHERE or (own != self._names.origin and own.partition(b"://")[2] != (host or b"").lower())

    async def _shared(self, scope: dict[str, Any], receive: object, send: Send, origin: bytes | None) -> None:
        """Answer, and let the browser hand the answer to a page of a listed origin."""
        if origin and scope["method"] == "OPTIONS" and any(name == _ASKED for name, _ in scope["headers"]):
            await _send(send, 204, [*_opened(origin), *_PREFLIGHT], b"")
            return
        opened = [(b"vary", b"Origin")] if origin is None else _opened(origin)

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *opened]}
            await send(message)

        await self._app(scope, receive, add)


_ASKED = b"access-control-request-method"
_EXPOSED = ", ".join(sorted(RESPONSE_HEADERS.keys() - {"Cache-Control"} | {"traceparent"})).encode()
_SENT = ("Authorization", "Content-Type", "traceparent")
_PREFLIGHT: Headers = [
    (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, PATCH, DELETE"),
    (
        b"access-control-allow-headers",
        ", ".join([*_SENT, *REQUEST_HEADERS]).encode(),
    ),
    (b"access-control-max-age", str(PREFLIGHT_SECONDS).encode()),
]


def _opened(origin: bytes) -> Headers:
    return [
        (b"vary", b"Origin"),
        (b"access-control-allow-origin", origin),
        (b"access-control-expose-headers", _EXPOSED),
    ]


async def _refused(why: Refusal, scope: dict[str, Any], send: Send) -> None:
    body = problem(why, trace_member(scope))
    await _send(send, PROBLEM_KINDS[why.kind].status, [(b"content-type", MEDIA_TYPE.encode())], body)


async def _send(send: Send, status: int, headers: Headers, body: bytes) -> None:
    length = [] if status == _NO_CONTENT else [(b"content-length", str(len(body)).encode())]
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [*headers, *length, (b"cache-control", b"no-store")],
        }
    )
    await send({"type": "http.response.body", "body": body})


_NO_CONTENT = 204
