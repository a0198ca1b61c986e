"""Issues: the matters that everything else belongs to."""

from __future__ import annotations

from service.domain.vocabulary.codes import Name, Text
from service.domain.vocabulary.events.base import Fact, Goods, Parties

LIFE = """
    issue         opened*=open revised+ closed! reopened=open plural:issues
"""
"""The life of the kind; `kinds.py` says how such a row is read."""


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
