"""What each client asks: how many requests in a time, and how many streams at once, so that one leaves room for others.

A client is the holder of a key, or an address without one; of IPv6 the network of an address (/64). Each process counts
for itself and keeps nothing.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from contextlib import contextmanager
from math import ceil
from time import monotonic
from typing import TYPE_CHECKING

from service.api.http.problems import RETRY_AFTER, EdgeRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


CLIENTS_MAX = 10_000
"""Clients that are counted; more of them, and the one that has asked for longest ago is forgotten."""
NEARLY = 1e-6
"""Of a request: what the sums of many parts may be off."""


class TooMany(EdgeRefused):
    """The client has asked for as much as one may."""

    kind = "rate-limited"

    def __init__(self, detail: str, headers: dict[str, str]) -> None:
        """`headers` say when to try again."""
        super().__init__(detail)
        self.headers = headers


class Clients:
    """Counts by client. An allowance of requests comes back evenly: each request takes its part of the time."""

    def __init__(self, requests: int, seconds: int, streams: int, clock: Callable[[], float] = monotonic) -> None:
        """Bound each client to so many `requests` in so many `seconds`, and to so many `streams`; 0 for no bound."""
        self._requests, self._seconds, self._streams_max = requests, seconds, streams
        self.counts = requests > 0
        """Whether requests are counted."""
        self._part = seconds / max(requests, 1)
        """Seconds in which one request comes back."""
        self._clock = clock
        self._back: OrderedDict[str, float] = OrderedDict()
        """By client, when its whole allowance is back."""
        self._streams: Counter[str] = Counter()
        self._policy = f'"client";q={requests};w={seconds}'

    def count(self, client: str) -> dict[str, str]:
        """Count a request; return the headers that say how many are left. Raises TooMany."""
        now, part, backs = self._clock(), self._part, self._back
        wait = backs.get(client, 0.0) - now
        wait = part if wait < 0 else wait + part
        left = int((self._seconds - wait) / part + 1 + NEARLY) - 1
        if left < 0:
            shown = f'"client";r=0;t={ceil(wait - part)}'
            detail = f"A client may ask {self._requests} times in {self._seconds} seconds."
            retry = {"Retry-After": str(ceil(wait - self._seconds))}
            raise TooMany(detail, {**retry, "RateLimit-Policy": self._policy, "RateLimit": shown})
        backs[client] = now + wait
        backs.move_to_end(client)
        if len(backs) > CLIENTS_MAX:
            backs.popitem(last=False)
        return {"RateLimit": f'"client";r={left};t={ceil(wait)}'}  # each header costs as much as the count

    def check_room(self, client: str) -> None:
        """Refuse another stream of a client that has as many as it may; raises TooMany."""
        if self._streams_max and self._streams[client] >= self._streams_max:
            detail = f"A client may follow {self._streams_max} times at once."
            raise TooMany(detail, {"Retry-After": str(RETRY_AFTER)})

    @contextmanager
    def following(self, client: str) -> Iterator[None]:
        """Count a stream, or a page that waits, during the block."""
        self._streams[client] += 1
        try:
            yield
        finally:
            self._streams[client] -= 1
            if not self._streams[client]:
                del self._streams[client]
