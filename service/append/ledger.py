"""The ledger of one process: takes appends, and commits them in groups.

One task drains the queue and commits many requests at once (group commit). While one group is being committed the next
is decided after it, so that the service and the database work at the same time. A group works on the head it saw last
and commits by compare-and-set: when another process was faster, the new events are read and the group is decided again.
So positions come in commit order, and nothing is decided on knowledge that is no longer the newest.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import nullcontext
from time import perf_counter
from typing import TYPE_CHECKING, Any

import structlog

from service.append.attempt import Attempt
from service.append.diagnose import diagnose
from service.append.freezing import Freezer
from service.append.groups import Flight, next_group
from service.append.preview import Preview, preview
from service.append.request import AppendResult, Counted, Once, Request
from service.append.retries import note, until
from service.domain.errors import Fault, TooMuchWork, Unavailable
from service.domain.vocabulary import instants
from service.eventlog.head import head_after, head_of
from service.storage.database import DuplicateId, Head, Lost
from service.tasks import quiet
from service.views.working_set import WorkingSet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from service.domain.vocabulary.events import Batch
    from service.eventlog.request_keys import RequestKey
    from service.storage.database import Database

ATTEMPTS, LOCK_AFTER = 50, 3
"""Tries to decide a group while others move the head, before its writers are asked to try again; before it locks."""
LOST_ATTEMPTS, PREVIEWS = 3, 2
"""Tries that may be lost, before the writers are; batches that are previewed at a time."""
STOP_SECONDS = 1.0
"""How long a ledger that stops goes on with what is queued."""
QUEUE_MAX = 10_000
"""Requests that may wait; the writers of more are asked to try again."""

logger = structlog.get_logger(__name__)


class Ledger:
    """Appends to one ledger; one instance a process and database."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], int],
        new_id: Callable[[], UUID],
        moved: Callable[[int], object] = lambda _: None,
    ) -> None:
        """`clock` returns microseconds since 1970 UTC, `new_id` UUIDv7s; a commit calls `moved` with the new head."""
        self._database, self._clock, self._new_id, self._moved = database, clock, new_id, moved
        self._loaded = WorkingSet(database)
        self._queue: deque[Request] = deque()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._head = Head(0, 0)
        self._confirmed = 0
        self.counted = Counted()
        self._frozen = Freezer(database)
        self._previews = asyncio.Semaphore(PREVIEWS)

    async def start(self) -> None:
        """Read the head and begin to take appends."""
        self._head = await head_of(self._database)
        self._task = asyncio.create_task(self._run(), name="append")

    async def stop(self) -> None:
        """Finish what is queued, then stop; what the database keeps waiting is given up."""
        self._stopping = True
        self._wake.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=STOP_SECONDS)
            self._task.cancel()
            await asyncio.wait([self._task], timeout=STOP_SECONDS)
        await self._frozen.stop()

    @property
    def waiting(self) -> int:
        """Return how many appends wait for a commit."""
        return len(self._queue)

    @property
    def epoch(self) -> int:
        """Return the epoch of the last commit that this process knows."""
        return self._head.epoch

    async def append(
        self,
        batch: Batch,
        recorded_at: int | None = None,
        key: RequestKey | None = None,
        *,
        copied: bool = False,
        once: Once | None = None,
        recorded_by: str | Sequence[str] = "",
    ) -> AppendResult:
        """Record a batch, whole or not at all; on return it is durable. With a `key` that is recorded, return that.

        With `once`, the batch is one record: where one that says the same is recorded and holds, return that; where
        its event has changed, raise EventChanged. `copied` is true for a copy of what a ledger has recorded, maybe in
        an earlier edition. With `recorded_at` (microseconds since 1970 UTC) it is one too, a commit of its own with
        that stamp, which no bound of work refuses. `recorded_by` is the JSON of who records it, or of each event.
        Raises Malformed (TooMuchWork if a part of it could be), another refusal (domain/errors.py) or Unavailable.
        """
        request = Request.of(batch, self._new_id, key, recorded_by, recorded_at)
        request.copied, request.once = copied, once
        began = perf_counter()
        try:
            return await self.record(request)
        finally:
            self.counted.append(perf_counter() - began, len(batch.events))
            del request  # A refusal holds this frame, and its request the refusal: a cycle, with the whole batch in it.

    def record(self, request: Request) -> asyncio.Future[AppendResult]:
        """Put a request into the queue and return its answer; a ledger that is busy answers it with Unavailable."""
        if self._task is None or self._task.done() or self._stopping or len(self._queue) >= QUEUE_MAX:
            request.answer.set_exception(Unavailable("the ledger takes no more appends now"))
        else:
            self._queue.append(request)
            self._wake.set()
        return request.answer

    async def preview(self, batch: Batch) -> Preview:
        """Return what a batch would do now, without recording it; raises what an append does. PREVIEWS at a time."""
        async with self._previews:
            return await preview(self._database, Request.of(batch, self._new_id), self._clock())

    async def diagnose(self, sent: Sequence[Any]) -> list[Fault]:
        """List the faults of a malformed batch beyond those of form; `sent` are its events as untyped JSON."""
        return await diagnose(self._database, sent, instants.day(self._clock()), self._new_id)

    async def freeze(self, instant: int) -> None:
        """Make what is known at an instant final: no later commit, of any process, is stamped with it or before.

        `instant` in microseconds since 1970 UTC, not in the future. Waits for commits under way; raises Unavailable.
        """
        if instant > max(self._head.final, self._frozen.instant):
            await self._frozen.freeze(instant)

    async def _run(self) -> None:
        flight: Flight | None = None
        while self._queue or flight or not self._stopping:
            if flight is not None and flight.stored.done():
                if not await self._landed_well(flight):
                    await self._retry(flight)
                flight = None
            elif self._queue:
                await asyncio.sleep(0)  # Those who were answered together come back together: let them all join.
                group = next_group(self._queue, flight.group if flight else None)
                if group or flight is None:
                    flight = await self._launch(group, flight)
                else:
                    await asyncio.wait([flight.stored])
            else:
                self._wake.clear()
                await self._wake.wait()

    async def _launch(self, group: list[Request], flight: Flight | None) -> Flight | None:
        """Decide a group, after the one being committed if there is one, then begin its commit."""
        attempt = self._attempt(group, flight.attempt.head if flight else self._head)
        began = asyncio.get_running_loop().time()
        failure: Exception | None = None
        try:
            await attempt.prepare(group, flight.attempt.homes if flight else None)
        except Exception as error:  # noqa: BLE001 - the writers get it below, once the group before is safe
            failure = error
        if flight is not None and not await self._landed_well(flight):
            attempt.discard()
            self._queue.extendleft(reversed(group))
            await self._retry(flight)
            return None
        if failure is not None:
            attempt.discard()
            await self._record(group, until(failure, began))
            return None
        group = self._decided(group)
        self._loaded.trim(attempt.touched)
        began = asyncio.get_running_loop().time()
        stored = quiet(asyncio.create_task(attempt.commit(self._confirmed), name="commit"))
        stored.add_done_callback(lambda _: self._wake.set())
        return Flight(group, attempt, stored, began)

    def _decided(self, group: Sequence[Request]) -> list[Request]:
        """Return the requests that have an outcome; the others wait for the next group, in their order."""
        self._queue.extendleft(reversed([request for request in group if request.outcome is None]))
        return [request for request in group if request.outcome is not None]

    def _attempt(self, group: Sequence[Request], head: Head) -> Attempt:
        given = next((request.recorded_at for request in group if request.recorded_at is not None), None)
        now = max(self._clock(), self._frozen.instant + 1) if given is None else given
        return Attempt(self._database, self._loaded, head, now)

    async def _landed_well(self, flight: Flight) -> bool:
        """Wait for a commit; when it is stored, answer its writers."""
        await asyncio.wait([flight.stored])
        if flight.stored.exception() is not None or not flight.stored.result():
            return False
        self._answer(flight.group, flight.attempt)
        return True

    def _answer(self, group: Sequence[Request], attempt: Attempt) -> None:
        head = attempt.head
        refused = sum(not isinstance(request.outcome, AppendResult) for request in group)
        self.counted.commit(head.position - self._head.position, refused)
        if head != self._head or attempt.found > self._confirmed:
            self._confirmed = head.position
        self._head = head
        for request in group:
            request.resolve()
        self._moved(head.position)

    async def _retry(self, flight: Flight) -> None:
        """Record a group again whose commit did not go through."""
        flight.attempt.discard()
        failure = flight.stored.exception()
        note(failure, flight.group)
        await self._record(flight.group, until(failure, flight.began))

    async def _record(self, group: Sequence[Request], limited: float | None) -> None:
        """Record a group on its own, trying until it is stored or cannot be; answer its writers either way.

        `limited` is until when, by the clock of the loop; None: for ever. Where the database cannot be reached, those
        who wait are answered as well.
        """
        try:
            async with asyncio.timeout_at(limited) as limit:
                await self._insist(group, limit)
        except (Lost, TimeoutError) as error:
            logger.warning("append.lost", requests=len(group) + len(self._queue), error=str(error) or "too slow")
            self._fail([*group, *self._queue], error if isinstance(error, Lost) else Lost("the database was too slow"))
            self._queue.clear()
        except Exception as error:
            logger.exception("append.failed", requests=len(group))
            self._fail(group, error)

    def _fail(self, group: Sequence[Request], error: Exception) -> None:
        self._loaded.clear()
        for request in group:
            request.fail(error)

    async def _insist(self, group: Sequence[Request], limit: asyncio.Timeout) -> None:
        tried = lost = 0
        while group:
            attempt, began = None, asyncio.get_running_loop().time()
            try:
                # A group decided while others commit may lose for ever: after some tries they have to wait.
                async with self._database.locked() if tried >= LOCK_AFTER else nullcontext():
                    await self._catch_up()
                    attempt = self._attempt(group, self._head)
                    await attempt.prepare(group)
                    stored = await attempt.commit(self._confirmed)
                if stored:
                    self._answer([request for request in group if request.outcome is not None], attempt)
                    group = [request for request in group if request.outcome is None]
                    tried = lost = 0
                    limit.reschedule(None)
                    continue
                attempt.discard()
            except Exception as error:
                if attempt is not None:
                    attempt.discard()
                if isinstance(error, TooMuchWork):  # noted with its request, which is refused in the next try
                    continue
                lost += isinstance(error, Lost)
                if lost == LOST_ATTEMPTS or not isinstance(error, DuplicateId | Lost):
                    raise
                note(error, group)
                if limit.when() is None:
                    limit.reschedule(until(error, began))
            tried += 1
            if tried == ATTEMPTS:
                reason = "too many writers at once"
                raise Unavailable(reason)

    async def _catch_up(self) -> None:
        """Forget the items that others have changed, all where the history is another; go on from the newest head."""
        head = await head_after(self._database, self._head)
        if head.epoch == self._head.epoch:
            await self._loaded.catch_up(self._head.position)
        else:
            self._loaded.clear()
            self._confirmed = 0
        self._head = head
        self._loaded.trim(set())
