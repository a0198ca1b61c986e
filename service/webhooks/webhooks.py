"""The log pushed to subscribers: signed, in order, at least once.

`Webhooks` is one for each process: the table of subscriptions and, while it runs, a worker for each subscription whose
lease the process has. By those leases the processes on one database share the subscriptions between them.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

import structlog

from service.storage.database import Lost
from service.watches.store import WatchStore
from service.webhooks.send import MICROS, Sender
from service.webhooks.store import Store
from service.webhooks.worker import Parts, Worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from service.eventlog.head import Heads
    from service.feed.live import Tail
    from service.storage.database import Database
    from service.webhooks.rules import Rules
    from service.webhooks.store import Subscription

LOOK_SECONDS = 1.0
"""How often a process looks for subscriptions that are new, changed, or left by another process."""
GRACE_SECONDS = 2.0
"""How long deliveries under way may take when the process is stopping."""

logger = structlog.get_logger(__name__)


class Chance(NamedTuple):
    """The source of randomness: bytes for secrets, numbers in [0, 1) for waits, a name that no other process has."""

    secret: Callable[[int], bytes]
    number: Callable[[], float]
    owner: str


class Webhooks:
    """The subscriptions of one ledger, as one process serves and delivers them."""

    def __init__(
        self, database: Database, heads: Heads, tail: Tail, rules: Rules, clock: Callable[[], int], chance: Chance
    ) -> None:
        """Deliver nothing before `running`; `clock` returns microseconds since 1970 UTC."""
        self.store, self.rules, self.chance, self.owner = Store(database), rules, chance, chance.owner
        self._database, self._heads, self._tail, self._clock = database, heads, tail, clock
        self._workers: dict[str, tuple[Worker, asyncio.Task[None]]] = {}
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look at the subscriptions now: one was made or changed."""
        self._woken.set()

    def leases(self) -> dict[str, int]:
        """Return the fence of each subscription that this process has the lease of."""
        return {name: worker.row.fence for name, (worker, _) in self._workers.items() if worker.is_leased()}

    def wake_for_answers(self, subscription: str) -> None:
        """Take note that a changed answer waits to be delivered."""
        if subscription in self._workers:
            self._workers[subscription][0].wake_for_answers()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Deliver until the tail is closed, at the latest to the end of the block.

        Then finish the deliveries under way, and let other processes take over.
        """
        sender = Sender(self.rules, self._heads, self._clock)
        stores = self.store, WatchStore(self._database)
        parts = Parts(self._database, self._tail, *stores, sender, self.rules, self._clock, self.chance.number)
        delivering = asyncio.create_task(self._run(parts), name="webhooks")
        try:
            yield
        finally:
            self._tail.close()
            self.wake()
            with suppress(TimeoutError):  # the database does not answer: what is delivered again is the lesser evil
                async with asyncio.timeout(2 * GRACE_SECONDS):
                    await delivering

    async def _run(self, parts: Parts) -> None:
        await self._supervise(parts)
        await self._end(parts.sender)

    async def _end(self, sender: Sender) -> None:
        """Wait for the deliveries under way, then break them off; no statement is cancelled halfway."""
        tasks = [task for _, task in self._workers.values()]
        for worker, _ in self._workers.values():
            worker.wake()
        if tasks:
            await asyncio.wait(tasks, timeout=GRACE_SECONDS)
        sender.stop()
        await asyncio.gather(*tasks, return_exceptions=True)
        await sender.close()
        try:
            await self.store.release(self.chance.owner)
        except Lost as error:
            logger.warning("webhooks.not_released", error=str(error))

    async def _supervise(self, parts: Parts) -> None:
        while not self._tail.closed:
            self._woken.clear()
            try:
                await self._look(parts)
            except Lost as error:
                logger.warning("webhooks.lost", error=str(error))
            except Exception:  # whatever the error, the other subscribers still wait
                logger.exception("webhooks.failed")
            with suppress(TimeoutError):
                async with asyncio.timeout(min(LOOK_SECONDS, self.rules.lease_seconds / 3)):
                    await self._woken.wait()

    async def _look(self, parts: Parts) -> None:
        """Renew the leases, notify the workers of changes, and take on subscriptions that nobody delivers to."""
        await self._sweep()
        rows = {row.name: row for row in await self.store.all()}
        await self._renew()
        for name, (worker, _) in self._workers.items():
            worker.notify(rows.get(name))
        for row in rows.values():
            if row.state == "active" and row.name not in self._workers:
                await self._begin(parts, row)

    async def _sweep(self) -> None:
        """Forget the workers that have ended, and end their leases."""
        for name, (_, task) in list(self._workers.items()):
            if task.done():
                del self._workers[name]
                if isinstance(error := task.exception(), Lost):
                    logger.warning("webhook.lost", subscription=name, error=str(error))
                elif error is not None:
                    logger.error("webhook.failed", subscription=name, exc_info=error)
                await self.store.release(self.chance.owner, name)

    async def _renew(self) -> None:
        """Lengthen the leases when a third of their time has passed; end the workers whose lease ran out.

        A lease that ends further off than a whole one is set as well: the clock was put back.
        """
        now = self._clock()
        leased = [worker for worker, _ in self._workers.values() if worker.is_leased()]
        if any(not self._lease() * 2 / 3 <= worker.leased_until - now <= self._lease() for worker in leased):
            await self.store.renew(self.chance.owner, now + self._lease())
            for worker in leased:
                worker.leased_until = now + self._lease()
        for worker, _ in self._workers.values():
            if not worker.is_leased():
                worker.wake()

    async def _begin(self, parts: Parts, row: Subscription) -> None:
        now = self._clock()
        claimed = await self.store.claim(row, self.chance.owner, now + self._lease(), now)
        if claimed is not None:
            worker = Worker(parts, claimed)
            task = asyncio.create_task(worker.run(), name=f"webhook {row.name}")
            task.add_done_callback(self._ended)
            self._workers[row.name] = worker, task

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Look at the subscriptions at once if a worker ended well; after a failure the next look is soon enough."""
        if not task.cancelled() and task.exception() is None:
            self.wake()

    def _lease(self) -> int:
        return int(self.rules.lease_seconds * MICROS)
