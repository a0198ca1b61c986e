"""What stood on a day, as known at a position, over HTTP on the London set."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from service.api.http.parameters import AsOfPageQuery
from service.api.items import ItemsQuery
from tests import oracle
from tests.api.conftest import LONDON, reports_of

Client = TestClient[Litestar]
RARE_EARTHS = "rare-earth-export-restrictions"
CONTROL = "china-seven-rare-earths-control"
CONTROL_EVENT = LONDON[3]["id"]
REPORT = {"outlet": "Xinhua", "published": "2025-06-11", "kind": "official"}


def issue(client: Client, query: str, name: str = RARE_EARTHS) -> dict[str, Any]:
    """Ask for an issue."""
    response = client.get(f"/v1/issues/{name}?{query}")
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def statuses(answer: dict[str, Any]) -> dict[str, str]:
    """Return the status of each item of an issue."""
    return {item["id"]: item["status"] for items in answer["items"].values() for item in items}


def test_before_the_restriction_nothing_stands(london: Client) -> None:
    """On 31 March 2025 no restriction stands in any reading of the dates."""
    answer = issue(london, "as_of=2025-03-31")
    assert statuses(answer) == {}
    assert answer["posture"] == "open"


def test_within_its_month_the_restriction_is_possible(london: Client) -> None:
    """A restriction dated only April is possible on the 15th: in force, or without a status yet."""
    (control,) = issue(london, "as_of=2025-04-15")["items"]["restriction"]
    assert (control["status"], control["certainty"], control["since"]) == ("in_force", "possible", "2025-04")
    assert control["alternatives"] == [
        {"status": "in_force", "event": CONTROL_EVENT},
        {"status": None, "event": None},
    ]


def test_after_its_month_the_restriction_is_certain(london: Client) -> None:
    """On 31 May the restriction is certainly in force."""
    (control,) = issue(london, "as_of=2025-05-31")["items"]["restriction"]
    assert (control["status"], control["certainty"], control["applies"]) == ("in_force", "certain", "full")
    assert control["alternatives"] == []


def test_the_commitment_of_the_call(london: Client) -> None:
    """The commitment given on the call stands from 5 June on, not on the 4th, by the word of one side."""
    assert "commitment" not in issue(london, "as_of=2025-06-04")["items"]
    (commitment,) = issue(london, "as_of=2025-06-05")["items"]["commitment"]
    assert (commitment["status"], commitment["by"], commitment["to"]) == ("open", "CN", "US")
    assert [report["speaker"] for report in reports_of(commitment)] == ["Donald Trump"]


def test_the_london_round_on_the_tenth(london: Client) -> None:
    """On the 10th the round is in session, contested over its first day, with the planned session to come."""
    answer = issue(london, "as_of=2025-06-10")
    (talks,) = answer["items"]["round"]
    assert (talks["status"], talks["contested"], talks["city"]) == ("in_session", True, "London")
    start, session = talks["facts"]
    (over,) = start["disagreements"]
    assert (over["member"], [said["value"] for said in over["says"]]) == ("occurred", ["2025-06-10", "2025-06-09"])
    assert (session["id"], session["contested"], talks["certainty"]) == (talks["ruling"], False, "certain")
    assert [(entry["on"], entry["modality"]) for entry in talks["upcoming"]] == [("2025-06-10", "planned")]
    assert statuses(answer)["three-us-carmakers-clearance"] == "agreed"


def test_at_a_position_later_facts_are_absent_for_ever(london: Client) -> None:
    """As known at position 7 the commitment (8) is absent, and a hundred later facts change no byte of that answer."""
    path = f"/v1/issues/{RARE_EARTHS}?as_of=2025-06-10&known_position=7"
    first = london.get(path)
    assert set(statuses(first.json())) == {CONTROL, "trump-xi-call-june-2025"}
    for number in range(100):
        fact = LONDON[7] | {"id": None, "item": f"later-{number}", "occurred": "2025-06-01"}
        assert london.post("/v1/events", json={"events": [fact]}).status_code == 201
    corrected = {key: value for key, value in LONDON[3].items() if key != "id"} | {"occurred": "2025-04-04"}
    assert london.put(f"/v1/events/{CONTROL_EVENT}", json={"event": corrected}).status_code == 201
    assert london.delete(f"/v1/events/{LONDON[6]['id']}").status_code == 200
    again = london.get(path)
    assert again.content == first.content
    assert again.headers["etag"] == first.headers["etag"]


def test_an_instant_is_an_alias_of_a_position(london: Client) -> None:
    """The instant at which position 7 was recorded gives the same answer as the position."""
    recorded_at = london.get("/v1/feed?after=6&limit=1").json()["events"][0]["recorded_at"]
    by_instant = london.get(f"/v1/issues/{RARE_EARTHS}", params={"as_of": "2025-06-10", "known_at": recorded_at})
    by_position = london.get(f"/v1/issues/{RARE_EARTHS}?as_of=2025-06-10&known_position=7")
    assert by_instant.content == by_position.content
    assert by_position.json()["known_at"] == recorded_at


def test_every_answer_states_its_basis_and_its_frozen_url(london: Client) -> None:
    """An answer states its basis; its frozen URL has the same bytes, cacheable for ever; its entity tag gives a 304."""
    path = f"/v1/issues/{RARE_EARTHS}"
    answer = london.get(path)
    for path in (
        f"/v1/issues/{RARE_EARTHS}",
        "/v1/issues?limit=2",
        "/v1/restrictions?good=dy",
        f"/v1/restrictions/{CONTROL}",
    ):
        answer = london.get(path)
        basis = {name: answer.json()[name] for name in ("as_of", "known_position", "known_basis")}
        assert (basis["known_position"], basis["known_basis"]) == (20, "recorded")
        assert answer.headers["cache-control"] == "no-cache"
        frozen_url = answer.headers["link"].partition(">")[0][1:]
        frozen = london.get(frozen_url)
        assert frozen.content == answer.content
        assert "immutable" in frozen.headers["cache-control"]
        unchanged = london.get(path, headers={"If-None-Match": answer.headers["etag"]})
        assert (unchanged.status_code, unchanged.content) == (304, b"")
    london.post("/v1/events", json={"events": [LONDON[7] | {"id": None, "item": "one-more"}]})
    assert london.get(path, headers={"If-None-Match": answer.headers["etag"]}).status_code == 200


def test_an_item_without_a_status_says_from_when_it_has_one(london: Client) -> None:
    """The 404 has the first day and the first position from which the item has a status."""
    problem = london.get(f"/v1/restrictions/{CONTROL}?as_of=2025-03-01").json()
    assert (problem["status"], problem["first_as_of"], problem["first_known_position"]) == (404, "2025-04-01", 4)
    assert london.get(f"/v1/restrictions/{CONTROL}?known_position=3").status_code == 404
    assert "first_as_of" not in london.get("/v1/restrictions/no-such-thing").json()


def test_corrections_retractions_and_reports(london: Client) -> None:
    """A correction changes what is known from then on; the old text, the records and the text now can be read."""
    text = {key: value for key, value in LONDON[3].items() if key != "id"} | {"occurred": "2025-04-04"}
    receipt = london.put(f"/v1/events/{CONTROL_EVENT}", json={"event": text, "reason": "The notice gives the day."})
    assert receipt.status_code == 201
    assert london.post(f"/v1/events/{CONTROL_EVENT}/reports", json={"reports": [REPORT]}).status_code == 201
    (control,) = issue(london, "as_of=2025-04-04")["items"]["restriction"]
    assert (control["certainty"], control["since"]) == ("certain", "2025-04-04")
    assert reports_of(control)[-1]["outlet"] == "Xinhua"
    assert issue(london, "as_of=2025-04-15&known_position=20")["items"]["restriction"][0]["certainty"] == "possible"
    event = london.get(f"/v1/events/{CONTROL_EVENT}").json()
    assert (event["occurred"], event["now"]["occurred"]) == ("2025-04", "2025-04-04")
    assert [record["type"] for record in event["records"]] == ["record.corrected", "record.report_added"]
    retraction = london.delete(f"/v1/events/{receipt.json()['events'][0]['id']}?reason=wrong")
    assert retraction.status_code == 200
    assert issue(london, "as_of=2025-04-15")["items"]["restriction"][0]["since"] == "2025-04"
    assert london.delete(f"/v1/events/{CONTROL_EVENT}").status_code == 200
    assert "restriction" not in issue(london, "as_of=2025-05-31")["items"]
    assert london.get(f"/v1/events/{CONTROL_EVENT}").json()["now"] is None
    assert london.get(f"/v1/events/{CONTROL_EVENT}?known_position=21").json()["now"]["occurred"] == "2025-04-04"


def test_records_of_unknown_events_are_not_found(london: Client) -> None:
    """Correcting, retracting or reporting on an id that is not recorded, or on what is no id, is a 404."""
    for name in ("00000000-0000-7000-8000-00000000dead", "not-an-id"):
        assert london.delete(f"/v1/events/{name}").status_code == 404
        assert london.post(f"/v1/events/{name}/reports", json={"reports": [REPORT]}).status_code == 404
        assert london.get(f"/v1/events/{name}").status_code == 404


def test_issues_are_opened_revised_and_closed(client: Client) -> None:
    """Issues are made, changed and closed as events, guarded by their version."""
    opening = {"id": "steel", "title": "Steel", "summary": "Tariffs.", "parties": ["US", "EU"], "reports": [REPORT]}
    opened = client.post("/v1/issues", json=opening)
    assert (opened.status_code, opened.headers["location"]) == (201, "/v1/issues/steel")
    assert client.post("/v1/issues", json=opening).json()["type"] == "/problems/exists"
    revision = {"title": "Steel and aluminium", "reports": [REPORT]}
    late = client.patch("/v1/issues/steel", json=revision, headers={"If-Match": '"7"'})
    assert (late.status_code, late.json()["actual"]) == (412, {"steel": 1})
    assert client.patch("/v1/issues/steel", json=revision, headers={"If-Match": '"1"'}).status_code == 200
    assert client.patch("/v1/issues/none", json=revision).status_code == 404
    assert client.delete("/v1/issues/steel?reason=settled").status_code == 200
    answer = client.get("/v1/issues/steel").json()
    assert (answer["title"], answer["posture"], answer["version"]) == ("Steel and aluminium", "closed", 3)
    assert client.get("/v1/issues/steel?known_position=1").json()["title"] == "Steel"
    assert client.get("/v1/issues/steel?known_position=0").status_code == 404


FILTERED: list[tuple[str, set[str]]] = [
    ("restrictions?good=DYSPROSIUM", {CONTROL}),
    ("restrictions?good=dy", {CONTROL}),
    ("restrictions?good=neodymium", set()),
    ("restrictions?by=US", {"us-chip-controls-on-china"}),
    ("restrictions?against=US", {CONTROL}),
    ("restrictions?party=CN", {CONTROL, "us-chip-controls-on-china"}),
    ("restrictions?issue=chip-export-controls", {"us-chip-controls-on-china"}),
    ("restrictions?status=in_force&as_of=2025-04-15", {CONTROL, "us-chip-controls-on-china"}),
    ("restrictions?status=in_force&certainty=certain&as_of=2025-05-01", {CONTROL}),
    ("restrictions?certainty=possible&as_of=2025-05-01", {"us-chip-controls-on-china"}),
    ("rounds?certainty=contested&as_of=2025-06-09&known_position=10", {"us-china-talks-london"}),
    ("rounds?certainty=contested&as_of=2025-06-09", set()),
    ("rounds?status=planned&as_of=2025-06-01", {"us-china-talks-london"}),
    (
        "rounds?include=planned,ended&as_of=2025-06-01&certainty=certain",
        {"us-china-talks-london", "us-china-talks-geneva"},
    ),
    ("rounds?include=planned&as_of=2025-06-01", {"us-china-talks-london"}),
    ("restrictions?applies=full,partly&by=CN", {CONTROL}),
    ("restrictions?applies=none", set()),
    ("restrictions?status=in_force,suspended&by=US,JP", {"us-chip-controls-on-china"}),
    ("restrictions?until_from=2027-07-01&until_to=2027-07-31", {"a-further-control"}),
    ("restrictions?until_to=2027-06-30", set()),
    ("restrictions?until_from=2027-07-02", set()),
    ("restrictions?status=suspended", set()),
    ("clearances?entity=us%20CARMAKERS,%20not%20named", {"three-us-carmakers-clearance"}),
    ("clearances?by=CN&party=US", {"three-us-carmakers-clearance"}),
    ("rounds?party=GB", {"us-china-talks-london"}),
    ("rounds?status=concluded", {"us-china-talks-geneva"}),
    ("restrictions?hs=280530&as_of=2025-06-20", {"a-further-control"}),
    ("restrictions?hs=2805&as_of=2025-06-20", {"a-further-control"}),
    ("restrictions?hs=2806", set()),
    ("restrictions?hs=2805&compared=no", {CONTROL, "us-chip-controls-on-china"}),
    ("restrictions?eccn=3A001.b.2", {"a-further-control"}),
    ("restrictions?entity=acme%20MAGNETS", {"a-further-control"}),
    ("restrictions?q=acme", {"a-further-control"}),
]
FURTHER = LONDON[3] | {
    "id": "0197a2f0-3c50-7a10-8f00-0000000000f1", "item": "a-further-control", "occurred": "2025-06-12",
    "through": "2027-06-30", "against": ["JP"], "entities": [{"name": "Acme Magnets", "country": "JP"}],
    "goods": [{"name": "scandium metal", "hs": "280530", "eccn": "3A001.b.2"}],
}  # fmt: skip
"""A fact with what the London set has not: codes of goods, and an entity under a restriction."""


@pytest.mark.parametrize(("query", "found"), FILTERED)
def test_lists_are_filtered(london: Client, query: str, found: set[str]) -> None:
    """Every filter finds the states that carry what it names, and no others."""
    if "a-further-control" in found or not found:
        assert london.post("/v1/events", json={"events": [FURTHER]}).status_code == 201
    answer = london.get(f"/v1/{query}")
    assert answer.status_code == 200, answer.text
    assert {item["id"] for item in answer.json()["items"]} == found


def test_every_filter_is_tried() -> None:
    """Each filter of a list is tried above on something that it finds."""
    tried = {name for query, found in FILTERED if found for name, _ in parse_qsl(query.partition("?")[2])}
    others = {*AsOfPageQuery.__struct_fields__, "include", "sort"}  # tried in test_shown.py and test_sorted.py
    assert tried >= set(ItemsQuery.__struct_fields__) - others


def test_pages_stay_valid_while_facts_arrive(london: Client) -> None:
    """Paging by cursor returns every item of the first page's K once, in order, whatever is recorded between pages."""
    whole = [item["id"] for item in london.get("/v1/statements").json()["items"]]
    seen: list[str] = []
    query = "/v1/statements?limit=1"
    following = ""
    page: dict[str, Any] = {}
    for number in range(len(whole)):
        page = london.get(query + following).json()
        seen += [item["id"] for item in page["items"]]
        following = f"&cursor={page['next']}"
        later = LONDON[11] | {"id": None, "item": f"statement-{number}"}
        assert london.post("/v1/events", json={"events": [later]}).status_code == 201
    assert (seen, page["next"], page["known_position"]) == (whole, None, 20)
    refused = london.get(f"/v1/demands?limit=1&cursor={london.get(query).json()['next']}")
    assert refused.json()["errors"][0]["parameter"] == "cursor"


def test_an_issue_is_paged_too(london: Client) -> None:
    """An issue with more items than asked for has a cursor to the rest, and the posture of all its items."""
    whole = issue(london, "as_of=2025-06-10")
    seen: dict[str, str] = {}
    following = ""
    while True:
        page = issue(london, f"as_of=2025-06-10&limit=2{following}")
        assert page["posture"] == whole["posture"]
        seen |= statuses(page)
        if page["next"] is None:
            break
        following = f"&cursor={page['next']}"
    assert seen == statuses(whole)


def test_ended_items_are_left_out_of_an_issue_unless_asked_for(london: Client) -> None:
    """The round of Geneva has ended: the issue has it only with include=ended."""
    assert "us-china-talks-geneva" not in statuses(issue(london, "as_of=2025-06-10"))
    assert statuses(issue(london, "as_of=2025-06-10&include=ended"))["us-china-talks-geneva"] == "concluded"


def test_recorded_events_by_filter(london: Client) -> None:
    """Events are found by issue, item, type, party, good and day, as known at K."""

    def found(query: str) -> list[int]:
        return [event["position"] for event in london.get(f"/v1/events?{query}").json()["items"]]

    assert found("item=us-china-talks-london") == [10, 11, 20]
    assert found("type=restriction.*") == [4, 9]
    assert found("type=restriction.*&known_position=8") == [4]
    assert found("issue=chinese-market-access&type=statement.made") == [12, 13, 14]
    assert found("good=dy&type=restriction.imposed") == [4]
    assert found("occurred_from=2025-06-10&party=GB") == [20]
    assert found("occurred_to=2025-04-15&type=restriction.imposed") == [4, 9]
    assert london.get("/v1/events?type=restriction.exploded").status_code == 422


def test_the_feed_pages_and_filters(london: Client) -> None:
    """The feed has every position once in order; a filtered page moves `next` past the events it leaves out."""
    seen: list[int] = []
    after = 0
    while (page := london.get(f"/v1/feed?after={after}&limit=7").json())["events"]:
        seen += [event["position"] for event in page["events"]]
        after = page["next"]
    assert (seen, after, page["head"]) == (list(range(1, 21)), 20, 20)
    filtered = london.get("/v1/feed?type=call.held").json()
    assert ([event["position"] for event in filtered["events"]], filtered["next"]) == ([7], 20)


DAYS = ("2025-03-31", "2025-04-01", "2025-04-15", "2025-04-30", "2025-05-01", "2025-05-31", "2025-06-04", "2025-06-05",
        "2025-06-08", "2025-06-09", "2025-06-10", "2025-06-11")  # fmt: skip
ISSUES = (RARE_EARTHS, "chip-export-controls", "chinese-market-access")


@pytest.mark.parametrize("position", [3, 4, 7, 8, 10, 15, 20])
def test_every_question_about_the_london_set_has_the_answer_of_the_oracle(london: Client, position: int) -> None:
    """On every day that matters, as known at a position, each issue is answered as the oracle answers it."""
    log = london.get("/v1/feed?limit=1000").json()["events"]
    for name in ISSUES:
        for day in DAYS:
            answer = issue(london, f"as_of={day}&known_position={position}&include=ended", name)
            truth = oracle.issue_state(log, name, date.fromisoformat(day), position, include_ended=True)
            assert truth is not None
            assert {field: answer[field] for field in truth} == truth
            assert (answer["as_of"], answer["known_position"], answer["next"]) == (day, position, None)


def test_a_frozen_answer_outlives_what_comes(london: Client) -> None:
    """The frozen URL of an answer has the same bytes and the same entity tag after later facts."""
    answer = london.get(f"/v1/issues/{RARE_EARTHS}?as_of=2025-06-10")
    frozen = answer.headers["link"].partition(">")[0][1:]
    lifted = {"type": "restriction.lifted", "issues": [RARE_EARTHS], "item": CONTROL, "occurred": "2025-06-09"}
    assert london.post("/v1/events", json={"events": [lifted | {"reports": [REPORT]}]}).status_code == 201
    later = london.get(frozen)
    assert (later.content, later.headers["etag"]) == (answer.content, answer.headers["etag"])
    now = london.get(f"/v1/issues/{RARE_EARTHS}?as_of=2025-06-10")
    assert (CONTROL in statuses(now.json()), CONTROL in statuses(later.json())) == (False, True)
    assert now.headers["etag"] != answer.headers["etag"]


def test_one_matching_tag_of_several_is_enough(london: Client) -> None:
    """If-None-Match takes a list, weak tags and the star; another day or position has another tag."""
    path = f"/v1/restrictions/{CONTROL}"
    tag = london.get(f"{path}?as_of=2025-06-10").headers["etag"]
    for sent in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        same = london.get(f"{path}?as_of=2025-06-10", headers={"If-None-Match": sent})
        assert (same.status_code, same.content) == (304, b"")
        assert same.headers["etag"].removesuffix('"') in tag  # the star has that of an uncompressed answer
    for query in ("as_of=2025-06-09", "as_of=2025-06-10&known_position=19"):
        assert london.get(f"{path}?{query}", headers={"If-None-Match": tag}).status_code == 200


def test_an_offset_is_only_another_way_to_write_an_instant(london: Client) -> None:
    """One instant, written in UTC or at an offset of two hours, is one position."""
    recorded_at = london.get("/v1/feed?after=9&limit=1").json()["events"][0]["recorded_at"]
    moment = datetime.fromisoformat(recorded_at).astimezone(timezone(timedelta(hours=2)))
    for written in (recorded_at, moment.isoformat()):
        answer = london.get("/v1/restrictions", params={"as_of": "2025-06-10", "known_at": written})
        assert answer.json()["known_position"] == 10
    before = datetime.fromisoformat(recorded_at) - timedelta(microseconds=1)
    answer = london.get("/v1/restrictions", params={"as_of": "2025-06-10", "known_at": before.isoformat()})
    assert answer.json()["known_position"] == 9


def test_without_a_day_the_answer_is_about_today(london: Client) -> None:
    """The default D is today in UTC, the default K is the head."""
    first = datetime.now(UTC).date()
    answer = london.get("/v1/restrictions").json()
    assert first.isoformat() <= answer["as_of"] <= datetime.now(UTC).date().isoformat()
    assert answer["known_position"] == 20


def test_before_anything_is_recorded_there_is_nothing(client: Client) -> None:
    """An empty ledger has empty lists, known at no instant."""
    for path in ("/v1/issues", "/v1/restrictions", "/v1/events", "/v1/rounds?as_of=2025-06-10"):
        answer = client.get(path).json()
        assert (answer["items"], answer["next"]) == ([], None)
        assert (answer["known_at"], answer["known_position"]) == (None, 0)
    assert client.get("/v1/feed").json() == {"events": [], "next": 0, "head": 0}
    assert client.get("/v1/issues/anything").status_code == 404


def test_the_london_set_sent_again_changes_nothing(london: Client) -> None:
    """Events sent again with the same ids and content are a 200 with the positions that they have."""
    for position, event in enumerate(LONDON, 1):
        again = london.post("/v1/events", json={"events": [event]})
        assert (again.status_code, again.json()["position"]) == (200, position)
    assert london.get("/v1/feed?limit=1").json()["head"] == 20
    other = london.post("/v1/events", json={"events": [LONDON[6] | {"topics": ["something else"]}]})
    assert (other.status_code, other.json()["ids"]) == (409, [LONDON[6]["id"]])


def test_goods_are_found_by_their_codes(london: Client) -> None:
    """An item is found by HS codes, wider or narrower, the ECCN, the element and words of its goods, ended or not."""
    goods = [{"name": "Magnets", "hs": "850511"}, {"name": "Yttrium", "element": "Y", "hs": "2805", "eccn": "1C231"}]
    made = {"type": "restriction.imposed", "issues": [RARE_EARTHS], "item": "magnets", "occurred": "2025-04-04"}
    terms = {"imposed_by": "CN", "instrument": "export_control", "goods": goods, "until": "2025-05-01"}
    assert london.post("/v1/events", json={"events": [made | terms | {"reports": [REPORT]}]}).status_code == 201
    for query in (
        "hs=85",
        "hs=8505",
        "hs=850511",
        "hs=28",
        "hs=2805",
        "eccn=1C231",
        "good=1c231",
        "good=y",
        "good=MAGNETS",
        "hs=280530",
        "hs=86,85",
        "good=magnet",
    ):
        found = london.get(f"/v1/restrictions?as_of=2025-06-10&include=ended&{query}").json()["items"]
        assert [(item["id"], item["status"]) for item in found] == [("magnets", "expired")], query
    for query in ("hs=2804", "hs=86", "eccn=1C232", "hs=85&by=US", "good=magneto"):
        assert london.get(f"/v1/restrictions?as_of=2025-06-10&include=ended&{query}").json()["items"] == [], query
    assert london.get("/v1/restrictions?as_of=2025-06-10&hs=85").json()["items"] == []


def test_a_status_that_some_reading_gives_is_found(london: Client) -> None:
    """In the month of its start the control is found as in force, as certainly so only from the month's last day."""
    for day, certainly, possibly in (
        ("2025-03-31", 0, 0),
        ("2025-04-15", 0, 1),
        ("2025-04-30", 1, 1),
        ("2025-05-01", 1, 1),
    ):
        query = f"/v1/restrictions?issue={RARE_EARTHS}&status=in_force&as_of={day}"
        assert len(london.get(query).json()["items"]) == possibly
        assert len(london.get(f"{query}&certainty=certain").json()["items"]) == certainly


@pytest.mark.parametrize("query", ["restrictions?good=ore", "restrictions?party=AU", "events?item=ore-2", "issues?"])
def test_pages_are_whole_while_the_same_list_grows(client: Client, query: str) -> None:
    """The pages, read while items join, change and end, are the list at the first page's K."""

    def facts(number: int) -> list[dict[str, Any]]:
        shared = {"issues": ["mining"], "occurred": "2025-06-01", "reports": [REPORT]}
        terms = {"imposed_by": "AU", "instrument": "quota", "goods": [{"name": "Ore"}]}
        named = f"mine-{number}"
        opened = {"type": "issue.opened", "issues": [named], "item": named, "title": "M", "summary": "S", "parties": []}
        return [
            {"type": "restriction.imposed", "item": f"ore-{number}"} | shared | terms,
            {"type": "restriction.eased", "item": "ore-2"} | shared,
            shared | opened,
        ]

    opening = {"id": "mining", "title": "Mining", "summary": "Ore.", "parties": ["AU"], "reports": [REPORT]}
    assert client.post("/v1/issues", json=opening).status_code == 201
    for number in range(7):
        assert client.post("/v1/events", json={"events": facts(number)}).status_code == 201
    whole = client.get(f"/v1/{query}&limit=1000").json()
    seen: list[dict[str, Any]] = []
    following = ""
    number = 7
    while True:
        page = client.get(f"/v1/{query}&limit=2{following}").json()
        assert page["known_position"] == whole["known_position"]
        seen += page["items"]
        if page["next"] is None:
            break
        following = f"&cursor={page['next']}"
        lifted = {
            "type": "restriction.lifted",
            "item": f"ore-{number % 7}",
            "issues": ["mining"],
            "occurred": "2025-06-02",
        }
        batch = [*facts(number), lifted | {"reports": [REPORT]}]
        assert client.post("/v1/events", json={"events": batch}).status_code == 201
        number += 1
    assert number > 9
    assert seen == whole["items"]


def test_closing_takes_a_version_and_a_day(client: Client) -> None:
    """DELETE with another version is a 412; with the right one the issue is closed from the given day on."""
    opening = {"id": "steel", "title": "Steel", "summary": "Tariffs.", "parties": ["US"], "reports": [REPORT]}
    assert client.post("/v1/issues", json=opening | {"occurred": "2025-01-01"}).status_code == 201
    target = "/v1/issues/steel?reason=settled&occurred=2025-06-01"
    refused = client.delete(target, headers={"If-Match": '"2"'})
    assert (refused.status_code, refused.json()["expected"], refused.json()["actual"]) == (
        412,
        {"steel": 2},
        {"steel": 1},
    )
    closed = client.delete(target, headers={"If-Match": 'W/"1"'})
    assert (closed.status_code, closed.json()["events"][0]["note"]) == (200, "settled")
    for day, status in (("2025-05-31", "open"), ("2025-06-01", "closed")):
        answer = client.get(f"/v1/issues/steel?as_of={day}").json()
        assert (answer["status"], answer["posture"]) == (status, status)
    reopened = {
        "type": "issue.reopened",
        "issues": ["steel"],
        "item": "steel",
        "occurred": "2025-07-01",
        "reports": [REPORT],
    }
    assert client.post("/v1/events", json={"events": [reopened]}).status_code == 201
    assert client.get("/v1/issues/steel?as_of=2025-07-01").json()["status"] == "open"


def test_a_denial_contests_a_fact(london: Client) -> None:
    """An added report that denies a fact leaves it standing, contested, with both sources."""
    denial = REPORT | {"stance": "denies", "outlet": "Ministry of Commerce"}
    commitment = LONDON[7]
    assert london.post(f"/v1/events/{commitment['id']}/reports", json={"reports": [denial]}).status_code == 201
    for known, contested, sources in ((20, False, 1), (21, True, 2)):
        path = f"/v1/commitments/{commitment['item']}?as_of=2025-06-10&known_position={known}"
        answer = london.get(path).json()
        assert (answer["status"], answer["contested"], len(reports_of(answer))) == ("open", contested, sources)


def test_a_filtered_feed_reaches_the_head_page_by_page(london: Client) -> None:
    """A reader of one issue gets each of its facts once, in order, and ends at the head, whatever the page size."""
    wanted = [position for position, event in enumerate(LONDON, 1) if "chinese-market-access" in event["issues"]]
    for limit in (1, 2, 3, 50):
        seen: list[int] = []
        after = 0
        while True:
            page = london.get(f"/v1/feed?issue=chinese-market-access&after={after}&limit={limit}").json()
            seen += [event["position"] for event in page["events"]]
            assert page["next"] > after or not page["events"]
            after = page["next"]
            if after == page["head"]:
                break
        assert seen == wanted
    assert london.get("/v1/feed?after=20").json() == {"events": [], "next": 20, "head": 20}
