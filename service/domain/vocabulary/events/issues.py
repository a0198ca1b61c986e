"""Issues: the matters that everything else belongs to."""

from __future__ import annotations

from service.domain.vocabulary.codes import Name, Text
from service.domain.vocabulary.events.base import Fact, Goods, Parties

LIFE = """
    issue         opened*=open revised+ closed! reopened=open plural:issues
"""
"""The changes of the kind, one row; `kinds.py` says how a row is read."""


class Issue(Fact, frozen=True, kw_only=True):
    """A matter between trading partners; an item of its own, `item` equal to the one slug in `issues`."""

    title: Name | None = None
    """The title of the issue: its name for readers."""
    summary: Text | None = None
    """The matter of the issue in a few sentences."""
    parties: Parties | None = None
    """The parties between which the issue lies."""
    goods: Goods | None = None
    """The goods that the issue is about."""


class IssueOpened(Issue, frozen=True, tag="issue.opened", kw_only=True):
    """The issue was opened. Once that is known, the issue exists on every day."""

    title: Name
    summary: Text
    parties: Parties


class IssueRevised(Issue, frozen=True, tag="issue.revised"):
    """The title, summary, parties or goods of the issue changed."""


class IssueClosed(Issue, frozen=True, tag="issue.closed"):
    """The issue was closed."""


class IssueReopened(Issue, frozen=True, tag="issue.reopened"):
    """The issue was opened again after it had been closed."""
