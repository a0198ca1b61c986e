"""Spans of requests for OpenTelemetry, by OTLP over HTTP as JSON; a thread sends them.

A span says what an access line says, under the names of the semantic conventions where they have one. It has no path
and no query either. A trace that the caller does not sample is not sent.
"""

from __future__ import annotations

import platform
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

import httpx
import msgspec
import structlog

from service import VERSION
from service.beside import Beside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from service.api.http.exchange import Exchange

SERVICE: Final = "parley"
SPANS_MAX: Final = 10_000
"""Spans that may wait for the collector; those above it are left out."""
SENT_MAX: Final = 500
"""Spans that are sent at once."""
SECONDS: Final = 1.0
"""Between two sendings, and before one that failed is tried again."""
TIMEOUT_SECONDS: Final = 5.0
SERVER_KIND, ERROR = 2, 2
SERVER_ERRORS: Final = 500
AGAIN: Final = frozenset((429, 502, 503, 504))
"""The answers after which a client of OTLP tries again."""
NANOS: Final = 1_000_000_000

logger = structlog.get_logger(__name__)


class Spans:
    """The sender of the spans of a process."""

    def __init__(self, endpoint: str, headers: Mapping[str, str], clock: Callable[[], int], instance: str) -> None:
        """Send to `endpoint`/v1/traces; `clock` returns microseconds since 1970 UTC, `instance` names the process."""
        self._clock = clock
        self._url = f"{endpoint}/v1/traces"
        self._client = httpx.Client(headers={**headers, "content-type": "application/json"}, timeout=TIMEOUT_SECONDS)
        self._resource = {
            "attributes": _attributes(
                {
                    "service.name": SERVICE,
                    "service.version": VERSION,
                    "service.instance.id": instance,
                    "process.runtime.version": platform.python_version(),
                }
            )
        }
        self._is_failing = False
        self._beside: Beside[Exchange] = Beside("spans", self._send, SPANS_MAX, SECONDS)

    def watch(self, over: Sequence[Exchange]) -> None:
        """Take exchanges that are over."""
        for each in over:
            if each.is_sampled:
                self._beside.give(each)

    def close(self) -> None:
        """Send what waits, for a second at most."""
        self._beside.close()
        self._client.close()

    def _send(self, over: Sequence[Exchange], left_out: int) -> Sequence[Exchange]:
        if left_out:
            logger.warning("spans.left_out", spans=left_out)
        for at in range(0, len(over), SENT_MAX):
            if self._is_refused(over[at : at + SENT_MAX]):
                return over[at:]
        return ()

    def _is_refused(self, over: Sequence[Exchange]) -> bool:
        """Send spans; return whether they have to be sent again. What fails is logged once, until it works again."""
        try:
            status = self._client.post(self._url, content=self._written(over)).status_code
            why = None if status < httpx.codes.BAD_REQUEST else str(status)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            status, why = 0, type(error).__name__
        if why is not None and not self._is_failing:
            logger.warning("spans.failed", reason=why)
        self._is_failing = why is not None
        return why is not None and (status == 0 or status in AGAIN)

    def _written(self, over: Iterable[Exchange]) -> bytes:
        now, seconds = self._clock() * 1_000, perf_counter()
        spans = [_span(each, now - int((seconds - each.began) * NANOS)) for each in over]
        scope = {"name": SERVICE, "version": VERSION}
        return msgspec.json.encode(
            {"resourceSpans": [{"resource": self._resource, "scopeSpans": [{"scope": scope, "spans": spans}]}]}
        )


def _span(each: Exchange, began: int) -> dict[str, Any]:
    """Write a span, which began at an instant in nanoseconds since 1970 UTC."""
    _, trace, span, _ = each.traceparent.decode().split("-")
    found: dict[str, str | int | None] = {
        "http.request.method": each.method,
        "http.route": each.route or None,
        "http.response.status_code": each.status,
        "http.response.body.size": each.sent,
        "error.type": str(each.status) if each.status >= SERVER_ERRORS else None,
        "parley.key": None if each.key is None else each.key.name,
        "parley.key_id": None if each.key is None else each.key.id,
        "parley.position": each.position,
    }
    return {
        "traceId": trace,
        "spanId": span,
        **({"parentSpanId": each.parent.decode().split("-")[2]} if each.parent else {}),
        "flags": 1,
        "name": f"{each.method} {each.route}".strip(),
        "kind": SERVER_KIND,
        "startTimeUnixNano": str(began),
        "endTimeUnixNano": str(began + int(each.seconds * NANOS)),
        "attributes": _attributes(found),
        "status": {"code": ERROR} if each.status >= SERVER_ERRORS else {},
    }


def _attributes(found: Mapping[str, str | int | None]) -> list[dict[str, Any]]:
    return [
        {"key": name, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}
        for name, value in found.items()
        if value is not None
    ]
