"""Query strings, decoded strictly: every name known and given once, every value of its type, every fault told.

A query is a frozen struct of strings, integers and literals; `read` fills it from the bytes after the question mark.
"""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple, TypeVar
from urllib.parse import unquote_to_bytes

import msgspec
from msgspec import Meta, inspect

from service.domain import instants
from service.domain.codes import NAME_MAX
from service.domain.errors import Fault, Refused
from service.domain.walk import faults_in, info_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

FAULTS_MAX = 100
POSITION_MAX = 2**53 - 1
"""The largest integer that every reader of JSON keeps exact (RFC 7493, section 2.2)."""
LIMIT_MAX = 1_000
LIMIT_DEFAULT = 50

_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_INSTANT = rf"{_DAY}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(\.[0-9]{{1,9}})?(Z|[+-][0-9]{{2}}:[0-9]{{2}})"

Day = Annotated[
    str,
    Meta(
        pattern=rf"^{_DAY}\Z",
        description="A day, YYYY-MM-DD.",
        examples=["2025-06-10"],
        extra_json_schema={"format": "date"},
    ),
]
Instant = Annotated[
    str,
    Meta(
        pattern=rf"^{_INSTANT}\Z",
        description="An instant of RFC 3339, with its offset; in a query a + must be written %2B.",
        examples=["2025-06-10T12:00:00Z"],
        extra_json_schema={"format": "date-time"},
    ),
]
DayOrInstant = Annotated[
    str,
    Meta(
        pattern=rf"^({_DAY}|{_INSTANT})\Z",
        description="A day, YYYY-MM-DD, to its end in UTC; or an RFC 3339 instant with offset (+ is written %2B).",
        examples=["2025-06-10", "2025-06-10T12:00:00Z"],
    ),
]
Moment = Annotated[
    str,
    Meta(
        pattern=rf"^([0-9]{{1,16}}|{_DAY}|{_INSTANT})\Z",
        description="What was known: a position, or an RFC 3339 instant with its offset (a + is written %2B); as "
        "published a day, to its end in UTC, or an instant.",
        examples=["128", "2025-06-10T12:00:00Z", "2025-06-10"],
    ),
]
Position = Annotated[int, Meta(ge=0, le=POSITION_MAX, description="A position in the log.", examples=[128])]
Cursor = Annotated[
    str,
    Meta(
        min_length=1, max_length=1_000, description="Where the next page starts: `next` of the page before, unchanged."
    ),
]
Words = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=NAME_MAX,
        description="States in which every word occurs, in any case and as a part of a word too: in the item's name, "
        "or in a text of its terms. A page may be short before the end.",
        examples=["rare magnets"],
    ),
]
Limit = Annotated[int, Meta(ge=1, le=LIMIT_MAX, description="At most so many on a page.")]


def ended_day(moment: str) -> int:
    """Give the last day that has ended in UTC by a day or an instant, as an ordinal; 0 for none."""
    return instants.ended_day(micros(moment))


class BadQuery(Refused):
    """The query string is not one that the operation takes; the path of each fault is a parameter's name."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        """Keep the first hundred faults, in the order of the query."""
        super().__init__("; ".join(f"{fault.path[0]}: {fault.detail}" for fault in faults))
        self.faults = tuple(faults[:FAULTS_MAX])


_KNOWN_AT = (
    "What was known at this instant. With `known_basis=recorded` an RFC 3339 instant with its offset (a + is written "
    "%2B), not together with `known_position`. With `published` a day, to its end in UTC, today when absent; or an "
    "instant, which counts the days that have ended by then."
)
_KNOWN_POSITION = "What had been recorded up to this position; the head of the log when absent."
_KNOWN_BASIS = (
    "Whether a fact counts as known from its recording, or from its earliest publication (of what was recorded up to "
    "`known_position`)."
)


class Query(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What an operation takes after the question mark; closed to unknown names."""

    def faults(self) -> list[Fault]:
        """Say what is wrong about parameters taken together."""
        return []


def faults_of_words(text: str | None) -> list[Fault]:
    """Refuse a text to search for that holds no word."""
    return [] if text is None or text.split() else [Fault(("q",), "holds no word")]


class Known(Query, frozen=True, kw_only=True):
    """What was known: the second clock of an answer."""

    known_at: Annotated[DayOrInstant | None, Meta(description=_KNOWN_AT)] = None
    known_position: Annotated[Position | None, Meta(description=_KNOWN_POSITION)] = None
    known_basis: Annotated[Literal["recorded", "published"], Meta(description=_KNOWN_BASIS)] = "recorded"

    def faults(self) -> list[Fault]:
        """Refuse what does not go with the basis: as recorded, a day for an instant, or an instant and a position."""
        faults = []
        if self.known_basis == "recorded" and self.known_at is not None:
            if len(self.known_at) == len("2025-06-10"):
                faults.append(Fault(("known_at",), "with known_basis=recorded an instant with its offset, not a day"))
            if self.known_position is not None:
                faults.append(Fault(("known_position",), "with known_basis=recorded not together with known_at"))
        elif self.known_basis == "published" and self.known_day() == 0:
            faults.append(Fault(("known_at",), "no day has ended by then"))
        return faults

    def known_micros(self) -> int | None:
        """Give `known_at` in microseconds since 1970 UTC, the last one of a day; None when it is not given."""
        return None if self.known_at is None else micros(self.known_at)

    def known_day(self) -> int | None:
        """Give the last day that has ended in UTC by `known_at`, as an ordinal; None when it is not given."""
        return None if self.known_at is None else ended_day(self.known_at)


class AsOf(Known, frozen=True, kw_only=True):
    """The two clocks of an answer: the day it is about, and what was known."""

    as_of: Annotated[Day | None, Meta(description="The day that the answer is about; today in UTC when absent.")] = None

    def day(self) -> int | None:
        """Give D as an ordinal; None when it is not given."""
        return None if self.as_of is None else ordinal(self.as_of)


class KnownPage(Known, frozen=True, kw_only=True):
    """Which part of a list as it was known."""

    cursor: Cursor | None = None
    limit: Limit = LIMIT_DEFAULT


class AsOfPage(AsOf, frozen=True, kw_only=True):
    """Which part of a list at two clocks; structs have one base, so the fields of `KnownPage` stand here again."""

    cursor: Cursor | None = None
    limit: Limit = LIMIT_DEFAULT


Q = TypeVar("Q", bound=Query)


def read(raw: bytes, shape: type[Q]) -> Q:
    """Decode a query string (the bytes after the question mark) into `shape`.

    Raises BadQuery with every fault: an unknown or repeated name, bad percent-encoding, what is not UTF-8, a NUL
    character, a value not of its type, a day or instant that does not exist, parameters that exclude each other.
    """
    fields = _fields(shape)
    values: dict[str, str | int] = {}
    faults: list[Fault] = []
    for name, text in _pairs(raw, faults):
        try:
            _put(values, fields, name, text)
        except ValueError as error:
            faults.append(Fault((name,), str(error)))
    query = _convert(values, shape, faults)
    faults += _absent_days(values, fields, {fault.path[0] for fault in faults})
    if query and not faults:
        faults = query.faults()
    if faults or query is None:
        raise BadQuery(faults)
    return query


def ordinal(day: str) -> int:
    """Give a `Day` as an ordinal; ValueError when there is no such day."""
    return date.fromisoformat(day).toordinal()


def micros(moment: str) -> int:
    """Give an `Instant`, or the last microsecond of a `Day`, since 1970 in UTC; ValueError when there is none."""
    if "T" not in moment:
        return instants.parse(f"{moment}T23:59:59.999999+00:00")
    instant = instants.parse(moment)
    try:
        instants.day(instant)
    except OverflowError as error:
        msg = "in UTC it is not within the years 1 to 9999"
        raise ValueError(msg) from error
    return instant


def moment(written: str) -> int:
    """Give a `Moment`: its position, or its instant in microseconds since 1970 UTC, the last one of a day.

    ValueError when there is none.
    """
    if not written.isdecimal():
        return micros(written)
    if int(written) > POSITION_MAX:
        msg = f"a position is at most {POSITION_MAX}"
        raise ValueError(msg)
    return int(written)


class _Field(NamedTuple):
    """How a parameter is read: whether as an integer, and what finds a day or an instant that does not exist."""

    integer: bool
    check: Callable[[str], int] | None


_CHECKS: dict[str, Callable[[str], int]] = {
    f"^{_DAY}\\Z": ordinal,
    f"^{_INSTANT}\\Z": micros,
    f"^({_DAY}|{_INSTANT})\\Z": micros,
    f"^([0-9]{{1,16}}|{_DAY}|{_INSTANT})\\Z": moment,
}
"""What has the form of a day or an instant must exist."""


@cache
def _fields(shape: type[Query]) -> dict[str, _Field]:
    struct = info_of(shape)
    if not isinstance(struct, inspect.StructType):
        msg = f"{shape} is not a struct"
        raise TypeError(msg)
    return {field.encode_name: _field(field.type) for field in struct.fields}


def _field(info: inspect.Type) -> _Field:
    match info:
        case inspect.Metadata():
            return _field(info.type)
        case inspect.UnionType():
            return next(_field(member) for member in info.types if not isinstance(member, inspect.NoneType))
        case inspect.StrType():
            return _Field(integer=False, check=_CHECKS.get(info.pattern or ""))
        case _:
            return _Field(integer=isinstance(info, inspect.IntType), check=None)


_BAD_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_DIGITS = re.compile(r"[0-9]{1,19}", re.ASCII)


def _pairs(raw: bytes, faults: list[Fault]) -> Iterator[tuple[str, str]]:
    for pair in raw.split(b"&"):
        name, _, value = pair.partition(b"=")
        if not pair:
            continue
        try:
            yield _text(name), _text(value)
        except ValueError as error:
            faults.append(Fault((name.decode("ascii", "backslashreplace"),), str(error)))


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


def _put(values: dict[str, str | int], fields: dict[str, _Field], name: str, text: str) -> None:
    if name not in fields:
        msg = f"no such parameter; there are {', '.join(fields)}" if fields else "this operation takes no parameters"
        raise ValueError(msg)
    if name in values:
        msg = "given more than once"
        raise ValueError(msg)
    if fields[name].integer and not _DIGITS.fullmatch(text):
        msg = "an integer is written in digits" if text else "empty"
        raise ValueError(msg)
    values[name] = int(text) if fields[name].integer else text


def _convert(values: dict[str, str | int], shape: type[Q], faults: list[Fault]) -> Q | None:
    """Convert, or add what is wrong: every fault of form that was not found yet."""
    try:
        return msgspec.convert(values, shape, strict=True)
    except msgspec.ValidationError:
        blamed = {fault.path[0] for fault in faults}
        found = [fault for fault in faults_in(values, info_of(shape)) if fault.path[0] not in blamed]
        faults += [Fault(path, detail + _plus(values.get(str(path[0])))) for path, detail in found]
        return None


def _plus(value: object) -> str:
    """Explain the most usual fault of an instant: its + arrived as a space."""
    mangled = isinstance(value, str) and re.match(rf"^{_INSTANT}\Z", value.replace(" ", "+")) and " " in value
    return ". A + in a query is read as a space: write it %2B" if mangled else ""


def _absent_days(values: dict[str, str | int], fields: dict[str, _Field], blamed: set[str | int]) -> Iterator[Fault]:
    for name, value in values.items():
        check = fields[name].check
        if check and name not in blamed:
            try:
                check(str(value))
            except ValueError as error:
                yield Fault((name,), f"there is no {value}: {error}")
