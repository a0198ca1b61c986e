"""The shapes of answers to services that follow the log: pages, CloudEvents, consumers."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from service.api.spec.basis_shapes import Moment
from service.api.spec.recorded_shapes import AnyRecorded
from service.api.spec.response_shapes import Next
from service.domain.vocabulary.codes import Slug
from service.domain.vocabulary.events import AnyEvent


class FeedPage(Struct, frozen=True, kw_only=True):
    """A page of recorded events in position order. The log is read to its end when `next` equals `head`."""

    events: tuple[AnyRecorded, ...]
    """The events after the position asked for that pass the filter, at most `limit`."""
    next: Annotated[int, Meta(ge=0)]
    """The position to send as `after` with the next request; it is past the events that the filter left out."""
    head: Annotated[int, Meta(ge=0, description="The last position of the log.")]


class FeedEnd(Struct, frozen=True, kw_only=True):
    """The last line of the feed as `application/x-ndjson`. Without it the answer was cut off."""

    end: bool
    """Always true."""
    count: Annotated[int, Meta(ge=0, description="The number of events in the lines before.")]
    next: Annotated[int, Meta(ge=0)]
    """The position to send as `after` with the next request."""
    head: Annotated[int, Meta(ge=0, description="The last position of the log when it was asked for.")]


class StreamSetBack(Struct, frozen=True, kw_only=True):
    """The data of a message `set-back`, which ends a stream: the log was set back, as to a backup."""

    type: Literal["/problems/other-log"]
    """The kind of problem."""
    detail: str
    """A sentence that says what is wrong."""


class CloudEvent(Struct, frozen=True, kw_only=True):
    """A recorded event as a CloudEvent (CloudEvents 1.0)."""

    specversion: Literal["1.0"]
    """The version of CloudEvents."""
    id: UUID
    """The id of the event. Together with `source` it names the event for ever."""
    source: Annotated[str, Meta(extra_json_schema={"format": "uri-reference"})]
    """The URL of the events of this service."""
    type: Annotated[str, Meta(examples=["parley.restriction.imposed.v1"])]
    """The type of the event, after `parley.` and before the version of its form."""
    subject: Slug
    """The slug of the item of the event."""
    time: Moment | UnsetType = UNSET
    """The start, in UTC, of the first day on which the event may have occurred; absent where that day is open."""
    recordedtime: Moment
    """When the event was recorded, in UTC."""
    sequence: Annotated[str, Meta(pattern="^[0-9]{20}$")]
    """The position of the event, with zeros in front: order as text is order as numbers."""
    ledgerid: UUID
    """The id of the ledger."""
    ledgerepoch: Annotated[int, Meta(ge=0, le=2**31 - 1)]
    """The epoch of the ledger when the event was sent: raised when the log is set back or projections are remade."""
    datacontenttype: Literal["application/json"]
    """The media type of `data`."""
    dataschema: Annotated[str, Meta(extra_json_schema={"format": "uri"})]
    """The URL of the JSON Schema of `data`."""
    correlationid: str | UnsetType = UNSET
    """The `correlation_id` of the event; absent where it has none."""
    causationid: str | UnsetType = UNSET
    """The `causation_id` of the event; absent where it has none."""
    targettype: str | UnsetType = UNSET
    """Of a record: the type of the fact that it acts on, as `type` is written."""
    targetitem: Slug | UnsetType = UNSET
    """Of a record: the item of the fact that it acts on."""
    targetevent: str | UnsetType = UNSET
    """Of a record: the fact that it acts on, with the text that held before it, as JSON. Absent from a message of
    JetStream that would be too large with it."""
    data: AnyEvent
    """The event as it was recorded; its position is in `sequence`."""


class Lag(Struct, frozen=True, kw_only=True):
    """The distance of a follower from the head of the log."""

    events: Annotated[int, Meta(ge=0)]
    """The number of events after the position, whether or not they are wanted."""
    seconds: Annotated[float, Meta(ge=0)]
    """How long ago, in seconds, the first of these events was recorded; 0 where there are none."""


class Consumer(Struct, frozen=True, kw_only=True):
    """A consumer: a durable cursor, with the head of the log."""

    name: Slug
    """The name of the consumer."""
    position: Annotated[int, Meta(ge=0)]
    """The position up to which all events have been processed."""
    place: str
    """The same with the instant at which the event there was recorded, `position@recorded_at`: pass it as `after` to
    read on. The feed refuses it if the log was set back."""
    moved_at: Moment
    """When the cursor last moved to another position, in UTC."""
    head: Annotated[int, Meta(ge=0, description="The last position of the log.")]
    lag: Lag
    """The distance of the cursor from the head."""


class ConsumerPage(Struct, frozen=True, kw_only=True):
    """A page of consumers in the order of their names."""

    items: tuple[Consumer, ...]
    """The consumers, in the order of their names."""
    next: Next
