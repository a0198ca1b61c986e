"""Every kind of problem (RFC 9457): the table that answers, document and pages are made from.

A client switches on `type`, a stable URI reference; `title` and `status` follow from it, `detail` is new each time.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from service.domain.errors import OtherLog
from service.feed.consumers import CONSUMERS_MAX
from service.watches.store import WATCHES_MAX
from service.webhooks.rules import SUBSCRIPTIONS_MAX

MEDIA_TYPE = "application/problem+json"
_PLACE = "128@2025-06-10T12:00:00.000000Z"


class ProblemKind(NamedTuple):
    """A kind of problem: the last part of its `type`, what is constant about it, and an example of what varies."""

    name: str
    status: int
    title: str
    meaning: str
    example: dict[str, Any]

    @property
    def type(self) -> str:
        """The URI reference by which clients know it."""
        return f"/problems/{self.name}"


def _by_name(*kinds: ProblemKind) -> dict[str, ProblemKind]:
    by_name = {kind.name: kind for kind in kinds}
    if len(by_name) < len(kinds):
        msg = "two kinds of problem have one name"
        raise ValueError(msg)
    return by_name


PROBLEM_KINDS: dict[str, ProblemKind] = _by_name(
    ProblemKind(
        "not-json",
        400,
        "The body is not JSON",
        "The body is not JSON as RFC 8259 and UTF-8 have it, or it is nested too deep.",
        {"detail": "trailing comma in object (byte 17)"},
    ),
    ProblemKind(
        "knowledge-ahead",
        400,
        "The asked knowledge lies ahead",
        "The position or instant lies beyond what is recorded, so that the answer could still change.",
        {
            "detail": "position 900 lies beyond the head, 128.",
            "asked": "position 900",
            "head": 128,
        },
    ),
    ProblemKind(
        "other-log",
        400,
        "The place is of another log",
        "The event that a follower goes on after is not in this log: the log was set back, as to a backup, or the "
        "place is from another ledger.",
        {"detail": str(OtherLog(_PLACE, 128)), "asked": _PLACE},
    ),
    ProblemKind(
        "bad-request", 400, "Bad request", "A header or the request line is malformed; `detail` says which.", {}
    ),
    ProblemKind(
        "unauthorized",
        401,
        "A key is needed",
        "The request has no key, or one that is unknown, expired or revoked. Send `Authorization: Bearer parley_...`.",
        {"detail": "The key k4xq2m7a is revoked."},
    ),
    ProblemKind(
        "insufficient-scope",
        403,
        "The key may not do this",
        "The key has not the role that the operation needs, or the consumer is another holder's.",
        {"detail": "This needs the role editor; the key k4xq2m7a has the role recorder."},
    ),
    ProblemKind(
        "cross-site",
        403,
        "Written from another site",
        "A browser sends this for a page of another origin, which may not write here.",
        {"detail": "A page of another origin may not write here."},
    ),
    ProblemKind(
        "not-found",
        404,
        "Not found",
        "Nothing is here, or nothing at this day as was known then. From when there is, the detail says as known now: "
        "a 404 is no frozen answer.",
        {"detail": "There is no issue rare-earths."},
    ),
    ProblemKind(
        "unknown-event",
        404,
        "No such event",
        "No recorded event has this id.",
        {"detail": "No recorded event has the id 0196b6f0-1111-7000-8000-000000000000."},
    ),
    ProblemKind(
        "method-not-allowed",
        405,
        "Method not allowed",
        "The path takes other methods; the header Allow lists them.",
        {},
    ),
    ProblemKind("not-acceptable", 406, "Not acceptable", "The answer has none of the media types in Accept.", {}),
    ProblemKind(
        "request-timeout",
        408,
        "The request did not arrive in time",
        "The head or the body took too long to arrive; the connection is closed. The request was not worked on.",
        {"detail": "The body did not arrive in time."},
    ),
    ProblemKind(
        "version-conflict",
        409,
        "The issue has moved on",
        "An issue is at another version than the one expected: read it again, then decide again.",
        {
            "detail": "rare-earths is at version 7, not 5.",
            "expected": {"rare-earths": 5},
            "actual": {"rare-earths": 7},
        },
    ),
    ProblemKind(
        "event-id-conflict",
        409,
        "The event id is taken",
        "An event with this id and other content is recorded, or only a part of the batch is.",
        {
            "detail": "The id is taken by an event with other content.",
            "ids": ["0196b6f0-1111-7000-8000-000000000000"],
        },
    ),
    ProblemKind(
        "cursor-conflict",
        409,
        "The cursor is elsewhere",
        "The consumer is not at the position that the writer saw: somebody else moved, made or deleted it.",
        {
            "detail": "newsroom is at position 7, not 5.",
            "expected": {"newsroom": 5},
            "actual": {"newsroom": 7},
        },
    ),
    ProblemKind(
        "limit-reached",
        409,
        "There is no room for another",
        f"There are as many consumers ({CONSUMERS_MAX:,}), subscriptions ({SUBSCRIPTIONS_MAX:,}) or watches "
        f"({WATCHES_MAX:,}) as the service keeps; delete what nobody uses.",
        {"detail": "There are 1000 consumers."},
    ),
    ProblemKind(
        "in-use",
        409,
        "It is in use",
        "Something else needs what is to be deleted; `watches` names the watches that do.",
        {"detail": "Watches deliver to the subscription compliance-desk: chips.", "watches": ["chips"]},
    ),
    ProblemKind(
        "exists",
        409,
        "It exists",
        "What is to be made is there already.",
        {"detail": "There is an issue rare-earths already."},
    ),
    ProblemKind(
        "precondition-failed",
        412,
        "The precondition failed",
        "The header If-Match names another version than the current one.",
        {"detail": 'The current entity tag is "7".'},
    ),
    ProblemKind("too-large", 413, "The body is too large", "The body is larger than the service takes.", {}),
    ProblemKind(
        "target-too-long",
        414,
        "The target is too long",
        "The path and the query together are longer than the service takes; the connection is closed.",
        {"detail": "The path and the query together may have 8192 bytes."},
    ),
    ProblemKind(
        "unsupported-media-type",
        415,
        "Unsupported media type",
        "The body has no Content-Type, one that the operation does not take, or a Content-Encoding. The headers Accept "
        "and Accept-Encoding say what is taken.",
        {"detail": "The body has no Content-Type; send it as application/json."},
    ),
    ProblemKind(
        "misdirected",
        421,
        "Not a name of this service",
        "The header Host is no name of this service.",
        {"detail": "The header Host is no name of this service."},
    ),
    ProblemKind(
        "malformed",
        422,
        "The body breaks the vocabulary",
        "The body is not of the documented form, or names what does not exist; `errors` lists every fault.",
        {
            "detail": "1 fault; nothing was stored.",
            "errors": [{"detail": "there is no day 2025-02-30", "pointer": "#/events/0/occurred"}],
        },
    ),
    ProblemKind(
        "too-much-work",
        422,
        "The request is beyond a bound",
        "The request would change too many states, or leave an item with too much. Send it in parts, or record what "
        "goes on as another item. `errors` has the event at which it goes too far.",
        {
            "detail": "1 fault; nothing was stored.",
            "errors": [
                {
                    "detail": "ban may have 1,000 facts at most: record what goes on as another item",
                    "pointer": "#/events/0/item",
                }
            ],
        },
    ),
    ProblemKind(
        "bad-query",
        422,
        "The query is not as documented",
        "A parameter is unknown, repeated or has a value it cannot have; `errors` lists every fault.",
        {
            "detail": "1 fault.",
            "errors": [{"detail": "must be at most 1000, not 2000", "parameter": "limit"}],
        },
    ),
    ProblemKind(
        "idempotency-key-reused",
        422,
        "The key belongs to another request",
        "A request with this Idempotency-Key is recorded already, and it was another one: another operation, path or "
        "content. `ids` are its events.",
        {
            "detail": "A request with this Idempotency-Key and other content is recorded; nothing was stored.",
            "ids": ["0196b6f0-1111-7000-8000-000000000000"],
        },
    ),
    ProblemKind(
        "rate-limited",
        429,
        "The client asks too much",
        "The client has sent as many requests as one may, or follows as often, or has as many connections; the header "
        "Retry-After says when to try again.",
        {"detail": "A client may ask 6000 times in 60 seconds."},
    ),
    ProblemKind(
        "head-too-large",
        431,
        "The head is too large",
        "The header fields have more bytes, or are more, than the service takes; the connection is closed.",
        {"detail": "A head may have 65536 bytes."},
    ),
    ProblemKind("internal", 500, "Internal error", "The service failed; its log says why.", {}),
    ProblemKind(
        "not-implemented",
        501,
        "Not implemented",
        "HTTP has no such method, or the service does not know it; the connection is closed.",
        {"detail": "HTTP has no such method."},
    ),
    ProblemKind(
        "unavailable",
        503,
        "Unavailable",
        "The service cannot answer now; the header Retry-After says when to try again.",
        {"detail": "The ledger cannot answer now; try again."},
    ),
)
"""Every kind of problem by name, in the order of status."""
