"""What changes and what lapses on which day, across issues, in each form that the answer has."""

import json
from typing import Any

import duckdb
import feedparser  # type: ignore[import-untyped]
import httpx
import pytest
from icalendar import Calendar
from litestar import Litestar
from litestar.testing import TestClient

from tests.ledgers import Event

Client = TestClient[Litestar]
REPORT = {"outlet": "USTR", "published": "2025-04-02"}


def fact(change: str, occurred: str, item: str = "tariff", **terms: object) -> Event:
    return {"type": change, "issues": ["trade"], "item": item, "occurred": occurred, "reports": [REPORT]} | terms


TARIFF: dict[str, Any] = {
    "imposed_by": "US",
    "against": ["CN"],
    "instrument": "tariff",
    "goods": [{"name": "steel", "hs": "72"}],
}
EVENTS = [
    fact("issue.opened", "2025-04-01", "trade", title="Trade", summary="All of it.", parties=["CN", "US"]),
    fact("restriction.imposed", "2025-04-02", effective="2025-04-09", rate_percent=34, **TARIFF),
    fact("restriction.suspended", "2025-05-12", effective="2025-05-14", until="2025-08-12", rate_percent=10),
    fact(
        "restriction.suspension_extended", "2025-08-11", effective="2025-08-12", through="2025-11-09", rate_percent=10
    ),
    fact("restriction.amended", "2025-06-01", rate_percent=24),
    fact(
        "restriction.imposed",
        "2025-06-02",
        "ban",
        effective="2025-07",
        **TARIFF | {"imposed_by": "CN", "against": ["US"]},
    ),
    fact("call.held", "2025-06-05", "call", participants=[{"name": "A", "party": "US"}, {"name": "B", "party": "CN"}]),
]
YEAR = "from=2025-01-01&to=2025-12-31"


@pytest.fixture
def ledger(client: Client) -> Client:
    """A tariff with its suspension, a ban that is announced, a call."""
    client.post("/v1/events", json={"events": EVENTS}).raise_for_status()
    return client


def changes(client: Client, query: str) -> list[Event]:
    answer = client.get(f"/v1/changes?{query}")
    assert answer.status_code == 200, answer.text
    found: list[Event] = answer.json()["items"]
    return found


def brief(change: Event) -> tuple[Any, ...]:
    return change["day"], change["item"], change["before"]["status"], change["after"]["status"], change["because"]


def test_the_changes_of_a_year_stand_in_the_order_of_their_days(ledger: Client) -> None:
    """Each day on which a status or a term is another one is there once; an extension that changes neither is not."""
    found = changes(ledger, YEAR)
    assert [brief(each) for each in found] == [
        ("2025-04-02", "tariff", None, "announced", "fact"),
        ("2025-04-09", "tariff", "announced", "in_force", "fact"),
        ("2025-05-14", "tariff", "in_force", "suspended", "fact"),
        ("2025-06-01", "tariff", "suspended", "suspended", "fact"),
        ("2025-06-02", "ban", None, "announced", "fact"),
        ("2025-06-05", "call", None, "held", "fact"),
        ("2025-07-01", "ban", "announced", "in_force", "fact"),
        ("2025-11-10", "tariff", "suspended", "in_force", "end"),
    ]
    terms = {each["day"]: (each["before"]["terms"], each["after"]["terms"]) for each in found}
    assert terms["2025-06-01"] == ({"rate_percent": 34}, {"rate_percent": 24})
    assert terms["2025-04-09"] == ({}, {})
    assert terms["2025-04-02"] == ({}, TARIFF | {"rate_percent": 34})
    july = found[6]
    assert (july["on"], july["certainty"], july["type"], july["issues"]) == (
        "2025-07", "possible", "restriction.imposed", ["trade"],
    )  # fmt: skip
    assert (found[-1]["on"], found[-1]["type"]) == ("2025-11-10", "restriction.suspension_extended")


def test_what_lapses_in_the_next_90_days_is_one_call(ledger: Client) -> None:
    """Without `to` it is 90 days; the answer says which days and which K."""
    answer = ledger.get("/v1/changes?from=2025-09-01&because=end").json()
    assert [brief(each) for each in answer["items"]] == [("2025-11-10", "tariff", "suspended", "in_force", "end")]
    assert (answer["from"], answer["to"], answer["as_of"], answer["known_position"]) == (
        "2025-09-01", "2025-11-30", None, len(EVENTS),
    )  # fmt: skip
    assert changes(ledger, "from=2025-09-01&because=fact") == []


@pytest.mark.parametrize(
    ("query", "days"),
    [
        ("kind=call", ["06-05"]),
        ("by=CN", ["06-02", "07-01"]),
        ("against=US&kind=restriction", ["06-02", "07-01"]),
        ("party=US&kind=call", ["06-05"]),
        ("hs=72&by=US&because=end", ["11-10"]),
        ("good=steel&by=CN", ["06-02", "07-01"]),
        ("issue=trade&kind=agreement", []),
        ("party=DE", []),
    ],
)  # fmt: skip
def test_filters_are_about_the_item_before_or_after(ledger: Client, query: str, days: list[str]) -> None:
    """A change passes where the item passes on the day, or on the day before."""
    assert [each["day"][5:] for each in changes(ledger, f"{YEAR}&{query}")] == days


def test_an_item_that_gives_up_its_party_is_found_by_it_on_that_day(ledger: Client) -> None:
    """The state before the change is enough."""
    ledger.post("/v1/events", json={"events": [fact("restriction.amended", "2025-10-01", against=["VN"])]})
    assert [each["day"] for each in changes(ledger, "from=2025-10-01&to=2025-10-31&against=CN")] == ["2025-10-01"]
    assert [each["day"] for each in changes(ledger, "from=2025-10-01&to=2025-10-31&against=VN")] == ["2025-10-01"]
    assert changes(ledger, "from=2025-10-02&to=2025-12-31&against=CN") == []


def test_a_measure_of_a_bloc_is_found_by_a_member_of_that_day(ledger: Client) -> None:
    """A duty of the EU is found by a country on the days on which that is a member; a clearance by its restriction."""
    duty = TARIFF | {"imposed_by": "EU", "against": ["RU"]}
    events = [
        fact("restriction.imposed", "2020-01-20", "eu-duty", rate_percent=5, **duty),
        fact("restriction.amended", "2020-02-10", "eu-duty", rate_percent=6),
        fact(
            "clearance.granted",
            "2020-02-20",
            "quota",
            granted_by="EU",
            restriction="eu-duty",
            beneficiaries=[{"name": "Importers"}],
        ),
    ]
    ledger.post("/v1/events", json={"events": events}).raise_for_status()
    year = "from=2020-01-01&to=2020-12-31"
    found = {
        party: [each["day"][5:] for each in changes(ledger, f"{year}&party={party}")] for party in ("GB", "FR", "US")
    }
    assert found == {"GB": ["01-20"], "FR": ["01-20", "02-10", "02-20"], "US": []}
    assert [each["item"] for each in changes(ledger, f"{year}&hs=7208&kind=clearance")] == ["quota"]


def test_pages_follow_each_other_and_keep_their_days(ledger: Client) -> None:
    """Page by page every change comes once; what is recorded between them is not on them."""
    whole, found = changes(ledger, YEAR), []
    query = f"{YEAR}&limit=3"
    while query:
        page = ledger.get(f"/v1/changes?{query}").json()
        found += page["items"]
        query = f"{YEAR}&limit=3&cursor={page['next']}" if page["next"] else ""
        ledger.post("/v1/events", json={"events": [fact("restriction.lifted", "2025-12-01")]}).raise_for_status()
    assert found == whole
    assert changes(ledger, YEAR)[-1]["after"]["status"] == "lifted"


def test_a_frozen_url_has_its_days_and_answers_for_ever(ledger: Client) -> None:
    """`Link` names the days and K; the answer there is immutable and each form has its own tag."""
    answer = ledger.get("/v1/changes?from=2025-09-01")
    url = answer.headers["link"].partition("<")[2].partition(">")[0]
    ledger.post("/v1/events", json={"events": [fact("restriction.lifted", "2025-09-05")]}).raise_for_status()
    again = ledger.get(url)
    assert (again.json(), "immutable" in again.headers["cache-control"]) == (answer.json(), True)
    assert ledger.get(url, headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
    assert ledger.get(url, headers={"Accept": "text/csv"}).headers["etag"] != answer.headers["etag"]


def test_a_calendar_can_be_subscribed_to(ledger: Client) -> None:
    """A public parser reads it: an all-day entry a change, whose UID stays the same."""
    answer = ledger.get(f"/v1/changes?{YEAR}&format=ics")
    assert answer.headers["content-type"].startswith("text/calendar")
    entries = Calendar.from_ical(answer.content).walk("VEVENT")
    assert [entry.decoded("dtstart").isoformat() for entry in entries] == [
        each["day"] for each in changes(ledger, YEAR)
    ]
    last = entries[-1]
    assert str(last["summary"]) == "tariff: suspended to in_force"
    assert str(entries[3]["summary"]) == "tariff: suspended (rate_percent 34 to 24)"
    assert last["categories"].to_ical() == b"restriction,end"
    uid = str(last["uid"])
    assert uid.startswith("tariff.2025-11-10@")
    again = Calendar.from_ical(ledger.get("/v1/changes?from=2025-11-01", headers={"Accept": "text/calendar"}).content)
    assert [str(entry["uid"]) for entry in again.walk("VEVENT")] == [uid]


def test_a_news_reader_reads_the_feed(ledger: Client) -> None:
    """A public parser finds no fault in it; entries have ids, titles, instants and links to the items."""
    answer = ledger.get(f"/v1/changes?{YEAR}", headers={"Accept": "application/atom+xml"})
    feed = feedparser.parse(answer.content)
    assert not feed.bozo
    assert [entry.title[:10] for entry in feed.entries] == [each["day"] for each in changes(ledger, YEAR)]
    assert len({entry.id for entry in feed.entries}) == len(feed.entries)
    recorded = ledger.get("/v1/events?limit=1").json()["items"][0]["recorded_at"]
    assert {entry.updated for entry in feed.entries} == {recorded}
    path = httpx.URL(feed.entries[-1].link).raw_path.decode()
    assert ledger.get(path).json()["status"] == "in_force"


def test_a_table_is_read_by_a_database(ledger: Client, tmp_path: Any) -> None:  # noqa: ANN401 - pytest's
    """DuckDB reads the CSV by itself, with its columns and JSON."""
    path = tmp_path / "changes.csv"
    path.write_bytes(ledger.get(f"/v1/changes?{YEAR}&format=csv").content)
    duckdb.read_csv(str(path)).create_view("changes")
    found = duckdb.sql("SELECT item, status_after, terms_after FROM changes WHERE because = 'end' OR kind = 'call'")
    rows = found.fetchall() if found is not None else []
    assert [row[:2] for row in rows] == [("call", "held"), ("tariff", "in_force")]
    assert [each["name"] for each in json.loads(rows[0][2])["participants"]] == ["A", "B"]


@pytest.mark.parametrize("form", ["csv", "ics", "atom"])
def test_other_forms_name_the_next_page_in_a_header(ledger: Client, form: str) -> None:
    """`Link` leads through all pages."""
    path, pages = f"/v1/changes?{YEAR}&format={form}&limit=3", []
    while path:
        answer = ledger.get(path)
        pages.append(answer.content)
        path = answer.links.get("next", {}).get("url", "")
    assert len(pages) == 3
    assert sum(page.count(b"tariff.2025-11-10@") + page.count(b"tariff/2025-11-10<") for page in pages) == (
        form != "csv"
    )


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("from=2025-02-01&to=2025-01-31", 422),
        ("from=2025-02-30", 422),
        ("because=nothing", 422),
        ("format=pdf", 422),
        ("kind=tariff", 422),
        ("from=2025-01-01&cursor=x", 422),
        ("known_position=999", 400),
    ],
)
def test_what_cannot_be_asked_is_refused(ledger: Client, query: str, status: int) -> None:
    """Days out of order, unknown values, a foreign cursor, a K ahead of the log."""
    assert ledger.get(f"/v1/changes?{query}").status_code == status


def test_other_media_types_are_refused(ledger: Client) -> None:
    """406 names those that there are."""
    assert ledger.get("/v1/changes", headers={"Accept": "application/pdf"}).status_code == 406


def test_differences_across_issues_name_what_changed(ledger: Client) -> None:
    """Two days as known now, and one day as known twice: each item that differs, with the names of its members."""
    found = ledger.get("/v1/diff?from=2025-05-13&to=2025-05-14&sources=none").json()["items"]
    (tariff,) = [each for each in found if each["id"] == "tariff"]
    assert (tariff["before"]["status"], tariff["after"]["status"]) == ("in_force", "suspended")
    assert {"status", "since", "applies", "charged_percent"} <= set(tariff["changed"])
    assert "rate_percent" not in tariff["changed"]
    assert set(tariff["changed"]) <= tariff["before"].keys() | tariff["after"].keys()
    ledger.post("/v1/events", json={"events": [fact("restriction.lifted", "2025-05-01", "tariff")]}).raise_for_status()
    query = f"/v1/diff?as_of=2025-05-20&known_from={len(EVENTS)}&sources=none"
    assert [(each["id"], each["before"]["status"]) for each in ledger.get(query).json()["items"]] == [
        ("tariff", "suspended")
    ]
    pages = [ledger.get("/v1/diff?from=2025-01-01&to=2025-12-31&limit=1").json()]
    while pages[-1]["next"]:
        cursor = pages[-1]["next"]
        pages.append(ledger.get(f"/v1/diff?from=2025-01-01&to=2025-12-31&limit=1&cursor={cursor}").json())
    assert [each["id"] for page in pages for each in page["items"]] == ["tariff", "ban", "call"]
