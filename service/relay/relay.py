"""Every event of the log to NATS JetStream, once and in order, for as long as it runs.

The relay holds no cursor. Where the stream ends is read from the stream itself, whose sequence is the position: at the
start, and again after anything went wrong. Each publish names its own event id and that of the event before it, and the
server takes it only behind that one. So a publish that got lost has all behind it refused, one that came twice is
known, and two relays at once do what one does.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog
from nats.aio.client import Client
from nats.errors import ConnectionClosedError
from nats.errors import Error as NatsError

from service.eventlog.head import head_of
from service.eventlog.log import log_pages
from service.relay.stream import ACK_SECONDS, CONFIG, STREAM, SUBJECTS, WINDOW, End, Refused, Stream, Unfit
from service.storage.database import Lost

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from service.storage.database import Database

__all__ = ["CONFIG", "STREAM", "SUBJECTS", "Relay", "Unfit"]

POLL_SECONDS = 0.2
"""Between two looks at an idle log."""
BACKOFF_SECONDS = (0.1, 5.0)
"""The first wait after a loss, doubled each time without progress up to the last."""

log = structlog.get_logger(__name__)


class Relay:
    """Publishes a log to the stream `PARLEY` of one NATS cluster."""

    def __init__(self, database: Database, servers: Sequence[str], public_url: str, replicas: int = 1) -> None:
        """`servers` are URLs of the cluster, `replicas` how many of them hold a stream that is made anew."""
        self._database, self._servers, self._public_url = database, list(servers), public_url
        self._replicas = replicas
        self._wait = BACKOFF_SECONDS[0]
        self._position = 0

    async def run(self) -> None:
        """Relay until cancelled, through losses of the server and of the database; Unfit when it cannot be done."""
        try:
            while True:
                await self._try()
                _heed_cancellation()
                await asyncio.sleep(self._wait)
                self._wait = min(2 * self._wait, BACKOFF_SECONDS[1])
        finally:
            log.info("relay.stopped", position=self._position)

    async def _try(self) -> None:
        try:
            async with self._connected() as stream:
                await stream.open(self._replicas)
                end = await stream.end(self._database)
                _heed_cancellation()
                self._reached(end)
                log.info("relay.started", stream=STREAM, position=end.position)
                await self._follow(stream, end)
        except (NatsError, Refused, Lost, OSError, TimeoutError) as error:
            reason = str(error) or type(error).__name__
            log.warning("relay.lost", position=self._position, reason=reason, again_in=self._wait)

    async def _follow(self, stream: Stream, end: End) -> None:
        """Send what the log has, then whatever comes."""
        end = await self._catch_up(stream, end)
        log.info("relay.caught_up", position=end.position)
        while True:
            await asyncio.sleep(POLL_SECONDS)
            if not stream.connected:
                raise ConnectionClosedError
            if (await head_of(self._database)).position != end.position:
                end = await self._catch_up(stream, end)

    async def _catch_up(self, stream: Stream, end: End) -> End:
        """Send what stands behind an event to the end of the log; all of it is acknowledged on return."""
        async for page in log_pages(self._database, end.position, WINDOW):
            for stored in page:
                end = await stream.publish(stored, end)
                _heed_cancellation()
        await stream.settle()
        self._reached(end)
        return end

    def _reached(self, end: End) -> None:
        """Note what the stream holds for certain; whoever gets on need not wait long."""
        if end.position > self._position:
            self._wait = BACKOFF_SECONDS[0]
        self._position = end.position

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Stream]:
        """Connect for as long as it holds: the client must not reconnect and send again on its own."""
        client = Client()
        stream = Stream(client, self._public_url)

        async def closed() -> None:
            stream.fail()

        async def failed(error: Exception) -> None:
            log.debug("relay.connection_failed", reason=str(error))

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
        finally:  # also of a connection that broke off before the server had greeted: nats-py leaves it open
            await stream.close()


def _heed_cancellation() -> None:
    """Raise a cancellation that got lost: nats-py (2.16) swallows one that comes while it flushes or gives up."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
