"""The known name that an unknown one was probably meant to be."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

NAME_MAX = 64
"""Characters of a name that is compared: the time that it takes grows with its square."""
_CLOSE = 0.7
"""How alike two names are that are close, from 0 to 1, as difflib counts it."""


def nearest(name: object, known: Collection[str]) -> str | None:
    """Return the known name nearest to a name; None where none is close.

    A type, `kind.change`, is compared by its kind, then by its change, which takes fewer comparisons.
    """
    if not isinstance(name, str) or len(name) > NAME_MAX:
        return None
    kind, dot, change = name.partition(".")
    if not dot:
        return _close(name, known)
    kind = _close(kind, {each.partition(".")[0] for each in known}) or ""
    changes = [each.partition(".")[2] for each in known if each.startswith(f"{kind}.")]
    found = _close(change, changes)
    return found and f"{kind}.{found}"


def hint(name: object, known: Collection[str]) -> str:
    """Return what a message about an unknown name adds: the nearest known one, or nothing."""
    found = nearest(name, known)
    return f"; the nearest is {found}" if found else ""


def _close(name: str, known: Collection[str]) -> str | None:
    return name if name in known else next(iter(get_close_matches(name, known, 1, _CLOSE)), None)
