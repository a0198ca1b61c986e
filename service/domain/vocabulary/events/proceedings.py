"""Investigations and disputes."""

from __future__ import annotations

from service.domain.vocabulary.codes import ActingParty, Name, Text
from service.domain.vocabulary.events.base import Fact, Targets

LIFE = """
    investigation opened*=open suspended~ reinstated~ closed! plural:investigations
    dispute       filed*=open ruled settled! withdrawn! plural:disputes
"""
"""The changes of these kinds, a row each; `kinds.py` says how a row is read."""


class Investigation(Fact, frozen=True, kw_only=True):
    """An investigation by an authority."""

    by: ActingParty | None = None
    """The party whose authority investigates."""
    against: Targets | None = None
    """The parties that the investigation is against."""
    legal_basis: Text | None = None
    """The law that the investigation rests on, in words."""


class InvestigationOpened(Investigation, frozen=True, tag="investigation.opened"):
    """The investigation was opened."""


class InvestigationSuspended(Investigation, frozen=True, tag="investigation.suspended"):
    """The investigation was suspended."""


class InvestigationReinstated(Investigation, frozen=True, tag="investigation.reinstated"):
    """The investigation goes on: its suspension was ended."""


class InvestigationClosed(Investigation, frozen=True, tag="investigation.closed"):
    """The investigation was closed."""


class Dispute(Fact, frozen=True, kw_only=True):
    """A dispute: a case before a forum."""

    by: ActingParty | None = None
    """The party that brings the case."""
    against: Targets | None = None
    """The parties that the case is brought against."""
    forum: Name | None = None
    """The forum that hears the case: a court, or a body such as the WTO."""
    number: Name | None = None
    """The number under which the forum has the case."""


class DisputeFiled(Dispute, frozen=True, tag="dispute.filed"):
    """The case was filed with the forum."""


class DisputeRuled(Dispute, frozen=True, tag="dispute.ruled"):
    """The forum ruled on the case."""


class DisputeSettled(Dispute, frozen=True, tag="dispute.settled"):
    """The parties settled the case."""


class DisputeWithdrawn(Dispute, frozen=True, tag="dispute.withdrawn"):
    """The case was withdrawn."""
