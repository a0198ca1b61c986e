"""Access lines: one for each request, and one for what was refused before it was a request.

A line has no body, no path with the names of what was asked for, and no query: what a desk asks may be a secret, and a
path or a query may have a key in it by mistake. The problem that the client has names the path, and its `trace_id` the
line.
"""

from __future__ import annotations

from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

import structlog

from service import logs
from service.api.http.exchange import trace_id_of
from service.api.http.problem_kinds import PROBLEM_KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from service.api.http.exchange import Exchange
    from service.edge.refusal import Refusal

logger = structlog.get_logger(__name__)


class Log:
    """The access lines of a process."""

    def __init__(self, lines: logs.Lines, form: str, clock: Callable[[], int]) -> None:
        """Write to `lines` in a form, `console` or `json`; `clock` returns microseconds since 1970 UTC."""
        self._lines, self._clock = lines, clock
        self._form = logs.access_form(form)

    def watch(self, over: Sequence[Exchange]) -> None:
        """Take exchanges that are over; the thread of the lines writes theirs."""
        self._lines.make(partial(self._written, over, self._clock(), perf_counter()), len(over))

    def _written(self, over: Sequence[Exchange], now: int, seconds: float) -> str:
        return "".join([_line(self._form, each, now, seconds) for each in over])


def _line(form: Callable[..., str], each: Exchange, now: int, seconds: float) -> str:
    """Write a line; `now` and `seconds` are one moment by the clocks of both kinds."""
    key = each.key
    return form(
        "request",
        timestamp=logs.stamp(now - int((seconds - each.began - each.seconds) * logs.MICROS)),
        level="info",
        trace_id=each.trace_id,
        key=None if key is None else key.name,
        key_id=None if key is None else key.id,
        method=each.method,
        route=each.route or None,
        status=each.status,
        bytes=each.sent,
        ms=round(each.seconds * 1_000, 2),
        position=each.position,
    )


def refused(traceparent: bytes, why: Refusal) -> None:
    """Log what was refused before it was a request: there is no method and no route."""
    status = PROBLEM_KINDS[why.kind].status
    logger.info("refused", trace_id=trace_id_of(traceparent), status=status, reason=why.detail)
