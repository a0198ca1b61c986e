"""Several processes on one database: one of them records for all, and nothing depends on that it lives."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import socket
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest
from click.testing import CliRunner

from service.cli import cli
from tests import migrations
from tests.processes import PATIENCE, free_port
from tests.servers import Server, client, facts, openings, plain_client, read_feed, serving, serving_together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.conftest import PostgresServer

Event = dict[str, Any]

WRITERS = 12
EACH = 12


def metric(url: str, name: str) -> float:
    with plain_client(url) as asking:
        found = re.search(rf"^{name} (\S+)$", asking.get("/metrics").text, re.MULTILINE)
    assert found, name
    return float(found.group(1))


def is_writer(server: Server) -> bool:
    return metric(server.url, "parley_writer") == 1


def wait_until(condition: Callable[[], bool]) -> float:
    """Wait until a condition holds; return the seconds that it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() < began + PATIENCE
        time.sleep(0.05)
    return time.monotonic() - began


def are_linked(servers: Sequence[Server]) -> bool:
    """Return whether one of them writes and every other one sends it an append that it is given."""
    others = [server for server in servers if not is_writer(server)]
    if len(others) != len(servers) - 1:
        return False
    for server in others:
        before = metric(server.url, "parley_append_sent_total")
        with plain_client(server.url) as asking:
            asking.post("/v1/events", json={"events": openings()}).raise_for_status()
        if metric(server.url, "parley_append_sent_total") == before:
            return False
    return True


@contextmanager
def linked(url: str, count: int) -> Iterator[tuple[Server, list[Server]]]:
    """Run so many servers on one database; yield the one that writes, and the others, linked to it."""
    with serving_together([url] * count) as servers:
        wait_until(lambda: are_linked(servers))
        writer = next(server for server in servers if is_writer(server))
        yield writer, [server for server in servers if server is not writer]


async def insist(url: str, event: Event, urls: Sequence[str]) -> None:
    """Send one event, to another server where this one is gone, until it is acknowledged."""
    for turn in range(1_000):
        with suppress(httpx.TransportError):
            async with client(url if turn == 0 else urls[turn % len(urls)]) as asking:
                answer = await asking.post("/v1/events", json={"events": [event]})
                if answer.status_code in {200, 201}:
                    return
                assert answer.status_code == 503, answer.text
        await asyncio.sleep(0.05)
    raise AssertionError(event["id"])


async def write_all(urls: Sequence[str], events: Sequence[Event], disturb: Callable[[], object]) -> None:
    """Let many clients send events through every server, and do something in the middle."""
    written = iter(events)
    done = 0

    async def write(number: int) -> None:
        nonlocal done
        for event in written:
            await insist(urls[number % len(urls)], event, urls)
            done += 1
            if done == len(events) // 3:
                await asyncio.to_thread(disturb)

    await asyncio.gather(*[write(number) for number in range(WRITERS)])


def check(url: str, database_url: str, events: Sequence[Event]) -> None:
    """The log has every event once and no gap, and the projections are those of the log."""
    log = read_feed(url)
    assert [event["position"] for event in log] == list(range(1, len(log) + 1))
    ids = [event["id"] for event in log]
    assert len(set(ids)) == len(ids)
    assert {event["id"] for event in events} <= set(ids)
    output = CliRunner().invoke(cli, ["rebuild", "--check"], env={"PARLEY_DATABASE_URL": database_url}).output
    assert "CHANGED" not in output, output


def test_one_process_records_for_all(migrated_postgres_url: str) -> None:
    """Of three processes one makes every commit; each of them reads at once what it has acknowledged."""
    with linked(migrated_postgres_url, 3) as (writer, others):
        before = [metric(server.url, "parley_append_commits_total") for server in others]
        for number, event in enumerate(facts(1, 30)):
            server = [writer, *others][number % 3]
            with plain_client(server.url) as asking:
                receipt = asking.post("/v1/events", json={"events": [event]})
                assert receipt.status_code == 201, receipt.text
                assert asking.get(f"/v1/events/{event['id']}").json()["position"] == receipt.json()["position"]
                assert asking.get("/v1/issues").json()["known_position"] >= receipt.json()["position"]
        assert [metric(server.url, "parley_append_commits_total") for server in others] == before
        check(others[0].url, migrated_postgres_url, facts(1, 30))


def test_a_process_that_does_not_write_answers_as_one_that_does(migrated_postgres_url: str) -> None:
    """Warnings, repeats and every refusal of an append are the same through the link as at the writer itself."""
    fact, other, third, fourth = facts(2, 4)
    unopened = third | {"issues": ["never-opened"]}
    end = other | {"type": "restriction.lifted", "item": "measure-never-opened"}
    end.pop("rate_percent")
    attempts: list[tuple[Event, dict[str, str]]] = [
        ({"events": [fact]}, {}),
        ({"events": [fact | {"rate_percent": 101}]}, {}),
        ({"events": [unopened]}, {}),
        ({"events": [fourth], "expected_versions": {"load-one": 1_000}}, {}),
        ({"events": [end]}, {"Idempotency-Key": '"one"'}),
        ({"events": [end]}, {"Idempotency-Key": '"one"'}),
        ({"events": [fact]}, {"Idempotency-Key": '"one"'}),
    ]
    with linked(migrated_postgres_url, 2) as (writer, (other_server,)):
        with plain_client(other_server.url) as there, plain_client(writer.url) as here:
            through = [there.post("/v1/events", json=body, headers=headers) for body, headers in attempts]
            again = [here.post("/v1/events", json=body, headers=headers) for body, headers in attempts]
        assert [answer.status_code for answer in through] == [201, 409, 422, 409, 201, 200, 422]
        assert [answer.status_code for answer in again] == [200, 409, 422, 409, 200, 200, 422]
        assert through[4].json()["warnings"]
        for first, second in zip(through, again, strict=True):
            ignored = {"warnings": 0, "trace_id": 0}
            assert {**first.json(), **ignored} == {**second.json(), **ignored}
        assert metric(other_server.url, "parley_append_commits_total") <= 1


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["kill", "pause", "stop"])
def test_the_writer_goes_and_nothing_is_lost(migrated_postgres_url: str, fault: str) -> None:
    """Killed, frozen or stopped while all write: every event is recorded once, and another process writes then."""
    events = facts(3, WRITERS * EACH)
    with linked(migrated_postgres_url, 3) as (writer, others):
        urls = [server.url for server in others]
        asyncio.run(write_all(urls, events, getattr(writer, fault)))
        wait_until(lambda: any(is_writer(server) for server in others))
        if fault == "pause":
            writer.resume()
            wait_until(lambda: not is_writer(writer))
        check(urls[0], migrated_postgres_url, events)
        if fault != "pause":
            writer.start()


def test_a_writer_that_is_frozen_holds_up_nobody_for_long(migrated_postgres_url: str) -> None:
    """An append that the frozen writer was sent is answered by the process that sent it, and is recorded once."""
    (event,) = facts(4, 1)
    with linked(migrated_postgres_url, 2) as (writer, (other,)):
        writer.pause()
        with plain_client(other.url) as asking:
            began = time.monotonic()
            assert asking.post("/v1/events", json={"events": [event]}).status_code == 201
            assert time.monotonic() - began < PATIENCE / 3
        writer.resume()
        wait_until(lambda: is_writer(other) != is_writer(writer))
        check(other.url, migrated_postgres_url, [event])


def test_a_copy_of_the_database_writes_to_itself(migrated_postgres_url: str, postgres_server: PostgresServer) -> None:
    """A copy has the lease of the original's writer, which still runs: appends do not go there."""
    copy = postgres_server.create()
    migrations.migrate(copy)
    try:
        with serving(migrated_postgres_url) as original:
            wait_until(lambda: is_writer(original))
            with psycopg.connect(migrated_postgres_url) as source, psycopg.connect(copy) as target:
                lease = source.execute("SELECT owner, address, secret, place FROM writer").fetchone()
                assert lease is not None
                longer = (
                    "UPDATE writer SET owner = %s, address = %s, secret = %s, place = %s, ends_at = 1::bigint << 60"
                )
                target.execute(longer, lease)
            with serving(copy) as server, plain_client(server.url) as asking, plain_client(original.url) as there:
                assert asking.post("/v1/events", json={"events": openings()}).status_code == 201
                assert there.get("/readyz").json()["head"] == 0
                assert asking.get("/readyz").json()["head"] == len(openings())
    finally:
        postgres_server.drop(copy)


def test_the_door_is_closed_to_strangers(migrated_postgres_url: str) -> None:
    """Who does not know the secret of the lease is disconnected, whatever it sends; the writer goes on."""
    address = ("127.0.0.1", free_port())
    flags = ("--writer-address", f"{address[0]}:{address[1]}")
    with serving(migrated_postgres_url, *flags) as server:
        wait_until(lambda: is_writer(server))
        choose = random.Random(5)  # noqa: S311 - repeatable
        for sent in (b"GET / HTTP/1.1\r\n\r\n", (64).to_bytes(4) + bytes(64), b"\xff" * 64, choose.randbytes(4_096)):
            with socket.create_connection(address, PATIENCE) as stranger:
                nonce = stranger.recv(36)
                assert len(nonce) == 36
                stranger.sendall(sent)
                with suppress(ConnectionResetError):
                    assert stranger.recv(100) == b""
        with plain_client(server.url) as asking:
            assert asking.post("/v1/events", json={"events": openings()}).status_code == 201


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "here:port", "1.2.3.4:70000"])  # noqa: S104 - refused
def test_an_address_that_nobody_reaches_is_refused(address: str) -> None:
    """The address of the writer is one that other processes can connect to; anything else is named in one line."""
    asked = CliRunner().invoke(cli, ["serve", "--writer-address", address])
    assert asked.exit_code == 2
    assert "PARLEY_WRITER_ADDRESS" in asked.output


def workers_of(server: Server) -> list[int]:
    """Return the processes that a server has started (Linux)."""
    return [int(each) for each in Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()]


def are_gone(numbers: Sequence[int]) -> bool:
    return not any(Path(f"/proc/{number}").exists() for number in numbers)


@pytest.mark.slow
def test_workers_share_an_address(migrated_url: str) -> None:
    """Three processes answer on one address; one that is killed is replaced, and all end with the first."""
    events = facts(6, 60)
    with serving(migrated_url, "--workers", "3") as server:
        with plain_client(server.url) as asking:
            asking.post("/v1/events", json={"events": openings()}).raise_for_status()
        wait_until(lambda: len(workers_of(server)) == 3)
        first = workers_of(server)
        asyncio.run(write_all([server.url], events, lambda: os.kill(first[0], signal.SIGKILL)))
        wait_until(lambda: len(set(workers_of(server)) - set(first)) == 1)
        check(server.url, migrated_url, events)
        last = workers_of(server)
        assert server.stop() == 0
        assert are_gone(last)
        server.start()
        orphans = workers_of(server)
        server.kill()
        wait_until(lambda: are_gone(orphans))
        server.start()
