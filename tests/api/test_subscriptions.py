"""Subscriptions over HTTP: made, read, changed and deleted; every fault is named by a pointer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from litestar.testing import TestClient

from service.app import create_app
from service.settings import BadSetting, Settings, lease, schedule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litestar import Litestar

URL = "http://127.0.0.1:9/hook"
PATH = "/v1/subscriptions"
SECRET = "whsec_" + "A" * 32


@pytest.fixture(scope="module")
def running(shared_url: str) -> Iterator[TestClient[Litestar]]:
    """A service that takes receivers on this machine."""
    with TestClient(create_app(Settings(database_url=shared_url, webhooks_allow_private=True))) as client:
        yield client


@pytest.fixture
def client(running: TestClient[Litestar]) -> Iterator[TestClient[Litestar]]:
    """The same, without subscriptions before and after."""
    yield running
    for each in running.get(PATH).json()["items"]:
        running.delete(f"{PATH}/{each['id']}")


def test_a_subscription_is_made_and_read(client: TestClient[Litestar]) -> None:
    """The 201 of a subscription has its secret and its URL; read again it is the same without the secret."""
    asked = {"id": "desk", "url": URL, "type": "restriction.*", "issue": "a", "party": "CN", "good": "Dy"}
    response = client.post(PATH, json=asked)
    assert response.status_code == 201
    assert response.headers["location"] == f"{PATH}/desk"
    assert response.headers["cache-control"] == "no-store"
    made = response.json()
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert len(secret) == len("whsec_") + 44  # 32 bytes in base64
    assert {name: made[name] for name in asked} == asked
    assert (made["state"], made["reason"], made["failures"], made["due_at"]) == ("active", None, 0, None)
    assert (made["position"], made["head"], made["lag"]["events"]) == (0, 0, 0)
    assert client.get(f"{PATH}/desk").json() == made
    assert client.get(PATH).json() == {"items": [made], "next": None, "head": 0}


def test_names_and_secrets_are_made_up_where_none_is_given(client: TestClient[Litestar]) -> None:
    """Two subscriptions to one URL, sent without name and secret, get different ones."""
    one, other = (client.post(PATH, json={"url": URL}).json() for _ in range(2))
    assert one["id"] != other["id"]
    assert one["secret"] != other["secret"]


def test_a_name_is_taken_once(client: TestClient[Litestar]) -> None:
    """A second subscription of the same name is a conflict, and the first one stays."""
    client.post(PATH, json={"id": "desk", "url": URL})
    response = client.post(PATH, json={"id": "desk", "url": f"{URL}/other"})
    assert response.status_code == 409
    assert response.json()["type"] == "/problems/exists"
    assert client.get(f"{PATH}/desk").json()["url"] == URL


def test_there_are_a_hundred_at_most(client: TestClient[Litestar]) -> None:
    """The hundred-and-first is refused."""
    for number in range(100):
        assert client.post(PATH, json={"id": f"number-{number}", "url": URL}).status_code == 201
    response = client.post(PATH, json={"url": URL})
    assert (response.status_code, response.json()["type"]) == (409, "/problems/limit-reached")
    assert client.post(PATH, json={"id": "number-1", "url": URL}).json()["type"] == "/problems/exists"
    assert len(client.get(PATH).json()["items"]) == 100


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["#/url"]),
        ({"url": 5}, ["#/url"]),
        ({"url": ""}, ["#/url"]),
        ({"url": f"https://1.1.1.1/{'a' * 2_000}"}, ["#/url"]),
        ({"url": URL, "topic": "all"}, ["#/topic"]),
        ({"url": URL, "id": "Not a slug"}, ["#/id"]),
        ({"url": URL, "type": "restriction"}, ["#/type"]),
        ({"url": URL, "party": "CHN"}, ["#/party"]),
        ({"url": URL, "party": "CN,XX"}, ["#/party"]),
        ({"url": URL, "party": "CN,"}, ["#/party"]),
        ({"url": URL, "hs": "72,7"}, ["#/hs"]),
        ({"url": URL, "eccn": "3A090," * 32 + "3A090"}, ["#/eccn"]),
        ({"url": URL, "issue": "A"}, ["#/issue"]),
        ({"url": URL, "issue": "a,B"}, ["#/issue"]),
        ({"url": URL, "since": "2020-02-30"}, ["#/since"]),
        ({"url": URL, "since": "9000-01-01"}, ["#/since"]),
        ({"url": URL, "since": "2020-01-01", "after": 0}, ["#/since"]),
        ({"url": URL, "good": ""}, ["#/good"]),
        ({"url": URL, "after": -1}, ["#/after"]),
        ({"url": URL, "after": "0"}, ["#/after"]),
        ({"url": URL, "after": 1}, ["#/after"]),
        ({"url": URL, "secret": "whsec_short"}, ["#/secret"]),
        ({"url": URL, "secret": "A" * 40}, ["#/secret"]),
        ({"url": URL, "secret": "whsec_" + "*" * 40}, ["#/secret"]),
        ({"url": URL, "secret": "whsec_" + "A" * 108}, ["#/secret"]),
        ({"url": URL, "secret": "whsec_" + "\u00c6" * 40}, ["#/secret"]),
        ({"url": URL, "secret": "whsec_" + "A" * 200}, ["#/secret"]),
        ({"url": "ftp://a/", "after": 7, "secret": "word"}, ["#/url", "#/after", "#/secret"]),
        ({"url": URL, "url\u0000": 1}, ["#/url%00"]),
    ],
)
def test_what_is_wrong_is_named_by_pointer(
    client: TestClient[Litestar], body: dict[str, Any], pointers: list[str]
) -> None:
    """Each fault of a subscription to make is named, nothing is made, and a bad secret is not repeated."""
    response = client.post(PATH, json=body)
    assert response.status_code == 422, response.text
    assert [error["pointer"] for error in response.json()["errors"]][: len(pointers)] == pointers
    assert not body.get("secret") or body["secret"] not in response.text
    assert client.get(PATH).json()["items"] == []


@pytest.mark.parametrize(
    ("method", "target", "body", "pointer"),
    [
        ("PATCH", "", {}, "#"),
        ("PATCH", "", {"state": "disabled"}, "#/state"),
        ("PATCH", "", {"url": "nowhere"}, "#/url"),
        ("PATCH", "", {"secret": SECRET}, "#/secret"),
        ("PATCH", "", {"position": 0}, "#/position"),
        ("PATCH", "", {"filter": {"type": "nothing"}}, "#/filter/type"),
        ("POST", "/secret", {"secret": "whsec_"}, "#/secret"),
        ("POST", "/secret", {"secret": "whsec_\u00c6"}, "#/secret"),
        ("POST", "/replay", {}, "#/after"),
        ("POST", "/replay", {"after": 1}, "#/after"),
        ("POST", "/replay", {"since": "9000-01-01"}, "#/since"),
        ("PATCH", "", {"filter": {"party": "CN,XX"}}, "#/filter/party"),
    ],
)
def test_what_is_wrong_with_a_change_is_named_by_pointer(
    client: TestClient[Litestar], method: str, target: str, body: dict[str, Any], pointer: str
) -> None:
    """Each fault of a change is named, and nothing is changed."""
    client.post(PATH, json={"id": "desk", "url": URL})
    before = client.get(f"{PATH}/desk").json()
    response = client.request(method, f"{PATH}/desk{target}", json=body)
    assert response.status_code == 422, response.text
    assert response.json()["errors"][0]["pointer"] == pointer
    assert client.get(f"{PATH}/desk").json() == before


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {"state": "paused"}),
        ("DELETE", "", None),
        ("POST", "/secret", {}),
        ("POST", "/replay", {"after": 0}),
        ("GET", "/deliveries", None),
    ],
)
@pytest.mark.parametrize("name", ["nobody", "NOT-A-SLUG", "a%00b"])
def test_what_is_not_there_is_not_found(
    client: TestClient[Litestar], method: str, target: str, body: object, name: str
) -> None:
    """Every operation on a subscription that does not exist answers 404."""
    response = client.request(method, f"{PATH}/{name}{target}", json=body)
    assert (response.status_code, response.json()["type"]) == (404, "/problems/not-found")


def test_a_change_replaces_the_whole_filter(client: TestClient[Litestar]) -> None:
    """A new filter replaces every condition; an empty one lets all events through; the rest stays."""
    client.post(PATH, json={"id": "desk", "url": URL, "type": "restriction.*", "party": "CN"})
    changed = client.patch(f"{PATH}/desk", json={"filter": {"good": "Dy"}}).json()
    assert ("type" in changed, "party" in changed, changed["good"]) == (False, False, "Dy")
    assert changed["url"] == URL
    emptied = client.patch(f"{PATH}/desk", json={"filter": {}, "state": "paused"}).json()
    assert ("good" in emptied, emptied["state"]) == (False, "paused")


def test_a_deleted_subscription_is_gone(client: TestClient[Litestar]) -> None:
    """A deleted subscription is a 404, and its name is free."""
    client.post(PATH, json={"id": "desk", "url": URL})
    assert client.delete(f"{PATH}/desk").status_code == 204
    assert client.delete(f"{PATH}/desk").status_code == 404
    assert client.post(PATH, json={"id": "desk", "url": URL}).status_code == 201


def test_a_cursor_is_of_its_list(client: TestClient[Litestar]) -> None:
    """A cursor that no page returned is refused."""
    client.post(PATH, json={"id": "desk", "url": URL})
    response = client.get(f"{PATH}/desk/deliveries?cursor=WzEsMSwxLCJhIl0=")
    assert (response.status_code, response.json()["errors"][0]["parameter"]) == (422, "cursor")


def test_settings_of_delivery_are_read_strictly() -> None:
    """A schedule is seconds separated by commas, a lease is seconds; an empty setting is the default."""
    assert schedule("0,0.5, 300") == (0.0, 0.5, 300.0)
    assert schedule("") is None
    assert (lease(""), lease("1.5")) == (None, 1.5)
    for text in ("x", "-1", "1,,2", "inf", "1e3"):
        with pytest.raises(BadSetting):
            schedule(text)
