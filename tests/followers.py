"""What followers saw of a log: one log for all of them, and the place of each in it."""

import json
import threading
from array import array
from collections.abc import Iterable
from hashlib import blake2b


def mark(content: object) -> int:
    """Return 8 bytes of a digest of some JSON; never 0."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big") or 1


class Log:
    """What stands at each position, as a mark of 8 bytes: what was seen first is what all others must see."""

    def __init__(self, contents: Iterable[object] = ()) -> None:
        """`contents` of the positions from 1 on."""
        self._marks = array("Q", map(mark, contents))
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Return the highest position that was seen."""
        return len(self._marks)

    def __eq__(self, other: object) -> bool:
        """Return whether another log has the same at every position."""
        return isinstance(other, Log) and self._marks == other._marks

    __hash__ = None  # type: ignore[assignment]

    def agrees(self, position: int, content: object) -> bool:
        """Note what stands at a position; return False where something else was seen there before."""
        seen = mark(content)
        with self._lock:
            missing = position - len(self._marks)
            if missing > 0:
                self._marks.extend([0] * missing)
            before = self._marks[position - 1]
            self._marks[position - 1] = before or seen
        return before in {0, seen}

    def until(self, position: int) -> "Log":
        """Return the beginning of this log up to a position."""
        beginning = Log()
        beginning._marks = self._marks[:position]
        return beginning

    def gaps(self) -> int:
        """Return how many positions below the highest nobody has seen."""
        return self._marks.count(0)


class Seen:
    """What one follower got, and its faults."""

    def __init__(self, log: Log) -> None:
        """`log` is that of all followers of a ledger."""
        self._log = log
        self._last = 0
        self.position = 0
        """The position up to which it has everything: it goes on after it."""
        self.missed = self.doubled = self.reordered = 0
        self.returns = 0
        """How often it was sent back to an earlier position."""

    def take(self, position: int, content: object) -> None:
        """Note an event, or what is wrong with it."""
        self.missed += max(position - self._last - 1, 0)
        self.returns += position <= self._last
        self.doubled += position <= self.position
        self.reordered += not self._log.agrees(position, content)
        self._last = position
        self.position = max(self.position, position)

    @property
    def faults(self) -> tuple[int, int, int]:
        """How many were missed, doubled, and not those that others saw at the position."""
        return self.missed, self.doubled, self.reordered
