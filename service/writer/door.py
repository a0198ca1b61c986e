"""The door of the process that writes: other processes connect to it, and it records what they send."""

from __future__ import annotations

import asyncio
import hmac
from typing import TYPE_CHECKING

import structlog

from service.append.request import Request
from service.domain.vocabulary.events import id_of
from service.writer.frames import NONCE, PING, PROOF, Frames, is_outcome, proof, read_append, reply_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.append.request import AppendResult
    from service.writer.frames import Append

GREETING_SECONDS = 3.0
"""How long a connection may take to prove that it knows the secret."""
STRANGERS_MAX = 64
"""Connections that have proved nothing yet; more are ended at once."""

logger = structlog.get_logger(__name__)


class Door:
    """Where a process takes the appends of others."""

    def __init__(
        self,
        secret: str,
        chance: Callable[[int], bytes],
        record: Callable[[Request], asyncio.Future[AppendResult]],
        epoch: Callable[[], int],
    ) -> None:
        """`record` is the ledger's own, `epoch` returns its epoch; `chance` returns so many random bytes."""
        self.secret, self.chance, self.record, self.epoch = secret, chance, record, epoch
        self.strangers: set[_Visit] = set()
        self.visits: set[_Visit] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def open(self, host: str, port: int) -> str:
        """Listen; return the address, as `host:port`. Raises OSError."""
        self._server = await asyncio.get_running_loop().create_server(lambda: _Visit(self), host, port)
        found = self._server.sockets[0].getsockname()
        return f"{f'[{found[0]}]' if ':' in found[0] else found[0]}:{found[1]}"

    async def close(self) -> None:
        """Take no more; answer what was sent before, then end every connection."""
        if self._server is not None:
            self._server.close()
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=GREETING_SECONDS)
        await asyncio.sleep(0)  # the last answers leave at the end of a turn
        for visit in [*self.visits, *self.strangers]:
            if visit.transport is not None:
                visit.transport.close()


class _Visit(Frames):
    """One connection of another process."""

    def __init__(self, door: Door) -> None:
        super().__init__()
        self._door, self._nonce = door, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        door = self._door
        if len(door.strangers) >= STRANGERS_MAX:
            self.break_off()
            return
        door.strangers.add(self)
        self._nonce = door.chance(NONCE)
        self.send(self._nonce)
        asyncio.get_running_loop().call_later(GREETING_SECONDS, self._expire)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - as asyncio calls it
        self._door.strangers.discard(self)
        self._door.visits.discard(self)

    def received(self, frame: bytes) -> None:
        if self in self._door.strangers:
            self._greet(frame)
        elif frame == PING:
            self.send(PING)
        else:
            task = asyncio.create_task(self._record(read_append(frame)), name="forwarded")
            self._door.tasks.add(task)
            task.add_done_callback(self._door.tasks.discard)

    def _greet(self, frame: bytes) -> None:
        """Check the proof of the link, and answer with the door's own."""
        door, theirs = self._door, frame[:NONCE]
        wanted = proof(door.secret, b"link", self._nonce, theirs)
        if len(frame) != NONCE + PROOF or not hmac.compare_digest(frame[NONCE:], wanted):
            logger.warning("writer.stranger", reason="a connection does not know the secret of the lease")
            self.break_off()
            return
        door.strangers.discard(self)
        door.visits.add(self)
        self.send(proof(door.secret, b"door", theirs, self._nonce))

    def _expire(self) -> None:
        if self in self._door.strangers:
            self.break_off()

    async def _record(self, sent: Append) -> None:
        """Record an append, and answer it: the ledger refuses as it refuses its own clients."""
        try:
            result = await self._door.record(_request(sent))
        except Exception as error:
            if not is_outcome(error):
                logger.exception("writer.failed")
            self.send(reply_of(sent.number, self._door.epoch(), error))
        else:
            self.send(reply_of(sent.number, self._door.epoch(), result))


def _request(sent: Append) -> Request:
    """Return the request that another process sent. It may have been recorded before, so its ids count as given."""
    ids = frozenset([id_of(event) for event in sent.events])
    return Request(
        sent.events,
        sent.expected,
        asyncio.get_running_loop().create_future(),
        ids,
        ids if sent.key is None else ids | {sent.key.key},
        key=sent.key,
        once=sent.once,
        recorded_by=sent.recorded_by,
    )
