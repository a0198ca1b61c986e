"""Refusals as RFC 9457 problems: one table from the refusal to the problem, and the handlers that Litestar calls."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, cast
from urllib.parse import quote

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from service.api.http.exchange import trace_member
from service.api.http.problem_kinds import MEDIA_TYPE, PROBLEM_KINDS, ProblemKind
from service.api.http.query_strings import BadQuery
from service.domain.errors import (
    EventChanged,
    EventIdConflict,
    Fault,
    KeyReused,
    KnowledgeAhead,
    Malformed,
    NotJson,
    OtherLog,
    Refused,
    TooMuchToAnswer,
    TooMuchWork,
    Unavailable,
    UnknownEvent,
    VersionConflict,
)
from service.feed.consumers import CONSUMERS_MAX, CursorConflict, NotTheOwner, TooManyConsumers
from service.storage.database import Lost
from service.watches.store import WATCHES_MAX, TooManyWatches

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

POSITION = "Ledger-Position"
"""The header of every answer that says up to which position it counts the log."""
RATES = "parley.rates"
"""Where the scope of a request has the headers that say how many its client may still send; absent for no bound."""
RETRY_AFTER = 1
"""Seconds that a client is asked to wait before it tries again."""


class EdgeRefused(Refused):
    """A refusal of the HTTP layer itself: `detail` for the reader, more `members` and `headers` of the problem."""

    kind: ClassVar[str]
    headers: Mapping[str, str] = {}

    def __init__(self, detail: str, **members: Any) -> None:  # noqa: ANN401 - any JSON
        """Keep both as they are."""
        super().__init__(detail)
        self.detail, self.members = detail, members


class BadRequest(EdgeRefused):
    """A header of the request has a value that it cannot have."""

    kind = "bad-request"


class Unauthorized(EdgeRefused):
    """The request needs a key, and has none or one that does not open this ledger (RFC 6750, 3)."""

    kind = "unauthorized"

    def __init__(self, detail: str, error: str = "") -> None:
        """`error` is a code of RFC 6750; "" where no key was sent."""
        super().__init__(detail)
        self.headers = {"WWW-Authenticate": 'Bearer realm="parley"' + (f', error="{error}"' if error else "")}


class InsufficientRole(EdgeRefused):
    """The key has not the role that this needs."""

    kind = "insufficient-scope"

    def __init__(self, detail: str, scope: str, **members: Any) -> None:  # noqa: ANN401 - any JSON
        """`scope` is the role that is needed."""
        super().__init__(detail, **members)
        self.headers = {"WWW-Authenticate": f'Bearer realm="parley", error="insufficient_scope", scope="{scope}"'}


class NotFound(EdgeRefused):
    """Nothing is here, or nothing at this day as known then."""

    kind = "not-found"


class NotAcceptable(EdgeRefused):
    """None of the media types in Accept can be given."""

    kind = "not-acceptable"


class Conflict(EdgeRefused):
    """The thing to create exists already."""

    kind = "exists"


class InUse(EdgeRefused):
    """What is to be deleted is needed by something else."""

    kind = "in-use"


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
    """The body is of a media type, or in a coding, that is not taken."""

    kind = "unsupported-media-type"
    headers: Mapping[str, str] = {"Accept": "application/json, application/*+json", "Accept-Encoding": "identity"}


class Occurrence(NamedTuple):
    """One occurrence of a problem: its kind, its detail, and the members of that kind."""

    kind: str
    detail: str
    members: Mapping[str, Any] = {}


def _faults(faults: Sequence[Fault]) -> str:
    return "1 fault" if len(faults) == 1 else f"{len(faults)} faults"


def _malformed(refusal: Malformed, kind: str = "malformed") -> Occurrence:
    errors = [{"detail": fault.detail, "pointer": fault.pointer} for fault in refusal.faults]
    return Occurrence(kind, f"{_faults(refusal.faults)}; nothing was stored.", {"errors": errors})


def _bad_query(refusal: BadQuery) -> Occurrence:
    errors = [{"detail": fault.detail, "parameter": str(fault.path[0])} for fault in refusal.faults]
    return Occurrence("bad-query", f"{_faults(refusal.faults)}.", {"errors": errors})


def _too_much_to_answer(refusal: TooMuchToAnswer) -> Occurrence:
    return _bad_query(BadQuery([Fault(("known_basis",), str(refusal))]))


def _version_conflict(refusal: VersionConflict) -> Occurrence:
    moved = [
        f"{issue} is at version {version}, not {refusal.expected.get(issue)}"
        for issue, version in refusal.actual.items()
        if version != refusal.expected.get(issue)
    ]
    members = {"expected": refusal.expected, "actual": refusal.actual}
    return Occurrence("version-conflict", f"{'; '.join(moved) or refusal}.", members)


def _knowledge_ahead(refusal: KnowledgeAhead) -> Occurrence:
    return Occurrence("knowledge-ahead", f"{refusal}.", {"asked": refusal.asked, "head": refusal.head})


def _cursor_conflict(refusal: CursorConflict) -> Occurrence:
    where = {"expected": refusal.expected, "actual": refusal.actual}
    members = {member: {refusal.name: position} for member, position in where.items() if position is not None}
    if refusal.actual is None:
        return Occurrence("cursor-conflict", f"There is no consumer {refusal.name}.", members)
    seen = "; nothing was expected" if refusal.expected is None else f", not {refusal.expected}"
    return Occurrence("cursor-conflict", f"{refusal.name} is at position {refusal.actual}{seen}.", members)


_REFUSALS: dict[type[Refused], Callable[[Any], Occurrence]] = {
    EventChanged: lambda refusal: Occurrence("precondition-failed", str(refusal), {"position": refusal.actual}),
    Malformed: _malformed,
    TooMuchWork: partial(_malformed, kind="too-much-work"),
    NotJson: lambda refusal: Occurrence("not-json", refusal.detail),
    BadQuery: _bad_query,
    TooMuchToAnswer: _too_much_to_answer,
    VersionConflict: _version_conflict,
    EventIdConflict: lambda refusal: Occurrence("event-id-conflict", refusal.detail, {"ids": refusal.ids}),
    KeyReused: lambda refusal: Occurrence(
        "idempotency-key-reused", PROBLEM_KINDS["idempotency-key-reused"].example["detail"], {"ids": refusal.ids}
    ),
    UnknownEvent: lambda refusal: Occurrence("unknown-event", f"No recorded event has the id {refusal.event_id}."),
    KnowledgeAhead: _knowledge_ahead,
    OtherLog: lambda refusal: Occurrence("other-log", str(refusal), {"asked": refusal.asked}),
    CursorConflict: _cursor_conflict,
    NotTheOwner: lambda refusal: Occurrence("insufficient-scope", str(refusal)),
    TooManyConsumers: lambda _: Occurrence("limit-reached", f"There are {CONSUMERS_MAX} consumers."),
    TooManyWatches: lambda _: Occurrence("limit-reached", f"There are {WATCHES_MAX} watches."),
    EdgeRefused: lambda refusal: Occurrence(refusal.kind, refusal.detail, refusal.members),
    Refused: lambda refusal: Occurrence("bad-request", str(refusal)),
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
"""The detail of Litestar's error for a client that goes away in the middle of its body."""

logger = structlog.get_logger(__name__)


def problem(kind: ProblemKind, request: Request[Any, Any, Any], detail: str = "", **members: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the members of a problem; `instance` is the path of the request, percent-encoded."""
    head = {"type": kind.type, "title": kind.title, "status": kind.status}
    return {
        **head,
        **({"detail": detail} if detail else {}),
        "instance": quote(request.scope["path"], errors="replace"),
        **trace_member(request.scope),
        **members,
    }


def add_headers(request: Request[Any, Any, Any], headers: dict[str, str]) -> None:
    """Add the headers that every answer has: how far it counts the log, and how much its client may still send."""
    if POSITION not in headers and (services := request.app.state.get("services")):
        headers[POSITION] = str(services.heads.position)
    headers |= cast("dict[str, str]", request.scope.get(RATES, {}))


def _answer(
    request: Request[Any, Any, Any], members: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Response[bytes]:
    # A 404 may be kept by default (RFC 9110, 15.1), and none of these stays true.
    kept = {"Cache-Control": "no-store", **(headers or {})}
    add_headers(request, kept)
    return Response(msgspec.json.encode(members), status_code=members["status"], media_type=MEDIA_TYPE, headers=kept)


def _on_refused(request: Request[Any, Any, Any], refusal: Refused) -> Response[bytes]:
    row = next(_REFUSALS[base] for base in type(refusal).__mro__ if base in _REFUSALS)
    occurrence = row(refusal)
    members = problem(PROBLEM_KINDS[occurrence.kind], request, occurrence.detail, **occurrence.members)
    return _answer(request, members, refusal.headers if isinstance(refusal, EdgeRefused) else None)


def _on_unavailable(request: Request[Any, Any, Any], _: Unavailable | Lost) -> Response[bytes]:
    kind = PROBLEM_KINDS["unavailable"]
    return _answer(request, problem(kind, request, kind.example["detail"]), {"Retry-After": str(RETRY_AFTER)})


def _on_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    if error.status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
        if error.detail == _HUNG_UP:  # nobody reads the answer, and the service did nothing wrong
            return _answer(request, problem(PROBLEM_KINDS["bad-request"], request, error.detail))
        return _on_crash(request, error)
    phrase = HTTPStatus(error.status_code).phrase
    name = _STATUSES.get(error.status_code)
    # RFC 9457, 4.2.1: about:blank says no more than the status does.
    kind = PROBLEM_KINDS[name] if name else ProblemKind("", error.status_code, phrase, "", {})
    says_more = error.detail not in {"", phrase} and not isinstance(error, ValidationException)
    members = problem(kind, request, error.detail if says_more else "") | ({} if name else {"type": "about:blank"})
    headers = {"Retry-After": str(RETRY_AFTER)} if name == "unavailable" else {}
    return _answer(request, members, {**headers, **(error.headers or {})})


def _on_crash(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    trace = trace_member(request.scope)
    route = request.scope.get("path_template")  # the path may have a secret in it, as for access lines
    logger.error("request.failed", **trace, method=request.method, route=route, exc_info=error)
    return _answer(request, problem(PROBLEM_KINDS["internal"], request))


def handlers() -> dict[type[Exception] | int, Callable[..., Response[bytes]]]:
    """Return Litestar's `exception_handlers`: whatever goes wrong comes out as a problem."""
    return {
        Refused: _on_refused,
        Unavailable: _on_unavailable,
        Lost: _on_unavailable,
        HTTPException: _on_http,
        Exception: _on_crash,
    }
