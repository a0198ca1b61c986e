"""What every event carries, the report that says who says so, and the small parts that terms are made of."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from service.domain.vocabulary.codes import (
    Eccn,
    Edtf,
    Element,
    EntityName,
    Hs,
    Language,
    Name,
    Party,
    Slug,
    TargetParty,
    Text,
    Url,
)

Modality = Literal["asserted", "planned", "conditional", "denied"]


class Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """A value inside an event: closed to unknown fields; what is absent is not written.

    Parts and events can hold no cycle, so the garbage collector need not look through them.
    """


class Good(Part, frozen=True, kw_only=True):
    """A good, by name and where known by code."""

    name: Name
    hs: Hs | None = None
    eccn: Eccn | None = None
    element: Element | None = None


class Participant(Part, frozen=True, kw_only=True):
    """Who took part."""

    name: Name
    role: Name | None = None
    party: Party | None = None


class Entity(Part, frozen=True, kw_only=True):
    """A company, agency or group; `count` is how many where they are not named one by one."""

    name: EntityName
    country: Party | None = None
    count: Annotated[int, Meta(ge=1, le=1_000_000_000)] | None = None


class Condition(Part, frozen=True, kw_only=True):
    """What an offer asks in return."""

    by: Party
    action: Text


class Report(Part, frozen=True, kw_only=True):
    """Who says so: one source of a fact."""

    outlet: Name
    title: Name | None = None
    url: Url | None = None
    published: Edtf | None = None
    language: Language | None = None
    kind: Literal["official", "named", "anonymous"] | None = None
    speaker: Name | None = None
    relayed_by: Name | None = None
    locator: Name | None = None
    stance: Literal["reports", "denies"] = "reports"
    date_basis: Literal["stated", "inferred"] | None = None
    occurred: Edtf | None = None


Reports = Annotated[tuple[Report, ...], Meta(min_length=1, max_length=64)]
Parties = Annotated[tuple[Party, ...], Meta(max_length=64)]
Targets = Annotated[tuple[TargetParty, ...], Meta(max_length=64)]
Goods = Annotated[tuple[Good, ...], Meta(max_length=256)]
Participants = Annotated[tuple[Participant, ...], Meta(max_length=256)]
Entities = Annotated[tuple[Entity, ...], Meta(max_length=1_000)]
Topics = Annotated[tuple[Name, ...], Meta(max_length=64)]


@cache
def _tag(struct: type[Struct]) -> str:
    return str(struct.__struct_config__.tag)


class Event(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="type", gc=False
):
    """One event, one fact; what all events share.

    `id` is the client's, or the ledger gives a UUIDv7. `causation_id` and `correlation_id` are the client's own.
    """

    id: UUID | None = None
    note: Text | None = None
    causation_id: Name | None = None
    correlation_id: Name | None = None

    @property
    def type(self) -> str:
        """The stored name, `kind.change`."""
        return _tag(type(self))


class Fact(Event, frozen=True, kw_only=True):
    """Something that happened to one item, in one or more issues.

    `occurred` is when the act was done, `effective` (else `occurred`) when it takes hold, `until` when it stops by its
    own terms. Only asserted facts count in the state; planned ones are shown as coming; conditional and denied ones
    stand on the timeline.
    """

    issues: Annotated[tuple[Slug, ...], Meta(min_length=1, max_length=16)]
    item: Slug
    occurred: Edtf
    effective: Edtf | None = None
    until: Edtf | None = None
    until_condition: Text | None = None
    modality: Modality = "asserted"
    reports: Reports
