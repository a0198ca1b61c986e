"""A thread that works beside the event loop, on what it is given."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
CLOSE_SECONDS = 1.0


class Beside(Generic[T]):
    """A thread that takes what waits, again and again; who gives it something does not wait.

    What the work is for, the reader of a pipe or another server, may be slow or have stopped. The process goes on:
    what no longer fits is left out, and counted.
    """

    def __init__(self, name: str, work: Callable[[Sequence[T], int], Sequence[T]], most: int, seconds: float) -> None:
        """Call `work` with what waited, and with how much was left out before it.

        It returns what has to be tried again, which then counts for one each. `most` is how much may wait, in what
        `give` counts. Between two calls of `work` are `seconds`.
        """
        self._work, self._most, self._seconds = work, most, seconds
        self._waiting: deque[tuple[T, int]] = deque()
        self._count = self._left_out = 0
        self._lock = threading.Lock()
        self._given, self._closed = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def give(self, item: T, count: int = 1) -> None:
        """Hand over an item, which counts for so many."""
        with self._lock:
            if self._count + count > self._most:
                self._left_out += count
                return
            self._count += count
            self._waiting.append((item, count))
        if not self._given.is_set():
            self._given.set()

    def close(self) -> None:
        """Have the work done that waits, for a second at most."""
        self._closed.set()
        self._given.set()
        self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        while not self._closed.is_set():
            self._given.wait()
            self._given.clear()
            self._once()
            self._closed.wait(self._seconds)
        self._once()

    def _once(self) -> None:
        with self._lock:
            taken, self._waiting, self._count = self._waiting, deque(), 0
            left_out, self._left_out = self._left_out, 0
        if not taken and not left_out:
            return
        for item in self._work([item for item, _ in taken], left_out):
            self.give(item)
