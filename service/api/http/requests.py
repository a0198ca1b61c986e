"""A request and its answer: services, query, body, names in the path, and JSON as bytes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl
from uuid import UUID

import msgspec
from litestar import Request, Response

from service.api.http.exchange import note
from service.api.http.problems import POSITION, NotFound, TooLarge, UnsupportedMediaType
from service.api.http.query_strings import Query, read
from service.domain.admit.strict_json import LARGE_BODY, accept
from service.domain.errors import UnknownEvent
from service.domain.vocabulary import instants
from service.domain.vocabulary.codes import SLUG_MAX, SLUG_PATTERN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.access.ring import KeyRing
    from service.api.http.answer_memory import AnswerMemory
    from service.api.http.clients import Clients
    from service.api.http.exchange import Traffic
    from service.append.request import AppendResult
    from service.domain.errors import Fault
    from service.eventlog.head import Heads
    from service.feed.live import Tail
    from service.storage.database import Database
    from service.watches.watcher import Watcher
    from service.webhooks.webhooks import Webhooks
    from service.writer.shared import SharedLedger

JSON = "application/json"
REVALIDATE = "no-cache"
NO_STORE = "no-store"
BODY_MAX = 8 * 1024 * 1024
"""Bytes that a body may have."""
DRAIN_MAX = 64 * 1024 * 1024
"""Bytes of a body too large that are read before it is refused."""
_SLUG = re.compile(SLUG_PATTERN, re.ASCII)

T = TypeVar("T")
Q = TypeVar("Q", bound=Query)
AnyRequest = Request[Any, Any, Any]
Handler = Callable[[AnyRequest], Awaitable[Response[bytes]]]
encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of the service that operations work with.

    `clock` returns microseconds since 1970 UTC. Clients reach the service under `public_url`.
    """

    database: Database
    ledger: SharedLedger
    heads: Heads
    answers: AnswerMemory
    tail: Tail
    webhooks: Webhooks
    watches: Watcher
    clock: Callable[[], int]
    public_url: str
    keys: KeyRing
    traffic: Traffic
    clients: Clients

    def today(self) -> int:
        """Return the day in UTC, as an ordinal."""
        return instants.day(self.clock())


def services_of(request: AnyRequest) -> Services:
    """Return the services of the application."""
    services: Services = request.app.state.services
    return services


def query_of(request: AnyRequest, shape: type[Q]) -> Q:
    """Decode the query string strictly; raises BadQuery with every fault."""
    return read(request.scope["query_string"], shape)


def field_of(request: AnyRequest, name: bytes) -> str | None:
    """Return a header field by its name in lower case; the lines of a list are one list (RFC 9110, 5.3)."""
    found = [value for each, value in request.scope["headers"] if each == name]
    return b", ".join(found).decode("latin-1") if found else None


def parameters_of(request: AnyRequest) -> list[tuple[str, str]]:
    """Return the parameters of the query string as they were sent."""
    return parse_qsl(request.scope["query_string"].decode("ascii", "replace"), keep_blank_values=True)


async def body_of(request: AnyRequest, shape: type[T], query: type[Query] = Query) -> T:
    """Decode the body strictly; raises UnsupportedMediaType, TooLarge, NotJson or Malformed.

    Raises BadQuery for parameters that are not of `query`: most operations with a body take none.
    """
    if request.scope["query_string"]:
        query_of(request, query)
    return await _accepted(request, shape)


async def body_if_sent(request: AnyRequest, shape: type[T]) -> T | None:
    """Decode a body that may be absent, as `body_of` does; None without one."""
    return await _accepted(request, shape) if _is_sent(request) else None


def _is_sent(request: AnyRequest) -> bool:
    return (
        field_of(request, b"content-length") not in {None, "0"} or field_of(request, b"transfer-encoding") is not None
    )


async def _accepted(request: AnyRequest, shape: type[T]) -> T:
    coding = (field_of(request, b"content-encoding") or "identity").strip().lower()
    if coding != "identity":
        detail = f"The body is in the coding {coding}; send it as it is."
        raise UnsupportedMediaType(detail)
    sent = (field_of(request, b"content-type") or "").partition(";")[0].strip().lower()
    if sent != JSON and not sent.endswith("+json") and (sent or _is_sent(request)):
        detail = f"The body {f'is {sent}' if sent else 'has no Content-Type'}; send it as {JSON}."
        raise UnsupportedMediaType(detail)
    if int(field_of(request, b"content-length") or "0") > BODY_MAX:
        await _drain(request)
    body = await request.body()
    return accept(body, shape) if len(body) <= LARGE_BODY else await asyncio.to_thread(accept, body, shape)


async def _drain(request: AnyRequest) -> None:
    """Read a body that is too large, within reason: a client that still writes would not see the answer."""
    taken = 0
    while taken < DRAIN_MAX:
        message: Any = await request.receive()
        taken += len(message.get("body", b""))
        if not message.get("more_body", False):
            break
    detail = f"A body may have {BODY_MAX} bytes."
    raise TooLarge(detail)


def slug_of(request: AnyRequest, parameter: str, kind: str) -> str:
    """Return the name of an issue, an item, a consumer or a subscription in the path; raises NotFound for no slug."""
    slug: str = request.path_params[parameter]
    if not _SLUG.match(slug) or len(slug) > SLUG_MAX:
        detail = f"There is no {kind} {slug[:SLUG_MAX]}."
        raise NotFound(detail)
    return slug


def new_slug_of(request: AnyRequest, kind: str) -> str:
    """Return the name in the path of what may be made; raises NotFound, which says what a name is."""
    try:
        return slug_of(request, kind, kind)
    except NotFound as error:
        detail = f"{error.detail} A name has lower-case letters and digits, words joined by single hyphens."
        raise NotFound(detail) from error


def event_id(written: str) -> UUID:
    """Read an event id of a path; raises UnknownEvent for a text that is no UUID."""
    try:
        return UUID(written)
    except ValueError:
        raise UnknownEvent(written) from None


def json_answer(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Response[bytes]:
    """Answer with JSON that is already bytes."""
    return Response(body, status_code=status, media_type=JSON, headers=headers)


def receipt(request: AnyRequest, result: AppendResult, status: int = 201, day: str = "") -> Response[bytes]:
    """Answer an append: with `status`, or 200 where the same had been recorded before.

    Its entity tag is that of the event, or of the issue with a `day`, as known right after it.
    """
    services = services_of(request)
    last = result.events[-1]
    known = f"{day}.{last.position}.recorded" if day else str(last.position)
    headers = {"ETag": f'"{known}.{services.heads.edition}"', POSITION: str(last.position)}
    note(request.scope, last.position)
    body = b'{"position":%d,"recorded_at":"%s","ledger":"%s","epoch":%d,"events":[%s],"warnings":%s}' % (
        last.position,
        instants.text(last.recorded_at).encode(),
        str(services.heads.ledger).encode(),
        services.ledger.epoch,
        b",".join(event.json() for event in result.events),
        warned(result.warnings),
    )
    return json_answer(body, 200 if result.repeated else status, headers)


def warned(warnings: Sequence[Fault]) -> bytes:
    """Return the JSON of warnings."""
    return encode([{"detail": each.detail, "pointer": each.pointer} for each in warnings])
