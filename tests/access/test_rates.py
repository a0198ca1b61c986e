"""One client leaves room for others: requests in a time, streams and connections, by key or by address."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest

from tests.access.holders import bearing, eventually, made, service
from tests.edge.clients import clients
from tests.processes import PATIENCE
from tests.servers import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from tests.edge.clients import Answer
    from tests.servers import Server

HOUR = 3_600
PART = 720
"""Seconds in which one of five requests an hour comes back."""


def left(response: httpx.Response) -> tuple[int, int]:
    """Return how many requests are left, and in how many seconds all are back."""
    found = re.fullmatch('"client";r=([0-9]+);t=([0-9]+)', response.headers["ratelimit"])
    assert found
    return int(found[1]), int(found[2])


def refused(response: httpx.Response | Answer) -> str:
    """Return the detail of a 429 that says when to try again."""
    problem = response.problem() if hasattr(response, "problem") else response.json()
    status = response.status if hasattr(response, "status") else response.status_code
    assert (status, problem["type"]) == (429, "/problems/rate-limited")
    assert int(response.headers["retry-after"]) > 0
    return str(problem["detail"])


def test_a_client_has_an_allowance(migrated_sqlite_url: str) -> None:
    """Every answer says what is left, problems too; then 429 says when the next request may come. Probes are free."""
    with service(migrated_sqlite_url, rate_limit=(5, HOUR)) as client:
        for count, path in enumerate(("/v1/issues", "/v1/feed", "/v1/issues/none-such", "/v1/issues?a=b", "/metrics")):
            remaining, seconds = left(client.get(path))
            assert remaining == 4 - count
            assert PART * count < seconds <= PART * (count + 1)
        over = client.get("/v1/issues")
        assert refused(over) == "A client may ask 5 times in 3600 seconds."
        assert PART - PATIENCE < int(over.headers["retry-after"]) <= PART
        assert (left(over)[0], over.headers["ratelimit-policy"]) == (0, '"client";q=5;w=3600')
        assert refused(client.post("/v1/events", json={"events": []}))
        assert client.get("/healthz").status_code == 200
        assert "ratelimit" not in client.get("/readyz").headers


def test_an_allowance_comes_back(migrated_sqlite_url: str) -> None:
    """A refused request takes nothing, and after a while the next one is answered."""
    with service(migrated_sqlite_url, rate_limit=(2, 2)) as client:
        answers = [client.get("/v1/issues").status_code for _ in range(20)]
        assert set(answers) == {200, 429}
        assert eventually(lambda: client.get("/v1/issues"), 200).headers["ratelimit"].startswith('"client";r=0;t=')


def test_without_a_bound_nothing_is_said(migrated_sqlite_url: str) -> None:
    """On loopback there is no bound unless it is set; elsewhere there is one."""
    with service(migrated_sqlite_url) as client:
        assert "ratelimit" not in client.get("/v1/issues").headers
    made(migrated_sqlite_url, "reader")
    with service(migrated_sqlite_url, host="192.0.2.1", public_reads=True) as client:
        assert client.get("/v1/issues").headers["ratelimit"] == '"client";r=5999;t=1'


def test_the_keys_of_a_holder_share_an_allowance(migrated_sqlite_url: str) -> None:
    """Each holder has one, whatever the address; who has no key, or a wrong one, has that of the address."""
    one, other = (made(migrated_sqlite_url, "reader", "--name", "desk") for _ in range(2))
    news = made(migrated_sqlite_url, "reader", "--name", "news")
    with service(migrated_sqlite_url, rate_limit=(5, HOUR)) as client:
        for count in range(4):
            assert left(client.get("/v1/issues", headers=bearing(one)))[0] == 4 - count
        assert left(client.post("/v1/events", json={}, headers=bearing(one)))[0] == 0  # 403
        assert refused(client.get("/v1/issues", headers=bearing(other)))
        assert left(client.get("/v1/issues", headers=bearing(news)))[0] == 4
        unknown = client.get("/v1/issues", headers=bearing("parley_aaaaaaaa_b"))
        assert (unknown.status_code, left(unknown)[0]) == (401, 4)
        for _ in range(4):
            assert client.get("/v1/issues").status_code == 401
        assert refused(client.get("/v1/issues"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on which each client may have three connections and two streams."""
    url = f"sqlite:///{tmp_path_factory.mktemp('rates') / 'parley.db'}"
    with serving(url, "--client-connections", "3", "--client-streams", "2") as server:
        yield server


def ask(server: Server, path: str) -> Answer:
    """Ask over a new connection."""
    with clients(server) as (client,):
        client.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        return client.answer()


def until(server: Server, path: str, status: int) -> Answer:
    """Ask until the answer has a status."""
    deadline = time.monotonic() + PATIENCE
    while (answer := ask(server, path)).status != status:
        assert time.monotonic() < deadline, answer
    return answer


def test_a_client_may_have_so_many_connections(server: Server) -> None:
    """One more is refused with 429; once one is closed there is room again."""
    until(server, "/healthz", 200)
    with clients(server, 3) as kept:
        for each in kept:
            each.send(b"GET /healthz HTTP/1.1\r\n")
        assert refused(until(server, "/healthz", 429)) == "The client has as many connections as one may; try again."
        kept[0].close()
        until(server, "/healthz", 200)


def test_a_client_may_follow_so_often(server: Server) -> None:
    """One more stream, or page that waits, is refused with 429; other requests are answered."""
    with clients(server, 2) as kept:
        for each, path in zip(kept, ("/v1/feed/stream", "/v1/feed?wait=30"), strict=True):
            each.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert refused(until(server, "/v1/feed?wait=1", 429)) == "A client may follow 2 times at once."
        assert refused(ask(server, "/v1/feed/stream"))
        assert ask(server, "/v1/feed").status == 200
        kept[0].close()
        until(server, "/v1/feed?wait=1", 200)
