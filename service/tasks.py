"""Tasks and futures whose error may have nobody left who awaits it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import asyncio

F = TypeVar("F", bound="asyncio.Future[Any]")


def quiet(future: F) -> F:
    """Return a task or a future of which asyncio reports no error: it is for those who await it, if anybody does.

    It is no fault where all of them were cancelled, or have given up.
    """
    future.add_done_callback(lambda done: done.cancelled() or done.exception())
    return future
