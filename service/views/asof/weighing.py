"""Items as published, loaded and weighed: in a thread where that is much work, and no more than a page may cost.

A page ends where its items have cost enough; the rest is for the next page.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any, TypeVar

from service.domain.errors import TooMuchToAnswer
from service.domain.rule.facts import Entry
from service.domain.rule.item import Item
from service.domain.rule.publication import as_published_by
from service.domain.rule.work import REPORT_STEPS
from service.domain.vocabulary import events, instants
from service.views.working_set import rows_by_item

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Sequence

    from service.storage.database import Database, Row
    from service.views.asof.question import Basis

T = TypeVar("T")

_TOO_MUCH = (
    "too much became known in another order than it was recorded to be worked out in one answer: ask as recorded, or "
    "about less"
)

MANY_EVENTS = 100
"""Events whose items take 5 ms, or longer where one item has them all."""
_UNCERTAIN = re.compile(rb'":"(?:\[|\d{4}(?:-\d\d)?")')  # a range, a pair, a month or a year in the body of an event
EVENT_BYTES = 500
"""Bytes that count as an event."""
CHUNK = 50
"""Items loaded and weighed at a time, at most: 30 ms of work where each has ten facts."""
PAGE_STEPS = 3_000_000
"""Steps of work (service/domain/rule/work.py) after which no further item is weighed: 0.4 s, the last item not counted.

What an item may be is bounded (docs/limits.md), so a page ends within a second.
"""
REST_STEPS = 500_000
"""Steps that the last part of an answer may take at least."""
FIRST = 10
"""Items loaded before their sizes are known; each may have 4 MiB of events."""
LOADED_BYTES = 4 * 2**20
"""Bytes of events that are loaded at a time, as far as the items before are a guide."""
PUBLISH_STEPS = 30
"""Steps for an event of a fact, in addition to those for its reports, to find what of it counts on a day."""
BYTES_A_STEP = 2
"""Bytes of events that are decoded, and written into a state, in a step."""


class PageWork:
    """What the items of a page have cost so far, and these items: none is weighed twice as known at one basis.

    What it keeps is bounded, as an item's events count as work.
    """

    def __init__(self, most: float = PAGE_STEPS) -> None:
        """`most` is how many steps are enough."""
        self._most, self.steps, self._items, self._bytes = most, 0, 0, 0
        self.weighed: dict[tuple[int, int | None], dict[str, Item]] = {}
        """By position and day of publication, then by name."""

    def beside(self, most: float = PAGE_STEPS) -> PageWork:
        """Begin a count of its own for another part of the same answer."""
        other = PageWork(most)
        other.weighed = self.weighed
        return other

    def rest(self) -> PageWork:
        """Go on with another part of the same answer, which may take REST_STEPS, whatever is left."""
        return self.beside(max(REST_STEPS, self._most - self.steps))

    def count(self, steps: int) -> None:
        """Count steps of work."""
        self.steps += steps

    def spend(self, steps: int) -> None:
        """Count steps of work; raises TooMuchToAnswer where they are too many for an answer that cannot be cut."""
        self.count(steps)
        self.check()

    def check(self) -> None:
        """Raise TooMuchToAnswer where the work is enough for a page."""
        if self.is_enough:
            raise TooMuchToAnswer(_TOO_MUCH)

    @property
    def is_enough(self) -> bool:
        """Whether the page ends here."""
        return self.steps >= self._most

    def add(self, item: Item, more: int = 0) -> None:
        """Count an item that was loaded and weighed, and `more` steps."""
        self._items += 1
        self._bytes += item.bytes
        self.steps += item.steps + item.bytes // BYTES_A_STEP + more

    def part(self, most: int) -> int:
        """Return how many items to load next: `most` at most."""
        if not self._items:
            return min(FIRST, most)
        return max(1, min(most, LOADED_BYTES * self._items // max(1, self._bytes)))


async def weighed_until(
    database: Database,
    basis: Basis,
    slugs: Sequence[str],
    work: PageWork,
    take: Callable[[Item], T],
    *,
    lives: bool = True,
) -> list[T]:
    """Load items as known at a basis, as recorded or as published, and take something of each, in the order of names.

    Those after which the work is enough are left out. Without `lives`, an item may have no life, only its facts.
    """
    known = work.weighed.setdefault((basis.position, basis.published), {})

    def weighed(slug: str, rows: Sequence[Row]) -> T:
        item = known.get(slug)
        if item is None:
            item, chains, steps = chained(rows), None, 0
            if basis.published is not None:
                chains = {root: as_published_by(chain, basis.published) for root, chain in item.chains.items()}
                steps = publish_steps(item.size, item.reports)
            (item.know if lives else item.weigh)(item.chains if chains is None else chains)
            work.add(item, steps)
            if lives:
                known[slug] = item
        return take(item)

    return await loaded_until(database, basis, slugs, work, weighed, known)


async def loaded_until(
    database: Database,
    basis: Basis,
    slugs: Sequence[str],
    work: PageWork,
    take: Callable[[str, Sequence[Row]], T],
    known: Container[str] = (),
) -> list[T]:
    """Read the events that bear on items, and take something of each, in the order of names, until the work is enough.

    Of those that are `known`, no event is read.
    """
    taken: list[T] = []
    start = 0
    while start < len(slugs) and not work.is_enough:
        part = slugs[start : start + work.part(CHUNK)]
        rows = await rows_of(database, [slug for slug in part if slug not in known], basis.position)
        taken += await apart(sum(map(size_of, rows)), _taken, part, rows, work, take)
        start += len(part)
    return taken


def _taken(
    part: Iterable[str], rows: Iterable[Sequence[Row]], work: PageWork, take: Callable[[str, Sequence[Row]], T]
) -> list[T]:
    taken: list[T] = []
    loaded = {of_item[0][1]: of_item for of_item in rows}
    for slug in part:
        if work.is_enough:
            break
        taken.append(take(slug, loaded.get(slug, ())))
    return taken


def publish_steps(events: int, reports: int) -> int:
    """Return the steps that it takes to find what of so many events, with their reports, counts on a day."""
    return PUBLISH_STEPS * events + REPORT_STEPS * reports


def size_of(rows: Sequence[Row]) -> int:
    """Return how many events the work on an item's rows is like: an uncertain date among few events is like many.

    Many events are not searched for such dates: that would hold up others.
    """
    bodies: list[bytes] = [row[5] for row in rows]
    events = events_like(bodies)
    return events if events > MANY_EVENTS else events + MANY_EVENTS * any([_UNCERTAIN.search(body) for body in bodies])


def events_like(bodies: Sequence[bytes]) -> int:
    """Return how many events the reading of some bodies is like."""
    return len(bodies) + sum(map(len, bodies)) // EVENT_BYTES


async def apart(events: int, work: Callable[..., T], *given: Any) -> T:  # noqa: ANN401 - what the work takes
    """Do work on so many events; much of it in a thread, so that others have their turns."""
    await asyncio.sleep(0)
    return await asyncio.to_thread(work, *given) if events > MANY_EVENTS else work(*given)


def publication_day(basis: Basis) -> int:
    """Return the last day of publication that counts, as an ordinal."""
    assert basis.published is not None  # noqa: S101 - asked as published
    return basis.published


async def rows_of(database: Database, slugs: Iterable[str], until: int) -> list[list[Row]]:
    """Read the events that bear on items, as `rows_by_item` does, each with the instant at which it was recorded."""
    return await rows_by_item(database.fetch_long, database.dialect, "e.recorded_at", slugs, until)


def chained(rows: Sequence[Row]) -> Item:
    """Return an item with its chains alone."""
    item = Item(*rows[0][:3])
    for row in rows:
        item.add(Entry(row[4], events.decode(row[5]), len(row[5]), instants.day(row[3])))
    return item
