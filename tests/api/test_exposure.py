"""Exposure of a good and a country, and lists by words, over HTTP on the London set."""

from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from tests.api.conftest import LONDON, reports_of

Client = TestClient[Litestar]
CONTROL, CLEARANCE = LONDON[3]["item"], LONDON[18]["item"]
REPORT = {"outlet": "Xinhua", "published": "2025-06-11", "kind": "official"}


def found(client: Client, query: str) -> list[str]:
    """Return the ids of the items that touch a good and a country."""
    response = client.get(f"/v1/exposure?{query}")
    assert response.status_code == 200, response.text
    return [item["id"] for item in response.json()["items"]]


def impose(client: Client, item: str, **terms: object) -> None:
    """Record a restriction of June 2025."""
    head = {"type": "restriction.imposed", "item": item, "issues": [LONDON[0]["item"]], "occurred": "2025-06-01"}
    given = {"imposed_by": "CN", "instrument": "quota", **terms, "reports": [REPORT]}
    assert client.post("/v1/events", json={"events": [head | given]}).status_code == 201


def test_what_touches_dysprosium_and_the_united_states(london: Client) -> None:
    """China's control touches both, and so does the clearance from it, which names no goods; each has its reports."""
    answer = london.get("/v1/exposure?good=dysprosium&party=US&as_of=2025-06-10").json()
    assert [(item["id"], item["kind"], item["status"]) for item in answer["items"]] == [
        (CONTROL, "restriction", "in_force"),
        (CLEARANCE, "clearance", "agreed"),
    ]
    assert [reports_of(item) for item in answer["items"]] == [LONDON[3]["reports"], LONDON[18]["reports"]]
    assert (answer["as_of"], answer["known_position"], answer["next"]) == ("2025-06-10", 20, None)


@pytest.mark.parametrize(
    ("query", "touching"),
    [
        ("good=DY&party=US", [CONTROL, CLEARANCE]),
        ("good=Dysprosium&party=CN", [CONTROL, CLEARANCE]),
        ("good=dysprosium&party=JP", []),
        ("good=gallium&party=US", []),
        ("good=dysprosium&party=US&as_of=2025-03-31", []),
        ("good=dysprosium&party=US&as_of=2025-04-15", [CONTROL, CLEARANCE]),
        ("good=dysprosium&party=US&known_position=18", [CONTROL]),
        ("good=dysprosium&party=US&known_position=3", []),
        ("good=dysprosium&party=US&known_basis=published&known_at=2025-06-10", [CONTROL, CLEARANCE]),
        ("good=dysprosium&party=US&known_basis=published&known_at=2025-06-09", []),
    ],
)
def test_a_good_is_known_by_name_or_symbol_and_a_country_on_either_side(
    london: Client, query: str, touching: list[str]
) -> None:
    """A country touches as the one that acts and as the one acted upon, on the day asked about, as known at K."""
    query = query if "as_of" in query else f"{query}&as_of=2025-06-10"
    assert found(london, query) == touching


def test_an_hs_code_touches_what_is_wider_and_what_is_narrower(london: Client) -> None:
    """A measure on 2804 touches 280469 and 28; one on 280470 does not touch 280469."""
    impose(london, "wide", goods=[{"name": "gases", "hs": "2804"}])
    impose(london, "narrow", goods=[{"name": "phosphorus", "hs": "280470"}])
    for code, touching in (
        ("28", ["wide", "narrow"]),
        ("2804", ["wide", "narrow"]),
        ("280469", ["wide"]),
        ("280470", ["wide", "narrow"]),
        ("2805", []),
    ):
        assert found(london, f"hs={code}&party=US&as_of=2025-06-10") == touching


def test_a_restriction_against_nobody_in_particular_touches_every_country(london: Client) -> None:
    """Without `against`, or with an empty one, it is against all countries unless its entities have countries."""
    goods = [{"name": "graphite", "eccn": "1C107"}]
    impose(london, "all", goods=goods)
    impose(london, "also-all", goods=goods, against=[], entities=[{"name": "Makers, not named"}])
    impose(london, "some", goods=goods, entities=[{"name": "Northern Motors", "country": "GB"}])
    impose(london, "one", goods=goods, against=["US"])
    impose(london, "entities-alone", entities=[{"name": "Northern Motors", "country": "GB"}])
    for party, touching in (
        ("JP", ["all", "also-all"]),
        ("GB", ["all", "also-all", "some"]),
        ("US", ["all", "also-all", "one"]),
        ("CN", ["all", "also-all", "some", "one"]),
    ):
        assert found(london, f"eccn=1C107&party={party}&as_of=2025-06-10") == touching
        assert found(london, f"good=1c107&party={party}&as_of=2025-06-10") == touching


def test_what_has_ended_in_every_reading_is_left_out(london: Client) -> None:
    """Lifted on some day of June, the control may stand on the 10th; in July it is listed only with include=ended."""
    lifted = {"type": "restriction.lifted", "item": CONTROL, "issues": [LONDON[0]["item"]], "occurred": "2025-06"}
    assert london.post("/v1/events", json={"events": [lifted | {"reports": [REPORT]}]}).status_code == 201
    query = "good=dy&party=US"
    assert CONTROL in found(london, f"{query}&as_of=2025-06-10")
    assert CONTROL not in found(london, f"{query}&as_of=2025-07-01")
    assert CLEARANCE in found(london, f"{query}&as_of=2025-07-01")
    assert CONTROL in found(london, f"{query}&as_of=2025-07-01&include=ended")


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("party=US", "good"),
        ("good=dy", "party"),
        ("good=dy&hs=28&party=US", "hs"),
        ("hs=280&party=US", "hs"),
        ("eccn=3A&party=US", "eccn"),
        ("good=dy&party=XX", "party"),
        ("good=dy&party=US&include=all", "include"),
        ("good=dy&party=US&q=x", "q"),
    ],
)
def test_exposure_takes_one_good_and_one_country(london: Client, query: str, parameter: str) -> None:
    """A query without a good or a country, or with two goods, is refused, and the parameter is named."""
    refused = london.get(f"/v1/exposure?{query}")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["parameter"] == parameter


def test_exposure_is_paged_while_facts_arrive(london: Client) -> None:
    """The pages have what touches at the first page's K, in the order of the log."""
    for number in range(7):
        impose(london, f"dy-{number}", goods=[{"name": "oxide", "element": "Dy"}])
    whole = found(london, "good=dy&party=US&as_of=2025-06-10")
    seen: list[str] = []
    following = ""
    while True:
        page = london.get(f"/v1/exposure?good=dy&party=US&as_of=2025-06-10&limit=2{following}").json()
        seen += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        following = f"&cursor={page['next']}"
        impose(london, f"later-{len(seen)}", goods=[{"name": "oxide", "element": "Dy"}])
    assert (seen, len(seen)) == (whole, 9)


@pytest.mark.parametrize(
    ("query", "items"),
    [
        ("restrictions?q=SEVEN%20dysprosium", [CONTROL]),
        ("restrictions?q=chip", ["us-chip-controls-on-china"]),
        ("restrictions?q=seven%20chip", []),
        ("restrictions?q=rare-earth&party=CN", [CONTROL]),
        ("clearances?q=carmakers", [CLEARANCE]),
        ("issues?q=chip%20discriminatory", ["chip-export-controls"]),
        ("issues?q=export&as_of=2020-01-01&known_position=1", ["rare-earth-export-restrictions"]),
        ("issues?q=Reuters", []),
        ("restrictions?q=seven&known_position=3", []),
        ("restrictions?q=seven&known_basis=published&known_at=2025-06-10", [CONTROL]),
    ],
)
def test_lists_are_searched_for_words(london: Client, query: str, items: list[str]) -> None:
    """A list by words has the items with every word, in any case, in their name or terms; reports do not count."""
    answer = london.get(f"/v1/{query}")
    assert answer.status_code == 200, answer.text
    assert [item["id"] for item in answer.json()["items"]] == items


def test_words_are_needed(london: Client) -> None:
    """A search for white space or nothing is refused."""
    for query in ("restrictions?q=%20", "issues?q=", "issues?q=%20%20"):
        assert london.get(f"/v1/{query}").json()["errors"][0]["parameter"] == "q"


ISSUE = LONDON[0]["item"]
PINNED = [
    "/v1/issues?as_of=2025-06-10&known_position=20",
    "/v1/issues?q=china&as_of=2025-06-10&known_position=20&limit=1",
    f"/v1/issues/{ISSUE}?as_of=2025-06-10&known_position=20&include=ended",
    f"/v1/issues/{ISSUE}/timeline?known_position=20",
    f"/v1/issues/{ISSUE}/timeline?known_position=20&limit=4",
    f"/v1/issues/{ISSUE}/timeline?known_basis=published&known_at=2025-06-10&known_position=20",
    f"/v1/issues/{ISSUE}/diff?from=2025-03-31&to=2025-06-10&known_position=20&limit=3",
    f"/v1/issues/{ISSUE}/diff?known_from=7&known_to=20&as_of=2025-06-10",
    "/v1/restrictions?party=CN&as_of=2025-06-10&known_position=20",
    "/v1/restrictions?q=dysprosium&as_of=2025-06-10&known_position=20",
    "/v1/restrictions?good=dy&as_of=2025-06-10&known_position=20&known_at=2025-06-10&known_basis=published",
    f"/v1/restrictions/{CONTROL}?as_of=2025-06-10&known_position=20",
    f"/v1/restrictions/{CONTROL}/versions?known_position=20",
    "/v1/rounds/us-china-talks-london/versions?known_position=20&limit=1",
    "/v1/exposure?good=dysprosium&party=US&as_of=2025-06-10&known_position=20",
    "/v1/exposure?good=dy&party=US&as_of=2025-06-10&known_position=20&known_basis=published&known_at=2025-06-10",
]


def later_facts() -> list[dict[str, Any]]:
    """Return 1,000 later facts on what the London set is about: repeats of its facts on other days, and records."""
    facts: list[dict[str, Any]] = []
    for number in range(880):
        fact = LONDON[3 + number % 17]
        facts.append(fact | {"id": None, "occurred": f"2025-{1 + number % 12:02}-{1 + number % 28:02}"})
    for event in LONDON[3:]:
        facts.append({"type": "record.corrected", "target": event["id"], "event": event | {"occurred": "2025-02-01"}})
        facts.append({"type": "record.report_added", "target": event["id"], "reports": [REPORT]})
        facts.append({"type": "record.disputed", "target": event["id"]})
        facts += [{"type": "record.retracted", "target": event["id"]}]
    new = {"type": "restriction.imposed", "issues": [ISSUE], "occurred": "2025-05-01", "imposed_by": "CN"}
    terms = {"instrument": "quota", "goods": [{"name": "dysprosium"}], "reports": [REPORT]}
    return facts + [new | terms | {"item": f"later-{number}"} for number in range(1_000 - len(facts))]


def test_pinned_answers_of_every_kind_outlive_a_thousand_facts(london: Client) -> None:
    """Whatever is recorded later, a pinned answer keeps its bytes, its entity tag and its frozen URL."""
    before = {path: london.get(path) for path in PINNED}
    for path, answer in before.items():
        assert (answer.status_code, "immutable" in answer.headers["cache-control"]) == (200, True), path
        kept = london.get(answer.headers["link"].partition(">")[0][1:])
        assert (kept.content, kept.headers["etag"]) == (answer.content, answer.headers["etag"]), path
    facts = later_facts()
    assert len(facts) == 1_000
    for start in range(0, 1_000, 50):
        recorded = london.post("/v1/events", json={"events": facts[start : start + 50]})
        assert recorded.status_code == 201, recorded.text
    for path, answer in before.items():
        again = london.get(path)
        names = ("etag", "link", "cache-control")
        assert (again.content, [again.headers[name] for name in names]) == (
            answer.content,
            [answer.headers[name] for name in names],
        ), path
        same = london.get(path, headers={"If-None-Match": answer.headers["etag"]})
        assert (same.status_code, same.content) == (304, b""), path
