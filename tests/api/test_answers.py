"""What answers have on their way out: compression, links, positions, and how long they may be kept."""

from __future__ import annotations

import json
import re
import threading
from typing import TYPE_CHECKING, Any

import pytest
from litestar.testing import TestClient

from service.app import create_app
from service.settings import Settings
from tests.api.conftest import LONDON
from tests.servers import plain_client, serving, serving_together

if TYPE_CHECKING:
    from litestar import Litestar

    Client = TestClient[Litestar]

ISSUE = "/v1/issues/rare-earth-export-restrictions"
REPORTS = {"reports": [{"outlet": "A desk"}]}
LARGE = [
    ISSUE, "/v1/issues", "/v1/restrictions?include=ended", f"{ISSUE}/timeline", "/v1/events", "/v1/feed",
    "/v1/changes?from=2025-01-01&to=2025-12-31",
    "/schema", "/schema/openapi.json", "/schema/asyncapi.json", "/schema/events/issue.opened.v1.json",
]  # fmt: skip


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
@pytest.mark.parametrize("path", LARGE)
def test_every_answer_of_some_size_is_compressed(london: Client, path: str, coding: str) -> None:
    """The bytes are the same after decoding; the tag is another, and 304 goes by either."""
    plain = london.get(path, headers={"Accept-Encoding": "identity"})
    packed = london.get(path, headers={"Accept-Encoding": coding})
    again = london.get(path, headers={"Accept-Encoding": f"{coding};q=0.5, br"})
    assert packed.content == plain.content == again.content
    assert (packed.headers["content-encoding"], "content-encoding" in plain.headers) == (coding, False)
    assert "Accept-Encoding" in packed.headers["vary"]
    assert "Accept-Encoding" in plain.headers["vary"]
    assert int(packed.headers["content-length"]) < len(plain.content) * 0.8
    assert packed.headers["etag"] != plain.headers["etag"]
    for tag in (packed.headers["etag"], plain.headers["etag"]):
        same = london.get(path, headers={"Accept-Encoding": coding, "If-None-Match": tag})
        assert (same.status_code, same.headers["etag"]) == (304, tag)


def test_a_writer_may_send_the_tag_of_a_compressed_answer(london: Client) -> None:
    """If-Match takes the tag of either form."""
    tag = london.get(ISSUE, headers={"Accept-Encoding": "gzip"}).headers["etag"]
    assert tag.endswith('.gzip"')
    revised = london.patch(ISSUE, json=REPORTS | {"title": "T"}, headers={"If-Match": tag})
    assert revised.status_code == 200


@pytest.mark.parametrize("path", ["/v1/events", "/v1/feed", "/v1/restrictions", f"{ISSUE}/timeline", "/v1/changes"])
def test_links_lead_from_page_to_page(london: Client, path: str) -> None:
    """Link has the page itself, the next one and the document."""
    query = "from=2025-01-01&include=ended&limit=1" if path == "/v1/restrictions" else "limit=1"
    query = query.replace("from=2025-01-01&", "") if path != "/v1/changes" else "from=2025-01-01&to=2025-12-31&limit=1"
    seen, at = [], f"{path}?{query}"
    for _ in range(3):
        answer = london.get(at)
        assert london.get(answer.links["self"]["url"]).content == answer.content
        assert answer.links["service-desc"]["url"] == "/schema/openapi.json"
        seen.append(answer.json().get("items") or answer.json().get("events"))
        if "next" not in answer.links:
            break
        at = answer.links["next"]["url"]
    assert len({json.dumps(each) for each in seen}) == len(seen) > 1


def test_a_full_page_of_the_feed_is_kept_for_ever(london: Client) -> None:
    """A full page after a place, which others follow, is immutable; the end and a bare position are not."""
    first = london.get("/v1/feed?limit=5")
    second = london.get(first.links["next"]["url"])
    assert "immutable" not in first.headers["cache-control"]  # another log may come to be at this URL
    assert "immutable" in second.headers["cache-control"]
    end = f"after={second.headers['feed-place']}&limit=11"
    for query in ("after=0&limit=20", "after=15", "after=20", end):
        page = london.get(f"/v1/feed?{query}")
        assert page.headers["cache-control"] == "no-cache"
        same = london.get(f"/v1/feed?{query}", headers={"If-None-Match": page.headers["etag"]})
        assert (same.status_code, same.content) == (304, b"")
    tail = london.get("/v1/feed?after=20").headers["etag"]
    london.post("/v1/issues", json={"id": "x", "title": "X", "summary": "X.", "parties": ["US"], **REPORTS})
    assert london.get("/v1/feed?after=20", headers={"If-None-Match": tail}).status_code == 200
    cached = london.get(first.links["next"]["url"])
    assert cached.json()["events"] == second.json()["events"]


ANSWERED = [
    ISSUE, "/v1/issues", "/v1/events", f"/v1/events/{LONDON[0]['id']}", "/v1/feed", "/v1/consumers", "/healthz",
    "/readyz", "/v1/issues/none-such", "/v1/nothing", "/v1/issues?colour=red", f"{ISSUE}/timeline", "/metrics",
    f"{ISSUE}/diff?known_from=3&known_to=20", "/v1/exposure?good=dysprosium&party=US",
]  # fmt: skip


@pytest.mark.parametrize("path", ANSWERED)
def test_every_answer_says_how_far_it_counts_the_log(london: Client, path: str) -> None:
    """Ledger-Position is the head for what is asked as known now, problems and 304 included."""
    london.get("/readyz")
    answer = london.get(path)
    assert answer.headers["ledger-position"] == "20"
    if tag := answer.headers.get("etag"):
        assert london.get(path, headers={"If-None-Match": tag}).headers["ledger-position"] == "20"


def test_a_frozen_answer_counts_up_to_its_position(london: Client) -> None:
    """An answer as known at K says K, a receipt the position of its last event."""
    assert london.get(f"{ISSUE}?known_position=7").headers["ledger-position"] == "7"
    receipt = london.patch(ISSUE, json=REPORTS | {"title": "T"})
    assert receipt.headers["ledger-position"] == "21" == str(receipt.json()["position"])


def test_a_client_reads_its_own_writes_from_another_process(migrated_url: str) -> None:
    """With Min-Position any process answers only once it has the write; else 503 with Retry-After."""
    with serving_together([migrated_url, migrated_url]) as servers:  # noqa: SIM117
        with plain_client(servers[0].url) as writer, plain_client(servers[1].url) as reader:
            for count, fact in enumerate(LONDON, 1):
                wrote = writer.post("/v1/events", json={"events": [fact]}).raise_for_status()
                asked = {"Min-Position": wrote.headers["ledger-position"]}
                read = reader.get("/v1/issues", headers=asked).raise_for_status()
                assert read.json()["known_position"] == count
            ahead = reader.get("/v1/issues", headers={"Min-Position": str(len(LONDON) + 1)})
            assert (ahead.status_code, ahead.json()["type"]) == (503, "/problems/unavailable")
            assert re.fullmatch("[0-9]+", ahead.headers["retry-after"])
            answers: list[Any] = []
            asked = {"Min-Position": str(len(LONDON) + 1)}
            waiting = threading.Thread(target=lambda: answers.append(reader.get(ISSUE, headers=asked)))
            waiting.start()
            writer.patch(ISSUE, json=REPORTS | {"title": "T"}).raise_for_status()
            waiting.join()
            assert answers[0].json()["title"] == "T"


@pytest.mark.parametrize("written", ["x", "-1", "", "1.0", "9" * 17, "²"])
def test_an_odd_min_position_is_refused(london: Client, written: str) -> None:
    """What is no position is a 400."""
    answer = london.get(ISSUE, headers={b"Min-Position": written.encode()})
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/bad-request")


def test_the_catalog_names_the_documents(london: Client) -> None:
    """`/.well-known/api-catalog` (RFC 9727) links to the document, the guide and the status."""
    answer = london.get("/.well-known/api-catalog")
    assert answer.headers["content-type"].startswith("application/linkset+json")
    (links,) = answer.json()["linkset"]
    for rel in ("service-desc", "service-doc", "status"):
        for target in links[rel]:
            found = london.get(target["href"].removeprefix("http://127.0.0.1:8000"))
            assert found.headers["content-type"].startswith(target["type"])
    assert london.head("/.well-known/api-catalog").links["api-catalog"]["url"].endswith("/.well-known/api-catalog")


def test_links_follow_the_host_and_port(migrated_url: str) -> None:
    """Without a public URL, what a service says of itself is where it listens, also at a port that was free."""
    with serving(migrated_url) as server, plain_client(server.url) as client:
        (links,) = client.get("/.well-known/api-catalog").json()["linkset"]
        assert links["service-desc"][0]["href"].startswith(f"{server.url}/")


def test_a_public_url_with_a_path_is_in_every_url(migrated_sqlite_url: str) -> None:
    """Location, Link and the server of the document have the path that a proxy takes away."""
    app = create_app(Settings(database_url=migrated_sqlite_url, public_url="https://desk.example/ledger"))
    with TestClient(app) as client:
        opening = {"id": "steel", "title": "Steel", "summary": "Tariffs.", "parties": ["US"], **REPORTS}
        assert client.post("/v1/issues", json=opening).headers["location"] == "/ledger/v1/issues/steel"
        read = client.get("/v1/issues/steel")
        assert all(link["url"].startswith("/ledger/") for link in read.links.values())
        assert client.get("/schema/openapi.json").json()["servers"][0]["url"] == "/ledger"
        gate = client.get(
            "/v1/issues/steel", headers={"Accept-Datetime": "Thu, 01 Jan 2099 00:00:00 GMT"}, follow_redirects=False
        )
        assert gate.headers["location"].startswith("/ledger/v1/issues/steel?")
