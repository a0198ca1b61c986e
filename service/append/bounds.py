"""What a request may cost, and what an item may become: beyond it a request is refused, and nothing is stored.

The rule works an item out again with each fact, so what an item has is paid for by each later append and by reads as
published. docs/limits.md says the same for clients.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.domain.errors import Fault, TooMuchWork
from service.domain.vocabulary.events import RecordRetracted

if TYPE_CHECKING:
    from service.domain.rule.item import Item
    from service.domain.vocabulary.events import Fact, Record

REQUEST_STEPS = 5_000_000
"""Steps of work (service/domain/rule/work.py) of one request at most: with its commit less than a second of a core."""
LONE_STEPS = 8_500_000
"""Steps that one event alone may cost, which cannot be split: any fact of an item can be corrected, even where each of
its FACTS_MAX answers changes by it, as long as they are a kilobyte each."""
GROUP_STEPS = 2_000_000
"""A commit takes no further request after so many steps."""
LARGE_STEPS = 50_000
"""From so many steps on a request is decided in a thread: 5 ms, in which others would wait."""
ANSWER_STEPS = 650
"""Steps for an answer that a request may change, before it is known whether it does: to work it out and to write it."""
NAME_STEPS = 200
"""Steps for an element of a list of a text, such as a name, before it is known what it is found by."""
LARGE_EVENTS = 32
"""From so many events on, too: to decide and project one takes some 100 us."""
FACTS_MAX = 10_000
"""Facts that an item may have, those counted that were retracted or put on another item."""
PAIRS_MAX = 1_010_000
"""Pairs of a fact and what each answer looks at (`Item.pairs`): to work an item out from its log takes a second.

A thousand facts may be of any sort, on ten issues.
"""
UNCERTAIN_MAX = 64
"""Facts of an item that may have, or have had, a text with an uncertain date."""
EVENTS_MAX = 20_000
"""Events that may bear on an item."""
REPORTS_MAX = 20_000
"""Reports that these events may have, one for each fact not counted: no fact is without."""
BYTES_MAX = 8 * 2**20
"""Bytes of JSON that these events may have."""
UNBOUNDED = float("inf")


class Bounds:
    """The bounds of the request that is being projected."""

    def __init__(self) -> None:
        """Allow nothing before `begin`."""
        self._steps: float = 0
        self._is_lone = False

    def begin(self, steps: int, events: int, *, bounded: bool) -> None:
        """Begin a request of so many events after so many steps of its group.

        One that is not bounded is a copy of what was recorded.
        """
        self._is_lone = events == 1
        self._steps = steps + (LONE_STEPS if self._is_lone else REQUEST_STEPS) if bounded else UNBOUNDED

    def allow(self, steps: int) -> None:
        """Check the steps done for the group so far; raises TooMuchWork beyond those of a request."""
        if steps > self._steps:
            detail = (
                "the event changes too many states: record what goes on as another item"
                if self._is_lone
                else "the events before this one, and this one, change too many states: send fewer in a request"
            )
            raise TooMuchWork([Fault((), detail)])

    def check(self, item: Item, event: Fact | Record) -> None:
        """Check what an item has become by an event; raises TooMuchWork.

        A retraction is taken up to twice as many events: what is wrong can be retracted from an item that is full.
        """
        if self._steps == UNBOUNDED:
            return
        if isinstance(event, RecordRetracted):
            bounds = [(item.size, 2 * EVENTS_MAX, "events")]
        else:
            bounds = [
                (item.size, EVENTS_MAX, "events"),
                (len(item.chains), FACTS_MAX, "facts"),
                (item.pairs, PAIRS_MAX, "pairs of a fact and what each answer looks at"),
                (len(item.uncertain), UNCERTAIN_MAX, "facts with uncertain dates"),
                (item.reports - len(item.chains), REPORTS_MAX, "reports beyond one for each fact"),
                (item.bytes, BYTES_MAX, "bytes of events"),
            ]
        for found, most, what in bounds:
            if found > most:
                detail = f"{item.slug} may have {most:,} {what} at most: record what goes on as another item"
                raise TooMuchWork([Fault(("item",), detail)])
