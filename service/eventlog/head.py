"""The head of the log: its last position, read once for all who ask at the same time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from service.storage.database import Head

if TYPE_CHECKING:
    from service.storage.database import Database

_HEAD = (
    """SELECT position, CASE WHEN frozen_at > recorded_at THEN frozen_at ELSE recorded_at END FROM head WHERE id = 1"""
)


async def head_of(database: Database) -> Head:
    """Return the last position, and the instant after which the next commit is stamped."""
    return Head(*(await database.fetch(_HEAD))[0])


class Heads:
    """Reads the head. A call during a read waits for the next one: no answer is older than its question."""

    def __init__(self, database: Database) -> None:
        """Begin without a read."""
        self._database = database
        self._next: asyncio.Future[Head] | None = None
        self._reading: asyncio.Task[None] | None = None

    async def read(self) -> Head:
        """Return a head that is no older than this call; raises Lost when the database cannot be reached."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
            if self._reading is None:
                self._reading = asyncio.create_task(self._read(), name="heads")
        # A caller who is cancelled must not take the others' answer away.
        return await asyncio.shield(self._next)

    async def _read(self) -> None:
        try:
            while (answer := self._next) is not None:
                self._next = None
                try:
                    head = await head_of(self._database)
                except Exception as error:  # noqa: BLE001 - raised again for every caller
                    answer.set_exception(error)
                else:
                    answer.set_result(head)
        finally:
            self._reading = None
