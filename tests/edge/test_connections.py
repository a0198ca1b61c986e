"""Heads without end, requests that never arrive whole, and more connections than the process may have files."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest

from tests.edge.clients import CHUNKED, MB, Answer, Client, clients, post
from tests.processes import PATIENCE
from tests.servers import Server, plain_client, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Figure = Callable[[str], None]

FILES = 256
GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
ENDLESS = {
    "fields": (GET, b"a:b\r\n", 431),
    "one field": (GET + b"a: ", b"b", 431),
    "one name": (GET, b"a", 431),
    "folded": (GET + b"a: b\r\n", b" c\r\n", 400),
    "a target": (b"GET /", b"a", 414),
    "a query": (b"GET /v1/issues?", b"a=b&", 414),
    "a method": (b"", b"A", 501),
    "empty lines": (b"", b"\r\n", 431),
    "trailers": (CHUNKED + b"2\r\n{}\r\n0\r\n", b"a:b\r\n", 431),
    "one trailer": (CHUNKED + b"2\r\n{}\r\n0\r\na: ", b"b", 431),
    "an extension": (CHUNKED + b"2;a=", b"b", 431),
}
"""What is sent first, what is then sent without end, and the status of the refusal."""
KINDS = {400: "bad-request", 414: "target-too-long", 431: "head-too-large", 501: "not-implemented"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the usual bounds, for tests that leave it as it is."""
    with serving(f"sqlite:///{tmp_path_factory.mktemp('edge') / 'parley.db'}") as server:
        yield server


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that waits a second for what a client sends."""
    with serving(f"sqlite:///{tmp_path_factory.mktemp('edge') / 'parley.db'}", "--stall-seconds", "1") as server:
        yield server


def until(server: Server, status: int) -> Answer:
    """Ask over new connections until the answer has a status; return it."""
    deadline = time.monotonic() + PATIENCE
    while True:
        with clients(server) as (client,):
            client.send(GET + b"Connection: close\r\n\r\n")
            answer = client.answer()
        if answer.status == status:
            return answer
        assert time.monotonic() < deadline, answer


def answers(server: Server) -> bool:
    """Return whether somebody else is answered over a connection of its own."""
    with plain_client(server.url) as other:
        return other.get("/healthz").status_code == 200


@pytest.mark.row(20)
@pytest.mark.parametrize("what", ENDLESS)
def test_what_has_no_end_is_refused(server: Server, what: str) -> None:
    """Whatever of a head, or of the framing of a body, has no end: a problem, and the connection is closed."""
    first, part, status = ENDLESS[what]
    before = server.memory()
    with clients(server) as (client,):
        client.send(first)
        sent = client.flood(part, 32 * MB)
        problem = client.answer().problem()
    assert sent < 32 * MB
    assert (problem["status"], problem["type"]) == (status, f"/problems/{KINDS[status]}")
    assert server.memory() - before < 8 * MB
    assert answers(server)


@pytest.mark.row(20)
def test_headers_without_end_cost_nothing_after_the_refusal(server: Server, figure: Figure) -> None:
    """Connections that send 100 MB of header fields each take little memory and CPU; others are answered."""
    memory, cpu, took = server.memory(), server.cpu_seconds(), 0
    for _ in range(20):
        with clients(server) as (client,):
            client.send(GET)
            took += client.flood(b"a:b\r\n", 100 * MB)
            assert client.answer().status == 431
        assert answers(server)
    memory, cpu = server.memory() - memory, server.cpu_seconds() - cpu
    figure(f"{took / 20 / MB:.1f} MB of each 100 taken, + {memory / MB:.0f} MB, {cpu / 20 * 1_000:.0f} ms of CPU each")
    assert memory < 8 * MB
    assert cpu / 20 < 1


@pytest.mark.row(20)
def test_a_head_as_large_as_may_be_is_answered(server: Server) -> None:
    """A head of just under 64 KiB, a target of just under 8 KiB and 100 fields are fine; requests go on after them."""
    large = GET + b"a: %b\r\n\r\n" % (b"b" * (65_536 - len(GET) - 7))
    assert len(large) == 65_536
    target = b"GET /healthz?%b HTTP/1.1\r\nHost: localhost\r\n\r\n" % (b"a" * 8_000)
    fields = GET + b"".join(b"a%d: b\r\n" % number for number in range(100)) + b"Connection: close\r\n\r\n"
    with clients(server) as (client,):
        client.send(large + target + fields)
        assert client.rest().count(b"HTTP/1.1 200 ") == 3


@pytest.mark.row(20)
@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"get /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 501),
        (b"BREW /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 501),
        (b"GET /healthz HTTP/9.9\r\nHost: localhost\r\n\r\n", 400),
        (GET + b"a b: c\r\n\r\n", 400),
        (post(2) + b"{}POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
    ],
)
def test_what_is_not_http_is_a_problem(server: Server, sent: bytes, status: int) -> None:
    """What cannot be parsed is answered with a problem document, after the answers of requests before it."""
    with clients(server) as (client,):
        client.send(sent)
        written = client.rest()
    assert written.startswith(b"HTTP/1.1 %d " % (422 if sent.startswith(b"POST") else status))
    assert b"application/problem+json" in written


@pytest.mark.row(21)
@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (GET, 408),
        (b"G", 408),
        (post(100) + b"{", 408),
        (post(1_000_000) + b"{", 408),
        (post(8 * 1024 * 1024) + b" " * (8 * 1024 * 1024 - 200), 408),
        (CHUNKED + b"2\r\n{", 408),
        (CHUNKED + b"186a0\r\n%b\r\n" % (b" " * 100_000), 408),
    ],
)
def test_what_never_arrives_whole_is_refused(hasty: Server, sent: bytes, status: int) -> None:
    """A head or a body that stops before its end is answered with 408, and the connection is closed."""
    with clients(hasty) as (client,):
        client.send(sent)
        answer = client.answer()
    assert (answer.status, answer.problem()["type"]) == (status, "/problems/request-timeout")
    assert answer.headers["connection"] == "close"


@pytest.mark.row(21)
def test_a_client_that_sends_nothing_is_disconnected(hasty: Server) -> None:
    """A connection without a request, or with a body that nobody reads, is closed without a word."""
    with clients(hasty, 2) as (silent, unread):
        unread.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        assert silent.rest() == b""
        assert unread.rest().count(b"HTTP/1.1 ") == 1


@pytest.mark.row(21)
def test_a_request_that_arrives_in_parts_is_answered(hasty: Server) -> None:
    """A head and a body in several parts are no delay, and the connection serves on."""
    with clients(hasty) as (client,):
        for part in (
            b"GET /heal",
            b"thz HTTP/1.1\r\nHo",
            b"st: localhost\r\n\r\n",
            post(4)[:40],
            post(4)[40:],
            b"{",
            b"}  ",
        ):
            client.send(part)
        client.send(GET + b"Connection: close\r\n\r\n")
        statuses = re.findall(rb"HTTP/1.1 ([0-9]+) ", client.rest())
    assert statuses == [b"200", b"422", b"200"]


@pytest.mark.row(21)
def test_requests_that_are_never_whole_have_bounded_memory(server: Server, figure: Figure) -> None:
    """2,000 heads or bodies of 60 kB that stop before their end: the slowest give way, and others are answered."""
    before = server.memory()
    with clients(server, 2_000) as many:
        for number, client in enumerate(many):
            client.send((GET + b"a: " if number % 2 else post(60_100)) + b" " * 60_000)
        assert answers(server)
        grown = server.memory() - before
    figure(f"2,000 unfinished requests of 60 kB: + {grown / MB:.0f} MB")
    assert grown < 110 * MB


@pytest.mark.row(22)
@pytest.mark.parametrize("sent", [b"", GET, GET + b"\r\n", post(10) + b"{"], ids=["silent", "head", "used", "body"])
def test_more_connections_than_files_lock_nobody_out(sqlite_url: str, sent: bytes) -> None:
    """Idle connections give way to new ones, however many there are; half-sent bodies do after some seconds."""
    with serving(sqlite_url, "--stall-seconds", "300", files=FILES) as server:
        many: list[Client] = []
        try:
            for _ in range(3 * FILES):
                many.append(Client(server))
                many[-1].send(sent)
            until(server, 200)
            for _ in range(10):
                assert answers(server)
        finally:
            for each in many:
                each.close()


@pytest.mark.row(22)
def test_a_request_under_way_does_not_give_way(sqlite_url: str) -> None:
    """A stream goes on while idle connections come and go; if all are under way, a new one is answered with 503."""
    stream = b"GET /v1/feed/stream HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with serving(sqlite_url, files=FILES) as server, clients(server) as (follower,):
        follower.send(stream)
        with clients(server, 2 * FILES):
            assert answers(server)
        with clients(server, FILES) as many:
            for each in many:
                each.send(b"GET /v1/feed?after=0&wait=30 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = until(server, 503)
            assert answer.problem()["type"] == "/problems/unavailable"
            assert answer.headers["retry-after"] == "1"
        until(server, 200)
        opening = b"issue.opened"
        with plain_client(server.url) as writer:
            fact = {"type": opening.decode(), "issues": ["i"], "item": "i", "occurred": "2025-01-01", "title": "I"}
            fact |= {"summary": "An issue.", "parties": ["CN", "US"]}
            event = fact | {"reports": [{"outlet": "o"}]}
            assert writer.post("/v1/events", json={"events": [event]}).status_code == 201
        server.stop()
        assert opening in follower.rest()
        server.start()


@pytest.mark.row(21, 22)
def test_half_sent_requests_do_not_hold_up_the_end(sqlite_url: str, figure: Figure) -> None:
    """SIGTERM ends the process within its grace though 100 clients hold half-sent heads and bodies."""
    with serving(sqlite_url) as server:
        with clients(server, 100) as many:
            for number, client in enumerate(many):
                client.send((GET, post(100) + b"{", post(8 * MB) + b" " * 100_000, CHUNKED)[number % 4])
            assert answers(server)
            began = time.monotonic()
            assert server.stop() == 0
            figure(f"SIGTERM beside 100 half-sent requests: ended after {time.monotonic() - began:.1f} s")
        assert "graceful" not in server.log()
        server.start()
