"""All connections of the process: who waits for what since when, and who gives way when there is no room."""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import TYPE_CHECKING, Protocol

from service.edge import refusal
from service.edge.limits import GIVE_WAY_SECONDS, HEAD_MAX, KEEP_ALIVE_SECONDS, LINGER_SECONDS, UNFINISHED_MAX

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.edge.limits import Limits
    from service.edge.refusal import Refusal

TICK_MAX = 0.5
"""Seconds by which the clock of the crowd moves at most at once.

While the process is busy or suspended it reads nothing, and what clients have sent by its end must not count as late.
"""


class Member(Protocol):
    """A connection, as the crowd sees it (connection.py)."""

    @property
    def is_silent(self) -> bool:
        """Whether nothing of a request has arrived."""

    @property
    def is_sending(self) -> bool:
        """Whether a part of an answer is still to be sent."""

    @property
    def address(self) -> str:
        """The address of the client, without its port."""

    def enter(self, phase: Phase | None) -> None:
        """Wait for something else from now on; None: for nothing."""

    def refuse(self, why: Refusal) -> None:
        """Answer with a problem, and close soon."""

    def close(self) -> None:
        """Close once all answers are sent."""

    def drop(self) -> None:
        """Close at once."""


Phase = OrderedDict[Member, float]
"""The connections that wait for one thing, with the time since when, the longest first."""


class Crowd:
    """The connections of one process.

    A connection is in one phase, or in none while its request is worked on. `heads` wait for the rest of a head,
    `bodies` for the rest of a body, `resting` for another request, `lingering` for the end after a refusal.
    """

    def __init__(self, limits: Limits, refused: Callable[[Refusal], bytes]) -> None:
        """Begin empty; `now` is seconds since the start.

        `refused` is called with what a connection is refused for, and returns the traceparent of its answer.
        """
        self._limits, self.refused = limits, refused
        self.now = 0.0
        self._ticked: float | None = None
        self._open: set[Member] = set()
        self._by_address: Counter[str] = Counter()
        self.heads: Phase = OrderedDict()
        self.bodies: Phase = OrderedDict()
        self.resting: Phase = OrderedDict()
        self.lingering: Phase = OrderedDict()
        self._unfinished: OrderedDict[Member, int] = OrderedDict()
        self._unfinished_bytes = 0

    def join(self, connection: Member) -> None:
        """Take in a new connection; another gives way if there is no room, or else the new one is refused."""
        self._open.add(connection)
        self._by_address[connection.address] += 1
        connection.enter(self.heads)
        if 0 < self._limits.client_connections < self._by_address[connection.address]:
            connection.refuse(refusal.MANY_OF_CLIENT)
            return
        while len(self._open) > self._limits.connections:
            longest = self._who_gives_way(connection)
            if longest is None:
                connection.refuse(refusal.NO_ROOM)
                return
            self._drop(longest)

    def leave(self, connection: Member) -> None:
        """Forget a connection that is closed."""
        if connection in self._open:
            self._open.discard(connection)
            self._by_address[connection.address] -= 1
            if not self._by_address[connection.address]:
                del self._by_address[connection.address]
        self.finished(connection)

    def unfinished(self, connection: Member, size: int) -> None:
        """Count `size` more bytes of a request that has not arrived whole; the slowest is refused if it is too much.

        So many bytes as a head may have are counted: what a body has above that waits for its place (bodies.py).
        """
        before = self._unfinished.get(connection, 0)
        after = min(before + size, HEAD_MAX)
        self._unfinished[connection] = after
        self._unfinished_bytes += after - before
        while self._unfinished_bytes > UNFINISHED_MAX:
            slowest = next(iter(self._unfinished))
            self.finished(slowest)
            slowest.refuse(refusal.SLOWEST)

    def finished(self, connection: Member) -> None:
        """Count the bytes of a request no more: it has arrived, or never will."""
        self._unfinished_bytes -= self._unfinished.pop(connection, 0)

    def tick(self, time: float) -> None:
        """Refuse or close whoever is late; `time` is in seconds, to be called several times a second."""
        if self._ticked is not None:
            self.now += min(time - self._ticked, TICK_MAX)
        self._ticked = time
        for connection in self._late(self.heads, self._limits.head_seconds):
            if connection.is_silent:
                self._drop(connection)
            else:
                connection.refuse(refusal.LATE_HEAD)
        for connection in self._late(self.bodies, self._limits.body_seconds):
            connection.refuse(refusal.LATE_BODY)
        for connection in self._late(self.resting, KEEP_ALIVE_SECONDS):
            connection.close()
        for connection in self._late(self.lingering, LINGER_SECONDS):
            self._drop(connection)

    def _late(self, phase: Phase, seconds: float) -> list[Member]:
        late = []
        for connection, since in phase.items():
            if since + seconds > self.now:
                break
            late.append(connection)
        return late

    def _who_gives_way(self, new: Member) -> Member | None:
        """Return who gives way to a new connection: the refused, the longest idle, or a body long on its way."""
        if self.lingering:
            return next(iter(self.lingering))
        idle = next((each for each in self.resting if not each.is_sending), None)
        head = next(iter(self.heads))
        if idle is not None and self.resting[idle] <= self.heads[head]:
            return idle
        if head is not new:
            return head
        slowest, since = next(iter(self.bodies.items()), (new, self.now))
        return slowest if since + GIVE_WAY_SECONDS <= self.now else None

    def _drop(self, connection: Member) -> None:
        connection.drop()
        self.leave(connection)
