"""Values of terms in words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Members = Mapping[str, Any]

BRIEF = 40
"""Characters of a value that are shown where it is one of many."""
LONG = 200
"""Characters of a text that are shown where an item is one of many."""
LISTED = 3
"""Values of a list that are shown where it is one of many."""
_CODE = re.compile("[a-z]+(_[a-z]+)+")


def name_of(term: str) -> str:
    """Return the name of a term as words."""
    return term.replace("_", " ")


def value_of(value: object, most: int | None = None) -> str:
    """Return a value in words, `most` characters of each text and `LISTED` values of a list (None: all)."""
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    match value:
        case str():
            if _CODE.fullmatch(value):
                value = name_of(value)
            return value if most is None or len(value) <= most else f"{value[:most].rstrip()}..."
        case list():
            return _listed(value, most)
        case dict():
            return _of_members(value, most)
        case _:
            return str(value)


def _of_members(value: Members, most: int | None) -> str:
    """Return an object: a good or an entity by its name, what is asked of somebody, others by their members."""
    match value:
        case {"name": str(name), **rest}:
            return f"{value_of(name, most)}{_codes(rest, most)}"
        case {"by": str(by), "action": str(action)}:
            return f"{by}: {value_of(action, most)}"
        case _:
            return ", ".join(f"{name_of(name)} {value_of(each, most)}" for name, each in value.items())


def _codes(rest: Members, most: int | None) -> str:
    """Return the codes and the place of a good, or the country of an entity, in brackets."""
    codes = [f"{name_of(key).upper()} {value_of(rest[key])}" for key in ("hs", "eccn") if key in rest]
    others = [value_of(rest[key], most) for key in ("element", "country", "place") if key in rest]
    return f" ({', '.join([*codes, *others])})" if codes or others else ""


def _listed(values: Sequence[object], most: int | None) -> str:
    shown = values if most is None else values[:LISTED] if len(values) > LISTED + 1 else values
    texts = [value_of(each, most) for each in shown]
    more = len(values) - len(shown)
    return ", ".join(texts) + (f" and {more} more" if more else "") or "none"
