"""Investigations and disputes."""

from __future__ import annotations

from service.domain.vocabulary.codes import ActingParty, Name, Text
from service.domain.vocabulary.events.base import Fact, Goods, Rates, TargetParties

LIFE = """
    investigation opened*=open extended=open determined=open suspended~ closed! reinstated~ plural:investigations
    dispute       filed*=open panel_established=open ruled appealed=open suspended~ settled! withdrawn! reinstated~
                  plural:disputes
"""
"""The changes of these kinds, a row each; `kinds.py` says how a row is read."""


class Investigation(Fact, frozen=True, kw_only=True):
    """An investigation by an authority."""

    by: ActingParty | None = None
    """The party whose authority investigates."""
    against: TargetParties | None = None
    """The parties that the investigation is against."""
    legal_basis: Text | None = None
    """The law that the investigation rests on, in words."""
    goods: Goods | None = None
    """The goods that the investigation is about."""
    stage: Name | None = None
    """The stage that the investigation has reached: `preliminary`, `final`."""
    finding: Text | None = None
    """What the authority has found, in words."""
    rates: Rates | None = None
    """The rates that the authority has found, such as margins of dumping by exporter. They are not collected: a measure
    that follows is a restriction."""


class InvestigationOpened(Investigation, frozen=True, tag="investigation.opened"):
    """The investigation was opened."""


class InvestigationExtended(Investigation, frozen=True, tag="investigation.extended"):
    """The time for the investigation was extended: it stays open."""


class InvestigationDetermined(Investigation, frozen=True, tag="investigation.determined"):
    """The authority made a determination: `stage` and `finding` say which. The investigation stays open."""


class InvestigationSuspended(Investigation, frozen=True, tag="investigation.suspended"):
    """The investigation was suspended: it rests until the suspension ends."""


class InvestigationClosed(Investigation, frozen=True, tag="investigation.closed"):
    """The investigation was closed."""


class InvestigationReinstated(Investigation, frozen=True, tag="investigation.reinstated"):
    """The investigation was taken up again: what suspended or closed it no longer counts, and it goes on as before."""


class Dispute(Fact, frozen=True, kw_only=True):
    """A dispute: a case before a forum."""

    by: ActingParty | None = None
    """The party that brings the case."""
    against: TargetParties | None = None
    """The parties that the case is brought against."""
    forum: Name | None = None
    """The forum that hears the case: a court, or a body such as the WTO."""
    number: Name | None = None
    """The number under which the forum has the case."""
    about: Text | None = None
    """What the case is about: the slug of a measure, or a few words."""
    outcome: Text | None = None
    """The outcome of the case, in words."""


class DisputeFiled(Dispute, frozen=True, tag="dispute.filed"):
    """The case was filed with the forum."""


class DisputePanelEstablished(Dispute, frozen=True, tag="dispute.panel_established"):
    """The forum set up the panel that hears the case."""


class DisputeRuled(Dispute, frozen=True, tag="dispute.ruled"):
    """The forum ruled on the case."""


class DisputeAppealed(Dispute, frozen=True, tag="dispute.appealed"):
    """A party appealed the ruling: the case is open again."""


class DisputeSuspended(Dispute, frozen=True, tag="dispute.suspended"):
    """The case was suspended: it rests until the suspension ends."""


class DisputeSettled(Dispute, frozen=True, tag="dispute.settled"):
    """The parties settled the case."""


class DisputeWithdrawn(Dispute, frozen=True, tag="dispute.withdrawn"):
    """The case was withdrawn."""


class DisputeReinstated(Dispute, frozen=True, tag="dispute.reinstated"):
    """The case was taken up again: what suspended or ended it no longer counts, and it goes on as before."""
