"""The header Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): a write with a key is recorded once."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING

from service.api.http.problems import BadRequest
from service.api.http.requests import encode
from service.eventlog.request_keys import RequestKey

if TYPE_CHECKING:
    from litestar import Response
    from msgspec import Struct

    from service.api.http.requests import AnyRequest, Handler

HEADER = "Idempotency-Key"
_NAME = HEADER.lower().encode()
WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
KEY_MAX = 255
KEY = rf'"(?:[ !#-\[\]-~]|\\["\\]){{1,{KEY_MAX}}}"|[!#-~](?:[ -~]{{0,{KEY_MAX - 2}}}[!-~])?'
"""A key, as a string that RFC 8941, 3.3.3 quotes, or as it is."""


def key_of(request: AnyRequest, sent: Struct) -> RequestKey | None:
    """Return the key of a request beside the digest of what is asked; None without the header.

    `sent` is the decoded body, or the decoded query of a request without a body. Raises BadRequest for no key.
    """
    given = [value.decode("latin-1") for name, value in request.scope["headers"] if name == _NAME]
    if not given:
        return None
    content = b"\n".join([request.method.encode(), request.scope["path"].encode(errors="replace"), encode(sent)])
    return RequestKey(sha256(_read(given)).digest(), sha256(content).digest())


def _read(given: list[str]) -> bytes:
    """Read a key, written as a quoted string or as it is."""
    written = given[0].strip()
    if len(given) > 1 or not re.fullmatch(KEY, written):
        detail = f"{HEADER} holds one key: 1 to {KEY_MAX} printable ASCII characters, between quotes or without them."
        raise BadRequest(detail)
    key = re.sub(r"\\(.)", r"\1", written[1:-1]) if written.startswith('"') else written
    return key.encode()


def keyless(perform: Handler) -> Handler:
    """Make a handler that refuses a key, for a write that would pay no attention to it."""

    async def handle(request: AnyRequest) -> Response[bytes]:
        if HEADER in request.headers:
            detail = f"{request.method} takes no {HEADER} here: only what records events does."
            raise BadRequest(detail)
        return await perform(request)

    return handle
