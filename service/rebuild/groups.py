"""Whole items, group by group: all that bears on them is projected at once, and stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.domain.vocabulary import events
from service.eventlog.log import events_at
from service.rebuild.register import Register
from service.storage.layout import LOG
from service.views.project import Projector, Recorded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.domain.rule.item import Item
    from service.domain.rule.tally import Days, Shift, Tally
    from service.eventlog.log import Stored
    from service.rebuild.register import Counts
    from service.storage.next_tables import NextTables


class GroupItems(dict[str, "Item"]):
    """The items of one group."""

    def keep(self, item: Item) -> None:
        """Take an item."""
        self[item.slug] = item

    def tally(self, issue: str) -> Tally:
        """Refuse: an issue has items in many groups. Its tally is made when all of them are done."""
        raise NotImplementedError(issue)


class GroupProjector(Projector):
    """Projects all events of some items; issues are counted by the register, which has seen the whole log."""

    def __init__(self, counts: Counts) -> None:
        """Begin with no item known."""
        super().__init__(GroupItems())
        self.days: list[tuple[int, ...]] = []
        """By an issue and a position, the days of publication of what bears on it."""
        self._counts = counts
        self._numbers = {issue: number for (issue, _), (number, _, _) in counts.items()}

    def _counted(self, issue: str, position: int) -> tuple[int, int, int]:
        return self._counts[issue, position]

    def _tallied(self, issue: str, shifted: Sequence[Shift], days: Days, position: int) -> int:  # noqa: ARG002 - see below
        """Leave the postures and the days for later, see `service/rebuild/postures.py`."""
        self.days.append((self._numbers[issue], position, *days))
        return self._numbers[issue]


async def make_group(tables: NextTables, number: int, items: Sequence[int]) -> int:
    """Project the items of a group and store their rows; return how many events bear on them."""
    register = Register(tables)
    positions = await register.positions(items)
    projector = GroupProjector(await register.counts(positions))
    projector.project([recorded(stored) for stored in await events_at(tables, positions)])
    commit = projector.finish()
    commit.rows[LOG] = []  # the log has its own
    await tables.load(commit, projector.days, number, len(positions))
    return len(positions)


def recorded(stored: Stored) -> Recorded:
    """Return an event of the log as it is projected."""
    return Recorded(stored.position, stored.recorded_at, events.decode(stored.body), stored.body)
