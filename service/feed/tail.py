"""The end of the log, read once for all who follow it live.

One task reads what was recorded since and keeps the last of it; each follower holds a position and nothing else. What
wakes the reader (a commit of this process, the database's notice of another's) may be late or lost: it polls as well,
and what it finds in the log is the truth.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

import structlog

from service import eventlog
from service.eventlog import Stored
from service.feed.pages import Page, has
from service.storage.database import Lost

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from service.storage.database import Database

POLL_SECONDS = 0.5
"""How often the log is looked at while somebody follows and nobody wakes the reader."""
TICK_SECONDS = 15.0
"""How often followers are woken though nothing was recorded, to say that they are alive."""
KEPT = 1_000
"""So many of the last events are kept, twice as many at most."""
PAGE = 500
TOLD = 50
"""So many followers are told between two turns of what else there is to do."""

_BEHIND = """
SELECT e.position, e.recorded_at, e.body, x.tokens
FROM event e JOIN event_index x ON x.position = e.position
WHERE e.position > $1 ORDER BY e.position LIMIT $2
"""

log = structlog.get_logger(__name__)


class Live(NamedTuple):
    """An event at the end of the log, with the tokens that it can be found by, and as a block of an event stream."""

    stored: Stored
    tokens: str
    block: bytes


def block(stored: Stored) -> bytes:
    """Write an event as a block of an event stream (WHATWG HTML, 9.2): its position is its id."""
    return b"id: %d\ndata: %s\n\n" % (stored.position, stored.json())


Push = Callable[[], bool]


class _Waiting(NamedTuple):
    """Who waits for something behind the position `told`: the future is done then, unless `push` took it."""

    woken: asyncio.Future[None]
    push: Push | None
    told: int


class Tail:
    """The end of one ledger's log; one instance a process and database."""

    def __init__(self, database: Database) -> None:
        """Nothing is read before somebody follows."""
        self._database = database
        self._recent: list[Live] = []
        self._woken = asyncio.Event()
        self._waiting: deque[_Waiting] = deque()  # in the order of what they were told
        self._last = (0, b"", 0)
        self._ticked = 0.0
        self._tasks: list[asyncio.Task[None]] = []
        self.head = 0
        """The last position that was read, 0 while nobody follows."""
        self.followers = 0
        self.closed = False
        """Whether the process is stopping: followers are to end."""

    def start(self) -> None:
        """Begin to listen for commits."""
        self._tasks = [
            asyncio.create_task(self._run(), name="tail"),
            asyncio.create_task(self._database.listen(self.wake), name="listen"),
        ]

    def close(self) -> None:
        """Let every follower end."""
        self.closed = True
        self._wake_all()

    async def stop(self) -> None:
        """Let every follower end, and read no more."""
        self.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def wake(self, position: int) -> None:
        """Say that the log reaches to a position by now."""
        if self.followers and position > self.head:
            self._woken.set()

    @contextmanager
    def following(self) -> Iterator[None]:
        """Have the end of the log read meanwhile."""
        self.followers += 1
        if self.followers == 1:
            self._woken.set()
        try:
            yield
        finally:
            self.followers -= 1

    def page(self, after: int, limit: int, tokens: Sequence[str] = ()) -> Page | None:
        """Give up to `limit` events behind a position that have all tokens; None where that is not kept."""
        found = self._found(after, limit, tokens)
        return None if found is None else Page([live.stored for live in found[0]], found[1], self.head)

    def blocks(self, after: int, limit: int, tokens: Sequence[str] = ()) -> tuple[bytes, int] | None:
        """Give the same as blocks of an event stream, with the position behind which to go on."""
        if not tokens and self._last[0] == after and self._last[2] == self.head:
            return self._last[1:]  # Those who follow all of it ask the same, one after the other.
        found = self._found(after, limit, tokens)
        if found is None:
            return None
        written = b"".join([live.block for live in found[0]])
        if not tokens:
            self._last = (after, written, found[1])
        return written, found[1]

    def _found(self, after: int, limit: int, tokens: Sequence[str]) -> tuple[list[Live], int] | None:
        """Give those wanted of the kept events behind a position, which have no gaps, and how far was looked.

        None where the first of them is not kept.
        """
        if after >= self.head > 0:
            return [], after
        if not self._recent or after + 1 < self._recent[0].stored.position:
            return None
        first = after + 1 - self._recent[0].stored.position
        recent = self._recent[first : first + limit]
        return [live for live in recent if has(live.tokens, tokens)], recent[-1].stored.position if recent else after

    def moved(self, after: int, push: Push | None = None) -> asyncio.Future[None]:
        """Give what is done once there is something behind a position, a tick has passed, or the process is stopping.

        `push` is called first: while it gives true it has done all there was to do, and nobody is woken. To be called
        costs a thousand followers much less than to be woken.
        """
        woken = asyncio.get_running_loop().create_future()
        if self.head > after or self.closed:
            woken.set_result(None)
        else:
            self._waiting.append(_Waiting(woken, push, self.head))
        return woken

    async def _run(self) -> None:
        """Read on while somebody follows; from the head again when nobody has for a while."""
        while True:
            if not self.followers:
                self._recent, self.head = [], 0
                self._wake_all()  # the order of what was told begins anew
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS if self.followers else None):
                    await self._woken.wait()
            try:
                await self._catch_up()
            except Lost as error:
                log.warning("tail.lost", error=str(error))
                await asyncio.sleep(POLL_SECONDS)
            await self._tick()

    async def _catch_up(self) -> None:
        """Read what was recorded and tell all who wait, some at a time: who appends meanwhile need not wait for all.

        What is recorded meanwhile is read at once: those who have not been told yet hear of both together, and those
        who have go to the end of the queue. So nobody hears of an event later than one round after it was read.
        """
        unread = True
        while unread or self._is_behind():
            self._tell(self._is_behind)
            if unread and self._keeps_up():
                self._woken.clear()
                unread = await self._read()
            await asyncio.sleep(0)
            unread = unread or self._woken.is_set()

    def _is_behind(self) -> bool:
        """Whether somebody waits who has not been told all that was read."""
        return bool(self._waiting) and self._waiting[0].told < self.head

    def _keeps_up(self) -> bool:
        """Whether what comes behind can be read without dropping what somebody is still to be told."""
        return not self._is_behind() or self.head - self._waiting[0].told <= KEPT - PAGE

    async def _read(self) -> bool:
        """Read the next events; tell whether there may be more."""
        if self.head == 0:
            self.head = (await eventlog.head(self._database)).position
        rows = await self._database.fetch(_BEHIND, self.head, PAGE)
        for *stored, tokens in rows:
            event = Stored(*stored)
            self._recent.append(Live(event, tokens, block(event)))
        if len(self._recent) > 2 * KEPT:
            del self._recent[:-KEPT]
        if rows:
            self.head = rows[-1][0]
        return len(rows) == PAGE

    async def _tick(self) -> None:
        """Tell all, now and then, that time has passed."""
        now = asyncio.get_running_loop().time()
        if now - self._ticked >= TICK_SECONDS:
            self._ticked = now
            for _ in range(0, len(self._waiting), TOLD):
                self._tell(lambda: True)
                await asyncio.sleep(0)

    def _tell(self, whether: Callable[[], bool]) -> None:
        """Tell the first of those who wait, some of them, while they are to be told."""
        for _ in range(min(TOLD, len(self._waiting))):
            if not whether():
                break
            self._tell_one(self._waiting.popleft())

    def _wake_all(self) -> None:
        """Let nobody wait on."""
        while self._waiting:
            woken = self._waiting.popleft().woken
            if not woken.done():
                woken.set_result(None)

    def _tell_one(self, waiting: _Waiting) -> None:
        woken, push, _ = waiting
        if woken.done():  # it has given up
            return
        try:
            if push is not None and push():
                self._waiting.append(_Waiting(woken, push, self.head))
            else:
                woken.set_result(None)
        except Exception as error:  # noqa: BLE001 - raised again where it is waited for
            woken.set_exception(error)
