"""Measures and texts in force: agreements, restrictions, clearances."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from service.domain.vocabulary.codes import (
    ActingParty,
    AllGoods,
    DisplacedSlug,
    LegalReference,
    Name,
    RestrictionSlug,
    SourceSlug,
    Text,
    Url,
)
from service.domain.vocabulary.events.base import (
    Entities,
    ExceptedGoods,
    ExceptedParties,
    Fact,
    Goods,
    Parties,
    Percent,
    Quota,
    Rates,
    RestrictedEntities,
    TargetParties,
    Used,
)

Instrument = Literal["export_control", "import_ban", "tariff", "quota", "licensing", "sanction", "fee", "other"]

LIFE = """
    agreement     framework_reached* signed* in_effect* extended=in_effect amended+ suspended~ terminated! reinstated~
                  over:expired running:in_effect plural:agreements
    restriction   proposed* announced* imposed*=in_force extended=in_force tightened+ eased+ amended+ suspended~
                  suspension_extended~ postponed~ withdrawn! lifted! superseded! invalidated! reinstated~ over:expired
                  running:in_force plural:restrictions
    clearance     applied* agreed* granted*=active extended=active amended+ used+ suspended~ postponed~ exhausted%
                  denied! revoked! reopened% reinstated~ over:expired running:active plural:clearances
"""
"""The changes of these kinds, a row each; `kinds.py` says how a row is read."""


class Agreement(Fact, frozen=True, kw_only=True):
    """An agreement: a text between parties."""

    parties: Parties | None = None
    """The parties to the agreement."""
    in_force_for: Parties | None = None
    """The parties for which the agreement is in force, where that is not all of them."""
    title: Name | None = None
    """The title of the agreement, as the source has it."""
    text_url: Url | None = None
    """The address of the text of the agreement (http or https)."""


class AgreementOpening(Agreement, frozen=True, kw_only=True):
    """The beginning of an agreement; it names the parties and the title."""

    parties: Parties
    title: Name


class AgreementFrameworkReached(AgreementOpening, frozen=True, tag="agreement.framework_reached"):
    """The negotiators agreed on a framework, which is not signed yet."""


class AgreementSigned(AgreementOpening, frozen=True, tag="agreement.signed"):
    """The agreement was signed."""


class AgreementInEffect(AgreementOpening, frozen=True, tag="agreement.in_effect"):
    """The agreement took effect."""


class AgreementExtended(Agreement, frozen=True, tag="agreement.extended"):
    """The term of the agreement was extended: the new end replaces the old one."""


class AgreementAmended(Agreement, frozen=True, tag="agreement.amended"):
    """Terms of the agreement were changed; its status stays."""


class AgreementSuspended(Agreement, frozen=True, tag="agreement.suspended"):
    """The agreement was suspended: it is not applied until the suspension ends."""


class AgreementTerminated(Agreement, frozen=True, tag="agreement.terminated"):
    """The agreement was terminated."""


class AgreementReinstated(Agreement, frozen=True, tag="agreement.reinstated"):
    """The agreement was brought back: its suspension or its termination no longer counts, and it applies as before."""


class Restriction(Fact, frozen=True, kw_only=True):
    """A restriction: a measure by which one party limits trade with all others, or with those that it names."""

    imposed_by: ActingParty | None = None
    """The party that imposes the restriction."""
    against: TargetParties | None = None
    """The parties that the restriction is against. One that names none, and no entity with a country, is against
    all but `except_parties`."""
    except_parties: ExceptedParties | None = None
    """The parties that the restriction is not against, of all, or of the members of a bloc that it is against."""
    instrument: Instrument | None = None
    """The sort of measure; `other` where no other value fits."""
    goods: Goods | None = None
    """The goods that the restriction is on."""
    all_goods: AllGoods | None = None
    """True for a restriction on all goods, but for `except_goods`."""
    except_goods: ExceptedGoods | None = None
    """The goods that the restriction is not on, of all goods or of wider ones that it names."""
    entities: RestrictedEntities | None = None
    """The companies, agencies or groups that the restriction is on."""
    rate_percent: Percent | None = None
    """The rate of the restriction in percent: 34 means 34 %. A suspension that leaves a rate gives that rate; it counts
    only as long as the restriction is suspended. It is short for one rate that is `additional`."""
    rates: Rates | None = None
    """The rates of the restriction, where there are several, or where one is not just a percentage that is collected in
    addition. A suspension that leaves rates gives those; they count only as long as the restriction is suspended."""
    quota: Quota | None = None
    """The volume up to which the restriction lets goods pass, or passes them at a lower rate, and its period."""
    portion: Literal["full", "part"] | None = None
    """How much of the restriction a suspension takes away: `full`, or `part` where a part still applies."""
    in_place_of: Annotated[tuple[DisplacedSlug, ...], Meta(min_length=1, max_length=64)] | None = None
    """The slugs of the restrictions that this one stands in place of, where it touches the same good and country."""
    following: SourceSlug | None = None
    """The slug of the investigation or restriction that this one came from."""
    legal_reference: LegalReference | None = None
    """The legal act by which the restriction is made or changed: its series and number."""


class RestrictionOpening(Restriction, frozen=True, kw_only=True):
    """The beginning of a restriction; it names goods or entities, or is on all goods."""

    imposed_by: ActingParty
    instrument: Instrument


class RestrictionProposed(RestrictionOpening, frozen=True, tag="restriction.proposed"):
    """The restriction was proposed, and is not decided."""


class RestrictionAnnounced(RestrictionOpening, frozen=True, tag="restriction.announced"):
    """The restriction was announced, without a date on which it takes hold."""


class RestrictionImposed(RestrictionOpening, frozen=True, tag="restriction.imposed"):
    """The restriction was decided: it is in force from `effective` on."""


class RestrictionExtended(Restriction, frozen=True, tag="restriction.extended"):
    """The term of the restriction was extended: the new end replaces the old one."""


class RestrictionTightened(Restriction, frozen=True, tag="restriction.tightened"):
    """The terms of the restriction became stricter."""


class RestrictionEased(Restriction, frozen=True, tag="restriction.eased"):
    """The terms of the restriction became milder."""


class RestrictionAmended(Restriction, frozen=True, tag="restriction.amended"):
    """Terms of the restriction were changed, neither stricter nor milder as a whole; its status stays."""


class RestrictionSuspended(Restriction, frozen=True, tag="restriction.suspended"):
    """The restriction was suspended, in full, or with a part or a rate left."""


class RestrictionSuspensionExtended(Restriction, frozen=True, tag="restriction.suspension_extended"):
    """The suspension of the restriction was extended: its new end replaces the old one."""


class RestrictionPostponed(Restriction, frozen=True, tag="restriction.postponed"):
    """The restriction was put off: it is not applied before the postponement ends."""


class RestrictionWithdrawn(Restriction, frozen=True, tag="restriction.withdrawn"):
    """The party that proposed, announced or imposed the restriction took it back."""


class RestrictionLifted(Restriction, frozen=True, tag="restriction.lifted"):
    """The restriction was lifted: it applies no longer."""


class RestrictionSuperseded(Restriction, frozen=True, tag="restriction.superseded"):
    """Another measure took the place of the restriction."""


class RestrictionInvalidated(Restriction, frozen=True, tag="restriction.invalidated"):
    """A court or another body found the restriction void."""


class RestrictionReinstated(Restriction, frozen=True, tag="restriction.reinstated"):
    """The restriction was brought back (a judgment stayed): what suspended, postponed or ended it no longer counts."""


class Clearance(Fact, frozen=True, kw_only=True):
    """A clearance: permission for some, in spite of a restriction."""

    granted_by: ActingParty | None = None
    """The party that grants the clearance."""
    beneficiaries: Entities | None = None
    """The companies, agencies or groups that may use the clearance."""
    restriction: RestrictionSlug | None = None
    """The slug of the restriction that the clearance is an exception from."""
    goods: Goods | None = None
    """The goods that the clearance is for; where it names none, those of its restriction."""
    scope: Text | None = None
    """The scope of the clearance, in words."""
    temporary: bool | None = None
    """True for a clearance that is given for a time only."""
    quota: Quota | None = None
    """The volume that the clearance is for, and its period."""
    used: Used | None = None
    """The volume that has been used of the quota."""


class ClearanceOpening(Clearance, frozen=True, kw_only=True):
    """The beginning of a clearance; it names at least one beneficiary."""

    granted_by: ActingParty
    beneficiaries: Entities


class ClearanceApplied(ClearanceOpening, frozen=True, tag="clearance.applied"):
    """The clearance was applied for."""


class ClearanceAgreed(ClearanceOpening, frozen=True, tag="clearance.agreed"):
    """The clearance was agreed, and is not granted yet."""


class ClearanceGranted(ClearanceOpening, frozen=True, tag="clearance.granted"):
    """The clearance was granted: it is active from `effective` on."""


class ClearanceExtended(Clearance, frozen=True, tag="clearance.extended"):
    """The term of the clearance was extended: the new end replaces the old one."""


class ClearanceAmended(Clearance, frozen=True, tag="clearance.amended"):
    """Terms of the clearance were changed; its status stays."""


class ClearanceUsed(Clearance, frozen=True, tag="clearance.used"):
    """A part of the quota of the clearance was used, as `used` says; its status stays."""


class ClearanceSuspended(Clearance, frozen=True, tag="clearance.suspended"):
    """The clearance was suspended: nobody may use it until the suspension ends."""


class ClearancePostponed(Clearance, frozen=True, tag="clearance.postponed"):
    """The clearance was put off: nobody may use it before the postponement ends."""


class ClearanceExhausted(Clearance, frozen=True, tag="clearance.exhausted"):
    """The quota of the clearance was used up: nobody may use it until it is reopened or its quota begins again."""


class ClearanceDenied(Clearance, frozen=True, tag="clearance.denied"):
    """The clearance was denied."""


class ClearanceRevoked(Clearance, frozen=True, tag="clearance.revoked"):
    """The clearance was revoked."""


class ClearanceReopened(Clearance, frozen=True, tag="clearance.reopened"):
    """The quota of the clearance was opened again after it had been used up."""


class ClearanceReinstated(Clearance, frozen=True, tag="clearance.reinstated"):
    """The clearance was brought back: what suspended, postponed or ended it no longer counts, and it is as before."""
