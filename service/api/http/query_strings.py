"""Query strings, decoded strictly: every name known and given once, every value of its type, every fault named.

A query is a frozen struct of strings, integers, booleans and literals; `read` fills it from the bytes after the
question mark.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple, TypeVar
from urllib.parse import unquote_to_bytes

import msgspec
from msgspec import inspect

from service.api.http.moments import INSTANT, READERS
from service.domain.admit.json_faults import faults_in, info_of
from service.domain.errors import FAULTS_MAX, Fault, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class BadQuery(Refused):
    """The query string is not one that the operation takes; the path of each fault is a parameter's name."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        """Keep the first hundred faults, in the order of the query."""
        super().__init__("; ".join(f"{fault.path[0]}: {fault.detail}" for fault in faults))
        self.faults = tuple(faults[:FAULTS_MAX])


class Query(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The query of an operation; closed to unknown names."""

    def faults(self) -> list[Fault]:
        """Return the faults of parameters taken together."""
        return []


Q = TypeVar("Q", bound=Query)


def read(raw: bytes, shape: type[Q]) -> Q:
    """Decode a query string (the bytes after the question mark) into `shape`.

    Raises BadQuery with every fault: an unknown or repeated name, bad percent-encoding, bytes that are not UTF-8, a NUL
    character, a value not of its type, a day or instant that does not exist, parameters that exclude each other.
    """
    fields = _fields(shape)
    faults: list[Fault] = []
    query = _converted(_values(raw, fields, faults), fields, shape, faults)
    if query and not faults:
        faults = query.faults()
    if faults or query is None:
        raise BadQuery(faults)
    return query


Value = int | str | list[str]


class _Field(NamedTuple):
    """What a parameter is written as, and the check that a day or an instant exists.

    It is `int`, `bool`, `str`, or `list` for several values with commas between them.
    """

    form: type
    check: Callable[[str], object] | None


@cache
def _fields(shape: type[Query]) -> dict[str, _Field]:
    struct = info_of(shape)
    if not isinstance(struct, inspect.StructType):
        msg = f"{shape} is not a struct"
        raise TypeError(msg)
    return {field.encode_name: _field(field.type) for field in struct.fields}


_FORMS = {inspect.IntType: int, inspect.BoolType: bool, inspect.VarTupleType: list}


def _field(info: inspect.Type) -> _Field:
    match info:
        case inspect.Metadata():
            return _field(info.type)
        case inspect.UnionType():
            return next(_field(member) for member in info.types if not isinstance(member, inspect.NoneType))
        case inspect.StrType():
            return _Field(str, READERS.get(info.pattern or ""))
        case _:
            return _Field(_FORMS.get(type(info), str), None)


_BAD_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_WRITTEN = {
    int: (re.compile(r"[0-9]{1,19}", re.ASCII), "an integer is written in digits"),
    bool: (re.compile("true|false"), "write true or false"),
    str: (re.compile("(?s:.*)"), ""),
    list: (re.compile("(?s:.+)"), ""),
}
_READ: dict[type, Callable[[str], Value]] = {
    int: int,
    bool: "true".__eq__,
    str: str,
    list: lambda text: text.split(","),
}


def _values(raw: bytes, fields: dict[str, _Field], faults: list[Fault]) -> dict[str, Value]:
    """Return the parameters by name, integers read; those that cannot be are added to `faults`."""
    values: dict[str, Value] = {}
    for pair in filter(None, raw.split(b"&")):
        written, _, value = pair.partition(b"=")
        name = written.decode("ascii", "backslashreplace")
        try:
            name, text = _text(written), _text(value)
            if refusal := _refusal(values, fields, name, text):
                faults.append(Fault((name,), refusal))
            else:
                values[name] = _READ[fields[name].form](text)
        except ValueError as error:
            faults.append(Fault((name,), str(error)))
    return values


def _text(raw: bytes) -> str:
    if _BAD_PERCENT.search(raw):
        msg = "a % that no two hexadecimal digits follow; a percent sign itself is written %25"
        raise ValueError(msg)
    try:
        text = unquote_to_bytes(raw.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        msg = "not UTF-8"
        raise ValueError(msg) from None
    if "\0" in text:
        msg = "holds a NUL character"
        raise ValueError(msg)
    return text


def _refusal(values: dict[str, Value], fields: dict[str, _Field], name: str, text: str) -> str | None:
    """Return why a parameter is refused whatever its type; None for one that is not."""
    if name not in fields:
        return f"no such parameter; there are {', '.join(fields)}" if fields else "this operation takes no parameters"
    if name in values:
        return "given more than once"
    pattern, advice = _WRITTEN[fields[name].form]
    if not pattern.fullmatch(text):
        return advice if text else "empty"
    return None


def _converted(values: dict[str, Value], fields: dict[str, _Field], shape: type[Q], faults: list[Fault]) -> Q | None:
    """Convert the values; add to `faults` what is not of its type, and days and instants that do not exist."""
    query: Q | None = None
    try:
        query = msgspec.convert(values, shape, strict=True)
    except msgspec.ValidationError:
        blamed = {fault.path[0] for fault in faults}
        found = [fault for fault in faults_in(values, info_of(shape)) if fault.path[0] not in blamed]
        faults += [Fault(path, detail + _plus(values.get(str(path[0])))) for path, detail in found]
    for name, value in values.items():
        check = fields[name].check
        if check and all(fault.path[0] != name for fault in faults):
            try:
                check(str(value))
            except ValueError as error:
                faults.append(Fault((name,), f"there is no {value}: {error}"))
    return query


def _plus(value: object) -> str:
    """Explain the most usual fault of an instant: its + arrived as a space."""
    mangled = isinstance(value, str) and re.match(INSTANT, value.replace(" ", "+")) and " " in value
    return ". A + in a query is read as a space: write it %2B" if mangled else ""
