"""What a client made from one OpenAPI document loses with another: `breaking(old, new)` names each change.

Additions are none: new operations, optional parameters and members, types of events, values in answers. Names of
components are not compared; what is sent and answered is. `python -m tests.contract.breaking` notes the document of a
release, with which later ones are compared.
"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

Schema = dict[str, Any]

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "openapi" / "openapi.json"
RELEASED = Path(__file__).parent / "released.json.gz"
LOWER = ("minLength", "minItems", "minimum", "exclusiveMinimum")
UPPER = ("maxLength", "maxItems", "maximum")


def breaking(old: Schema, new: Schema) -> list[str]:
    """Return the changes from one document to another that break clients, each in words, with where it is."""
    return list(dict.fromkeys(_Comparison(old, new).changes()))


class _Comparison:
    """Two documents. A pair of components is compared once for requests and once for answers, where it first stands."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self._old, self._new = old, new
        self._done: set[tuple[str, str, bool]] = set()

    def changes(self) -> Iterator[str]:
        """Return the breaks in the order of the paths; some more than once."""
        for path, item in self._old["paths"].items():
            for method, old in item.items():
                where, new = f"{method.upper()} {path}", self._new["paths"].get(path, {}).get(method)
                if new is None:
                    yield f"{where} is gone"
                else:
                    yield from self._operation(old, new, where)

    def _operation(self, old: Schema, new: Schema, where: str) -> Iterator[str]:
        before, after = _parameters(self._old, old), _parameters(self._new, new)
        for key in before | after:
            place = f"{where}: parameter {key[1]}"
            if key not in after:
                yield f"{place} is gone"
            elif after[key]["required"] and not (key in before and before[key]["required"]):
                yield f"{place} is required now"
            elif key in before:
                yield from self._schema(before[key]["schema"], after[key]["schema"], place, sent=True)
        yield from self._forms(old.get("requestBody", {}), new.get("requestBody", {}), f"{where}: body", sent=True)
        for status, response in old["responses"].items():
            place = f"{where}: {status}"
            if status not in new["responses"]:
                yield f"{place} is gone"
            else:
                ours, theirs = _resolved(self._old, response), _resolved(self._new, new["responses"][status])
                yield from self._forms(ours, theirs, place, sent=False)

    def _forms(self, old: Schema, new: Schema, where: str, *, sent: bool) -> Iterator[str]:
        for form, media in old.get("content", {}).items():
            if form not in new.get("content", {}):
                yield f"{where} is no longer {form}"
            else:
                yield from self._schema(media["schema"], new["content"][form]["schema"], where, sent=sent)

    def _schema(self, old: Schema, new: Schema, where: str, *, sent: bool) -> Iterator[str]:
        pair = (old.get("$ref", ""), new.get("$ref", ""), sent)
        if pair in self._done:
            return
        if all(pair[:2]):
            self._done.add(pair)
        old, new = _resolved(self._old, old), _resolved(self._new, new)
        yield from _value(old, new, where, sent=sent)
        yield from self._union(old, new, where, sent=sent)
        yield from self._members(old, new, where, sent=sent)
        for key in ("items", "additionalProperties"):
            if isinstance(old.get(key), dict) and isinstance(new.get(key), dict):
                yield from self._schema(old[key], new[key], f"{where}[]", sent=sent)

    def _members(self, old: Schema, new: Schema, where: str, *, sent: bool) -> Iterator[str]:
        ours, theirs = old.get("properties", {}), new.get("properties", {})
        for name, part in ours.items():
            if name not in theirs:
                yield f"{where}.{name} is gone"
            else:
                yield from self._schema(part, theirs[name], f"{where}.{name}", sent=sent)
        before, after = set(old.get("required", ())), set(new.get("required", ()))
        lost = after - before if sent else (before - after) & theirs.keys()
        yield from (f"{where}.{name} is {'required' if sent else 'optional'} now" for name in sorted(lost))

    def _union(self, old: Schema, new: Schema, where: str, *, sent: bool) -> Iterator[str]:
        ours, theirs = self._variants(self._old, old), self._variants(self._new, new)
        for name, part in ours.items():
            if name not in theirs and (name != "null" or sent):
                yield f"{where} is no longer {name}"
            elif name in theirs:
                yield from self._schema(part, theirs[name], f"{where}({name})" if name else where, sent=sent)
        if not sent and ours and "null" in theirs and "null" not in ours:
            yield f"{where} may be null now"

    def _variants(self, document: Schema, schema: Schema) -> dict[str, Schema]:
        """Return the members of a union by the value of their discriminator, or by their type or name."""
        if "discriminator" in schema:
            return {value: {"$ref": ref} for value, ref in schema["discriminator"]["mapping"].items()}
        parts = [*schema.get("oneOf", ()), *schema.get("anyOf", ())]
        found = {}
        for part in parts:
            kind = str(_resolved(document, part).get("type", ""))
            found["" if kind not in {"null", ""} and len(parts) <= 2 else part.get("$ref", kind)] = part
        return found


def _value(old: Schema, new: Schema, where: str, *, sent: bool) -> Iterator[str]:
    """Compare what a single value may be."""
    types = (old.get("type"), new.get("type"))
    wider = ("integer", "number") if sent else ("number", "integer")
    if None not in types and types[0] != types[1] and types != wider:
        yield f"{where} is {types[1]} in place of {types[0]}"
    if not sent:
        return
    lost = sorted(_values(old) - _values(new)) if _values(new) else ["any other value"] if _values(old) else []
    if _values(new) and (not _values(old) or lost):
        yield f"{where} may no longer be {', '.join(map(str, lost)) or 'any text'}"
    for key in (*LOWER, *UPPER):
        was, bound = old.get(key), new.get(key)
        if bound is not None and (was is None or (bound > was if key in LOWER else bound < was)):
            yield f"{where} has {key} {bound} in place of {was}"
    if new.get("pattern") not in {None, old.get("pattern")}:
        yield f"{where} has another pattern"


def _values(schema: Schema) -> set[Any]:
    return set(schema.get("enum", ())) | ({schema["const"]} if "const" in schema else set())


def _parameters(document: Schema, operation: Schema) -> dict[tuple[str, str], Schema]:
    found = [_resolved(document, each) for each in operation.get("parameters", ())]
    return {(each["in"], each["name"]): each for each in found}


def _resolved(document: Schema, node: Schema) -> Schema:
    """Return what a reference leads to, with what stands beside it."""
    while "$ref" in node or len(node.get("allOf", ())) == 1:
        ref, rest = node.get("$ref"), {key: part for key, part in node.items() if key not in {"$ref", "allOf"}}
        if ref is None:
            target = node["allOf"][0]
        else:
            target = document
            for step in ref.removeprefix("#/").split("/"):
                target = target[step]
        node = {**target, **rest}
    return node


def released() -> Schema:
    """Return the document of the last release."""
    document: Schema = msgspec.json.decode(gzip.decompress(RELEASED.read_bytes()))
    return document


if __name__ == "__main__":
    RELEASED.write_bytes(gzip.compress(msgspec.json.format(DOCUMENT.read_bytes(), indent=-1), mtime=0))
