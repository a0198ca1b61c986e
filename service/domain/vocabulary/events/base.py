"""What every event carries, the report that says who says so, and the small parts that terms are made of."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta, Struct, field

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
    """A good: its name, and its codes where they are known."""

    name: Name
    """The name of the good, as the source has it."""
    hs: Hs | None = None
    """The HS 2022 code of the good: 2, 4 or 6 digits."""
    eccn: Eccn | None = None
    """The export control classification number of the good."""
    element: Element | None = None
    """The symbol of the chemical element that the good is, such as Dy for dysprosium."""


class Participant(Part, frozen=True, kw_only=True):
    """One participant in a round or a call."""

    name: Name
    """The name of the participant: a person or a body."""
    role: Name | None = None
    """The office or function of the participant, as the source has it."""
    party: Party | None = None
    """The party that the participant acts for."""


class Entity(Part, frozen=True, kw_only=True):
    """A company, agency or group, or a number of them under one name."""

    name: EntityName
    """The name of the entity, or of the group of entities."""
    country: Party | None = None
    """The country of the entity. A restriction or clearance that names the entity touches this country too."""
    count: Annotated[int, Meta(ge=1, le=1_000_000_000)] | None = None
    """The number of entities under this name, where they are not named one by one."""


class Condition(Part, frozen=True, kw_only=True):
    """The condition of an offer: the act that it asks in return."""

    by: Party
    """The party that has to act."""
    action: Text
    """The act that meets the condition, in words."""


Volume = Annotated[int, Meta(ge=0, le=10**15)] | Annotated[float, Meta(ge=0, le=1e15)]


class Quota(Part, frozen=True, kw_only=True):
    """A quota: the volume that may be traded within a period."""

    volume: Volume
    """The volume of the quota, in its unit."""
    unit: Name
    """The unit of the volume: `t`, `USD`, `vehicles`."""
    from_: Edtf | None = field(default=None, name="from")
    """The first day of the period of the quota."""
    through: Edtf | None = None
    """The last day of the period of the quota."""


class Used(Part, frozen=True, kw_only=True):
    """The part of a quota that has been used."""

    volume: Volume
    """The volume that has been used, in the unit of the quota."""
    on: Edtf | None = None
    """The date of this volume, as its source gives it."""


TermName = Annotated[str, Meta(min_length=1, max_length=64)]


class Report(Part, frozen=True, kw_only=True):
    """One source of a fact or of a record: who reports it, where, and when that was published."""

    outlet: Name
    """The publisher of the report: a newspaper, an agency, an authority."""
    title: Name | None = None
    """The title or headline of the report, as its outlet has it."""
    url: Url | None = None
    """The address of the report (http or https)."""
    published: Edtf | None = None
    """The date of publication. With `known_basis=published` the report counts from the last day that this date may
    mean; without a date from the day on which it was recorded."""
    language: Language | None = None
    """The language of the report, as a tag of BCP 47."""
    kind: Literal["official", "named", "anonymous"] | None = None
    """Who speaks in the report: an authority (`official`), a person or body by name (`named`), or an unnamed one
    (`anonymous`)."""
    speaker: Name | None = None
    """The person or body that the report quotes."""
    relayed_by: Name | None = None
    """The outlet that passed the report on, where the report is known through it."""
    locator: Name | None = None
    """The place within the source: `paragraph 4`, `section 2(b)`."""
    stance: Literal["reports", "denies"] = "reports"
    """`reports`: the source says that the fact is so (the default). `denies`: it says that the fact is not so, which
    makes the fact contested."""
    date_basis: Literal["stated", "inferred"] | None = None
    """Whether the source states the date of the fact (`stated`), or the recorder inferred it (`inferred`)."""
    occurred: Edtf | None = None
    """The date that this report gives for the fact; absent where it gives the fact's own. Reports whose dates do not
    overlap make the fact contested."""
    terms: Annotated[dict[TermName, Any], Meta(min_length=1, max_length=64)] | None = None
    """The terms that this report gives otherwise than the fact, by name: `{"rate_percent": 25}`. Each is a term of the
    event type and has a value as the event itself would have it. Reports that give different values make the fact
    contested."""


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
    """The fields that facts and records share."""

    id: UUID | None = None
    """The id of the event, a UUID. The client may choose it; without one the ledger makes a UUIDv7."""
    note: Text | None = None
    """A comment in the recorder's own words."""
    causation_id: Name | None = None
    """The client's own id for the cause of the event. The ledger stores it and draws nothing from it."""
    correlation_id: Name | None = None
    """The client's own id for the work that the event is part of. The ledger stores it and draws nothing from it."""

    @property
    def type(self) -> str:
        """The stored name, `kind.change`."""
        return _tag(type(self))


class Fact(Event, frozen=True, kw_only=True):
    """Something that happened to one item, in one or more issues.

    Terms that a fact leaves out stay as the earlier facts of the item have them.
    """

    issues: Annotated[tuple[Slug, ...], Meta(min_length=1, max_length=16)]
    """The slugs of the issues that the fact belongs to, each once. An issue has been opened before, or is opened in the
    same batch."""
    item: Slug
    """The slug of the item that the fact happened to. One slug names one item, across all issues and kinds."""
    occurred: Edtf
    """The date on which the act was done, in the place where it was done, as its source gives it."""
    effective: Edtf | None = None
    """The date on which the act takes hold; `occurred` when absent."""
    until: Edtf | None = None
    """The first day on which the act no longer holds, by its own terms; absent where it sets no end. It is a day, or
    days in brackets: an end in words like `until June` is a `through`. One of `until` and `through`."""
    through: Edtf | None = None
    """The last day on which the act holds, by its own terms; the act ends the day after. `2025-06` means through the
    last day of June. One of `until` and `through`."""
    until_condition: Text | None = None
    """The condition under which the act ends, in words. It is shown and has no effect on the status."""
    modality: Modality = "asserted"
    """How the source has the fact: `asserted` (the default), `planned`, `conditional` or `denied`. Only asserted facts
    give a status; planned ones are listed in `upcoming`; conditional and denied ones appear on the timeline only."""
    unset: Annotated[tuple[TermName, ...], Meta(min_length=1, max_length=64)] | None = None
    """The names of the terms that the fact takes away, each once. A term that the fact gives cannot be among them."""
    reports: Reports
    """The sources of the fact, at least one. A source that denies the fact is listed too."""
