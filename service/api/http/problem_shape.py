"""A problem document as clients get it (RFC 9457)."""

from __future__ import annotations

import msgspec


class ProblemError(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One fault of a request, with its place in the body or in the query."""

    detail: str
    """A sentence that says what is wrong."""
    pointer: str | None = None
    """The place in the body: a JSON pointer (RFC 6901) as a URI fragment, such as `#/events/0/occurred`; absent for a
    fault of the query."""
    parameter: str | None = None
    """The name of the query parameter; absent for a fault of the body."""


class PlannedFact(msgspec.Struct, frozen=True, kw_only=True):
    """The planned fact by which an item is known."""

    event: str
    """The id of the event."""
    type: str
    """Its type."""
    on: str
    """The date from which it is planned, as its source gives it."""


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A problem (RFC 9457). `type` names its kind; the members after `errors` come with some kinds only."""

    type: str
    """The kind of problem, as a stable URI reference; `about:blank` where the status says it all."""
    title: str
    """The kind of problem in a few words; the same for every problem of this kind."""
    status: int
    """The HTTP status code of the answer."""
    detail: str | None = None
    """A sentence that says what is wrong with this request."""
    instance: str | None = None
    """The path of the request, percent-encoded."""
    trace_id: str | None = None
    """The trace of the request (W3C Trace Context): 32 hexadecimal digits, by which its lines in the log are found."""
    errors: tuple[ProblemError, ...] = ()
    """The faults of the request, at most 100: where there are more, the last one counts them."""
    expected: dict[str, int] = {}
    """The versions of issues, or the position of a consumer, that the writer expected, by name."""
    actual: dict[str, int] = {}
    """The versions of issues, or the position of a consumer, that the ledger has, by name."""
    ids: tuple[str, ...] = ()
    """The ids of the events that are in conflict, or of those that an Idempotency-Key has recorded."""
    asked: str | None = None
    """The position or instant that was asked for and lies beyond the head, or the place that is not in this log."""
    head: int | None = None
    """The last position of the log."""
    first_as_of: str | None = None
    """The first day on which the item has a status, together with `first_known_position` or `first_known_at`."""
    first_known_position: int | None = None
    """The first position from which the item has a status on that day."""
    first_known_at: str | None = None
    """As published, the first day of publication from which the item has a status on that day."""
    watches: tuple[str, ...] = ()
    """The names of the first watches that deliver to the subscription."""
    plan: PlannedFact | None = None
    """The planned fact of an item that is only planned; its state is answered with `include=planned`."""
