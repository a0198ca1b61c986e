"""Commands and other work that blocks, run beside what is asynchronous."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from tests.processes import Process

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def rebuild(url: str, *options: str) -> tuple[int, str]:
    """Run `parley rebuild`, however long it takes; return its exit code and what it wrote."""
    command = Process([sys.executable, "-m", "service", "rebuild", "--database-url", url, *options])
    try:
        command.launch()
        while True:
            with suppress(subprocess.TimeoutExpired):
                return command.wait(), command.log()
    finally:
        command.close()


async def in_thread(work: Callable[[], T]) -> T:
    """Run something in a thread and wait for its end, also when cancelled: what it starts must be known."""
    future = asyncio.get_running_loop().run_in_executor(None, work)
    try:
        return await asyncio.shield(future)
    finally:
        await asyncio.wait([future])
