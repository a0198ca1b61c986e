"""Talks and words: rounds, calls, statements."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from service.domain.vocabulary.codes import ActingParty, Edtf, Name, Party, Subject, Text
from service.domain.vocabulary.events.base import Fact, Participants, Topics

LIFE = """
    round         scheduled* postponed started*=in_session session_held=in_session adjourned resumed=in_session
                  concluded! cancelled! plural:rounds
    call          held* plural:calls
    statement     made* plural:statements
"""
"""The changes of these kinds, a row each; `kinds.py` says how a row is read."""


class Round(Fact, frozen=True, kw_only=True):
    """A round of talks: one meeting of delegations, over one or more days."""

    track: Name | None = None
    """The series of talks that the round belongs to."""
    number: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    """The number of the round in its series, from 1."""
    venue: Name | None = None
    """The place where the round meets: a building, or `by video`."""
    city: Name | None = None
    """The city where the round meets."""
    country: Party | None = None
    """The country where the round meets."""
    participants: Participants | None = None
    """The people and bodies that take part in the round."""
    topics: Topics | None = None
    """The topics of the round, each in words."""
    planned_for: Edtf | None = None
    """The date for which the round, or its next session, is planned."""
    outcome: Text | None = None
    """The outcome of the round, in words."""


class RoundScheduled(Round, frozen=True, tag="round.scheduled"):
    """The round was scheduled: its date was set."""


class RoundPostponed(Round, frozen=True, tag="round.postponed"):
    """The round was postponed."""


class RoundStarted(Round, frozen=True, tag="round.started"):
    """The round began."""


class RoundSessionHeld(Round, frozen=True, tag="round.session_held"):
    """A session of the round took place."""


class RoundAdjourned(Round, frozen=True, tag="round.adjourned"):
    """The round was adjourned: the talks paused."""


class RoundResumed(Round, frozen=True, tag="round.resumed"):
    """The round went on after a pause."""


class RoundConcluded(Round, frozen=True, tag="round.concluded"):
    """The round was concluded: the talks ended."""


class RoundCancelled(Round, frozen=True, tag="round.cancelled"):
    """The round was cancelled: it will not take place."""


class Call(Fact, frozen=True, kw_only=True):
    """A call between principals."""

    participants: Participants | None = None
    """The participants in the call; a call that took place has at least one."""
    initiator: ActingParty | None = None
    """The party that made the call."""
    topics: Topics | None = None
    """The topics of the call, each in words."""


class CallHeld(Call, frozen=True, tag="call.held", kw_only=True):
    """The call took place."""

    participants: Participants


class Statement(Fact, frozen=True, kw_only=True):
    """A statement: words said in public, or passed on."""

    speaker: Name | None = None
    """The person or body that made the statement."""
    role: Name | None = None
    """The office of the speaker, as the source has it."""
    party: Party | None = None
    """The party that the speaker speaks for."""
    about: Subject | None = None
    """The subject of the statement: the slug of an item or an issue, or a few words."""
    summary: Text | None = None
    """The content of the statement, in words."""
    stance: Name | None = None
    """The attitude of the speaker, in a word or two: `optimistic`, `firm`."""


class StatementMade(Statement, frozen=True, tag="statement.made", kw_only=True):
    """The statement was made."""

    speaker: Name
    party: Party
