"""The projections remade from the log alone, beside the live ones: made, caught up, compared, exchanged.

    register ─▶ groups of items ─▶ postures, days, commits ─▶ what was recorded during it ─▶ compare ─▶ swap

Appends and reads go on. What is done is kept: a rebuild that was stopped goes on where it was.
"""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from service.eventlog.head import head_of
from service.rebuild.catch_up import CatchUp
from service.rebuild.compare import differing, to_swap
from service.rebuild.groups import make_group
from service.rebuild.postures import make_rest
from service.rebuild.register import Register
from service.rebuild.workers import Work, make_groups
from service.storage.connect import next_tables
from service.storage.database import REMADE
from service.storage.layout import COLUMNS, KEYS, PROJECTIONS
from service.storage.next_tables import Progress, TablesInUse
from service.views.shape import SHAPE, is_current

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from service.storage.database import Database, Row, Source
    from service.storage.next_tables import NextTables

GROUP = 500
"""Events of whole items that are projected together, and whose rows are then stored."""
IN_USE_SECONDS, IN_USE_MOST = 0.05, 5.0
"""How long the first and any later swap is waited for, after one that somebody who reads did not let happen."""
_EMPTY = "UPDATE ledger SET shape = $1 WHERE id = 1 AND (SELECT h.position FROM head h WHERE h.id = 1) = 0"
_STOPPED = """
SELECT p.plan, p.made_for, p.stage, p.planned, p.position, p.recorded_at
FROM progress p JOIN planned n ON n.plan = p.plan
WHERE p.made_for = $1 AND (p.position = 0
    OR EXISTS (SELECT 1 FROM event e WHERE e.position = p.position AND e.recorded_at = p.recorded_at))
"""
_HEAD = "SELECT position, recorded_at FROM head WHERE id = 1"
_LEDGER = "SELECT uuid FROM ledger WHERE id = 1"


class Rebuilt(NamedTuple):
    """The result of a rebuild: the events that the projections are made from, and by table how many rows differed.

    `differing` is None where the live projections had the shape of another version: all were replaced.
    """

    events: int
    differing: dict[str, int] | None

    @property
    def same(self) -> bool:
        """Return whether the projections matched the log."""
        return not self.differing


@dataclass(frozen=True)
class Options:
    """What a rebuild is to do.

    With `check` the tables are compared only. With `restored` the epoch is raised even where nothing differs. More than
    one of `workers` are processes of their own, which open the database by its `url`. `say` takes a line for people.
    """

    check: bool = False
    restored: bool = False
    workers: int = 1
    url: str = ""
    say: Callable[[str], object] = lambda _: None


class Rebuild:
    """A rebuild of one ledger, from the beginning or from where one was stopped."""

    def __init__(self, tables: NextTables, progress: Callable[[int, int], object], options: Options) -> None:
        """`progress` is called with the number of events done, and of all."""
        self._tables, self._show, self._options = tables, progress, options
        self._register = Register(tables)
        self._done: Progress
        self._catch_up: CatchUp

    async def make(self) -> None:
        """Make the next tables, up to the head that the log has when they are made, or go on with it."""
        self._done = await self._begun()
        self._tables.plan = self._done.plan
        if self._done.stage == "groups":
            await self._make_groups()
            await self._stage("rest")
        if self._done.stage == "rest":
            await make_rest(self._tables, self._register)
            await self._tables.analyze()
            await self._stage("following")
        self._catch_up = CatchUp(self._tables, self._done.position, self._done.recorded_at)
        await self._catch_up.nearly()

    async def compare(self) -> dict[str, int]:
        """Return how many rows differ by table, in one snapshot: the tables have all that the log has in it."""
        async with AsyncExitStack() as stack:
            snapshot: Source | None = None
            while snapshot is None:
                await self._catch_up.nearly()
                async with self._tables.locked():
                    if await self._is_caught_up():
                        snapshot = await stack.enter_async_context(self._tables.snapshot())
            return await differing(self._tables, snapshot)

    async def swap(self, differ: dict[str, int] | None) -> None:
        """Let the next tables take the place of the live ones that differ; of all, for None."""
        wait, tables = IN_USE_SECONDS, PROJECTIONS if differ is None else to_swap(differ)
        while True:
            await self._catch_up.nearly()
            before = self._catch_up.position, self._catch_up.recorded_at
            try:
                async with self._tables.locked(tables):
                    await self._catch_up.all()
                    await self._tables.swap(tables, SHAPE)
            except TablesInUse:
                self._catch_up.at(*before)
                await asyncio.sleep(wait)
                wait = min(2 * wait, IN_USE_MOST)
            else:
                return

    @property
    def events(self) -> int:
        """The events that the next tables are made from."""
        return self._catch_up.position

    async def _begun(self) -> Progress:
        """Return what is done of a rebuild for the same; begin another where there is none."""
        tables = self._tables
        ((uuid,),) = await tables.fetch(_LEDGER)
        made_for = f"{uuid} {SHAPE} {GROUP}"
        if await tables.is_there() and (rows := await tables.fetch(_STOPPED, made_for)):
            self._options.say("a rebuild was stopped here: it goes on where it was")
            return Progress(*rows[0])
        plan = await tables.make()
        ((position, recorded_at),) = await tables.fetch(_HEAD)
        await self._register.fill(position, plan)
        begun = Progress(plan, made_for, "groups", position, position, recorded_at)
        async with tables.transaction():
            await tables.fetch(f"INSERT INTO {tables.name('progress')} VALUES ($1, $2, $3, $4, $5, $6)", *begun)  # noqa: S608 - our own name
        return begun

    async def _stage(self, stage: str) -> None:
        async with self._tables.transaction():
            await self._tables.fetch(f"UPDATE {self._tables.name('progress')} SET stage = $1", stage)  # noqa: S608 - our own name
        self._done = self._done._replace(stage=stage)

    async def _make_groups(self) -> None:
        done = dict(map(tuple, await self._tables.fetch("SELECT number, events FROM done")))
        count, total = sum(done.values()), self._done.planned

        async def groups() -> AsyncIterator[tuple[int, list[int]]]:
            async for number, items in self._register.groups(GROUP):
                if number not in done:
                    yield number, items

        def made(events: int) -> None:
            nonlocal count
            count += events
            self._show(min(count, total), total)  # an event that bears on two items counts twice

        if self._options.workers > 1:
            work = Work(self._options.url, self._done.plan)
            await make_groups(groups(), work, self._options.workers, made)
            return
        async for number, items in groups():
            made(await make_group(self._tables, number, items))

    async def _is_caught_up(self) -> bool:
        ((position, recorded_at),) = await self._tables.fetch(_HEAD)
        return (position, recorded_at) == (self._catch_up.position, self._catch_up.recorded_at)


async def rebuild(
    database: Database, progress: Callable[[int, int], object] = lambda *_: None, options: Options | None = None
) -> Rebuilt:
    """Remake every projection beside the live ones, and let them take their place where they differ.

    `progress` is called with the number of events done, and of all. Raises CannotRebuild, for instance where another
    process does it.
    """
    options = options or Options()
    compares = await is_current(database)
    async with next_tables(database) as tables:
        work = Rebuild(tables, progress, options)
        await work.make()
        differ = await work.compare() if compares else None
        if differ != {} and not options.check:
            await work.swap(differ)
        elif options.restored:
            async with tables.transaction():
                await tables.fetch(REMADE)
        await tables.drop()
    return Rebuilt(work.events, differ)


async def renew(
    database: Database, progress: Callable[[int, int], object] = lambda *_: None, options: Options | None = None
) -> bool:
    """Remake the projections where they have not the shape of this version; return whether they had to be remade."""
    if await is_current(database):
        return False
    if (await head_of(database)).position == 0:
        await database.execute(_EMPTY, SHAPE)
    if not await is_current(database):
        await rebuild(database, progress, options)
    return True


def rows(database: Database, table: str) -> AsyncIterator[Row]:
    """Read the rows of a projection, in the order of its key."""
    return database.stream(table, COLUMNS[table], KEYS[table])


async def digest(database: Database) -> str:
    """Return the SHA-256 over every row of every projection, the same for the same log on either database."""
    seen = hashlib.sha256()
    for table in PROJECTIONS:
        seen.update(table.encode())
        async for row in rows(database, table):
            seen.update(msgspec.json.encode(tuple(row)))
    return seen.hexdigest()
