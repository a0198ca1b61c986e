"""The last events of the log in memory: so many, and so many bytes, for those who follow at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.eventlog.log import BEGINNING, Place, Stored

if TYPE_CHECKING:
    from collections.abc import Iterable

    from service.feed.filters import Passing

KEPT = 1_000
"""The last events that are kept at least; twice as many at most."""
KEPT_BYTES = 8 * 1024 * 1024
"""Bytes of kept events, at most, whatever their number; the last event may be larger. Memory has them twice."""


class Live(NamedTuple):
    """An event at the end of the log, with the tokens that it can be found by, and as a block of an event stream."""

    stored: Stored
    tokens: str
    block: bytes

    @property
    def size(self) -> int:
        """Return the bytes that count for what is kept."""
        return self.stored.size + len(self.tokens)


def block(stored: Stored, places: bool = False) -> bytes:  # noqa: FBT001, FBT002 - called for each event
    """Return an event as a block of an event stream (WHATWG HTML, 9.2): its id is its position, or its place."""
    name = str(stored.place if places else stored.position).encode()
    return b"id: %s\ndata: %s\n\n" % (name, stored.json())


class Recent:
    """Events without a gap, after the place where they begin."""

    def __init__(self) -> None:
        """Keep nothing."""
        self.begin(BEGINNING)

    def begin(self, place: Place) -> None:
        """Drop all, and begin after a place."""
        self._events: list[Live] = []
        self._before, self._bytes = place, 0

    @property
    def end(self) -> Place:
        """Return the place of the last event, or the one where the events begin."""
        return self._events[-1].stored.place if self._events else self._before

    def add(self, rows: Iterable[tuple[Stored, str]]) -> int:
        """Add the events that follow, with their tokens, and drop the oldest that are too many; return their bytes."""
        new = [Live(stored, tokens, block(stored)) for stored, tokens in rows]
        self._events += new
        size = sum([live.size for live in new])
        self._bytes += size
        self._trim()
        return size

    def _trim(self) -> None:
        drop = len(self._events) - KEPT if len(self._events) > 2 * KEPT else 0
        self._bytes -= sum([live.size for live in self._events[:drop]])
        while self._bytes > KEPT_BYTES and drop < len(self._events) - 1:
            self._bytes -= self._events[drop].size
            drop += 1
        if drop:
            self._before = self._events[drop - 1].stored.place
            del self._events[:drop]

    def after(self, place: Place, limit: int, wanted: Passing, size: int) -> tuple[list[Live], Place] | None:
        """Return the events after a place that pass a filter, among the next `limit`, and the place read up to.

        They begin within `size` bytes. None where the event at the place is not known here: only the log can say
        whether it is the one that the follower means. Raises OtherLog when it is another.
        """
        first = place.position - self._before.position
        if not 0 <= first <= len(self._events):
            return None
        reached = place.check((self._events[first - 1].stored if first else self._before).recorded_at)
        found: list[Live] = []
        last: Live | None = None
        for live in self._events[first : first + limit]:
            if wanted.passes(live.tokens):
                if size <= 0:
                    break
                size -= live.size
                found.append(live)
            last = live
        return found, last.stored.place if last else reached
