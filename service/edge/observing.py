"""The application as it is seen from outside: a trace, an access line and counts for each request.

A request that comes with a `traceparent` (W3C Trace Context) goes on with its trace; another begins one. The answer has
the header too, and so does each problem: with its `trace_id` the line of a request is found, and that of its failure.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from service.api.http.access import KEY
from service.api.http.exchange import EXCHANGE, Exchange
from service.api.http.problem_kinds import PROBLEM_KINDS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from service.api.http.exchange import Send, Traffic
    from service.edge.refusal import Refusal

    Application = Callable[[Any, Any, Any], Awaitable[None]]
    Refused = Callable[[bytes, Refusal], object]

_TRACEPARENT = re.compile(rb"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_FIRST_VERSION = b"00"
AT_ONCE = 64
"""Traces that are made at once."""


class Observed:
    """An application, and what is seen of its requests."""

    def __init__(
        self, app: Application, traffic: Traffic, new_traces: Callable[[int], list[bytes]], refused: Refused
    ) -> None:
        """Answer by `app`. `new_traces` makes so many values of traceparent, each of a trace of its own.

        `refused` is called with the traceparent and the cause of what was refused before it was a request.
        """
        self._app, self._traffic, self._new_traces, self._refused = app, traffic, new_traces, refused
        self._traces: list[bytes] = []

    def __call__(self, scope: dict[str, Any], receive: object, send: Send) -> Awaitable[None]:
        """Answer a request."""
        return self._observed(scope, receive, send) if scope["type"] == "http" else self._app(scope, receive, send)

    def refused(self, why: Refusal) -> bytes:
        """Note what was refused before it was a request; return the traceparent of its answer."""
        traceparent = self._new()
        self._traffic.refused[PROBLEM_KINDS[why.kind].status] += 1
        self._refused(traceparent, why)
        return traceparent

    def _new(self) -> bytes:
        if not self._traces:
            self._traces = self._new_traces(AT_ONCE)
        return self._traces.pop()

    async def _observed(self, scope: dict[str, Any], receive: object, send: Send) -> None:
        traceparent, parent = self._new(), b""
        for name, value in scope["headers"]:
            if name == b"traceparent":
                parent = b"" if parent else value
        if parent:
            parent = checked(parent)
            traceparent = continued(parent, traceparent) if parent else traceparent
        exchange = scope[EXCHANGE] = Exchange(scope["method"], send, traceparent, parent)
        self._traffic.begun += 1
        try:
            await self._app(scope, receive, exchange)
        finally:
            exchange.end(scope.get("path_template", ""), scope.get(KEY))
            self._traffic.over(exchange)


def checked(traceparent: bytes) -> bytes:
    """Return a traceparent as this version writes it; b"" for one that is not valid (W3C Trace Context, 3.2 and 4)."""
    found = _TRACEPARENT.fullmatch(traceparent)
    if found is None or (found[5] and found[1] == _FIRST_VERSION):
        return b""
    return b"00-%b-%b-%b" % found.group(2, 3, 4)


def continued(parent: bytes, own: bytes) -> bytes:
    """Return the traceparent of a span of ours in the trace of its parent, with the flags of that."""
    return parent[:36] + own[36:53] + parent[53:]
