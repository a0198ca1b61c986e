"""The strict way in for bytes: one decode on the good path, every fault with its path on the bad one."""

from __future__ import annotations

import json
import math
import re
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from msgspec import inspect

from service.domain.errors import Fault, Malformed, NotJson
from service.domain.walk import Path, TooLarge, faults_in, info_of

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")

FAULTS_MAX = 100
"""A refusal lists so many faults; where there are more, the last one says how many."""
_COUNTED_MAX = 1_000
"""The walk stops here: it holds up the event loop, and nobody reads on."""

_encode = msgspec.json.Encoder().encode
_SYNTAX = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_STEP = re.compile(r"\.([A-Za-z_]\w*)|\[(\d+)\]")


class _Repeats(dict[str, Any]):
    """A JSON object that gives some keys more than once."""

    repeated: tuple[str, ...] = ()


def accept(body: bytes, shape: type[T]) -> T:
    """Decode JSON strictly into `shape`.

    Raises NotJson for what is not JSON (RFC 8259 in UTF-8, nested a few hundred levels at most), and Malformed with
    every fault for what is not of the shape, holds a NUL character (PostgreSQL stores none) or repeats a key.
    """
    try:
        value = _decoder(shape).decode(body)
    except _SYNTAX as error:
        raise _why(body, shape, error) from error
    # Finding a repeated key takes a second parse, 10 us an event. Each key has its colon, and the value written again
    # has no key twice: as many colons means as many keys (1.5 us), unless an escape hides or shows one.
    if (b"\\" in body and b"\\u" in body) or not _rewritable(shape) or body.count(b":") != _encode(value).count(b":"):
        _refuse_hidden(body)
    return value


@cache
def _decoder(shape: type[T]) -> msgspec.json.Decoder[T]:
    return msgspec.json.Decoder(shape)


def _why(body: bytes, shape: type, error: Exception) -> NotJson | Malformed:
    if isinstance(error, msgspec.ValidationError):
        try:
            return _malformed(_every_fault(body, shape, error))
        except _SYNTAX as syntax:  # the decoder met a fault of form before one of syntax
            error = syntax
    return NotJson(_syntax(body, error))


def _syntax(body: bytes, error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deep"
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    if not body.strip():
        return "empty"
    return str(error).removeprefix("JSON is malformed: ")


def _every_fault(body: bytes, shape: type, error: msgspec.ValidationError) -> Iterator[Fault]:
    ...
