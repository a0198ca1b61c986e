"""The shapes of answers to services that follow the log: pages, CloudEvents, consumers."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from service.api.spec.json_schema import AnyRecorded
from service.api.spec.response_shapes import Moment, Next
from service.domain.vocabulary.codes import Slug
from service.domain.vocabulary.events import AnyEvent


class FeedPage(Struct, frozen=True, kw_only=True):
    """Recorded events in position order. Read on behind `next`; at `head` all is read."""

    events: tuple[AnyRecorded, ...]
    next: Annotated[int, Meta(ge=0, description="Ask behind this position for what follows.")]
    head: Annotated[int, Meta(ge=0, description="The last position of the log.")]


class CloudEvent(Struct, frozen=True, kw_only=True):
    """A recorded event as a CloudEvent (CloudEvents 1.0): `sequence` is its position, `recordedtime` when it was."""

    specversion: Literal["1.0"]
    id: UUID
    source: Annotated[str, Meta(extra_json_schema={"format": "uri-reference"})]
    type: Annotated[str, Meta(examples=["parley.restriction.imposed.v1"])]
    subject: Annotated[Slug, Meta(description="The item.")]
    time: Annotated[
        Moment | UnsetType,
        Meta(description="The beginning of the first day on which it may have occurred; absent where that is open."),
    ] = UNSET
    recordedtime: Moment
    sequence: Annotated[str, Meta(pattern="^[0-9]{20}$", description="The position: text order is number order.")]
    datacontenttype: Literal["application/json"]
    dataschema: Annotated[str, Meta(extra_json_schema={"format": "uri"})]
    correlationid: str | UnsetType = UNSET
    causationid: str | UnsetType = UNSET
    data: AnyEvent


class Lag(Struct, frozen=True, kw_only=True):
    """How far a follower is behind the log."""

    events: Annotated[int, Meta(ge=0, description="Events behind its position, whatever it filters.")]
    seconds: Annotated[
        float, Meta(ge=0, description="How long ago the first of them was recorded; 0 when there is none.")
    ]


class Consumer(Struct, frozen=True, kw_only=True):
    """A durable cursor beside the head of the log."""

    name: Slug
    position: Annotated[int, Meta(ge=0, description="All up to this position has been processed.")]
    moved_at: Annotated[Moment, Meta(description="When it last came to another position.")]
    head: Annotated[int, Meta(ge=0, description="The last position of the log.")]
    lag: Lag


class ConsumerPage(Struct, frozen=True, kw_only=True):
    """A page of consumers in the order of their names."""

    items: tuple[Consumer, ...]
    next: Next
