"""Moves between partners: demands, offers, commitments, threats."""

from __future__ import annotations

from service.domain.vocabulary.codes import ActingParty, Edtf, Name, Party, Text
from service.domain.vocabulary.events.base import Condition, Fact, TargetParties

LIFE = """
    demand        made*=open accepted! rejected! withdrawn! plural:demands
    offer         made*=open condition_met=open accepted! rejected! withdrawn! over:lapsed plural:offers
    commitment    given*=open partially_fulfilled breach_alleged fulfilled! broken! plural:commitments
    threat        made*=standing carried_out! withdrawn! over:lapsed plural:threats
"""
"""The changes of these kinds, a row each; `kinds.py` says how a row is read."""


class Demand(Fact, frozen=True, kw_only=True):
    """A demand: one party asks another to act."""

    by: ActingParty | None = None
    """The party that makes the demand."""
    of: Party | None = None
    """The party that the demand is made of."""
    action: Text | None = None
    """The act that is demanded, in words."""
    target: Name | None = None
    """The object of the demand, such as the slug of the restriction that is to be lifted."""


class DemandMade(Demand, frozen=True, tag="demand.made", kw_only=True):
    """The demand was made."""

    by: ActingParty
    of: Party
    action: Text


class DemandAccepted(Demand, frozen=True, tag="demand.accepted"):
    """The demand was accepted."""


class DemandRejected(Demand, frozen=True, tag="demand.rejected"):
    """The demand was rejected."""


class DemandWithdrawn(Demand, frozen=True, tag="demand.withdrawn"):
    """The demand was withdrawn."""


class Offer(Fact, frozen=True, kw_only=True):
    """An offer: one party promises another an act, perhaps on a condition."""

    by: ActingParty | None = None
    """The party that makes the offer."""
    to: Party | None = None
    """The party that the offer is made to."""
    promise: Text | None = None
    """The act that is promised, in words."""
    condition: Condition | None = None
    """The condition of the offer; absent for an offer without one."""


class OfferMade(Offer, frozen=True, tag="offer.made", kw_only=True):
    """The offer was made. An offer on a condition is asserted too: it is the promise that is conditional."""

    by: ActingParty
    to: Party
    promise: Text


class OfferConditionMet(Offer, frozen=True, tag="offer.condition_met"):
    """The condition of the offer was met."""


class OfferAccepted(Offer, frozen=True, tag="offer.accepted"):
    """The offer was accepted."""


class OfferRejected(Offer, frozen=True, tag="offer.rejected"):
    """The offer was rejected."""


class OfferWithdrawn(Offer, frozen=True, tag="offer.withdrawn"):
    """The offer was withdrawn."""


class Commitment(Fact, frozen=True, kw_only=True):
    """A commitment: one party undertakes to act."""

    by: ActingParty | None = None
    """The party that gives the commitment."""
    to: Party | None = None
    """The party that the commitment is given to."""
    action: Text | None = None
    """The act that the party undertakes, in words."""
    quantity: Name | None = None
    """The quantity that the party undertakes, with its unit, in words: `at least 25 million tonnes`."""
    due: Edtf | None = None
    """The date by which the act is due."""
    under: Name | None = None
    """The name of the agreement or the text that the commitment is part of."""


class CommitmentGiven(Commitment, frozen=True, tag="commitment.given", kw_only=True):
    """The commitment was given."""

    by: ActingParty
    action: Text


class CommitmentPartiallyFulfilled(Commitment, frozen=True, tag="commitment.partially_fulfilled"):
    """The commitment was fulfilled in part."""


class CommitmentBreachAlleged(Commitment, frozen=True, tag="commitment.breach_alleged"):
    """Somebody alleges that the commitment was broken."""


class CommitmentFulfilled(Commitment, frozen=True, tag="commitment.fulfilled"):
    """The commitment was fulfilled."""


class CommitmentBroken(Commitment, frozen=True, tag="commitment.broken"):
    """The commitment was broken."""


class Threat(Fact, frozen=True, kw_only=True):
    """A threat: a party announces an act against others."""

    by: ActingParty | None = None
    """The party that makes the threat."""
    against: TargetParties | None = None
    """The parties that the threat is made against; empty where it names none."""
    action: Text | None = None
    """The act that is threatened, in words."""
    trigger: Text | None = None
    """The event that would bring the act about, in words."""


class ThreatMade(Threat, frozen=True, tag="threat.made", kw_only=True):
    """The threat was made."""

    by: ActingParty
    against: TargetParties
    action: Text


class ThreatCarriedOut(Threat, frozen=True, tag="threat.carried_out"):
    """The threat was carried out."""


class ThreatWithdrawn(Threat, frozen=True, tag="threat.withdrawn"):
    """The threat was withdrawn."""
