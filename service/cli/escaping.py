"""Control characters in texts: they are written out, so that what a source or a server sends cannot move the cursor."""

from __future__ import annotations

import re
from typing import Any

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]")


def escaped(text: str) -> str:
    r"""Return a text with its control characters, and those that turn the direction of writing, written as \u001b."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def cleaned(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return a decoded answer with all its texts escaped."""
    match value:
        case str():
            return escaped(value)
        case list():
            return [cleaned(each) for each in value]
        case dict():
            return {escaped(name): cleaned(each) for name, each in value.items()}
        case _:
            return value
