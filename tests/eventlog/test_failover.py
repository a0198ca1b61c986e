"""A primary that is lost and a standby that takes its place: nobody is misled, and nothing waits for the old one."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, LiteralString, NamedTuple

import pytest
from click.testing import CliRunner

from service.cli import cli
from tests import migrations
from tests.eventlog.measures import fact, imposed, opening
from tests.ledgers import opened
from tests.postgres_servers import postgres_servers, together
from tests.processes import PATIENCE
from tests.servers import plain_client, read_feed, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

    from tests.postgres_servers import Postgres, PostgresServers

Event = dict[str, Any]


def pair(servers: PostgresServers) -> tuple[Postgres, Postgres]:
    """Start a migrated primary and its standby."""
    primary = servers.primary()
    migrations.migrate(primary.url)
    return primary, servers.standby(primary)


class Replicated(NamedTuple):
    """A service on a primary and its standby, which both have an issue and a restriction `a`."""

    primary: Postgres
    standby: Postgres
    url: str
    asking: httpx.Client


@contextmanager
def replicated() -> Iterator[Replicated]:
    """Start them; at the end the projections must be those of the log."""
    with postgres_servers() as servers:
        primary, standby = pair(servers)
        url = together(primary, standby)
        with serving(url) as server, plain_client(server.url) as asking:
            assert send(asking, opening(), imposed("a")).status_code == 201
            primary.wait_until_received(standby)
            yield Replicated(primary, standby, url, asking)
        assert "identical" in check(url)


def send(asking: httpx.Client, *events: Event) -> httpx.Response:
    return asking.post("/v1/events", json={"events": events})


def insist(asking: httpx.Client, *events: Event) -> float:
    """Send the same events until they are acknowledged, as a client does; return the seconds that it took."""
    began = time.monotonic()
    while (answer := send(asking, *events)).status_code not in {200, 201}:
        assert answer.status_code == 503
        assert time.monotonic() < began + PATIENCE
    return time.monotonic() - began


def check(url: str) -> str:
    """Return what `parley rebuild --check` says."""
    return CliRunner().invoke(cli, ["rebuild", "--check"], env={"PARLEY_DATABASE_URL": url}).output


@pytest.mark.attack
@pytest.mark.row(2)
def test_facts_lost_in_a_failover_leave_nothing_behind() -> None:
    """The service notices that the standby lacks what it acknowledged: no answer rests on it, and the epoch rises."""
    with postgres_servers() as servers:
        primary, standby = pair(servers)
        url = together(primary, standby)
        with serving(url) as server, plain_client(server.url) as asking:
            assert send(asking, opening(), imposed("a"), imposed("b")).status_code == 201
            primary.wait_until_received(standby)
            standby.cut_off()
            lost = [
                fact("restriction.lifted", "a", occurred="2025-02-01"),
                fact("restriction.suspended", "b", occurred="2025-02-01"),
                imposed("ghost"),
            ]
            for event in lost:
                assert send(asking, event).status_code == 201
            path = "/v1/restrictions/{}?as_of=2025-06-01"
            frozen = f"{path.format('a')}&known_position=5"
            assert asking.get(frozen).json()["status"] == "lifted"
            epoch = asking.get("/readyz").json()["epoch"]
            primary.kill()
            standby.promote()
            fresh = [imposed("c"), fact("restriction.extended", "a"), fact("restriction.extended", "b")]
            insist(asking, *fresh)
            statuses = [asking.get(path.format(item)).json()["status"] for item in ("a", "b", "c")]
            assert statuses == ["in_force"] * 3
            assert asking.get(path.format("ghost")).status_code == 404
            assert asking.get(frozen).json()["status"] == "in_force"
            assert asking.get("/readyz").json()["epoch"] > epoch
            ids = [event["id"] for event in read_feed(server.url)]
            assert [event["id"] for event in fresh] == ids[3:]
        assert "identical" in check(standby.url)


@pytest.mark.attack
@pytest.mark.row(2, 8)
def test_nothing_is_lost_in_a_failover_to_a_standby_that_commits_waited_for(figure: Callable[[str], None]) -> None:
    """With synchronous replication every acknowledged event is in the log of the standby."""
    with postgres_servers() as servers:
        primary, standby = pair(servers)
        primary.require(standby)
        url = together(primary, standby)
        with serving(url) as server, plain_client(server.url) as asking:
            sent = [opening(), *[imposed(f"m{number}") for number in range(40)]]
            for event in sent:
                assert send(asking, event).status_code == 201
            primary.kill()
            standby.promote()
            sent.append(imposed("after"))
            figure(f"acknowledged {insist(asking, sent[-1]):.1f} s after the promotion, 0 of {len(sent)} missing")
            assert [event["id"] for event in read_feed(server.url)] == [event["id"] for event in sent]
        assert "identical" in check(standby.url)


@pytest.mark.attack
@pytest.mark.row(32)
def test_a_silent_primary_is_left_for_its_successor(figure: Callable[[str], None]) -> None:
    """A running service, and one that starts, go on with the second host though the first takes connections."""
    with replicated() as (primary, standby, url, asking):
        primary.pause()
        standby.promote()
        figure(f"acknowledged {insist(asking, imposed('b')):.1f} s after the promotion")
        assert asking.get("/readyz").json()["head"] == 3
        with serving(url) as other, plain_client(other.url) as asking_other:
            assert send(asking_other, imposed("c")).status_code == 201
        assert asking.get("/v1/restrictions/c").status_code == 200


@pytest.mark.attack
@pytest.mark.row(38)
def test_a_primary_that_is_demoted_is_left() -> None:
    """When the first host takes no more writes and the second does, reads and writes go to the second."""
    with replicated() as (primary, standby, _, asking):
        primary.set("default_transaction_read_only", "on")
        standby.promote()
        insist(asking, imposed("b"))
        assert asking.get("/readyz").status_code == 200
        assert asking.get("/v1/restrictions/b").status_code == 200
        assert standby.execute("SELECT position FROM head") == [(3,)]


@pytest.mark.slow
def test_a_primary_that_was_left_is_nobodys() -> None:
    """Of two servers that take writes it is the promoted one, for a service that runs and for one that starts."""
    with replicated() as (old, new, url, _):
        new.promote()
        with serving(url) as other, plain_client(other.url) as asking:
            assert send(asking, imposed("b")).status_code == 201
            new.stop()
            assert send(asking, imposed("c")).status_code == 503
            assert asking.get("/v1/restrictions").status_code == 503
            new.start()
            insist(asking, imposed("c"))
        assert [server.execute("SELECT position FROM head") for server in (old, new)] == [[(2,)], [(4,)]]


_WAITING = " FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name = 'parley'"
BROKEN_OFF: dict[str, LiteralString] = {
    "pg_terminate_backend": "SELECT pg_terminate_backend(pid)" + _WAITING,
    "pg_cancel_backend": "SELECT pg_cancel_backend(pid)" + _WAITING,
}
"""Statements that break off the waits for a standby, by function; they return a row for each."""


@pytest.mark.attack
@pytest.mark.row(8)
@pytest.mark.parametrize("how", BROKEN_OFF)
def test_what_no_standby_has_is_not_acknowledged(how: str, figure: Callable[[str], None]) -> None:
    """A commit whose wait for the standby is broken off is found in the log, and answers only when that has it."""
    with postgres_servers() as servers:
        primary = servers.primary()
        migrations.migrate(primary.url)
        with serving(primary.url) as server, plain_client(server.url) as asking, ThreadPoolExecutor(1) as threads:
            assert send(asking, opening()).status_code == 201
            primary.require(names="missing")
            event = imposed("a")
            began = time.monotonic()
            posting = threads.submit(send, asking, event)
            while not primary.execute(BROKEN_OFF[how]):
                assert not posting.done()
            while not primary.execute("SELECT 1 FROM head WHERE position = 2"):
                assert not posting.done()
            assert posting.result().status_code == 503
            figure(f"{how}: 503 after {time.monotonic() - began:.1f} s")
            with plain_client(server.url) as other:
                assert send(other, event).status_code == 503
            primary.require()
            assert insist(asking, event) < PATIENCE
            assert len(read_feed(server.url)) == 2
            assert send(asking, imposed("b")).status_code == 201


@pytest.mark.row(8)
@pytest.mark.anyio
async def test_a_wait_for_a_standby_that_is_cancelled_is_a_lost_commit() -> None:
    """Neither a commit nor a confirmation returns while the standby is missing, whoever cancels its wait."""
    with postgres_servers() as servers:
        primary = servers.primary()
        migrations.migrate(primary.url)
        async with opened(primary.url) as ledger:
            await ledger.append([opening()])
            primary.require(names="missing")
            appending = asyncio.create_task(ledger.append([imposed("a")]))
            while not await asyncio.to_thread(primary.execute, BROKEN_OFF["pg_cancel_backend"]):
                assert not appending.done()
            assert await asyncio.wait([appending], timeout=0.5) == (set(), {appending})
            primary.require()
            assert (await appending).events[0].position == 2
