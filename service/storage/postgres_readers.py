"""The sessions that read from PostgreSQL: a bounded number, kept from one read to the next.

To take one costs nothing where one is idle: asyncpg's own pool takes 50 us of CPU, a sixth of what an issue's fifty
states do, and a turn of the event loop.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from service.storage.postgres_session import STATEMENT_SECONDS
from service.storage.postgres_sessions import CLOSE_SECONDS, LOST

if TYPE_CHECKING:
    import asyncpg

    from service.storage.postgres_session import Session
    from service.storage.postgres_sessions import Sessions

READERS_MAX = 8
WAIT_SECONDS = STATEMENT_SECONDS
"""How long a read waits for its turn, and then for the session that it may have to open."""


class Readers:
    """Sessions to read with."""

    def __init__(self, sessions: Sessions) -> None:
        """None is open yet."""
        self._sessions = sessions
        self._idle: list[Session] = []
        self._places = asyncio.Semaphore(READERS_MAX)

    async def fetch(self, sql: str, parameters: tuple[Any, ...], seconds: float | None = None) -> list[asyncpg.Record]:
        """Read with a session that is idle, or wait for one; `seconds` as `Session.begin` takes them."""
        session = await self._taken()
        session.begin(seconds)
        try:
            return await session.fetch(sql, *parameters)
        except LOST:
            session.terminate()
            raise
        finally:
            session.end()
            self._idle.append(session)  # the next read ends it if it is of no use
            self._places.release()

    async def close(self) -> None:
        """Wait a while for the reads under way, those that wait included."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                for _ in range(READERS_MAX):
                    await self._places.acquire()

    async def _taken(self) -> Session:
        until = None
        if self._places.locked():
            until = asyncio.get_running_loop().time() + WAIT_SECONDS
            async with asyncio.timeout_at(until):
                await self._places.acquire()
        else:
            await self._places.acquire()
        while self._idle:
            session = self._idle.pop()
            if self._sessions.is_current(session):
                return session
            session.terminate()
        try:
            return await self._sessions.open(until)
        except BaseException:
            self._places.release()
            raise
