"""Every operation over HTTP: one table that the routes and the OpenAPI document are both made from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, NamedTuple
from uuid import UUID

from litestar import Request, Response
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler
from msgspec import Meta

from service.api import (
    answers,
    consumers,
    events,
    examples,
    exposure,
    feed,
    health,
    history,
    issues,
    items,
    streams,
    subscription_shapes,
    subscriptions,
)
from service.api import asyncapi as channels
from service.api.docs import docs_handlers
from service.api.kept import kept
from service.api.openapi import Answer, Media, Operation, document, encode
from service.api.queries import AsOf, Known, KnownPage, Query
from service.api.schemas import AnyRecorded
from service.cloudevents import BATCH_MEDIA_TYPE
from service.domain.codes import Slug
from service.domain.events import Batch, Correction
from service.domain.lifecycle import KINDS, PLURALS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.api.wire import Handler

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
    **{plural: f"{plural.capitalize()} across issues." for plural in PLURALS.values()},
    "exposure": "What touches a good and a country.",
    "feed": "The log, for services that follow it.",
    "consumers": "Durable cursors of services that follow the log.",
    "subscriptions": "Webhooks: the log pushed to services that take it.",
    "service": "How the service is.",
}
AS_OF_HEADERS = ("ETag", "Link", "Cache-Control")

IssueName = Annotated[Slug, Meta(description="The name of the issue.", examples=[examples.ISSUE])]
ItemName = Annotated[Slug, Meta(description="The name of the item.", examples=[examples.ITEM])]
ConsumerName = Annotated[Slug, Meta(description="The name of the consumer.", examples=[examples.CONSUMER["name"]])]
SubscriptionName = Annotated[Slug, Meta(description="The name of the subscription.", examples=["compliance-desk"])]
EventId = Annotated[UUID, Meta(description="The id of a recorded event.", examples=[examples.EVENT_ID])]


class Route(NamedTuple):
    """An operation and what performs it."""

    operation: Operation
    handler: Handler


def _as_of(description: str, shape: Any, example: Any = None) -> dict[int, Answer]:  # noqa: ANN401 - a type and JSON
    return {
        200: Answer(description, shape, example=example, headers=AS_OF_HEADERS),
        304: Answer("The client has this answer.", headers=AS_OF_HEADERS),
    }


_RECORDED = {201: Answer("Recorded.", answers.Receipt, example=examples.RECEIPT)}
_RECORDED_OR_REPEATED = _RECORDED | {
    200: Answer("The same had been recorded before; nothing was stored.", answers.Receipt, example=examples.RECEIPT)
}


def _event_routes() -> list[Route]:
    by_id: dict[str, Any] = {"path": "/v1/events/{event_id}", "tag": "events", "path_parameters": {"event_id": EventId}}
    return [
        Route(
            Operation(
                method="POST", path="/v1/events", operation_id="append_events", tag="events",
                summary="Record a batch of events",
                description="Records 1 to 1,000 events, all or none, durable when answered. A repeat of the same ids "
                "and content answers 200 with the first result. `expected_versions` refuses the batch when an issue "
                "has moved on.",
                body=Batch, body_examples=examples.BATCHES, answers=_RECORDED_OR_REPEATED,
                problems=("version-conflict", "event-id-conflict"),
            ),
            events.append_events,
        ),
        Route(
            Operation(
                method="GET", path="/v1/events", operation_id="list_events", tag="events",
                summary="List recorded events",
                description="Recorded events in position order, by filter, as known at K; each stands as recorded, "
                "with all its reports. A filtered page, or one as published, may be short before the end.",
                query=events.EventsQuery,
                answers={200: Answer("A page of events.", answers.EventPage, example=examples.EVENT_PAGE)},
                problems=("knowledge-ahead",),
            ),
            events.list_events,
        ),
        Route(
            Operation(
                method="GET", operation_id="get_event", summary="Get one recorded event",
                description="A recorded event, the corrections, retractions, reports and disputes recorded on it, "
                "and its text now.",
                query=Known, answers={200: Answer("The event.", answers.EventNow)},
                problems=("unknown-event", "knowledge-ahead"), **by_id,
            ),
            events.get_event,
        ),
        Route(
            Operation(
                method="PUT", operation_id="correct_event", summary="Correct an event",
                description="Records a correction: the whole new text, of any type. The old text stays readable.",
                body=Correction, body_examples=examples.CORRECTIONS, answers=_RECORDED,
                problems=("unknown-event",), **by_id,
            ),
            events.correct_event,
        ),
        Route(
            Operation(
                method="DELETE", operation_id="retract_event", summary="Retract an event",
                description="Records that the event should not have been recorded. It stays readable.",
                query=events.RetractQuery,
                answers={200: Answer("Recorded.", answers.Receipt, example=examples.RECEIPT)},
                problems=("unknown-event",), **by_id,
            ),
            events.retract_event,
        ),
        Route(
            Operation(
                method="POST", path="/v1/events/{event_id}/reports", operation_id="add_reports", tag="events",
                summary="Add reports to an event",
                description="Records that others say so too, or deny it (`stance: denies`).",
                path_parameters={"event_id": EventId}, body=events.AddedReports, body_examples=examples.REPORTS,
                answers=_RECORDED, problems=("unknown-event",),
            ),
            events.add_reports,
        ),
    ]  # fmt: skip


def _issue_routes() -> list[Route]:
    by_name: dict[str, Any] = {"path": "/v1/issues/{issue}", "tag": "issues", "path_parameters": {"issue": IssueName}}
    return [
        Route(
            Operation(
                method="POST", path="/v1/issues", operation_id="open_issue", tag="issues", summary="Open an issue",
                description="Records `issue.opened`.", body=issues.IssueOpening, body_examples=examples.ISSUES,
                answers={201: Answer("Opened.", answers.Receipt, example=examples.RECEIPT, headers=("Location",))},
                problems=("exists",),
            ),
            issues.open_issue,
        ),
        Route(
            Operation(
                method="GET", path="/v1/issues", operation_id="list_issues", tag="issues", summary="List issues",
                description="The issues as of (D, K), each with its version and posture, in the order of the log.",
                query=issues.IssuesQuery, headers=("If-None-Match",),
                answers=_as_of("A page of issues.", answers.PAGES["issue"]), problems=("knowledge-ahead",),
            ),
            issues.list_issues,
        ),
        Route(
            Operation(
                method="GET", operation_id="get_issue", summary="Get an issue as of a day",
                description="What stood in the issue on day D as known at K: its items by kind, each with its status, "
                "certainty, sources and what is to come.",
                query=issues.IssueQuery, headers=("If-None-Match",),
                answers=_as_of("The issue.", answers.ISSUE_ANSWER, examples.ISSUE_ANSWER),
                problems=("not-found", "knowledge-ahead"), **by_name,
            ),
            issues.get_issue,
        ),
        Route(
            Operation(
                method="PATCH", operation_id="revise_issue", summary="Revise an issue",
                description="Records `issue.revised`. With If-Match only when the issue is still at that version.",
                headers=("If-Match",), body=issues.IssueRevision, body_examples=examples.REVISIONS, answers=_RECORDED,
                problems=("not-found", "precondition-failed"), **by_name,
            ),
            issues.revise_issue,
        ),
        Route(
            Operation(
                method="DELETE", operation_id="close_issue", summary="Close an issue",
                description="Records `issue.closed`, on the word of the editors. Its history stays readable.",
                headers=("If-Match",), query=issues.ClosingQuery,
                answers={200: Answer("Recorded.", answers.Receipt, example=examples.RECEIPT)},
                problems=("not-found", "precondition-failed"), **by_name,
            ),
            issues.close_issue,
        ),
        Route(
            Operation(
                method="GET", path="/v1/issues/{issue}/timeline", operation_id="get_timeline", tag="issues",
                summary="Read the timeline of an issue",
                description="The issue's facts in valid order as known at K: retracted ones are absent, corrected ones "
                "have their newest text, planned, conditional and denied ones stand here too. In order of the first "
                "day on which a fact may have occurred, then the last, then its position.",
                path_parameters={"issue": IssueName}, query=KnownPage, headers=("If-None-Match",),
                answers=_as_of("A page of facts.", answers.Timeline, examples.TIMELINE),
                problems=("not-found", "knowledge-ahead"),
            ),
            history.get_timeline,
        ),
        Route(
            Operation(
                method="GET", path="/v1/issues/{issue}/diff", operation_id="get_diff", tag="issues",
                summary="Tell what changed in an issue",
                description="The items of the issue, itself included, whose states differ between two days as known at "
                "one K (`from`, `to`), or between two Ks on one day (`known_from`, `known_to`: positions or instants; "
                "as published, days).",
                path_parameters={"issue": IssueName}, query=history.DiffQuery, headers=("If-None-Match",),
                answers=_as_of("A page of changes.", answers.Diff, examples.DIFF),
                problems=("not-found", "knowledge-ahead"),
            ),
            history.get_diff,
        ),
    ]  # fmt: skip


def _item_routes() -> list[Route]:
    routes = []
    for kind, plural in PLURALS.items():
        a_kind = f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
        routes += [
            Route(
                Operation(
                    method="GET", path=f"/v1/{plural}", operation_id=f"list_{plural}", tag=plural,
                    summary=f"List {plural} as of a day",
                    description=f"The {plural} across issues as of (D, K) that match every filter, ended ones too, "
                    "in order of first appearance in the log.",
                    query=items.ItemsQuery, headers=("If-None-Match",),
                    answers=_as_of(f"A page of {plural}.", answers.PAGES[kind]), problems=("knowledge-ahead",),
                ),
                items.lister(kind),
            ),
            Route(
                Operation(
                    method="GET", path=f"/v1/{plural}/{{item}}", operation_id=f"get_{kind}", tag=plural,
                    summary=f"Get {a_kind} as of a day", description=f"One {kind} as of (D, K).",
                    path_parameters={"item": ItemName}, query=AsOf, headers=("If-None-Match",),
                    answers=_as_of(f"The {kind}.", answers.ANSWERS[kind]), problems=("not-found", "knowledge-ahead"),
                ),
                items.getter(kind),
            ),
            Route(
                Operation(
                    method="GET", path=f"/v1/{plural}/{{item}}/versions", operation_id=f"list_{kind}_versions",
                    tag=plural, summary=f"Read the history of {a_kind}",
                    description=f"Every state that the {kind} has, on any day, as known at any position up to K (as "
                    "published, on any day of publication): rectangles that do not overlap, by first day and first K. "
                    "Each bound holds up to, not on, its second value; null is open.",
                    path_parameters={"item": ItemName}, query=KnownPage, headers=("If-None-Match",),
                    answers=_as_of(f"The history of the {kind}.", answers.HISTORIES[kind]),
                    problems=("not-found", "knowledge-ahead"),
                ),
                history.versions_getter(kind),
            ),
        ]  # fmt: skip
    return routes


def _exposure_route() -> Route:
    return Route(
        Operation(
            method="GET", path="/v1/exposure", operation_id="get_exposure", tag="exposure",
            summary="Tell what touches a good and a country",
            description="The restrictions and clearances across issues that touch a good and a country as of (D, K), "
            "each with its sources, in order of first appearance in the log. A clearance that names no goods is about "
            "those of the restriction that it names. Those that have ended in every reading are left out unless asked "
            "for.",
            query=exposure.ExposureQuery, headers=("If-None-Match",),
            answers=_as_of("What touches them.", answers.Exposure, examples.EXPOSURE), problems=("knowledge-ahead",),
        ),
        exposure.get_exposure,
    )  # fmt: skip


def _feed_routes() -> list[Route]:
    lines = Media(feed.NDJSON, AnyRecorded, example=examples.FEED["events"][0])
    batch = Media(BATCH_MEDIA_TYPE, tuple[answers.CloudEvent, ...], example=[examples.CLOUD_EVENT])
    return [
        Route(
            Operation(
                method="GET", path="/v1/feed", operation_id="read_feed", tag="feed", summary="Read the feed",
                description="Recorded events in position order: without a gap, never reordered. A filtered page moves "
                "`next` past what it leaves out; a position is valid for ever. With `wait` an empty page is held back "
                "until something follows. `Accept: application/x-ndjson` streams all that is recorded when it is asked "
                "for, one event a line, and ends with a line `{end, count, next, head}`: without that it was cut off. "
                "`Accept: application/cloudevents-batch+json` gives a page as CloudEvents, with `next` and `head` in "
                "headers.",
                query=feed.FeedQuery,
                answers={
                    200: Answer(
                        "A page of the log.", answers.FeedPage, example=examples.FEED, also=(lines, batch),
                        headers=("Feed-Next", "Feed-Head"),
                    )
                },
                problems=("knowledge-ahead", "not-acceptable"),
            ),
            feed.read_feed,
        ),
        Route(
            Operation(
                method="GET", path="/v1/feed/stream", operation_id="stream_feed", tag="feed",
                summary="Follow the feed live",
                description="Server-sent events: each event of the feed as a message whose id is its position, from "
                "behind `Last-Event-ID` or `after` on, without a gap. A stream that breaks off is resumed by its last "
                "id. A heartbeat comes at least every half minute, with the position reached.",
                query=feed.Followed, headers=("Last-Event-ID",),
                answers={
                    200: Answer("The log from there on.", None, streams.EVENT_STREAM, example=examples.EVENT_STREAM)
                },
                problems=("knowledge-ahead", "not-acceptable", "bad-request"),
            ),
            feed.stream_feed,
        ),
    ]  # fmt: skip


def _consumer_routes() -> list[Route]:
    by_name: dict[str, Any] = {
        "path": "/v1/consumers/{consumer}",
        "tag": "consumers",
        "path_parameters": {"consumer": ConsumerName},
    }
    shown: dict[str, Any] = {"shape": answers.Consumer, "example": examples.CONSUMER}
    kept = ("ETag", "Cache-Control")
    return [
        Route(
            Operation(
                method="GET", path="/v1/consumers", operation_id="list_consumers", tag="consumers",
                summary="List consumers", description="The consumers in the order of their names, each with its lag.",
                query=consumers.ConsumersQuery,
                answers={200: Answer("A page of consumers.", answers.ConsumerPage, example=examples.CONSUMERS)},
            ),
            consumers.list_consumers,
        ),
        Route(
            Operation(
                method="GET", operation_id="get_consumer", summary="Get a consumer",
                description="How far a consumer has come, and how far it is behind. Its entity tag is its position.",
                query=Query, answers={200: Answer("The consumer.", headers=kept, **shown)},
                problems=("not-found",), **by_name,
            ),
            consumers.get_consumer,
        ),
        Route(
            Operation(
                method="PUT", operation_id="move_consumer", summary="Make or move a consumer",
                description="Moves a cursor, back too, from where the writer saw it: `expected` or If-Match names that "
                "position (If-Match: * any). When it is elsewhere or not there, nothing happens: 409 with `expected`, "
                "412 with If-Match. Without either the consumer is made; one that is at this position already answers "
                "200 (with If-None-Match: * 412), elsewhere 409.",
                query=Query, headers=("If-Match", "If-None-Match"), body=consumers.Move, body_examples=examples.MOVES,
                answers={
                    200: Answer("It is there.", headers=kept, **shown),
                    201: Answer("It is made.", headers=("Location", *kept), **shown),
                },
                problems=("not-found", "cursor-conflict", "limit-reached", "precondition-failed"), **by_name,
            ),
            consumers.put_consumer,
        ),
        Route(
            Operation(
                method="DELETE", operation_id="delete_consumer", summary="Delete a consumer",
                description="Forgets how far a consumer has come; with If-Match only when it is still there.",
                query=Query, headers=("If-Match",), answers={204: Answer("It is deleted.")},
                problems=("not-found", "precondition-failed"), **by_name,
            ),
            consumers.delete_consumer,
        ),
    ]  # fmt: skip


def _service_routes() -> list[Route]:
    text = "text/plain; version=1.0.0; charset=utf-8"
    return [
        Route(
            Operation(
                method="GET", path="/healthz", operation_id="get_health", tag="service",
                summary="Tell whether the process runs", description="Answers without touching the database.",
                answers={200: Answer("It runs.", answers.Health, example={"status": "ok"})},
            ),
            health.alive,
        ),
        Route(
            Operation(
                method="GET", path="/readyz", operation_id="get_readiness", tag="service",
                summary="Tell whether the ledger can be read", description="Reads the head of the log.",
                answers={200: Answer("It can.", answers.Health, example={"status": "ok", "head": 20})},
            ),
            health.ready,
        ),
        Route(
            Operation(
                method="GET", path="/metrics", operation_id="get_metrics", tag="service",
                summary="Metrics for Prometheus", description="The append path and the process in numbers.",
                answers={200: Answer("Metrics.", None, text)},
            ),
            health.metrics,
        ),
    ]  # fmt: skip


def _subscription_routes() -> list[Route]:
    path, tag = "/v1/subscriptions", "subscriptions"
    by_name: dict[str, Any] = {"tag": tag, "path_parameters": {"subscription": SubscriptionName}}
    one: dict[str, Any] = {"path": f"{path}/{{subscription}}", "problems": ("not-found",), **by_name}
    shapes = subscription_shapes
    told = Answer("The subscription.", shapes.SubscriptionAnswer, example=examples.SUBSCRIPTION)
    with_secret = Answer(
        "The subscription, and its secret.", shapes.SubscriptionMade, example=examples.SUBSCRIPTION_MADE
    )
    return [
        Route(
            Operation(
                method="POST", path=path, operation_id="subscribe", tag=tag, summary="Subscribe by webhook",
                description="Sends each event that is recorded from then on, or behind `after`, to a URL: one "
                "CloudEvent a request, signed as Standard Webhooks has it, in position order and at least once; the "
                "next one waits until the one before was answered with 2xx. The secret is told here only.",
                body=shapes.Subscribing, body_examples=examples.SUBSCRIBINGS,
                answers={201: with_secret._replace(headers=("Location",))}, problems=("exists", "limit-reached"),
            ),
            subscriptions.subscribe,
        ),
        Route(
            Operation(
                method="GET", path=path, operation_id="list_subscriptions", tag=tag, summary="List subscriptions",
                description="All subscriptions, by name.", query=Query,
                answers={200: Answer("The subscriptions.", shapes.SubscriptionList)},
            ),
            subscriptions.list_subscriptions,
        ),
        Route(
            Operation(
                method="GET", operation_id="get_subscription", summary="Get a subscription",
                description="What it is about, how far it is behind the head, and how the last try went.", query=Query,
                answers={200: told}, **one,
            ),
            subscriptions.get_subscription,
        ),
        Route(
            Operation(
                method="PATCH", operation_id="change_subscription", summary="Change a subscription",
                description="Changes where events are sent, which, or whether. A paused one keeps its position; one "
                "made active again is tried at once, as if for the first time.",
                body=shapes.Resubscribing, body_examples=examples.RESUBSCRIBINGS, answers={200: told}, **one,
            ),
            subscriptions.change_subscription,
        ),
        Route(
            Operation(
                method="DELETE", operation_id="unsubscribe", summary="Unsubscribe",
                description="Takes the subscription away, with the log of its deliveries.", query=Query,
                answers={204: Answer("It is gone.")}, **one,
            ),
            subscriptions.unsubscribe,
        ),
        Route(
            Operation(
                method="POST", path=f"{path}/{{subscription}}/secret", operation_id="rotate_secret",
                summary="Give a subscription another secret",
                description="From then on both secrets sign, with a space between their signatures; after a day only "
                "the new one, which is told here only.",
                body=shapes.Rotation, body_examples=examples.ROTATIONS, answers={200: with_secret},
                problems=("not-found",), **by_name,
            ),
            subscriptions.rotate_secret,
        ),
        Route(
            Operation(
                method="POST", path=f"{path}/{{subscription}}/replay", operation_id="replay_subscription",
                summary="Send the log again",
                description="Sets the position of a subscription: the events behind it are sent, again where they had "
                "been. One that is paused or disabled stays so.",
                body=shapes.Replay, body_examples=examples.REPLAYS, answers={200: told}, problems=("not-found",),
                **by_name,
            ),
            subscriptions.replay,
        ),
        Route(
            Operation(
                method="GET", path=f"{path}/{{subscription}}/deliveries", operation_id="list_deliveries",
                summary="Read what was tried for a subscription",
                description="Every try to deliver an event, newest first; the last thousand are kept.",
                query=shapes.DeliveriesQuery,
                answers={200: Answer("A page of tries.", shapes.DeliveryPage, example=examples.DELIVERIES)},
                problems=("not-found",), **by_name,
            ),
            subscriptions.list_deliveries,
        ),
    ]  # fmt: skip


ROUTES: list[Route] = [
    *_issue_routes(),
    *_event_routes(),
    *_item_routes(),
    _exposure_route(),
    *_feed_routes(),
    *_consumer_routes(),
    *_service_routes(),
    *_subscription_routes(),
]


def openapi() -> bytes:
    """Write the OpenAPI document."""
    operations = [route.operation for route in ROUTES]
    return encode(document(operations, title=TITLE, version=VERSION, description=ABOUT, tags=TAGS))


def asyncapi() -> bytes:
    """Write the AsyncAPI document."""
    return encode(channels.document(title=TITLE, version=VERSION, description=ABOUT))


def route_handlers(written: bytes, written_channels: bytes) -> list[Any]:
    """Give every handler for Litestar: the operations, and the pages about them.

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
    if operation.query is not None and issubclass(operation.query, AsOf):
        perform = kept(perform, operation.query)

    async def call(request: Request[Any, Any, Any]) -> Response[bytes]:
        return await perform(request)

    methods = [HttpMethod.GET, HttpMethod.HEAD] if operation.method == "GET" else [HttpMethod(operation.method)]
    path = operation.path.replace("}", ":str}")
    make = HTTPRouteHandler(
        path, http_method=methods, name=operation.operation_id, include_in_schema=False, status_code=200
    )
    return make(call)


assert set(PLURALS) == set(KINDS) - {"issue"}  # noqa: S101 - every kind has its collection
