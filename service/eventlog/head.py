"""The head of the log: its last position, read once for all who ask at the same time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import UUID

import structlog

from service.domain.vocabulary import instants
from service.storage.database import Head
from service.tasks import quiet

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.storage.database import Database

WATCH_SECONDS = 0.5
"""Seconds between two looks at the epoch where nobody asks for the head."""
AHEAD_SECONDS = 5.0
"""Seconds by which the instant of the head may be ahead of a clock: clocks of several machines differ as much."""
MICROS = 1_000_000

_HEAD = "SELECT position, recorded_at, frozen_at, epoch FROM head WHERE id = 1"
_HEAD_AFTER = """
SELECT h.position, h.recorded_at, h.frozen_at, h.epoch,
    {position} = 0 OR EXISTS (SELECT 1 FROM event e WHERE e.position = {position} AND e.recorded_at = {instant})
FROM head h WHERE h.id = 1
"""
_RAISE = "UPDATE head SET epoch = $1 + 1 WHERE id = 1 AND epoch <= $1"
_NAME = "SELECT uuid FROM ledger WHERE id = 1"

logger = structlog.get_logger(__name__)


async def head_of(database: Database) -> Head:
    """Return the last commit."""
    return Head(*(await database.fetch(_HEAD))[0])


async def head_after(database: Database, known: Head) -> Head:
    """Return the last commit, of another epoch where the log has lost the commit that is known.

    A log loses commits when a backup takes its place, or a standby that had not all of them. Whoever notices first
    raises the epoch, for every process: nothing that was made from the lost commits may be used again.
    """
    head, kept = await _looked(database, known)
    if kept or head.epoch > known.epoch:
        return head
    if database.primary is not database and (await _looked(database.primary, known))[1]:
        return head  # the copy is late
    logger.error("log.set_back", known_position=known.position, position=head.position)
    await database.execute(_RAISE, known.epoch)
    return await head_of(database)


async def _looked(database: Database, known: Head) -> tuple[Head, bool]:
    """Return the head, and whether the log has the commit that is known."""
    number = database.dialect.number.format
    sql = _HEAD_AFTER.format(position=number("$1"), instant=number("$2"))
    *row, kept = (await database.fetch(sql, known.position, known.recorded_at))[0]
    return Head(*row), bool(kept)


def seconds_ahead(head: Head, now: int) -> float:
    """Return by how many seconds the instant of the head is ahead of a clock; 0.0 for no more than clocks differ.

    Commits are stamped later than the head, so each is stamped with an instant that is still to come.
    """
    seconds = (head.final - now) / MICROS
    return round(seconds, 3) if seconds > AHEAD_SECONDS else 0.0


def waited_seconds(recorded_at: int | None, head_at: int, now: int) -> float:
    """Return for how many seconds an event has been recorded, to the next millisecond: more than 0.

    Without an event (`recorded_at` is None) it is 0.0. `head_at` is the instant of the head: where it is ahead of the
    clock, it takes its place.
    """
    if recorded_at is None:
        return 0.0
    return max(1, -((recorded_at - max(now, head_at)) // 1_000)) / 1_000


class Heads:
    """Reads the head. A call during a read waits for the next one: no answer is older than its question.

    A failure is the answer for those too: who asks a silent database does not wait twice.
    """

    def __init__(self, database: Database, clock: Callable[[], int] | None = None) -> None:
        """Begin without a read; `clock` returns microseconds since 1970 UTC, None where it need not be watched."""
        self._database, self._clock, self._ahead = database, clock, False
        self._next: asyncio.Future[Head] | None = None
        self._reading: asyncio.Task[None] | None = None
        self._known = Head(0, 0)
        self.ledger = UUID(int=0)
        """The name of the ledger."""
        self.edition = ""
        """The name of the ledger and its epoch: what was made from one edition is not used in another."""

    @property
    def epoch(self) -> int:
        """The epoch of the last head that was read."""
        return self._known.epoch

    @property
    def position(self) -> int:
        """The position of the last head that was read."""
        return self._known.position

    async def start(self) -> None:
        """Read the name of the ledger and its epoch."""
        self.ledger = UUID((await self._database.fetch(_NAME))[0][0])
        await self._look()

    async def watch(self) -> None:
        """Look at the head now and then, until cancelled: answers at a given position read no head."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            try:
                await self._look()
            except Exception as error:  # noqa: BLE001 - whoever asks gets it; the next look may go well
                logger.debug("watch.failed", error=str(error))

    async def _look(self) -> None:
        """Learn the epoch, and note in the log when the head comes to be ahead of the clock, or no longer is."""
        head = await self.read()
        seconds = seconds_ahead(head, self._clock()) if self._clock else 0.0
        if seconds and not self._ahead:
            logger.warning("clock.behind_head", seconds=seconds, head_at=instants.text(head.final))
        elif self._ahead and not seconds:
            logger.warning("clock.caught_up", head_at=instants.text(head.final))
        self._ahead = seconds > 0

    async def read(self) -> Head:
        """Return a head that is no older than this call; raises Lost when the database cannot be reached."""
        if self._next is None:
            self._next = quiet(asyncio.get_running_loop().create_future())
            if self._reading is None:
                self._reading = asyncio.create_task(self._read(), name="heads")
        # A caller who is cancelled must not take the others' answer away.
        return await asyncio.shield(self._next)

    async def _read(self) -> None:
        try:
            while (answer := self._next) is not None:
                self._next = None
                try:
                    head = await head_after(self._database, self._known)
                except Exception as error:  # noqa: BLE001 - raised again for every caller
                    answer.set_exception(error)
                    if (after := self._next) is not None:
                        self._next = None
                        after.set_exception(error)
                else:
                    if head.epoch != self._known.epoch or not self.edition:
                        self.edition = f"{self.ledger.hex[:8]}-{head.epoch}"
                    self._known = head
                    answer.set_result(head)
        finally:
            self._reading = None
