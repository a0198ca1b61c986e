"""What is open ends with the key that opened it; a follower sends its key from the environment."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from tests.access.holders import bearing, eventually, id_of, made, parley
from tests.api.conftest import LONDON
from tests.processes import PATIENCE, ROOT
from tests.servers import Server, plain_client, serving
from tests.sse import Stream

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

pytestmark = pytest.mark.slow


@pytest.fixture
def server(migrated_url: str) -> Iterator[Server]:
    """A server with the London set, which is open yet."""
    with serving(migrated_url) as server:
        with plain_client(server.url) as client:
            assert client.post("/v1/events", json={"events": LONDON}).status_code == 201
        yield server


@pytest.fixture
def key(server: Server, migrated_url: str) -> str:
    """A key that the server knows."""
    key = made(migrated_url, "reader")
    with plain_client(server.url) as client:
        eventually(lambda: client.get("/v1/issues"), 401)
    return key


def test_a_stream_ends_when_its_key_is_revoked(server: Server, key: str, migrated_url: str) -> None:
    """A live stream ends, and coming back with the key is 401; another key's stream goes on."""
    other = made(migrated_url, "recorder")
    with plain_client(server.url) as client, plain_client(server.url) as second:
        eventually(lambda: client.get("/v1/issues", headers=bearing(other)), 200)
        path, head = "/v1/feed/stream", len(LONDON)
        with (
            client.stream("GET", path, headers=bearing(key)) as one,
            second.stream("GET", path, headers=bearing(other)) as two,
        ):
            streams = Stream(one), Stream(two)
            for stream in streams:
                assert [int(message.id) for message in stream.take(head)] == list(range(1, head + 1))
            parley(migrated_url, "keys", "revoke", id_of(key))
            assert list(streams[0]) == []
            with plain_client(server.url) as writer:
                assert writer.get(path, headers=bearing(key)).status_code == 401
                event = LONDON[3] | {"id": "0197a2f0-3c50-7a10-8f00-0000000000aa", "occurred": "2025-04-04"}
                assert writer.post("/v1/events", json={"events": [event]}, headers=bearing(other)).status_code == 201
            assert [int(message.id) for message in streams[1].take(1)] == [head + 1]


def test_a_stream_without_a_key_ends_once_there_is_one(server: Server, migrated_url: str) -> None:
    """What was opened while the ledger had no keys does not go on when it has."""
    with plain_client(server.url) as client, client.stream("GET", "/v1/feed/stream?after=19") as response:
        stream = Stream(response)
        assert len(stream.take(1)) == 1
        made(migrated_url, "reader")
        assert list(stream) == []


def test_a_waiting_page_is_refused_when_its_key_is_revoked(server: Server, key: str, migrated_url: str) -> None:
    """Who waits for the next event with a key that is revoked gets 401, and no event."""
    answers: list[httpx.Response] = []

    def wait() -> None:
        with plain_client(server.url) as client:
            asked = {"after": len(LONDON), "wait": 30}
            answers.append(client.get("/v1/feed", params=asked, headers=bearing(key)))

    waiting = threading.Thread(target=wait)
    waiting.start()
    with plain_client(server.url) as client:
        admin = bearing(made(migrated_url, "admin"))
        eventually(lambda: client.get("/metrics", headers=admin), 200)
        while "parley_feed_followers 1.0" not in client.get("/metrics", headers=admin).text:
            assert waiting.is_alive()
        parley(migrated_url, "keys", "revoke", id_of(key))
        waiting.join(PATIENCE)
    assert [answer.status_code for answer in answers] == [401]
    assert answers[0].elapsed.total_seconds() < 20


def test_follow_sends_the_key_of_the_environment(server: Server, key: str, migrated_url: str) -> None:
    """`parley follow` reads with PARLEY_KEY; without it, and when it is revoked, it ends with the refusal."""

    def follow(key: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PARLEY_KEY": key}
        words = [sys.executable, "-m", "service", "follow", "--url", server.url, "--once"]
        return subprocess.run(
            words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE
        )

    assert follow(key).stdout.count("\n") == len(LONDON)
    for refused in (follow(""), follow(key[:-1])):
        assert (refused.returncode, "A key is needed" in refused.stderr) == (1, True)
        assert key.split("_")[2][:-1] not in refused.stderr
    bad = follow("two words")
    assert (bad.returncode, "PARLEY_KEY" in bad.stderr, "two words" in bad.stderr) == (2, True, False)
