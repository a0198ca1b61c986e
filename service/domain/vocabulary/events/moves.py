"""Moves between partners: demands, offers, commitments, threats."""

from __future__ import annotations

from service.domain.vocabulary.codes import ActingParty, Edtf, Name, Party, Text
from service.domain.vocabulary.events.base import Condition, Fact, Targets

LIFE = """
    demand        made*=open accepted! rejected! withdrawn! plural:demands
    offer         made*=open condition_met=open accepted! rejected! withdrawn! over:lapsed plural:offers
    commitment    given*=open partially_fulfilled breach_alleged fulfilled! broken! plural:commitments
    threat        made*=standing carried_out! withdrawn! over:lapsed plural:threats
"""
"""The lives of these kinds; `kinds.py` says how such a row is read."""


class Demand(Fact, frozen=True, kw_only=True):
    """What one party asks of another."""

    by: ActingParty | None = None
    of: Party | None = None
    action: Text | None = None
    target: Name | None = None


class DemandMade(Demand, frozen=True, tag="demand.made", kw_only=True):
    """The demand was made."""

    by: ActingParty
    of: Party
    action: Text


class DemandAccepted(Demand, frozen=True, tag="demand.accepted"):
    """It was accepted."""


class DemandRejected(Demand, frozen=True, tag="demand.rejected"):
    """It was rejected."""


class DemandWithdrawn(Demand, frozen=True, tag="demand.withdrawn"):
    """It was withdrawn."""


class Offer(Fact, frozen=True, kw_only=True):
    """What one party offers another, perhaps on a condition."""

    by: ActingParty | None = None
    to: Party | None = None
    promise: Text | None = None
    condition: Condition | None = None


class OfferMade(Offer, frozen=True, tag="offer.made", kw_only=True):
    """The offer was made; with a condition it is asserted once made."""

    by: ActingParty
    to: Party
    promise: Text


class OfferConditionMet(Offer, frozen=True, tag="offer.condition_met"):
    """Its condition came true."""


class OfferAccepted(Offer, frozen=True, tag="offer.accepted"):
    """It was accepted."""


class OfferRejected(Offer, frozen=True, tag="offer.rejected"):
    """It was rejected."""


class OfferWithdrawn(Offer, frozen=True, tag="offer.withdrawn"):
    """It was withdrawn."""


class Commitment(Fact, frozen=True, kw_only=True):
    """What a party undertook to do."""

    by: ActingParty | None = None
    to: Party | None = None
    action: Text | None = None
    quantity: Name | None = None
    due: Edtf | None = None
    under: Name | None = None


class CommitmentGiven(Commitment, frozen=True, tag="commitment.given", kw_only=True):
    """The commitment was given."""

    by: ActingParty
    action: Text


class CommitmentPartiallyFulfilled(Commitment, frozen=True, tag="commitment.partially_fulfilled"):
    """Part of it was done."""


class CommitmentBreachAlleged(Commitment, frozen=True, tag="commitment.breach_alleged"):
    """Somebody says that it was broken."""


class CommitmentFulfilled(Commitment, frozen=True, tag="commitment.fulfilled"):
    """It was done."""


class CommitmentBroken(Commitment, frozen=True, tag="commitment.broken"):
    """It was broken."""


class Threat(Fact, frozen=True, kw_only=True):
    """What a party says it will do."""

    by: ActingParty | None = None
    against: Targets | None = None
    action: Text | None = None
    trigger: Text | None = None


class ThreatMade(Threat, frozen=True, tag="threat.made", kw_only=True):
    """The threat was made."""

    by: ActingParty
    against: Targets
    action: Text


class ThreatCarriedOut(Threat, frozen=True, tag="threat.carried_out"):
    """It was carried out."""


class ThreatWithdrawn(Threat, frozen=True, tag="threat.withdrawn"):
    """It was withdrawn."""
