"""Write the OpenAPI document again as openapi-generator understands it: `references.py FROM TO`.

Its OpenAPI 3.1 is a beta. A component that only refers to another, with a text of its own, becomes `interface{}` in Go,
and so does a text that may be null where it is a reference. Here each use of such a component refers to the other one,
and such a text is written where it may be null.
"""

# ruff: noqa: INP001 - a script

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, cast

Schema = dict[str, Any]
NULL = {"type": "null"}


class References:
    """The components of a document, by which its references are written again."""

    def __init__(self, schemas: dict[str, Schema]) -> None:
        """Find the components that only refer to another one."""
        self._schemas = schemas
        self.aliases = {
            name: {"$ref": schema["allOf"][0]["$ref"], "description": schema.get("description", "")}
            for name, schema in schemas.items()
            if len(schema.get("allOf", ())) == 1 and schema.keys() <= {"allOf", "description", "examples"}
        }

    def written(self, part: Any) -> Any:  # noqa: ANN401 - any JSON
        """Return a part of the document with its references written again."""
        if isinstance(part, list):
            return [self.written(each) for each in part]
        if not isinstance(part, dict):
            return part
        schema = {name: self.written(each) for name, each in part.items()}
        if (alias := self.aliases.get(_name(schema))) is not None:
            schema = alias | {name: each for name, each in schema.items() if name != "$ref"}
        if NULL in schema.get("anyOf", ()):
            schema["anyOf"] = [self._text(each) for each in schema["anyOf"]]
        return schema

    def _text(self, part: Schema) -> Schema:
        """Return the text that a schema refers to, else the schema."""
        referred = self._schemas.get(_name(part), {})
        if referred.get("type") != "string" or "enum" in referred:
            return part
        return {name: each for name, each in referred.items() if name not in {"description", "examples"}}


def _name(schema: Schema) -> str:
    """Return the name of the component that a schema refers to."""
    return cast("str", schema.get("$ref", "")).removeprefix("#/components/schemas/")


def main(source: str, target: str) -> None:
    """Read one document, and write the other."""
    document = json.loads(Path(source).read_bytes())
    schemas = document["components"]["schemas"]
    references = References(schemas)
    document["components"]["schemas"] = {
        name: schema for name, schema in schemas.items() if name not in references.aliases
    }
    Path(target).write_text(json.dumps(references.written(document)))


if __name__ == "__main__":
    main(*sys.argv[1:])
