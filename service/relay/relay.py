"""The relay: publishes every event of the log to NATS JetStream, once and in order, for as long as it runs.

The relay keeps no cursor. It reads the end of the stream from the stream itself, whose sequence is the position: at the
start, and again after any failure. Each publish names its own event id and that of the event before it, and the server
takes it only directly after that one. So if a publish gets lost, all later ones are refused; one that arrives twice is
recognized; and two relays at once do the work of one.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog
from nats.aio.client import Client
from nats.errors import ConnectionClosedError
from nats.errors import Error as NatsError

from service.domain.errors import OtherLog
from service.eventlog.head import Heads
from service.feed.cloudevents import origin_of
from service.feed.pages import CHUNK_BYTES, log_page
from service.relay.stream import ACK_SECONDS, CONFIG, STREAM, SUBJECTS, WINDOW, End, PublishRefused, Stream, Unfit
from service.storage.database import Lost

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from service.feed.pages import LogPage
    from service.storage.database import Database

__all__ = ["CONFIG", "STREAM", "SUBJECTS", "Relay", "Unfit"]

POLL_SECONDS = 0.2
"""Seconds between two reads of the head of an idle log."""
BACKOFF_SECONDS = (0.1, 5.0)
"""Seconds to wait after the first loss, and at most: each loss without progress doubles the wait."""

logger = structlog.get_logger(__name__)


class Relay:
    """Publishes a log to the stream `PARLEY` of one NATS cluster."""

    def __init__(self, database: Database, servers: Sequence[str], public_url: str, replicas: int = 1) -> None:
        """`servers` are URLs of the cluster, `replicas` the copies of a stream that the relay makes."""
        self._database, self._servers, self._public_url = database, list(servers), public_url
        self._replicas = replicas
        self._heads = Heads(database)
        self._wait = BACKOFF_SECONDS[0]
        self._position = 0
        self.position = 0
        """The last position that the stream has, as far as it has acknowledged."""
        self.is_up = False
        """Whether the stream takes events."""
        self.losses = 0
        """How often the stream or the database was lost."""

    async def run(self) -> None:
        """Relay until cancelled, through losses of the server and of the database; raises Unfit when it never can."""
        try:
            while True:
                await self._try()
                _heed_cancellation()
                await asyncio.sleep(self._wait)
                self._wait = min(2 * self._wait, BACKOFF_SECONDS[1])
        finally:
            logger.info("relay.stopped", position=self._position)

    async def _try(self) -> None:
        try:
            async with self._connected() as stream:
                await self._heads.start()
                await stream.open(self._replicas)
                end = await stream.end(self._database)
                _heed_cancellation()
                self._reached(end)
                self.is_up = True
                logger.info("relay.started", stream=STREAM, position=end.position)
                await self._follow(stream, end)
        except (NatsError, PublishRefused, Lost, OSError, TimeoutError) as error:
            reason = str(error) or type(error).__name__
            self.losses += 1
            logger.warning("relay.lost", position=self._position, reason=reason, again_in=self._wait)
        finally:
            self.is_up = False

    async def _follow(self, stream: Stream, end: End) -> None:
        """Send the events of the log, then each new one."""
        end = await self._catch_up(stream, end)
        logger.info("relay.caught_up", position=end.position)
        while True:
            await asyncio.sleep(POLL_SECONDS)
            if not stream.connected:
                raise ConnectionClosedError
            head = await self._heads.read()
            if (head.position, head.recorded_at) != end.place:
                end = await self._catch_up(stream, end)

    async def _catch_up(self, stream: Stream, end: End) -> End:
        """Send every event after `end`; on return all are acknowledged. Raises Unfit if the log was set back."""
        origin = origin_of(self._public_url, self._heads)
        while (page := await self._page(end)).events:
            for stored in page.events:
                end = await stream.publish(stored, end, origin)
                _heed_cancellation()
            self.position = end.position - stream.missing
            await asyncio.sleep(0)  # where a read runs at once, others have their turn
        await stream.await_acknowledgements()
        self._reached(end)
        return end

    async def _page(self, end: End) -> LogPage:
        try:
            return await log_page(self._database, end.place, WINDOW, size=CHUNK_BYTES)
        except OtherLog as error:
            msg = f"stream {STREAM} is not the beginning of this log any more: {error}"
            raise Unfit(msg) from error

    def _reached(self, end: End) -> None:
        """Note the end of the stream, as acknowledged; progress makes the next wait short again."""
        if end.position > self._position:
            self._wait = BACKOFF_SECONDS[0]
        self._position = self.position = end.position

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Stream]:
        """Connect once: the client must not reconnect and send again on its own."""
        client = Client()
        stream = Stream(client)

        async def closed() -> None:
            stream.fail()

        async def failed(error: Exception) -> None:
            logger.debug("relay.connection_failed", reason=str(error))

        try:
            await client.connect(
                self._servers,
                name="parley relay",
                allow_reconnect=False,
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                connect_timeout=ACK_SECONDS,
                ping_interval=ACK_SECONDS,
                closed_cb=closed,
                error_cb=failed,
            )
            yield stream
        finally:  # nats-py leaves a connection open that broke off before the server's greeting
            await stream.close()


def _heed_cancellation() -> None:
    """Raise a cancellation that got lost: nats-py (2.16) swallows one that comes while it flushes or closes."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
