"""An operation as the document describes it, and the route that performs it."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple
from uuid import UUID

from msgspec import Meta

from service.access.keys import Role
from service.api.http.idempotency import HEADER as IDEMPOTENCY_KEY
from service.api.http.idempotency import WRITES
from service.api.http.problem_kinds import PROBLEM_KINDS
from service.api.http.problems import POSITION
from service.api.http.requests import JSON
from service.api.http.tables import CSV
from service.api.spec import examples, receipt_shapes
from service.domain.vocabulary.codes import Slug

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from service.api.http.problem_kinds import ProblemKind
    from service.api.http.query_strings import Query
    from service.api.http.requests import Handler

AS_OF_HEADERS = ("ETag", "Link", "Cache-Control", POSITION)
KEYED = (IDEMPOTENCY_KEY,)
"""The header of every operation that records events."""
CONDITIONAL = ("If-Match", *KEYED)
"""The headers of one that acts on an event."""
_BODY_PROBLEMS = ("not-json", "request-timeout", "too-large", "unsupported-media-type", "malformed")

IssueName = Annotated[Slug, Meta(description="The name of the issue.", examples=[examples.ISSUE])]
ConsumerName = Annotated[Slug, Meta(description="The name of the consumer.", examples=[examples.CONSUMER["name"]])]
WatchName = Annotated[Slug, Meta(description="The name of the watch.", examples=[examples.WATCH["name"]])]
SubscriptionName = Annotated[Slug, Meta(description="The name of the subscription.", examples=["compliance-desk"])]
EventId = Annotated[UUID, Meta(description="The id of a recorded event.", examples=[examples.SEED_ID])]


def item_name(kind: str) -> Any:  # noqa: ANN401 - a type
    """Return the type of the name of an item of a kind, with one of the seeds as its example."""
    return Annotated[Slug, Meta(description="The name of the item.", examples=[examples.ITEMS[kind]])]


class Media(NamedTuple):
    """One form of an answer; without `shape` its schema says nothing, unless it is text. A tuple has one of several."""

    media_type: str = JSON
    shape: Any = None
    example: Any = None


class Documented(NamedTuple):
    """The answer of an operation with one status; 204, 304 and an empty `media_type` have no content."""

    description: str
    shape: Any = None
    media_type: str = JSON
    example: Any = None
    headers: tuple[str, ...] = ()
    also: tuple[Media, ...] = ()

    @property
    def forms(self) -> tuple[Media, ...]:
        """Every form of the answer, its own first."""
        return Media(self.media_type, self.shape, self.example), *self.also


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation as the document describes it.

    `path` has its parameters in braces, their types in `path_parameters`. `narrowed` are the values that
    parameters of the query have here, by name, where their type has more. `problems` are names of kinds of problem, or
    statuses for every kind with that status; those that any body or query may meet are added. `answers` may be plain
    tuples. A body may be left out where `body_required` is false. `sends` is what is sent to a receiver from then on.
    `example_query` has values of query parameters for a request that answers on the seeds. `role` is what a key must be
    for at least; `service/api/roles.py` has it.
    """

    method: str
    path: str
    operation_id: str
    tag: str
    summary: str
    description: str
    path_parameters: Mapping[str, Any] = field(default_factory=dict)
    query: type[Query] | None = None
    example_query: Mapping[str, Any] = field(default_factory=dict)
    narrowed: Mapping[str, Sequence[str]] = field(default_factory=dict)
    headers: tuple[str, ...] = ()
    required_headers: tuple[str, ...] = ()
    body: Any = None
    body_type: str = JSON
    body_required: bool = True
    body_examples: Mapping[str, Any] = field(default_factory=dict)
    answers: Mapping[int, Documented | tuple[Any, ...]] = field(default_factory=dict)
    problems: tuple[str | int, ...] = ()
    sends: Documented | None = None
    role: Role = Role.ANYONE

    @property
    def takes_key(self) -> bool:
        """Whether a repeat is recognized by the header Idempotency-Key; a write that takes none refuses it."""
        return IDEMPOTENCY_KEY in self.headers

    @property
    def reads_log(self) -> bool:
        """Whether it waits until the log has reached a position, by the header Min-Position."""
        return self.method == "GET" and self.role > Role.ANYONE

    @property
    def takes_datetime(self) -> bool:
        """Whether it answers as it did at the time of the header Accept-Datetime."""
        return HTTPStatus.FOUND in self.answers

    def all_answers(self) -> dict[int, Documented]:
        """Return the answers, each with all its fields."""
        return {status: Documented(*answer) for status, answer in self.answers.items()}

    def problem_kinds(self, common: Iterable[str]) -> dict[int, list[ProblemKind]]:
        """Return the kinds of problems by status: its own, those of its parts, and the common ones."""
        asked = {*self.problems, *common}
        for has_it, names in (
            (self.body is not None, _BODY_PROBLEMS),
            (self.query is not None, ("bad-query",)),
            (self.method in WRITES, ("bad-request", "cross-site")),
            (self.role > Role.ANYONE, ("unauthorized", "rate-limited")),
            (self.role > Role.READER, ("insufficient-scope",)),
            (self.reads_log or self.takes_datetime, ("bad-request",)),
            (self.takes_key, ("idempotency-key-reused", "too-much-work")),
        ):
            asked.update(names if has_it else ())
        by_status: dict[int, list[ProblemKind]] = {}
        for kind in PROBLEM_KINDS.values():
            if kind.name in asked or kind.status in asked:
                by_status.setdefault(kind.status, []).append(kind)
        return by_status


class Route(NamedTuple):
    """An operation and the handler that performs it."""

    operation: Operation
    handler: Handler


TABLE = (Media(CSV),)


def as_of_answers(
    description: str,
    shape: Any,  # noqa: ANN401 - a type
    example: Any = None,  # noqa: ANN401 - JSON
    also: tuple[Media, ...] = (),
    *,
    by_datetime: bool = True,
    media_type: str = JSON,
) -> dict[int, Documented]:
    """Return the answers of an operation as of (D, K)."""
    earlier = Documented("With Accept-Datetime: the answer as it was then.", headers=("Location", "Link", POSITION))
    had = ("Memento-Datetime",) if by_datetime else ()
    return {
        200: Documented(description, shape, media_type, example, headers=(*AS_OF_HEADERS, *had), also=also),
        **({302: earlier} if by_datetime else {}),
        304: Documented("The client has this answer.", headers=AS_OF_HEADERS),
    }


_RECEIPT = Documented("Recorded.", receipt_shapes.Receipt, example=examples.RECEIPT, headers=("ETag", POSITION))
_REPEATED = "The same had been recorded before, and nothing was stored: the first answer again."
RECORDED_BY_CHANGE = {200: _RECEIPT}
RECORDED_OR_REPEATED = {201: _RECEIPT, 200: _RECEIPT._replace(description=_REPEATED)}
_PREVIEWED = f"{_REPEATED} With `dry_run`: what the batch would do."
RECORDED_REPEATED_OR_PREVIEWED = {
    201: _RECEIPT,
    200: Documented(_PREVIEWED, (receipt_shapes.Receipt, receipt_shapes.BatchPreview), example=examples.RECEIPT),
}
