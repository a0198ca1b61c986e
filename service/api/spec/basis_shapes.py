"""How answers state their basis, days and instants, for the document."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from service.api.http.basis import KnownMembers
from service.api.http.parameters import Day, Instant

DayText = Day
Moment = Instant


class AsOfMembers(KnownMembers, frozen=True, kw_only=True):
    """The basis of an answer: D, the day that it is about, and K, how much of the log counts."""

    as_of: Annotated[Day, Meta(description="D, the day that the answer is about.")]


class EveryDayMembers(KnownMembers, frozen=True, kw_only=True):
    """The basis of an answer about every day: K, how much of the log counts."""

    as_of: Annotated[Day | None, Meta(description="Always null: the answer is about every day.")]
