"""What is recorded during a rebuild: projected after what is made, commit by commit, as an append does it."""

from __future__ import annotations

import time
from itertools import groupby
from typing import TYPE_CHECKING

from service.domain.vocabulary.events import Record, text_of
from service.eventlog.log import Stored
from service.rebuild.groups import recorded
from service.storage.layout import LOG
from service.storage.next_tables import CannotRebuild
from service.views.project import Projector
from service.views.touched import Touched
from service.views.working_set import NEWEST, WorkingSet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from service.domain.vocabulary.events import Fact
    from service.storage.database import Commit
    from service.storage.next_tables import NextTables
    from service.views.project import Recorded

EVENTS = 200
"""Events that are stored in one commit, and the rest of the last append."""
FEW = 10
"""Events that are little: they are added in some milliseconds."""
ROUNDS, PRESS_SECONDS = 20, 1.0
"""Commits after which less must be left than before them; for how long nobody records where it is not."""
_HEAD = "SELECT position FROM head WHERE id = 1"
_AFTER = "SELECT position, recorded_at, body FROM event WHERE position > $1 ORDER BY position LIMIT $2"
_KEPT = "SELECT 1 FROM event WHERE position = $1 AND recorded_at = $2"


class CatchUp:
    """Adds to the next tables what was recorded after a commit."""

    def __init__(self, tables: NextTables, position: int, recorded_at: int) -> None:
        """Begin after a commit, its position and its instant: the tables have all up to it."""
        self._tables = tables
        self.position, self.recorded_at = position, recorded_at
        self._items = WorkingSet(tables)

    def at(self, position: int, recorded_at: int) -> None:
        """Go on from an earlier commit again: what was stored since has been rolled back."""
        self.position, self.recorded_at = position, recorded_at
        self._items.clear()

    async def all(self) -> None:
        """Add until there is nothing left."""
        while await self.some():
            pass

    async def nearly(self) -> None:
        """Add until there is little left. Who records faster than this adds has to wait, more and more often."""
        rounds, before = ROUNDS, NEWEST
        while True:
            for _ in range(rounds):
                if await self.some() <= FEW:
                    return
            ((head,),) = await self._tables.fetch(_HEAD)
            if head - self.position >= before:
                await self._press()
                rounds = max(1, rounds // 2)
            before = head - self.position

    async def _press(self) -> None:
        """Add for a while in which nobody records."""
        until = time.monotonic() + PRESS_SECONDS
        async with self._tables.locked():
            while time.monotonic() < until and await self.some():
                pass

    async def some(self) -> int:
        """Add the next commits; return how many events they have. Raises CannotRebuild for a log that was set back."""
        batch = [recorded(stored) for stored in await self._next()]
        if batch:
            await self._load(batch)
            touched = Touched(self._items)
            commit = _projected(batch, touched)
            async with self._tables.transaction():
                await self._tables.store(commit)
                await self._note(batch[-1])
            self._items.trim({*touched.items, *touched.issues})
        return len(batch)

    async def check(self) -> None:
        """Check that the log still has what the tables were made from; raises CannotRebuild."""
        if self.position and not await self._tables.fetch(_KEPT, self.position, self.recorded_at):
            msg = "the log was set back during the rebuild: begin it again"
            raise CannotRebuild(msg)

    async def _next(self) -> list[Stored]:
        """Read events, no commit in part: what it brings may name an item that its later events open."""
        size = EVENTS + 1
        while True:
            await self.check()
            found = [Stored(*row) for row in await self._tables.fetch(_AFTER, self.position, size)]
            if len(found) < size:
                return found
            if whole := [each for each in found if each.recorded_at != found[-1].recorded_at]:
                return whole
            size *= 2

    async def _load(self, batch: Sequence[Recorded]) -> None:
        """Load the items and issues that events name, then those that the chains of their targets name."""
        await self._items.fill({name for each in batch for name in _names(each.event)})
        chains = [
            chain
            for each in batch
            if isinstance(each.event, Record)
            and (home := self._items.get(each.event.item or ""))
            and (chain := home.chain(each.event.target))
        ]
        await self._items.fill({name for chain in chains for entry in chain for name in _names(entry.event)})

    async def _note(self, last: Recorded) -> None:
        await self._tables.fetch(
            f"UPDATE {self._tables.name('progress')} SET position = $1, recorded_at = $2",  # noqa: S608 - our own name
            last.position,
            last.recorded_at,
        )
        self.position, self.recorded_at = last.position, last.recorded_at


def _projected(batch: Sequence[Recorded], touched: Touched) -> Commit:
    projector = Projector(touched)
    projector.project(batch)
    commit = projector.finish()
    commit.rows[LOG] = []  # the log has its own
    for instant, of_commit in groupby(batch, key=lambda each: each.recorded_at):
        commit.rows["commit_mark"].append((instant, [*of_commit][-1].position))
    return commit


def _names(event: Fact | Record) -> Iterator[str]:
    """Return the items and issues that an event names, and its text."""
    for each in (event, text_of(event)):
        if each is not None:
            yield from (*((each.item,) if each.item else ()), *(each.issues or ()))
