"""Refusals as RFC 9457 problems: one table of kinds, one of refusals, and the handlers that Litestar calls.

A client switches on `type`, a stable URI reference; `title` and `status` follow from it, `detail` is new each time.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple
from urllib.parse import quote

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from service.api.queries import BadQuery
from service.domain.errors import (
    EventIdConflict,
    Fault,
    KnowledgeAhead,
    Malformed,
    NotJson,
    Refused,
    Unavailable,
    UnknownEvent,
    VersionConflict,
)
from service.feed.consumers import CONSUMERS_MAX, CursorConflict, TooManyConsumers
from service.storage.database import Lost

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = 1
"""Seconds that a client is asked to wait before it tries again."""


class Kind(NamedTuple):
    """A kind of problem: the last part of its `type`, what is constant about it, and an example of what varies."""

    name: str
    status: int
    title: str
    meaning: str
    example: dict[str, Any]

    @property
    def type(self) -> str:
        """The URI reference by which clients know it."""
        return f"/problems/{self.name}"


class ProblemError(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing wrong: at `pointer` in the body (RFC 6901, as a URI fragment), or with the query's `parameter`."""

    detail: str
    pointer: str | None = None
    parameter: str | None = None


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Problem details (RFC 9457). `type` says which kind; the members after `errors` come with some kinds only."""

    type: str
    title: str
    status: int
    detail: str | None = None
    instance: str | None = None
    errors: tuple[ProblemError, ...] = ()
    expected: dict[str, int] = {}
    actual: dict[str, int] = {}
    ids: tuple[str, ...] = ()
    asked: str | None = None
    head: int | None = None
    first_as_of: str | None = None
    first_known_position: int | None = None
    first_known_at: str | None = None


def _by_name(*kinds: Kind) -> dict[str, Kind]:
    by_name = {kind.name: kind for kind in kinds}
    if len(by_name) < len(kinds):
        msg = "two kinds of problem have one name"
        raise ValueError(msg)
    return by_name


KINDS: dict[str, Kind] = _by_name(
    Kind(
        "not-json",
        400,
        "The body is not JSON",
        "The body is not JSON as RFC 8259 and UTF-8 have it, or it is nested too deep.",
        {"detail": "trailing comma in object (byte 17)"},
    ),
    Kind(
        "knowledge-ahead",
        400,
        "The asked knowledge lies ahead",
        "The position or instant lies beyond what is recorded, so that the answer could still change.",
        {
            "detail": "position 900 lies beyond the head, 128.",
            "asked": "position 900",
            "head": 128,
        },
    ),
    Kind("bad-request", 400, "The request is not understood", "The request is not as the operation wants it.", {}),
    Kind(
        "not-found",
        404,
        "Not found",
        "Nothing is here, or nothing at this day as was known then; the detail says from when there is.",
        {"detail": "There is no issue rare-earths."},
    ),
    Kind(
        "unknown-event",
        404,
        "No such event",
        "No recorded event has this id.",
        {"detail": "No recorded event has the id 0196b6f0-1111-7000-8000-000000000000."},
    ),
    Kind(
        "method-not-allowed",
        405,
        "Method not allowed",
        "The path takes other methods; the header Allow lists them.",
        {},
    ),
    Kind("not-acceptable", 406, "Not acceptable", "The answer has none of the media types in Accept.", {}),
    Kind(
        "version-conflict",
        409,
        "The issue has moved on",
        "An issue is at another version than the one expected: read it again, then decide again.",
        {
            "detail": "rare-earths is at version 7, not 5.",
            "expected": {"rare-earths": 5},
            "actual": {"rare-earths": 7},
        },
    ),
    Kind(
        "event-id-conflict",
        409,
        "The event id is taken",
        "An event with this id and other content is recorded, or only a part of the batch is.",
        {
            "detail": "The id is taken by an event with other content.",
            "ids": ["0196b6f0-1111-7000-8000-000000000000"],
        },
    ),
    Kind(
        "cursor-conflict",
        409,
        "The cursor is elsewhere",
        "The consumer is not at the position that the writer saw: somebody else moved, made or deleted it.",
        {
            "detail": "newsroom is at position 7, not 5.",
            "expected": {"newsroom": 5},
            "actual": {"newsroom": 7},
        },
    ),
    Kind(
        "limit-reached",
        409,
        "There is no room for another",
        "There are as many of these as the service keeps; delete what nobody uses.",
        {"detail": "There are 1000 consumers."},
    ),
    Kind(
        "exists",
        409,
        "It exists",
        "What is to be made is there already.",
        {"detail": "There is an issue rare-earths already."},
    ),
    Kind(
        "precondition-failed",
        412,
        "The precondition failed",
        "The header If-Match names another version than the current one.",
        {"detail": 'The current entity tag is "7".'},
    ),
    Kind("too-large", 413, "The body is too large", "The body is larger than the service takes.", {}),
    Kind(
        "unsupported-media-type",
        415,
        "Unsupported media type",
        "The body is of a media type that the operation does not take.",
        {"detail": "Send application/json."},
    ),
    Kind(
        "malformed",
        422,
        "The body breaks the vocabulary",
        "The body is not of the documented form, or names what does not exist; `errors` lists every fault.",
        {
            "detail": "1 fault; nothing was stored.",
            "errors": [{"detail": "there is no day 2025-02-30", "pointer": "#/events/0/occurred"}],
        },
    ),
    Kind(
        "bad-query",
        422,
        "The query is not as documented",
        "A parameter is unknown, repeated or has a value it cannot have; `errors` lists every fault.",
        {
            "detail": "1 fault.",
            "errors": [{"detail": "must be at most 1000, not 2000", "parameter": "limit"}],
        },
    ),
    Kind("internal", 500, "Internal error", "The service failed; its log says why.", {}),
    Kind(
        "unavailable",
        503,
        "Unavailable",
        "The service cannot answer now; the header Retry-After says when to try again.",
        {"detail": "The ledger cannot answer now; try again."},
    ),
)
"""Every kind of problem by name, in the order of status."""


class EdgeRefused(Refused):
    """A refusal of the edge itself: `detail` for the reader, `members` that the problem carries besides."""

    kind: ClassVar[str]

    def __init__(self, detail: str, **members: Any) -> None:  # noqa: ANN401 - any JSON
        """Keep both as they are."""
        super().__init__(detail)
        self.detail, self.members = detail, members


class BadRequest(EdgeRefused):
    """A header of the request has a value that it cannot have."""

    kind = "bad-request"


class NotFound(EdgeRefused):
    """Nothing is here, or nothing at this day as known then."""

    kind = "not-found"


class NotAcceptable(EdgeRefused):
    """None of the media types in Accept can be given."""

    kind = "not-acceptable"


class Conflict(EdgeRefused):
    """What is to be made is there already."""

    kind = "exists"


class LimitReached(EdgeRefused):
    """There are as many as there may be."""

    kind = "limit-reached"


class PreconditionFailed(EdgeRefused):
    """If-Match names another version than the current one."""

    kind = "precondition-failed"


class TooLarge(EdgeRefused):
    """The body is larger than the service takes."""

    kind = "too-large"


class UnsupportedMediaType(EdgeRefused):
    """The body is of a media type that is not taken."""

    kind = "unsupported-media-type"


class Told(NamedTuple):
    """What a problem says of one occurrence."""

    kind: str
    detail: str
    members: Mapping[str, Any] = {}


def pointer(path: Sequence[str | int]) -> str:
    """Write a path as a JSON pointer in a URI fragment (RFC 6901, section 6)."""
    return "#" + "".join(f"/{_step(step)}" for step in path)


def _step(step: str | int) -> str:
    return quote(str(step).replace("~", "~0").replace("/", "~1"), safe="!$&'()*+,;=:@?")


def _faults(faults: Sequence[Fault]) -> str:
    return "1 fault" if len(faults) == 1 else f"{len(faults)} faults"


def _malformed(refusal: Malformed) -> Told:
    errors = [{"detail": fault.detail, "pointer": pointer(fault.path)} for fault in refusal.faults]
    return Told("malformed", f"{_faults(refusal.faults)}; nothing was stored.", {"errors": errors})


def _bad_query(refusal: BadQuery) -> Told:
    errors = [{"detail": fault.detail, "parameter": str(fault.path[0])} for fault in refusal.faults]
    return Told("bad-query", f"{_faults(refusal.faults)}.", {"errors": errors})


def _version_conflict(refusal: VersionConflict) -> Told:
    moved = [
        f"{issue} is at version {version}, not {refusal.expected.get(issue)}"
        for issue, version in refusal.actual.items()
        if version != refusal.expected.get(issue)
    ]
    members = {"expected": refusal.expected, "actual": refusal.actual}
    return Told("version-conflict", f"{'; '.join(moved) or refusal}.", members)


def _knowledge_ahead(refusal: KnowledgeAhead) -> Told:
    detail = f"{refusal.asked} lies beyond the head, {refusal.head}."
    return Told("knowledge-ahead", detail, {"asked": refusal.asked, "head": refusal.head})


def _cursor_conflict(refusal: CursorConflict) -> Told:
    where = {"expected": refusal.expected, "actual": refusal.actual}
    members = {member: {refusal.name: position} for member, position in where.items() if position is not None}
    if refusal.actual is None:
        return Told("cursor-conflict", f"There is no consumer {refusal.name}.", members)
    seen = "; nothing was expected" if refusal.expected is None else f", not {refusal.expected}"
    return Told("cursor-conflict", f"{refusal.name} is at position {refusal.actual}{seen}.", members)


_REFUSALS: dict[type[Refused], Callable[[Any], Told]] = {
    Malformed: _malformed,
    NotJson: lambda refusal: Told("not-json", refusal.detail),
    BadQuery: _bad_query,
    VersionConflict: _version_conflict,
    EventIdConflict: lambda refusal: Told("event-id-conflict", refusal.detail, {"ids": refusal.ids}),
    UnknownEvent: lambda refusal: Told("unknown-event", f"No recorded event has the id {refusal.event_id}."),
    KnowledgeAhead: _knowledge_ahead,
    CursorConflict: _cursor_conflict,
    TooManyConsumers: lambda _: Told("limit-reached", f"There are {CONSUMERS_MAX} consumers."),
    EdgeRefused: lambda refusal: Told(refusal.kind, refusal.detail, refusal.members),
    Refused: lambda refusal: Told("bad-request", str(refusal)),
}
"""From the refusal to the problem; a subclass without a row of its own goes by its base."""

_STATUSES: dict[int, str] = {
    400: "bad-request",
    404: "not-found",
    405: "method-not-allowed",
    406: "not-acceptable",
    412: "precondition-failed",
    413: "too-large",
    415: "unsupported-media-type",
    503: "unavailable",
}
"""From the status of an exception of Litestar's own to the problem."""

_HUNG_UP = "client disconnected prematurely"
"""What Litestar says of a client that goes away in the middle of its body."""

_log = structlog.get_logger()


def problem(kind: Kind, request: Request[Any, Any, Any], detail: str = "", **members: Any) -> dict[str, Any]:  # noqa: ANN401
    """Give the members of a problem; `instance` is the path that was asked for, percent-encoded."""
    head = {"type": kind.type, "title": kind.title, "status": kind.status}
    return {
        **head,
        **({"detail": detail} if detail else {}),
        "instance": quote(request.scope["path"], errors="replace"),
        **members,
    }


def _answer(members: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response[bytes]:
    return Response(
        msgspec.json.encode(members), status_code=members["status"], media_type=MEDIA_TYPE, headers=dict(headers or {})
    )


def _on_refused(request: Request[Any, Any, Any], refusal: Refused) -> Response[bytes]:
    row = next(_REFUSALS[base] for base in type(refusal).__mro__ if base in _REFUSALS)
    told = row(refusal)
    return _answer(problem(KINDS[told.kind], request, told.detail, **told.members))


def _on_unavailable(request: Request[Any, Any, Any], _: Unavailable | Lost) -> Response[bytes]:
    kind = KINDS["unavailable"]
    return _answer(problem(kind, request, kind.example["detail"]), {"Retry-After": str(RETRY_AFTER)})


def _on_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    if error.status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
        if error.detail == _HUNG_UP:  # nobody reads the answer, and the service did nothing wrong
            return _answer(problem(KINDS["bad-request"], request, error.detail))
        return _on_crash(request, error)
    phrase = HTTPStatus(error.status_code).phrase
    name = _STATUSES.get(error.status_code)
    # RFC 9457, 4.2.1: about:blank says no more than the status does.
    kind = KINDS[name] if name else Kind("", error.status_code, phrase, "", {})
    told = error.detail not in {"", phrase} and not isinstance(error, ValidationException)
    members = problem(kind, request, error.detail if told else "") | ({} if name else {"type": "about:blank"})
    headers = {"Retry-After": str(RETRY_AFTER)} if name == "unavailable" else {}
    return _answer(members, {**headers, **(error.headers or {})})


def _on_crash(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    _log.error("request.failed", method=request.method, path=request.scope["path"], exc_info=error)
    return _answer(problem(KINDS["internal"], request))


def handlers() -> dict[type[Exception] | int, Callable[..., Response[bytes]]]:
    """Give Litestar's `exception_handlers`: whatever goes wrong comes out as a problem."""
    return {
        Refused: _on_refused,
        Unavailable: _on_unavailable,
        Lost: _on_unavailable,
        HTTPException: _on_http,
        Exception: _on_crash,
    }
