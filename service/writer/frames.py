"""What processes say to each other over a connection: frames, and the proof that both know the secret of the lease.

A frame is a length (four bytes, the highest first) and as many bytes of MessagePack. The door sends a nonce first; the
link answers with a nonce of its own and a proof, and the door with its proof. After that the link sends appends, each
with a number, and the door answers each with its number, in any order. A frame of one byte is a ping; the door sends
it back.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from typing import TYPE_CHECKING, Any, cast

import msgspec
from msgspec import Struct

from service.append.request import AppendResult, Once
from service.domain.errors import (
    EventChanged,
    EventIdConflict,
    Fault,
    KeyReused,
    Malformed,
    Refused,
    TooEarly,
    TooMuchWork,
    Unavailable,
    UnknownEvent,
    VersionConflict,
)
from service.domain.vocabulary.events import AnyEvent
from service.eventlog.log import Stored
from service.eventlog.request_keys import RequestKey

if TYPE_CHECKING:
    from service.append.request import Request

PING = b"\x00"
NONCE, PROOF = 32, 32
"""Bytes of a nonce, and of a proof (HMAC-SHA256)."""
FRAME_MAX = 64 * 2**20
"""Bytes that a frame may have: a body of 8 MiB and its receipt are far below it."""
_LENGTH = 4


class Append(Struct, array_like=True, gc=False):
    """A request to append, as `service.append.request.Request` has it."""

    number: int
    events: list[AnyEvent]
    expected: dict[str, int]
    key: RequestKey | None
    once: Once | None
    recorded_by: list[str]


class Outcome(Struct, array_like=True, gc=False):
    """The answer to the append of this number: `result`, or the name of a refusal with its values.

    `epoch` is that of the ledger at the answer.
    """

    number: int
    epoch: int
    result: tuple[list[Stored], list[Fault], bool] | None = None
    refusal: str = ""
    values: tuple[Any, ...] = ()


_REFUSALS: dict[str, tuple[type[Exception], tuple[str, ...], Any]] = {
    each.__name__: (each, names, tuple[types])  # type: ignore[valid-type]
    for each, names, types in (
        (Malformed, ("faults",), (list[Fault],)),
        (TooMuchWork, ("faults",), (list[Fault],)),
        (EventChanged, ("seen", "actual"), (int, int)),
        (VersionConflict, ("expected", "actual"), (dict[str, int], dict[str, int])),
        (EventIdConflict, ("detail", "ids"), (str, list[str])),
        (KeyReused, ("ids",), (list[str],)),
        (TooEarly, ("asked", "last"), (int, int)),
        (UnknownEvent, ("event_id",), (str,)),
    )
}
"""The refusals of an append by name: the class, the attributes that it is made of again, and their types."""
_ENCODE = msgspec.msgpack.Encoder().encode
_APPEND, _REPLY = msgspec.msgpack.Decoder(Append), msgspec.msgpack.Decoder(Outcome)


def append_of(number: int, request: Request) -> bytes:
    """Write a request under a number."""
    by = list(request.recorded_by)
    return _ENCODE(Append(number, list(request.events), request.expected, request.key, request.once, by))


def read_append(frame: bytes) -> Append:
    """Read a request; raises msgspec.DecodeError (ValidationError is one) for what is none."""
    return _APPEND.decode(frame)


def reply_of(number: int, epoch: int, outcome: AppendResult | Exception) -> bytes:
    """Write the answer to the request of a number; what is neither a result nor a refusal is written as unavailable."""
    if isinstance(outcome, AppendResult):
        return _ENCODE(Outcome(number, epoch, outcome))
    name = type(outcome).__name__
    if name not in _REFUSALS:
        return _ENCODE(Outcome(number, epoch, None, Unavailable.__name__, (str(outcome),)))
    return _ENCODE(Outcome(number, epoch, None, name, tuple([getattr(outcome, each) for each in _REFUSALS[name][1]])))


def read_reply(frame: bytes) -> tuple[int, int, AppendResult | Exception]:
    """Read an answer: the number, the epoch, and the result or the refusal; raises msgspec.DecodeError."""
    reply = _REPLY.decode(frame)
    if reply.result is not None:
        return reply.number, reply.epoch, AppendResult(*reply.result)
    if reply.refusal == Unavailable.__name__:
        return reply.number, reply.epoch, Unavailable(*reply.values)
    if reply.refusal not in _REFUSALS:
        msg = f"no refusal is named {reply.refusal}"
        raise msgspec.ValidationError(msg)
    refusal, _, types = _REFUSALS[reply.refusal]
    return reply.number, reply.epoch, refusal(*msgspec.convert(reply.values, types))


def is_outcome(error: Exception) -> bool:
    """Return whether an exception is the ledger's answer to an append."""
    return isinstance(error, Refused | Unavailable)


def proof(secret: str, side: bytes, first: bytes, second: bytes) -> bytes:
    """Return the proof that one side knows the secret: over its name, and the two nonces of this connection."""
    return hmac.new(secret.encode(), side + first + second, hashlib.sha256).digest()


class Frames(asyncio.Protocol):
    """One end of a connection: cuts what arrives into frames, and sends those of one turn of the loop at once."""

    def __init__(self) -> None:
        """Begin without a connection."""
        self.transport: asyncio.Transport | None = None
        self._arrived = bytearray()
        self._leaving: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but name

    def received(self, frame: bytes) -> None:
        """Take one frame; the other end breaks the rules of the connection where it raises msgspec.DecodeError."""
        raise NotImplementedError

    def send(self, frame: bytes) -> None:
        """Send a frame at the end of this turn of the loop."""
        if not self._leaving:
            asyncio.get_running_loop().call_soon(self._flush)
        self._leaving += (len(frame).to_bytes(_LENGTH), frame)

    def break_off(self) -> None:
        """End the connection now; `connection_lost` follows."""
        if self.transport is not None:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take the frames that are whole."""
        arrived = self._arrived
        arrived += data
        start = 0
        try:
            while len(arrived) - start >= _LENGTH:
                end = start + _LENGTH + int.from_bytes(arrived[start : start + _LENGTH])
                if end - start > FRAME_MAX:
                    self.break_off()
                    return
                if len(arrived) < end:
                    break
                self.received(bytes(arrived[start + _LENGTH : end]))
                start = end
        except msgspec.DecodeError:
            self.break_off()
        del arrived[:start]

    def _flush(self) -> None:
        leaving, self._leaving = self._leaving, []
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(b"".join(leaving))
