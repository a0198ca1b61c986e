"""One ledger in two databases: questions go to a copy that follows, everything else to the one that is written.

A copy may be late. Its answers are right at the position that they state; what it does not have yet is not lost, so
whoever misses something there looks at `primary` before it says so.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from service.storage.database import Lost

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from service.storage.database import Database, Row

ARRIVAL_SECONDS, POLL_SECONDS = 1.0, 0.005
"""How long a notice waits for its commit to arrive in the copy, and how often it looks."""
_HEAD = "SELECT position FROM head WHERE id = 1"


class Replicated:
    """A database with a copy to read from; see `Database`."""

    def __init__(self, primary: Database, copy: Database) -> None:
        """`primary` is written, `copy` follows it; both are of one kind."""
        self.primary, self._copy = primary, copy
        self.dialect = copy.dialect
        self.fetch, self.fetch_long = copy.fetch, copy.fetch_long
        self.execute, self.check, self.confirm = primary.execute, primary.check, primary.confirm
        self.commit, self.locked, self.freeze = primary.commit, primary.locked, primary.freeze

    async def open(self) -> None:
        """Connect; see `Database`."""
        await self.primary.open()
        await self._copy.open()

    def give_up(self) -> None:
        """Let nobody wait; see `Database`."""
        self.primary.give_up()
        self._copy.give_up()

    async def close(self) -> None:
        """Close; see `Database`."""
        await self._copy.close()
        await self.primary.close()

    async def listen(self, wake: Callable[[int], None]) -> None:
        """Listen at the primary; see `Database`. A copy gives no notice: `wake` is called when the commit is there."""
        arrived = asyncio.Event()
        noticed = 0

        def note(position: int) -> None:
            nonlocal noticed
            noticed = max(noticed, position)
            arrived.set()

        async def follow() -> None:
            while True:
                await arrived.wait()
                arrived.clear()
                wake(await self._arrival(noticed))

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.primary.listen(note))
            tasks.create_task(follow())

    async def _arrival(self, position: int) -> int:
        """Wait until the copy has a position, but not for long; return it."""
        until = asyncio.get_running_loop().time() + ARRIVAL_SECONDS
        while asyncio.get_running_loop().time() < until:
            try:
                if (await self.fetch(_HEAD))[0][0] >= position:
                    break
            except Lost:
                break
            await asyncio.sleep(POLL_SECONDS)
        return position

    def stream(self, table: str, columns: Sequence[str], keys: Sequence[str]) -> AsyncIterator[Row]:
        """Stream from the copy; see `Database`."""
        return self._copy.stream(table, columns, keys)
