"""Investigations and disputes."""

from __future__ import annotations

from service.domain.vocabulary.codes import ActingParty, Name, Text
from service.domain.vocabulary.events.base import Fact, Targets

LIFE = """
    investigation opened*=open suspended~ reinstated~ closed! plural:investigations
    dispute       filed*=open ruled settled! withdrawn! plural:disputes
"""
"""The lives of these kinds; `kinds.py` says how such a row is read."""


class Investigation(Fact, frozen=True, kw_only=True):
    """An inquiry by an authority."""

    by: ActingParty | None = None
    against: Targets | None = None
    legal_basis: Text | None = None


class InvestigationOpened(Investigation, frozen=True, tag="investigation.opened"):
    """It was opened."""


class InvestigationSuspended(Investigation, frozen=True, tag="investigation.suspended"):
    """It was suspended."""


class InvestigationReinstated(Investigation, frozen=True, tag="investigation.reinstated"):
    """A suspension was ended."""


class InvestigationClosed(Investigation, frozen=True, tag="investigation.closed"):
    """It was closed."""


class Dispute(Fact, frozen=True, kw_only=True):
    """A case before a forum."""

    by: ActingParty | None = None
    against: Targets | None = None
    forum: Name | None = None
    number: Name | None = None


class DisputeFiled(Dispute, frozen=True, tag="dispute.filed"):
    """It was filed."""


class DisputeRuled(Dispute, frozen=True, tag="dispute.ruled"):
    """The forum ruled."""


class DisputeSettled(Dispute, frozen=True, tag="dispute.settled"):
    """It was settled."""


class DisputeWithdrawn(Dispute, frozen=True, tag="dispute.withdrawn"):
    """It was withdrawn."""
