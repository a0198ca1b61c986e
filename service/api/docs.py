"""The documentation as the service serves it: the reference page, the OpenAPI document, a page a kind of problem.

None of them loads anything else, so they work without a network.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from litestar import Request, Response, route
from litestar.enums import HttpMethod
from litestar.params import FromPath

from service.api.problems import KINDS, NotFound
from service.api.reference import problem_page, reference_page

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler

_READ = [HttpMethod.GET, HttpMethod.HEAD]
_HTML_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"}


class _Page(NamedTuple):
    """Bytes that stay the same as long as the process runs."""

    content: bytes
    media_type: str
    headers: dict[str, str]

    def answer(self, request: Request[Any, Any, Any]) -> Response[bytes | None]:
        """Give the page, or 304 when the client has it."""
        headers = {"ETag": f'"{hashlib.sha256(self.content).hexdigest()[:16]}"', "Cache-Control": "no-cache"}
        if headers["ETag"] in request.headers.get("if-none-match", ""):
            return Response(None, status_code=304, headers=headers)
        return Response(self.content, media_type=self.media_type, headers={**headers, **self.headers})


def docs_handlers(document: bytes) -> list[HTTPRouteHandler]:
    """Give the handlers of `/schema`, `/schema/openapi.json` and `/problems/{name}`, for an encoded OpenAPI document.

    Litestar's own OpenAPI pages must be off (`openapi_config=None`): they sit at the same path and load from a CDN.
    """
    spec = _Page(document, "application/json", {"Access-Control-Allow-Origin": "*"})

    @cache
    def page() -> _Page:
        """Make the reference page when it is first asked for."""
        return _html(reference_page(msgspec.json.decode(document)))

    @route("/schema", http_method=_READ, sync_to_thread=False)
    def reference(request: Request[Any, Any, Any]) -> Response[bytes | None]:
        """Show the reference page."""
        return page().answer(request)

    @route("/schema/openapi.json", http_method=_READ, sync_to_thread=False)
    def openapi(request: Request[Any, Any, Any]) -> Response[bytes | None]:
        """Give the OpenAPI document."""
        return spec.answer(request)

    @route("/problems/{name:str}", http_method=_READ, sync_to_thread=False)
    def problem(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[bytes | None]:
        """Show what a kind of problem means."""
        if name not in KINDS:
            detail = f"There is no kind of problem called {name}."
            raise NotFound(detail)
        return _html(problem_page(KINDS[name])).answer(request)

    return [reference, openapi, problem]


def _html(text: str) -> _Page:
    return _Page(text.encode(), "text/html", _HTML_HEADERS)
