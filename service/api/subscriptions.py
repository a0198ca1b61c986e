"""Webhooks: subscriptions made, read, changed, replayed and deleted; the deliveries of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from litestar import Response

from service.api.http.cursors import NumberCursor, list_digest, read_cursor, write_cursor
from service.api.http.moments import POSITION_MAX, begun
from service.api.http.parameters import faults_of_conditions
from service.api.http.problems import Conflict, InUse, LimitReached, NotFound
from service.api.http.query_strings import Query
from service.api.http.requests import (
    NO_STORE,
    REVALIDATE,
    AnyRequest,
    body_of,
    encode,
    json_answer,
    query_of,
    services_of,
    slug_of,
)
from service.api.spec import examples
from service.api.spec.operations import Documented, Operation, Route, SubscriptionName
from service.api.spec.subscription_shapes import (
    DeliveriesQuery,
    DeliveryPage,
    Replay,
    Resubscribing,
    Rotation,
    Subscribing,
    SubscriptionAnswer,
    SubscriptionList,
    SubscriptionMade,
    faults_of_secret,
    secret_of,
)
from service.domain.errors import Fault, Malformed
from service.domain.vocabulary import instants
from service.eventlog.head import waited_seconds
from service.eventlog.log import events_at, place_before
from service.feed.filters import EventConditions
from service.webhooks.guard import Forbidden, check
from service.webhooks.rules import ROTATION_SECONDS, SUBSCRIPTIONS_MAX
from service.webhooks.send import MICROS

if TYPE_CHECKING:
    from service.webhooks.store import Logged, Subscription

SECRET_BYTES = 32
NAME_BYTES = 5


async def _subscribe(request: AnyRequest) -> Response[bytes]:
    """Make a subscription; raises Conflict for a name that is taken, LimitReached when there are too many."""
    sent = await body_of(request, Subscribing)
    services = services_of(request)
    head = (await services.heads.read()).position
    faults = [*await _faults_of_url(request, sent.url), *_faults_of_start(request, sent, head)]
    if faults := [*faults, *faults_of_conditions(sent.type, sent.party), *faults_of_secret(sent.secret)]:
        raise Malformed(faults)
    name = sent.id or f"webhook-{services.webhooks.chance.secret(NAME_BYTES).hex()}"
    made = await _made(request, name, sent)
    services.webhooks.wake()
    headers = {"Location": f"/v1/subscriptions/{name}", "Cache-Control": NO_STORE}
    return json_answer(encode(await _with_secret(request, made)), 201, headers)


async def _made(request: AnyRequest, name: str, sent: Subscribing) -> Subscription:
    """Add a subscription; where one was deleted after it could not be added, try again."""
    services = services_of(request)
    store, secret = services.webhooks.store, sent.secret or _new_secret(request)
    after = await _start(request, sent)
    while True:
        made = await store.create(name, sent.url, EventConditions.of(sent), secret, after, services.clock())
        if made is not None:
            return made
        if await store.get(name):
            message = f"There is a subscription {name} already."
            raise Conflict(message)
        if len(await store.all()) >= SUBSCRIPTIONS_MAX:
            message = f"There are {SUBSCRIPTIONS_MAX} subscriptions, and no more may be made."
            raise LimitReached(message)


async def _list_subscriptions(request: AnyRequest) -> Response[bytes]:
    """Read all subscriptions."""
    query_of(request, Query)
    services = services_of(request)
    rows = await services.webhooks.store.all()
    items = await _described(request, rows)
    return _answer({"items": items, "next": None, "head": (await services.heads.read()).position})


async def _get_subscription(request: AnyRequest) -> Response[bytes]:
    """Read one subscription."""
    query_of(request, Query)
    name = slug_of(request, "subscription", "subscription")
    return await _current(request, await services_of(request).webhooks.store.get(name))


async def _change_subscription(request: AnyRequest) -> Response[bytes]:
    """Change the URL of a subscription, its conditions, or whether it is delivered."""
    name = slug_of(request, "subscription", "subscription")
    sent = await body_of(request, Resubscribing)
    if sent == Resubscribing():
        raise Malformed([Fault((), "nothing to change: give url, filter or state")])
    if sent.url is not None and (faults := await _faults_of_url(request, sent.url)):
        raise Malformed(faults)
    if sent.filter is not None and (faults := faults_of_conditions(sent.filter.type, sent.filter.party)):
        raise Malformed([fault.within("filter") for fault in faults])
    conditions = None if sent.filter is None else EventConditions.of(sent.filter)
    return await _current(
        request, await services_of(request).webhooks.store.change(name, sent.url, conditions, sent.state)
    )


async def _rotate_secret(request: AnyRequest) -> Response[bytes]:
    """Replace the secret of a subscription, and answer with the new one."""
    name = slug_of(request, "subscription", "subscription")
    sent = await body_of(request, Rotation)
    if faults := faults_of_secret(sent.secret):
        raise Malformed(faults)
    services = services_of(request)
    until = services.clock() + int(ROTATION_SECONDS * MICROS)
    row = await services.webhooks.store.rotate(name, sent.secret or _new_secret(request), until)
    services.webhooks.wake()
    shown = await _with_secret(request, _existing(request, row))
    return json_answer(encode(shown), headers={"Cache-Control": NO_STORE})


async def _replay(request: AnyRequest) -> Response[bytes]:
    """Send the log again after a position, or from a time on."""
    name = slug_of(request, "subscription", "subscription")
    sent = await body_of(request, Replay)
    services = services_of(request)
    faults = _faults_of_start(request, sent, (await services.heads.read()).position)
    after = None if faults else await _start(request, sent)
    if after is None:
        raise Malformed(faults or [Fault(("after",), "give after or since")])
    return await _current(request, await services.webhooks.store.replay(name, after))


async def _unsubscribe(request: AnyRequest) -> Response[bytes]:
    """Delete a subscription, with the log of its deliveries."""
    query_of(request, Query)
    services, name = services_of(request), slug_of(request, "subscription", "subscription")
    if not await services.webhooks.store.delete(name):
        if watches := await services.watches.store.delivering_to(name):
            detail = f"Watches deliver to the subscription {name}: {', '.join(watches)}."
            raise InUse(detail, watches=watches)
        raise _absent(request)
    services.webhooks.wake()
    return Response(b"", status_code=204)


async def _list_deliveries(request: AnyRequest) -> Response[bytes]:
    """Read the deliveries of a subscription, newest first."""
    query = query_of(request, DeliveriesQuery)
    name = slug_of(request, "subscription", "subscription")
    store = services_of(request).webhooks.store
    _existing(request, await store.get(name))
    before = POSITION_MAX if query.cursor is None else read_cursor(request, query.cursor, NumberCursor).after
    found = await store.logged(name, before, query.limit + 1)
    last = found[query.limit - 1].number if len(found) > query.limit else None
    page = {
        "items": [_tried(each) for each in found[: query.limit]],
        "next": None if last is None else write_cursor(NumberCursor(last, list_digest(request))),
    }
    return json_answer(encode(page), headers={"Cache-Control": REVALIDATE})


async def _faults_of_url(request: AnyRequest, url: str) -> list[Fault]:
    try:
        await check(url, allow_private=services_of(request).webhooks.rules.allow_private)
    except Forbidden as error:
        return [Fault(("url",), str(error))]
    return []


def _faults_of_start(request: AnyRequest, sent: Subscribing | Replay, head: int) -> list[Fault]:
    """Refuse a position beyond the head, a time that is no time or not past, and both."""
    if sent.after is not None and sent.since is not None:
        return [Fault(("since",), "not together with after")]
    if sent.after is not None and sent.after > head:
        return [Fault(("after",), f"{sent.after} lies beyond the head, {head}")]
    if sent.since is None:
        return []
    try:
        is_past = begun(sent.since) <= services_of(request).clock()
    except ValueError as error:
        return [Fault(("since",), str(error))]
    return [] if is_past else [Fault(("since",), "is not past")]


async def _start(request: AnyRequest, sent: Subscribing | Replay) -> int | None:
    """Return the position after which events are sent; None for the head."""
    if sent.since is None:
        return sent.after
    return (await place_before(services_of(request).database, begun(sent.since))).position


def _new_secret(request: AnyRequest) -> str:
    return secret_of(services_of(request).webhooks.chance.secret(SECRET_BYTES))


def _absent(request: AnyRequest) -> NotFound:
    return NotFound(f"There is no subscription {request.path_params['subscription']}.")


def _existing(request: AnyRequest, row: Subscription | None) -> Subscription:
    if row is None:
        raise _absent(request)
    return row


async def _current(request: AnyRequest, row: Subscription | None) -> Response[bytes]:
    """Answer with a subscription; raises NotFound for None. After a change the workers are woken."""
    found = _existing(request, row)
    if request.method not in {"GET", "HEAD"}:
        services_of(request).webhooks.wake()
    return _answer((await _described(request, [found]))[0])


def _answer(members: dict[str, Any]) -> Response[bytes]:
    return json_answer(encode(members), headers={"Cache-Control": REVALIDATE})


async def _with_secret(request: AnyRequest, row: Subscription) -> dict[str, Any]:
    return (await _described(request, [row]))[0] | {"secret": row.secret}


async def _described(request: AnyRequest, rows: list[Subscription]) -> list[dict[str, Any]]:
    """Return the members of subscriptions, without their secrets."""
    services = services_of(request)
    following = await events_at(services.database, [row.position + 1 for row in rows])
    recorded_at = {stored.position: stored.recorded_at for stored in following}
    head, now = await services.heads.read(), services.clock()
    described = []
    for row in rows:
        waited = waited_seconds(recorded_at.get(row.position + 1), head.recorded_at, now)
        described.append(
            _shown(row, head.position, {"events": max(0, head.position - row.position), "seconds": waited})
        )
    return described


def _shown(row: Subscription, head: int, lag: dict[str, int | float]) -> dict[str, Any]:
    given = {name: getattr(row.conditions, name) for name in row.conditions.__struct_fields__}
    return {
        "id": row.name,
        "url": row.url,
        **{name: value for name, value in given.items() if value is not None},
        "position": row.position,
        "head": max(head, row.position),
        "lag": lag,
        "state": row.state,
        "reason": row.reason or None,
        "failures": row.failures,
        "due_at": instants.text(row.due_at) if row.due_at else None,
        "subscribed_at": instants.text(row.subscribed_at),
    }


def _tried(each: Logged) -> dict[str, Any]:
    return {
        "position": each.tried.position,
        "event": UUID(each.tried.change) if each.tried.change else UUID(bytes=each.event),
        "attempt": each.tried.attempt,
        "at": instants.text(each.tried.at),
        "took_ms": each.tried.took // 1_000,
        "status": each.tried.status or None,
        "detail": each.tried.detail or None,
    }


_PATH = "/v1/subscriptions"
_BY_NAME: dict[str, Any] = {"tag": "subscriptions", "path_parameters": {"subscription": SubscriptionName}}
_ONE: dict[str, Any] = {"path": f"{_PATH}/{{subscription}}", "problems": ("not-found",), **_BY_NAME}
_ONE_UNUSED: dict[str, Any] = _ONE | {"problems": ("not-found", "in-use")}
_SHOWN = Documented("The subscription.", SubscriptionAnswer, example=examples.SUBSCRIPTION)
_WITH_SECRET = Documented("The subscription, and its secret.", SubscriptionMade, example=examples.SUBSCRIPTION_MADE)
ROUTES = [
    Route(
        Operation(
            method="POST", path=_PATH, operation_id="subscribe", tag="subscriptions", summary="Subscribe by webhook",
            description="Sends each event recorded from now on, or after the position `after`, to a URL: one "
            "CloudEvent a request, signed as Standard Webhooks has it, in position order and at least once; the "
            "next one waits until the one before was answered with 2xx. Only this answer has the secret.",
            body=Subscribing, body_examples=examples.SUBSCRIBINGS,
            answers={201: _WITH_SECRET._replace(headers=("Location",))}, problems=("exists", "limit-reached"),
        ),
        _subscribe,
    ),
    Route(
        Operation(
            method="GET", path=_PATH, operation_id="list_subscriptions", tag="subscriptions",
            summary="List subscriptions",
            description="All subscriptions, by name.", query=Query,
            answers={200: Documented("The subscriptions.", SubscriptionList, example=examples.SUBSCRIPTIONS)},
        ),
        _list_subscriptions,
    ),
    Route(
        Operation(
            method="GET", operation_id="get_subscription", summary="Get a subscription",
            description="What it is about, its lag, and how the last try went.", query=Query,
            answers={200: _SHOWN}, **_ONE,
        ),
        _get_subscription,
    ),
    Route(
        Operation(
            method="PATCH", operation_id="change_subscription", summary="Change a subscription",
            description="Changes where events are sent, which, or whether. A paused one keeps its position; one "
            "made active again is tried at once, as if for the first time.",
            body=Resubscribing, body_examples=examples.RESUBSCRIBINGS, answers={200: _SHOWN}, **_ONE,
        ),
        _change_subscription,
    ),
    Route(
        Operation(
            method="DELETE", operation_id="unsubscribe", summary="Unsubscribe",
            description="Takes the subscription away, with the log of its deliveries. Watches that deliver to it have "
            "to be ended first.", query=Query,
            answers={204: Documented("It is gone.")}, **_ONE_UNUSED,
        ),
        _unsubscribe,
    ),
    Route(
        Operation(
            method="POST", path=f"{_PATH}/{{subscription}}/secret", operation_id="rotate_secret",
            summary="Replace the secret of a subscription",
            description="From then on both secrets sign, with a space between their signatures; after a day only "
            "the new one, which only this answer has.",
            body=Rotation, body_examples=examples.ROTATIONS, answers={200: _WITH_SECRET},
            problems=("not-found",), **_BY_NAME,
        ),
        _rotate_secret,
    ),
    Route(
        Operation(
            method="POST", path=f"{_PATH}/{{subscription}}/replay", operation_id="replay_subscription",
            summary="Send the log again",
            description="Sets the position of a subscription: the events after it are sent, again if they were "
            "sent before. One that is paused or disabled stays so.",
            body=Replay, body_examples=examples.REPLAYS, answers={200: _SHOWN}, problems=("not-found",),
            **_BY_NAME,
        ),
        _replay,
    ),
    Route(
        Operation(
            method="GET", path=f"{_PATH}/{{subscription}}/deliveries", operation_id="list_deliveries",
            summary="Read what was tried for a subscription",
            description="Every try to deliver an event, newest first; the last thousand are kept.",
            query=DeliveriesQuery,
            answers={200: Documented("A page of tries.", DeliveryPage, example=examples.DELIVERIES)},
            problems=("not-found",), **_BY_NAME,
        ),
        _list_deliveries,
    ),
]  # fmt: skip
