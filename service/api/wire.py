"""What every operation shares: its services, the way in for bodies, the two clocks, the form of answers."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeVar
from urllib.parse import parse_qsl, quote, urlencode
from uuid import UUID

import msgspec
from litestar import Request, Response
from msgspec import Meta

from service import eventlog
from service.api.problems import NotFound, TooLarge, UnsupportedMediaType, pointer
from service.api.queries import POSITION_MAX, AsOf, AsOfPage, BadQuery, Known, KnownPage, Query, read
from service.domain import dates, instants
from service.domain.accept import accept
from service.domain.errors import Fault, KnowledgeAhead, UnknownEvent
from service.views import query as views

if TYPE_CHECKING:
    from service.api.memory import Answers
    from service.append import Ledger, Receipt
    from service.eventlog.newest import Heads
    from service.feed.tail import Tail
    from service.storage.database import Database
    from service.webhooks import Webhooks

JSON = "application/json"
IMMUTABLE = "public, max-age=31536000, immutable"
REVALIDATE = "no-cache"
NO_STORE = "no-store"
BODY_MAX = 8 * 1024 * 1024
"""Bytes that a body may have."""
DRAIN_MAX = 64 * 1024 * 1024
"""Bytes of a body too large that are taken in before it is refused."""
SLUG_MAX = 80
_NOT_FILTERS = {
    "as_of", "cursor", "known_at", "known_basis", "known_from", "known_position", "known_to", "limit", "to",
}  # fmt: skip
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)

T = TypeVar("T")
Q = TypeVar("Q", bound=Query)
AnyRequest = Request[Any, Any, Any]
Handler = Callable[[AnyRequest], Awaitable[Response[bytes]]]
encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Services:
    """What the operations work with.

    `answers` are those kept, `clock` gives microseconds since 1970 UTC, under `public_url` clients reach the service.
    """

    database: Database
    ledger: Ledger
    heads: Heads
    answers: Answers
    tail: Tail
    webhooks: Webhooks
    clock: Callable[[], int]
    public_url: str


def services(request: AnyRequest) -> Services:
    """Give the services of the application."""
    found: Services = request.app.state.services
    return found


def query_of(request: AnyRequest, shape: type[Q]) -> Q:
    """Decode the query string strictly; BadQuery with every fault."""
    return read(request.scope["query_string"], shape)


async def body_of(request: AnyRequest, shape: type[T]) -> T:
    """Decode the body strictly; UnsupportedMediaType, NotJson or Malformed when it is not what is wanted.

    What takes a body takes no query: BadQuery names what is there.
    """
    if request.scope["query_string"]:
        query_of(request, Query)
    sent = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
    if sent != JSON and not sent.endswith("+json"):
        detail = f"The body is {sent}; send it as {JSON}."
        raise UnsupportedMediaType(detail)
    if int(request.headers.get("content-length", "0")) > BODY_MAX:
        await _drain(request)
    return accept(await request.body(), shape)


async def _drain(request: AnyRequest) -> None:
    """Take in a body that is too large, within reason: a client that still writes would not see the answer."""
    taken = 0
    while taken < DRAIN_MAX:
        message: Any = await request.receive()
        taken += len(message.get("body", b""))
        if not message.get("more_body", False):
            break
    detail = f"A body may have {BODY_MAX} bytes."
    raise TooLarge(detail)


def named(request: AnyRequest, name: str, kind: str) -> str:
    """Give the name of an issue or item in the path; NotFound for what can be no name."""
    slug: str = request.path_params[name]
    if not _SLUG.fullmatch(slug) or len(slug) > SLUG_MAX:
        detail = f"There is no {kind} {slug[:SLUG_MAX]}."
        raise NotFound(detail)
    return slug


def event_id(written: str) -> UUID:
    """Read an event id of a path; UnknownEvent for what is none."""
    try:
        return UUID(written)
    except ValueError:
        raise UnknownEvent(written) from None


def answer(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Response[bytes]:
    """Answer with JSON that is already bytes."""
    return Response(body, status_code=status, media_type=JSON, headers=headers)


def receipt(told: Receipt) -> Response[bytes]:
    """Answer an append: 201, or 200 where the same had been recorded before."""
    return answer(receipt_body(told), 200 if told.repeated else 201)


def receipt_body(told: Receipt) -> bytes:
    """Write what an append answers."""
    last = told.events[-1]
    warnings = [{"detail": each.detail, "pointer": pointer(each.path)} for each in told.warnings]
    return b'{"position":%d,"recorded_at":"%s","events":[%s],"warnings":%s}' % (
        last.position,
        instants.text(last.recorded_at).encode(),
        b",".join(event.json() for event in told.events),
        encode(warnings),
    )


async def ask_of(request: AnyRequest, asked: Known) -> views.Ask:
    """Turn the clocks of a query into a question; KnowledgeAhead for an instant that is not past."""
    held = services(request)
    now = held.clock()
    day = asked.day() if isinstance(asked, AsOf) else None
    as_of = instants.day(now) if day is None else day
    if asked.known_basis == "published":
        published = asked.known_day()
        return views.Ask(as_of, asked.known_position, published=instants.day(now) if published is None else published)
    instant = asked.known_micros()
    if instant is not None:
        await freeze(request, "known_at", asked.known_at or "", instant)
    return views.Ask(as_of, asked.known_position, instant)


async def freeze(request: AnyRequest, name: str, written: str, instant: int) -> None:
    """Make what is known at a parameter's instant final; KnowledgeAhead for one that is not past."""
    held = services(request)
    if instant >= held.clock():
        asked_for = f"{name}={written}"
        raise KnowledgeAhead(asked_for, (await eventlog.head(held.database)).position)
    await held.ledger.freeze(instant)


class Place(NamedTuple):
    """Where a page of a list begins: behind an item number or position, at the clocks of the first page."""

    ask: views.Ask
    after: int


class Held(msgspec.Struct, frozen=True, array_like=True):
    """What a cursor holds: where the next page begins, the clocks of the first, and the list it was made for.

    `within` is the second half of the place, where one number does not give it.
    """

    after: Annotated[int, Meta(ge=0, le=POSITION_MAX)]
    position: Annotated[int, Meta(ge=0, le=POSITION_MAX)]
    as_of: Annotated[int, Meta(ge=dates.OPEN, lt=dates.FOREVER)]
    made_for: str
    within: Annotated[int, Meta(ge=0, le=POSITION_MAX)] = 0
    published: Annotated[int, Meta(ge=dates.OPEN, lt=dates.FOREVER)] | None = None

    @property
    def ask(self) -> views.Ask:
        """The clocks of the first page."""
        return views.Ask(self.as_of, self.position, published=self.published)


async def place_of(request: AnyRequest, asked: KnownPage | AsOfPage) -> Place:
    """Give where the asked page begins; BadQuery for a cursor that is not of this list."""
    if asked.cursor is None:
        return Place(await ask_of(request, asked), 0)
    held = held_by(request, asked.cursor)
    if not same_clocks(request, asked, held):
        raise not_of_this_list()
    return Place(held.ask, held.after)


def held_by(request: AnyRequest, cursor: str) -> Held:
    """Read a cursor; BadQuery when it is not of this list."""
    try:
        held = msgspec.json.decode(base64.urlsafe_b64decode(cursor), type=Held)
    except ValueError:  # of which base64's and msgspec's errors are kinds
        raise not_of_this_list() from None
    if held.made_for != _list_mark(request):
        raise not_of_this_list()
    return held


def same_clocks(request: AnyRequest, asked: Known, held: Held) -> bool:
    """Tell whether the clocks that are given beside a cursor are its own."""
    published = asked.known_basis == "published"
    basis_given = any(name == "known_basis" for name, _ in _parameters(request))
    return (
        (not isinstance(asked, AsOfPage) or asked.as_of is None or asked.day() == held.as_of)
        and (asked.known_position is None or asked.known_position == held.position)
        and (not basis_given or published == (held.published is not None))
        and (not published or asked.known_at is None or asked.known_day() == held.published)
    )


def not_of_this_list() -> BadQuery:
    """Refuse a cursor."""
    return BadQuery([Fault(("cursor",), "not a cursor of this list with these filters and clocks")])


def next_of(request: AnyRequest, at: views.Basis, after: int | None, within: int = 0) -> bytes:
    """Write the `next` member of a page: a cursor for what is behind `after`, null at the end."""
    if after is None:
        return b'"next":null'
    content = encode(Held(after, at.position, at.as_of, _list_mark(request), within, at.published))
    return b'"next":"%s"' % base64.urlsafe_b64encode(content)


def _list_mark(request: AnyRequest) -> str:
    """Name the list that a request is about: its path and filters, whatever the page and the clocks."""
    given = sorted((name, value) for name, value in _parameters(request) if name not in _NOT_FILTERS)
    return hashlib.sha256(encode((request.scope["path"], given))).hexdigest()[:16]


def _parameters(request: AnyRequest) -> list[tuple[str, str]]:
    return parse_qsl(request.scope["query_string"].decode("ascii", "replace"), keep_blank_values=True)


def basis(at: views.Basis) -> bytes:
    """Write the members by which an answer states what it rests on, without braces."""
    return b'"as_of":"%s",%s' % (dates.iso(at.as_of).encode(), known(at))


def known(at: views.Basis) -> bytes:
    """Write the members by which an answer states what it knows."""
    by = _known_basis(at).encode()
    return b'"known_at":%s,"known_position":%d,"known_basis":"%s"' % (encode(_known_at(at)), at.position, by)


def _known_at(at: views.Basis) -> str | None:
    """Write K as an instant, None before the first event; as published, as a day."""
    if at.published is not None:
        return dates.iso(at.published)
    return instants.text(at.recorded_at) if at.position else None


def _known_basis(at: views.Basis) -> str:
    return "recorded" if at.published is None else "published"


def etag(at: views.Basis) -> str:
    """Give the entity tag of an answer: its basis, within its own URL."""
    published = "" if at.published is None else f".{dates.iso(at.published)}"
    return f'"{dates.iso(at.as_of)}.{at.position}.{_known_basis(at)}{published}"'


async def unchanged(request: AnyRequest, ask: views.Ask) -> Response[bytes] | None:
    """Answer 304 when the client has the answer already, without touching an item."""
    held = request.headers.get("if-none-match")
    if held is None:
        return None
    return not_modified(request, headers_of(request, await views.basis(services(request).database, ask)))


def not_modified(request: AnyRequest, headers: dict[str, str]) -> Response[bytes] | None:
    """Answer 304 when the client has the answer that would have these headers."""
    tags = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    if headers["ETag"] not in tags and "*" not in tags:
        return None
    return Response(b"", status_code=304, headers=headers)


def headers_of(request: AnyRequest, at: views.Basis) -> dict[str, str]:
    """Give the headers of an as-of answer: its tag, its frozen URL, and how long it may be kept."""
    names = {name for name, _ in _parameters(request)}
    clocks = {"as_of": dates.iso(at.as_of), "known_position": str(at.position)}
    if at.published is None:
        pinned = "as_of" in names and ("known_position" in names or "known_at" in names)
    else:
        pinned = {"as_of", "known_position", "known_at"} <= names
        clocks |= {"known_basis": "published", "known_at": dates.iso(at.published)}
    return frozen(request, etag(at), clocks, pinned=pinned)


def frozen(request: AnyRequest, tag: str, clocks: dict[str, str], *, pinned: bool) -> dict[str, str]:
    """Give the headers of an answer that holds for ever at some clocks, which its frozen URL names.

    `pinned` tells whether the request names them all; a cursor holds them too.
    """
    given = _parameters(request)
    paged = any(name == "cursor" for name, _ in given)
    rest = [(name, value) for name, value in given if not name.startswith("known_") and name not in clocks]
    url = urlencode(given if paged else [*rest, *clocks.items()])
    return {
        "ETag": tag,
        "Link": f'<{quote(request.scope["path"])}?{url}>; rel="memento"',
        "Cache-Control": IMMUTABLE if pinned or paged else REVALIDATE,
    }


def as_of_answer(request: AnyRequest, members: bytes, at: views.Basis) -> Response[bytes]:
    """Answer with an object's members (without braces), followed by the basis."""
    return answer(b"{%s,%s}" % (members, basis(at)), headers=headers_of(request, at))
