"""The ledger of one process among several: it records what it is sent, or sends it to the process that writes.

Of processes that decide after the same head all but one decide in vain: with two of them, appends were a third as fast
as with one. So one process holds a lease and records for all. Where it cannot be reached the others record themselves,
and that a commit goes after the head that it was decided on keeps it right.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import structlog

from service.append.freezing import wait_until_final
from service.append.ledger import Ledger
from service.append.request import AppendResult
from service.storage.database import Lost
from service.writer import lease as leases
from service.writer.door import Door
from service.writer.frames import NONCE
from service.writer.lease import Lease
from service.writer.link import Link, NoLink

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from uuid import UUID

    from service.append.request import Request
    from service.storage.database import Database

LEASE_SECONDS, BEAT_SECONDS = 3.0, 0.5
"""How long a lease runs, and how often it is looked at; it is lengthened once a third of it has passed."""
FINAL_MICROS = 2_000_000
"""The writer makes final what is known this long before now: processes that read from a copy cannot, and no commit that
is being decided is as old."""

logger = structlog.get_logger(__name__)


class SharedLedger(Ledger):
    """A ledger that may send its appends to another process; until `sharing` it records all of them itself."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], int],
        new_id: Callable[[], UUID],
        moved: Callable[[int], object] = lambda _: None,
        chance: Callable[[int], bytes] = bytes,
        copy: Database | None = None,
    ) -> None:
        """As a `Ledger`; `chance` returns so many random bytes, for the secrets of `sharing`.

        `copy` is a database that clients' questions are asked of, where it is not the one that is written.
        """
        super().__init__(database, clock, new_id, moved)
        self._chance, self._copy = chance, copy
        self._link: Link | None = None
        self._retired: list[Link] = []
        self._their_epoch = 0
        self._renew_at = 0.0
        self.is_writer = False
        """Whether this process holds the lease."""
        self.sent = 0
        """How many appends have been sent to another process."""

    @property
    def epoch(self) -> int:
        """Return the epoch of the last commit that this process knows, of its own or of the writer's."""
        return max(super().epoch, self._their_epoch)

    def record(self, request: Request) -> asyncio.Future[AppendResult]:
        """Have a request recorded here, or by the process that writes, and return its answer."""
        if self._link is None or not self._link.is_ready or self._stopping:
            return super().record(request)
        self.sent += 1
        self._link.send_append(request)
        return request.answer

    async def freeze(self, instant: int) -> None:
        """Make what is known at an instant final, as a `Ledger` does; a process that reads from a copy waits for it."""
        if self._copy is None:
            await super().freeze(instant)
        else:
            await wait_until_final(self._copy, instant)

    @asynccontextmanager
    async def sharing(self, address: tuple[str, int] | None) -> AsyncIterator[None]:
        """Take the lease or find who holds it, and keep looking, while this is entered.

        `address` is where other processes reach this one, a host and a port (0: any free one); None for a process that
        has the ledger to itself. Raises OSError where it cannot listen there.
        """
        if address is None:
            yield
            return
        door = Door(self._chance(NONCE).hex(), self._chance, super().record, lambda: self.epoch)
        mine = Lease(self._chance(8).hex(), await door.open(*address), door.secret, runs=True)
        with suppress(Exception):  # the loop tries again
            await self._look(mine)
        task = asyncio.create_task(self._watch(mine), name="lease")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])
            await door.close()
            self._retire()
            for link in self._retired:
                link.break_off()
            if self.is_writer:
                with suppress(Lost, TimeoutError):
                    await asyncio.wait_for(leases.release(self._database, mine.owner), BEAT_SECONDS)

    async def _watch(self, mine: Lease) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            for link in [*self._retired, *([self._link] if self._link else [])]:
                link.tick()
            for link in [link for link in self._retired if not link.owed]:
                self._retired.remove(link)
                link.break_off()
            try:
                await self._look(mine)
            except Exception as error:  # noqa: BLE001 - what the database refuses now, it may take in half a second
                logger.debug("lease.failed", error=str(error))

    async def _look(self, mine: Lease) -> None:
        """Take the lease if nobody holds it; else see to it that there is a link to the process that does."""
        now = asyncio.get_running_loop().time()
        if self.is_writer and now < self._renew_at:
            return
        found = await leases.read(self._database)
        ours = found.owner == mine.owner
        if ours or not found.runs:
            ours = await leases.claim(self._database, mine, LEASE_SECONDS, found.owner)
            found = found if ours else await leases.read(self._database)
        if ours != self.is_writer:
            logger.info("writer.begun" if ours else "writer.ended", owner=mine.owner)
        self.is_writer = ours
        if ours:
            self._renew_at = now + LEASE_SECONDS / 3
            self._retire()
            await self._database.freeze(self._clock() - FINAL_MICROS)
        else:
            await self._connect(found)

    async def _connect(self, found: Lease) -> None:
        """Keep the link to the holder of the lease, or make one."""
        if self._link is not None and self._link.is_ready and self._link.secret == found.secret:
            return
        self._retire()
        if not found.runs:
            return
        link = Link(found.secret, self._chance(NONCE), self._answered, self._orphaned)
        try:
            await link.open(found.address)
        except NoLink as error:
            logger.warning("writer.unreachable", address=found.address, error=str(error))
        else:
            logger.info("writer.linked", address=found.address)
            self._link = link

    def _retire(self) -> None:
        """Send nothing more over the link; what it owes may still come."""
        if self._link is not None:
            self._retired.append(self._link)
            self._link = None

    def _answered(self, epoch: int, outcome: AppendResult | Exception) -> None:
        self._their_epoch = max(epoch, self._their_epoch)
        if isinstance(outcome, AppendResult):
            self._moved(outcome.events[-1].position)

    def _orphaned(self, request: Request) -> None:
        """Record a request here whose answer was lost: by its ids it is found if the writer had recorded it."""
        if not request.answer.done():
            request.note(Lost("the process that writes is gone"))
            _ = super().record(request)  # its writer waits for the answer already
