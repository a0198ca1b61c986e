"""Work in a thread that nothing breaks off."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from service.tasks import quiet

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

T = TypeVar("T")


async def to_its_end(executor: Executor | None, call: Callable[[], T]) -> T:
    """Return what a call in a thread returns; a caller that is cancelled waits for its end first.

    For work on what others use afterwards: a connection, or items in memory.
    """
    running = quiet(asyncio.get_running_loop().run_in_executor(executor, call))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise
    finally:
        del running  # An error that the call raised holds this frame, and the future the error: a cycle.
