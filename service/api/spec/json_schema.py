"""JSON Schemas (2020-12, the dialect of OpenAPI 3.1) of the types on the wire, made fit for readers and generators.

`msgspec.json.schema_components` writes them. Then unions, codes, enumerations and repeated fields get a name, the tag
of a struct a `const`, and patterns the syntax of ECMA 262; an optional field of a request loses its `null`, every field
its default. A field is described by the docstring under it in the source, which is read when the document is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import inspect

from service.api.spec.field_text import described_in
from service.api.spec.named_types import BESIDE, BY_KIND, EXACT, NAMED, NO_NUL, NO_SPACE, TAG_TEXT, UNIONS
from service.api.spec.schema_rules import member_ruled, ruled
from service.api.spec.shared_fields import shared

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Schema = dict[str, Any]

_REF = "#/components/schemas/{name}"


class Schemas:
    """The schemas of some types: `of` one of them, and all the `components` that they refer to."""

    def __init__(self, shapes: Iterable[Any]) -> None:
        """Build the schemas of every type, and of the named ones; ValueError when two structs share a name."""
        # In one go: each call to msgspec looks at every struct again, 0.2 s where events are among them.
        members = [struct for structs, _ in BY_KIND.values() for struct in structs.values()]
        known = [*shapes, *(shape for shape, _ in UNIONS.values()), *members]
        schemas, raw = msgspec.json.schema_components(known, ref_template=_REF)
        self._raw: dict[Any, Schema] = dict(zip(known, schemas, strict=True))
        self._named = {name: _only(shape) for name, (shape, _) in NAMED.items()}
        self._unions = {_refs(self._raw[shape]): name for name, (shape, _) in UNIONS.items()}
        self._declared_in: dict[tuple[str, str], str] = {}
        structs = _structs(known)
        components = {name: self._struct(name, schema, structs.get(name)) for name, schema in raw.items()}
        taken = {*UNIONS, *NAMED, *(each.__name__ for each in BY_KIND)}
        components = shared(components, self._declared_in, taken)
        components |= {name: self._union(name) for name in UNIONS}
        components |= {each.__name__: _by_kind(*named) for each, named in BY_KIND.items()}
        for name, union in BESIDE.items():
            if name in components:
                components[name] |= {key: components[union][key] for key in ("oneOf", "discriminator")}
        components |= {name: {**_typed(self._named[name]), **NAMED[name][1]} for name in NAMED}
        self.components = dict(sorted(components.items()))

    def of(self, shape: Any, *, optional: bool = False) -> Schema:  # noqa: ANN401 - any type that msgspec decodes
        """Return the schema of one of the types; `optional` takes away the `null` of a field that may be left out."""
        return self._polish(self._raw.get(shape) or _only(shape), optional=optional)

    def _union(self, name: str) -> Schema:
        shape, description = UNIONS[name]
        found = self._raw[shape]["discriminator"]
        return _discriminated(description, found["propertyName"], found["mapping"])

    def _struct(self, name: str, schema: Schema, struct: inspect.StructType | None) -> Schema:
        """Polish the schema of a struct; a field is optional where it is left out when it is None."""
        config = struct.cls.__struct_config__ if struct else None
        omits = config is not None and (config.omit_defaults or config.forbid_unknown_fields)
        polished = self._polish({key: value for key, value in schema.items() if key not in {"properties", "title"}})
        if "properties" in schema:
            polished["properties"] = {
                field: self._property((name, field), part, struct, optional=omits)
                for field, part in schema["properties"].items()
            }
        polished = {key: polished[key] for key in schema if polished.get(key, []) != []}
        if config is not None and config.forbid_unknown_fields and struct is not None:
            return ruled(polished, struct.cls)
        return polished

    def _property(
        self, place: tuple[str, str], field: Schema, struct: inspect.StructType | None, *, optional: bool
    ) -> Schema:
        if struct is None:
            return self._polish(field, optional=optional)
        name = place[1]
        if name == struct.tag_field:
            return {"description": TAG_TEXT, **_typed(field)}
        attribute = next((each.name for each in struct.fields if each.encode_name == name), name)
        text, self._declared_in[place] = described_in(struct.cls, attribute)
        polished = member_ruled(self._polish(field, optional=optional), struct.cls, attribute)
        return polished | ({"description": text} if text else {})

    def _polish(self, schema: Schema, *, optional: bool = False) -> Schema:
        schema = _without_null(schema) if optional else dict(schema)
        if name := self._name(schema):
            text = schema.get("description")
            own = {"description": text} if text and text != self._named.get(name, {}).get("description") else {}
            return {"$ref": _REF.format(name=name), **own}
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
        bare = _bare(schema)
        return next((name for name, named in self._named.items() if bare == _bare(named)), None)


def _only(shape: Any) -> Schema:  # noqa: ANN401
    (schema,), _ = msgspec.json.schema_components([shape], ref_template=_REF)
    return schema


def _refs(schema: Schema) -> frozenset[str]:
    """Return what a union of tagged structs refers to; nothing for any other schema."""
    mapping = schema.get("discriminator", {}).get("mapping", {})
    return frozenset(mapping.values())


def _bare(schema: Schema) -> Schema:
    return {key: value for key, value in schema.items() if key not in {"default", "description", "title"}}


def _by_kind(structs: Mapping[str, type[msgspec.Struct]], description: str) -> Schema:
    mapping = {kind: _REF.format(name=struct.__name__) for kind, struct in structs.items()}
    return _discriminated(description, "kind", mapping)


def _discriminated(description: str, name: str, mapping: Mapping[str, str]) -> Schema:
    """Return a union of structs of which a member says which it is."""
    return {
        "description": description,
        "oneOf": [{"$ref": ref} for ref in mapping.values()],
        "discriminator": {"propertyName": name, "mapping": mapping},
    }


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
    if len(numbers) < 2 or any({**part, "type": ""} != {**numbers[0], "type": ""} for part in numbers):  # noqa: PLR2004 - a pair
        return schema
    rest = [part for part in parts if part not in numbers]
    number = {**numbers[0], "type": "number"}
    if rest:
        return {**schema, "anyOf": [number, *rest]}
    return {**number, **{key: value for key, value in schema.items() if key != "anyOf"}}


def _typed(schema: Schema) -> Schema:
    r"""Finish a schema: an enumeration has its type, and is a constant where it has one value; there is no default.

    A pattern ends by $, as the \Z of Python is none in ECMA 262, and its spaces are those of Python. A text without a
    pattern holds no NUL.
    """
    schema = {key: value for key, value in schema.items() if key != "default"}
    if "enum" in schema and all(isinstance(value, str) for value in schema["enum"]):
        values = schema.pop("enum")
        schema |= {"type": "string", **({"const": values[0]} if len(values) == 1 else {"enum": values})}
    elif "maxLength" in schema:
        schema.setdefault("pattern", NO_NUL)
    if "pattern" in schema:
        written: str = schema["pattern"]
        schema["pattern"] = EXACT.get(written, written).replace(r"\Z", "$").replace(r"[^\s]", NO_SPACE)
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
