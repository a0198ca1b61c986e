"""Questions asked of a standby: they follow the primary, write nothing, and mistake being late for nothing else."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests import migrations
from tests.eventlog.measures import fact, imposed, opening
from tests.postgres_servers import postgres_servers
from tests.processes import PATIENCE
from tests.servers import plain_client, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.postgres_servers import Postgres

Event = dict[str, Any]


@contextmanager
def reading_a_copy() -> Iterator[tuple[Any, Postgres, Postgres]]:
    """Serve a ledger that reads from a standby; yield a client, the primary and the standby."""
    with postgres_servers() as servers:
        primary = servers.primary()
        migrations.migrate(primary.url)
        standby = servers.standby(primary)
        with serving(primary.url, "--read-url", standby.url) as server, plain_client(server.url) as asking:
            yield asking, primary, standby


def replay(standby: Postgres, *, paused: bool) -> None:
    """Keep a standby from taking in what the primary has, or let it catch up."""
    with psycopg.connect(standby.url, autocommit=True) as connection:
        connection.execute("SELECT pg_wal_replay_pause()" if paused else "SELECT pg_wal_replay_resume()")


def until(answers: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not answers():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
def test_answers_come_from_the_copy() -> None:
    """What is written at the primary is answered once the copy has it; while it is late, answers state an older K."""
    with reading_a_copy() as (asking, _, standby):
        first = asking.post("/v1/events", json={"events": [opening(), imposed("measure")]}).json()["position"]
        until(lambda: asking.get("/v1/restrictions").json()["known_position"] >= first)
        replay(standby, paused=True)
        later = fact("restriction.lifted", "measure")
        receipt = asking.post("/v1/events", json={"events": [later]}).json()
        late = asking.get("/v1/restrictions").json()
        assert late["known_position"] == first
        assert [item["status"] for item in late["items"]] == ["in_force"]
        followed = asking.get("/v1/feed", params={"after": receipt["position"]})
        assert (followed.status_code, followed.json()["events"]) == (200, [])
        made = asking.put("/v1/consumers/desk", json={"position": receipt["position"]})
        assert made.status_code == 201
        assert asking.get("/v1/consumers/desk").json()["position"] == receipt["position"]
        replay(standby, paused=False)
        until(lambda: asking.get("/v1/restrictions").json()["known_position"] == receipt["position"])
        assert asking.get("/v1/restrictions").json()["items"] == []
        assert asking.get("/readyz").json()["epoch"] == receipt["epoch"]


@pytest.mark.slow
def test_what_only_the_copy_shows_yet_is_waited_for() -> None:
    """A follower that has an event from a standby before its commit is done goes on at the primary with its place."""
    with (
        reading_a_copy() as (asking, primary, _),
        serving(primary.url) as other,
        plain_client(other.url) as client,
        plain_client(other.url) as following,
        plain_client(other.url) as moving,
    ):
        asking.post("/v1/events", json={"events": [opening()]}).raise_for_status()
        primary.require(names="missing")
        with ThreadPoolExecutor(4) as pool:
            posted = pool.submit(client.post, "/v1/events", json={"events": [imposed("measure")]})
            until(lambda: asking.get("/v1/feed").json()["head"] == 2)
            place = asking.get("/v1/feed").headers["Feed-Place"]
            assert client.get("/v1/feed").json()["head"] == 1
            page = pool.submit(following.get, "/v1/feed", params={"after": place})
            moved = pool.submit(moving.put, "/v1/consumers/desk", json={"position": 2})
            primary.require()
            assert (page.result().status_code, page.result().json()["events"]) == (200, [])
            assert moved.result().status_code == 201
            assert posted.result().status_code == 201
        refused = client.get("/v1/feed", params={"after": "3@2025-06-10T12:00:00.000000Z"})
        assert refused.status_code == 400


@pytest.mark.slow
def test_a_follower_of_the_copy_is_woken() -> None:
    """A page of the feed that waits is answered by the event that comes, without a poll of half a second."""
    with reading_a_copy() as (asking, _, _):
        position = asking.post("/v1/events", json={"events": [opening(), imposed("measure")]}).json()["position"]
        until(lambda: asking.get("/v1/feed").json()["head"] == position)
        with plain_client(str(asking.base_url)) as other, ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(other.get, "/v1/feed", params={"after": position, "wait": 30})
            receipt = asking.post("/v1/events", json={"events": [fact("restriction.lifted", "measure")]}).json()
            assert [event["position"] for event in waiting.result().json()["events"]] == [receipt["position"]]


@pytest.mark.slow
def test_questions_about_an_instant_write_nothing() -> None:
    """An instant is answered once the writer has made it final; with the primary frozen, older ones still are."""
    with reading_a_copy() as (asking, primary, _):
        position = asking.post("/v1/events", json={"events": [opening(), imposed("measure")]}).json()["position"]
        until(lambda: asking.get("/v1/restrictions").json()["known_position"] == position)
        instant = datetime.now(UTC).isoformat()
        answer = asking.get("/v1/restrictions", params={"known_at": instant}).json()
        assert answer["known_position"] == position
        primary.pause()
        try:
            assert asking.get("/v1/restrictions", params={"known_at": instant}).json() == answer
            assert asking.get("/v1/restrictions").json()["known_position"] == position
            newer = (datetime.now(UTC) - timedelta(milliseconds=1)).isoformat()
            refused = asking.get("/v1/restrictions", params={"known_at": newer})
            assert refused.status_code == 503
        finally:
            primary.resume()
