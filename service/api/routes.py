"""Every operation over HTTP: the routes of all resources, from which the handlers and the documents are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litestar import Request, Response
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler

from service.api import (
    consumers,
    diff,
    event_stream,
    events,
    exposure,
    feed,
    health,
    issues,
    items,
    subscriptions,
    timeline,
    versions,
)
from service.api.spec import asyncapi as channels
from service.api.spec.doc_pages import docs_handlers
from service.api.spec.openapi import document, encode
from service.domain.vocabulary.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.api.spec.operations import Route

VERSION = "0.1.0"
TITLE = "Parley"
ABOUT = (
    "A ledger of trade diplomacy: what stood between two trading partners on day D, as it was known at K, "
    "and who says so. "
    "Facts are only ever added; a correction is a new fact about an old one."
)
TAGS = {
    "issues": "Matters between trading partners, with all that stands in them on a day as known then.",
    "events": "Facts as they were recorded, and records about them.",
    **{kind.plural: f"{kind.plural.capitalize()} across issues." for kind in KINDS.values() if kind.name != "issue"},
    "exposure": "What touches a good and a country.",
    "feed": "The log, for services that follow it.",
    "consumers": "Durable cursors of services that follow the log.",
    "subscriptions": "Webhooks: the log pushed to services that take it.",
    "service": "How the service is.",
}

ROUTES: list[Route] = [
    route
    for resource in (
        issues,
        timeline,
        diff,
        events,
        items,
        versions,
        exposure,
        feed,
        event_stream,
        consumers,
        health,
        subscriptions,
    )
    for route in resource.ROUTES
]


def openapi() -> bytes:
    """Return the OpenAPI document."""
    operations = [route.operation for route in ROUTES]
    return encode(document(operations, title=TITLE, version=VERSION, description=ABOUT, tags=TAGS))


def asyncapi() -> bytes:
    """Return the AsyncAPI document."""
    return encode(channels.document(title=TITLE, version=VERSION, description=ABOUT))


def route_handlers(written: bytes, written_channels: bytes) -> list[Any]:
    """Return every handler for Litestar: the operations, and the pages about them.

    What `openapi` and `asyncapi` give is kept in files: writing the first takes seconds.
    """
    return [*_options(), *(_handler(route) for route in ROUTES), *docs_handlers(written, written_channels)]


def _options() -> Iterator[HTTPRouteHandler]:
    """Make the OPTIONS of each path: Litestar's own names the methods of one handler only."""
    methods: dict[str, set[str]] = {}
    for operation, _ in ROUTES:
        reads = {"GET", "HEAD"} if operation.method == "GET" else {operation.method}
        methods.setdefault(operation.path, {"OPTIONS"}).update(reads)
    for path, allowed in methods.items():
        yield _allow(path, ", ".join(sorted(allowed)))


def _allow(path: str, allowed: str) -> HTTPRouteHandler:
    async def call(request: Request[Any, Any, Any]) -> Response[None]:  # noqa: ARG001 - Litestar hands it over
        return Response(None, headers={"Allow": allowed}, status_code=204)

    make = HTTPRouteHandler(
        path.replace("}", ":str}"), http_method=HttpMethod.OPTIONS, include_in_schema=False, status_code=204
    )
    return make(call)


def _handler(route: Route) -> HTTPRouteHandler:
    """Make a Litestar handler; what is read by GET is read by HEAD too."""
    operation, perform = route

    async def call(request: Request[Any, Any, Any]) -> Response[bytes]:
        return await perform(request)

    methods = [HttpMethod.GET, HttpMethod.HEAD] if operation.method == "GET" else [HttpMethod(operation.method)]
    path = operation.path.replace("}", ":str}")
    make = HTTPRouteHandler(
        path, http_method=methods, name=operation.operation_id, include_in_schema=False, status_code=200
    )
    return make(call)
