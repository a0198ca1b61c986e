"""SIGTERM and SIGINT of a follower: waiting ends at once, an event or a page under way is handled first."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Any, TypeVar

from service.tasks import quiet

if TYPE_CHECKING:
    from collections.abc import Coroutine

SIGNALS = (signal.SIGTERM, signal.SIGINT)

T = TypeVar("T")


class Stopped(Exception):  # noqa: N818 - a condition
    """A signal came while nothing was being handled."""


class Signals:
    """Whether SIGTERM or SIGINT came.

    The event loop learns of a signal through a pipe. A handler of Python's own would run too late when the signal comes
    between the last step of Python and the system call that waits: it would run when that call is over.
    """

    def __init__(self) -> None:
        """Take the signals of the running loop; the next one has its usual effect again."""
        self._come = asyncio.Event()
        for each in SIGNALS:
            asyncio.get_running_loop().add_signal_handler(each, self._on)

    def _on(self) -> None:
        for each in SIGNALS:
            asyncio.get_running_loop().remove_signal_handler(each)
            signal.signal(each, signal.SIG_DFL)
        self._come.set()

    @property
    def came(self) -> bool:
        """Whether one came."""
        return self._come.is_set()

    async def unless_came(self, waited: Coroutine[Any, Any, T]) -> T:
        """Await a coroutine and return its result; raises Stopped when a signal comes first, or came before."""
        waiting = quiet(asyncio.ensure_future(waited))
        come = asyncio.ensure_future(self._come.wait())
        try:
            await asyncio.wait((waiting, come), return_when=asyncio.FIRST_COMPLETED)
            if self.came:
                raise Stopped
            return await waiting
        finally:
            waiting.cancel()
            come.cancel()
            await asyncio.wait((waiting, come))
