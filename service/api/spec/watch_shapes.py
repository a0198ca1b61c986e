"""What watches take, answer and send, as structs."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta, Struct

from service.api.http.parameters import LIMIT_DEFAULT, Cursor, Limit
from service.api.http.query_strings import Query
from service.api.spec.basis_shapes import Moment
from service.api.spec.response_shapes import Next
from service.domain.vocabulary.codes import Slug

QUESTION_MAX = 4_000

WatchQuestion = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=QUESTION_MAX,
        description="The path and query of a GET: `/v1/between`, `/v1/exposure`, a list of items or issues, or one of "
        "them; without `as_of`, `known_*` and `cursor`. Without `limit` a list is asked to its end, up to 1,000 items.",
        examples=["/v1/exposure?hs=850511&origin=CN&destination=US"],
    ),
]
FrozenUrl = Annotated[str, Meta(examples=["/v1/restrictions/ear-controls?as_of=2025-06-10&known_position=128"])]
AnswerStatus = Annotated[
    Literal[200, 404, 413, 422],
    Meta(
        description="200: there is an answer. 404: there is no such item. 413: the answer has more than 1,000 items or "
        "1 MiB, which is more than a watch compares. 422: the service no longer answers such a question."
    ),
]
AnyAnswer = dict[str, Any] | None


class Watching(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A question, and the subscription to which its changed answers are delivered."""

    question: WatchQuestion
    deliver: Slug
    """The id of a subscription."""


class WatchesQuery(Query, frozen=True, kw_only=True):
    """A page of the list."""

    cursor: Cursor | None = None
    limit: Limit = LIMIT_DEFAULT


class ListedWatch(Struct, frozen=True, kw_only=True):
    """A watch, without its last answer."""

    name: Slug
    """The name of the watch."""
    question: WatchQuestion
    deliver: Slug
    """The id of the subscription to which changed answers are delivered."""
    asked_at: Moment
    """When the question was asked last, in UTC. It is asked when an event may have changed the answer, and when a day
    begins."""
    as_of: Annotated[str, Meta(description="The day as of which it was asked last.", examples=["2025-06-10"])]
    known_position: Annotated[int, Meta(ge=0, description="The position up to which was known when it was asked last.")]
    url: FrozenUrl
    """The frozen URL of the last answer: as of the day and as known at the position at which it was first given."""
    status: AnswerStatus
    undelivered: Annotated[int, Meta(ge=0)]
    """How many changes wait to be delivered."""


class WatchAnswer(ListedWatch, frozen=True, kw_only=True):
    """A watch with its last answer."""

    answer: AnyAnswer
    """The last answer, as GET of `url` has it; null where `status` is not 200."""


class WatchPage(Struct, frozen=True, kw_only=True):
    """A page of watches in the order of their names."""

    items: tuple[ListedWatch, ...]
    """The watches, in the order of their names."""
    next: Next


class AnswerChange(Struct, frozen=True, kw_only=True):
    """A change of the answer to the question of a watch."""

    watch: Slug
    """The name of the watch."""
    question: WatchQuestion
    number: Annotated[int, Meta(ge=1)]
    """The number of the change since the question was set: 1, then one more for each."""
    before_url: FrozenUrl
    """The frozen URL of the answer before: the `after_url` of the change before."""
    before_status: AnswerStatus
    before: AnyAnswer
    """The answer before, as GET of `before_url` has it; null where `before_status` is not 200."""
    after_url: FrozenUrl
    """The frozen URL of the answer after."""
    after_status: AnswerStatus
    after: AnyAnswer
    """The answer after, as GET of `after_url` has it; null where `after_status` is not 200."""


class AnswerChanged(Struct, frozen=True, kw_only=True):
    """A changed answer as a CloudEvent (CloudEvents 1.0)."""

    specversion: Literal["1.0"]
    """The version of CloudEvents."""
    id: UUID
    """The id of the change, the same at every try."""
    source: Annotated[str, Meta(extra_json_schema={"format": "uri-reference"})]
    """The URL of the watch."""
    type: Literal["parley.answer.changed"]
    """The type of the message."""
    subject: Slug
    """The name of the watch."""
    time: Moment
    """When the change was found, in UTC."""
    ledgerid: UUID
    """The id of the ledger."""
    ledgerepoch: Annotated[int, Meta(ge=0, le=2**31 - 1)]
    """The epoch of the ledger when the change was sent."""
    datacontenttype: Literal["application/json"]
    """The media type of `data`."""
    data: AnswerChange
    """The question, and the answers before and after."""
