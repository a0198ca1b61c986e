"""The headers that requests and answers have, as the document describes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.api.http.idempotency import KEY

if TYPE_CHECKING:
    from service.api.spec.json_schema import Schema

REQUEST_HEADERS: dict[str, tuple[str, Schema]] = {
    "Idempotency-Key": (
        "A key of your own, such as a UUID: a repeat with it is recorded once. 1 to 255 printable ASCII characters.",
        {"minLength": 1, "pattern": f"^(?:{KEY})$", "examples": ['"8e03978e-40d5-43e8-bc93-6894a57f9324"']},
    ),
    "Accept-Datetime": (
        "Answer as it was at this date (RFC 7089): 302 to the frozen URL. Without effect where the query gives K.",
        {"examples": ["Tue, 10 Jun 2025 12:00:00 GMT"]},
    ),
    "If-Match": (
        'What the writer saw: the ETag of an answer, or several, or *; also the version of an issue (`"7"`).',
        {"examples": ['"2025-06-10.128.recorded.878546b7-0"', '"7"']},
    ),
    "If-None-Match": (
        "Entity tags of answers that the client has: 304 when one is still right. With PUT, * alone: only create.",
        {"examples": ['"2025-06-10.128.recorded.878546b7-0"']},
    ),
    "Min-Position": (
        "Wait until the log has reached this position, the `Ledger-Position` of another answer; 503 after 2 seconds.",
        {"pattern": "^[0-9]{1,16}$", "examples": ["128"]},
    ),
    "Last-Event-ID": (
        "The id of the last message received: a position, or a place. The stream goes on after it.",
        {"examples": ["20", "20@2025-06-10T12:00:00.000000Z"]},
    ),
}
"""Request headers by name: description, and what their schema adds to being a string."""

RESPONSE_HEADERS: dict[str, tuple[str, Schema]] = {
    "Accept": ("The media types that are taken.", {"examples": ["application/json, application/*+json"]}),
    "Accept-Encoding": ("The codings that are taken.", {"examples": ["identity"]}),
    "Allow": ("The methods that the path takes.", {"examples": ["GET, OPTIONS"]}),
    "Cache-Control": ("How long the answer may be kept.", {"examples": ["public, max-age=31536000, immutable"]}),
    "ETag": ("The entity tag of the answer.", {"examples": ['"2025-06-10.128.recorded.878546b7-0"']}),
    "Feed-Epoch": ("The epoch of the ledger, as `/readyz` has it.", {"pattern": "^[0-9]+$", "examples": ["0"]}),
    "Feed-Head": ("The last position of the log.", {"pattern": "^[0-9]+$", "examples": ["20"]}),
    "Feed-Ledger": ("The id of the ledger.", {"format": "uuid"}),
    "Feed-Next": ("Pass this as `after` to read on.", {"pattern": "^[0-9]+$", "examples": ["10"]}),
    "Feed-Place": ("The same as a place; see `after`.", {"examples": ["10@2025-06-10T12:00:00.000000Z"]}),
    "Ledger-Position": (
        "Up to which position the answer counts the log; see `Min-Position`.",
        {"pattern": "^[0-9]+$", "examples": ["128"]},
    ),
    "Link": (
        "Links (RFC 8288): `memento`, the frozen URL; `original timegate`, `timemap`, `self`, `next`, `service-desc`.",
        {"examples": ['</v1/issues/rare-earths?as_of=2025-06-10&known_position=128>; rel="memento"']},
    ),
    "Memento-Datetime": (
        "Of a frozen answer as recorded: when its last event was recorded (RFC 7089).",
        {"examples": ["Tue, 10 Jun 2025 12:00:00 GMT"]},
    ),
    "Location": ("Where what was made can be read.", {"format": "uri-reference"}),
    "RateLimit": (
        "How many requests the client may still send now (`r`), and in how many seconds it may send all again (`t`).",
        {"examples": ['"client";r=5999;t=1']},
    ),
    "RateLimit-Policy": (
        "How many requests a client may send (`q`) in a time (`w`, seconds). On 429.",
        {"examples": ['"client";q=6000;w=60']},
    ),
    "Retry-After": ("Seconds to wait before another try.", {"pattern": "^[0-9]+$"}),
    "WWW-Authenticate": ("The key that is needed (RFC 6750).", {"examples": ['Bearer realm="parley"']}),
}
"""Response headers by name: description, and what their schema adds to being a string."""
