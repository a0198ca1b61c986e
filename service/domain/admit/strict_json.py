"""The strict way in for bytes: one decode on the good path, every fault with its path on the bad one."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from contextlib import suppress
from functools import cache
from itertools import chain, islice
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, cast

import msgspec
from msgspec import NODEFAULT, Meta, inspect

from service.domain.admit.json_faults import OutOfRange, Path, faults_in, info_of
from service.domain.errors import FAULTS_MAX, Fault, Malformed, NotJson, Refused
from service.domain.vocabulary.events import BATCH_MAX, AnyEvent, Batch, Versions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

T = TypeVar("T")
Trail = tuple["Trail", str | int] | None
"""A path as links to its parent: naming a million members costs a million links, not a million tuples."""

_COUNTED_MAX = 1_000
"""Faults that are counted beyond those listed; then the walk stops, because it blocks the event loop."""

LARGE_BODY = 64 * 1024
"""Bytes of a body that is decoded at once: a larger one is decoded in a thread, a part at a time."""
_SYNTAX = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_STEP = re.compile(r"\.([A-Za-z_]\w*)|\[(\d+)\]")
_PLAIN = (
    inspect.AnyType,
    inspect.BoolType,
    inspect.FloatType,
    inspect.IntType,
    inspect.LiteralType,
    inspect.NoneType,
    inspect.StrType,
    inspect.UUIDType,
)
"""Leaves that are written with the colons they are read with; a time, say, could gain or lose one."""


class _Repeats(dict[str, Any]):
    """A JSON object that names some members more than once."""

    repeated: tuple[str, ...] = ()


def accept(body: bytes, shape: type[T]) -> T:
    """Decode JSON strictly into `shape`.

    Raises NotJson for what is not JSON (RFC 8259 in UTF-8, nested a few hundred levels at most), and Malformed, with
    every fault, for what is not of the shape, holds a NUL character (PostgreSQL stores none) or names a member twice.
    """
    if shape is Batch and len(body) > LARGE_BODY and (batch := _by_event(body)) is not None:
        return cast("T", batch)
    try:
        value = _decoder(shape).decode(body)
    except _SYNTAX as error:
        raise _refusal(body, shape, error) from error
    return _sure(body, shape, value)


def _by_event(body: bytes) -> Batch | None:
    """Return a batch that is decoded strictly, an event at a time; None where it has faults.

    The decoder lets no other thread run until it is done: 10 ms for a MB that it decodes as one.
    """
    with suppress(Refused, *_SYNTAX):
        outer = _decoder(_Outer).decode(body)
        if body.count(b":") == _encode(outer).count(b":"):  # else a member of the batch is named twice
            events = tuple([_sure(part, Batch, _EVENTS.decode(part)) for part in map(bytes, outer.events)])
            return Batch(events=events, expected_versions=outer.expected_versions)
    return None


class _Outer(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A batch whose events are not decoded."""

    events: Annotated[tuple[msgspec.Raw, ...], Meta(min_length=1, max_length=BATCH_MAX)]
    expected_versions: Versions = {}


_EVENTS: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)
_DECODERS: dict[Any, msgspec.json.Decoder[Any]] = {}


def _decoder(shape: type[T]) -> msgspec.json.Decoder[T]:
    if (decoder := _DECODERS.get(shape)) is None:
        decoder = _DECODERS[shape] = msgspec.json.Decoder(shape)
    return decoder


_encode = msgspec.json.Encoder().encode


def _float(text: str) -> float | OutOfRange:
    number = float(text)
    return number if math.isfinite(number) else OutOfRange()


_decode_untyped = msgspec.json.Decoder(float_hook=_float).decode


def _sure(body: bytes, shape: type, value: T) -> T:
    """Return what was decoded, of a shape or a part of it; raises Malformed for what `_hidden` finds."""
    if _may_hide(body, shape, value):
        _refuse_hidden(body)
    return value


def _may_hide(body: bytes, shape: Any, value: object) -> bool:  # noqa: ANN401
    """Return, at little cost, whether a body may hold a NUL or a member named twice; the decoder reports neither.

    Every member has its colon, and a value written again names none twice: as many colons mean as many members, as
    long as no escape hides or shows one. That costs 2 us an event, the second parse that is sure about it 10.
    """
    if b"\\" in body and b"\\u" in body:  # one byte is found 20 times as fast as two
        return True
    return not _rewritable(shape) or body.count(b":") != _colons(value)


def _colons(value: object) -> int:
    """Return how many colons a value is written with, -1 where it cannot be written: a part at a time, as `untyped`."""
    try:
        if not isinstance(value, dict):
            return _encode(value).count(b":")
        both = (each for pair in value.items() for each in pair)
        parts = chain.from_iterable(each if isinstance(each, list) else [each] for each in both)
        return len(value) + sum([_encode(part).count(b":") for part in parts])
    except TypeError:  # a number that no double can be
        return -1


@cache
def _rewritable(shape: Any) -> bool:  # noqa: ANN401
    """Return whether a value of this type is written with no member, and no colon, that it was not read with."""
    return _rewrites(info_of(shape), set(), in_union=False)


def _rewrites(info: inspect.Type, seen: set[type], *, in_union: bool) -> bool:
    match info:
        case inspect.StructType():
            return info.cls in seen or _rewrites_struct(info, seen, in_union=in_union)
        case inspect.UnionType():
            return all(_rewrites(member, seen, in_union=True) for member in info.types)
        case inspect.Metadata():
            return _rewrites(info.type, seen, in_union=in_union)
        case inspect.ListType() | inspect.VarTupleType():
            return _rewrites(info.item_type, seen, in_union=False)
        case inspect.DictType():
            return all(_rewrites(part, seen, in_union=False) for part in (info.key_type, info.value_type))
        case _:
            return isinstance(info, _PLAIN)


def _rewrites_struct(info: inspect.StructType, seen: set[type], *, in_union: bool) -> bool:
    seen.add(info.cls)
    config = info.cls.__struct_config__
    defaults = all(field.default_factory in {NODEFAULT, list, dict} for field in info.fields)
    if not (config.forbid_unknown_fields and config.omit_defaults and defaults) or config.array_like:
        return False
    if config.tag is not None and not in_union:  # only a union insists on the tag that is written
        return False
    return all(_rewrites(field.type, seen, in_union=False) for field in info.fields)


def _refusal(body: bytes, shape: type, error: Exception) -> NotJson | Malformed:
    if isinstance(error, msgspec.ValidationError):
        try:
            return _malformed(_every_fault(body, shape, error))
        except _SYNTAX as syntax:  # the decoder had stopped before the place where the syntax is wrong
            error = syntax
    return NotJson(_syntax(body, error))


def _syntax(body: bytes, error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deep"
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    return str(error).removeprefix("JSON is malformed: ") if body.strip() else "empty"


def _malformed(faults: Iterable[Fault]) -> Malformed:
    rest = iter(faults)
    listed = list(islice(rest, FAULTS_MAX))
    more = sum(1 for _ in islice(rest, _COUNTED_MAX))
    if more:
        count = f"{more + 1}" if more < _COUNTED_MAX else f"more than {_COUNTED_MAX}"
        listed[-1] = Fault((), f"and {count} more faults")
    return Malformed(listed)


def _every_fault(body: bytes, shape: type, error: msgspec.ValidationError) -> Iterator[Fault]:
    try:
        value = untyped(body)
    except msgspec.ValidationError:  # an integer of more than 4,300 digits: Python reads none
        yield _own(error)
        return
    found = False
    hidden = _hidden(body) if _may_hide(body, Any, value) else ()
    for fault in chain(hidden, faults_in(value, info_of(shape))):
        found = True
        yield fault
    if not found:
        yield _own(error)


def untyped(body: bytes) -> object:
    """Decode JSON; of a large object each element of its arrays by itself, as `_by_event` does."""
    if len(body) > LARGE_BODY:
        with suppress(*_SYNTAX):  # said below, with its place in the whole
            members = _decoder(dict[str, msgspec.Raw]).decode(body)
            return {name: _elements(bytes(value)) for name, value in members.items()}
    return _decode_untyped(body)


def _elements(value: bytes) -> object:
    elements = _decoder(list[msgspec.Raw]).decode(value) if value.startswith(b"[") else None
    return _decode_untyped(value) if elements is None else [_decode_untyped(element) for element in elements]


def _own(error: msgspec.ValidationError) -> Fault:
    """Return the decoder's own fault, for want of a better one."""
    detail, _, place = str(error).partition(" - at `")
    steps = _STEP.findall(place.partition("$")[2])
    return Fault(tuple(name or int(index) for name, index in steps), detail)


def _refuse_hidden(body: bytes) -> None:
    try:
        faults = list(islice(_hidden(body), FAULTS_MAX + _COUNTED_MAX))
    except _SYNTAX as error:
        raise NotJson(_syntax(body, error)) from error
    if faults:
        raise _malformed(faults)


def _hidden(body: bytes) -> Iterator[Fault]:
    """Yield the faults that the decoder does not report: members named twice, and NUL characters.

    Keeps a stack of its own: the value may be nested deeper than the type.
    """
    value, repeats = _loads(body.decode())
    rest: list[tuple[Trail, object]] = [(None, value)] if repeats or b"\\u0000" in body else []
    while rest:
        trail, value = rest.pop()
        if isinstance(value, str):
            yield Fault(_path(trail), "holds a NUL character")
            continue
        if isinstance(value, dict):
            yield from _hidden_names(trail, value)
        rest.extend([((trail, key), part) for key, part in _parts(value) if _may_hold(part)][::-1])


def _loads(text: str) -> tuple[object, bool]:
    """Parse JSON that the decoder took; say too whether an object names a member twice."""
    repeats: list[_Repeats] = []

    def members(pairs: list[tuple[str, object]]) -> dict[str, object]:
        plain = dict(pairs)
        if len(plain) == len(pairs):
            return plain
        repeats.append(_Repeats(plain))
        repeats[-1].repeated = tuple(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        return repeats[-1]

    # Numbers do not matter here, and int() refuses 4,301 digits.
    return json.loads(text, object_pairs_hook=members, parse_int=float, parse_float=float), bool(repeats)


def _parts(value: object) -> Iterable[tuple[str | int, object]]:
    return value.items() if isinstance(value, dict) else enumerate(cast("list[object]", value))


def _may_hold(value: object) -> bool:
    return isinstance(value, dict | list) or (isinstance(value, str) and "\0" in value)


def _hidden_names(trail: Trail, value: dict[str, object]) -> Iterator[Fault]:
    for key in value:
        if "\0" in key:
            yield Fault((*_path(trail), key), "its name holds a NUL character")
    if isinstance(value, _Repeats):
        for key in value.repeated:
            yield Fault((*_path(trail), key), "given more than once")


def _path(trail: Trail) -> Path:
    steps: list[str | int] = []
    while trail:
        trail, step = trail
        steps.append(step)
    return tuple(reversed(steps))
