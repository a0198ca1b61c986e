"""A browser is no way in: pages of other sites, names that were made to point here, bodies of no type."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.edge.clients import clients
from tests.servers import openings, plain_client, serving
from tests.sse import Stream

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from tests.servers import Server

LISTED = "https://desk.example"
FLAGS = ("--public-url", "https://parley.example", "--allowed-hosts", "ledger,Ledger.example", "--cors-origins", LISTED)
BATCH = json.dumps({"events": openings()}).encode()
AS_JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server as it is without settings."""
    with serving(f"sqlite:///{tmp_path_factory.mktemp('gate') / 'parley.db'}") as server:
        yield server


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a public URL, more names, and an origin of another site that it lists."""
    with serving(f"sqlite:///{tmp_path_factory.mktemp('gate') / 'parley.db'}", *FLAGS) as server:
        yield server


def head_of(client: httpx.Client) -> int:
    found: int = client.get("/readyz").json()["head"]
    return found


def problem_of(response: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    found: dict[str, Any] = response.json()
    assert (found["status"], found["type"]) == (status, f"/problems/{kind}")
    return found


@pytest.mark.row(48)
def test_a_body_says_that_it_is_json(closed: Server) -> None:
    """A body without a Content-Type, as a page of another site can send it, is refused with what is taken."""
    with plain_client(closed.url) as client:
        for method, path in (("POST", "/v1/events"), ("POST", "/v1/issues"), ("PUT", "/v1/consumers/a")):
            response = client.request(method, path, content=BATCH)
            assert "no Content-Type" in problem_of(response, 415, "unsupported-media-type")["detail"]
            assert response.headers["accept"] == "application/json, application/*+json"
        assert head_of(client) == 0


def test_a_compressed_body_is_refused(closed: Server) -> None:
    """A body in a coding is 415, with the codings that are taken; it is not decoded as if it were JSON."""
    with plain_client(closed.url) as client:
        response = client.post("/v1/events", content=b"\x1f\x8b", headers=AS_JSON | {"Content-Encoding": "gzip"})
        problem_of(response, 415, "unsupported-media-type")
        assert response.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3000"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://127.0.0.1", "Sec-Fetch-Site": "same-site"},
        {"Origin": LISTED},
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.row(48)
def test_pages_of_other_origins_cannot_write(closed: Server, method: str, headers: dict[str, str]) -> None:
    """A write that a browser sends for a page of another origin is 403, whatever its body and path are."""
    with plain_client(closed.url) as client:
        problem_of(client.request(method, "/v1/events", content=BATCH, headers=AS_JSON | headers), 403, "cross-site")
        assert head_of(client) == 0


def test_a_page_of_ours_can_write(opened: Server) -> None:
    """A page under the name by which it asks, or under the public URL, may write, and so may what is no browser."""
    own = {"Origin": opened.url, "Sec-Fetch-Site": "same-origin"}
    behind_tls = {"Host": "ledger.example", "Origin": "https://ledger.example"}
    behind_proxy = {"Host": "ledger", "Origin": "https://parley.example", "Sec-Fetch-Site": "same-origin"}
    with plain_client(opened.url) as client:
        for headers in ({}, own, behind_tls, behind_proxy, {"Sec-Fetch-Site": "none"}):
            response = client.post("/v1/events", content=BATCH, headers=AS_JSON | headers)
            assert response.status_code in {200, 201}, response.text


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "10.1.2.3",
        "[::2]",
        "0x7f.1",
        "localhost.evil.example:8000",
        "parley.example@evil",
        "a b",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/v1/issues", "/schema", "/healthz", "/nothing"])
@pytest.mark.row(49)
def test_a_name_that_is_not_ours_is_refused(closed: Server, host: str, path: str) -> None:
    """A page whose name was made to point here (DNS rebinding) can read nothing: 421 for another's Host."""
    with plain_client(closed.url) as client:
        problem_of(client.get(path, headers={"Host": host}), 421, "misdirected")


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "127.0.0.1:9", "[::1]:8000", "127.9.9.9", "app.localhost", "localhost."]
)
def test_loopback_is_a_name_of_ours(closed: Server, host: str) -> None:
    """The names and addresses of loopback are taken, with any port: none of them can be pointed elsewhere."""
    with plain_client(closed.url) as client:
        assert client.get("/v1/issues", headers={"Host": host}).status_code == 200


def test_the_public_url_and_a_setting_name_the_service(opened: Server, closed: Server) -> None:
    """The host of the public URL and the listed hosts are taken, in any case; without them they are not."""
    for host in ("parley.example", "PARLEY.example:443", "ledger:8000", "ledger.EXAMPLE"):
        with plain_client(opened.url) as client:
            assert client.get("/v1/issues", headers={"Host": host}).status_code == 200
        with plain_client(closed.url) as client:
            problem_of(client.get("/v1/issues", headers={"Host": host}), 421, "misdirected")


@pytest.mark.row(49)
@pytest.mark.parametrize(("lines", "status"), [(b"", 400), (b"Host: localhost\r\nHost: evil.example\r\n", 400)])
def test_a_request_has_one_host(closed: Server, lines: bytes, status: int) -> None:
    """HTTP/1.1 without Host, or with two, is 400."""
    with clients(closed) as (client,):
        client.send(b"GET /healthz HTTP/1.1\r\nConnection: close\r\n" + lines + b"\r\n")
        answer = client.answer()
    assert (answer.status, answer.problem()["type"]) == (status, "/problems/bad-request")


def test_no_other_site_may_read_by_default(closed: Server) -> None:
    """Without the setting no answer has a header of CORS, a preflight included: browsers then hand nothing over."""
    asked = {"Origin": LISTED, "Access-Control-Request-Method": "POST"}
    with plain_client(closed.url) as client:
        for method, path in (("GET", "/v1/issues"), ("GET", "/schema/openapi.json"), ("OPTIONS", "/v1/events")):
            response = client.request(method, path, headers=asked)
            assert response.is_success
            assert not [name for name in response.headers if name.startswith("access-control")]


def test_a_listed_origin_may_read_and_write(opened: Server) -> None:
    """A listed origin is named in the answer, and sees the headers that a client needs, also of a problem."""
    headers = {"Origin": LISTED, "Sec-Fetch-Site": "cross-site"}
    with plain_client(opened.url) as client:
        written = client.post("/v1/events", content=BATCH, headers=AS_JSON | headers)
        read = client.get("/v1/issues?as_of=2025-06-10", headers=headers)
        missing = client.get("/v1/issues/none", headers=headers)
        other = client.get("/v1/issues", headers={"Origin": "https://evil.example"})
    assert (written.status_code in {200, 201}, read.status_code, missing.status_code) == (True, 200, 404)
    for response in (written, read, missing):
        assert response.headers["access-control-allow-origin"] == LISTED
        exposed = set(response.headers["access-control-expose-headers"].split(", "))
        assert {"ETag", "Link", "Location", "Retry-After", "Feed-Next", "Feed-Place", "Feed-Epoch"} <= exposed
    assert "access-control-allow-origin" not in other.headers
    assert all("Origin" in response.headers["vary"] for response in (read, other))


def test_a_preflight_of_a_listed_origin_is_answered(opened: Server) -> None:
    """A browser learns which methods and headers a listed origin may send."""
    asked = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization,content-type"}
    with plain_client(opened.url) as client:
        allowed = client.options("/v1/events", headers={"Origin": LISTED, **asked})
        other = client.options("/v1/events", headers={"Origin": "https://evil.example", **asked})
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (204, LISTED)
    assert "PUT" in allowed.headers["access-control-allow-methods"]
    names = {"Authorization", "Content-Type", "If-Match", "Idempotency-Key", "Last-Event-ID"}
    assert names <= set(allowed.headers["access-control-allow-headers"].split(", "))
    assert "access-control-allow-origin" not in other.headers


@pytest.mark.slow
def test_a_listed_origin_may_follow_live(opened: Server) -> None:
    """A stream has the headers of CORS as well, so that a page can read it."""
    with plain_client(opened.url) as client:
        client.post("/v1/events", content=BATCH, headers=AS_JSON)
        with client.stream("GET", "/v1/feed/stream?after=0", headers={"Origin": LISTED}) as response:
            assert (response.status_code, response.headers["access-control-allow-origin"]) == (200, LISTED)
            assert len(Stream(response).take(1)) == 1
