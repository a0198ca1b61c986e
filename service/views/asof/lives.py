"""One item as known on each day of publication, for answers that go through all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.domain.rule.facts import reports_in
from service.domain.rule.publication import as_published_by, days
from service.domain.vocabulary.kinds import KINDS
from service.views.asof.weighing import PageWork, chained, publication_day, publish_steps, rows_of, size_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from service.domain.rule.answer import Segment
    from service.domain.rule.facts import Entry
    from service.domain.rule.item import Item
    from service.storage.database import Database, Row
    from service.views.asof.question import Basis

LIVES_STEPS = 4_000_000
"""Steps of work (service/domain/rule/work.py) that an item may take on all of its days together.

With what it takes to load the events that is less than a second.
"""


class Lives:
    """One item on each day of publication on which something about it may change, up to a day."""

    def __init__(self, rows: Sequence[Row], last: int) -> None:
        """`rows` are the events that bear on it, `last` the last day of publication that counts."""
        self._rows, self.last = rows, last
        self.slug, self.kind = rows[0][1], KINDS[rows[0][2]]
        self.size = size_of(rows)

    def __iter__(self) -> Iterator[tuple[Item, int, dict[int, Segment | None]]]:
        """Return the item as known on each day, with the day and its segments that are not as before.

        It is one item: take from it what is needed before going on to the next day. Only what changes is weighed again.
        Raises TooMuchToAnswer where that takes more work than an answer may.
        """
        work = PageWork(LIVES_STEPS)
        item = chained(self._rows)
        known: dict[int, Sequence[Entry]] = {}
        changes: dict[int, dict[int, None]] = {}
        steps: dict[int, int] = {}
        for root, chain in item.chains.items():
            steps[root] = publish_steps(len(chain), sum([reports_in(entry.event) for entry in chain]))
            for entry in chain:
                for day in days(entry):
                    changes.setdefault(day, {})[root] = None
        for day in sorted(changes):
            if day > self.last:
                break
            work.spend(sum([steps[root] for root in changes[day]]))
            chains = {root: as_published_by(item.chains[root], day) for root in changes[day]}
            new = {root: chain for root, chain in chains.items() if chain != known.get(root, [])}
            known |= new
            yield item, day, item.learn(new, work.spend)


async def lives(database: Database, basis: Basis, kind: str, slug: str) -> Lives | None:
    """Load an item of a kind as known on each day of publication, up to the basis's; None where there is none."""
    found = [rows for rows in await rows_of(database, [slug], basis.position) if rows[0][2] == kind]
    return Lives(found[0], publication_day(basis)) if found else None
