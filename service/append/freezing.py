"""What is known at an instant, made final: by one statement at a time, for all who wait, and never for long."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from service.domain.errors import Unavailable
from service.eventlog.head import head_of
from service.tasks import quiet

if TYPE_CHECKING:
    from service.storage.database import Database

FREEZE_SECONDS = 1.0
"""Seconds that a reader waits for whoever holds the lock of the writers, before it is asked to try again."""
WAIT_SECONDS, POLL_SECONDS = 5.0, 0.05
"""Seconds that a reader of a copy waits for the writer to make an instant final, and between two looks."""


async def wait_until_final(copy: Database, instant: int) -> None:
    """Wait until an instant is final in a copy, which only follows: the process that writes makes it so every second.

    Raises Unavailable after WAIT_SECONDS, Lost as the database does.
    """
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            while (await head_of(copy)).final < instant:  # noqa: ASYNC110 - another process makes it so
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        reason = "what is known at this instant is not final in this copy of the ledger yet"
        raise Unavailable(reason) from None


class Freezer:
    """Makes instants final (microseconds since 1970 UTC): no later commit, of any process, is stamped so early.

    Only the database can keep another process from it: one that is slow, or whose clock is late. So a question about an
    instant after the head is a write.
    """

    def __init__(self, database: Database) -> None:
        """Nothing is final yet."""
        self._database = database
        self._wanted = 0
        self._writing: asyncio.Task[None] | None = None
        self.instant = 0
        """Up to here this process knows that what is known is final."""

    async def freeze(self, instant: int) -> None:
        """Make an instant final that is not in the future.

        Raises Unavailable when others have kept it from writing for FREEZE_SECONDS, Lost as the database does.
        """
        self._wanted = max(self._wanted, instant)
        until = asyncio.get_running_loop().time() + FREEZE_SECONDS
        while self.instant < instant:
            if self._writing is None:
                self._writing = quiet(asyncio.create_task(self._write(), name="freeze"))
            writing = self._writing
            await asyncio.wait([writing], timeout=until - asyncio.get_running_loop().time())
            if not writing.done():
                reason = "others are writing: what is known at this instant is not final yet"
                raise Unavailable(reason)
            writing.result()

    async def stop(self) -> None:
        """Break off the write, if there is one."""
        if self._writing is not None:
            self._writing.cancel()
            with suppress(asyncio.CancelledError, Exception):  # nobody waits for it any more
                await self._writing

    async def _write(self) -> None:
        wanted = self._wanted
        try:
            final = (await head_of(self._database)).final
            if final < wanted:
                await self._database.freeze(wanted)
            self.instant = max(self.instant, wanted, final)
        finally:
            self._writing = None
