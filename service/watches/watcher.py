"""Asks the questions of watches again: when an event may have changed an answer, and when a day begins (UTC).

One task a process. It follows the end of the log and is concerned with the watches whose subscriptions this process
delivers. Each commit that may have changed an answer is asked about by itself, as known at its end, in the order of the
log. A watch that nothing touched costs nothing: an event finds those that it touches by its tokens.

What this process knows of a watch is checked by the statement that stores an answer. Where it knows too little (the
process has just begun, the lease was another's, the log was set back), the question is asked as of now.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from service.domain.errors import Malformed, OtherLog, Refused, Unavailable
from service.domain.vocabulary import instants
from service.eventlog.log import BEGINNING, Place
from service.storage.database import Lost
from service.watches.reach import NOTHING, Index
from service.watches.store import Asked, Watch, WatchStore
from service.watches.touched import touched_by
from service.watches.watched import NO_EPOCH, ReadWith, Watched, refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping
    from uuid import UUID

    from service.eventlog.head import Heads
    from service.feed.live import Tail
    from service.storage.database import Database
    from service.watches.answers import Questions
    from service.watches.reach import Reach

LOOK_SECONDS = 1.0
"""How often a process looks for watches that another one made or changed, and whether a day has begun."""
PAUSE_SECONDS = 0.2
"""How long a process waits after it asked, so that commits that follow fast are looked at together."""
REST_SECONDS = 30.0
"""How long a question that failed is not asked again."""
GRACE_SECONDS = 5.0
"""How long the questions under way may take when the process is stopping."""

logger = structlog.get_logger(__name__)


class Deliverer(Protocol):
    """Delivers answers: the subscriptions that this process has the leases of."""

    owner: str

    def leases(self) -> Mapping[str, int]:
        """Return the fence of each subscription that this process has the lease of."""

    def wake_for_answers(self, subscription: str) -> None:
        """Take note that an answer waits to be delivered."""


class Watcher:
    """The watches of one ledger, as one process serves and asks them."""

    def __init__(
        self,
        database: Database,
        heads: Heads,
        tail: Tail,
        clock: Callable[[], int],
        new_id: Callable[[], UUID],
        deliverer: Deliverer,
    ) -> None:
        """Ask nothing before `running`; `clock` returns microseconds since 1970 UTC."""
        self.store = WatchStore(database)
        self.asked = 0
        """Questions that this process asked."""
        self._heads, self._tail, self._clock, self._new_id = heads, tail, clock, new_id
        self._deliverer = deliverer
        self._watched: dict[str, Watched] = {}
        self._index, self._indexed_on = Index({}), 0
        self._basis: ReadWith | None = None
        self._place = BEGINNING
        self._looked_at = 0.0
        self._woken = asyncio.Event()
        self._follows = self._closed = False

    def wake(self) -> None:
        """Look at the watches now: one was made or changed."""
        self._basis = None
        self._woken.set()

    @asynccontextmanager
    async def running(self, questions: Questions) -> AsyncIterator[None]:
        """Ask questions to the end of the block; then finish what is under way."""
        task = asyncio.create_task(self._run(questions), name="watches")
        try:
            yield
        finally:
            self._closed = True
            self._woken.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(GRACE_SECONDS):
                    await task

    async def _run(self, questions: Questions) -> None:
        while not self._closed:
            self._woken.clear()
            with self._following():
                while not self._woken.is_set():  # as it is when closed
                    await self._pass(questions)
                    if bool(self._watched) is not self._follows:
                        break
                    await self._wait()

    @contextmanager
    def _following(self) -> Iterator[None]:
        """Follow the log while there are watches; without them nothing is read."""
        self._follows = bool(self._watched)
        if not self._follows:
            yield
            return
        with self._tail.following():
            yield

    async def _pass(self, questions: Questions) -> None:
        try:
            await self._look(questions)
            await self._match()
            await self._ask_due(questions)
        except (Lost, Unavailable) as error:
            self._forget()
            logger.warning("watches.lost", error=str(error))
        except Exception:  # whatever the error, they are read again
            self._forget()
            logger.exception("watches.failed")

    def _forget(self) -> None:
        """Know nothing: the watches are read again, and each is asked as of now."""
        self._basis, self._watched = None, {}

    async def _wait(self) -> None:
        """Wait until the log moves, a watch is made or changed, or it is time to look."""
        if self._follows:
            with suppress(TimeoutError):
                async with asyncio.timeout(PAUSE_SECONDS):
                    await self._woken.wait()
        waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(self._woken.wait())]
        if self._follows:
            waits.append(self._tail.moved(self._place.position))
        try:
            await asyncio.wait(waits, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _look(self, questions: Questions) -> None:
        """Read the watches again when they may be others; when a day has begun, all are to be asked."""
        leases, day, epoch = self._deliverer.leases(), instants.day(self._clock()), self._heads.epoch
        now, basis = _now(), self._basis
        if basis is not None and basis[1:] == (leases, day, epoch) and now - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = now
        found = ReadWith(await self.store.stamp() if leases else None, leases, day, epoch)
        if found != basis or any(watched.is_full() for watched in self._watched.values()):
            await self._read(questions, found)

    async def _read(self, questions: Questions, basis: ReadWith) -> None:
        """Read the watches that are asked here. One that is new here is to be asked if events followed its answer."""
        leases, known = basis.leases, self._watched
        rows = [row for row in await self.store.all() if row.subscription in leases] if leases else []
        reaches = {each.row.question: each.reach for each in known.values()} if basis.day == self._indexed_on else {}
        for row in rows:
            if row.question not in reaches:
                reaches[row.question] = _reach(questions, row.question, basis.day)
        self._watched = {row.name: Watched(row, leases[row.subscription], reaches[row.question]) for row in rows}
        self._index = Index({name: watched.reach for name, watched in self._watched.items()})
        self._basis, self._indexed_on = basis, basis.day
        if not rows:
            return
        head = await self._heads.read()
        if not known or head.epoch != basis.epoch:
            self._place = Place(head.position, head.recorded_at)
        self._basis = basis._replace(epoch=head.epoch)
        for name, watched in self._watched.items():
            if (before := known.get(name)) is not None and watched.is_same(before):
                watched.due, watched.rests_until = before.due, before.rests_until
            elif watched.row.position != head.position:
                watched.ask_at(head.position)
            if watched.row.epoch != head.epoch:  # positions that were due may be of a log that is lost
                watched.due.clear()
            if (watched.row.day, watched.row.epoch) != (basis.day, head.epoch):
                watched.ask_at(head.position)

    async def _match(self) -> None:
        """Find the watches that new events may have touched."""
        if not self._watched or not self._tail.head:
            return
        try:
            lives = self._tail.since(self._place)
        except OtherLog:
            lives = None
        if lives is None:  # set back, or too far to be kept: anything may have been touched
            head = await self._heads.read()
            self._place = Place(head.position, head.recorded_at)
            for watched in self._watched.values():
                watched.ask_at(head.position)
        elif lives:
            for end, names in (await touched_by(lives, self._index, self.store)).items():
                for name in names:
                    self._watched[name].ask_at(end)
            self._place = lives[-1].stored.place

    async def _ask_due(self, questions: Questions) -> None:
        """Ask what is due, in the order of the log, and note in the database what was asked."""
        asked: dict[str, Watched] = {}
        due = sorted((position, name) for name, watched in self._watched.items() for position in watched.due)
        for position, name in due:
            watched = self._watched.get(name)
            if self._closed or self._basis is None:
                break
            if watched is not None and position in watched.due and watched.may_be_asked(_now()):
                if await self._ask_safely(questions, watched, position):
                    asked[name] = watched
                await asyncio.sleep(0)  # others have their turn
        same: dict[tuple[int, int, int], dict[str, Watched]] = {}
        for name, watched in asked.items():
            row = watched.row
            same.setdefault((row.day, row.position, row.epoch), {})[name] = watched
        for when, found in same.items():
            rows = [watched.row for watched in found.values()]
            noted = await self.store.confirm(rows, Asked(self._clock(), *when), self._deliverer.owner)
            for name in found.keys() - noted:
                self._ask_again(found[name])

    def _ask_again(self, watched: Watched) -> None:
        """Ask a watch again soon: the database does not know yet, or no longer, that this process asks it."""
        watched.row = watched.row._replace(epoch=NO_EPOCH)
        watched.ask_at(watched.row.position)
        watched.rests_until = _now() + LOOK_SECONDS

    async def _ask_safely(self, questions: Questions, watched: Watched, position: int) -> bool:
        """Ask as `_ask` does; a question that fails rests, and the others are asked."""
        try:
            return await self._ask(questions, watched, position)
        except (Lost, Unavailable):
            raise
        except Exception:
            logger.exception("watch.failed", watch=watched.row.name)
            watched.rests_until = _now() + REST_SECONDS
            return False

    async def _ask(self, questions: Questions, watched: Watched, position: int) -> bool:
        """Ask at one position that is due; return whether it was asked there, and the answer noted if it is another."""
        assert self._basis is not None  # noqa: S101 - as looked at before
        row, (_, _, day, epoch) = watched.row, self._basis
        if position < row.position or (position, day, epoch) == (row.position, row.day, row.epoch):
            watched.due.remove(position)
            return False
        self.asked += 1
        try:
            answer = await questions.ask(row.question, day, position)
        except Malformed:  # set when the service had other questions
            answer = refused(row)
        except Refused as error:  # the log was set back to before the position
            logger.warning("watch.refused", watch=row.name, error=str(error))
            self._leave(row)
            return False
        digest, asked = answer.digest(), Asked(self._clock(), day, position, epoch)
        if digest != row.digest:
            if not await self.store.add(row, str(self._new_id()), asked, answer, self._deliverer.owner):
                self._leave(row)
                return False
            row = row._replace(number=row.number + 1, digest=digest)
            self._deliverer.wake_for_answers(row.subscription)
        watched.row = row._replace(day=day, position=position, epoch=epoch)
        watched.due.remove(position)
        return True

    def _leave(self, row: Watch) -> None:
        """Know nothing of a watch: it is read again in the next pass, and asked as of now."""
        self._watched.pop(row.name, None)
        self._looked_at, self._basis = 0.0, None


def _now() -> float:
    """Return the seconds of the event loop."""
    return asyncio.get_running_loop().time()


def _reach(questions: Questions, question: str, day: int) -> Reach:
    try:
        return questions.reach(question, day)
    except Malformed:  # its answer is that it is refused, whatever is recorded
        return NOTHING
