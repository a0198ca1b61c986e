"""Watches: questions that are kept, and asked again; their changed answers go to a subscription."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec
from litestar import Response

from service.api.asker import Asker, read_question
from service.api.http.cursors import name_of, page_by_name
from service.api.http.problems import NotFound
from service.api.http.query_strings import Query
from service.api.http.requests import (
    REVALIDATE,
    AnyRequest,
    body_of,
    encode,
    json_answer,
    new_slug_of,
    query_of,
    services_of,
    slug_of,
)
from service.api.spec import examples
from service.api.spec.operations import Documented, Operation, Route, WatchName
from service.api.spec.watch_shapes import AnswerChanged, WatchAnswer, WatchesQuery, Watching, WatchPage
from service.domain.errors import Fault, Malformed
from service.domain.vocabulary import dates, instants
from service.feed.cloudevents import MEDIA_TYPE
from service.watches.answers import BYTES_MAX, ITEMS_MAX, status_of
from service.watches.store import Asked

if TYPE_CHECKING:
    from service.watches.store import Watch

_TOO_LARGE = (
    f"the answer has more than {ITEMS_MAX:,} items or {BYTES_MAX:,} bytes: narrow it, or set limit or sources=none"
)


async def _list_watches(request: AnyRequest) -> Response[bytes]:
    """Read the watches in the order of their names."""
    query = query_of(request, WatchesQuery)
    found = await services_of(request).watches.store.page(name_of(request, query.cursor), query.limit + 1)
    page, following = page_by_name(request, found, query.limit)
    shown = [_shown(each) for each in page]
    return json_answer(encode({"items": shown, "next": following}), headers={"Cache-Control": REVALIDATE})


async def _get_watch(request: AnyRequest) -> Response[bytes]:
    """Read a watch with its last answer; raises NotFound when there is none of that name."""
    query_of(request, Query)
    name = slug_of(request, "watch", "watch")
    found = await services_of(request).watches.store.get(name)
    if found is None:
        raise _absent(name)
    return _answer(found)


async def _put_watch(request: AnyRequest) -> Response[bytes]:
    """Set a watch: it is asked at once, unless it is there already with this question and this subscription."""
    name = new_slug_of(request, "watch")
    sent = await body_of(request, Watching)
    store = services_of(request).watches.store
    read_question(sent.question)
    while True:
        found = await store.get(name)
        if found is not None and (found.question, found.subscription) == (sent.question, sent.deliver):
            return _answer(found)
        made = await _set(request, name, sent, found)
        if made is not None:
            services_of(request).watches.wake()
            return _answer(made, 200 if found else 201)


async def _set(request: AnyRequest, name: str, sent: Watching, found: Watch | None) -> Watch | None:
    """Ask the question and keep it with its answer; None where another request was faster.

    Raises Malformed for a subscription that there is not, or a question that is refused or whose answer is too large;
    TooManyWatches.
    """
    services = services_of(request)
    if await services.webhooks.store.get(sent.deliver) is None:
        raise Malformed([Fault(("deliver",), f"there is no subscription {sent.deliver}")])
    head = await services.heads.read()
    at = max(services.clock(), 0 if found is None else found.version + 1)
    asked = Asked(at, services.today(), head.position, head.epoch)
    answer = await Asker(request.app).ask(sent.question, asked.day, asked.position)
    if answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        raise Malformed([Fault(("question",), _TOO_LARGE)])
    if not await services.watches.store.put(name, sent.question, sent.deliver, asked, answer):
        return None
    return await services.watches.store.get(name)


async def _delete_watch(request: AnyRequest) -> Response[bytes]:
    """End a watch; raises NotFound when there is none of that name."""
    query_of(request, Query)
    name = slug_of(request, "watch", "watch")
    if not await services_of(request).watches.store.delete(name):
        raise _absent(name)
    services_of(request).watches.wake()
    return Response(b"", status_code=204)


def _absent(name: str) -> NotFound:
    return NotFound(f"There is no watch {name}.")


def _answer(found: Watch, status: int = 200) -> Response[bytes]:
    headers = {"Cache-Control": REVALIDATE} | (
        {"Location": f"/v1/watches/{found.name}"} if status == HTTPStatus.CREATED else {}
    )
    members = _shown(found) | {"answer": msgspec.Raw(found.body) if found.body else None}
    return json_answer(encode(members), status, headers)


def _shown(found: Watch) -> dict[str, Any]:
    return {
        "name": found.name,
        "question": found.question,
        "deliver": found.subscription,
        "asked_at": instants.text(found.asked_at),
        "as_of": dates.iso(found.day),
        "known_position": found.position,
        "url": found.url,
        "status": status_of(found.digest),
        "undelivered": found.number - found.delivered,
    }


_BY_NAME: dict[str, Any] = {"path": "/v1/watches/{watch}", "tag": "watches", "path_parameters": {"watch": WatchName}}
_SHOWN = Documented("The watch.", WatchAnswer, example=examples.WATCH, headers=("Cache-Control",))
ROUTES = [
    Route(
        Operation(
            method="GET", path="/v1/watches", operation_id="list_watches", tag="watches", summary="List watches",
            description="The watches in the order of their names, without their answers.", query=WatchesQuery,
            answers={200: Documented("A page of watches.", WatchPage, example=examples.WATCHES)},
        ),
        _list_watches,
    ),
    Route(
        Operation(
            method="GET", operation_id="get_watch", summary="Get a watch",
            description="A watch, its last answer, and when the question was asked last.",
            query=Query, answers={200: _SHOWN}, problems=("not-found",), **_BY_NAME,
        ),
        _get_watch,
    ),
    Route(
        Operation(
            method="PUT", operation_id="put_watch", summary="Watch the answer to a question",
            description="Asks the question at once, as of today (UTC), and again when an event may have changed the "
            "answer and when a day begins. When the answer is another, `parley.answer.changed` is delivered to the "
            "subscription, with the answers before and after. A watch with this question and this subscription stays "
            "as it is; with another one it is asked again, and nothing is delivered.",
            query=Query, body=Watching, body_examples=examples.WATCHINGS,
            answers={200: _SHOWN, 201: _SHOWN._replace(headers=("Location", "Cache-Control"))},
            problems=("not-found", "limit-reached"),
            sends=Documented("A changed answer.", AnswerChanged, MEDIA_TYPE, examples.ANSWER_CHANGED), **_BY_NAME,
        ),
        _put_watch,
    ),
    Route(
        Operation(
            method="DELETE", operation_id="delete_watch", summary="End a watch",
            description="Forgets the question, its answers, and changes that are not delivered yet.",
            query=Query, answers={204: Documented("It is ended.")}, problems=("not-found",), **_BY_NAME,
        ),
        _delete_watch,
    ),
]  # fmt: skip
