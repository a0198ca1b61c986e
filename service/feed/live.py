"""The end of the log, read once for all who follow it live.

One task reads new events and keeps the last of them; each follower has a position and nothing else. The signals that
wake the reader (a commit of this process, the database's notice of another's) may be late or lost: it polls as well,
and the log is the truth. Where the log was set back (another has taken its place), the reader begins again, and wakes
everybody who waits: a follower whose place is in the log goes on, another gets OtherLog.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

import structlog

from service.domain.errors import OtherLog
from service.eventlog.head import head_of
from service.eventlog.log import BEGINNING, Place, Stored
from service.feed.filters import EVERYTHING, Passing
from service.feed.pages import CHUNK_BYTES, REACH, SHOWN, LogPage
from service.feed.recent import KEPT, KEPT_BYTES, Live, Recent, block
from service.storage.database import Lost

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.storage.database import Database

POLL_SECONDS = 0.5
"""Seconds between two reads of the log while somebody follows and nobody wakes the reader."""
TICK_SECONDS = 15.0
"""Seconds after which followers are woken although nothing was recorded, to send a sign of life."""
PAGE = 500
PAGE_BYTES = 2 * 1024 * 1024
"""Bytes of events that are read at once; one event may be larger."""
SHARED_MAX = 64
"""Filters whose last events are kept as they are written, for the next follower with the same one."""
NOTIFIED_AT_ONCE = 50
"""Followers notified between two turns of the event loop."""

_AFTER = f"""
SELECT (SELECT recorded_at FROM event WHERE position = $1), e.position, e.recorded_at, e.body, e.recorded_by, e.acts_on,
    e.tokens
FROM head h LEFT JOIN (
    SELECT e.position, e.recorded_at, e.body, e.recorded_by, t.body AS acts_on, x.tokens FROM {SHOWN}
    WHERE e.position > $1 AND e.position <= {REACH} ORDER BY e.position LIMIT $2
) e ON h.id = 1 WHERE h.id = 1 ORDER BY e.position
"""  # noqa: S608 - a text of our own

logger = structlog.get_logger(__name__)


Push = Callable[[], bool]


class _Waiting(NamedTuple):
    """A follower who waits for an event after `notified`, a position: it ends the future, unless `push` took it."""

    woken: asyncio.Future[None]
    push: Push | None
    notified: int


class Tail:
    """The end of one ledger's log; one instance a process and database."""

    def __init__(self, database: Database) -> None:
        """Read nothing before somebody follows."""
        self._database = database
        self._recent = Recent()
        self._woken = asyncio.Event()
        self._waiting: deque[_Waiting] = deque()  # in the order of the positions that they were notified of
        self._shared: dict[tuple[Passing, bool], tuple[Place, bytes, Place]] = {}
        """What was written last for each filter, up to the head, with the place after which it begins."""
        self._ticked = 0.0
        self._reaches = 0
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
        """Make every follower end."""
        self.closed = True
        self._wake_all()

    async def stop(self) -> None:
        """Make every follower end, and stop reading."""
        self.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def wake(self, position: int) -> None:
        """Take note that the log reaches to a position."""
        self._reaches = position
        if self._waiting and position > self.head:
            self._woken.set()

    @contextmanager
    def following(self) -> Iterator[None]:
        """Count as a follower: the end of the log is read for as long as this lasts."""
        self.followers += 1
        if self.followers == 1:
            self._woken.set()
        try:
            yield
        finally:
            self.followers -= 1

    def page(self, after: Place, limit: int, wanted: Passing = EVERYTHING) -> LogPage | None:
        """Return up to `limit` events after a place that pass a filter; None where they are not kept.

        Raises OtherLog when the log has another event at the place.
        """
        found = self._recent.after(after, limit, wanted, KEPT_BYTES) if self.head else None
        return None if found is None else LogPage([live.stored for live in found[0]], found[1], self.head)

    def since(self, after: Place) -> list[Live] | None:
        """Return all events that were read after a place, with their tokens; None where they are not kept.

        Raises OtherLog when the log has another event at the place.
        """
        found = self._recent.after(after, self.head, EVERYTHING, KEPT_BYTES) if self.head else None
        return None if found is None else found[0]

    def blocks(
        self,
        after: Place,
        limit: int,
        wanted: Passing = EVERYTHING,
        places: bool = False,  # noqa: FBT001, FBT002 - called for each follower
    ) -> tuple[bytes, Place] | None:
        """Return the same as blocks of an event stream, some CHUNK_BYTES, with the place to go on after."""
        shared = self._shared.get((wanted, places))
        if shared is not None and shared[0] == after:
            return shared[1:]  # Followers with the same filter ask the same, one after the other.
        found = self._recent.after(after, limit, wanted, CHUNK_BYTES) if self.head else None
        if found is None:
            return None
        written = b"".join([block(live.stored, places) if places else live.block for live in found[0]])
        if found[1].position == self.head and len(self._shared) < SHARED_MAX:
            self._shared[wanted, places] = (after, written, found[1])
        return written, found[1]

    def moved(self, after: int, push: Push | None = None) -> asyncio.Future[None]:
        """Return a future that is done when an event follows a position, a tick has passed, or the process is stopping.

        Also when the log was set back. `push` is called first: while it returns true it has sent everything, and nobody
        is woken. Calling a thousand followers costs much less than waking them.
        """
        woken = asyncio.get_running_loop().create_future()
        if self.head > after or self.closed:
            woken.set_result(None)
        else:
            self._waiting.append(_Waiting(woken, push, self.head))
            if self._reaches > self.head:  # nobody waited when it was recorded
                self._woken.set()
        return woken

    async def _run(self) -> None:
        """Read on while somebody follows; from the head again after a time without followers."""
        while True:
            if not self.followers:
                self._begin(BEGINNING)
                self._wake_all()  # the order of the queue begins again
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS if self.followers else None):
                    await self._woken.wait()
            try:
                await self._catch_up()
            except Lost as error:
                logger.warning("tail.lost", error=str(error))
                await asyncio.sleep(POLL_SECONDS)
            await self._tick()

    async def _catch_up(self) -> None:
        """Read new events and notify all who wait, some at a time: an append under way need not wait for all of them.

        Events recorded while followers are being notified are read immediately. Followers not yet notified get both
        batches; the others go to the back of the queue. So nobody is notified later than one round after the read.
        """
        unread = True
        while unread or self._is_unnotified():
            self._notify(self._is_unnotified)
            if unread and self._keeps_up():
                self._woken.clear()
                unread = await self._read()
            await asyncio.sleep(0)
            unread = unread or self._woken.is_set()

    def _is_unnotified(self) -> bool:
        """Return whether somebody waits who has not been notified of all that was read."""
        return bool(self._waiting) and self._waiting[0].notified < self.head

    def _keeps_up(self) -> bool:
        """Return whether more can be read without dropping an event that somebody is still to be notified of."""
        return not self._is_unnotified() or self.head - self._waiting[0].notified <= KEPT - PAGE

    async def _read(self) -> bool:
        """Read the next events; return whether there may be more."""
        if self.head == 0:
            head = await head_of(self._database)
            self._begin(Place(head.position, head.recorded_at))
        rows = await self._database.fetch(_AFTER, self.head, PAGE, PAGE_BYTES)
        try:
            self._recent.end.check(rows[0][0])
        except OtherLog as error:
            logger.warning("tail.set_back", error=str(error))
            self._begin(BEGINNING)
            self._wake_all()
            return True
        if rows[0][1] is None:
            return False
        size = self._recent.add([(Stored(*stored), tokens) for _, *stored, tokens in rows])
        self.head = self._recent.end.position
        self._shared.clear()
        return len(rows) == PAGE or size >= PAGE_BYTES

    def _begin(self, place: Place) -> None:
        """Keep nothing, and read on after a place."""
        self._recent.begin(place)
        self.head = place.position
        self._shared.clear()

    async def _tick(self) -> None:
        """Notify all, now and then, that time has passed."""
        now = asyncio.get_running_loop().time()
        if now - self._ticked >= TICK_SECONDS:
            self._ticked = now
            for _ in range(0, len(self._waiting), NOTIFIED_AT_ONCE):
                self._notify(lambda: True)
                await asyncio.sleep(0)

    def _notify(self, whether: Callable[[], bool]) -> None:
        """Notify the first of those who wait, some of them, while there is something to notify them of."""
        for _ in range(min(NOTIFIED_AT_ONCE, len(self._waiting))):
            if not whether():
                break
            self._notify_one(self._waiting.popleft())

    def _wake_all(self) -> None:
        """Wake everybody who waits."""
        while self._waiting:
            woken = self._waiting.popleft().woken
            if not woken.done():
                woken.set_result(None)

    def _notify_one(self, waiting: _Waiting) -> None:
        woken, push, _ = waiting
        if woken.done():  # the follower has given up
            return
        try:
            if push is not None and push():
                self._waiting.append(_Waiting(woken, push, self.head))
            else:
                woken.set_result(None)
        except Exception as error:  # noqa: BLE001 - raised again where it is waited for
            woken.set_exception(error)
