"""Rebuilds for tests: in small steps, of projections that another version has left, and one that is killed.

    python -m tests.rebuilds DATABASE_URL CALLS SIZE

remakes projections in steps of a size, and kills itself after so many calls that its tables have had.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from service.rebuild.rebuild import rebuild
from service.storage.connect import opened
from service.storage.postgres_next import PostgresNext
from service.storage.sqlite_next import SqliteNext

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from tests.ledgers import Opened

CALLS = ("make", "load", "store", "clear", "analyze", "swap", "drop")
"""What the tables of a rebuild are asked for, but for reads: what it has then done is there or is not."""


@contextmanager
def in_small_steps(size: int = 0) -> Iterator[None]:
    """Let a rebuild take items, and rows, in groups of one and more."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("service.rebuild.rebuild.GROUP", 1 + size)
        patch.setattr("service.rebuild.catch_up.EVENTS", 1 + size)
        patch.setattr("service.rebuild.catch_up.ROUNDS", 1)
        patch.setattr("service.storage.sqlite_next.SLICE", 1 + size)
        patch.setattr("service.storage.sqlite_next.ALONE_SLICE", 10 + size)
        for module in ("register", "postures"):
            patch.setattr(f"service.rebuild.{module}.PAGE", 1 + size)
        yield


async def of_another_version(ledger: Opened) -> None:
    """Let the projections have the shape of another version: all of them have to be replaced."""
    await ledger.database.execute("UPDATE ledger SET shape = 0 WHERE id = 1")


def _fused(calls: int) -> None:
    """Kill this process after so many calls."""
    left = calls

    def fused(call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def called(*given: Any) -> Any:  # noqa: ANN401 - whatever it is
            nonlocal left
            result = await call(*given)
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return called

    for tables in (PostgresNext, SqliteNext):
        for name in CALLS:
            setattr(tables, name, fused(getattr(tables, name)))


async def _rebuild(url: str) -> None:
    async with opened(url) as database:
        await rebuild(database)


if __name__ == "__main__":
    _fused(int(sys.argv[2]))
    with in_small_steps(int(sys.argv[3])):
        asyncio.run(_rebuild(sys.argv[1]))
