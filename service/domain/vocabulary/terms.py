"""Terms by their types: which fields hold dates, and what a value is found by, follow from the type of the field.

A field of a new name needs no entry in a table: `Edtf` makes it a date, `Party` a party, `Goods` goods. A type that is
found in another way says so itself (`codes.found_by`).
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, get_type_hints

import msgspec
from msgspec import Struct, inspect

from service.domain.vocabulary import dates
from service.domain.vocabulary.codes import PARTIES
from service.domain.vocabulary.events import FACTS, RECORDS
from service.domain.vocabulary.events.base import Fact, Good
from service.domain.vocabulary.goods import tokens_of_excepted, tokens_of_good
from service.domain.vocabulary.words import normalized, words_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Reader = Callable[[Any], tuple[str, ...]]
    """Lists the tokens of a value of one type."""

_ARRAYS = (inspect.VarTupleType, inspect.ListType)


@cache
def term_names(struct: type[Fact]) -> tuple[str, ...]:
    """Return the names of the terms that a type of fact can carry, in the order of the vocabulary."""
    shared = set(Fact.__struct_fields__)
    return tuple(name for name in struct.__struct_fields__ if name not in shared)


@cache
def terms_of_kind(kind: str) -> tuple[str, ...]:
    """Return the names of the terms that facts of a kind can carry, in the order of the vocabulary."""
    structs = [struct for name, struct in FACTS.items() if name.startswith(f"{kind}.")]
    return tuple(dict.fromkeys(term for struct in structs for term in term_names(struct)))


def terms_of(fact: Fact) -> dict[str, Any]:
    """Return the terms that a fact has, by name."""
    return {name: value for name in term_names(type(fact)) if (value := getattr(fact, name)) is not None}


def width_of(terms: Mapping[str, Any]) -> int:
    """Return how many elements the lists of some terms have together."""
    return sum([len(value) for value in terms.values() if isinstance(value, tuple)])


@cache
def term_types(struct: type[Fact]) -> Mapping[str, Any]:
    """Return the types of the terms that a type of fact can carry, by name."""
    hints = get_type_hints(struct, include_extras=True)
    return {name: hints[name] for name in term_names(struct)}


def term_value(struct: type[Fact], name: str, value: object) -> Any:  # noqa: ANN401 - as the term has it
    """Return a value from JSON as a term of a type of fact has it, so that two spellings of one value are equal.

    Raises KeyError for a name that is no term of the type, msgspec.ValidationError for a value that is not of its type.
    """
    found = msgspec.convert(value, term_types(struct)[name], strict=True)
    if found is None:
        msg = "null gives no value"
        raise msgspec.ValidationError(msg)
    return found


class DateFields(NamedTuple):
    """The attributes of a struct that hold a date, with their names in JSON, and those that hold parts with dates."""

    own: Mapping[str, str]
    parts: tuple[str, ...]


@cache
def date_fields(struct: type[Struct]) -> DateFields:
    """Return the date fields of an event or a part; parts are single ones, such as a quota, and arrays of them."""
    own, parts = {}, []
    for field in _fields(struct):
        info = _bare(field.type)
        if isinstance(info, inspect.StrType) and info.pattern == dates.PATTERN:
            own[field.name] = field.encode_name
        elif _has_dates(_bare(info.item_type) if isinstance(info, _ARRAYS) else info):
            parts.append(field.name)
    return DateFields(own, tuple(parts))


@cache
def parts_of(struct: type[Struct]) -> tuple[tuple[str, str, type[Struct]], ...]:
    """Return the fields that hold a part or an array of parts: the attribute, its name in JSON, the type of a part."""
    found = []
    for field in _fields(struct):
        info = _bare(field.type)
        inner = _bare(info.item_type) if isinstance(info, _ARRAYS) else info
        if isinstance(inner, inspect.StructType):
            found.append((field.name, field.encode_name, inner.cls))
    return tuple(found)


def _has_dates(info: inspect.Type) -> bool:
    return isinstance(info, inspect.StructType) and any(date_fields(info.cls))


def tokens_by_term(fact: Fact) -> dict[str, tuple[str, ...]]:
    """Return what each term of a fact is found by, for the terms that are found by something."""
    readers = _readers(type(fact))
    return {
        name: _read(reader, value) if type(value) is not tuple or len(value) <= SHORT else reader(value)
        for name, reader in readers.items()
        if (value := getattr(fact, name)) is not None
    }


SHORT = 16
"""Entries of a term whose tokens are remembered: what is remembered is bounded in bytes as well as in number."""


@lru_cache(maxsize=4_096)
def _read(reader: Reader, value: Any) -> tuple[str, ...]:  # noqa: ANN401 - as the reader takes it
    """List the tokens of a term. The same values come again and again: hashing one costs a tenth of reading it."""
    return reader(value)


@lru_cache(maxsize=4_096)
def _read_entry(reader: Reader, value: Any) -> tuple[str, ...]:  # noqa: ANN401 - as the reader takes it
    """List the tokens of an entry of a term, which is read again with each correction of its fact."""
    return reader(value)


@cache
def _readers(struct: type[Fact]) -> Mapping[str, Reader]:
    names = term_names(struct)
    found = {field.name: _reader(field.type) for field in _fields(struct) if field.name in names}
    return {name: reader for name, reader in found.items() if reader is not None}


_SHARED: dict[str, Reader | None] = {}
"""Readers by type, so that the terms of one type share what `_read` remembers."""


def _reader(info: inspect.Type) -> Reader | None:
    """Return the reader of a type; None for a type that nothing is found by."""
    key = repr(info)
    if key not in _SHARED:
        _SHARED[key] = _made(info)
    return _SHARED[key]


def _made(info: inspect.Type) -> Reader | None:  # noqa: PLR0911 - one line a sort of type
    match info:
        case inspect.Metadata(extra={"found_by": templates, "word": word, "only": only}):
            reader = _by_templates(templates, word, _bare(info))
            return reader if only is None else lambda value: reader(value) if re.match(only, value) else ()
        case inspect.Metadata(extra={"excepted": True}):
            return _of_each(tokens_of_excepted)
        case inspect.Metadata():
            return _reader(info.type)
        case inspect.UnionType():
            return None if (present := _present(info)) is info else _reader(present)
        case inspect.LiteralType() if set(info.values) == set(PARTIES):
            return _by_templates(("party:{}",), None, info)
        case inspect.VarTupleType():
            return _of_each(_reader(info.item_type))
        case inspect.StructType():
            return tokens_of_good if info.cls is Good else _of_part(info)
        case _:
            return None


def _bare(info: inspect.Type) -> inspect.Type:
    """Return a type without its annotations and without None."""
    match info:
        case inspect.Metadata():
            return _bare(info.type)
        case inspect.UnionType() if (present := _present(info)) is not info:
            return _bare(present)
        case _:
            return info


def _present(info: inspect.UnionType) -> inspect.Type:
    """Return the member of a union beside None; the union itself where there are several."""
    present = [member for member in info.types if not isinstance(member, inspect.NoneType)]
    return present[0] if len(present) == 1 else info


def _fields(struct: type[Struct]) -> tuple[inspect.Field, ...]:
    info = _of_events().get(struct) or inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)  # noqa: S101 - of a struct
    return info.fields


@cache
def _of_events() -> Mapping[type[Struct], inspect.Type]:
    """Return what the types of events are made of: looked at together, they take a third of the time."""
    structs = [*FACTS.values(), *RECORDS.values()]
    return dict(zip(structs, inspect.multi_type_info(structs), strict=True))


def _by_templates(templates: tuple[str, ...], word: str | None, info: inspect.Type) -> Reader:
    folds = isinstance(info, inspect.StrType)
    # Put together, and not formatted, which takes three times as long: a list may have thousands of names.
    parts = [template.partition("{}") for template in templates]
    before, _, after = (word or "").partition("{}")

    def read(value: str) -> tuple[str, ...]:
        text = normalized(value) if folds else value
        found = [start + text + end if place else start for start, place, end in parts]
        return (*found, *[before + each + after for each in words_in(value)]) if word else tuple(found)

    if not templates:
        return lambda _: ()
    return (lambda value: templates if value else ()) if isinstance(info, inspect.BoolType) else read


def _of_each(reader: Reader | None) -> Reader | None:
    if reader is None:
        return None
    return lambda values: tuple(dict.fromkeys([token for value in values for token in _read_entry(reader, value)]))


def _of_part(info: inspect.StructType) -> Reader | None:
    readers = {field.name: reader for field in info.fields if (reader := _reader(field.type)) is not None}
    if not readers:
        return None

    def read(part: Struct) -> tuple[str, ...]:
        values = [(reader, getattr(part, name)) for name, reader in readers.items()]
        return tuple([token for reader, value in values if value is not None for token in reader(value)])

    return read
