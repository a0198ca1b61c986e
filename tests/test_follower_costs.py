"""What followers cost the service: memory by bytes, turns for others, and a place only for as long as they stay."""

from __future__ import annotations

import json
import socket
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from litestar.testing import TestClient

from service.api.feed import FOLLOWERS_MAX
from service.app import create_app
from service.feed.pages import CHUNK_BYTES, PAGE_BYTES
from service.settings import Settings
from tests.processes import PATIENCE, POLL
from tests.servers import ISSUES, Server, openings, plain_client, serving
from tests.sse import following

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.servers import Event

LARGE = 670_000
"""Bytes of a large event, about."""
MB = 1_000_000
PROMPTLY = 5.0
"""Seconds; a follower who left used to hold its place for 13 to 30."""


def large(count: int) -> list[Event]:
    """Make facts of 0.67 MB, each on a restriction of its own."""
    fact: Event = {"type": "restriction.imposed", "issues": [ISSUES[0]], "occurred": "2025-01-01", "imposed_by": "US"}
    fact |= {"instrument": "sanction", "entities": [{"name": "é" * 327}] * 1_000}
    fact |= {"reports": [{"outlet": "A client"}]}
    return [{**fact, "id": str(uuid4()), "item": f"large-{uuid4()}"} for _ in range(count)]


def record(server: Server, events: list[Event], size: int = 10) -> int:
    """Record events in batches; return the position of the last."""
    position = 0
    with plain_client(server.url) as client:
        for start in range(0, len(events), size):
            answer = client.post("/v1/events", json={"events": events[start : start + size]}).raise_for_status()
            position = answer.json()["position"]
    return position


def resident(server: Server) -> float:
    """Return the MB of memory of a server's own that it uses now."""
    status = Path(f"/proc/{server.pid}/status").read_text().splitlines()
    (kib,) = [line.split()[1] for line in status if line.startswith("RssAnon:")]
    return int(kib) * 1_024 / MB


def followers(server: Server) -> int:
    """Return how many follow."""
    with plain_client(server.url) as client:
        lines = client.get("/metrics").text.splitlines()
    return int(float(next(line.split()[1] for line in lines if line.startswith("parley_feed_followers "))))


@contextmanager
def asking(server: Server, target: str, count: int) -> Iterator[None]:
    """Send so many requests, and read nothing; then close all."""
    host, port = "127.0.0.1", int(server.url.rpartition(":")[2])
    sockets: list[socket.socket] = []
    try:
        for _ in range(count):
            opened = socket.socket()
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            opened.connect((host, port))
            opened.sendall(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            sockets.append(opened)
        yield
    finally:
        for each in sockets:
            each.close()


def until_followers(server: Server, count: int) -> None:
    """Wait until so many follow."""
    deadline = time.monotonic() + PATIENCE
    while followers(server) != count:
        assert time.monotonic() < deadline, followers(server)
        time.sleep(POLL)


@pytest.mark.row(25)
def test_a_page_ends_where_it_has_enough_bytes(migrated_url: str) -> None:
    """A page of large events is short, and the next one goes on after it: in each form, by filter or not."""
    with TestClient(create_app(Settings(database_url=migrated_url))) as client:
        client.post("/v1/events", json={"events": openings()}).raise_for_status()
        events = large(PAGE_BYTES // LARGE + 3)
        for start in range(0, len(events), 5):
            client.post("/v1/events", json={"events": events[start : start + 5]}).raise_for_status()
        for query in ("limit=1000", "limit=1000&type=restriction.imposed", "limit=3&type=restriction.*"):
            read: list[str] = []
            after, head = 0, 1
            while after < head:
                answer = client.get(f"/v1/feed?after={after}&{query}")
                page = answer.json()
                assert len(answer.content) < PAGE_BYTES + 2 * LARGE
                read += [event["id"] for event in page["events"] if event["type"] != "issue.opened"]
                assert page["next"] > after
                after, head = page["next"], page["head"]
            assert read == [event["id"] for event in events]
        lines = client.get("/v1/feed", headers={"Accept": "application/x-ndjson"}).content.splitlines()
        assert [json.loads(line)["id"] for line in lines[3:-1]] == [event["id"] for event in events]
        assert json.loads(lines[-1])["count"] == len(events) + 3


@pytest.mark.row(25)
def test_a_stream_has_all_large_events_as_they_come(migrated_url: str) -> None:
    """Streams from the beginning and at the end of the log get every large event once, by filter or not."""
    with serving(migrated_url) as server:
        record(server, openings())
        first, then = large(4), large(20)
        record(server, first)
        with following(server.url) as whole, following(server.url, "type=restriction.*") as filtered:
            seen = [whole.take(3 + len(first))[3:], filtered.take(len(first))]
            record(server, then)
            seen = [before + stream.take(len(then)) for before, stream in zip(seen, (whole, filtered), strict=True)]
        for messages in seen:
            assert [message.event["id"] for message in messages] == [event["id"] for event in first + then]


@pytest.mark.row(25)
@pytest.mark.attack
def test_followers_that_read_nothing_cost_a_chunk_each(migrated_url: str, figure: Callable[[str], None]) -> None:
    """40 followers from the beginning of a log of 200 large events hold little, and others are answered."""
    with serving(migrated_url) as server:
        record(server, openings())
        record(server, large(200))
        server.stop()
        server.start()
        before, most, longest = resident(server), 0.0, 0.0
        with asking(server, "/v1/feed/stream?after=0", 40), plain_client(server.url) as client:
            until = time.monotonic() + 10
            while time.monotonic() < until:
                begun = time.monotonic()
                client.get("/healthz").raise_for_status()
                longest = max(longest, time.monotonic() - begun)
                most = max(most, resident(server))
                time.sleep(POLL)
            assert followers(server) == 40
        figure(f"{migrated_url.partition(':')[0]}: + {most - before:.0f} MB, others wait {longest:.2f} s")
        assert most - before < 40 * 6 * max(LARGE, CHUNK_BYTES) / MB
        assert longest < PROMPTLY


@pytest.mark.row(27)
@pytest.mark.parametrize(
    "target", ["/v1/feed?after=3&wait=30", "/v1/feed?after=3&wait=30&type=call.*", "/v1/feed/stream?after=3"]
)
def test_who_left_has_no_place(migrated_url: str, target: str) -> None:
    """A waiting page and a stream end when their client has gone, though nothing is recorded."""
    with serving(migrated_url) as server:
        record(server, openings())
        with asking(server, target, 20):
            until_followers(server, 20)
            begun = time.monotonic()
        until_followers(server, 0)
        assert time.monotonic() - begun < PROMPTLY


@pytest.mark.row(27)
@pytest.mark.attack
@pytest.mark.parametrize("target", ["/v1/feed?after=3&wait=30", "/v1/feed/stream?after=3"])
def test_a_follower_finds_a_place_when_all_have_left(
    migrated_sqlite_url: str, target: str, figure: Callable[[str], None]
) -> None:
    """All places are taken, and all who have them leave: the next follower is served at once."""
    with serving(migrated_sqlite_url) as server, plain_client(server.url) as client:
        record(server, openings())
        with asking(server, target, FOLLOWERS_MAX):
            until_followers(server, FOLLOWERS_MAX)
            assert client.get("/v1/feed?after=3&wait=1").status_code == 503
            begun = time.monotonic()
        while client.get("/v1/feed?after=3&wait=1").status_code == 503:
            time.sleep(POLL)
        waited = time.monotonic() - begun - 1
        figure(f"{target.partition('?')[0]}: a place after {waited:.1f} s")
        assert waited < 2 * PROMPTLY
        until_followers(server, 0)
