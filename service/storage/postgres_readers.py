"""The connections that read from PostgreSQL: those of asyncpg's pool, kept beside it from one read to the next.

To take one from the pool and give it back costs 50 us of CPU, a sixth of what an issue's fifty states do, and a turn of
the event loop; from a list it costs nothing. The pool bounds how many there are, makes them and buries them.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import asyncpg

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from asyncpg.pool import PoolConnectionProxy

LOST = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the server has taken its leave, and the connection has not been closed yet
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,  # no connection is left, or no space on the disk
    asyncpg.ReadOnlySQLTransactionError,  # the primary has become a standby: a new connection may find the new one
)
"""Errors after which a connection is useless, though it may not know yet that it is closed."""


class Readers:
    """The connections of one pool."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        """None is taken yet."""
        self._pool = pool
        self._idle: list[PoolConnectionProxy[asyncpg.Record]] = []
        self._waiting = 0

    async def fetch(self, sql: str, parameters: tuple[Any, ...]) -> list[asyncpg.Record]:
        """Read on a connection that is idle, or wait for one."""
        reader = await self._taken()
        try:
            rows = await reader.fetch(sql, *parameters)
        except BaseException as error:
            if isinstance(error, LOST):
                reader.terminate()
            await self._pool.release(reader)
            raise
        if self._waiting or self._pool.is_closing():
            await self._pool.release(reader)
        else:
            self._idle.append(reader)
        return rows

    @asynccontextmanager
    async def one(self) -> AsyncIterator[PoolConnectionProxy[asyncpg.Record]]:
        """Take a connection for several statements."""
        reader = await self._taken()
        try:
            yield reader
        finally:
            await self._pool.release(reader)

    async def close(self) -> None:
        """Close every connection; those in use when they are given back."""
        while self._idle:
            await self._pool.release(self._idle.pop())
        await self._pool.close()

    async def _taken(self) -> PoolConnectionProxy[asyncpg.Record]:
        while self._idle:
            reader = self._idle.pop()
            if not reader.is_closed():
                return reader
            await self._pool.release(reader)
        self._waiting += 1
        try:
            return await self._pool.acquire()
        finally:
            self._waiting -= 1
