"""What was found under load: counts of what is wrong, each with a bound, and counts of what happened."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

SHOWN = 5
"""Findings of a sort that are printed when they are found."""

WRONG = (
    "acknowledged events lost",
    "acknowledged events elsewhere",
    "events recorded twice",
    "events that nobody sent",
    "gaps in the log",
    "instants that step back",
    "events missed by followers",
    "events seen twice by followers",
    "events reordered for followers",
    "followers that did not reach the end",
    "followers refused",
    "returns of webhooks and relay beyond one a fault",
    "frozen answers changed",
    "rebuilds that changed something",
    "requests refused",
    "answers of 5xx but 503",
    "errors that nobody handled",
    "processes that ended wrongly",
    "losses without a notice",
    "writes at a primary that was left",
)
"""Every sort of finding: the bound is 0."""


class Figure(NamedTuple):
    """One line of the table."""

    name: str
    size: int
    bound: int | None


class Findings:
    """Counts."""

    def __init__(self) -> None:
        """Nothing is wrong yet."""
        self._wrong = Counter(dict.fromkeys(WRONG, 0))
        self._counts: Counter[str] = Counter()
        self.excused: set[str] = set()
        """Sorts that are expected for a while."""

    def wrong(self, sort: str, what: str, count: int = 1) -> None:
        """Note something wrong, and print the first of its sort; only count it where it is excused."""
        assert sort in WRONG, sort
        if sort in self.excused:
            self.count(f"{sort}, as expected", count)
            return
        if self._wrong[sort] < SHOWN and count:
            print(f"  WRONG ({sort}): {what}", flush=True)
        self._wrong[sort] += count

    def count(self, name: str, count: int = 1) -> None:
        """Count something that has no bound."""
        self._counts[name] += count

    def of(self, name: str) -> int:
        """Return a count, of what is wrong or of what happened."""
        return self._wrong[name] if name in self._wrong else self._counts[name]

    def begun(self, start: str) -> int:
        """Return the sum of the counts whose names begin so."""
        return sum(count for name, count in self._counts.items() if name.startswith(start))

    @property
    def good(self) -> bool:
        """Return whether nothing was wrong."""
        return not any(self._wrong.values())

    def table(self) -> list[Figure]:
        """Return every figure: those with a bound first."""
        return [Figure(name, count, 0) for name, count in self._wrong.items()] + [
            Figure(name, count, None) for name, count in sorted(self._counts.items())
        ]
