"""One recorded event as a CloudEvent (CloudEvents 1.0.2, JSON format, structured): webhooks, the feed and brokers."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec import Struct

from service.domain.vocabulary import dates, instants

if TYPE_CHECKING:
    from uuid import UUID

    from service.eventlog.head import Heads
    from service.eventlog.log import Stored

MEDIA_TYPE = "application/cloudevents+json"
BATCH_MEDIA_TYPE = "application/cloudevents-batch+json"
SEQUENCE_DIGITS = 20
"""`sequence` is compared as text: positions are padded with zeros to this width."""

_START = (
    '{"specversion":"1.0","id":"%s","source":"%s/v1/events","type":"parley.%s.v1","subject":"%s",%s'
    '"recordedtime":"%s","sequence":"%s","ledgerid":"%s","ledgerepoch":%d,"datacontenttype":"application/json",'
    '"dataschema":"%s/schema/events/%s.v1.json",%s"data":'
)


class Origin(NamedTuple):
    """The URL under which clients reach the service, the id of its ledger, and the epoch at this moment."""

    public_url: str
    ledger: UUID
    epoch: int


def origin_of(public_url: str, heads: Heads) -> Origin:
    """Return the origin of the events that are sent now."""
    return Origin(public_url, heads.ledger, heads.epoch)


class _Named(Struct, frozen=True, kw_only=True, gc=False):
    """The fields of an event that its envelope repeats."""

    id: str
    type: str
    item: str
    occurred: str
    causation_id: str | None = None
    correlation_id: str | None = None


_DECODER = msgspec.json.Decoder(_Named)


def envelope(stored: Stored, origin: Origin) -> bytes:
    """Return a recorded event as one CloudEvent.

    `data` is the event as it was stored, byte for byte. The text that a record acts on is an attribute, as JSON in a
    string: attributes are no objects.
    `time` is the beginning of the first day on which the event may have occurred, in UTC; a date with an open beginning
    has none. `source` and `id` together name the event for ever, so the public URL must stay what it is. `ledgerid` and
    `ledgerepoch` are the edition from which it is sent: the epoch of an event that is sent again may have been raised.
    """
    event = _DECODER.decode(stored.body)
    start = _START % (
        event.id, origin.public_url, event.type, event.item, _time(event.occurred),
        instants.text(stored.recorded_at), sequence(stored.position), origin.ledger, origin.epoch,
        origin.public_url, event.type, _causes(event) + _target(stored),
    )  # fmt: skip
    return b"%s%s}" % (start.encode(), stored.body)


def _target(stored: Stored) -> str:
    if (target := stored.target()) is None:
        return ""
    named = _DECODER.decode(target)
    text = msgspec.json.encode(target.decode()).decode()
    return f'"targettype":"parley.{named.type}.v1","targetitem":"{named.item}","targetevent":{text},'


def sequence(position: int) -> str:
    """Write a position so that text order is number order."""
    return str(position).zfill(SEQUENCE_DIGITS)


@lru_cache(maxsize=4_096)
def _time(occurred: str) -> str:
    first = dates.parse(occurred).lo
    return "" if first == dates.OPEN else f'"time":"{dates.iso(first)}T00:00:00Z",'


def _causes(event: _Named) -> str:
    named = (("correlationid", event.correlation_id), ("causationid", event.causation_id))
    return "".join(f'"{name}":{msgspec.json.encode(value).decode()},' for name, value in named if value is not None)
