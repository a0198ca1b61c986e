"""Issues, investigations and disputes."""

from __future__ import annotations

from service.domain.codes import ActingParty, Name, Text
from service.domain.events.base import Fact, Goods, Parties, Targets


class Issue(Fact, frozen=True, kw_only=True):
    """A matter between trading partners; an item of its own, `item` equal to the one slug in `issues`."""

    title: Name | None = None
    summary: Text | None = None
    parties: Parties | None = None
    goods: Goods | None = None


class IssueOpened(Issue, frozen=True, tag="issue.opened", kw_only=True):
    """The issue is kept from now on."""

    title: Name
    summary: Text
    parties: Parties


class IssueRevised(Issue, frozen=True, tag="issue.revised"):
    """Its title, summary, parties or goods changed."""


class IssueClosed(Issue, frozen=True, tag="issue.closed"):
    """It is closed."""


class IssueReopened(Issue, frozen=True, tag="issue.reopened"):
    """It is open again."""


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
