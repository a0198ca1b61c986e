"""Consumers: durable cursors over HTTP, moved by compare-and-set."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from litestar import Response
from msgspec import Meta, Struct

from service.api import answers
from service.api.problems import NotFound, PreconditionFailed
from service.api.queries import LIMIT_DEFAULT, Cursor, Limit, Position, Query
from service.api.wire import (
    REVALIDATE,
    AnyRequest,
    answer,
    body_of,
    encode,
    named,
    not_of_this_list,
    query_of,
    services,
)
from service.domain import instants
from service.domain.codes import Slug
from service.domain.errors import Fault, Malformed
from service.feed import consumers

if TYPE_CHECKING:
    from service.feed.consumers import Consumer, CursorConflict

_TAG = re.compile(r'"(0|[1-9][0-9]{0,15})"', re.ASCII)


class Move(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where a cursor is to stand, and where the writer last saw it."""

    position: Annotated[Position, Meta(description="All up to this position has been processed; at most the head.")]
    expected: Annotated[
        Position | None,
        Meta(description="The position that the writer saw; absent, the consumer is to be made. If-Match says it too."),
    ] = None


class ConsumersQuery(Query, frozen=True, kw_only=True):
    """Which part of the list."""

    cursor: Cursor | None = None
    limit: Limit = LIMIT_DEFAULT


class Behind(Struct, frozen=True, array_like=True):
    """What a cursor of the list holds: the name that the next page begins behind."""

    made_for: Literal["consumers"]
    name: Slug


async def list_consumers(request: AnyRequest) -> Response[bytes]:
    """Read the consumers in the order of their names."""
    asked = query_of(request, ConsumersQuery)
    after = _behind(asked.cursor) if asked.cursor else ""
    found = await consumers.page(services(request).database, after, asked.limit + 1)
    shown = tuple(_shown(request, each) for each in found[: asked.limit])
    following = _cursor(shown[-1].name) if len(found) > asked.limit else None
    return answer(encode(answers.ConsumerPage(items=shown, next=following)), headers={"Cache-Control": REVALIDATE})


async def get_consumer(request: AnyRequest) -> Response[bytes]:
    """Read where a consumer is; NotFound when there is none of that name."""
    query_of(request, Query)
    name = named(request, "consumer", "consumer")
    found = await consumers.get(services(request).database, name)
    if found is None:
        raise _absent(name)
    return _answer(request, found)


async def put_consumer(request: AnyRequest) -> Response[bytes]:
    """Make a consumer, or move it from where the writer saw it."""
    name = _name(request)
    sent = await body_of(request, Move)
    if "if-match" in request.headers:
        return await _move_if_match(request, name, sent)
    if "if-none-match" in request.headers:
        return await _create_if_none(request, name, sent)
    held = services(request)
    if sent.expected is not None:
        moved = await consumers.move(held.database, name, sent.position, held.clock(), sent.expected)
        return _answer(request, moved)
    made = await consumers.create(held.database, name, sent.position, held.clock())
    if made is not None:
        return _made(request, made)
    found = await consumers.get(held.database, name)
    if found is None or found.position != sent.position:
        raise await consumers.conflict(held.database, name, None)
    return _answer(request, found)


async def delete_consumer(request: AnyRequest) -> Response[bytes]:
    """Take a consumer away; NotFound when there is none of that name."""
    query_of(request, Query)
    name = named(request, "consumer", "consumer")
    expected = _if_match(request) if "if-match" in request.headers else None
    try:
        await consumers.delete(services(request).database, name, expected)
    except consumers.CursorConflict as conflict:
        raise (_absent(name) if conflict.actual is None else _failed(conflict)) from conflict
    return Response(b"", status_code=204)


async def _move_if_match(request: AnyRequest, name: str, sent: Move) -> Response[bytes]:
    _alone(sent, "If-Match")
    held = services(request)
    try:
        moved = await consumers.move(held.database, name, sent.position, held.clock(), _if_match(request))
    except consumers.CursorConflict as conflict:
        raise _failed(conflict) from conflict
    return _answer(request, moved)


async def _create_if_none(request: AnyRequest, name: str, sent: Move) -> Response[bytes]:
    _alone(sent, "If-None-Match")
    if request.headers["if-none-match"].strip() != "*":
        detail = "If-None-Match holds * where a consumer is made."
        raise PreconditionFailed(detail)
    held = services(request)
    made = await consumers.create(held.database, name, sent.position, held.clock())
    if made is None:
        raise _failed(await consumers.conflict(held.database, name, None))
    return _made(request, made)


def _alone(sent: Move, header: str) -> None:
    """Refuse two expectations."""
    if sent.expected is not None:
        raise Malformed([Fault(("expected",), f"not together with the header {header}")])


def _if_match(request: AnyRequest) -> int | None:
    """Give the position that If-Match names, None for any; PreconditionFailed when it can be none."""
    given = request.headers["if-match"].strip()
    if given == "*":
        return None
    tag = _TAG.fullmatch(given)
    if tag is None:
        detail = f"If-Match holds the position of the consumer, a number in quotes, not {given}."
        raise PreconditionFailed(detail)
    return int(tag[1])


def _failed(conflict: CursorConflict) -> PreconditionFailed:
    if conflict.actual is None:
        return PreconditionFailed(f"There is no consumer {conflict.name}.")
    detail = f"{conflict.name} is at position {conflict.actual}."
    return PreconditionFailed(detail, actual={conflict.name: conflict.actual})


def _absent(name: str) -> NotFound:
    return NotFound(f"There is no consumer {name}.")


def _name(request: AnyRequest) -> str:
    """Give the name of a consumer that may be made; NotFound says what a name is."""
    try:
        return named(request, "consumer", "consumer")
    except NotFound as error:
        detail = f"{error.detail} A name has lower-case letters and digits, words joined by single hyphens."
        raise NotFound(detail) from error


def _made(request: AnyRequest, found: Consumer) -> Response[bytes]:
    response = _answer(request, found)
    response.status_code = 201
    response.headers["Location"] = f"/v1/consumers/{found.name}"
    return response


def _answer(request: AnyRequest, found: Consumer) -> Response[bytes]:
    headers = {"ETag": f'"{found.position}"', "Cache-Control": REVALIDATE}
    return answer(encode(_shown(request, found)), headers=headers)


def _shown(request: AnyRequest, found: Consumer) -> answers.Consumer:
    lag = answers.Lag(events=found.events, seconds=found.seconds(services(request).clock()))
    return answers.Consumer(
        name=found.name, position=found.position, moved_at=instants.text(found.moved_at), head=found.head, lag=lag
    )


def _cursor(name: str) -> str:
    return base64.urlsafe_b64encode(encode(Behind("consumers", name))).decode()


def _behind(cursor: str) -> str:
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(cursor), type=Behind).name
    except ValueError:  # of which base64's and msgspec's errors are kinds
        raise not_of_this_list() from None
