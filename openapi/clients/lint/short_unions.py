"""Write the OpenAPI document with short unions, for linters that write out every reference: `short_unions.py IN OUT`.

Spectral looks at the document with each reference replaced by what it leads to. With 85 types of events in each of many
places that takes minutes and gigabytes. Here a union keeps its first two members, its last, and those that examples are
of; every schema stays, and is looked at on its own.
"""

# ruff: noqa: INP001 - a script
from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def nodes(node: object) -> Iterator[dict[str, Any]]:
    """Return every object in a document."""
    if isinstance(node, dict):
        yield node
    for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from nodes(part)


def tags_of(document: object) -> set[str]:
    """Return the types and kinds of what the examples of a document show."""
    examples = [each[key] for each in nodes(document) for key in ("example", "examples") if key in each]
    found = [part.get(tag) for part in nodes(examples) for tag in ("type", "kind")]
    return {each for each in found if isinstance(each, str)}


def shorten(union: dict[str, Any], shown: set[str]) -> None:
    """Leave out of a union what no example shows, but for its first two members and its last."""
    mapping = union["discriminator"]["mapping"]
    values = list(mapping)
    kept = {value: mapping[value] for value in values if value in {*values[:2], values[-1], *shown}}
    union["discriminator"]["mapping"] = kept
    union["oneOf"] = [{"$ref": ref} for ref in kept.values()]


def main(source: str, target: str) -> None:
    """Read the document at `source`, and write the short one to `target`."""
    document = json.loads(Path(source).read_bytes())
    shown = tags_of(document)
    for union in [each for each in nodes(document) if isinstance(each.get("discriminator"), dict)]:
        shorten(union, shown)
    Path(target).write_text(json.dumps(document, indent=2))


if __name__ == "__main__":
    main(*sys.argv[1:])
