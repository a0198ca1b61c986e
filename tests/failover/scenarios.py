"""The failures after which everything that was acknowledged is in the log: each with what is done, step by step."""

from __future__ import annotations

import asyncio
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import httpx

from tests.brokers import Broker, connected, leader
from tests.failover import disk, network
from tests.failover.run import Scenario, until
from tests.load.commands import in_thread
from tests.postgres_servers import HERE, Place
from tests.servers import Server, openings, plain_client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.failover.run import Run
    from tests.postgres_servers import Postgres, PostgresServers

ROUNDS, BETWEEN = 4, 0.5
"""How often all sessions are ended, and the seconds from one time to the next."""
FROZEN_SECONDS = 12.0
"""How long a server of JetStream is frozen."""
FULL_SECONDS = 4.0
"""How long the disk is full after the first write was refused."""
TERMINATE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE backend_type IN ('client backend', 'walsender') AND pid <> pg_backend_pid()
"""


@contextmanager
def here(_: PostgresServers) -> Iterator[Place]:
    """Return the place of a primary that needs none of its own."""
    yield HERE


def nothing() -> str:
    """Return that nothing is missing."""
    return ""


async def kill(run: Run) -> None:
    """Kill the primary, promote a standby."""
    await _replaced(run, "the primary is killed", run.cluster.primary.kill)


async def stop(run: Run) -> None:
    """Stop the primary in order, promote a standby."""
    await _replaced(run, "the primary is stopped", run.cluster.primary.stop)


async def freeze(run: Run) -> None:
    """Freeze the primary, promote a standby, thaw the old primary."""
    old = run.cluster.primary
    await _replaced(run, "the primary is frozen", old.pause, old.resume)


async def cut(run: Run) -> None:
    """Cut the network of the primary, promote a standby, join the network again."""
    await _replaced(run, "the network of the primary is cut", network.cut, network.join)


async def _replaced(
    run: Run, what: str, strike: Callable[[], object], mend: Callable[[], object] | None = None
) -> None:
    """Strike the primary and promote a standby; where the old primary is mended, it must acknowledge nothing."""
    old = run.cluster.primary
    run.strike(what)
    await in_thread(strike)
    await promote(run)
    await run.went_on()
    if mend is not None:
        await in_thread(mend)
        await refuses(run, old)


async def sessions(run: Run) -> None:
    """End all sessions with the primary, those of standbys too, several times."""
    run.strike("all sessions are ended, again and again")
    for _ in range(ROUNDS):
        await in_thread(lambda: run.cluster.primary.execute(TERMINATE))
        await asyncio.sleep(BETWEEN)
    await run.went_on()


async def full(run: Run) -> None:
    """Fill the disk of the primary until writes are refused, then give the space back."""
    primary, before = run.cluster.primary, run.findings.of("answers 503")
    await in_thread(lambda: disk.fill(primary.data))
    await until(lambda: run.findings.of("answers 503") > before, "a write that is refused")
    await asyncio.sleep(FULL_SECONDS)
    run.strike("the disk of the primary was full, and has space again")
    disk.free(primary.data)
    if not await in_thread(primary.is_running):
        run.notes.append("the primary had ended, and was started again")
        await in_thread(primary.start)
    await run.went_on()


async def kill_writer(run: Run) -> None:
    """Kill the process that writes for all, start it again once the others have gone on."""
    writer = await in_thread(lambda: _writer(run.cluster.servers))
    run.strike("the process that writes for all is killed")
    await in_thread(writer.kill)
    await run.went_on(without=writer)
    await in_thread(writer.start)


async def kill_broker(run: Run) -> None:
    """Kill the server of JetStream that leads the stream, start it again."""
    broker = await _leading(run)
    run.strike("the leader of the stream is killed")
    await in_thread(broker.kill)
    await run.went_on()
    await in_thread(broker.start)


async def freeze_broker(run: Run) -> None:
    """Freeze the server of JetStream that leads the stream, thaw it."""
    broker = await _leading(run)
    run.strike("the leader of the stream is frozen")
    broker.pause()
    await run.went_on()
    await asyncio.sleep(max(0.0, FROZEN_SECONDS - run.since()))
    broker.resume()


async def promote(run: Run) -> None:
    """Promote a standby, as whoever watches the cluster does."""
    await in_thread(run.cluster.fence)
    await in_thread(run.cluster.promote)
    run.notes.append(f"promoted after {run.since():.1f} s")


async def refuses(run: Run, old: Postgres) -> None:
    """Check that a primary which was left acknowledges nothing, also not to a process that knows no other."""
    status = await in_thread(lambda: _sent_to(old))
    run.notes.append(f"a write to the old primary alone: {status}")
    if status != httpx.codes.SERVICE_UNAVAILABLE:
        run.findings.wrong("writes at a primary that was left", f"status {status}")


def _sent_to(old: Postgres) -> int:
    with closing(Server(old.url)) as server:
        server.start()
        with plain_client(server.url) as client:
            return client.post("/v1/events", json={"events": openings()}).status_code


def _writer(servers: list[Server]) -> Server:
    """Return the process that writes for all."""
    for server in servers:
        with plain_client(server.url) as client:
            if "\nparley_writer 1" in client.get("/metrics").text:
                return server
    msg = "no process writes for all"
    raise AssertionError(msg)


async def _leading(run: Run) -> Broker:
    async with connected(run.cluster.nats_url) as client:
        name = await leader(client)
    return next(broker for broker in run.cluster.brokers if broker.name == name)


SCENARIOS = (
    Scenario("kill", "kill -9 of the primary, a standby is promoted", kill, here, nothing),
    Scenario("freeze", "SIGSTOP of the primary, a standby is promoted, the old one thaws", freeze, here, nothing),
    Scenario("stop", "orderly stop of the primary, a standby is promoted", stop, here, nothing),
    Scenario("network", "the network of the primary is cut, a standby promoted", cut, network.room, network.missing),
    Scenario("sessions", "all sessions with the primary are ended, again and again", sessions, here, nothing),
    Scenario("disk", "the disk of the primary is full for a while", full, disk.room, disk.missing),
    Scenario("writer", "kill -9 of the process that writes for all", kill_writer, here, nothing),
    Scenario("stream-kill", "kill -9 of the server that leads the stream", kill_broker, here, nothing),
    Scenario("stream-freeze", "SIGSTOP of the server that leads the stream", freeze_broker, here, nothing),
)
