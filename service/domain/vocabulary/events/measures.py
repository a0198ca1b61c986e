"""Measures and texts in force: agreements, restrictions, clearances."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from service.domain.vocabulary.codes import ActingParty, LegalReference, Name, RestrictionSlug, Text, Url
from service.domain.vocabulary.events.base import Entities, Fact, Goods, Parties, Targets

Percent = Annotated[int, Meta(ge=0, le=100_000)] | Annotated[float, Meta(ge=0, le=100_000)]
Instrument = Literal["export_control", "import_ban", "tariff", "quota", "licensing", "sanction", "fee", "other"]

LIFE = """
    agreement     framework_reached* signed* in_effect* extended=in_effect suspended~ reinstated~ terminated!
                  over:expired running:in_effect plural:agreements
    restriction   proposed* announced* imposed*=in_force extended=in_force tightened+ eased+ suspended~
                  suspension_extended~ reinstated~ lifted! superseded! invalidated! over:expired running:in_force
                  plural:restrictions
    clearance     applied* agreed* granted*=active extended=active suspended~ reinstated~ denied! revoked!
                  over:expired running:active plural:clearances
"""
"""The lives of these kinds; `kinds.py` says how such a row is read."""


class Agreement(Fact, frozen=True, kw_only=True):
    """A text between parties."""

    parties: Parties | None = None
    title: Name | None = None
    text_url: Url | None = None


class AgreementOpening(Agreement, frozen=True, kw_only=True):
    """An agreement comes to be."""

    parties: Parties
    title: Name


class AgreementFrameworkReached(AgreementOpening, frozen=True, tag="agreement.framework_reached"):
    """Negotiators agreed on a framework, not yet signed."""


class AgreementSigned(AgreementOpening, frozen=True, tag="agreement.signed"):
    """The text was signed."""


class AgreementInEffect(AgreementOpening, frozen=True, tag="agreement.in_effect"):
    """The agreement took effect."""


class AgreementExtended(Agreement, frozen=True, tag="agreement.extended"):
    """Its term was extended; the new end replaces the old."""


class AgreementSuspended(Agreement, frozen=True, tag="agreement.suspended"):
    """Its application was suspended."""


class AgreementReinstated(Agreement, frozen=True, tag="agreement.reinstated"):
    """A suspension was ended."""


class AgreementTerminated(Agreement, frozen=True, tag="agreement.terminated"):
    """It was ended."""


class Restriction(Fact, frozen=True, kw_only=True):
    """A measure that limits trade: `imposed_by` one party, against none named, one or several."""

    imposed_by: ActingParty | None = None
    against: Targets | None = None
    instrument: Instrument | None = None
    goods: Goods | None = None
    entities: Entities | None = None
    rate_percent: Percent | None = None
    portion: Literal["full", "part"] | None = None
    legal_reference: LegalReference | None = None


class RestrictionOpening(Restriction, frozen=True, kw_only=True):
    """A restriction comes to be; it names goods or entities."""

    imposed_by: ActingParty
    instrument: Instrument


class RestrictionProposed(RestrictionOpening, frozen=True, tag="restriction.proposed"):
    """It was proposed, not decided."""


class RestrictionAnnounced(RestrictionOpening, frozen=True, tag="restriction.announced"):
    """It was announced without a date of effect."""


class RestrictionImposed(RestrictionOpening, frozen=True, tag="restriction.imposed"):
    """It was decided; in force from `effective`."""


class RestrictionExtended(Restriction, frozen=True, tag="restriction.extended"):
    """Its term was extended; the new end replaces the old."""


class RestrictionTightened(Restriction, frozen=True, tag="restriction.tightened"):
    """Its terms became stricter."""


class RestrictionEased(Restriction, frozen=True, tag="restriction.eased"):
    """Its terms became milder."""


class RestrictionSuspended(Restriction, frozen=True, tag="restriction.suspended"):
    """It was suspended, whole or with a part or a rate left."""


class RestrictionSuspensionExtended(Restriction, frozen=True, tag="restriction.suspension_extended"):
    """A suspension was extended; the new end replaces the old."""


class RestrictionReinstated(Restriction, frozen=True, tag="restriction.reinstated"):
    """A suspension was ended."""


class RestrictionLifted(Restriction, frozen=True, tag="restriction.lifted"):
    """It was lifted."""


class RestrictionSuperseded(Restriction, frozen=True, tag="restriction.superseded"):
    """Another measure took its place."""


class RestrictionInvalidated(Restriction, frozen=True, tag="restriction.invalidated"):
    """A court or body found it void."""


class Clearance(Fact, frozen=True, kw_only=True):
    """Leave given in spite of a restriction (`restriction` is its item)."""

    granted_by: ActingParty | None = None
    beneficiaries: Entities | None = None
    restriction: RestrictionSlug | None = None
    goods: Goods | None = None
    scope: Text | None = None
    temporary: bool | None = None


class ClearanceOpening(Clearance, frozen=True, kw_only=True):
    """A clearance comes to be."""

    granted_by: ActingParty
    beneficiaries: Entities


class ClearanceApplied(ClearanceOpening, frozen=True, tag="clearance.applied"):
    """It was asked for."""


class ClearanceAgreed(ClearanceOpening, frozen=True, tag="clearance.agreed"):
    """It was agreed, not yet granted."""


class ClearanceGranted(ClearanceOpening, frozen=True, tag="clearance.granted"):
    """It was granted."""


class ClearanceExtended(Clearance, frozen=True, tag="clearance.extended"):
    """Its term was extended; the new end replaces the old."""


class ClearanceSuspended(Clearance, frozen=True, tag="clearance.suspended"):
    """It was suspended."""


class ClearanceReinstated(Clearance, frozen=True, tag="clearance.reinstated"):
    """A suspension was ended."""


class ClearanceDenied(Clearance, frozen=True, tag="clearance.denied"):
    """It was refused."""


class ClearanceRevoked(Clearance, frozen=True, tag="clearance.revoked"):
    """It was taken back."""
