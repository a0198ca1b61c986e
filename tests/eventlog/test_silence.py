"""A PostgreSQL that falls silent, takes no writes or no connections: 503 within seconds, and all goes on afterwards."""

from __future__ import annotations

import asyncio
import gc
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from service.eventlog.head import Heads
from service.storage.connect import connect, next_tables
from service.storage.database import Lost
from service.storage.postgres_readers import READERS_MAX
from tests import migrations
from tests.postgres_servers import Postgres, postgres_servers
from tests.servers import client, openings, plain_client, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

PATHS = (
    "/readyz",
    "/v1/issues",
    "/v1/restrictions?as_of=2025-01-01",
    "/v1/feed",
    "/v1/exposure?good=steel&party=US",
)
SECONDS = 20.0
"""Within these an answer must be there, whatever goes wrong."""
NOTICED_SECONDS = 8.0
"""Within these a silent server is noticed: the limits add up to 5, and the machine may be busy."""
STOPPED_SECONDS = 8.0
"""Within these a service beside it ends: its grace is 5."""


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    """A migrated PostgreSQL that this test may stop."""
    with postgres_servers() as servers:
        server = servers.primary()
        migrations.migrate(server.url)
        yield server


class Answer:
    """The status of an answer, and the seconds until it came."""

    def __init__(self, status: int, seconds: float) -> None:
        """Hold both."""
        self.status, self.seconds = status, seconds


async def ask(url: str, method: str, path: str, content: Any = None) -> Answer:  # noqa: ANN401 - any JSON
    """Send a request over a connection of its own."""
    async with client(url) as asking:
        began = time.monotonic()
        answer = await asking.request(method, path, json=content)
        assert answer.status_code < 500 or answer.headers["content-type"] == "application/problem+json"
        return Answer(answer.status_code, time.monotonic() - began)


def statuses(answers: list[Answer]) -> set[int]:
    """Return the statuses of answers, all of which came in time."""
    assert max(each.seconds for each in answers) < SECONDS
    return {each.status for each in answers}


async def ask_all(url: str) -> list[Answer]:
    """Send every kind of request at once, more than there are sessions."""
    events = {"events": openings()}
    asked = [ask(url, "GET", path) for path in PATHS for _ in range(4)]
    return await asyncio.gather(*asked, *[ask(url, "POST", "/v1/events", events) for _ in range(4)])


@pytest.mark.attack
@pytest.mark.row(31)
def test_a_silent_database_is_noticed(postgres: Postgres, figure: Callable[[str], None]) -> None:
    """Every request answers 503 within seconds, health and metrics go on, and so does all when the database does."""
    with serving(postgres.url) as server:
        assert asyncio.run(ask(server.url, "POST", "/v1/events", {"events": openings()})).status == 201
        for _ in range(2):
            postgres.pause()
            answers = asyncio.run(ask_all(server.url))
            assert statuses(answers) == {503}
            assert max(each.seconds for each in answers) < NOTICED_SECONDS
            assert {asyncio.run(ask(server.url, "GET", path)).status for path in ("/healthz", "/metrics")} == {200}
            assert asyncio.run(ask(server.url, "GET", "/readyz")).status == 503
            with plain_client(server.url) as asking:
                assert "\nparley_database_up 0.0" in asking.get("/metrics").text
            figure(f"503 after {max(each.seconds for each in answers):.1f} s")
            postgres.resume()
            assert statuses(asyncio.run(ask_all(server.url))) <= {200, 201}
        with plain_client(server.url) as asking:
            assert asking.get("/v1/feed").json()["head"] == len(openings())


@pytest.mark.attack
@pytest.mark.row(31)
def test_a_service_stops_beside_a_silent_database(postgres: Postgres, figure: Callable[[str], None]) -> None:
    """SIGTERM ends it within its grace, with requests under way, which are answered, and a subscription."""

    async def stop_beside(url: str, stop: Callable[[], int]) -> int:
        asked = asyncio.create_task(ask_all(url))
        await ask(url, "GET", "/healthz")
        code = await asyncio.to_thread(stop)
        assert statuses(await asked) == {503}
        return code

    with serving(postgres.url, "--webhooks-allow-private") as server:
        assert asyncio.run(ask(server.url, "POST", "/v1/events", {"events": openings()})).status == 201
        subscription = {"id": "silent", "url": "http://127.0.0.1:9/"}
        assert asyncio.run(ask(server.url, "POST", "/v1/subscriptions", subscription)).status == 201
        postgres.pause()
        began = time.monotonic()
        assert asyncio.run(stop_beside(server.url, server.stop)) == 0
        took = time.monotonic() - began
        figure(f"SIGTERM ends it after {took:.1f} s")
        assert took < STOPPED_SECONDS
        postgres.resume()
        server.start()


@pytest.mark.row(31)
@pytest.mark.anyio
async def test_no_call_waits_for_a_silent_server(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked, and left: short and long reads, writes and locks are lost, new sessions too; so is what waits."""
    monkeypatch.setattr("service.storage.postgres_session.STATEMENT_SECONDS", 2 * SECONDS)
    monkeypatch.setattr("service.storage.postgres_sessions.LOOK_SECONDS", 0.05)
    monkeypatch.setattr("service.storage.postgres_sessions.QUIET_SECONDS", 0.2)

    async def lock() -> None:
        async with database.locked():
            pass

    async def rebuild() -> None:
        async with next_tables(database) as tables:
            await tables.fetch("SELECT 1")

    database = connect(f"{postgres.url}?connect_timeout=2")
    await database.open()
    await database.check()
    postgres.pause()
    calls = [
        *[database.fetch("SELECT 1") for _ in range(20)],
        database.fetch_long("SELECT 1"),
        database.execute("SELECT 1"),
        database.freeze(1),
        database.confirm(),
        lock(),
        rebuild(),
    ]
    async with asyncio.timeout(SECONDS):
        done = await asyncio.gather(*calls, return_exceptions=True)
        await database.close()
    assert [type(each) for each in done] == [Lost] * len(calls)


@pytest.mark.row(31)
@pytest.mark.anyio
async def test_what_takes_long_on_a_server_that_answers_is_waited_for(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked and answers. A long read outlasts the limit of a short one, and a short one that limit's half."""
    monkeypatch.setattr("service.storage.postgres_session.STATEMENT_SECONDS", 1.0)
    monkeypatch.setattr("service.storage.postgres_sessions.LOOK_SECONDS", 0.05)
    monkeypatch.setattr("service.storage.postgres_sessions.QUIET_SECONDS", 0.1)
    database = connect(postgres.url)
    await database.open()
    try:
        async with next_tables(database) as source:
            both = source.fetch("SELECT pg_sleep(1.5)"), database.fetch_long("SELECT pg_sleep(1.5)")
            assert [len(rows) for rows in await asyncio.gather(*both)] == [1, 1]
        assert await database.fetch("SELECT pg_sleep(0.5)")
        with pytest.raises(Lost):
            await database.fetch("SELECT pg_sleep(3)")
        assert await database.fetch("SELECT 1")
    finally:
        await database.close()


@pytest.mark.attack
@pytest.mark.row(31)
@pytest.mark.anyio
async def test_a_database_that_is_only_slow_is_not_given_up(postgres: Postgres) -> None:
    """With the limits as they are, statements of 3 s are answered, and those that wait for their sessions."""
    database = connect(postgres.url)
    await database.open()
    try:
        sleeps = [database.fetch("SELECT pg_sleep(3)") for _ in range(READERS_MAX)]
        sleeps += [database.fetch("SELECT pg_sleep(2)") for _ in range(READERS_MAX)]
        assert [len(rows) for rows in await asyncio.gather(*sleeps)] == [1] * len(sleeps)
    finally:
        await database.close()


@pytest.mark.row(31)
@pytest.mark.anyio
async def test_a_database_that_is_given_up_lets_nobody_wait(postgres: Postgres) -> None:
    """What waits for a silent server is lost at once, the sessions that are being opened and what comes later too."""
    database = connect(f"{postgres.url}?connect_timeout=60")
    await database.open()
    postgres.pause()
    calls = [
        asyncio.create_task(call) for call in (database.confirm(), *[database.fetch("SELECT 1") for _ in range(20)])
    ]
    async with asyncio.timeout(SECONDS):
        done, _ = await asyncio.wait(calls, timeout=0.2)
        assert not done
        database.give_up()
        lost = await asyncio.gather(*calls, database.fetch("SELECT 1"), database.confirm(), return_exceptions=True)
        await database.close()
    assert {type(each) for each in lost} == {Lost}


@pytest.mark.row(38)
def test_a_database_that_takes_no_writes_is_not_ready(postgres: Postgres) -> None:
    """Reads go on and /readyz says 503; when it takes writes again both answer, without anybody's help."""
    with serving(postgres.url) as server, plain_client(server.url) as asking:
        events = {"events": openings()}
        assert asking.post("/v1/events", json=events).status_code == 201
        postgres.set("default_transaction_read_only", "on")
        fresh = {"events": [openings()[0] | {"id": "0196b6f0-0000-7000-8000-000000000001", "item": "other"}]}
        fresh["events"][0]["issues"] = ["other"]
        poll(asking, "/readyz", 503)
        assert asking.post("/v1/events", json=fresh).status_code == 503
        assert asking.get("/v1/issues").status_code == 200
        with psycopg.connect(postgres.url, autocommit=True) as admin:
            admin.execute("SET default_transaction_read_only = off")
            admin.execute("ALTER SYSTEM RESET default_transaction_read_only")
            admin.execute("SELECT pg_reload_conf()")
        poll(asking, "/readyz", 200)
        assert asking.post("/v1/events", json=fresh).status_code == 201


def poll(asking: httpx.Client, path: str, status: int) -> None:
    """Ask until an answer has a status: a setting reaches a session a moment after it was made."""
    deadline = time.monotonic() + SECONDS
    while asking.get(path).status_code != status:
        assert time.monotonic() < deadline


@pytest.mark.row(37)
def test_no_connection_left_is_not_our_failure() -> None:
    """While others have taken every connection, each answer is 200 or 503."""
    with postgres_servers() as servers:
        postgres = servers.primary(max_connections="10", superuser_reserved_connections="0", max_wal_senders="0")
        migrations.migrate(postgres.url)
        with serving(postgres.url) as server:
            assert asyncio.run(ask(server.url, "POST", "/v1/events", {"events": openings()})).status == 201
            taken = []
            try:
                with suppress(psycopg.OperationalError):
                    while True:
                        taken.append(psycopg.connect(postgres.url))
                answers = asyncio.run(ask_all(server.url))
            finally:
                for each in taken:
                    each.close()
            assert 503 in statuses(answers)
            assert statuses(answers) <= {200, 201, 503}
            assert statuses(asyncio.run(ask_all(server.url))) <= {200, 201}


@pytest.mark.row(31)
@pytest.mark.anyio
async def test_a_busy_process_does_not_take_its_server_for_silent(postgres: Postgres) -> None:
    """A long statement goes on to its end though the process hardly reads: a new session takes too long there."""
    database = connect(f"{postgres.url}?connect_timeout=2")
    await database.open()
    statement = asyncio.create_task(database.fetch_long("SELECT 1 FROM pg_sleep(10)"))
    while not statement.done():
        time.sleep(0.8)  # noqa: ASYNC251 - as work does that holds the loop
        await asyncio.sleep(0)
    assert [tuple(row) for row in await statement] == [(1,)]
    await database.close()


@pytest.mark.row(31)
@pytest.mark.anyio
async def test_a_read_that_fails_after_its_readers_have_gone_is_not_reported(postgres: Postgres) -> None:
    """Of the head: one who asks gives up before the server is noticed to be silent, and the error is for no one."""
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    database = connect(postgres.url)
    await database.open()
    heads = Heads(database, lambda: 0)
    postgres.pause()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await heads.read()
    with pytest.raises(Lost):
        await heads.read()
    await database.close()
    gc.collect()
    assert reported == []
