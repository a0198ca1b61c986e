"""The tallies that a writer keeps, of the issues that its items belong to; read from the table when missing."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from service.domain.rule.tally import Shift, Tally

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from service.storage.database import Source

MEMORY_MAX = 16 * 2**20
"""Bytes that the kept tallies may take in memory together, about."""

_LOAD = """
SELECT i.slug, i.number AS number, h.position, b.bearing, b.day, CAST(sum(b.more) AS bigint)
FROM head h CROSS JOIN item i JOIN bearing b ON b.issue = i.number AND b.position > $2
WHERE h.id = 1 AND i.slug {among}
GROUP BY i.slug, i.number, h.position, b.bearing, b.day
UNION ALL
SELECT i.slug, i.number AS number, h.position, 0,
    coalesce((SELECT max(d.latest) FROM issue_published d WHERE d.issue = i.number), 0), 0
FROM head h CROSS JOIN item i WHERE h.id = 1 AND i.slug {among}
ORDER BY number
"""


@dataclass(slots=True)
class _Kept:
    """A tally that is kept: it has all that others have recorded up to a position; its size in bytes."""

    tally: Tally
    position: int
    size: int = 0


class Tallies:
    """Tallies by the slug of the issue, the least used dropped first.

    A writer changes them itself as it projects. What others have changed is read when a tally is needed again: the rows
    after the position up to which it has them.
    """

    def __init__(self, database: Source) -> None:
        """Begin empty."""
        self._database = database
        self._ready: OrderedDict[str, _Kept] = OrderedDict()
        self.ready = self._ready.keys()
        """The issues whose tallies are ready."""
        self._stale: dict[str, _Kept] = {}
        self._memory = 0

    def get(self, issue: str) -> Tally:
        """Return a tally that is ready."""
        self._ready.move_to_end(issue)
        return self._ready[issue].tally

    def begin(self, issue: str, number: int) -> None:
        """Begin the tally of a new issue."""
        self._ready[issue] = _Kept(Tally(number), 0)

    async def fill(self, issues: Iterable[str]) -> None:
        """Read those of these issues' tallies that are missing, and the rest of those that others have changed."""
        after: dict[int, list[str]] = {}
        for issue in issues:
            if issue not in self._ready:
                after.setdefault(self._stale[issue].position if issue in self._stale else 0, []).append(issue)
        for position, named in after.items():
            await self._read(named, position)

    async def _read(self, issues: Sequence[str], after: int) -> None:
        dialect = self._database.dialect
        sql = _LOAD.format(among=dialect.slugs.format("$1"))
        rows = await self._database.fetch(sql, dialect.listed(issues), after)
        for (issue, number, position), of_issue in groupby(rows, key=itemgetter(0, 1, 2)):
            kept = self._stale.pop(issue, None) or _Kept(Tally(number), 0)
            shifted = [Shift(*row[3:]) for row in of_issue]
            kept.tally.published = next(day for bearing, day, _ in shifted if not bearing)
            kept.tally.add([shift for shift in shifted if shift.bearing and shift.more])
            kept.position = position
            self._ready[issue] = kept
            self._count(kept)

    def drop(self, issues: Iterable[str]) -> None:
        """Forget these tallies."""
        for issue in issues:
            kept = self._ready.pop(issue, None) or self._stale.pop(issue, None)
            self._memory -= kept.size if kept else 0

    def expire(self, position: int) -> None:
        """Others may have changed any tally after a position, which all that are ready have reached."""
        for kept in self._ready.values():
            kept.position = max(kept.position, position)
        self._stale |= self._ready
        self._ready.clear()

    def trim(self, busy: Collection[str]) -> None:
        """Forget the least used tallies over the limit, but none of `busy`, which may have grown."""
        for issue in busy:
            if issue in self._ready:
                self._count(self._ready[issue])
        for issue in [*self._stale, *self._ready] if self._memory > MEMORY_MAX else ():
            if self._memory <= MEMORY_MAX:
                break
            if issue not in busy:
                self.drop([issue])

    def clear(self) -> None:
        """Forget everything."""
        self._ready.clear()
        self._stale.clear()
        self._memory = 0

    def _count(self, kept: _Kept) -> None:
        size = kept.tally.memory
        self._memory += size - kept.size
        kept.size = size
