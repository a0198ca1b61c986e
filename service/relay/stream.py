"""The JetStream stream of the log: its settings, its end, and the publish of one event after another."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec import Struct
from nats.errors import ConnectionClosedError
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StoreCompression, StreamConfig
from nats.js.errors import NotFoundError

from service.eventlog.log import BEGINNING, Place, events_at
from service.feed.cloudevents import MEDIA_TYPE, envelope, sequence

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.js.api import RawStreamMsg

    from service.eventlog.log import Stored
    from service.feed.cloudevents import Origin
    from service.storage.database import Database

STREAM = "PARLEY"
SUBJECTS = "parley.v1.>"
DUPLICATE_SECONDS = 120
"""How long the server recognizes a message id. The order is safe without it; with it a second relay keeps pace."""
WINDOW = 256
"""Events that may be published and not yet acknowledged."""
ACK_SECONDS = 10
"""A server that acknowledges nothing for this long counts as lost."""
HEADERS_MAX = 1_024
"""Bytes of the headers of a message; the server counts them against its limit too."""

CONFIG = StreamConfig(
    name=STREAM,
    description="Every event of a Parley ledger; the sequence is the position.",
    subjects=[SUBJECTS],
    storage=StorageType.FILE,
    compression=StoreCompression.NONE,
    retention=RetentionPolicy.LIMITS,
    discard=DiscardPolicy.NEW,  # if somebody sets a limit later: refuse new events, drop none
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
_FIXED_SETTINGS = (
    *("subjects", "storage", "retention", "max_age", "max_bytes", "max_msgs", "max_msgs_per_subject", "max_msg_size"),
    *("deny_delete", "deny_purge", "allow_rollup_hdrs", "no_ack", "sealed", "mirror", "sources", "subject_transform"),
    *("allow_msg_ttl", "allow_msg_counter", "persist_mode"),
)
"""Settings that a stream must share with `CONFIG`: else it could take foreign messages, or lose or refuse some."""


class Unfit(Exception):  # noqa: N818 - named as the condition
    """The log cannot go into this stream, and trying again would not help."""


class PublishRefused(Exception):  # noqa: N818 - named as the condition
    """The server did not take an event, most often because it does not follow the last one in the stream."""


class End(NamedTuple):
    """The last event in the stream: its place in the log, its position being its sequence in the stream, and its id.

    The beginning of the log and "" where the stream is empty.
    """

    place: Place
    id: str

    @property
    def position(self) -> int:
        """Return the position."""
        return self.place.position


class _Event(Struct, frozen=True, gc=False):
    """The members of an event that its message is addressed by."""

    id: str
    type: str
    issues: tuple[str, ...]


class _Published(Struct, frozen=True, gc=False):
    """The members of a message in the stream that identify its event."""

    id: str
    sequence: str


class _Error(Struct, frozen=True, gc=False):
    """The reason for which a publish was refused."""

    description: str


class _Answer(Struct, frozen=True, gc=False):
    """The server's answer to a publish."""

    seq: int = 0
    error: _Error | None = None


_EVENT = msgspec.json.Decoder(_Event)
_PUBLISHED = msgspec.json.Decoder(_Published)
_ANSWER = msgspec.json.Decoder(_Answer)
_NO_STREAM = _Answer(error=_Error("no stream takes the subject"))
"""The answer of a server without the stream is empty, with the status 503."""


class Stream:
    """The stream over one connection; after a loss the relay makes another object with a new connection."""

    def __init__(self, client: Client) -> None:
        """`client` is connected."""
        self._client = client
        self._jetstream = client.jetstream(timeout=ACK_SECONDS)
        self._answers = client.new_inbox()
        self._missing: dict[int, asyncio.Future[int]] = {}
        """Acknowledgements that have not been awaited yet, by position, in order."""

    @property
    def connected(self) -> bool:
        """Whether the connection is open, as far as the client can see."""
        return self._client.is_connected

    @property
    def missing(self) -> int:
        """How many events were sent last whose acknowledgement has not been awaited."""
        return len(self._missing)

    async def open(self, replicas: int) -> None:
        """Make the stream where there is none; raises Unfit for one with other settings."""
        await self._client.subscribe(f"{self._answers}.*", cb=self._answered)
        try:
            info = await self._jetstream.stream_info(STREAM)
        except NotFoundError:
            info = await self._jetstream.add_stream(CONFIG, num_replicas=replicas)
        if faults := [_fault(name, info.config) for name in _FIXED_SETTINGS if _differs(name, info.config)]:
            msg = f"there is a stream {STREAM} with other settings: {', '.join(faults)}"
            raise Unfit(msg)

    async def end(self, database: Database) -> End:
        """Read the end of the stream; raises Unfit when the stream is not the beginning of this log."""
        state = (await self._jetstream.stream_info(STREAM)).state
        if state.messages != state.last_seq:
            msg = f"stream {STREAM} has lost messages: {state.messages} are left of {state.last_seq}"
            raise Unfit(msg)
        if not state.last_seq:
            return End(BEGINNING, "")
        last = _last_of(await self._jetstream.get_msg(STREAM, seq=state.last_seq))
        found = await events_at(database, [state.last_seq])
        if last.sequence != sequence(state.last_seq) or not found or _EVENT.decode(found[0].body).id != last.id:
            msg = (
                f"stream {STREAM} is not the beginning of this log: event {last.id} is not at position {state.last_seq}"
            )
            raise Unfit(msg)
        return End(found[0].place, last.id)

    async def publish(self, stored: Stored, before: End, origin: Origin) -> End:
        """Send an event that must follow `before`; waits for acknowledgements only if many are missing."""
        event = _EVENT.decode(stored.body)
        payload = envelope(stored, origin)
        if len(payload) + HEADERS_MAX > self._client.max_payload:  # without the text that a record acts on
            payload = envelope(stored._replace(acts_on=None), origin)
        if len(payload) + HEADERS_MAX > self._client.max_payload:
            await self.await_acknowledgements()
            raise Unfit(_too_large(stored.position, len(payload), self._client.max_payload))
        if len(self._missing) >= WINDOW:
            await self.await_acknowledgements(WINDOW // 2)
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
        return End(stored.place, event.id)

    async def await_acknowledgements(self, left: int = 0) -> None:
        """Wait, oldest first, until at most `left` acknowledgements are missing.

        Raises PublishRefused for the first event that the server refused, TimeoutError after ACK_SECONDS without one.
        """
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
        """Resolve the acknowledgement of a publish: with its sequence, or with the reason for the refusal.

        The client's own `publish_async` (nats-py 2.16) never answers when a publish is refused.
        """
        acknowledgement = self._missing.get(int(message.subject.rpartition(".")[2]))
        if acknowledgement is None or acknowledgement.done():
            return
        answer = _ANSWER.decode(message.data) if message.data else _NO_STREAM
        if answer.error is None:
            acknowledgement.set_result(answer.seq)
        else:
            acknowledgement.set_exception(PublishRefused(answer.error.description))

    def fail(self) -> None:
        """End every wait for an acknowledgement: none will come any more."""
        for acknowledgement in self._missing.values():
            if not acknowledgement.done():
                acknowledgement.set_exception(ConnectionClosedError())

    async def close(self) -> None:
        """Disconnect, and drop the acknowledgements that nobody waits for."""
        for acknowledgement in self._missing.values():
            if not acknowledgement.cancel() and not acknowledgement.cancelled():
                acknowledgement.exception()
        with suppress(TimeoutError):
            async with asyncio.timeout(ACK_SECONDS):  # unsent data would wait for a server that hangs
                await self._client.close()


def _last_of(message: RawStreamMsg) -> _Published:
    try:
        return _PUBLISHED.decode(message.data or b"")
    except ValueError as error:
        msg = f"the last message of stream {STREAM}, number {message.seq}, is no event of Parley"
        raise Unfit(msg) from error


def _differs(name: str, actual: StreamConfig) -> bool:
    return (getattr(actual, name) or None) != (getattr(CONFIG, name) or None)


def _fault(name: str, actual: StreamConfig) -> str:
    return f"{name} is {_shown(getattr(actual, name))}, not {_shown(getattr(CONFIG, name))}"


def _shown(value: object) -> object:
    return getattr(value, "value", value)


def _too_large(position: int, size: int, most: int) -> str:
    return (
        f"the event at position {position} is a message of {size} bytes and the NATS server takes {most}: raise its "
        f"max_payload (9MB is enough for any event); stream {STREAM} has every event before it"
    )
