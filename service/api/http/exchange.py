"""What is seen of a request and its answer from outside: its trace, and what the access line and the metrics need.

The edge makes an `Exchange` for each request before anything else sees it. Where an application is asked without the
edge, there is none. What is over is counted in batches: a few microseconds of code that has not run for a while would
cost a request as much as the search for its answer.
"""

from __future__ import annotations

from collections import defaultdict
from time import perf_counter
from typing import TYPE_CHECKING, Any, cast

from service.spread import Spread

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from service.access.keys import ApiKey
    from service.views.asof.question import Basis

    Message = dict[str, Any]
    Send = Callable[[Message], Awaitable[None]]

EXCHANGE = "parley.exchange"
"""Where the scope of a request has its exchange."""
NO_ANSWER = 499
"""The status of a request whose client was gone before its answer began, as nginx has it."""
COUNT_AT = 128
"""So many requests that are over are counted at once, if nobody asks before."""
ANSWERED = frozenset((200, 304))


class Exchange:
    """One request and its answer; it is what the application sends the answer by."""

    status = NO_ANSWER
    sent = 0
    """Bytes of the body."""
    seconds = 0.0
    route = ""
    """The path as the document writes it; "" where there is none."""
    key: ApiKey | None = None
    position: int | None = None
    """The position that the answer states: of K, or of the last event recorded."""
    is_published: bool | None = None
    """Whether K is a day of publication; None where the answer has no K."""
    is_kept = False
    """Whether the answer was kept from before."""

    def __init__(self, method: str, send: Send, traceparent: bytes, parent: bytes) -> None:
        """`traceparent` is that of the answer, `parent` that of the request; b"" where it has none that is valid."""
        self._send: Send | None = send
        self.method, self.traceparent, self.parent = method, traceparent, parent
        self.began = perf_counter()

    def __call__(self, message: Message) -> Awaitable[None]:
        """Send a message of the answer, the first with the trace."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"].append((b"traceparent", self.traceparent))
        else:
            self.sent += len(message["body"])
        return cast("Send", self._send)(message)

    def end(self, route: str, key: ApiKey | None) -> None:
        """Note that the answer is sent, or never will be."""
        self.seconds = perf_counter() - self.began
        self.route, self.key, self._send = route, key, None

    @property
    def is_sampled(self) -> bool:
        """Whether who began the trace wants its spans (the flag of W3C Trace Context)."""
        return bool(int(self.traceparent[53:], 16) & 1)

    @property
    def trace_id(self) -> str:
        """The trace: 32 hexadecimal digits."""
        return trace_id_of(self.traceparent)


def trace_id_of(traceparent: bytes) -> str:
    """Return the trace of a header `traceparent` that is valid: 32 hexadecimal digits."""
    return traceparent[3:35].decode()


def note(scope: Any, position: int) -> None:  # noqa: ANN401 - any scope of ASGI
    """Note the position that an answer states."""
    exchange: Exchange | None = scope.get(EXCHANGE)
    if exchange is not None:
        exchange.position = position


def note_basis(scope: Any, basis: Basis, *, kept: bool = False) -> None:  # noqa: ANN401 - any scope of ASGI
    """Note the basis of an answer, and whether it was kept."""
    exchange: Exchange | None = scope.get(EXCHANGE)
    if exchange is not None:
        exchange.position = basis.position
        exchange.is_published, exchange.is_kept = basis.published is not None, kept


def trace_member(scope: Mapping[str, Any]) -> dict[str, str]:
    """Return the member of a problem that has the trace id; none where there is no trace."""
    exchange: Exchange | None = scope.get(EXCHANGE)
    return {} if exchange is None else {"trace_id": exchange.trace_id}


class RouteTraffic:
    """The requests of one method on one route."""

    __slots__ = ("seconds", "sent", "statuses")

    def __init__(self) -> None:
        """Begin with none."""
        self.statuses: dict[int, int] = {}
        self.seconds = Spread()
        self.sent = 0
        """Bytes of the bodies of all answers."""


class Traffic:
    """The requests of one process, counted."""

    def __init__(self, process: str = "") -> None:
        """Begin with none; `process` names the process where several answer on one address."""
        self.process = process
        self.routes: defaultdict[str, defaultdict[str, RouteTraffic]] = defaultdict(lambda: defaultdict(RouteTraffic))
        """By path as the document writes it ("" where there is none), and by method."""
        self.asof: dict[tuple[bool, bool], Spread] = {
            (published, kept): Spread() for published in (False, True) for kept in (False, True)
        }
        """Seconds of answers of 200 and 304 by `is_published` and `is_kept`."""
        self.refused: defaultdict[int, int] = defaultdict(int)
        """By status: what was refused before it was a request."""
        self.begun = 0
        self._counted = 0
        self._over: list[Exchange] = []
        self.watchers: list[Callable[[Sequence[Exchange]], object]] = []
        """Each is called with the exchanges that are over, in batches."""

    @property
    def under_way(self) -> int:
        """How many requests are under way."""
        return self.begun - self._counted - len(self._over)

    def over(self, exchange: Exchange) -> None:
        """Take an exchange that is over."""
        self._over.append(exchange)
        if len(self._over) >= COUNT_AT:
            self.count()

    def count(self) -> None:
        """Count those that are over, and let the watchers know."""
        over, self._over = self._over, []
        self._counted += len(over)
        for each in over:
            if each.method == "HEAD":
                each.sent = 0
            of_route = self.routes[each.route][each.method]
            of_route.statuses[each.status] = of_route.statuses.get(each.status, 0) + 1
            of_route.seconds.add(each.seconds)
            of_route.sent += each.sent
            if each.is_published is not None and each.status in ANSWERED:
                self.asof[each.is_published, each.is_kept].add(each.seconds)
        if over:
            for watcher in self.watchers:
                watcher(over)
