"""The slow way through a value that the strict decoder refused: every fault, each with its path.

The decoder stops at its first fault. This walk follows the type information of `msgspec.inspect`, asks
`msgspec.convert` about each leaf, and says what is wrong in the reader's words. It does not look into what converts as
a whole.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, Union, cast
from uuid import UUID

import msgspec
from msgspec import Meta, inspect

from service.domain.admit.nearest import hint
from service.domain.errors import Fault
from service.domain.vocabulary.codes import ELEMENTS, PARTIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Path = tuple[str | int, ...]
Array = inspect.ListType | inspect.VarTupleType | inspect.SetType | inspect.FrozenSetType | inspect.CollectionType
_Key = TypeVar("_Key", str, int)


class OutOfRange:
    """A number that no float can hold (`1e999`)."""


_ARRAYS = (inspect.ListType, inspect.VarTupleType, inspect.SetType, inspect.FrozenSetType, inspect.CollectionType)
_CHUNK = 64
_LISTED = 20
"""Values of a closed list that a message shows, at most."""
_CODES = {
    frozenset(PARTIES): "an ISO 3166-1 alpha-2 code, XK, EU or another bloc, UN or WTO",
    frozenset(ELEMENTS): "the symbol of a chemical element",
}
_KINDS = {
    "array": "an array",
    "bool": "a boolean",
    "float": "a number",
    "int": "an integer",
    "null": "null",
    "object": "an object",
    "str": "a string",
    "uuid": "a UUID",
}
_KIND = re.compile(r"Expected `([^`]+)`, got `(\w+)`")
_BOUND = re.compile(r"Expected `(?:int|float)` (<=|>=|<|>) (\S+)")
_RELATIONS = {"<=": "at most", ">=": "at least", "<": "less than", ">": "more than"}
_LENGTH = re.compile(r"Expected `str` of length (<=|>=) (\d+)")


@cache
def info_of(shape: Any) -> inspect.Type:  # noqa: ANN401 - any type that msgspec decodes
    """Return the type information of a type, built once."""
    return inspect.type_info(shape)


def faults_in(value: object, info: inspect.Type, path: Path = ()) -> Iterator[Fault]:
    """Yield each fault of a decoded JSON value against a type, in the order of the value, missing fields last.

    Recursion goes as deep as the type does, not as deep as the value.
    """
    match info:
        case inspect.StructType():
            yield from _struct(value, info, path)
        case inspect.UnionType():
            yield from _union(value, info, path)
        case inspect.DictType():
            yield from _dict(value, info, path)
        case inspect.TupleType():
            yield from _tuple(value, info, path)
        case inspect.Metadata() if _has_parts(info.type):
            yield from faults_in(value, info.type, path)
        case _ if isinstance(info, _ARRAYS):
            yield from _array(value, info, path)
        case _:
            yield from _leaf(value, info, path)


def _has_parts(info: inspect.Type) -> bool:
    parted = (inspect.StructType, inspect.UnionType, inspect.DictType, inspect.TupleType, inspect.Metadata, *_ARRAYS)
    return isinstance(info, parted)


def _struct(value: object, info: inspect.StructType, path: Path) -> Iterator[Fault]:
    if not isinstance(value, dict) or info.array_like:
        yield from _leaf(value, info, path)
        return
    if path and _refusal(value, info) is None:  # the whole has a fault, or nobody would ask
        return
    fields = {field.encode_name: field for field in info.fields}
    for key, item in value.items():
        if key in fields:
            yield from faults_in(item, fields[key].type, (*path, key))
        elif key == info.tag_field:
            yield from _tag(item, info, path)
        elif info.forbid_unknown_fields:
            lacks = f"{info.tag} has no such field" if info.tag else "no such field"
            yield Fault((*path, key), lacks + hint(key, fields))
    for key, field in fields.items():
        if field.required and key not in value:
            yield Fault((*path, key), f"required by {info.tag}, and missing" if info.tag else "required, and missing")


def _tag(value: object, info: inspect.StructType, path: Path) -> Iterator[Fault]:
    if value != info.tag:
        yield Fault((*path, str(info.tag_field)), f"{_shown(value)} is not {info.tag}")


def _union(value: object, info: inspect.UnionType, path: Path) -> Iterator[Fault]:
    if value is None and info.includes_none:
        return
    members = [member for member in info.types if not isinstance(member, inspect.NoneType)]
    structs = [member for member in members if isinstance(member, inspect.StructType) and member.tag_field]
    fitting = [member for member in members if _fits(value, member)]
    if structs and isinstance(value, dict):
        yield from _tagged(value, structs, path)
    elif len(members) == 1 or len(fitting) == 1:
        yield from faults_in(value, (fitting or members)[0], path)
    else:
        yield from _leaf(value, inspect.UnionType(tuple(members)), path)


def _fits(value: object, info: inspect.Type) -> bool:
    """Return whether an object or an array is meant for this member of a union."""
    inner = info.type if isinstance(info, inspect.Metadata) else info
    if isinstance(value, dict):
        return isinstance(inner, inspect.StructType | inspect.DictType)
    return isinstance(value, list) and isinstance(inner, (inspect.TupleType, *_ARRAYS))


def _tagged(value: dict[str, object], structs: list[inspect.StructType], path: Path) -> Iterator[Fault]:
    field = str(structs[0].tag_field)
    if field not in value:
        yield Fault((*path, field), "required, and missing: it says which other fields there are")
        return
    tag = value[field]
    struct = next((struct for struct in structs if type(tag) is type(struct.tag) and tag == struct.tag), None)
    if struct:
        yield from _struct(value, struct, path)
    else:
        known = hint(tag, [str(struct.tag) for struct in structs])
        yield Fault((*path, field), f"{_shown(tag)} is no known {field}{known}")


def _array(value: object, info: Array, path: Path) -> Iterator[Fault]:
    if not isinstance(value, list):
        yield from _leaf(value, info, path)
        return
    yield from _count(len(value), info.min_length, info.max_length, "elements", path)
    # Beyond its limit an array is refused anyway: a million more elements are not worth the time.
    for index, item in _suspects(enumerate(islice(value, info.max_length)), info.item_type):
        yield from faults_in(item, info.item_type, (*path, index))


def _tuple(value: object, info: inspect.TupleType, path: Path) -> Iterator[Fault]:
    if not isinstance(value, list):
        yield from _leaf(value, info, path)
        return
    length = len(info.item_types)
    yield from _count(len(value), length, length, "elements", path)
    for index, (item, item_type) in enumerate(zip(value, info.item_types, strict=False)):
        yield from faults_in(item, item_type, (*path, index))


def _dict(value: object, info: inspect.DictType, path: Path) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield from _leaf(value, info, path)
        return
    yield from _count(len(value), info.min_length, info.max_length, "members", path)
    members = list(islice(value.items(), info.max_length))
    for key, _ in _suspects(((key, key) for key, _ in members), info.key_type):
        yield from faults_in(key, info.key_type, (*path, key))
    for key, item in _suspects(members, info.value_type):
        yield from faults_in(item, info.value_type, (*path, key))


def _suspects(items: Iterable[tuple[_Key, Any]], item_type: inspect.Type) -> Iterator[tuple[_Key, Any]]:
    """Leave out the chunks that convert as a whole: one bad member among 500,000 must not cost seconds."""
    rest = iter(items)
    whole = inspect.ListType(item_type)
    while chunk := list(islice(rest, _CHUNK)):
        if _refusal([item for _, item in chunk], whole) is not None:
            yield from chunk


def _count(found: int, least: int | None, most: int | None, unit: str, path: Path) -> Iterator[Fault]:
    if found < (least or 0):
        yield Fault(path, f"has {found} {unit}, needs at least {least}")
    if most is not None and found > most:
        yield Fault(path, f"has {found} {unit}, may have at most {most}")


def _leaf(value: object, info: inspect.Type, path: Path) -> Iterator[Fault]:
    refusal = _refusal(value, info)
    if refusal is not None:
        yield Fault(path, _say(value, info, refusal))


def _refusal(value: object, info: inspect.Type) -> str | None:
    """Return what msgspec says against a value, or None where it takes it."""
    try:
        msgspec.convert(value, _type(info), strict=True, str_keys=True)
    except msgspec.ValidationError as error:
        return str(error)
    return None


def _type(info: inspect.Type) -> Any:  # noqa: ANN401, C901, PLR0911 - a type expression; one line a kind
    """Return the type again that the information was taken from; Any where it cannot be given."""
    match info:
        case inspect.StructType() | inspect.EnumType():
            return info.cls
        case inspect.Metadata():
            return _type(info.type)
        case inspect.UnionType():
            return Union[tuple(_type(member) for member in info.types)]  # noqa: UP007 - made at run time
        case inspect.LiteralType():
            return _literal(tuple(info.values))
        case inspect.StrType():
            return Annotated[str, Meta(min_length=info.min_length, max_length=info.max_length, pattern=info.pattern)]
        case inspect.IntType() | inspect.FloatType():
            number = int if isinstance(info, inspect.IntType) else float
            return Annotated[number, _bounds(info)]
        case inspect.BoolType() | inspect.NoneType() | inspect.UUIDType():
            return {inspect.BoolType: bool, inspect.NoneType: None, inspect.UUIDType: UUID}[type(info)]
        case inspect.TupleType():
            return tuple.__class_getitem__(tuple(map(_type, info.item_types)))
        case inspect.DictType():
            return Annotated[
                dict[_type(info.key_type), _type(info.value_type)],  # type: ignore[misc]
                Meta(min_length=info.min_length, max_length=info.max_length),
            ]
        case _ if isinstance(info, _ARRAYS):
            return Annotated[list[_type(info.item_type)], Meta(min_length=info.min_length, max_length=info.max_length)]  # type: ignore[misc]
        case _:
            return Any


def _bounds(info: inspect.IntType | inspect.FloatType) -> Meta:
    names = ("gt", "ge", "lt", "le", "multiple_of")
    given: dict[str, Any] = {name: bound for name in names if (bound := getattr(info, name)) is not None}
    return Meta(**given)


@cache
def _literal(values: tuple[str | int | None, ...]) -> Any:  # noqa: ANN401 - a type expression
    return cast("Any", Literal)[values]


def _say(value: object, info: inspect.Type, refusal: str) -> str:  # noqa: PLR0911 - one line a sort of refusal
    """Turn what msgspec says about a leaf into the words of a reader of JSON."""
    if isinstance(value, OutOfRange):
        return "out of the range of numbers"
    inner, notes = (info.type, info.extra_json_schema or {}) if isinstance(info, inspect.Metadata) else (info, {})
    if kinds := _KIND.match(refusal):
        return f"expected {_or(kinds[1])}, got {_or(kinds[2])}"
    if isinstance(inner, inspect.LiteralType):
        return f"{_shown(value)} is not {_listed(tuple(inner.values))}"
    if length := _LENGTH.match(refusal):
        return _length(str(value), length[1], length[2])
    if bound := _BOUND.match(refusal):
        return f"must be {_RELATIONS[bound[1]]} {bound[2]}, not {_shown(value)}"
    if "matching regex" in refusal:
        return f"{_shown(value)} is not of the expected form{_form(notes)}"
    if isinstance(inner, inspect.UUIDType):
        return f"{_shown(value)} is not a UUID"
    return refusal


def _or(kinds: str) -> str:
    return " or ".join(_KINDS.get(kind, kind) for kind in kinds.split(" | "))


def _listed(values: tuple[object, ...]) -> str:
    if coded := _CODES.get(frozenset(map(str, values))):
        return coded
    return f"one of {', '.join(map(str, values))}" if len(values) <= _LISTED else "in the list of values"


def _length(value: str, relation: str, bound: str) -> str:
    if relation == "<=":
        return f"has {len(value)} characters, may have at most {bound}"
    return f"has {len(value)} characters, needs at least {bound}" if value else "empty"


def _form(notes: dict[str, Any]) -> str:
    parts = []
    if "description" in notes:
        parts.append(f". {str(notes['description']).rstrip('.')}")
    if notes.get("examples"):
        parts.append(f". For example: {' or '.join(map(str, notes['examples']))}")
    return "".join(parts)


def _shown(value: object) -> str:
    """Write a value as JSON, cut short."""
    limit = 60
    text = msgspec.json.encode(value).decode() if isinstance(value, str | int | float | None) else type(value).__name__
    return text if len(text) <= limit else f"{text[:limit]}…"
