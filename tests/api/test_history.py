"""Timelines, differences and histories over HTTP on the London set."""

from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from tests.api.conftest import LONDON

Client = TestClient[Litestar]
RARE_EARTHS = "rare-earth-export-restrictions"
CONTROL = "china-seven-rare-earths-control"
CONTROL_EVENT = LONDON[3]["id"]
REPORT = {"outlet": "Xinhua", "published": "2025-06-11", "kind": "official"}


def read(client: Client, path: str) -> dict[str, Any]:
    response = client.get(path)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_the_timeline_is_in_valid_order(london: Client) -> None:
    """Facts stand by the first day on which they may have occurred, then the last, then their position."""
    answer = read(london, f"/v1/issues/{RARE_EARTHS}/timeline")
    facts = answer["items"]
    uncertain = "[2025-04-01..2025-06-10]"
    first = [("2025-04", 4), (uncertain, 16), (uncertain, 18), (uncertain, 19), ("2025-05", 5), ("2025-05", 6)]
    assert [(fact["occurred"], fact["position"]) for fact in facts[:6]] == first
    assert {fact["position"] for fact in facts} == {
        position for position, event in enumerate(LONDON, 1) if RARE_EARTHS in event["issues"]
    }
    assert (facts[0]["id"], facts[0]["kind"], facts[0]["modality"]) == (CONTROL_EVENT, "restriction", "asserted")
    assert facts[0]["reports"] == LONDON[3]["reports"]
    assert any(fact["modality"] == "planned" for fact in facts)
    basis = {name: answer[name] for name in ("as_of", "known_position", "known_basis", "next")}
    assert basis == {"as_of": None, "known_position": 20, "known_basis": "recorded", "next": None}


def test_the_timeline_has_what_is_known(london: Client) -> None:
    """A correction moves a fact to its new day and keeps its position; a retraction removes it; reports are added."""
    text = {key: value for key, value in LONDON[3].items() if key != "id"} | {"occurred": "2025-05-31"}
    assert london.put(f"/v1/events/{CONTROL_EVENT}", json={"event": text}).status_code == 201
    denial = REPORT | {"stance": "denies"}
    assert london.post(f"/v1/events/{CONTROL_EVENT}/reports", json={"reports": [denial]}).status_code == 201
    assert london.delete(f"/v1/events/{LONDON[4]['id']}").status_code == 200
    facts = {fact["position"]: fact for fact in read(london, f"/v1/issues/{RARE_EARTHS}/timeline")["items"]}
    assert list(facts)[:5] == [16, 18, 19, 6, 4]
    moved = facts[4]
    assert (moved["occurred"], moved["corrected"], moved["contested"]) == ("2025-05-31", True, True)
    assert moved["reports"] == [*LONDON[3]["reports"], denial]
    before = read(london, f"/v1/issues/{RARE_EARTHS}/timeline?known_position=20")["items"]
    assert [(fact["position"], fact["corrected"]) for fact in before[:2]] == [(4, False), (16, False)]


def test_the_timeline_is_paged_and_stays_as_it_was(london: Client) -> None:
    """The pages have every fact once, as known at the first page, whatever is recorded between them."""
    whole = read(london, f"/v1/issues/{RARE_EARTHS}/timeline")["items"]
    seen: list[dict[str, Any]] = []
    following = ""
    while True:
        page = read(london, f"/v1/issues/{RARE_EARTHS}/timeline?limit=2{following}")
        seen += page["items"]
        if page["next"] is None:
            break
        following = f"&cursor={page['next']}"
        later = LONDON[7] | {"id": None, "item": f"later-{len(seen)}", "occurred": "2025-06-11"}
        assert london.post("/v1/events", json={"events": [later]}).status_code == 201
    assert seen == whole


def test_what_changed_between_two_days(london: Client) -> None:
    """Between 31 March and 10 June the control, the call, the commitment and the talks began; the issue is the same."""
    answer = read(london, f"/v1/issues/{RARE_EARTHS}/diff?from=2025-03-31&to=2025-06-10")
    changed = {each["id"]: each for each in answer["items"]}
    control = changed[CONTROL]
    assert (control["kind"], control["before"], control["after"]["status"]) == ("restriction", None, "in_force")
    assert changed["us-china-talks-geneva"]["after"]["status"] == "concluded"
    assert (answer["from"], answer["to"], answer["as_of"], answer["known_position"]) == (
        "2025-03-31",
        "2025-06-10",
        None,
        20,
    )
    as_of = read(london, f"/v1/restrictions/{CONTROL}?as_of=2025-06-10")
    assert control["after"] == {name: as_of[name] for name in control["after"]}
    assert read(london, f"/v1/issues/{RARE_EARTHS}/diff?from=2025-06-10&to=2025-06-10")["items"] == []
    (talks,) = read(london, f"/v1/issues/{RARE_EARTHS}/diff?from=2025-04-01&to=2025-06-04")["items"][1:2]
    assert (talks["id"], talks["before"]) == ("us-china-talks-geneva", None)


def test_what_was_learnt_between_two_positions(london: Client) -> None:
    """K is named by a position or an instant; `before` is null for an item that was not known then."""
    path = f"/v1/issues/{RARE_EARTHS}/diff"
    answer = read(london, f"{path}?known_from=3&known_to=8&as_of=2025-06-10")
    assert {each["id"]: each["before"] for each in answer["items"]} == {
        CONTROL: None,
        "us-china-talks-geneva": None,
        "trump-xi-call-june-2025": None,
        "china-commitment-reopen-rare-earths": None,
    }
    assert (answer["as_of"], answer["known_from"], answer["known_to"], answer["known_position"]) == (
        "2025-06-10",
        3,
        8,
        8,
    )
    third, eighth = (london.get(f"/v1/feed?after={n - 1}&limit=1").json()["events"][0]["recorded_at"] for n in (3, 8))
    moments = {"known_from": third, "known_to": eighth.replace("Z", "+00:00"), "as_of": "2025-06-10"}
    assert london.get(path, params=moments).json() == answer
    corrected = {key: value for key, value in LONDON[3].items() if key != "id"} | {"occurred": "2025-04-04"}
    assert london.put(f"/v1/events/{CONTROL_EVENT}", json={"event": corrected}).status_code == 201
    (change,) = read(london, f"{path}?known_from=20&as_of=2025-04-15")["items"]
    assert [change[end]["certainty"] for end in ("before", "after")] == ["possible", "certain"]


def test_what_was_published_between_two_days(london: Client) -> None:
    """All of the London set was published by 10 June; a position caps K, and the answer is frozen."""
    path = f"/v1/issues/{RARE_EARTHS}/diff?as_of=2025-06-10&known_basis=published&known_to=2025-06-10"
    answer = read(london, f"{path}&known_from=2025-06-09&known_position=8")
    assert {each["id"]: each["before"] for each in answer["items"]} == {
        RARE_EARTHS: None,
        CONTROL: None,
        "us-china-talks-geneva": None,
        "trump-xi-call-june-2025": None,
        "china-commitment-reopen-rare-earths": None,
    }
    span = {name: answer[name] for name in ("as_of", "known_from", "known_to", "known_at", "known_position")}
    assert span == {
        "as_of": "2025-06-10", "known_from": "2025-06-09", "known_to": "2025-06-10", "known_at": "2025-06-10",
        "known_position": 8,
    }  # fmt: skip
    assert read(london, f"{path}&known_from=2025-06-10")["items"] == []
    pages: list[str] = []
    query = f"{path}&known_from=2025-06-09&known_position=8&limit=2"
    following: str | None = ""
    while following is not None:
        page = read(london, query + (f"&cursor={following}" if following else ""))
        pages += [each["id"] for each in page["items"]]
        following = page["next"]
    assert pages == [each["id"] for each in answer["items"]]
    frozen = london.get(f"{path}&known_from=2025-06-09&known_position=8")
    assert "immutable" in frozen.headers["Cache-Control"]
    again = london.get(frozen.headers["Link"].partition(">")[0].removeprefix("<"))
    assert (again.content, again.headers["ETag"]) == (frozen.content, frozen.headers["ETag"])


def test_what_changed_as_published(london: Client) -> None:
    """On the day before the reports were published nothing is known; on their day the diff is that of the log."""
    path = f"/v1/issues/{RARE_EARTHS}/diff?from=2025-03-31&to=2025-06-10&known_basis=published"
    assert london.get(f"{path}&known_at=2025-06-09").json()["first_known_at"] == "2025-06-10"
    answer = read(london, f"{path}&known_at=2025-06-10")
    recorded = read(london, f"/v1/issues/{RARE_EARTHS}/diff?from=2025-03-31&to=2025-06-10")
    assert answer["items"] == recorded["items"]
    assert (answer["known_at"], answer["known_basis"]) == ("2025-06-10", "published")


@pytest.mark.parametrize(
    ("query", "parameter", "status"),
    [
        ("", "from", 422),
        ("from=2025-01-01&known_from=3", "from", 422),
        ("to=2025-01-01", "from", 422),
        ("from=2025-01-02&to=2025-01-01", "to", 422),
        ("from=2025-01-01&as_of=2025-01-01", "as_of", 422),
        ("known_from=3&to=2025-01-01", "to", 422),
        ("known_from=3&known_position=5", "known_position", 422),
        ("known_from=8&known_to=3", "known_to", 422),
        ("known_from=-1", "known_from", 422),
        ("known_from=2025-06-10", "known_from", 422),
        ("known_from=2025-06-10T12:00:00", "known_from", 422),
        ("known_from=9999999999999999", "known_from", 422),
        ("known_from=3&known_basis=published", "known_from", 422),
        ("known_from=2025-06-09&known_to=12&known_basis=published", "known_to", 422),
        ("known_from=2025-02-30&known_basis=published", "known_from", 422),
        ("known_from=2025-06-10&known_to=2025-06-09&known_basis=published", "known_to", 422),
        ("known_from=2025-06-09&known_at=2025-06-10&known_basis=published", "known_at", 422),
        ("known_from=2025-06-09&known_position=900&known_basis=published", None, 400),
        ("from=9000-01-01", "from", 422),
        ("known_from=3&known_to=900", None, 400),
        ("known_from=2999-01-01T00:00:00Z", None, 400),
        ("from=2025-01-01&known_position=900", None, 400),
    ],
)
def test_a_diff_is_between_two_days_or_two_positions(
    london: Client, query: str, parameter: str | None, status: int
) -> None:
    """A diff between neither or both, in the wrong order or ahead of the log is refused, its parameter named."""
    refused = london.get(f"/v1/issues/{RARE_EARTHS}/diff?{query}")
    assert refused.status_code == status, refused.text
    if parameter is not None:
        assert refused.json()["errors"][0]["parameter"] == parameter


def test_a_diff_is_paged(london: Client) -> None:
    """The pages have every change once, in the order of the log, as known at the first page."""
    for span in ("from=2025-03-31", "known_from=2", "from=2025-03-31&known_basis=published&known_at=2025-06-10"):
        path = f"/v1/issues/{RARE_EARTHS}/diff?{span}"
        whole = read(london, path)
        seen: list[dict[str, Any]] = []
        following = ""
        while True:
            page = read(london, f"{path}&limit=2{following}")
            seen += page["items"]
            assert page["known_position"] == whole["known_position"]
            if page["next"] is None:
                break
            following = f"&cursor={page['next']}"
            lifted = {"type": "restriction.lifted", "issues": [RARE_EARTHS], "item": CONTROL, "occurred": "2025-06-09"}
            assert london.post("/v1/events", json={"events": [lifted | {"reports": [REPORT]}]}).status_code == 201
        assert seen == whole["items"]
        assert len(seen) > 4


def test_the_history_of_an_item(london: Client) -> None:
    """Before the correction the control was possible within its month; after it, certain from its day."""
    corrected = {key: value for key, value in LONDON[3].items() if key != "id"} | {"occurred": "2025-04-04"}
    assert london.put(f"/v1/events/{CONTROL_EVENT}", json={"event": corrected}).status_code == 201
    answer = read(london, f"/v1/restrictions/{CONTROL}/versions")
    bounds = ("valid_from", "valid_to", "known_from", "known_to")
    assert [(*(each[name] for name in bounds), each["state"]["certainty"]) for each in answer["items"]] == [
        ("2025-04-01", "2025-04-30", 4, 21, "possible"),
        ("2025-04-04", None, 21, None, "certain"),
        ("2025-04-30", None, 4, 21, "certain"),
    ]
    assert (answer["as_of"], answer["known_position"], answer["next"]) == (None, 21, None)
    then = read(london, f"/v1/restrictions/{CONTROL}/versions?known_position=20")["items"]
    assert [each["known_to"] for each in then] == [None, None]
    pages = []
    following = ""
    while True:
        page = read(london, f"/v1/restrictions/{CONTROL}/versions?limit=1{following}")
        pages += page["items"]
        if page["next"] is None:
            break
        following = f"&cursor={page['next']}"
    assert pages == answer["items"]


@pytest.mark.parametrize(
    ("path", "position"),
    [
        ("/v1/issues/chip-export-controls/timeline?", 2),
        ("/v1/issues/chip-export-controls/diff?from=2025-01-01&", 2),
        (f"/v1/restrictions/{CONTROL}/versions?", 4),
    ],
)
def test_what_is_not_known_yet_says_from_when_it_is(london: Client, path: str, position: int) -> None:
    """Before its recording a name is a 404 with the position from which it is known; an unknown name has none."""
    refused = london.get(f"{path}known_position={position - 1}")
    assert (refused.status_code, refused.json()["first_known_position"]) == (404, position)
    assert london.get(f"{path}known_position={position}").status_code == 200
    named = path.replace("chip-export-controls", "nothing").replace(CONTROL, "nothing")
    assert "first_known_position" not in london.get(named).json()
    assert london.get(named.replace("nothing", "No_Name")).status_code == 404
    learnt = "/v1/issues/chip-export-controls/diff?known_from=0&as_of=2025-06-10&known_to="
    assert [london.get(f"{learnt}{known}").status_code for known in (1, 2)] == [404, 200]


HISTORIES = [
    f"/v1/issues/{RARE_EARTHS}/timeline?limit=3",
    f"/v1/issues/{RARE_EARTHS}/diff?from=2025-03-31&limit=3",
    f"/v1/issues/{RARE_EARTHS}/diff?known_from=4",
    f"/v1/issues/{RARE_EARTHS}/diff?from=2025-03-31&limit=3&known_basis=published&known_at=2025-06-10",
    f"/v1/issues/{RARE_EARTHS}/timeline?limit=3&known_basis=published&known_at=2025-06-10",
    f"/v1/restrictions/{CONTROL}/versions",
]


@pytest.mark.parametrize("path", HISTORIES)
def test_a_history_has_a_frozen_url(london: Client, path: str) -> None:
    """The frozen URL has the same bytes, cacheable for ever; its entity tag is answered with a 304."""
    first = london.get(path)
    assert first.headers["cache-control"] == "no-cache"
    assert london.get(path, headers={"If-None-Match": first.headers["etag"]}).status_code == 304
    lifted = {"type": "restriction.lifted", "issues": [RARE_EARTHS], "item": CONTROL, "occurred": "2025-06-09"}
    assert london.post("/v1/events", json={"events": [lifted | {"reports": [REPORT]}]}).status_code == 201
    assert london.get(path, headers={"If-None-Match": first.headers["etag"]}).status_code == 200
    kept = london.get(first.headers["link"].partition(">")[0][1:])
    assert (kept.content, kept.headers["etag"]) == (first.content, first.headers["etag"])
    assert "immutable" in kept.headers["cache-control"]
    same = london.get(first.headers["link"].partition(">")[0][1:], headers={"If-None-Match": first.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")


@pytest.mark.row(13)
def test_a_404_at_a_given_k_says_that_it_shows_the_way_as_known_now(client: TestClient[Litestar]) -> None:
    """What it says of an item changes when the item is recorded; the status does not, and no cache may keep it."""
    opened = {name: LONDON[0][name] for name in LONDON[0]}
    client.post("/v1/events", json={"events": [opened]}).raise_for_status()
    issue = opened["item"]
    fact = {"type": "restriction.imposed", "issues": [issue], "item": "later", "occurred": "2025-06-01"}
    terms = {"imposed_by": "US", "against": ["CN"], "instrument": "quota", "goods": [{"name": "steel"}]}
    for basis in ("known_position=1", "known_position=1&known_basis=published&known_at=2025-06-30"):
        paths = [f"/v1/restrictions/later{rest}?{basis}" for rest in ("", "/versions")]
        before = [client.get(path) for path in paths]
        if "published" not in basis:
            assert [each.json()["detail"] for each in before] == ["There is no restriction later."] * 2
            event = fact | terms | {"reports": [{"outlet": "An outlet", "published": "2025-06-02"}]}
            client.post("/v1/events", json={"events": [event]}).raise_for_status()
        for answer in (*before, *(client.get(path) for path in paths)):
            assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store")
            assert not {"etag", "link"} & set(answer.headers)
        later = client.get(paths[0]).json()
        assert "from 2025-06-01" in later["detail"]
        assert (later["first_as_of"], later["first_known_position"]) == ("2025-06-01", 2)
    for path in ("/v1/restrictions?limit=0", "/v1/issues?known_position=99", "/v1/nowhere"):
        assert client.get(path).headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("?reason=Twice.", None),
        ("", {"reason": "Twice."}),
        ("?reason=Twice.", {"reason": "Twice."}),
        ("?reason=Twice.", {"reports": [{"outlet": "Reuters"}]}),
        ("", {"reason": "Twice.", "reports": [{"outlet": "Reuters"}]}),
    ],
)
def test_a_retraction_has_its_reason_and_its_sources(london: Client, query: str, body: Any) -> None:  # noqa: ANN401
    """Reason and reports stand in the retraction, wherever they were sent; a key knows the repeat."""
    target = f"/v1/events/{LONDON[4]['id']}"
    for way in (query, "?reason=Twice.", ""):
        sent = body if way == query else {**(body or {}), "reason": "Twice."}
        answer = london.request("DELETE", target + way, json=sent, headers={"Idempotency-Key": "one"})
        assert answer.status_code == 200, answer.text
        (record,) = answer.json()["events"]
        assert (record["type"], record["reason"]) == ("record.retracted", "Twice.")
        assert record.get("reports", []) == ((body or {}).get("reports") or [])
        assert record["position"] == len(LONDON) + 1
