"""Fields that many structs have, written once: each is a component of its own, named after the struct that declares it.

Without this the document says the same of a field in every type of event, and is more than twice as long.
"""

from __future__ import annotations

import re
from collections import defaultdict
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

Schema = dict[str, Any]

_REF = "#/components/schemas/{name}"
LEAST = 3
"""A field that fewer structs have is written where it is."""
LONG = 90
"""A field of a shorter text, in bytes, is written where it is."""


def shared(
    components: Mapping[str, Schema], declared_in: Mapping[tuple[str, str], str], taken: Collection[str]
) -> dict[str, Schema]:
    """Return the components with the fields that many of them have as components of their own.

    `declared_in` is the class that declares each field, by component and field; `taken` are names of other components.
    """
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, schema in components.items():
        for field, part in schema.get("properties", {}).items():
            text = msgspec.json.encode(part, order="sorted").decode()
            if len(text) >= LONG and "const" not in part:
                found[field, text].append(name)
    written = {name: {**schema} for name, schema in components.items()}
    for (field, _), names in sorted(found.items(), key=lambda each: (-len(each[1]), each[0])):
        own = _name(field, {declared_in.get((name, field), name) for name in names})
        if len(names) < LEAST or own in written or own in taken:
            continue
        written[own] = _alone(components[names[0]]["properties"][field])
        for name in names:
            written[name]["properties"] = written[name]["properties"] | {field: {"$ref": _REF.format(name=own)}}
    return dict(sorted(written.items()))


def _name(field: str, owners: set[str]) -> str:
    """Return the name of a field: after the words that the names of all structs that declare it begin with."""
    words = zip(*(re.findall("[A-Z][a-z]*", each) for each in owners), strict=False)
    common = [each[0] for each in takewhile(lambda each: len(set(each)) == 1, words)]
    return "".join([*common, *(word[:1].upper() + word[1:] for word in field.split("_"))])


def _alone(part: Schema) -> Schema:
    """Return the schema of a field as a component; a reference with a text beside it is one part of a whole."""
    if "$ref" not in part:
        return part
    return {**{key: value for key, value in part.items() if key != "$ref"}, "allOf": [{"$ref": part["$ref"]}]}
