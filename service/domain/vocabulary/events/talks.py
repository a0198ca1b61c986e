"""Talks and words: rounds, calls, statements."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from service.domain.vocabulary.codes import ActingParty, Edtf, Name, Party, Text
from service.domain.vocabulary.events.base import Fact, Participants, Topics

LIFE = """
    round         scheduled* postponed started*=in_session session_held=in_session adjourned resumed=in_session
                  concluded! cancelled! plural:rounds
    call          held* plural:calls
    statement     made* plural:statements
"""
"""The lives of these kinds; `kinds.py` says how such a row is read."""


class Round(Fact, frozen=True, kw_only=True):
    """A round of talks: one meeting of delegations, over one or more days."""

    track: Name | None = None
    number: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    venue: Name | None = None
    city: Name | None = None
    country: Party | None = None
    participants: Participants | None = None
    topics: Topics | None = None
    planned_for: Edtf | None = None
    outcome: Text | None = None


class RoundScheduled(Round, frozen=True, tag="round.scheduled"):
    """A date was set."""


class RoundPostponed(Round, frozen=True, tag="round.postponed"):
    """It was put off."""


class RoundStarted(Round, frozen=True, tag="round.started"):
    """The talks began."""


class RoundSessionHeld(Round, frozen=True, tag="round.session_held"):
    """A session was held."""


class RoundAdjourned(Round, frozen=True, tag="round.adjourned"):
    """The talks paused."""


class RoundResumed(Round, frozen=True, tag="round.resumed"):
    """The talks went on."""


class RoundConcluded(Round, frozen=True, tag="round.concluded"):
    """The talks ended."""


class RoundCancelled(Round, frozen=True, tag="round.cancelled"):
    """The round will not take place."""


class Call(Fact, frozen=True, kw_only=True):
    """A call between principals."""

    participants: Participants | None = None
    initiator: ActingParty | None = None
    topics: Topics | None = None


class CallHeld(Call, frozen=True, tag="call.held", kw_only=True):
    """The call took place."""

    participants: Participants


class Statement(Fact, frozen=True, kw_only=True):
    """Words said in public or relayed."""

    speaker: Name | None = None
    role: Name | None = None
    party: Party | None = None
    about: Text | None = None
    summary: Text | None = None
    stance: Name | None = None


class StatementMade(Statement, frozen=True, tag="statement.made", kw_only=True):
    """The statement was made."""

    speaker: Name
    party: Party
