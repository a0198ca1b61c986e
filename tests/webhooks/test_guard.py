"""Nothing is sent to addresses that are not public, however they are written and whatever a name points to."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from litestar.testing import TestClient

from service.app import create_app
from service.settings import Settings
from service.webhooks.guard import Forbidden, Guarded, is_public, target
from tests.servers import Server, serving
from tests.webhooks.receivers import receiving
from tests.webhooks.service import Service, facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litestar import Litestar

FORBIDDEN_ADDRESSES = [
    "0.0.0.0",  # noqa: S104 - forbidden
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.1",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001:db8::1",
    "2001::1",
    "2002:7f00:1::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]
PUBLIC_ADDRESSES = ["1.1.1.1", "8.8.8.8", "93.184.215.14", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
FORBIDDEN_URLS = [
    "https://127.0.0.1/",
    "https://127.0.0.1:8443/hook",
    "https://[::1]/",
    "https://10.1.2.3/",
    "https://169.254.169.254/latest/meta-data/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://0.0.0.0/",
    "https://localhost/",
    "https://LOCALHOST./",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://127.1/",
    "https://0/",
    "https://127.0.0.1%2f@1.1.1.1/",
    "https://user@1.1.1.1/",
    "https://user:word@1.1.1.1/",
    "https://1.1.1.1@127.0.0.1/",
    "https://1.1.1.1/#fragment",
    "https://1.1.1.1:0/",
    "https://1.1.1.1:99999/",
    "http://1.1.1.1/",
    "ftp://1.1.1.1/",
    "file:///etc/passwd",
    "gopher://1.1.1.1/",
    "https://",
    "https:///hook",
    "//1.1.1.1/",
    "hook",
    "https://no-such-host.invalid/",
    "https://[::1/",
    "https://[1.1.1.1]/",
    "https://[2606:4700::1111:]/",
    "https://1.1.1.1/\n",
    "https://\u2460\u2461\u2466.0.0.1/",
]


@pytest.fixture(scope="module")
def client(shared_url: str) -> Iterator[TestClient[Litestar]]:
    """A service as it is set up for others to use."""
    with TestClient(create_app(Settings(database_url=shared_url))) as client:
        yield client


@pytest.mark.parametrize("address", FORBIDDEN_ADDRESSES)
def test_an_address_of_another_network_is_not_public(address: str) -> None:
    """Private, loopback, link-local, shared, reserved and multicast ones are not public, nor IPv6 forms of them."""
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC_ADDRESSES)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    """Global unicast addresses are public, in the IPv6 forms too."""
    assert is_public(address)


@pytest.mark.parametrize("url", FORBIDDEN_URLS)
def test_a_url_that_is_not_of_the_internet_is_refused(client: TestClient[Litestar], url: str) -> None:
    """A subscription to such a URL is refused with a pointer to it; so is a change to it."""
    response = client.post("/v1/subscriptions", json={"url": url})
    assert response.status_code == 422, response.text
    assert [error["pointer"] for error in response.json()["errors"]] == ["#/url"]
    assert client.get("/v1/subscriptions").json()["items"] == []


def test_a_public_url_is_taken_but_not_changed_to_another(client: TestClient[Litestar]) -> None:
    """A URL with a public address is taken; changing it to an inner one is refused, and nothing is changed."""
    url = "https://1.1.1.1/hook?token=a"
    made = client.post("/v1/subscriptions", json={"url": url, "id": "public"})
    assert made.status_code == 201, made.text
    response = client.patch("/v1/subscriptions/public", json={"url": "https://localhost/"})
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "#/url"
    assert client.get("/v1/subscriptions/public").json()["url"] == url
    assert client.delete("/v1/subscriptions/public").status_code == 204


@pytest.mark.parametrize("host", ["[1.1.1.1]", "[2606:4700::1111:]", "[:::]", "[.]"])
def test_brackets_hold_an_ipv6_address(host: str) -> None:
    """Also where private addresses are taken, and no host is resolved before the first delivery."""
    with pytest.raises(Forbidden, match="brackets"):
        target(f"https://{host}/", allow_private=True)


def test_plain_http_and_loopback_are_taken_where_the_setting_says_so() -> None:
    """With the setting any address will do, also without TLS; a user in the URL still will not."""
    assert target("http://127.0.0.1:9/x?y", allow_private=True).target == b"/x?y"
    for url in ("http://u@127.0.0.1/", "ftp://127.0.0.1/"):
        with pytest.raises(Forbidden):
            target(url, allow_private=True)


@pytest.mark.anyio
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "0", "2130706433"])
async def test_a_connection_is_refused_at_the_last_moment(host: str) -> None:
    """Where a name points when a connection is made is what counts, whatever was checked before."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        with pytest.raises(Forbidden):
            await Guarded(allow_private=False).connect_tcp(host, listening.getsockname()[1])
        stream = await Guarded(allow_private=True).connect_tcp("127.0.0.1", listening.getsockname()[1])
        await stream.aclose()


def test_a_name_that_points_inwards_is_refused_at_delivery(migrated_url: str) -> None:
    """A subscription whose name points to this machine by the time of delivery is tried and fails: no connection."""
    with receiving() as receiver:
        url = receiver.url.replace("http://127.0.0.1", "https://localhost")
        with serving(migrated_url, "--webhooks-allow-private") as lax:
            made = Service(lax).subscribe(url)
            plain = Service(lax).subscribe(receiver.url)
        server = Server(migrated_url, "--webhooks-schedule", "0,0.1")
        try:
            server.start()
            service = Service(server)
            service.open_issues()
            service.record(facts(1))
            found = service.until_state(made["id"], "disabled")
            assert "not sent: the host localhost has an address that is not public" in found["reason"]
            assert "must begin with https://" in service.until_state(plain["id"], "disabled")["reason"]
            assert [each["status"] for each in service.deliveries(made["id"])] == [None, None]
        finally:
            server.close()
        assert receiver.connections == 0


def test_proxies_of_the_environment_are_not_used(migrated_sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events go to the receiver itself, whatever proxy the environment names."""
    with receiving() as receiver, receiving() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url.removesuffix("/hook"))
        with serving(migrated_sqlite_url, "--webhooks-allow-private") as server:
            service = Service(server)
            service.open_issues()
            service.subscribe(receiver.url)
            service.record(facts(1))
            receiver.wait_for(1)
        assert proxy.connections == 0
