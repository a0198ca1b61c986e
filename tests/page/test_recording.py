"""Recording over the page: forms that any browser sends, a dry run first, and the rules of access as over the API."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest
from litestar.testing import TestClient

from service.app import create_app
from service.domain.vocabulary.kinds import CHANGES
from service.settings import Settings
from tests.access.holders import made
from tests.page.conftest import opened, record_all
from tests.page.forms import Form, form_of
from tests.servers import plain_client, serving

if TYPE_CHECKING:
    from litestar import Litestar

    Client = TestClient[Litestar]

FOREIGN = (
    ("Origin", "https://elsewhere.example"),
    ("Origin", "null"),
    ("Sec-Fetch-Site", "cross-site"),
    ("Sec-Fetch-Site", "same-site"),
)
"""What a browser sends with a form of another site."""
DUTY = "00000000-0000-4000-8000-00000000000a"


@pytest.fixture
def ledger(empty: Client) -> Client:
    """A ledger with an issue and a duty of 10 percent in it."""
    duty = {
        "type": "restriction.imposed", "id": DUTY, "issues": ["a-matter"], "item": "duty", "occurred": "2025-06-01",
        "imposed_by": "US", "against": ["CN"], "instrument": "tariff", "goods": [{"name": "steel"}], "rate_percent": 10,
        "correlation_id": "desk-7",
        "reports": [{"outlet": "Gazette", "published": "2025-06-01"}, {"outlet": "Herald", "published": "2025-06-02"}],
    }  # fmt: skip
    record_all(empty, [opened("A matter"), duty])
    return empty


def head(client: Client) -> int:
    """Return the position of the last event."""
    position: int = client.get("/v1/issues").json()["known_position"]
    return position


def send(client: Client, form: Form, do: str, **typed: str) -> Any:  # noqa: ANN401 - an answer
    """Fill a form in and press a button."""
    return client.post(form.action, data={**form.values, **typed, "do": do}, follow_redirects=False)


def test_every_type_of_fact_can_be_chosen(ledger: Client) -> None:
    """The list leads to a form for each type of the vocabulary, with what the vocabulary says of it."""
    text = ledger.get("/record").text
    links = set(re.findall(r'href="/record\?type=([a-z_.]+)"', text))
    assert links == set(CHANGES)
    of_duty = ledger.get("/record?kind=restriction&item=duty&issues=a-matter").text
    assert 'href="/record?type=restriction.suspended&amp;item=duty&amp;issues=a-matter"' in of_duty
    assert "restriction.imposed" in of_duty
    assert "round.started" not in of_duty
    form = form_of(ledger.get("/record?type=restriction.suspended&item=duty&issues=a-matter").text)
    assert (form.values["item"], form.values["issues"]) == ("duty", "a-matter")


def test_a_fact_is_checked_and_then_recorded(ledger: Client) -> None:
    """The dry run shows the answer before and after, stores nothing; what was checked is then recorded, once."""
    start = head(ledger)
    form = form_of(ledger.get("/record?type=restriction.tightened&item=duty&issues=a-matter").text)
    typed = {"occurred": "2025-07-01", "rate_percent": "34", "reports.0.outlet": "Gazette"}
    answer = send(ledger, form, "check", **typed)
    assert answer.status_code == 200
    assert "Nothing is recorded yet" in answer.text
    terms = re.search(r"<dt>Charged</dt><dd><del>10%</del>.*?<ins>34%</ins>", answer.text, re.DOTALL)
    assert terms
    assert head(ledger) == start
    form = form_of(answer.text)
    done = send(ledger, form, "record")
    assert done.status_code == 303
    assert head(ledger) == start + 1
    again = send(ledger, form, "record")
    assert again.headers["location"] == done.headers["location"]
    assert head(ledger) == start + 1
    assert f"Recorded at position {start + 1}" in ledger.get(done.headers["location"]).text
    assert ledger.get("/v1/restrictions/duty").json()["charged_percent"] == 34


def test_what_was_not_checked_is_not_recorded(ledger: Client) -> None:
    """A form that is changed after its check, or that was never checked, is checked in place of being recorded."""
    start = head(ledger)
    form = form_of(ledger.get("/record?type=restriction.tightened&item=duty&issues=a-matter").text)
    typed = {"occurred": "2025-07-01", "rate_percent": "34", "reports.0.outlet": "Gazette"}
    unchecked = send(ledger, form, "record", **typed)
    assert "it was checked again" in unchecked.text
    changed = send(ledger, form_of(unchecked.text), "record", rate_percent="50")
    assert "it was checked again" in changed.text
    assert "<ins>50%</ins>" in changed.text
    assert head(ledger) == start


def test_faults_and_warnings_stand_beside_their_fields(ledger: Client) -> None:
    """Each reason for a refusal is at its field, with the value as typed; so is what only looks wrong."""
    form = form_of(ledger.get("/record?type=restriction.tightened&item=duty").text)
    typed = {"issues": "no-such", "occurred": "2025-13", "rate_percent": "lots", "reports.0.url": "gazette"}
    refused = send(ledger, form, "check", **typed)
    assert refused.status_code == 422
    assert "Nothing was recorded" in refused.text
    for name in ("issues", "occurred", "rate_percent", "reports.0.url", "reports.0.outlet"):
        assert said_of(refused.text, name), name
    assert form_of(refused.text).values["rate_percent"] == "lots"
    fixed = {"issues": "a-matter", "occurred": "2025-07-01", "rate_percent": "34"}
    source = {"reports.0.url": "", "reports.0.outlet": "Gazette", "reports.0.published": "2999-01-01"}
    odd = send(ledger, form_of(refused.text), "check", **fixed, **source)
    assert odd.status_code == 200
    assert "in the future" in said_of(odd.text, "reports.0.published")
    assert not said_of(odd.text, "occurred")


def said_of(text: str, name: str) -> str:
    """Return what stands beside a field, as a browser reads it out with the field: by `aria-describedby`."""
    field = re.search(rf'<(?:input|select|textarea) [^>]*name="{re.escape(name)}"[^>]*>', text)
    assert field, name
    keys = re.search(r'aria-describedby="([^"]+)"', field[0])
    assert keys
    key = next((each for each in keys[1].split() if each.endswith("-said")), None)
    found = key and re.search(rf'<div class="said" id="{key}">(.*?)</div>', text, re.DOTALL)
    return unescape(re.sub("<[^>]+>", "", found[1])) if found else ""


def test_a_fact_is_corrected_from_its_text(ledger: Client) -> None:
    """The form has the text that holds; what is not typed over stays, with all sources and ids of the client."""
    text = ledger.get("/items/restriction/duty?known_basis=recorded").text
    url = re.search(r'href="(/record\?type=record\.corrected[^"]+)"', text)
    assert url
    form = form_of(ledger.get(unescape(url[1])).text)
    assert form.values["event.rate_percent"] == "10"
    assert form.values["event.reports.1.outlet"] == "Herald"
    checked = send(ledger, form, "check", **{"event.rate_percent": "12", "reason": "A slip."})
    assert re.search(r"<del>10%</del>.*?<ins>12%</ins>", checked.text, re.DOTALL)
    assert send(ledger, form_of(checked.text), "record").status_code == 303
    event = ledger.get(f"/v1/events/{DUTY}").json()
    assert event["now"] == {**{name: event[name] for name in event["now"]}, "rate_percent": 12}
    assert event["now"]["correlation_id"] == "desk-7"
    assert event["records"][0]["reason"] == "A slip."


def test_a_fact_is_retracted_denied_and_disputed(ledger: Client) -> None:
    """Each has its form beside the fact; after a retraction there is nothing to correct."""
    for kind, typed in (
        ("report_added", {"reports.0.outlet": "Ministry", "reports.0.stance": "denies"}),
        ("disputed", {"reason": "The ministry says no."}),
        ("retracted", {"reason": "It was a rumour."}),
    ):
        form = form_of(ledger.get(f"/record?type=record.{kind}&target={DUTY}").text)
        checked = send(ledger, form, "check", **typed)
        assert checked.status_code == 200, checked.text
        done = send(ledger, form_of(checked.text), "record")
        assert done.status_code == 303
        assert ledger.get(done.headers["location"]).status_code == 200
    records = ledger.get(f"/v1/events/{DUTY}").json()["records"]
    assert [each["type"] for each in records] == ["record.report_added", "record.disputed", "record.retracted"]
    assert ledger.get(f"/record?type=record.corrected&target={DUTY}").status_code == 400


def test_another_source_is_added_to_the_form(ledger: Client) -> None:
    """A button gives fields for one more source, and keeps what is typed."""
    form = form_of(ledger.get("/record?type=restriction.lifted&item=duty&issues=a-matter").text)
    more = form_of(send(ledger, form, "more", occurred="2025-08-01", **{"reports.0.outlet": "Gazette"}).text)
    assert more.values["occurred"] == "2025-08-01"
    checked = send(ledger, more, "check", **{"reports.1.outlet": "Herald"})
    assert send(ledger, form_of(checked.text), "record").status_code == 303
    reports = ledger.get("/v1/events?type=restriction.lifted").json()["items"][0]["reports"]
    assert [each["outlet"] for each in reports] == ["Gazette", "Herald"]


@pytest.mark.parametrize("typed", ["1e999", "nan", "inf", "9" * 5000, "1_000", "0x10", "12,5", "--1"])
def test_what_is_no_number_is_refused(ledger: Client, typed: str) -> None:
    """A rate that JSON cannot say is refused beside its field, and not left out or read as another one."""
    form = form_of(ledger.get("/record?type=restriction.tightened&item=duty&issues=a-matter").text)
    refused = send(ledger, form, "check", occurred="2025-07-01", rate_percent=typed)
    assert refused.status_code == 422
    assert said_of(refused.text, "rate_percent")


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"type=restriction.nonsense", 404), (b"", 404), (b"\xff\xfe", 400), (b"a=1&" * 3000, 400),
        (b"type=record.retracted&target=nonsense", 404), (b"type=record.retracted", 404),
        (b"type=restriction.lifted&do=check&reports.99.outlet=x", 422), (b"type=../../v1/issues", 404),
        (b"type=restriction.imposed&do=check&quota={&rates=[&goods=;;=", 422),
        (b"type=restriction.imposed&do=check&rates=" + b'{"a":' * 100_000, 422),
        (b"type=restriction.imposed&do=check&reports.0.terms=" + b"[" * 100_000, 422),
        (b"type=restriction.imposed&do=check&goods={%22name%22:1}&unset=[1,2", 422),
    ],
)  # fmt: skip
def test_what_is_no_form_is_refused(ledger: Client, content: bytes, status: int) -> None:
    """Whatever is sent, the page answers with a page, and nothing is stored."""
    start = head(ledger)
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = ledger.post("/record", content=content, headers=kind)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert head(ledger) == start


def test_texts_of_a_form_are_escaped(ledger: Client) -> None:
    """What is typed, and what the URL fills in, comes back as text."""
    bad = '"><script>alert(1)</script>'
    text = ledger.get("/record", params={"type": "restriction.lifted", "item": bad, "note": bad}).text
    assert "<script>alert" not in text
    answer = send(ledger, form_of(text), "check", occurred=bad)
    assert answer.status_code == 422
    assert "<script>alert" not in answer.text


def test_keys_and_roles_hold_for_forms(migrated_sqlite_url: str) -> None:
    """Without a key the page asks for one, a reader's does not do, a recorder's does; an edit is an editor's."""
    settings = Settings(database_url=migrated_sqlite_url)
    with TestClient(create_app(settings)) as client:
        record_all(client, [opened("A matter")])
    keys = {role: made(migrated_sqlite_url, role) for role in ("reader", "recorder")}
    with TestClient(create_app(settings)) as client:
        asked = client.get("/record?type=issue.closed")
        assert asked.status_code == 401
        assert 'name="back" value="/record?type=issue.closed"' in asked.text
        for role, status in (("reader", 403), ("recorder", 200)):
            kept = client.post("/key", data={"key": keys[role], "back": "/record"}, follow_redirects=False)
            assert (kept.status_code, kept.headers["location"]) == (303, "/record")
            assert client.get("/record?type=issue.closed").status_code == status
        form = form_of(client.get("/record?type=issue.closed").text)
        given = {"issues": "a-matter", "item": "a-matter", "occurred": "2025-07-01", "reports.0.outlet": "Gazette"}
        refused = send(client, form, "check", **given)
        assert refused.status_code == 403
        assert "issue.closed is for an editor" in refused.text
        client.post("/key", data={"key": "", "back": "//elsewhere.example/"}, follow_redirects=False)
        assert send(client, form, "check", **given).status_code == 401


def test_forms_of_other_sites_are_refused(migrated_sqlite_url: str) -> None:
    """A form that another site's page sends here, by a browser that has a key or an open ledger, records nothing."""
    with serving(migrated_sqlite_url) as server, plain_client(server.url) as client:
        given = {"type": "issue.opened", "do": "check"}
        assert client.post("/record", data=given, headers={"Origin": server.url}).status_code == 422
        for name, value in FOREIGN:
            for path in ("/record", "/key"):
                assert client.post(path, data=given, headers={name: value}).status_code == 403, (name, value)


def test_a_denial_has_a_link_of_its_own(ledger: Client) -> None:
    """The link beside a fact opens the form that denies; what was recorded says who denies, there and on the item."""
    text = ledger.get("/items/restriction/duty").text
    urls = [unescape(each) for each in re.findall(r'href="(/record\?type=record\.report_added[^"]+)"', text)]
    source, denial = (ledger.get(url).text for url in urls)
    assert (form_of(source).values.get("reports.0.stance", ""), "or a denial</h1>" in source) == ("", True)
    form = form_of(denial)
    assert (form.values["reports.0.stance"], "Add a denial of a fact</h1>" in denial) == ("denies", True)
    typed = {"reports.0.outlet": "Ministry", "reports.0.published": "3 June 2025"}
    done = send(ledger, form_of(send(ledger, form, "check", **typed).text), "record")
    recorded = ledger.get(done.headers["location"]).text
    assert "Denial added, recorded at" in recorded
    assert "<b>Denied</b> by Ministry" in recorded
    item = ledger.get("/items/restriction/duty").text
    assert "<b>Denied</b> by Ministry" in item
    assert "The sources differ on whether it is so: reports (Gazette, Herald); denies (Ministry)" in item
    assert re.search(r">3 Jun 2025 denial added<", item)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("3 April 2025", "2025-04-03"),
        ("April 3, 2025", "2025-04-03"),
        ("3 apr 2025", "2025-04-03"),
        ("April 2025", "2025-04"),
        ("2025-04", "2025-04"),
    ],
)
def test_a_date_may_be_typed_in_words(ledger: Client, typed: str, stored: str) -> None:
    """A date may be typed as the page writes it; the precision stays."""
    form = form_of(ledger.get(f"/record?type=record.report_added&target={DUTY}").text)
    checked = send(ledger, form, "check", **{"reports.0.outlet": "Ministry", "reports.0.published": typed})
    send(ledger, form_of(checked.text), "record")
    (record,) = ledger.get(f"/v1/events/{DUTY}").json()["records"]
    assert record["reports"][0]["published"] == stored


@pytest.mark.parametrize("typed", ["31 February 2025", "Ju 2025", "3 April 4, 2025", "03/04/2025", "3 Smarch 2025"])
def test_a_date_that_is_none_is_refused(ledger: Client, typed: str) -> None:
    """What is no date, or could be two, is refused beside its field, and stays as typed."""
    form = form_of(ledger.get(f"/record?type=record.report_added&target={DUTY}").text)
    refused = send(ledger, form, "check", **{"reports.0.outlet": "Ministry", "reports.0.published": typed})
    assert refused.status_code == 422
    assert said_of(refused.text, "reports.0.published")
    assert form_of(refused.text).values["reports.0.published"] == typed
