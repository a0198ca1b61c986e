"""The US-China set: every line has sources, ids follow their rule, states are what the documents say."""

import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from service import transfer
from service.app import create_app
from service.domain.vocabulary.events import Fact, Record, decode
from service.settings import Settings
from service.storage import files
from tests.ledgers import opened

Client = TestClient[Litestar]
SET = "us-china"
LINES = (files.data("seeds") / f"{SET}.ndjson").read_bytes().splitlines()
EVENTS: list[dict[str, Any]] = [json.loads(line) for line in LINES]
BY_ID = {event["id"]: event for event in EVENTS}
NAMESPACE = uuid5(NAMESPACE_URL, "urn:parley:seeds:us-china")
PLACES = {"Federal Register": "https://www.federalregister.gov/documents/"}
WHITE_HOUSE = ("https://www.whitehouse.gov/", "https://bidenwhitehouse.archives.gov/")


def published(event: dict[str, Any]) -> str:
    """Return the day from which an event counts as known, by its earliest report."""
    return min(str(report["published"]) for report in event["reports"])


def item_of(event: dict[str, Any]) -> str:
    """Return the item of an event; a record takes its target's."""
    named = event if "item" in event else BY_ID[event["target"]]
    return str(named["item"])


def position(day: str) -> int:
    """Return the position up to which the set holds what was published by a day, openings of issues aside."""
    return sum(event["type"] == "issue.opened" or published(event) <= day for event in EVENTS)


def test_every_line_is_an_event_and_most_are_facts() -> None:
    """Every line is an event; there are at least 150 facts, not counting those of issues, in 20 issues or more."""
    decoded = [decode(line) for line in LINES]
    facts = [event for event in decoded if isinstance(event, Fact) and not event.type.startswith("issue.")]
    assert len(facts) >= 150
    assert sum(event.type == "issue.opened" for event in decoded) >= 20
    assert all(isinstance(event, Fact | Record) for event in decoded)


def test_ids_are_made_by_the_rule() -> None:
    """An id is a UUID of version 5 from the type, the item and, from the second of a pair on, its number."""
    seen: Counter[tuple[str, str]] = Counter()
    for event in EVENTS:
        pair = (event["type"], item_of(event))
        seen[pair] += 1
        number = f" {seen[pair]}" if seen[pair] > 1 else ""
        assert UUID(event["id"]) == uuid5(NAMESPACE, f"{pair[0]} {pair[1]}{number}")
    assert len(BY_ID) == len(EVENTS)


def test_every_report_says_where_it_can_be_read() -> None:
    """Each report has outlet, title, address, day of publication, language and basis, on the publisher's own pages."""
    for report in (report for event in EVENTS for report in event["reports"]):
        assert report["title"]
        assert report["language"] == "en"
        assert report["kind"] in {"official", "anonymous"}
        assert report["date_basis"] in {"stated", "inferred"}
        assert re.fullmatch(r"20[12]\d-\d\d-\d\d", report["published"])
        assert report["outlet"] in {"The White House", "Federal Register"}
        assert report["url"].startswith(PLACES.get(report["outlet"], WHITE_HOUSE))
        assert report["outlet"] != "Federal Register" or re.match(r"FR Doc\. 20\d\d-\d{5}, ", report["locator"])


def test_what_is_inferred_has_a_note() -> None:
    """A fact dated by inference has a note that says from what; a record that changes another event has a reason."""
    for event in EVENTS:
        if event["type"] == "record.report_added":
            continue
        if event["type"].startswith("record."):
            assert event["reason"]
        elif event["reports"][0]["date_basis"] == "inferred":
            assert event["note"], event["id"]


def test_lines_are_in_the_order_in_which_they_became_known() -> None:
    """The issues come first, then the rest by the day of publication."""
    types = [event["type"] for event in EVENTS]
    opened_issues = types.count("issue.opened")
    assert set(types[:opened_issues]) == {"issue.opened"}
    days = [published(event) for event in EVENTS[opened_issues:]]
    assert days == sorted(days)


def test_names_do_not_meet_those_of_the_london_set() -> None:
    """Both sets can be loaded into one ledger: they share no item."""
    london = {json.loads(line)["item"] for line in (files.data("seeds") / "london.ndjson").read_bytes().splitlines()}
    assert not london & {item_of(event) for event in EVENTS}


@pytest.mark.anyio
async def test_loading_it_twice_changes_nothing(migrated_url: str) -> None:
    """The set is found by its name, and loading it again records nothing."""
    assert SET in transfer.seeds()
    async with opened(migrated_url) as ledger:
        assert await transfer.seed(ledger.database, ledger.ledger, SET) == (len(LINES), 0)
        once = await ledger.log()
        assert await transfer.seed(ledger.database, ledger.ledger, SET) == (0, len(LINES))
        assert await ledger.log() == once


@pytest.fixture(scope="module")
def client(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A ledger with the set, over HTTP; it is only read."""
    file = tmp_path_factory.mktemp("us-china") / "ledger.db"
    shutil.copyfile(sqlite_template, file)
    with TestClient(create_app(Settings(database_url=f"sqlite:///{file}")), raise_server_exceptions=False) as client:
        answer = client.post("/v1/events", json={"events": EVENTS})
        assert answer.status_code == 201, answer.text
        warned = {item_of(EVENTS[int(warning["pointer"].split("/")[2])]) for warning in answer.json()["warnings"]}
        # No document before that of the fact has an opening of these. Two are names that leave the Entity List: FR Doc.
        # 2023-25557 and 2025-19858.
        assert warned == {
            "china-phase-one-purchases",
            "entity-list-removal-2023-11-17",
            "entity-list-removal-2025-11-12",
            "exclusions-178",
            "section-301-list-300bn-annex-a",
            "us-bifacial-exclusion",
            "us-unverified-list-china",
        }
        yield client


def ask(client: Client, path: str, day: str, known: str = "2026-08-21") -> dict[str, Any]:
    """Return the answer about a path on a day, by what was published by another day; {} when it is a 404."""
    response = client.get(f"/v1/{path}?as_of={day}&known_position={position(known)}")
    assert response.status_code in {200, 404}, response.text
    answer: dict[str, Any] = response.json()
    return answer if response.status_code == 200 else {}


def pick(client: Client, path: str, day: str, known: str, *fields: str) -> tuple[Any, ...]:
    """Return some fields of a state; absent ones are None."""
    state = ask(client, path, day, known)
    return tuple(state.get(field) for field in fields)


RECIPROCAL = "restrictions/reciprocal-tariff-china"


def test_a_truce_prolonged_is_known_from_the_day_it_is(client: Client) -> None:
    """The same day has two answers: before and after the order that prolonged the suspension."""
    fields = ("status", "since", "until", "rate_percent", "charged_percent", "applies")
    # Executive Order 14298 of 12 May 2025: 24 of 34 points suspended for 90 days from 14 May, so to 12 August.
    before = ("in_force", "2025-08-12", None, 34, 34, "full")
    assert pick(client, RECIPROCAL, "2025-09-01", "2025-08-10", *fields) == before
    # Executive Order 14334 of 11 August 2025: suspended further, to 10 November.
    after = ("suspended", "2025-05-14", "2025-11-10", 34, 10, "partly")
    assert pick(client, RECIPROCAL, "2025-09-01", "2025-08-11", *fields) == after
    # The order of 4 November 2025: to 10 November 2026. The order of 20 February 2026: no longer in effect.
    assert pick(client, RECIPROCAL, "2026-01-15", "2026-01-15", "status", "until") == ("suspended", "2026-11-10")
    assert pick(client, RECIPROCAL, "2026-03-01", "2026-02-20", "status", "since") == ("lifted", "2026-02-20")


def test_a_rate_raised_before_it_ever_applied(client: Client) -> None:
    """The duty on postal items began at 120 percent; 30 and 90 were decided and never applied."""
    path = "restrictions/china-postal-items-duty"
    # Executive Orders 14256 (30), 14259 (90) and 14266 (120), all effective on 2 May 2025; then 14298.
    assert pick(client, path, "2025-05-02", "2025-04-03", "status", "rate_percent") == ("in_force", 30)
    assert pick(client, path, "2025-05-02", "2025-04-10", "status", "rate_percent") == ("in_force", 120)
    assert pick(client, path, "2025-05-14", "2025-05-12", "status", "rate_percent") == ("in_force", 54)


def test_a_step_suspended_before_its_first_day_was_never_in_force(client: Client) -> None:
    """Executive Order 14298, section 4(b), keeps 100 dollars an item in spite of the rise set for 1 June 2025."""
    path = "restrictions/china-postal-items-june-step"
    assert pick(client, path, "2025-06-01", "2025-05-11", "status", "ever_in_force") == ("in_force", True)
    fields = ("status", "applies", "ever_in_force")
    assert pick(client, path, "2025-06-01", "2025-05-12", *fields) == ("suspended", "none", False)


def test_one_day_of_duty_on_small_parcels(client: Client) -> None:
    """In force on 4 February 2025 (Executive Order 14195), suspended on the 5th (14200), back on 2 May (14256)."""
    path = "restrictions/de-minimis-end-china"
    days = ("2025-02-03", "2025-02-04", "2025-02-05", "2025-05-01", "2025-05-02")
    lived = ["announced", "in_force", "suspended", "suspended", "in_force"]
    assert [ask(client, path, day)["status"] for day in days] == lived


def test_a_later_document_gives_the_first_day(client: Client) -> None:
    """The order of 3 March 2025 names no day for the 20 percent; that of 4 November has 4 March."""
    path = "restrictions/fentanyl-tariff-china"
    assert pick(client, path, "2025-03-03", "2025-03-03", "rate_percent") == (20,)
    assert pick(client, path, "2025-03-03", "2025-11-04", "rate_percent") == (10,)
    assert pick(client, path, "2025-03-04", "2025-11-04", "rate_percent") == (20,)
    assert pick(client, path, "2025-11-10", "2025-11-04", "rate_percent") == (10,)


def test_the_chip_rule_was_released_before_it_was_published(client: Client) -> None:
    """FR Doc. 2022-21658 is of 13 October 2022; 2023-00888 and then 2023-23055 say 7 October."""
    path = "restrictions/us-advanced-computing-controls"
    assert ask(client, path, "2022-10-10", "2022-12-31") == {}
    assert pick(client, path, "2022-10-14", "2022-12-31", "since", "contested") == ("2022-10-13", False)
    assert pick(client, path, "2022-10-14", "2023-01-18", "since", "contested") == ("2022-10-13", True)
    assert pick(client, path, "2022-10-10", "2023-10-25", "since", "contested") == ("2022-10-07", False)


def test_an_extension_known_only_by_its_end(client: Client) -> None:
    """FR Doc. 2022-25990 runs to the end of February 2023; 2023-10460 says that the exclusions run to 15 May."""
    path = "clearances/exclusions-covid-81"
    assert pick(client, path, "2023-04-01", "2023-05-16", "status", "since") == ("expired", "2023-03-01")
    assert pick(client, path, "2023-04-01", "2023-05-17", "status", "until") == ("active", "2023-05-16")
    # The same notice lets all 81 run to 31 May; 77 of them, another item, go on from 1 June.
    assert pick(client, path, "2023-06-01", "2023-05-17", "status") == ("expired",)
    assert pick(client, "clearances/exclusions-covid-77", "2023-06-01", "2023-05-17", "until") == ("2023-10-01",)


def test_delay_after_delay(client: Client) -> None:
    """Each order on TikTok (14166, 14258, 14310, 14350, 25 September 2025) moves the day; the law itself never ends."""
    path = "restrictions/tiktok-ban"
    assert pick(client, path, "2025-01-19", "2025-01-20", "status") == ("in_force",)
    assert pick(client, path, "2025-06-20", "2025-06-18", "status", "until") == ("in_force", None)
    assert pick(client, path, "2025-06-20", "2025-06-19", "status", "until") == ("suspended", "2025-09-17")
    assert pick(client, path, "2026-01-01", "2025-09-25", "status", "until") == ("suspended", "2026-01-23")


def test_a_suspension_published_after_it_began(client: Client) -> None:
    """Proposed for 10 November 2025 (FR Doc. 2025-19839), published on the 13th as from the 10th (2025-19873)."""
    path = "restrictions/fees-on-chinese-ship-operators"
    before = ask(client, path, "2025-11-11", "2025-11-12")
    assert before["status"] == "in_force"
    assert [(coming["status"], coming["modality"]) for coming in before["upcoming"]] == [("suspended", "planned")]
    after = ("suspended", "2025-11-10", "2026-11-10")
    assert pick(client, path, "2025-11-11", "2025-11-13", "status", "since", "until") == after
    # From when the fees applied is in no document: between the notice of April and the suspension.
    assert pick(client, path, "2025-06-01", "2025-11-13", "status", "certainty") == ("in_force", "possible")


def test_an_end_supplied_by_another_document(client: Client) -> None:
    """FR Doc. 2025-16733 gives no end; the fact sheet of 1 November 2025 says that it is the 29th."""
    path = "clearances/exclusions-178"
    fields = ("status", "until", "incomplete")
    assert pick(client, path, "2025-10-01", "2025-10-31", *fields) == ("active", None, True)
    assert pick(client, path, "2025-10-01", "2025-11-01", *fields) == ("active", "2025-11-30", True)
    assert pick(client, path, "2025-12-15", "2025-11-30", "status") == ("expired",)
    assert pick(client, path, "2025-12-15", "2025-12-01", "status", "until") == ("active", "2026-11-10")


def test_announced_and_never_in_force(client: Client) -> None:
    """The controls of 9 October 2025: announced, and to be suspended by the fact sheet of 1 November."""
    state = ask(client, "restrictions/china-rare-earth-controls-october-2025", "2025-12-01")
    assert (state["status"], state["ever_in_force"]) == ("announced", False)
    assert [coming["modality"] for coming in state["upcoming"]] == ["planned"]


def test_documents_that_disagree(client: Client) -> None:
    """The fact sheet of 1 November 2025 and the order of the 4th give different ends of China's exclusion process."""
    path = "commitments/china-commitment-tariff-exclusions"
    assert pick(client, path, "2025-11-05", "2025-11-03", "contested") == (False,)
    assert pick(client, path, "2025-11-05", "2025-11-04", "contested") == (True,)


def test_a_mistake_taken_back(client: Client) -> None:
    """FR Doc. 2025-16786 takes back what 2025-15781 had said by mistake: the statement is gone from then on."""
    path = "statements/critical-circumstances-steel-fencing-separate-rate"
    assert pick(client, path, "2025-08-20", "2025-09-01", "status") == ("made",)
    assert ask(client, path, "2025-08-20", "2025-09-02") == {}


def test_what_is_to_come(client: Client) -> None:
    """FR Doc. 2025-23912: zero percent now, a rate to be announced from 23 June 2027."""
    path = "restrictions/us-301-chip-tariff"
    state = ask(client, path, "2026-08-01")
    assert (state["status"], state["rate_percent"], state["charged_percent"]) == ("in_force", 0, 0)
    assert [(coming["on"], coming["terms"]) for coming in state["upcoming"]] == [("2027-06-23", {"rate_percent": None})]
    assert pick(client, path, "2027-06-23", "2026-08-01", "status", "rate_percent") == ("in_force", None)
    assert ask(client, path, "2025-12-27", "2025-12-28") == {}


def test_what_the_duties_touch(client: Client) -> None:
    """EO 14257: all goods but those of Annex II, Canada and Mexico aside; the own duty on China instead of it."""
    general = ask(client, "restrictions/reciprocal-tariff-all-partners", "2025-06-01")
    assert (general["all_goods"], general["except_parties"]) == (True, ["CA", "MX"])
    assert "pharmaceuticals" in [good["name"] for good in general["except_goods"]]
    assert pick(client, RECIPROCAL, "2025-06-01", "2026-08-21", "all_goods", "in_place_of") == (
        True,
        ["reciprocal-tariff-all-partners"],
    )


@pytest.mark.parametrize(
    ("hs", "found"),
    [
        ("87038000", {"section-301-electric-vehicles"}),  # cars with only electric motors
        ("854143", {"section-301-solar-cells"}),  # cells in modules
        ("854231", {"section-301-semiconductors"}),  # processors
        ("760612", {"section-301-steel-and-aluminium-25", "us-232-aluminium-tariff"}),  # plates of aluminium alloys
    ],
)
def test_duties_by_code(client: Client, hs: str, found: set[str]) -> None:
    """On 1 March 2025, of the duties on named goods, those that the tracker's product lists have for the code."""
    page = client.get("/v1/exposure", params={"as_of": "2025-03-01", "hs": hs, "party": "CN"}).json()
    assert {item["id"] for item in page["items"] if "goods" in item} == found


def test_one_deal_in_many_issues(client: Client) -> None:
    """The deal of 30 October 2025 concerns nine issues and is found in each."""
    deal = ask(client, "agreements/kuala-lumpur-joint-arrangement", "2025-12-01")
    assert len(deal["issues"]) == 9
    for issue in deal["issues"]:
        items = ask(client, f"issues/{issue}", "2025-12-01")["items"]
        assert deal["id"] in [agreement["id"] for agreement in items["agreement"]]
