"""HTTP as other clients speak it, byte by byte: offers of other protocols, HTTP/1.0, HEAD, one URL a resource."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.edge.clients import clients
from tests.servers import openings, plain_client, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.edge.clients import Answer
    from tests.servers import Server

BATCH = json.dumps({"events": openings()}).encode()
OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"
TRIED = b"POST /v1/events?dry_run=true HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
LAST = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
STREAMS = ["/v1/feed/stream", "/v1/feed"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose ledger has a few events."""
    with serving(f"sqlite:///{tmp_path_factory.mktemp('http') / 'parley.db'}") as server:
        with plain_client(server.url) as client:
            client.post("/v1/events", json={"events": openings()}).raise_for_status()
        yield server


def asked(server: Server, *parts: bytes) -> Answer:
    """Send a request part by part; return the only answer on its connection."""
    with clients(server) as (client,):
        for part in parts:
            client.send(part)
        return client.answer()


def framed(body: bytes, *, chunked: bool) -> list[bytes]:
    if chunked:
        return [b"Transfer-Encoding: chunked\r\n\r\n", b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)]
    return [b"Content-Length: %d\r\n\r\n" % len(body), body]


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("chunked", [True, False])
def test_an_offer_of_another_protocol_does_not_lose_the_body(server: Server, *, chunked: bool, whole: bool) -> None:
    """`Upgrade: h2c` with a body, as Java's client and `curl --http2` send it, is answered as without it."""
    head, body = framed(BATCH, chunked=chunked)
    parts = [TRIED + OFFER + head, body[:10], body[10:], LAST]
    with clients(server) as (client,):
        for part in [b"".join(parts)] if whole else parts:
            client.send(part)
        answered = client.rest()
    assert answered.count(b"HTTP/1.1 200 OK") == 2
    assert b'"known_position":3' in answered


def test_an_offer_without_a_body_leaves_the_connection_open(server: Server) -> None:
    """A GET with an offer is answered, and the next request on its connection too."""
    offered = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + OFFER + b"\r\n"
    with clients(server) as (client,):
        for part in (offered, offered, LAST):
            client.send(part)
        assert client.rest().count(b'{"status":"ok"}') == 3


@pytest.mark.parametrize(
    ("path", "accept"), [*((path, "*/*") for path in STREAMS), ("/v1/feed", "application/x-ndjson")]
)
def test_http_1_0_knows_no_chunks(server: Server, path: str, accept: str) -> None:
    """An answer without a length ends with the connection; one with a length has it."""
    request = f"GET {path} HTTP/1.0\r\nHost: localhost\r\nAccept: {accept}\r\n\r\n".encode()
    with clients(server) as (client,):
        client.send(request)
        if path.endswith("stream"):
            server.stop()
        head, _, body = client.rest().partition(b"\r\n\r\n")
    if path.endswith("stream"):
        server.start()
    assert b"chunked" not in head
    assert b"connection: close" in head
    if path.endswith("stream"):
        assert body.startswith(b"retry: 3000\n\nid: 1\n")
    elif "ndjson" in accept:
        assert json.loads(body.splitlines()[-1])["count"] == 3
    else:
        assert f"content-length: {len(body)}".encode() in head


@pytest.mark.parametrize("path", STREAMS)
def test_head_of_a_stream_has_no_length(server: Server, path: str) -> None:
    """HEAD says what GET would: for what GET streams no length, and none of 0."""
    request = f"HEAD {path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/x-ndjson, text/event-stream\r\n"
    answer = asked(server, f"{request}Connection: close\r\n\r\n".encode())
    assert answer.status == 200
    assert "content-length" not in answer.headers
    assert answer.headers["content-type"].split(";")[0] in {"application/x-ndjson", "text/event-stream"}
    assert answer.body == b""


@pytest.mark.parametrize(
    "path", ["/v1/issues/", "//v1/issues", "/v1//issues", "/v1%2Fissues", "/v1%2fissues", "/schema/"]
)
def test_a_resource_has_one_url(server: Server, path: str) -> None:
    """Another way to write a path is 404, not the same resource at a second URL."""
    answer = asked(server, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    assert (answer.status, answer.problem()["type"]) == (404, "/problems/not-found")


def test_a_tunnel_is_not_offered(server: Server) -> None:
    """CONNECT is a method that the service does not have."""
    answer = asked(server, b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost:80\r\n\r\n")
    assert (answer.status, answer.problem()["type"]) == (501, "/problems/not-implemented")
