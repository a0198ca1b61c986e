"""K as published: what stood on a day, by what had been published on another (docs/semantics.md, 8)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from tests import oracle
from tests.api.conftest import LONDON, reports_of

Client = TestClient[Litestar]
Event = dict[str, Any]
RARE_EARTHS = "rare-earth-export-restrictions"
CONTROL = "china-seven-rare-earths-control"
FROZEN_NAMES = {"as_of", "known_at", "known_position", "known_basis"}


def report(outlet: str, published: str | None = None, **fields: str) -> Event:
    """Make a report, published on a day if one is given."""
    return {"outlet": outlet} | ({} if published is None else {"published": published}) | fields


def imposed(*reports: Event, item: str = "ban", **fields: Any) -> Event:  # noqa: ANN401 - any field of the event
    """Make a restriction in force from 1 June 2025 unless the fields say otherwise."""
    terms = {"imposed_by": "CN", "instrument": "export_control", "goods": [{"name": "gallium"}]}
    head = {"type": "restriction.imposed", "issues": ["metals"], "item": item, "occurred": "2025-06-01"}
    return head | terms | {"reports": list(reports)} | fields


def record(client: Client, *events: Event) -> list[str]:
    """Record events as one batch; return their ids."""
    answer = client.post("/v1/events", json={"events": list(events)})
    assert answer.status_code == 201, answer.text
    return [event["id"] for event in answer.json()["events"]]


@pytest.fixture
def metals(client: Client) -> Client:
    """A ledger with one issue, published on 1 June 2025 and recorded now."""
    opening = {"id": "metals", "title": "Metals", "summary": "Controls.", "parties": ["CN"], "occurred": "2025-06-01"}
    assert client.post("/v1/issues", json=opening | {"reports": [report("A", "2025-06-01")]}).status_code == 201
    return client


def known(client: Client, known_at: str, path: str = "restrictions/ban", **query: str) -> Event:
    """Return the answer about 30 June 2025 as published by a day or an instant; {} when there is no status."""
    asked = {"as_of": "2025-06-30", "known_basis": "published", "known_at": known_at, **query}
    response = client.get(f"/v1/{path}", params=asked)
    assert response.status_code in {200, 404}, response.text
    return dict(response.json()) if response.status_code == 200 else {}


def outlets(state: Event) -> list[str]:
    """Name the outlets of a state's reports, in order."""
    return [each["outlet"] for each in reports_of(state)]


def test_a_fact_counts_from_its_earliest_report(metals: Client) -> None:
    """A fact recorded today, published on 10 and 12 June, is known from the 10th, by the report of that day."""
    record(metals, imposed(report("Late", "2025-06-12"), report("Early", "2025-06-10")))
    seen = {day: outlets(known(metals, f"2025-06-{day:02}")) for day in (9, 10, 11, 12)}
    assert seen == {9: [], 10: ["Early"], 11: ["Early"], 12: ["Late", "Early"]}


def test_what_is_not_known_yet_says_when_it_is(metals: Client) -> None:
    """The 404 has the first day of publication with a status; where a position caps K, the position that has it."""
    record(metals, imposed(report("A", "2025-06-10")))
    path = "/v1/restrictions/ban?as_of=2025-06-30&known_basis=published&known_at=2025-06-09"
    problem = metals.get(path).json()
    assert (problem["status"], problem["first_as_of"], problem["first_known_at"]) == (404, "2025-06-01", "2025-06-10")
    problem = metals.get(f"{path}&known_position=1").json()
    assert (problem["status"], problem["first_as_of"], problem["first_known_position"]) == (404, "2025-06-01", 2)
    problem = metals.get("/v1/restrictions/nothing?known_basis=published").json()
    assert (problem["status"], problem["detail"]) == (404, "There is no restriction nothing.")


@pytest.mark.parametrize(
    ("instant", "counted"),
    [
        ("2025-06-10T00:00:00Z", "2025-06-09"),
        ("2025-06-10T12:00:00Z", "2025-06-09"),
        ("2025-06-10T23:59:59Z", "2025-06-09"),
        ("2025-06-11T00:00:00Z", "2025-06-10"),
        ("2025-06-11T01:59:59+02:00", "2025-06-09"),
        ("2025-06-11T02:00:00+02:00", "2025-06-10"),
    ],
)
def test_an_instant_counts_the_days_that_have_ended(metals: Client, instant: str, counted: str) -> None:
    """A day of publication ends at midnight in UTC; before it nobody can say whether a report was out."""
    record(metals, imposed(report("A", "2025-06-09"), report("B", "2025-06-10")))
    answer = known(metals, instant)
    assert answer["known_at"] == counted
    assert outlets(answer) == (["A"] if counted == "2025-06-09" else ["A", "B"])


@pytest.mark.parametrize(
    ("published", "last"),
    [
        ("2025-06", "2025-06-30"),
        ("[..2025-06-10]", "2025-06-10"),
        ("[2025-06-05..2025-06-08]", "2025-06-08"),
        ("[2025-06-05,2025-06-12]", "2025-06-12"),
    ],
)
def test_an_uncertain_publication_counts_from_its_last_day(metals: Client, published: str, last: str) -> None:
    """A report of an uncertain day counts from the last: it may have been out before, but nobody can say so."""
    record(metals, imposed(report("A", published)))
    before = (date.fromisoformat(last) - timedelta(1)).isoformat()
    assert (outlets(known(metals, before)), outlets(known(metals, last))) == ([], ["A"])


def test_without_a_publication_it_counts_from_its_recording(metals: Client) -> None:
    """A fact recorded today from a report without a date is known today, and not yesterday."""
    before = datetime.now(UTC).date()
    record(metals, imposed(report("A")))
    after = datetime.now(UTC).date()
    assert known(metals, (before - timedelta(1)).isoformat()) == {}
    assert outlets(known(metals, after.isoformat())) == ["A"]


def test_a_denial_makes_nothing_known(metals: Client) -> None:
    """A fact denied on the 5th and reported on the 10th is known from the 10th, contested, with both reports."""
    record(metals, imposed(report("Ministry", "2025-06-05", stance="denies"), report("Press", "2025-06-10")))
    assert known(metals, "2025-06-09") == {}
    answer = known(metals, "2025-06-10")
    assert (outlets(answer), answer["contested"]) == (["Ministry", "Press"], True)


def test_a_denial_contests_from_its_own_day(metals: Client) -> None:
    """A fact reported on the 5th and denied on the 10th is not contested before the 10th."""
    record(metals, imposed(report("Press", "2025-06-05"), report("Ministry", "2025-06-10", stance="denies")))
    assert [known(metals, day)["contested"] for day in ("2025-06-09", "2025-06-10")] == [False, True]


def test_a_fact_that_all_reports_deny_counts_from_its_recording(metals: Client) -> None:
    """A fact that every report denies is on the timeline from its recording today, not in June; it never counts."""
    record(metals, imposed(report("Ministry", "2025-06-05", stance="denies")))
    timeline = "/v1/issues/metals/timeline?known_basis=published&known_at="
    today = datetime.now(UTC).date().isoformat()
    assert [fact["item"] for fact in metals.get(f"{timeline}2025-06-30").json()["items"]] == ["metals"]
    _, denied = metals.get(timeline + today).json()["items"]
    assert (denied["item"], denied["contested"], denied["disagreements"]) == (
        "ban",
        True,
        [{"member": "stance", "says": [{"value": "denies", "outlets": ["Ministry"]}]}],
    )
    assert known(metals, today) == {}


def test_an_added_report_may_be_the_earliest(metals: Client) -> None:
    """A report added later and published earlier makes the fact known earlier, but not at a position before it."""
    (event,) = record(metals, imposed(report("A", "2025-06-10")))
    added = [report("B", "2025-06-04"), report("C", "2025-06-20"), report("D", "2025-06-02", stance="denies")]
    assert metals.post(f"/v1/events/{event}/reports", json={"reports": added}).status_code == 201
    seen = {day: outlets(known(metals, f"2025-06-{day:02}")) for day in (3, 4, 10, 20)}
    assert seen == {3: [], 4: ["B", "D"], 10: ["A", "B", "D"], 20: ["A", "B", "C", "D"]}
    assert known(metals, "2025-06-04", known_position="2") == {}
    assert outlets(known(metals, "2025-06-20", known_position="2")) == ["A"]


def test_a_correction_counts_from_its_own_reports(metals: Client) -> None:
    """The text of a correction published on the 15th holds from then on, with those of its reports that are out."""
    (event,) = record(metals, imposed(report("A", "2025-06-05")))
    text = imposed(report("A", "2025-06-05"), report("B", "2025-06-18"), occurred="2025-06-03")
    sent = {"event": text, "reports": [report("B", "2025-06-15")]}
    assert metals.put(f"/v1/events/{event}", json=sent).status_code == 201
    seen = {day: (answer := known(metals, f"2025-06-{day}"), answer["since"], outlets(answer)) for day in (14, 15, 18)}
    assert {day: tuple(seen[day][1:]) for day in seen} == {
        14: ("2025-06-01", ["A"]),
        15: ("2025-06-03", ["A"]),
        18: ("2025-06-03", ["A", "B"]),
    }


def test_a_correction_may_make_a_fact_known(metals: Client) -> None:
    """A correction published before the first report of its fact makes the fact known, with the corrected text."""
    (event,) = record(metals, imposed(report("A", "2025-06-20")))
    text = imposed(report("B", "2025-06-10"), occurred="2025-06-03")
    assert metals.put(f"/v1/events/{event}", json={"event": text, "reports": text["reports"]}).status_code == 201
    assert known(metals, "2025-06-09") == {}
    assert known(metals, "2025-06-10")["since"] == "2025-06-03"


def test_a_correction_without_reports_mends_every_answer(metals: Client) -> None:
    """A rate typed wrong and mended today is in no past answer: nobody ever published it (K1)."""
    head = {"item": "ban", "occurred": "2024-07-04", "instrument": "tariff"}
    (event,) = record(metals, imposed(report("A", "2024-07-04"), rate_percent=174, **head))
    asked = {"as_of": "2024-12-31"}
    assert known(metals, "2024-12-31", **asked)["rate_percent"] == 174
    text = imposed(report("A", "2024-07-04"), rate_percent=17.4, **head)
    assert metals.put(f"/v1/events/{event}", json={"event": text}).status_code == 201
    found = {day: known(metals, day, **asked).get("rate_percent") for day in ("2024-07-03", "2024-07-04", "2024-12-31")}
    assert found == {"2024-07-03": None, "2024-07-04": 17.4, "2024-12-31": 17.4}
    assert known(metals, "2024-12-31", known_position="2", **asked)["rate_percent"] == 174


def test_a_correction_that_mends_says_anew_when_its_fact_was_published(metals: Client) -> None:
    """The reports of a text that mends take the place of the fact's own: one dated too early makes nothing known."""
    (event,) = record(metals, imposed(report("A", "2024-07-04")))
    assert known(metals, "2025-06-05")["status"] == "in_force"
    assert metals.put(f"/v1/events/{event}", json={"event": imposed(report("A", "2025-06-10"))}).status_code == 201
    assert known(metals, "2025-06-09") == {}
    assert known(metals, "2025-06-10")["status"] == "in_force"


def test_a_mended_fact_with_undated_reports_stays_known(metals: Client) -> None:
    """A report without a date is as old as the fact that cites it, also in the text that mends the fact."""
    (event,) = record(metals, imposed(report("A")))
    today = datetime.now(UTC).date().isoformat()
    assert metals.put(f"/v1/events/{event}", json={"event": imposed(report("A"), occurred="2025-06-03")}).is_success
    assert known(metals, today)["since"] == "2025-06-03"


def test_a_retraction_without_reports_takes_a_fact_out_of_every_answer(metals: Client) -> None:
    """A measure that was recorded by mistake and taken back today stood on no day of publication (K2)."""
    (event,) = record(metals, imposed(report("A", "2024-07-04"), occurred="2024-07-04"))
    asked = {"as_of": "2024-12-31"}
    assert known(metals, "2024-12-31", **asked)["status"] == "in_force"
    assert metals.delete(f"/v1/events/{event}").is_success
    assert known(metals, "2024-12-31", **asked) == {}
    assert known(metals, "2024-12-31", known_position="2", **asked)["status"] == "in_force"


def test_the_correction_recorded_last_holds(metals: Client) -> None:
    """Of two corrections that are out, the one recorded last holds, not the one published last."""
    (event,) = record(metals, imposed(report("A", "2025-06-01")))
    for occurred, day in (("2025-06-03", "2025-06-20"), ("2025-06-04", "2025-06-10")):
        text = imposed(report("A", "2025-06-01"), occurred=occurred)
        assert metals.put(f"/v1/events/{event}", json={"event": text, "reports": [report("B", day)]}).is_success
    found = [known(metals, f"2025-06-{day:02}")["since"] for day in (9, 10, 20)]
    assert found == ["2025-06-01", "2025-06-04", "2025-06-04"]
    assert known(metals, "2025-06-20", known_position="3")["since"] == "2025-06-03"


def test_retractions_count_from_their_own_publication(metals: Client) -> None:
    """A fact retracted on the 20th is gone from then on; once that is retracted without reports, it never was gone."""
    (event,) = record(metals, imposed(report("A", "2025-06-05")))
    gone = {"type": "record.retracted", "target": event, "reports": [report("A", "2025-06-20")]}
    (retraction,) = record(metals, gone)
    days = ("2025-06-19", "2025-06-20", datetime.now(UTC).date().isoformat())
    assert [bool(known(metals, day)) for day in days] == [True, False, False]
    assert metals.delete(f"/v1/events/{retraction}").is_success
    assert [bool(known(metals, day)) for day in days] == [True, True, True]
    assert not known(metals, days[-1], known_position="3")


def test_a_dispute_contests_from_its_own_publication(metals: Client) -> None:
    """A dispute published on the 20th contests from then on, also where its report denies the fact."""
    (event,) = record(metals, imposed(report("A", "2025-06-05")))
    denial = report("Ministry", "2025-06-20", stance="denies")
    record(metals, {"type": "record.disputed", "target": event, "reports": [denial]})
    assert [known(metals, day)["contested"] for day in ("2025-06-19", "2025-06-20")] == [False, True]


def test_an_issue_is_known_once_its_opening_is(metals: Client) -> None:
    """The version of an issue counts the log, its posture the items that are known."""
    record(metals, imposed(report("A", "2025-06-10")), imposed(report("B", "2025-06-12"), item="second"))
    assert known(metals, "2025-05-31", "issues/metals") == {}
    assert known(metals, "2025-05-31", "issues")["items"] == []
    for day, names, posture in (
        ("09", [], "open"),
        ("10", ["ban"], "restricted"),
        ("12", ["ban", "second"], "restricted"),
    ):
        answer = known(metals, f"2025-06-{day}", "issues/metals")
        assert [each["id"] for each in answer["items"].get("restriction", [])] == names
        assert (answer["posture"], answer["version"]) == (posture, 3)
        (listed,) = known(metals, f"2025-06-{day}", "issues")["items"]
        assert (listed["id"], listed["posture"], listed["version"]) == ("metals", posture, 3)
    page = known(metals, "2025-06-12", "issues/metals", limit="1")
    rest = known(metals, "2025-06-12", "issues/metals", limit="1", cursor=page["next"])
    assert [each["items"]["restriction"][0]["id"] for each in (page, rest)] == ["ban", "second"]
    assert (page["posture"], rest["posture"], rest["next"]) == ("restricted", "restricted", None)


def test_what_always_was_hidden_as_recorded_is_found(metals: Client) -> None:
    """A fact that another of its day hides in every recorded state counts, as published, before that other one.

    So its good and its issue are found as published, though no state as recorded ever had them.
    """
    opening = {"id": "old", "title": "Old", "summary": "S.", "parties": [], "occurred": "2025-06-01"}
    assert metals.post("/v1/issues", json=opening | {"reports": [report("A", "2025-06-01")]}).status_code == 201
    record(
        metals,
        imposed(report("A", "2025-06-20"), goods=[{"name": "germanium"}]),
        imposed(report("A", "2025-06-05"), goods=[{"name": "antimony"}], type="restriction.proposed"),
    )
    for as_recorded in ("good=antimony", "status=proposed"):
        assert metals.get(f"/v1/restrictions?as_of=2025-06-30&{as_recorded}").json()["items"] == []
    for query in ({"good": "antimony"}, {"status": "proposed", "certainty": "certain"}, {"issue": "metals"}):
        assert [each["id"] for each in known(metals, "2025-06-10", "restrictions", **query)["items"]] == ["ban"]
    for query in ({"good": "germanium"}, {"status": "in_force"}, {"good": "antimony", "issue": "old"}):
        assert known(metals, "2025-06-10", "restrictions", **query)["items"] == []
    assert known(metals, "2025-06-20", "restrictions", good="antimony")["items"] == []


def test_an_answer_is_pinned_by_its_frozen_url(london: Client) -> None:
    """Answer, tag and frozen URL have the day of publication and the position; the bytes never change."""
    paths = (
        f"/v1/issues/{RARE_EARTHS}?include=ended",
        "/v1/issues?limit=2",
        "/v1/restrictions?good=dy",
        f"/v1/restrictions/{CONTROL}",
    )
    frozen: dict[str, bytes] = {}
    for path in paths:
        mark = "&" if "?" in path else "?"
        answer = london.get(f"{path}{mark}known_basis=published&known_at=2025-06-11T12:00:00Z")
        basis = {name: answer.json()[name] for name in ("known_at", "known_position", "known_basis")}
        assert basis == {"known_at": "2025-06-10", "known_position": 20, "known_basis": "published"}
        assert answer.headers["etag"].startswith(f'"{answer.json()["as_of"]}.20.published.2025-06-10.')
        assert answer.headers["cache-control"] == "no-cache"
        url = answer.headers["link"].partition(">")[0][1:]
        assert {name for name in FROZEN_NAMES if f"{name}=" in url} == FROZEN_NAMES
        frozen[url] = answer.content
    event = LONDON[3]
    text = {name: value for name, value in event.items() if name != "id"} | {"occurred": "2025-04-04"}
    early = [report("Early", "2025-01-01")]
    assert london.put(f"/v1/events/{event['id']}", json={"event": text, "reports": early}).is_success
    assert london.post(f"/v1/events/{LONDON[0]['id']}/reports", json={"reports": early}).is_success
    record(london, LONDON[8] | {"id": None, "item": "one-more"})
    for url, content in frozen.items():
        again = london.get(url)
        assert again.content == content, url
        assert "immutable" in again.headers["cache-control"]
        same = london.get(url, headers={"If-None-Match": again.headers["etag"]})
        assert (same.status_code, same.content) == (304, b"")
        changed = london.get(url.replace("known_position=20", "known_position=23"))
        assert (changed.content != content, changed.headers["etag"] != again.headers["etag"]) == (True, True)


def test_pages_as_published_stay_those_of_the_first(metals: Client) -> None:
    """A cursor has both clocks: the pages agree whatever is recorded between them and however they name the clocks."""
    published = ["2025-06-10", "2025-06-20", "2025-06-05", "2025-06-09", "2025-06-11", "2025-06-10"]
    for number, day in enumerate(published):
        record(metals, imposed(report("A", day), item=f"ban-{number}"))
    seen: list[str] = []
    query = "/v1/restrictions?limit=1&as_of=2025-06-30&known_basis=published&known_at=2025-06-10"
    page = metals.get(query).json()
    number = len(published)
    while page["next"] is not None:
        seen += [each["id"] for each in page["items"]]
        record(metals, imposed(report("A", "2025-06-01"), item=f"ban-{number}"))
        shown = (query, "/v1/restrictions?limit=1")[number % 2]
        page = metals.get(f"{shown}&cursor={page['next']}").json()
        assert (page["known_at"], page["known_position"], page["known_basis"]) == ("2025-06-10", 7, "published")
        number += 1
    assert [*seen, page["items"][0]["id"]] == ["ban-0", "ban-2", "ban-3", "ban-5"]
    cursor = metals.get(query).json()["next"]
    for other in (
        "known_basis=recorded",
        "known_basis=published&known_at=2025-06-11",
        "known_basis=published&known_position=6",
    ):
        refused = metals.get(f"/v1/restrictions?limit=1&{other}&cursor={cursor}")
        assert (refused.status_code, refused.json()["errors"][0]["parameter"]) == (422, "cursor"), other


def test_any_day_of_publication_may_be_asked_but_no_position_ahead(metals: Client) -> None:
    """The default day is today; a future day is pinned by the position; a position beyond the head is refused."""
    record(metals, imposed(report("A", "2999-01-01")))
    first = datetime.now(UTC).date().isoformat()
    answer = metals.get("/v1/issues/metals?known_basis=published").json()
    assert first <= answer["known_at"] <= datetime.now(UTC).date().isoformat()
    assert answer["items"] == {}
    assert outlets(known(metals, "2999-01-01")) == ["A"]
    assert outlets(known(metals, "9999-12-31")) == ["A"]
    ahead = metals.get("/v1/issues/metals?known_basis=published&known_position=3")
    assert (ahead.status_code, ahead.json()["type"]) == (400, "/problems/knowledge-ahead")
    nothing = metals.get("/v1/issues/metals?known_basis=published&known_at=0001-01-01T12:00:00Z")
    assert (nothing.status_code, nothing.json()["errors"][0]["parameter"]) == (422, "known_at")


def test_before_anything_is_recorded_nothing_is_published(client: Client) -> None:
    """An empty ledger has empty lists as published too."""
    for path in ("issues", "restrictions", "events"):
        answer = (
            known(client, "2025-06-10", path)
            if path != "events"
            else client.get("/v1/events?known_basis=published&known_at=2025-06-10").json()
        )
        assert (answer["items"], answer["next"], answer["known_at"]) == ([], None, "2025-06-10")
        assert (answer["known_position"], answer["known_basis"]) == (0, "published")


def test_recorded_events_as_published(metals: Client) -> None:
    """The list has the events that count by a day; an event has the records that count, and its text on that day."""
    (event,) = record(metals, imposed(report("A", "2025-06-10"), report("B", "2025-06-20")))
    text = imposed(report("A", "2025-06-10"), occurred="2025-06-03")
    assert metals.put(f"/v1/events/{event}", json={"event": text, "reports": [report("C", "2025-06-15")]}).is_success
    sent = {"reports": [report("C", "2025-06-18")]}
    assert metals.request("DELETE", f"/v1/events/{event}", json=sent).is_success

    def positions(day: str) -> list[int]:
        answer = metals.get(f"/v1/events?known_basis=published&known_at={day}").json()
        assert answer["known_at"] == day
        return [each["position"] for each in answer["items"]]

    assert [positions(f"2025-{day}") for day in ("05-31", "06-01", "06-10", "06-15")] == [[], [1], [1, 2], [1, 2, 3]]
    assert [positions(f"2025-06-{day}") for day in ("17", "18")] == [[1, 2, 3], [1, 2, 3, 4]]
    path = f"/v1/events/{event}?known_basis=published&known_at="
    assert metals.get(f"{path}2025-06-09").status_code == 404
    for day, records, since in (("10", [], "2025-06-01"), ("15", [3], "2025-06-03")):
        found = metals.get(f"{path}2025-06-{day}").json()
        assert ([each["position"] for each in found["records"]], found["now"]["occurred"]) == (records, since)
        assert len(found["reports"]) == 2
    assert metals.get(f"{path}2025-06-18").json()["now"] is None


@pytest.mark.parametrize("published", ["2025-06-09", "2025-06-10", "2025-06-11", "2099-01-01"])
def test_every_issue_of_the_london_set_is_as_the_oracle_has_it(london: Client, published: str) -> None:
    """By day of publication and position, each issue is answered as the oracle answers it."""
    log = london.get("/v1/feed?limit=1000").json()["events"]
    for position in (12, 20):
        clocks = oracle.Published(date.fromisoformat(published), position)
        for name in (RARE_EARTHS, "chip-export-controls", "chinese-market-access"):
            for day in ("2025-04-15", "2025-06-10"):
                cap = str(position)
                answer = known(london, published, f"issues/{name}", as_of=day, known_position=cap, include="ended")
                truth = oracle.issue_state(log, name, date.fromisoformat(day), clocks, include_ended=True) or {}
                assert {field: answer.get(field) for field in truth} == truth
                assert bool(answer) == bool(truth)


def test_the_history_of_an_item_as_published(metals: Client) -> None:
    """The versions of a measure reported on the 2nd and corrected on the 5th are bounded by days of publication."""
    (target,) = record(metals, imposed(report("A", "2025-06-02")))
    corrected = {**imposed(report("A", "2025-06-02")), "occurred": "2025-06-03"}
    body = {"event": corrected, "reports": [report("B", "2025-06-05")]}
    assert metals.put(f"/v1/events/{target}", json=body).status_code == 201
    asked = {"known_basis": "published", "known_at": "2025-06-30"}
    answer = metals.get("/v1/restrictions/ban/versions", params=asked).json()
    bounds = ("valid_from", "valid_to", "known_from", "known_to")
    assert [tuple(each[name] for name in bounds) for each in answer["items"]] == [
        ("2025-06-01", None, "2025-06-02", "2025-06-05"),
        ("2025-06-03", None, "2025-06-05", None),
    ]
    assert (answer["known_basis"], answer["known_at"], answer["as_of"]) == ("published", "2025-06-30", None)
    for each in answer["items"]:
        state = known(metals, each["known_from"])
        assert each["state"] == {name: value for name, value in state.items() if name not in FROZEN_NAMES}
    first = metals.get("/v1/restrictions/ban/versions", params=asked | {"limit": "1"}).json()
    rest = metals.get("/v1/restrictions/ban/versions", params=asked | {"cursor": first["next"]}).json()
    assert first["items"] + rest["items"] == answer["items"]
    assert metals.get("/v1/restrictions/ban/versions", params=asked | {"known_at": "2025-06-01"}).status_code == 404
    before = metals.get("/v1/restrictions/ban/versions", params=asked | {"known_at": "2025-06-04"}).json()["items"]
    assert [each["known_to"] for each in before] == [None]


def test_the_history_as_published_is_in_order_of_days(metals: Client) -> None:
    """Versions stand by their first day, and those of one day by the day from which they are known."""
    (target,) = record(metals, imposed(report("A", "2025-06-02"), until="2025-09-01"))
    corrected = imposed(report("A", "2025-06-02"))
    body = {"event": corrected, "reports": [report("B", "2025-06-05")]}
    assert metals.put(f"/v1/events/{target}", json=body).status_code == 201
    asked = {"known_basis": "published", "known_at": "2025-06-30"}
    items = metals.get("/v1/restrictions/ban/versions", params=asked).json()["items"]
    assert [(each["valid_from"], each["valid_to"], each["known_from"]) for each in items] == [
        ("2025-06-01", "2025-09-01", "2025-06-02"),
        ("2025-06-01", None, "2025-06-05"),
        ("2025-09-01", None, "2025-06-02"),
    ]


def test_what_was_published_stays_while_corrections_are_recorded(metals: Client) -> None:
    """While items are moved into an issue, what changed there between two days of publication stays as it was."""
    opening = {"id": "other", "title": "Other", "summary": "Controls.", "parties": ["CN"], "occurred": "2025-06-01"}
    metals.post("/v1/issues", json=opening | {"reports": [report("A", "2025-06-01")]}).raise_for_status()
    facts = [imposed(report("A", f"2025-06-{n:02}"), item=f"ban-{n}", issues=["other"]) for n in range(1, 31)]
    ids = record(metals, *facts, imposed(report("A", "2025-06-10")))
    span = {"known_from": "2025-06-05", "known_to": "2025-06-20", "known_basis": "published"}
    asked = {"as_of": "2025-06-30", "known_position": str(2 + len(ids)), **span}
    before = metals.get("/v1/issues/metals/diff", params=asked)
    assert [each["id"] for each in before.json()["items"]] == ["ban"]
    with ThreadPoolExecutor(1) as threads:
        moving = threads.submit(move, metals, ids, facts)
        while not moving.done():
            answer = metals.get("/v1/issues/metals/diff", params=asked)
            assert (answer.status_code, answer.content) == (200, before.content)
        moving.result()


def move(client: Client, ids: list[str], facts: list[Event]) -> None:
    """Correct facts, one after the other: they are of the issue metals."""
    for id_, fact in zip(ids, facts, strict=False):
        correction = {"event": fact | {"issues": ["metals"]}, "reports": [report("B", "2025-06-25")]}
        assert client.put(f"/v1/events/{id_}", json=correction).status_code == 201
