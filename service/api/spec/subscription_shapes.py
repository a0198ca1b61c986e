"""What subscriptions take and answer, as structs."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from service.api.http.parameters import LIMIT_DEFAULT, Cursor, EventType, Limit, OfGood, OfIssue, OfParty, Position
from service.api.http.query_strings import Query
from service.api.spec.follower_shapes import Lag
from service.api.spec.response_shapes import Moment, Next
from service.domain.errors import Fault
from service.domain.vocabulary.codes import Slug

SECRET_PREFIX = "whsec_"  # noqa: S105 - the prefix of every secret
SECRET_BYTES = (24, 64)
URL_MAX = 2_000

ReceiverUrl = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=URL_MAX,
        description="Where events are sent: https, to a host whose addresses are all public.",
        examples=["https://receiver.example/parley"],
    ),
]
Secret = Annotated[
    str,
    Meta(
        max_length=120,
        description=f"{SECRET_PREFIX} and 24 to 64 bytes in base64 (Standard Webhooks 1.0.0).",
        examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="],
    ),
]
OfType = Annotated[EventType, Meta(description="Events of this type, or of all of a kind: `restriction.*`.")]
State = Literal["active", "paused", "disabled"]


class Subscribing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A subscription to make; conditions given together all hold, without any every event is sent."""

    id: Annotated[Slug | None, Meta(description="Its name; one is made up when absent.")] = None
    url: ReceiverUrl
    type: OfType | None = None
    issue: OfIssue | None = None
    party: OfParty | None = None
    good: OfGood | None = None
    after: Annotated[
        Position | None, Meta(description="Send the events behind this position; the head of the log when absent.")
    ] = None
    secret: Annotated[Secret | None, Meta(description="What signs the events; one is made when absent.")] = None


class Conditions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which events are sent: those for which all of this holds; an empty object: every event."""

    type: OfType | None = None
    issue: OfIssue | None = None
    party: OfParty | None = None
    good: OfGood | None = None


class Resubscribing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What changes about a subscription; what is absent stays.

    `filter` takes the place of every condition there was. Made `active` again, it is tried at once, as if for the first
    time.
    """

    url: ReceiverUrl | None = None
    filter: Conditions | None = None
    state: Literal["active", "paused"] | None = None


class Rotation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Another secret; one is made when absent. The one before signs along for a day."""

    secret: Secret | None = None


class Replay(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """From where the log is sent again."""

    after: Annotated[Position, Meta(description="Send the events behind this position.")]


class DeliveriesQuery(Query, frozen=True, kw_only=True):
    """Which part of the log of deliveries."""

    cursor: Cursor | None = None
    limit: Limit = LIMIT_DEFAULT


class SubscriptionAnswer(Struct, frozen=True, kw_only=True):
    """A subscription: what it is about, how far it is, how it fares. The secret is never told again."""

    id: Slug
    url: ReceiverUrl
    type: OfType | UnsetType = UNSET
    issue: OfIssue | UnsetType = UNSET
    party: OfParty | UnsetType = UNSET
    good: OfGood | UnsetType = UNSET
    position: Annotated[int, Meta(ge=0, description="All up to here has been delivered, or is not wanted.")]
    head: Annotated[int, Meta(ge=0, description="The last position of the log.")]
    lag: Lag
    state: State
    reason: Annotated[str | None, Meta(description="Why the last try failed, or why it is disabled.")]
    failures: Annotated[int, Meta(ge=0, description="How many tries at the next event have failed.")]
    due_at: Annotated[Moment | None, Meta(description="When the next try may be made; null: now.")]
    subscribed_at: Moment


class SubscriptionMade(SubscriptionAnswer, frozen=True, kw_only=True):
    """A subscription with its secret, which is told this once."""

    secret: Secret


class SubscriptionList(Struct, frozen=True, kw_only=True):
    """All subscriptions, by name."""

    items: tuple[SubscriptionAnswer, ...]
    next: Annotated[None, Meta(description="There is one page.")]
    head: Annotated[int, Meta(ge=0, description="The last position of the log.")]


class Delivery(Struct, frozen=True, kw_only=True):
    """One try to deliver an event."""

    position: Annotated[int, Meta(ge=1)]
    event: Annotated[UUID, Meta(description="The event's id, sent as `webhook-id`.")]
    attempt: Annotated[int, Meta(ge=1, description="Which try at this event it was.")]
    at: Moment
    took_ms: Annotated[int, Meta(ge=0, description="Milliseconds until the end of the answer, or of the try.")]
    status: Annotated[int | None, Meta(description="The status that the receiver answered; null without an answer.")]
    detail: Annotated[str | None, Meta(description="What went wrong; null when it was delivered.")]


class DeliveryPage(Struct, frozen=True, kw_only=True):
    """Tries to deliver, newest first."""

    items: tuple[Delivery, ...]
    next: Next


def secret_of(random: bytes) -> str:
    """Write random bytes as a secret."""
    return SECRET_PREFIX + base64.b64encode(random).decode()


def faults_of_secret(secret: str | None) -> list[Fault]:
    """Refuse what is no secret, without repeating it."""
    if secret is None:
        return []
    least, most = SECRET_BYTES
    try:
        size = len(base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True))
    except binascii.Error:
        size = 0
    good = secret.startswith(SECRET_PREFIX) and least <= size <= most
    return [] if good else [Fault(("secret",), f"must be {SECRET_PREFIX} and {least} to {most} bytes in base64")]
