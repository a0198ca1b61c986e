"""A watch as the process that asks it knows it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from service.watches.answers import GivenAnswer
from service.watches.reach import NOTHING
from service.watches.store import WAITING_MAX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.watches.reach import Reach
    from service.watches.store import Watch

NO_EPOCH = -1
"""Stands for the epoch of an answer that is not noted."""


class ReadWith(NamedTuple):
    """What the watches in memory were read with: when one differs, they are read again."""

    stamp: object
    leases: Mapping[str, int]
    day: int
    epoch: int


def refused(row: Watch) -> GivenAnswer:
    """Return the answer to a question that this version of the service does not take."""
    return GivenAnswer(row.question, HTTPStatus.UNPROCESSABLE_ENTITY)


class Watched:
    """A watch that this process asks: its row as it was read or written last, and the positions to ask it at."""

    __slots__ = ("due", "fence", "reach", "rests_until", "row")

    def __init__(self, row: Watch, fence: int, reach: Reach) -> None:
        """`fence` of the lease under which it is asked, `reach` of its question on the day.

        A question that is refused now, and was not when it was asked last, counts as asked in no epoch.
        """
        if reach is NOTHING and row.digest != refused(row).digest():
            row = row._replace(epoch=NO_EPOCH)
        self.row, self.fence, self.reach = row, fence, reach
        self.due: list[int] = []
        self.rests_until = 0.0
        """Seconds of the event loop until which it is not asked, as it failed."""

    def ask_at(self, position: int) -> None:
        """Note a position at which to ask; of too many, the first and the last are asked."""
        if not self.due or position > self.due[-1]:
            self.due.append(position)
        if len(self.due) > WAITING_MAX:
            del self.due[1:-1]

    def is_same(self, other: Watched | None) -> bool:
        """Return whether another is this watch with the same question, asked under the same lease."""
        return other is not None and (self.row.version, self.fence) == (other.row.version, other.fence)

    def may_be_asked(self, now: float) -> bool:
        """Return whether it is to be asked at this second of the event loop, where it is due."""
        return not self.is_full() and now >= self.rests_until

    def is_full(self) -> bool:
        """Return whether so many answers wait to be delivered that it is not asked."""
        return self.row.number >= self.row.delivered + WAITING_MAX
