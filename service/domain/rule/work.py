"""The work that the rule does, counted in steps: so a bound on it is the same on every machine.

A step is about 0.1 microseconds on one core of 2026.
"""

from __future__ import annotations

from collections.abc import Callable

Spend = Callable[[int], object]
"""Takes the steps that are about to be done; a bound may refuse them with an error of its own."""
STATE_STEPS = 210
"""Steps to write a state, in addition to one for every four bytes of it."""
EDGE_STEPS = 250
"""Steps to find what stands on a day, in addition to one for each element of the lists in its terms."""
REACH_STEPS = 1
"""Steps on a day for a fact that answers of many days look at (service/domain/rule/reach.py)."""
WEIGH_STEPS = 300
"""Steps to weigh a fact, and to find the days on which it can matter."""
EVENT_STEPS = 20
"""Steps to weigh a fact, for it and for each record on it."""
RETRACTED_STEPS = 45
"""The same where one of the records is a retraction: others may be void."""
REPORT_STEPS = 14
"""Steps to weigh a fact, for each report of these events."""
CHECKED_STEPS = 40
"""Steps to check a report and to keep it, in addition to its bytes."""
TOKEN_STEPS = 25
"""Steps for what a text is found by, a word or a name: to read it and to count it."""
FACET_STEPS = 40
"""Steps for what an item was not found by before: it is written too."""
TALLY_STEPS = 400
"""Steps to shift the tally of an issue, and to write its posture."""
READING = 50
"""Steps for one reading of uncertain dates, or for a day of it, in addition to one for each fact."""
MOVED_STEPS = 35
"""Steps for a fact whose days are others in a reading than in the one before."""
SIFT_STEPS = 5
"""Steps for a fact of an item with uncertain dates, to find on a day whether it matters in some reading."""
POSSIBLE_STEPS = 20
"""Steps for a fact that matters so, to find the statuses that it may give."""
PICK_STEPS = 140
"""Steps for such a fact where several statuses are possible, to pick the readings and to put the facts in order."""
CHOICE_STEPS = 16
"""Steps for an uncertain date and another one that it is compared with, to find the days that it is read as."""


def event_steps(size: int, reports: int) -> int:
    """Return the steps to check an event of so many bytes, with so many reports, and to keep it."""
    return size // 6 + CHECKED_STEPS * reports


def unbounded(_: int) -> None:
    """Allow any number of steps."""


def state_steps(size: int) -> int:
    """Return the steps that a state of so many bytes costs."""
    return STATE_STEPS + size // 4
