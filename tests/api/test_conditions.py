"""Requests that depend on an entity tag, and headers as HTTP has them, on either database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.api.conftest import LONDON

if TYPE_CHECKING:
    import httpx
    from litestar import Litestar
    from litestar.testing import TestClient

    Client = TestClient[Litestar]

ISSUE = "/v1/issues/rare-earth-export-restrictions"
EVENT = f"/v1/events/{LONDON[0]['id']}"
REPORTS = {"reports": [{"outlet": "A desk"}]}


def plain_tag(client: Client, path: str) -> str:
    """Return the entity tag of an answer that is not compressed, as those of receipts are."""
    return client.get(path, headers={"Accept-Encoding": "identity"}).headers["etag"]


def revise(client: Client, tag: str, title: str = "Rare earths") -> httpx.Response:
    return client.patch(ISSUE, json=REPORTS | {"title": title}, headers={"If-Match": tag})


def report(client: Client, outlet: str, tag: str | None = None) -> httpx.Response:
    headers = {} if tag is None else {"If-Match": tag}
    return client.post(f"{EVENT}/reports", json={"reports": [{"outlet": outlet}]}, headers=headers)


def test_an_issue_is_revised_by_the_tag_that_reading_it_gave(london: Client) -> None:
    """The ETag of a read is right until something that names the issue is recorded; a write answers with the next."""
    tag = london.get(ISSUE).headers["etag"]
    assert report(london, "Elsewhere").status_code == 201  # on the issue's own opening
    stale = revise(london, tag)
    assert (stale.status_code, stale.json()["type"]) == (412, "/problems/precondition-failed")
    tag = london.get(f"{ISSUE}?as_of=2025-06-10").headers["etag"]
    revised = revise(london, tag)
    assert revised.status_code == 200
    assert revised.headers["etag"] == plain_tag(london, ISSUE)
    assert revise(london, tag, "Again").status_code == 412
    assert revise(london, f'"other", W/{revised.headers["etag"]}', "Again").status_code == 200
    assert revise(london, "*", "Once more").status_code == 200
    closed = london.delete(ISSUE, headers={"If-Match": revised.headers["etag"]})
    assert closed.status_code == 412


def test_what_is_recorded_elsewhere_does_not_make_a_tag_stale(london: Client) -> None:
    """A fact that does not name the issue moves the head, and with it the tag of a read, not what a writer saw."""
    tag = london.get(ISSUE).headers["etag"]
    opening = {"id": "steel", "title": "Steel", "summary": "Tariffs.", "parties": ["US"], **REPORTS}
    made = london.post("/v1/issues", json=opening)
    assert made.headers["etag"] == plain_tag(london, "/v1/issues/steel")
    assert london.get(ISSUE, headers={"If-None-Match": tag}).status_code == 200
    assert revise(london, tag).status_code == 200


@pytest.mark.parametrize("tag", ['"2025-06-10.20.recorded.deadbeef-1"', '"20.deadbeef-1"', '"x", "y"', '"7"', "7"])
def test_a_tag_of_another_ledger_or_version_fails(london: Client, tag: str) -> None:
    """What names no state of the issue as it is now is 412."""
    assert revise(london, tag).status_code == 412


def test_an_event_is_corrected_by_the_tag_that_reading_it_gave(london: Client) -> None:
    """PUT, DELETE and added reports take the ETag of the event; another record on it in between is 412."""
    read = london.get(EVENT)
    assert london.get(EVENT, headers={"If-None-Match": read.headers["etag"]}).status_code == 304
    first = report(london, "First", read.headers["etag"])
    assert (first.status_code, first.headers["etag"]) == (201, plain_tag(london, EVENT))
    stale = report(london, "Second", read.headers["etag"])
    assert (stale.status_code, stale.json()["position"]) == (412, first.json()["position"])
    assert report(london, "First", read.headers["etag"]).status_code == 200  # a repeat gets the first answer
    event = london.get(EVENT).json()["now"] | {"note": "Corrected."}
    for tag, status in ((read.headers["etag"], 412), (f'"1", {first.headers["etag"]}', 201), ('"7"', 412)):
        sent = {"event": event | {"note": f"By {tag}"}, "reason": "A slip."}
        assert london.put(EVENT, json=sent, headers={"If-Match": tag}).status_code == status
    assert london.delete(EVENT, headers={"If-Match": first.headers["etag"]}).status_code == 412
    assert london.get("/v1/events/" + LONDON[1]["id"], headers={"If-None-Match": "*"}).status_code == 304


def test_events_have_frozen_urls(london: Client) -> None:
    """An event and a page of events as known at K never change: immutable at the URL that Link names."""
    for path in (EVENT, "/v1/events?limit=2", "/v1/events?party=CN"):
        answer = london.get(path)
        frozen = answer.links["memento"]["url"]
        assert report(london, path).status_code == 201
        again = london.get(frozen)
        assert (again.content, again.headers["etag"]) == (answer.content, answer.headers["etag"])
        assert "immutable" in again.headers["cache-control"]
        assert answer.headers["cache-control"] == "no-cache"
        assert london.get(path).headers["etag"] != answer.headers["etag"]


MISSING = [
    "/v1/issues/none-such", "/v1/restrictions/none-such", "/v1/issues/none-such/timeline", "/v1/issues/none-such/diff",
    "/v1/restrictions/none-such/versions", "/v1/events/00000000-0000-7000-8000-000000000000",
]  # fmt: skip


@pytest.mark.parametrize("path", MISSING)
def test_a_star_is_no_answer_to_what_does_not_exist(london: Client, path: str) -> None:
    """`If-None-Match: *` is 304 for what there is, and 404 for what there is not."""
    query = "?from=2025-01-01&to=2025-02-01" if path.endswith("diff") else ""
    assert london.get(path + query, headers={"If-None-Match": "*"}).status_code == 404
    assert london.get(ISSUE, headers={"If-None-Match": "*"}).status_code == 304


def test_the_basis_of_an_answer_can_be_sent_back(london: Client) -> None:
    """`known_at` and `known_position` go together: the one that counts less holds; both are pinned."""
    names = ("as_of", "known_at", "known_position", "known_basis")
    answer = london.get(f"{ISSUE}?known_position=9&as_of=2025-06-10")
    basis = {name: answer.json()[name] for name in names}
    again = london.get(ISSUE, params=basis)
    assert again.content == answer.content
    assert "immutable" in again.headers["cache-control"]
    for position, counted in ((3, 3), (9, 9), (20, 9)):
        found = london.get(ISSUE, params=basis | {"known_position": position}).json()
        assert found["known_position"] == counted
    assert london.get(ISSUE, params=basis | {"known_position": 900}).json()["type"] == "/problems/knowledge-ahead"
    page = london.get("/v1/events", params={**basis, "limit": 2, "known_position": 20, "as_of": ()}).json()
    more = {"cursor": page["next"], "known_at": basis["known_at"], "known_position": 20, "limit": 2}
    assert london.get("/v1/events", params=more).json()["known_position"] == 9


def test_header_lines_of_one_name_are_one_list(london: Client) -> None:
    """A field may come in several lines (RFC 9110, 5.3)."""
    tag = london.get(ISSUE).headers["etag"]
    lines: Any = [("If-None-Match", '"x"'), ("If-None-Match", tag)]
    assert london.get(ISSUE, headers=lines).status_code == 304
    accepted: Any = [("Accept", "text/html"), ("Accept", "text/csv")]
    assert london.get("/v1/issues", headers=accepted).headers["content-type"].startswith("text/csv")
    lines = [("If-Match", '"x"'), ("If-Match", tag)]
    assert london.patch(ISSUE, json=REPORTS | {"title": "T"}, headers=lines).status_code == 200


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("*/*, application/json;q=0", "text/csv"),
        ("application/json;q=0.5, text/*", "text/csv"),
        ("text/csv;q=0.1, */*", "application/json"),
        ("text/csv, */*", "text/csv"),
        ("APPLICATION/JSON, text/csv", "application/json"),
        ("text/html, */*;q=0.1", "application/json"),
        ("*/*;q=0", None),
        ("application/xml", None),
    ],
)
def test_accept_is_read_by_its_narrowest_range(london: Client, accept: str, form: str | None) -> None:
    """The weight of a form is that of the narrowest range that has it; 0 refuses it."""
    answer = london.get("/v1/issues", headers={"Accept": accept})
    assert answer.status_code == (406 if form is None else 200)
    assert form is None or answer.headers["content-type"].startswith(form)


def test_a_consumer_moves_by_one_tag_of_several(london: Client) -> None:
    """If-Match takes a list: one of its positions is enough."""
    path = "/v1/consumers/desk"
    assert london.put(path, json={"position": 3}).status_code == 201
    assert london.put(path, json={"position": 5}, headers={"If-Match": '"1", "3"'}).status_code == 200
    assert london.put(path, json={"position": 6}, headers={"If-Match": '"1", "3"'}).status_code == 412
