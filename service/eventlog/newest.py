"""The newest head, read once for all who ask at the same time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from service import eventlog

if TYPE_CHECKING:
    from service.storage.database import Database, Head


class Heads:
    """Reads the head. Who asks while a read is under way waits for the next: no answer is older than its question."""

    def __init__(self, database: Database) -> None:
        """Nothing is read yet."""
        self._database = database
        self._asked: asyncio.Future[Head] | None = None
        self._reading: asyncio.Task[None] | None = None

    async def read(self) -> Head:
        """Give a head that is no older than this call; Lost when the database cannot be reached."""
        if self._asked is None:
            self._asked = asyncio.get_running_loop().create_future()
            if self._reading is None:
                self._reading = asyncio.create_task(self._read(), name="heads")
        # Who is cancelled must not take the others' answer away.
        return await asyncio.shield(self._asked)

    async def _read(self) -> None:
        try:
            while (asked := self._asked) is not None:
                self._asked = None
                try:
                    head = await eventlog.head(self._database)
                except Exception as error:  # noqa: BLE001 - told to all who asked
                    asked.set_exception(error)
                else:
                    asked.set_result(head)
        finally:
            self._reading = None
