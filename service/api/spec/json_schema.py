"""JSON Schemas (2020-12, the dialect of OpenAPI 3.1) of the types on the wire, made fit for readers and generators.

`msgspec.json.schema_components` writes them. Then unions, codes and other repeated types get a name, the tag of a
struct a `const` with a default, and patterns the syntax of ECMA 262; an optional field of a request loses its `null`.
A field is described by the docstring under it in the source, which is read when the document is written.
"""

from __future__ import annotations

import ast
import sys
from functools import cache
from inspect import cleandoc
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import inspect

from service.api.spec.recorded_shapes import AnyRecorded
from service.domain.vocabulary import codes
from service.domain.vocabulary.events import AnyEvent, AnyFact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import ModuleType

Schema = dict[str, Any]

_REF = "#/components/schemas/{name}"
PARTY_TEXT = (
    "A country by its ISO 3166-1 alpha-2 code, or XK; a bloc (EU, EAEU, EFTA, ASEAN, GCC, MERCOSUR, SACU), which "
    "stands for its members on the day; UN or WTO."
)
TAG_TEXT = "The type of the event: its kind and its change. It decides which other fields the event has."


UNIONS: dict[str, tuple[Any, str]] = {
    "ParleyEvent": (AnyEvent, "An event of any type: a fact or a record. `type` decides which other fields it has."),
    "FactEvent": (AnyFact, "A fact: an event of any type but `record.*`."),
    "RecordedEvent": (AnyRecorded, "A recorded event of any type, with its position."),
}
"""Unions of tagged structs that have a name, with their description."""

NAMED: dict[str, tuple[Any, Schema]] = {
    "Party": (codes.Party, {"description": PARTY_TEXT, "examples": ["CN"]}),
    "Element": (codes.Element, {"description": "A chemical element by its symbol (IUPAC).", "examples": ["Dy"]}),
    "Slug": (codes.Slug, {}),
    "EdtfDate": (codes.Edtf, {}),
    "HsCode": (codes.Hs, {}),
    "Eccn": (codes.Eccn, {}),
    "LegalReference": (codes.LegalReference, {}),
}
"""Types that many fields share and that have a name, with what their schema also says."""


class Schemas:
    """The schemas of some types: `of` one of them, and all the `components` that they refer to."""

    def __init__(self, shapes: Iterable[Any]) -> None:
        """Build the schemas of every type, and of the named ones; ValueError when two structs share a name."""
        # In one go: each call to msgspec looks at every struct again, 0.2 s where events are among them.
        known = [*shapes, *(shape for shape, _ in UNIONS.values())]
        schemas, raw = msgspec.json.schema_components(known, ref_template=_REF)
        self._raw: dict[Any, Schema] = dict(zip(known, schemas, strict=True))
        self._named = {name: _only(shape) for name, (shape, _) in NAMED.items()}
        self._unions = {_refs(self._raw[shape]): name for name, (shape, _) in UNIONS.items()}
        structs = _structs(known)
        components = {name: self._struct(schema, structs.get(name)) for name, schema in raw.items()}
        components |= {name: self._union(name) for name in UNIONS}
        components |= {name: {"title": name, **_typed(self._named[name]), **NAMED[name][1]} for name in NAMED}
        self.components = dict(sorted(components.items()))

    def of(self, shape: Any, *, optional: bool = False) -> Schema:  # noqa: ANN401 - any type that msgspec decodes
        """Return the schema of one of the types; `optional` takes away the `null` of a field that may be left out."""
        return self._polish(self._raw.get(shape) or _only(shape), optional=optional)

    def _union(self, name: str) -> Schema:
        shape, description = UNIONS[name]
        schema = self._raw[shape]
        mapping = schema["discriminator"]["mapping"]
        return {
            "title": name,
            "description": description,
            "oneOf": [{"$ref": ref} for ref in mapping.values()],
            "discriminator": {"propertyName": schema["discriminator"]["propertyName"], "mapping": mapping},
        }

    def _struct(self, schema: Schema, struct: inspect.StructType | None) -> Schema:
        """Polish the schema of a struct; a field is optional where it is left out when it is None."""
        config = struct.cls.__struct_config__ if struct else None
        omits = config is not None and (config.omit_defaults or config.forbid_unknown_fields)
        polished = self._polish({key: value for key, value in schema.items() if key != "properties"})
        if "properties" in schema:
            polished["properties"] = {
                name: self._property(name, field, struct, optional=omits)
                for name, field in schema["properties"].items()
            }
        return {key: polished[key] for key in schema if polished[key] != []}

    def _property(self, name: str, field: Schema, struct: inspect.StructType | None, *, optional: bool) -> Schema:
        if struct is None:
            return self._polish(field, optional=optional)
        if name == struct.tag_field:
            return {"description": TAG_TEXT, **_tag(field)}
        attribute = next((each.name for each in struct.fields if each.encode_name == name), name)
        text = field_text(struct.cls, attribute)
        return self._polish(field, optional=optional) | ({"description": text} if text else {})

    def _polish(self, schema: Schema, *, optional: bool = False) -> Schema:
        schema = _without_null(schema) if optional else dict(schema)
        if name := self._name(schema):
            kept = {key: value for key, value in schema.items() if key in {"default", "description"}}
            return {"$ref": _REF.format(name=name), **_new(kept, self._named.get(name, {}))}
        schema = _typed(_merged_numbers(schema))
        for key in schema.keys() & {"items", "additionalProperties"}:
            if isinstance(schema[key], dict):
                schema[key] = self._polish(schema[key])
        if "propertyNames" in schema:
            schema["propertyNames"] = self._polish({"type": "string", **schema["propertyNames"]})
        for key in schema.keys() & {"anyOf", "oneOf", "prefixItems"}:
            schema[key] = [self._polish(part) for part in schema[key]]
        return schema

    def _name(self, schema: Schema) -> str | None:
        if refs := _refs(schema):
            return self._unions.get(refs)
        said = {key: value for key, value in schema.items() if key != "default"}
        bare = {key: value for key, value in said.items() if key != "description"}
        for name, named in self._named.items():
            if said == named or bare == {key: value for key, value in named.items() if key != "description"}:
                return name
        return None


def field_text(struct: type[msgspec.Struct], name: str) -> str:
    """Return the docstring under a field of a struct, or of a base that has one; "" without one.

    A struct may name another in `described_by`, whose fields it repeats.
    """
    for base in (*struct.__mro__, *getattr(struct, "described_by", object).__mro__):
        if text := _field_texts(base).get(name):
            return text
    return ""


@cache
def _field_texts(struct: type) -> dict[str, str]:
    """Read the docstrings under the fields of one class from its source. A class made at run time has none."""
    module = sys.modules.get(struct.__module__)
    bodies = [each.body for each in _classes(module) if each.name == struct.__name__] if module else []
    pairs = [(one, other) for body in bodies for one, other in pairwise(body)]
    return {
        one.target.id: cleandoc(other.value.value).replace("\n", " ")
        for one, other in pairs
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
        if isinstance(other, ast.Expr) and isinstance(other.value, ast.Constant) and isinstance(other.value.value, str)
    }


@cache
def _classes(module: ModuleType) -> list[ast.ClassDef]:
    file = getattr(module, "__file__", None) or ""
    tree = ast.parse(Path(file).read_text()) if file.endswith(".py") else ast.Module([], [])
    return [node for node in tree.body if isinstance(node, ast.ClassDef)]


def _only(shape: Any) -> Schema:  # noqa: ANN401
    (schema,), _ = msgspec.json.schema_components([shape], ref_template=_REF)
    return schema


def _refs(schema: Schema) -> frozenset[str]:
    """Return what a union of tagged structs refers to; nothing for any other schema."""
    mapping = schema.get("discriminator", {}).get("mapping", {})
    return frozenset(mapping.values())


def _new(kept: Schema, named: Schema) -> Schema:
    return {key: value for key, value in kept.items() if named.get(key) != value}


def _tag(schema: Schema) -> Schema:
    (value,) = schema["enum"]
    return {"type": "string", "const": value, "default": value}


def _without_null(schema: Schema) -> Schema:
    """Take the null out of an optional field, and what is left up one level."""
    schema = dict(schema)
    if schema.get("default", ...) is None:
        del schema["default"]
    if {"type": "null"} not in schema.get("anyOf", ()):
        return schema
    rest = [part for part in schema.pop("anyOf") if part != {"type": "null"}]
    return {**rest[0], **schema} if len(rest) == 1 else {**schema, "anyOf": rest}


def _merged_numbers(schema: Schema) -> Schema:
    """Write `number` for an integer or a number within the same bounds."""
    parts = schema.get("anyOf", [])
    numbers = [part for part in parts if part.get("type") in {"integer", "number"}]
    if len(numbers) < 2 or len({str({**part, "type": ""}) for part in numbers}) > 1:  # noqa: PLR2004 - a pair
        return schema
    rest = [part for part in parts if part not in numbers]
    number = {**numbers[0], "type": "number"}
    if rest:
        return {**schema, "anyOf": [number, *rest]}
    return {**number, **{key: value for key, value in schema.items() if key != "anyOf"}}


def _typed(schema: Schema) -> Schema:
    r"""Return an enumeration its type, and end a pattern by $: the \Z of Python is none in ECMA 262."""
    schema = dict(schema)
    if "enum" in schema and all(isinstance(value, str) for value in schema["enum"]):
        schema = {
            **{key: value for key, value in schema.items() if key != "enum"},
            "type": "string",
            "enum": schema["enum"],
        }
    if "pattern" in schema:
        schema["pattern"] = schema["pattern"].replace(r"\Z", "$")
    return schema


def _structs(shapes: Iterable[Any]) -> dict[str, inspect.StructType]:
    found: dict[str, inspect.StructType] = {}
    for struct in _walk(inspect.multi_type_info(list(shapes)), set()):
        name = struct.cls.__name__
        if name in found and found[name].cls is not struct.cls:
            msg = f"two structs are called {name}"
            raise ValueError(msg)
        found[name] = struct
    return found


def _walk(types: Iterable[inspect.Type], seen: set[type]) -> Iterator[inspect.StructType]:
    for info in types:
        if isinstance(info, inspect.StructType):
            if info.cls not in seen:
                seen.add(info.cls)
                yield info
                yield from _walk([field.type for field in info.fields], seen)
        else:
            yield from _walk(_parts(info), seen)


def _parts(info: inspect.Type) -> Iterable[inspect.Type]:
    match info:
        case inspect.Metadata():
            return (info.type,)
        case inspect.UnionType():
            return info.types
        case inspect.TupleType():
            return info.item_types
        case inspect.DictType():
            return info.key_type, info.value_type
        case inspect.ListType() | inspect.VarTupleType() | inspect.SetType() | inspect.FrozenSetType():
            return (info.item_type,)
        case _:
            return ()
