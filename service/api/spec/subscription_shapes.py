"""What subscriptions take and answer, as structs."""

from __future__ import annotations

import base64
from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from service.api.http.parameters import (
    LIMIT_DEFAULT,
    Cursor,
    Limit,
    OfEccn,
    OfEntity,
    OfGood,
    OfHs,
    OfIssue,
    OfItem,
    OfParty,
    OfType,
    Position,
    Since,
)
from service.api.http.query_strings import Query
from service.api.spec.basis_shapes import Moment
from service.api.spec.follower_shapes import Lag
from service.api.spec.response_shapes import Next
from service.domain.errors import Fault
from service.domain.vocabulary.codes import Slug

SECRET_PREFIX = "whsec_"  # noqa: S105 - the prefix of every secret  # nosec B105
SECRET_BYTES = (24, 64)
_CHAR = "[A-Za-z0-9+/]"
_SECRET = f"^{SECRET_PREFIX}(({_CHAR}{{4}}){{8,21}}({_CHAR}{{2}}==)?|({_CHAR}{{4}}){{8,20}}{_CHAR}{{3}}=)$"
"""The form of a secret, for the document: the decoder would repeat in its refusal a text that is not of a form."""
URL_MAX = 2_000

ReceiverUrl = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=URL_MAX,
        description="The URL that events are sent to: https, on a host whose addresses are all public.",
        examples=["https://receiver.example/parley"],
    ),
]
Secret = Annotated[
    str,
    Meta(
        max_length=120,
        extra_json_schema={"pattern": _SECRET},
        description=f"A key to sign with: {SECRET_PREFIX} and 24 to 64 bytes in base64 (Standard Webhooks 1.0.0).",
        examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="],
    ),
]
State = Literal["active", "paused", "disabled"]


class Subscribing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A subscription to make. An event is sent when all conditions hold for it; without conditions every event is."""

    id: Slug | None = None
    """The name of the subscription; the service makes one up when absent."""
    url: ReceiverUrl
    type: OfType | None = None
    issue: OfIssue | None = None
    item: OfItem | None = None
    party: OfParty | None = None
    good: OfGood | None = None
    entity: OfEntity | None = None
    hs: OfHs | None = None
    eccn: OfEccn | None = None
    after: Position | None = None
    """The position after which events are sent; the head of the log when absent."""
    since: Since | None = None
    """The time of recording from which events are sent, an instant or a day in UTC; in place of `after`."""
    secret: Secret | None = None
    """The key that signs the events: `whsec_` and 24 to 64 bytes in base64 (Standard Webhooks 1.0.0). The service makes
    one when absent."""


class Conditions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The conditions on the events that are sent. All of them hold together; without any every event is sent."""

    type: OfType | None = None
    issue: OfIssue | None = None
    item: OfItem | None = None
    party: OfParty | None = None
    good: OfGood | None = None
    entity: OfEntity | None = None
    hs: OfHs | None = None
    eccn: OfEccn | None = None


class Resubscribing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A change of a subscription: members that are absent stay as they are."""

    url: ReceiverUrl | None = None
    filter: Conditions | None = None
    """The new conditions, in place of all earlier ones; `{}` sends every event."""
    state: Literal["active", "paused"] | None = None
    """`paused`: no more events are sent, and the position stays. `active`: they are sent again, at once, and earlier
    failures no longer count."""


class Rotation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A new secret. The old one signs too, for one more day."""

    secret: Secret | None = None
    """The new key: `whsec_` and 24 to 64 bytes in base64 (Standard Webhooks 1.0.0). The service makes one when
    absent."""


class Replay(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A replay: events are sent again from a position on."""

    after: Position | None = None
    """The position after which events are sent, from 0 up to the head of the log."""
    since: Since | None = None
    """The time of recording from which events are sent, an instant or a day in UTC; in place of `after`."""


class DeliveriesQuery(Query, frozen=True, kw_only=True):
    """The part of the log of deliveries that is asked for."""

    cursor: Cursor | None = None
    limit: Limit = LIMIT_DEFAULT


class SubscriptionAnswer(Struct, frozen=True, kw_only=True):
    """A subscription: its conditions, its position, its state. The secret is not shown."""

    id: Slug
    """The name of the subscription."""
    url: ReceiverUrl
    type: OfType | UnsetType = UNSET
    issue: OfIssue | UnsetType = UNSET
    item: OfItem | UnsetType = UNSET
    party: OfParty | UnsetType = UNSET
    good: OfGood | UnsetType = UNSET
    entity: OfEntity | UnsetType = UNSET
    hs: OfHs | UnsetType = UNSET
    eccn: OfEccn | UnsetType = UNSET
    position: Annotated[int, Meta(ge=0)]
    """The position up to which all events have been delivered, or are not wanted."""
    head: Annotated[int, Meta(ge=0, description="The last position of the log.")]
    lag: Lag
    """The distance of the subscription from the head."""
    state: State
    """`active`: events are sent. `paused`: a client has stopped them. `disabled`: the service has, for `reason`."""
    reason: str | None
    """Why the last try failed, or why the subscription is disabled; null otherwise."""
    failures: Annotated[int, Meta(ge=0)]
    """The number of failed tries at the next event."""
    due_at: Moment | None
    """When the next try may be made, in UTC; null: at once."""
    subscribed_at: Moment
    """When the subscription was made, in UTC."""


class SubscriptionMade(SubscriptionAnswer, frozen=True, kw_only=True):
    """A subscription with its secret, which is shown only here."""

    secret: Secret
    """The key that signs the events. No other answer shows it."""


class SubscriptionList(Struct, frozen=True, kw_only=True):
    """All subscriptions, by name."""

    items: tuple[SubscriptionAnswer, ...]
    """The subscriptions, in the order of their names."""
    next: Annotated[str | None, Meta(description="Always null: there is one page.")]
    head: Annotated[int, Meta(ge=0, description="The last position of the log.")]


class Delivery(Struct, frozen=True, kw_only=True):
    """One try to deliver an event."""

    position: Annotated[int, Meta(ge=1)]
    """The position of the event."""
    event: UUID
    """The id of the event, sent as `webhook-id`."""
    attempt: Annotated[int, Meta(ge=1)]
    """The number of the try at this event, from 1."""
    at: Moment
    """When the try began, in UTC."""
    took_ms: Annotated[int, Meta(ge=0)]
    """How long the try took, to the end of the answer, in milliseconds."""
    status: int | None
    """The HTTP status code that the receiver answered with; null without an answer."""
    detail: str | None
    """The reason why the try failed; null where the event was delivered."""


class DeliveryPage(Struct, frozen=True, kw_only=True):
    """A page of tries to deliver, newest first."""

    items: tuple[Delivery, ...]
    """The tries, newest first."""
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
    except ValueError:  # also binascii.Error; a text beyond ASCII
        size = 0
    good = secret.startswith(SECRET_PREFIX) and least <= size <= most
    return [] if good else [Fault(("secret",), f"must be {SECRET_PREFIX} and {least} to {most} bytes in base64")]
