"""The reader's key: from the header of the request, or from a cookie that the page has set.

The cookie is HttpOnly and SameSite=Strict: no script reads it, and no other site sends it. A write that another site's
page sends is refused before it comes here (service/edge/gate.py).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.api.http.requests import AnyRequest

COOKIE = "parley_key"
_FORM = re.compile(r"[\x21-\x3a\x3c-\x7e]{1,8000}", re.ASCII)
"""What a key can be made of: no space, and nothing that ends a cookie."""


def authorized(request: AnyRequest) -> list[tuple[bytes, bytes]]:
    """Return the header Authorization that goes with a request in process: none without a key."""
    sent = [(name, value) for name, value in request.scope["headers"] if name == b"authorization"]
    if sent:
        return sent
    key = request.cookies.get(COOKIE)
    return [(b"authorization", f"Bearer {key}".encode())] if key and is_key(key) else []


def has_key(request: AnyRequest) -> bool:
    """Return whether the reader has entered a key."""
    return bool(request.cookies.get(COOKIE))


def is_key(text: str) -> bool:
    """Return whether a text can be a key."""
    return _FORM.fullmatch(text) is not None


def set_cookie(key: str, *, secure: bool) -> str:
    """Return the header that keeps a key until the browser is closed; "" forgets it."""
    ending = "" if key else "; Max-Age=0"
    return f"{COOKIE}={key}; Path=/; HttpOnly; SameSite=Strict{'; Secure' if secure else ''}{ending}"
