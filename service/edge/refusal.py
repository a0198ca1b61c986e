"""Refusals that the edge writes itself, as problem documents: no request has come to the application."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from service.api.http.exchange import trace_id_of
from service.api.http.problem_kinds import MEDIA_TYPE, PROBLEM_KINDS
from service.api.http.problems import RETRY_AFTER
from service.edge.limits import FIELDS_MAX, HEAD_MAX, TARGET_MAX

if TYPE_CHECKING:
    from collections.abc import Mapping


class Refusal(NamedTuple):
    """A refusal: the name of its kind of problem, and its detail."""

    kind: str
    detail: str


NOT_HTTP = Refusal("bad-request", "This is not a request of HTTP/1.1.")
NO_SUCH_METHOD = Refusal("not-implemented", "HTTP has no such method.")
NO_TUNNEL = Refusal("not-implemented", "The service is no proxy.")
LONG_TARGET = Refusal("target-too-long", f"The path and the query together may have {TARGET_MAX} bytes.")
LARGE_HEAD = Refusal("head-too-large", f"A head may have {HEAD_MAX} bytes.")
MANY_FIELDS = Refusal("head-too-large", f"A head may have {FIELDS_MAX} fields.")
LATE_HEAD = Refusal("request-timeout", "The head did not arrive in time.")
LATE_BODY = Refusal("request-timeout", "The body did not arrive in time.")
SLOWEST = Refusal("unavailable", "There is no room for a request that arrives this slowly; try again.")
MANY_OF_CLIENT = Refusal("rate-limited", "The client has as many connections as one may; try again.")
NO_ROOM = Refusal("unavailable", "There are too many connections; try again.")
STOPPING = Refusal("unavailable", "The service is stopping; try again.")
PIPELINED = Refusal("unavailable", "Too many requests wait on this connection.")


def problem(refusal: Refusal, trace: Mapping[str, str]) -> bytes:
    """Return the problem document; `trace` is its member `trace_id`, or empty."""
    kind = PROBLEM_KINDS[refusal.kind]
    return msgspec.json.encode(
        {"type": kind.type, "title": kind.title, "status": kind.status, "detail": refusal.detail, **trace}
    )


def written(refusal: Refusal, traceparent: bytes) -> bytes:
    """Return the response, without its status line: a `Date` may come first."""
    body = problem(refusal, {"trace_id": trace_id_of(traceparent)})
    retry = f"retry-after: {RETRY_AFTER}\r\n" if refusal.kind in {"unavailable", "rate-limited"} else ""
    trace = f"traceparent: {traceparent.decode()}\r\n"
    head = f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\n{retry}{trace}connection: close\r\n\r\n"
    return head.encode() + body


def status_line(refusal: Refusal) -> bytes:
    """Return the status line."""
    return STATUS_LINE[PROBLEM_KINDS[refusal.kind].status]
