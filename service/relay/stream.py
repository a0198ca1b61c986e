"""The stream that the log goes into: its settings, where it ends, and how an event is put behind another."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec import Struct
from nats.errors import ConnectionClosedError
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StoreCompression, StreamConfig
from nats.js.errors import NotFoundError

from service.eventlog.log import events_at
from service.feed.cloudevents import MEDIA_TYPE, envelope

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.js.api import RawStreamMsg

    from service.eventlog.log import Stored
    from service.storage.database import Database

STREAM = "PARLEY"
SUBJECTS = "parley.v1.>"
DUPLICATE_SECONDS = 120
"""How long the server knows a message id again. The chain holds without it; with it a second relay keeps pace."""
WINDOW = 256
"""Events under way: published, not known to be acknowledged yet."""
ACK_SECONDS = 10
"""A server that acknowledges nothing for so long is taken for lost."""
HEADERS_MAX = 1_024
"""Bytes of the headers of a message; the server counts them against its limit too."""

CONFIG = StreamConfig(
    name=STREAM,
    description="Every event of a Parley ledger; the sequence is the position.",
    subjects=[SUBJECTS],
    storage=StorageType.FILE,
    compression=StoreCompression.NONE,
    retention=RetentionPolicy.LIMITS,
    discard=DiscardPolicy.NEW,  # should somebody set a limit later: refuse what is new, drop nothing
    max_age=0,
    max_bytes=-1,
    max_msgs=-1,
    max_msgs_per_subject=-1,
    max_msg_size=-1,
    max_consumers=-1,
    duplicate_window=DUPLICATE_SECONDS,
    deny_delete=True,
    deny_purge=True,
    allow_rollup_hdrs=False,
    no_ack=False,
)
_HELD = (
    *("subjects", "storage", "retention", "max_age", "max_bytes", "max_msgs", "max_msgs_per_subject", "max_msg_size"),
    *("deny_delete", "deny_purge", "allow_rollup_hdrs", "no_ack", "sealed", "mirror", "sources", "subject_transform"),
    *("allow_msg_ttl", "allow_msg_counter", "persist_mode"),
)
"""Settings that a stream must have as in `CONFIG`, or it could hold others' messages, lose some or take none."""


class Unfit(Exception):  # noqa: N818 - named as the condition
    """The log cannot go into this stream, and trying again would not help."""


class Refused(Exception):  # noqa: N818 - named as the condition
    """The server did not take an event: most often because it does not follow on the last one in the stream."""


class End(NamedTuple):
    """The last event in the stream: its position, which is its sequence there, and its id; (0, "") of an empty one."""

    position: int
    id: str


class _Event(Struct, frozen=True, gc=False):
    """What a message is addressed by."""

    id: str
    type: str
    issues: tuple[str, ...]


class _Sent(Struct, frozen=True, gc=False):
    """What is read of a message that is in the stream."""

    id: str
    sequence: str


class _Error(Struct, frozen=True, gc=False):
    """Why a publish was refused."""

    description: str


class _Answer(Struct, frozen=True, gc=False):
    """What the server answers to a publish."""

    seq: int = 0
    error: _Error | None = None


_EVENT = msgspec.json.Decoder(_Event)
_SENT = msgspec.json.Decoder(_Sent)
_ANSWER = msgspec.json.Decoder(_Answer)
_NOBODY = _Answer(error=_Error("no stream takes the subject"))
"""The answer of a server without the stream is empty, with the status 503."""


class Stream:
    """The stream over one connection, from which there is no way back: what follows a loss is a new one."""

    def __init__(self, client: Client, public_url: str) -> None:
        """`client` is connected; `public_url` goes into the CloudEvents."""
        self._client, self._public_url = client, public_url
        self._jetstream = client.jetstream(timeout=ACK_SECONDS)
        self._answers = client.new_inbox()
        self._missing: dict[int, asyncio.Future[int]] = {}
        """Acknowledgements that nobody has waited for yet, by position, in order."""

    @property
    def connected(self) -> bool:
        """Whether the connection holds, as far as is known."""
        return self._client.is_connected

    async def open(self, replicas: int) -> None:
        """Make the stream where there is none; Unfit when there is one with other settings."""
        await self._client.subscribe(f"{self._answers}.*", cb=self._answered)
        try:
            found = await self._jetstream.stream_info(STREAM)
        except NotFoundError:
            found = await self._jetstream.add_stream(CONFIG, num_replicas=replicas)
        if faults := [_fault(name, found.config) for name in _HELD if _differs(name, found.config)]:
            msg = f"there is a stream {STREAM} with other settings: {', '.join(faults)}"
            raise Unfit(msg)

    async def end(self, database: Database) -> End:
        """Find where the stream ends; Unfit when what it holds is not the beginning of this log."""
        state = (await self._jetstream.stream_info(STREAM)).state
        if state.messages != state.last_seq:
            msg = f"stream {STREAM} has lost messages: {state.messages} are left of {state.last_seq}"
            raise Unfit(msg)
        if not state.last_seq:
            return End(0, "")
        end = _end_of(await self._jetstream.get_msg(STREAM, seq=state.last_seq))
        if end.position != state.last_seq or await _id_at(database, end.position) != end.id:
            msg = f"stream {STREAM} is not the beginning of this log: event {end.id} is not at position {end.position}"
            raise Unfit(msg)
        return end

    async def publish(self, stored: Stored, before: End) -> End:
        """Send an event that is to stand behind another; waits for acknowledgements only where many are missing."""
        event = _EVENT.decode(stored.body)
        payload = envelope(stored, self._public_url)
        if len(payload) + HEADERS_MAX > self._client.max_payload:
            await self.settle()
            raise Unfit(_too_large(stored.position, len(payload), self._client.max_payload))
        if len(self._missing) >= WINDOW:
            await self.settle(WINDOW // 2)
        self._missing[stored.position] = asyncio.get_running_loop().create_future()
        await self._client.publish(
            f"parley.v1.{event.type}.{event.issues[0]}",
            payload,
            reply=f"{self._answers}.{stored.position}",
            headers={
                "Content-Type": MEDIA_TYPE,
                "Parley-Position": str(stored.position),
                "Nats-Msg-Id": event.id,
                "Nats-Expected-Stream": STREAM,
                **({"Nats-Expected-Last-Msg-Id": before.id} if before.id else {"Nats-Expected-Last-Sequence": "0"}),
            },
        )
        return End(stored.position, event.id)

    async def settle(self, left: int = 0) -> None:
        """Wait, oldest first, until so many acknowledgements are missing; the first that is not given is Refused."""
        async with asyncio.timeout(ACK_SECONDS) as patience:
            while len(self._missing) > left:
                position, acknowledgement = next(iter(self._missing.items()))
                if not acknowledgement.done():
                    patience.reschedule(asyncio.get_running_loop().time() + ACK_SECONDS)
                if (sequence := await acknowledgement) != position:
                    msg = f"stream {STREAM} has the event of position {position} as number {sequence}"
                    raise Unfit(msg)
                del self._missing[position]

    async def _answered(self, message: Msg) -> None:
        """Hand on what the server says to a publish: its sequence, or why there is none.

        The client's own `publish_async` (nats-py 2.16) never answers when a publish is refused.
        """
        acknowledgement = self._missing.get(int(message.subject.rpartition(".")[2]))
        if acknowledgement is None or acknowledgement.done():
            return
        answer = _ANSWER.decode(message.data) if message.data else _NOBODY
        if answer.error is None:
            acknowledgement.set_result(answer.seq)
        else:
            acknowledgement.set_exception(Refused(answer.error.description))

    def fail(self) -> None:
        """Tell who waits that no acknowledgement will come any more."""
        for acknowledgement in self._missing.values():
            if not acknowledgement.done():
                acknowledgement.set_exception(ConnectionClosedError())

    async def close(self) -> None:
        """Disconnect, and let go of the acknowledgements that nobody waits for."""
        for acknowledgement in self._missing.values():
            if not acknowledgement.cancel() and not acknowledgement.cancelled():
                acknowledgement.exception()
        with suppress(TimeoutError):
            async with asyncio.timeout(ACK_SECONDS):  # what is not sent yet would wait for a server that hangs
                await self._client.close()


def _end_of(message: RawStreamMsg) -> End:
    try:
        sent = _SENT.decode(message.data or b"")
        return End(int(sent.sequence), sent.id)
    except ValueError as error:
        msg = f"the last message of stream {STREAM}, number {message.seq}, is no event of Parley"
        raise Unfit(msg) from error


async def _id_at(database: Database, position: int) -> str | None:
    found = await events_at(database, [position])
    return _EVENT.decode(found[0].body).id if found else None


def _differs(name: str, found: StreamConfig) -> bool:
    return (getattr(found, name) or None) != (getattr(CONFIG, name) or None)


def _fault(name: str, found: StreamConfig) -> str:
    return f"{name} is {_shown(getattr(found, name))}, not {_shown(getattr(CONFIG, name))}"


def _shown(value: object) -> object:
    return getattr(value, "value", value)


def _too_large(position: int, size: int, most: int) -> str:
    return (
        f"the event at position {position} is a message of {size} bytes and the NATS server takes {most}: raise its "
        f"max_payload (9MB is enough for any event); everything before is in stream {STREAM}"
    )
