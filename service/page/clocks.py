"""Both clocks of a view: D and K, as its URL names them, as the API takes them, and in a plain sentence."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

from service.page.words import day_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.page.ask import Members

NAMES = ("as_of", "known_basis", "known_at", "known_position")
"""The parameters of both clocks, in the order in which URLs name them."""
_DAY = 10


class Clocks(NamedTuple):
    """What the URL of a view says of D and K; "" where it says nothing.

    Here K goes by publication unless the URL says `known_basis=recorded`. `known_at` is a day; by recording also an
    instant.
    """

    as_of: str
    known_basis: str
    known_at: str
    known_position: str

    def asked(self, today: str) -> dict[str, str]:
        """Return the parameters that the API takes for them; `today` is the day in UTC.

        By recording, a day means all that was recorded until it ended: today is not over, so it means the head.
        """
        known = {"known_basis": self.known_basis, "known_at": self.known_at, "known_position": self.known_position}
        if self.known_basis == "recorded":
            if self.known_position or self.known_at >= today:
                known["known_at"] = ""
            elif len(self.known_at) == _DAY and (after := _next_day(self.known_at)):
                known["known_at"] = f"{after}T00:00:00Z"
        return {"as_of": self.as_of, **known}


def clocks_of(query: Mapping[str, str]) -> Clocks:
    """Return the clocks that a query names."""
    return Clocks(query.get("as_of", ""), query.get("known_basis") or "published", *_known(query))


def _known(query: Mapping[str, str]) -> tuple[str, str]:
    return query.get("known_at", ""), query.get("known_position", "")


def _next_day(day: str) -> str | None:
    try:
        return (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    except (ValueError, OverflowError):
        return None


class ViewBasis(NamedTuple):
    """D and K of a view as the API has resolved them; `pinned`: the URL itself names all of them."""

    as_of: str
    known_basis: str
    known_at: str | None
    known_position: int
    pinned: bool
    today: str

    @property
    def frozen(self) -> dict[str, str]:
        """Return the parameters that pin both clocks for the API, and for a view."""
        pinned = {"as_of": self.as_of, "known_basis": self.known_basis}
        if self.known_basis == "published":
            pinned["known_at"] = self.known_at or ""
        return pinned | {"known_position": str(self.known_position)}

    @property
    def shared(self) -> dict[str, str]:
        """Return the parameters that links from this view carry: all of them where it is pinned."""
        if self.pinned or self.known_basis == "recorded":
            return self.frozen
        return {name: value for name, value in self.frozen.items() if name != "known_position"}

    @property
    def known_day(self) -> str:
        """Return the day of K for the control: of publication, or of the recording."""
        return (self.known_at or "")[:_DAY]

    @property
    def sentence(self) -> str:
        """Return what K means, in words."""
        if self.known_basis == "published":
            counted = f"Only what a source had published by the end of {day_words(self.known_day)} counts"
            return f"{counted}, whenever it was recorded here."
        if not self.known_position:
            return "Nothing had been recorded at this point, so nothing is known. Switch to “by publication”."
        instant = (self.known_at or "")[11:16]
        return (
            f"Only what this ledger had recorded by position {self.known_position} counts "
            f"({day_words(self.known_day)}, {instant} UTC), whenever it was published."
        )


def basis_of(answer: Members, clocks: Clocks, today: str) -> ViewBasis:
    """Return the basis that an answer states."""
    pinned = bool(clocks.as_of and clocks.known_position and (clocks.known_at or clocks.known_basis == "recorded"))
    return ViewBasis(
        answer["as_of"], answer["known_basis"], answer["known_at"], answer["known_position"], pinned, today
    )
