"""What every event carries, the report that says who says so, and the small parts that terms are made of."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta, Struct, field

from service.domain.vocabulary.codes import (
    Currency,
    Eccn,
    Edtf,
    Element,
    EntityName,
    ExceptedParty,
    Hs,
    HsEdition,
    Language,
    Name,
    Party,
    Slug,
    TargetParty,
    Text,
    Url,
    found_by,
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
    """The HS code of the good: 2, 4 or 6 digits, or 8 or 10 as a national tariff has it."""
    hs_edition: HsEdition | None = None
    """The year of the edition that the code is of, such as 2022: codes change with each. Only with `hs`."""
    eccn: Eccn | None = None
    """The export control classification number of the good."""
    element: Element | None = None
    """The symbol of the chemical element that the good is, such as Dy for dysprosium."""
    place: Name | None = None
    """The place within a country that the good is from or goes to, where the fact is about that place alone:
    `Xinjiang`, `ports of Odesa`."""


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
    also: Annotated[tuple[EntityName, ...], Meta(min_length=1, max_length=64)] | None = None
    """Other names of the entity: short names, former ones, names in another script. It is found by each."""
    country: Party | None = None
    """The country of the entity. A restriction or clearance that names the entity touches this country too."""
    count: Annotated[int, Meta(ge=1, le=1_000_000_000)] | None = None
    """The number of entities under this name, where they are not named one by one."""
    residual: bool | None = None
    """True for all others: those that are not named, such as `all other exporters`."""


class RestrictedEntity(Entity, frozen=True, kw_only=True):
    """An entity that a restriction is on, or a number of them under one name."""

    country: TargetParty | None = None
    """The country of the entity. The restriction is then against this country too."""


class Condition(Part, frozen=True, kw_only=True):
    """The condition of an offer: the act that it asks in return."""

    by: Party
    """The party that has to act."""
    action: Text
    """The act that meets the condition, in words."""


Percent = Annotated[int, Meta(ge=0, le=100_000)] | Annotated[float, Meta(ge=0, le=100_000)]
Amount = Annotated[int, Meta(ge=0, le=10**12)] | Annotated[float, Meta(ge=0, le=1e12)]
Volume = Annotated[int, Meta(ge=0, le=10**15)] | Annotated[float, Meta(ge=0, le=1e15)]


class Rate(Part, frozen=True, kw_only=True):
    """One rate of a measure: a percentage of the value, or an amount for each unit."""

    percent: Percent | None = None
    """The rate in percent of the value: 34 means 34 %. One of `percent` and `amount`."""
    amount: Amount | None = None
    """The rate as an amount of money, in its currency."""
    currency: Currency | None = None
    """The currency of the amount; an amount has one."""
    per: Name | None = None
    """The unit that the amount is for: `t`, `hl`, `vehicle`; absent where it is for each shipment or act."""
    basis: Literal["additional", "all_in", "minimum_price"] | None = None
    """`additional`: collected in addition to every other duty (so where absent). `all_in`: the ordinary duty is in it.
    `minimum_price`: what is missing from the price up to this amount is collected."""
    quota: Literal["in", "over"] | None = None
    """`in`: for what is within the quota. `over`: for what goes beyond it. Absent: for both, or without a quota."""
    goods: Annotated[tuple[Good, ...], Meta(min_length=1, max_length=256)] | None = None
    """The goods that the rate is for, where it is not for all of the measure's."""
    party: Party | None = None
    """The party that the rate is for, where it is not for all of the measure's."""
    entity: Name | None = None
    """The name of the entity that the rate is for, where it is not for all of the measure's."""

    @property
    def is_plain(self) -> bool:
        """Return whether it is what `rate_percent` is short for: a percentage of everything, collected in addition."""
        given = {name for name in self.__struct_fields__ if getattr(self, name) is not None}
        return given <= {"percent", "basis"} and self.basis in {None, "additional"}


class Quota(Part, frozen=True, kw_only=True):
    """A quota: the volume that may be traded within a period."""

    volume: Volume
    """The volume of the quota, in its unit; above 0."""
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
Parties = Annotated[tuple[Party, ...], Meta(max_length=256)]
TargetParties = Annotated[tuple[TargetParty, ...], Meta(max_length=256)]
ExceptedParties = Annotated[tuple[ExceptedParty, ...], Meta(max_length=256)]
Goods = Annotated[tuple[Good, ...], Meta(max_length=256)]
ExceptedGoods = Annotated[tuple[Good, ...], Meta(max_length=256, extra={"excepted": True})]
Rates = Annotated[tuple[Rate, ...], Meta(min_length=1, max_length=256), found_by()]
"""Rates are about parts of what the measure is on: nothing is found by them."""
Participants = Annotated[tuple[Participant, ...], Meta(max_length=256)]
Entities = Annotated[tuple[Entity, ...], Meta(max_length=1_000)]
RestrictedEntities = Annotated[tuple[RestrictedEntity, ...], Meta(max_length=1_000)]
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
