"""Webhooks: subscriptions made, read, changed, replayed and taken away; what was tried for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from litestar import Response

from service import eventlog
from service.api.problems import Conflict, LimitReached, NotFound
from service.api.queries import POSITION_MAX, Query
from service.api.subscription_shapes import (
    DeliveriesQuery,
    Replay,
    Resubscribing,
    Rotation,
    Subscribing,
    faults_of_secret,
    secret_of,
)
from service.api.wire import (
    NO_STORE,
    REVALIDATE,
    AnyRequest,
    answer,
    body_of,
    encode,
    held_by,
    named,
    next_of,
    query_of,
    services,
)
from service.domain import instants
from service.domain.errors import Fault, Malformed
from service.views.query import Basis
from service.webhooks.guard import Forbidden, check
from service.webhooks.rules import ROTATION_SECONDS, SUBSCRIPTIONS_MAX
from service.webhooks.send import MICROS
from service.webhooks.store import Wanted

if TYPE_CHECKING:
    from service.api.subscription_shapes import Conditions
    from service.webhooks.store import Logged, Subscription

SECRET_BYTES = 32
NAME_BYTES = 5


async def subscribe(request: AnyRequest) -> Response[bytes]:
    """Make a subscription; Conflict when the name is taken, LimitReached when there are too many."""
    sent = await body_of(request, Subscribing)
    held = services(request)
    head = (await held.heads.read()).position
    faults = [*await _faults_of_url(request, sent.url), *_faults_of_after(sent.after, head)]
    if faults := [*faults, *faults_of_secret(sent.secret)]:
        raise Malformed(faults)
    name = sent.id or f"webhook-{held.webhooks.chance.secret(NAME_BYTES).hex()}"
    secret = sent.secret or _new_secret(request)
    made = await held.webhooks.store.create(name, sent.url, _wanted(sent), secret, sent.after, held.clock())
    if made is None:
        raise await _not_made(request, name)
    held.webhooks.wake()
    headers = {"Location": f"/v1/subscriptions/{name}", "Cache-Control": NO_STORE}
    return answer(encode(await _with_secret(request, made)), 201, headers)


async def _not_made(request: AnyRequest, name: str) -> Conflict | LimitReached:
    if await services(request).webhooks.store.get(name):
        return Conflict(f"There is a subscription {name} already.")
    return LimitReached(f"There are {SUBSCRIPTIONS_MAX} subscriptions, and no more may be made.")


async def list_subscriptions(request: AnyRequest) -> Response[bytes]:
    """Read all subscriptions."""
    query_of(request, Query)
    held = services(request)
    rows = await held.webhooks.store.all()
    items = await _told(request, rows)
    return _answer({"items": items, "next": None, "head": (await held.heads.read()).position})


async def get_subscription(request: AnyRequest) -> Response[bytes]:
    """Read one subscription."""
    query_of(request, Query)
    name = named(request, "subscription", "subscription")
    return await _told_now(request, await services(request).webhooks.store.get(name))


async def change_subscription(request: AnyRequest) -> Response[bytes]:
    """Change where a subscription goes, which events it is about, or whether it is delivered."""
    name = named(request, "subscription", "subscription")
    sent = await body_of(request, Resubscribing)
    if sent == Resubscribing():
        raise Malformed([Fault((), "nothing to change: give url, filter or state")])
    if sent.url is not None and (faults := await _faults_of_url(request, sent.url)):
        raise Malformed(faults)
    wanted = None if sent.filter is None else _wanted(sent.filter)
    return await _told_now(request, await services(request).webhooks.store.change(name, sent.url, wanted, sent.state))


async def rotate_secret(request: AnyRequest) -> Response[bytes]:
    """Give a subscription another secret, and tell it."""
    name = named(request, "subscription", "subscription")
    sent = await body_of(request, Rotation)
    if faults := faults_of_secret(sent.secret):
        raise Malformed(faults)
    held = services(request)
    until = held.clock() + int(ROTATION_SECONDS * MICROS)
    row = await held.webhooks.store.rotate(name, sent.secret or _new_secret(request), until)
    held.webhooks.wake()
    told = await _with_secret(request, _there(request, row))
    return answer(encode(told), headers={"Cache-Control": NO_STORE})


async def replay(request: AnyRequest) -> Response[bytes]:
    """Send the log again from behind a position."""
    name = named(request, "subscription", "subscription")
    sent = await body_of(request, Replay)
    held = services(request)
    if faults := _faults_of_after(sent.after, (await held.heads.read()).position):
        raise Malformed(faults)
    return await _told_now(request, await held.webhooks.store.replay(name, sent.after))


async def unsubscribe(request: AnyRequest) -> Response[bytes]:
    """Take a subscription away, with the log of its deliveries."""
    query_of(request, Query)
    held = services(request)
    if not await held.webhooks.store.delete(named(request, "subscription", "subscription")):
        raise _absent(request)
    held.webhooks.wake()
    return Response(b"", status_code=204)


async def list_deliveries(request: AnyRequest) -> Response[bytes]:
    """Read what was tried for a subscription, newest first."""
    asked = query_of(request, DeliveriesQuery)
    name = named(request, "subscription", "subscription")
    store = services(request).webhooks.store
    _there(request, await store.get(name))
    before = POSITION_MAX if asked.cursor is None else held_by(request, asked.cursor).after
    found = await store.logged(name, before, asked.limit + 1)
    more = found[asked.limit - 1].number if len(found) > asked.limit else None
    items = encode([_tried(each) for each in found[: asked.limit]])
    # The list has no clocks: its cursors hold a number alone.
    following = next_of(request, Basis(instants.EPOCH.toordinal(), 0, 0), more)
    return answer(b'{"items":%s,%s}' % (items, following), headers={"Cache-Control": REVALIDATE})


async def _faults_of_url(request: AnyRequest, url: str) -> list[Fault]:
    try:
        await check(url, allow_private=services(request).webhooks.rules.allow_private)
    except Forbidden as error:
        return [Fault(("url",), str(error))]
    return []


def _faults_of_after(after: int | None, head: int) -> list[Fault]:
    return [Fault(("after",), f"{after} lies beyond the head, {head}")] if after is not None and after > head else []


def _wanted(given: Subscribing | Conditions) -> Wanted:
    return Wanted(given.type, given.issue, given.party, given.good)


def _new_secret(request: AnyRequest) -> str:
    return secret_of(services(request).webhooks.chance.secret(SECRET_BYTES))


def _absent(request: AnyRequest) -> NotFound:
    return NotFound(f"There is no subscription {request.path_params['subscription']}.")


def _there(request: AnyRequest, row: Subscription | None) -> Subscription:
    if row is None:
        raise _absent(request)
    return row


async def _told_now(request: AnyRequest, row: Subscription | None) -> Response[bytes]:
    """Answer with a subscription; NotFound for none. Whoever delivers looks at what may have changed."""
    found = _there(request, row)
    if request.method not in {"GET", "HEAD"}:
        services(request).webhooks.wake()
    return _answer((await _told(request, [found]))[0])


def _answer(members: dict[str, Any]) -> Response[bytes]:
    return answer(encode(members), headers={"Cache-Control": REVALIDATE})


async def _with_secret(request: AnyRequest, row: Subscription) -> dict[str, Any]:
    return (await _told(request, [row]))[0] | {"secret": row.secret}


async def _told(request: AnyRequest, rows: list[Subscription]) -> list[dict[str, Any]]:
    """Say how subscriptions stand, without their secrets."""
    held = services(request)
    following = await eventlog.at(held.database, [row.position + 1 for row in rows])
    recorded_at = {stored.position: stored.recorded_at for stored in following}
    head, now = (await held.heads.read()).position, held.clock()
    told = []
    for row in rows:
        waited = max(0, now - recorded_at.get(row.position + 1, now))
        told.append(_shown(row, head, {"events": max(0, head - row.position), "seconds": waited / MICROS}))
    return told


def _shown(row: Subscription, head: int, lag: dict[str, int | float]) -> dict[str, Any]:
    wanted = row.wanted
    given = {name: getattr(wanted, name) for name in wanted.__struct_fields__}
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
        "event": UUID(bytes=each.event),
        "attempt": each.tried.attempt,
        "at": instants.text(each.tried.at),
        "took_ms": each.tried.took // 1_000,
        "status": each.tried.status or None,
        "detail": each.tried.detail or None,
    }
