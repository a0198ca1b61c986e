"""Every operation over HTTP: the routes of all resources, from which the handlers and the documents are made."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from litestar import Request, Response
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler

from service import VERSION
from service.api import (
    appends,
    between,
    changes,
    consumers,
    diff,
    event_stream,
    events,
    exposure,
    feed,
    health,
    issue_list,
    issues,
    items,
    metrics,
    subscriptions,
    timeline,
    timemap,
    versions,
    watches,
)
from service.api.http.access import enter
from service.api.http.idempotency import WRITES, keyless
from service.api.http.lean import lean
from service.api.http.reaching import reach
from service.api.roles import ROLES
from service.api.spec import asyncapi as channels
from service.api.spec.doc_pages import docs_handlers
from service.api.spec.openapi import document, encode
from service.api.spec.operations import Route
from service.api.spec.seed_answers import with_answers
from service.domain.vocabulary.kinds import KINDS
from service.storage import files

if TYPE_CHECKING:
    from collections.abc import Iterator

TITLE = "Parley"
ABOUT = """
Parley is a ledger of trade diplomacy. It answers what stood between two trading partners on day D, as it was known at
K, and who says so.

**D and K.** D is the day that a question is about: `as_of`, today in UTC when absent. K is how much of the log counts:
`known_position` (a position in the log), `known_at` (an instant), or neither for all that is recorded now. With
`known_basis=published` a fact counts from the day on which its earliest report was published, not from its recording.
Every answer states its basis: `as_of`, `known_at`, `known_position`, `known_basis`. Its header `Link` has a frozen URL,
which names D and K: that answer never changes.

**Recording.** Send facts as events to `POST /v1/events`, up to 1,000 in a batch, all or none. Each event has a type
(`kind.change`), the issues and the item that it is about, the dates that its sources give, in their precision, and at
least one report: who says so. `POST /v1/issues` opens an issue; an event can also open one in the same batch.

**Repeating.** Send the header `Idempotency-Key` with every request that records, a new key for each (a UUID, say). When
an answer is lost, send the request again with its key: it is recorded once, and a repeat gets the first answer with
200, whatever was recorded since. A key that is used for another request answers 422. Events that have an `id` of your
own (a UUID) are safe to repeat without a key.

**Correcting.** Nothing recorded is changed or deleted. `PUT /v1/events/{event_id}` records a new text of an event,
`DELETE` a retraction, `POST /v1/events/{event_id}/reports` more reports, denials too. Answers for an earlier K stay as
they were.

**Errors.** Every error is a problem document (RFC 9457, `application/problem+json`). Its `type` names the kind of
problem and leads to a page about it. `errors` lists every fault: by JSON pointer in a body, by name in a query. Nothing
is stored unless the whole request is right. After 503, try again when `Retry-After` says. Any request can be refused
before it comes to an operation: 400 (not HTTP), 408 (too slow), 414 (a path and query of over 8 KiB), 431 (a head of
over 64 KiB or 128 fields), 501 (no such method); then the connection is closed. A `Host` that is no name of the service
is 421, a write that a browser sends for another site's page 403.

**Traces.** An answer has the header `traceparent` (W3C Trace Context), in the trace of the request's own `traceparent`
where it has one. A problem has its `trace_id`: send that to who runs the service, whose log has it.

**Access.** Send a key as `Authorization: Bearer parley_...`; who runs the service makes keys. Each operation names the
role that it needs: reader, recorder, editor or admin. Without a key, or with one that is unknown, expired or revoked,
the answer is 401; a key without the role gets 403. Reads may be public. A service on loopback whose ledger has no keys
asks for none.

**Paging.** A list has `items` and `next`. Pass `next` as `cursor` to get the next page, with the same filters; `null`
is the end. A cursor keeps the D and K of the first page. A page may be short before the end.

**Following.** `GET /v1/feed` returns events in the order of their positions, without gaps: pass `next` as `after`.
`GET /v1/feed/stream` sends them live. Webhooks and NATS JetStream push them.

The guides are in the repository: docs/semantics.md (how facts become an answer), docs/questions.md (worked questions),
docs/recording.md (how to write, and to repeat), docs/feed.md, docs/consumers.md, docs/webhooks.md, docs/relay.md,
docs/glossary.md.
""".strip()
SUMMARY = ABOUT.partition("\n\n")[0]
TAGS = {
    "issues": "Matters between trading partners, each with its items as of a day.",
    "events": "Facts as they were recorded, and the records about them.",
    **{kind.plural: f"{kind.plural.capitalize()} across issues." for kind in KINDS.values() if kind.name != "issue"},
    "between": "What stands between two partners.",
    "exposure": "The restrictions and clearances that touch a good and a country.",
    "changes": "What changes, and what lapses, on which day.",
    "feed": "The log in position order, for services that follow it.",
    "consumers": "Durable cursors of services that follow the log.",
    "subscriptions": "Webhooks: events pushed to a URL of yours.",
    "watches": "Questions that are kept; their changed answers are delivered.",
    "service": "Health and metrics of the service.",
}

ROUTES: list[Route] = [
    Route(replace(operation, role=ROLES[operation.operation_id]), handler)
    for resource in (
        issue_list,
        issues,
        timeline,
        diff,
        appends,
        events,
        items,
        versions,
        timemap,
        between,
        exposure,
        changes,
        feed,
        event_stream,
        consumers,
        health,
        metrics,
        subscriptions,
        watches,
    )
    for operation, handler in resource.ROUTES
]


def openapi() -> bytes:
    """Return the OpenAPI document."""
    seeds = [path.read_bytes() for path in sorted(files.data("seeds").glob("*.ndjson"))]
    operations = with_answers([route.operation for route in ROUTES], seeds)
    return encode(document(operations, title=TITLE, version=VERSION, description=ABOUT, tags=TAGS))


def asyncapi() -> bytes:
    """Return the AsyncAPI document."""
    return encode(channels.document(title=TITLE, version=VERSION, description=SUMMARY))


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
    role, reads = operation.role, operation.reads_log
    if operation.method in WRITES and not operation.takes_key:
        perform = keyless(perform)

    async def call(request: Request[Any, Any, Any]) -> Response[bytes]:
        if role:
            enter(request, role)
        if reads:
            await reach(request)
        return await perform(request)

    methods = [HttpMethod.GET, HttpMethod.HEAD] if operation.method == "GET" else [HttpMethod(operation.method)]
    path = operation.path.replace("}", ":str}")
    name = operation.operation_id
    make = HTTPRouteHandler(
        path, http_method=methods, middleware=[lean], name=name, include_in_schema=False, status_code=200
    )
    return make(call)
