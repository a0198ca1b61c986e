"""Consumers: durable cursors over HTTP, moved by compare-and-set."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from litestar import Response
from msgspec import Struct

from service.api.http import moments
from service.api.http.access import owner_of
from service.api.http.cursors import name_of, page_by_name
from service.api.http.parameters import LIMIT_DEFAULT, Cursor, Instant, Limit, Position
from service.api.http.problems import NotFound, PreconditionFailed
from service.api.http.query_strings import Query
from service.api.http.requests import (
    REVALIDATE,
    AnyRequest,
    body_of,
    encode,
    field_of,
    json_answer,
    new_slug_of,
    query_of,
    services_of,
    slug_of,
)
from service.api.spec import examples
from service.api.spec.follower_shapes import Consumer, ConsumerPage, Lag
from service.api.spec.operations import ConsumerName, Documented, Operation, Route
from service.domain.errors import Fault, Malformed
from service.domain.vocabulary import instants
from service.eventlog.log import Place
from service.feed import consumers

if TYPE_CHECKING:
    from service.feed.consumers import CursorConflict, CursorState

_TAG = re.compile(r'"(0|[1-9][0-9]{0,15})"', re.ASCII)


class Move(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A move of a cursor: the position that it is to have, and the one where the writer last saw it."""

    position: Position
    """The position up to which all events have been processed; at most the head of the log."""
    expected: Position | None = None
    """The position where the writer last saw the cursor; it moves only from there. Absent, the consumer is made, unless
    the header If-Match has the position."""
    recorded_at: Instant | None = None
    """When the event at `position` was recorded, as the feed has it. Given, the move is refused where the log has
    another event there: it was set back after the writer read it."""

    @property
    def place(self) -> Place:
        """Return the place that the cursor is to have; raises Malformed for an instant that does not exist."""
        try:
            return Place(self.position, None if self.recorded_at is None else moments.micros(self.recorded_at))
        except ValueError as error:
            raise Malformed([Fault(("recorded_at",), f"there is no {self.recorded_at}: {error}")]) from error


class ConsumersQuery(Query, frozen=True, kw_only=True):
    """A page of the list."""

    cursor: Cursor | None = None
    limit: Limit = LIMIT_DEFAULT


async def _list_consumers(request: AnyRequest) -> Response[bytes]:
    """Read the consumers in the order of their names."""
    query = query_of(request, ConsumersQuery)
    found = await consumers.listed(
        services_of(request).database.primary, name_of(request, query.cursor), query.limit + 1
    )
    page, following = page_by_name(request, found, query.limit)
    shown = tuple(_shown(request, each) for each in page)
    return json_answer(encode(ConsumerPage(items=shown, next=following)), headers={"Cache-Control": REVALIDATE})


async def _get_consumer(request: AnyRequest) -> Response[bytes]:
    """Read the position of a consumer; raises NotFound when there is none of that name."""
    query_of(request, Query)
    name = slug_of(request, "consumer", "consumer")
    found = await consumers.get(services_of(request).database.primary, name)
    if found is None:
        raise _absent(name)
    return _answer(request, found)


async def _put_consumer(request: AnyRequest) -> Response[bytes]:
    """Make a consumer, or move it from where the writer saw it."""
    name = new_slug_of(request, "consumer")
    sent = await body_of(request, Move)
    if field_of(request, b"if-match") is not None:
        return await _move_if_match(request, name, sent)
    if field_of(request, b"if-none-match") is not None:
        return await _create_if_none(request, name, sent)
    services = services_of(request)
    if sent.expected is not None:
        moved = await consumers.move(
            services.database.primary, name, sent.place, services.clock(), sent.expected, owner_of(request)
        )
        return _answer(request, moved)
    made = await consumers.create(
        services.database.primary, name, sent.place, services.clock(), owner_of(request) or ""
    )
    if made is not None:
        return _made(request, made)
    await consumers.check_owner(services.database.primary, name, owner_of(request))
    found = await consumers.get(services.database.primary, name)
    if found is None or found.position != sent.position:
        raise await consumers.conflict(services.database.primary, name, None)
    return _answer(request, found)


async def _delete_consumer(request: AnyRequest) -> Response[bytes]:
    """Delete a consumer; raises NotFound when there is none of that name."""
    query_of(request, Query)
    name = slug_of(request, "consumer", "consumer")
    expected = None if field_of(request, b"if-match") is None else await _if_match(request, name)
    try:
        await consumers.delete(services_of(request).database.primary, name, expected, owner_of(request))
    except consumers.CursorConflict as conflict:
        raise (_absent(name) if conflict.actual is None else _failed(conflict)) from conflict
    return Response(b"", status_code=204)


async def _move_if_match(request: AnyRequest, name: str, sent: Move) -> Response[bytes]:
    _alone(sent, "If-Match")
    services = services_of(request)
    try:
        expected, owner = await _if_match(request, name), owner_of(request)
        moved = await consumers.move(services.database.primary, name, sent.place, services.clock(), expected, owner)
    except consumers.CursorConflict as conflict:
        raise _failed(conflict) from conflict
    return _answer(request, moved)


async def _create_if_none(request: AnyRequest, name: str, sent: Move) -> Response[bytes]:
    _alone(sent, "If-None-Match")
    if (field_of(request, b"if-none-match") or "").strip() != "*":
        detail = "If-None-Match holds * where a consumer is made."
        raise PreconditionFailed(detail)
    services = services_of(request)
    made = await consumers.create(
        services.database.primary, name, sent.place, services.clock(), owner_of(request) or ""
    )
    if made is None:
        raise _failed(await consumers.conflict(services.database.primary, name, None))
    return _made(request, made)


def _alone(sent: Move, header: str) -> None:
    """Refuse two expectations."""
    if sent.expected is not None:
        raise Malformed([Fault(("expected",), f"not together with the header {header}")])


async def _if_match(request: AnyRequest, name: str) -> int | None:
    """Return the position that If-Match names, of several the one where the consumer is, None for any.

    Raises PreconditionFailed for another text.
    """
    given = (field_of(request, b"if-match") or "").strip()
    if given == "*":
        return None
    tags = [int(tag[1]) for each in given.split(",") if (tag := _TAG.fullmatch(each.strip()))]
    if not tags:
        detail = f"If-Match holds the position of the consumer, a number in quotes, not {given}."
        raise PreconditionFailed(detail)
    found = await consumers.get(services_of(request).database.primary, name) if len(tags) > 1 else None
    return found.position if found and found.position in tags else tags[0]


def _failed(conflict: CursorConflict) -> PreconditionFailed:
    if conflict.actual is None:
        return PreconditionFailed(f"There is no consumer {conflict.name}.")
    detail = f"{conflict.name} is at position {conflict.actual}."
    return PreconditionFailed(detail, actual={conflict.name: conflict.actual})


def _absent(name: str) -> NotFound:
    return NotFound(f"There is no consumer {name}.")


def _made(request: AnyRequest, found: CursorState) -> Response[bytes]:
    response = _answer(request, found)
    response.status_code = 201
    response.headers["Location"] = f"/v1/consumers/{found.name}"
    return response


def _answer(request: AnyRequest, found: CursorState) -> Response[bytes]:
    headers = {"ETag": f'"{found.position}"', "Cache-Control": REVALIDATE}
    return json_answer(encode(_shown(request, found)), headers=headers)


def _shown(request: AnyRequest, found: CursorState) -> Consumer:
    lag = Lag(events=found.events, seconds=found.seconds(services_of(request).clock()))
    return Consumer(
        name=found.name,
        position=found.position,
        place=str(found.place),
        moved_at=instants.text(found.moved_at),
        head=found.head,
        lag=lag,
    )


_BY_NAME: dict[str, Any] = {
    "path": "/v1/consumers/{consumer}",
    "tag": "consumers",
    "path_parameters": {"consumer": ConsumerName},
}
_SHOWN: dict[str, Any] = {"shape": Consumer, "example": examples.CONSUMER}
_KEPT = ("ETag", "Cache-Control")
ROUTES = [
    Route(
        Operation(
            method="GET", path="/v1/consumers", operation_id="list_consumers", tag="consumers",
            summary="List consumers", description="The consumers in the order of their names, each with its lag.",
            query=ConsumersQuery,
            answers={200: Documented("A page of consumers.", ConsumerPage, example=examples.CONSUMERS)},
        ),
        _list_consumers,
    ),
    Route(
        Operation(
            method="GET", operation_id="get_consumer", summary="Get a consumer",
            description="The position of a consumer, and its lag. Its entity tag is its position.",
            query=Query, answers={200: Documented("The consumer.", headers=_KEPT, **_SHOWN)},
            problems=("not-found",), **_BY_NAME,
        ),
        _get_consumer,
    ),
    Route(
        Operation(
            method="PUT", operation_id="move_consumer", summary="Make or move a consumer",
            description="Moves a cursor, forward or back, from the position that the writer saw: `expected` or "
            "If-Match names it (`If-Match: *` any). If the cursor is elsewhere or missing, nothing happens: 409 with "
            "`expected`, 412 with If-Match. Without either the consumer is created. If it already exists: 200 at the "
            "same position (412 with `If-None-Match: *`), 409 at another.",
            query=Query, headers=("If-Match", "If-None-Match"), body=Move, body_examples=examples.MOVES,
            answers={
                200: Documented("It is there.", headers=_KEPT, **_SHOWN),
                201: Documented("It is made.", headers=("Location", *_KEPT), **_SHOWN),
            },
            problems=("not-found", "other-log", "cursor-conflict", "limit-reached", "precondition-failed"), **_BY_NAME,
        ),
        _put_consumer,
    ),
    Route(
        Operation(
            method="DELETE", operation_id="delete_consumer", summary="Delete a consumer",
            description="Forgets how far a consumer has come; with If-Match only when it is still there.",
            query=Query, headers=("If-Match",), answers={204: Documented("It is deleted.")},
            problems=("not-found", "precondition-failed"), **_BY_NAME,
        ),
        _delete_consumer,
    ),
]  # fmt: skip
