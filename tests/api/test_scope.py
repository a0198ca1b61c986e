"""What a measure touches: its terms as the documents show them are recorded, checked, merged and answered."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

Client = TestClient[Litestar]
Event = dict[str, Any]

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "recording.md").read_text()
SECTION = PAGE.partition("## What a measure touches")[2].partition("\n## ")[0]
EXAMPLES: list[Event] = [json.loads(block) for block in re.findall(r"(?m)(?:^    .+\n)+", SECTION)]
REPORTS = [{"outlet": "A ministry"}]


def opening(issue: str) -> Event:
    head = {"type": "issue.opened", "item": issue, "issues": [issue], "occurred": "2018-01-01"}
    return head | {"title": "An issue", "summary": "It is one.", "parties": ["US"], "reports": REPORTS}


def recorded(client: Client, *events: Event) -> list[tuple[str, str]]:
    """Record events, with the issues that they name, in one batch; return the warnings."""
    issues = sorted({issue for event in events for issue in event["issues"]})
    batch = [*[opening(issue) for issue in issues if client.get(f"/v1/issues/{issue}").status_code == 404], *events]
    answer = client.post("/v1/events", json={"events": batch})
    assert answer.status_code == 201, answer.text
    before = len(batch) - len(events)
    return [
        (re.sub(r"\d+", lambda found: str(int(found[0]) - before), each["pointer"], count=1), each["detail"])
        for each in answer.json()["warnings"]
    ]


def imposed(item: str, **terms: object) -> Event:
    head = {"type": "restriction.imposed", "item": item, "issues": ["steel"], "occurred": "2025-06-01"}
    return head | {"imposed_by": "US", "instrument": "tariff", "reports": REPORTS} | terms


def changed(change: str, item: str, occurred: str, **terms: object) -> Event:
    head = {"type": f"restriction.{change}", "item": item, "issues": ["steel"], "occurred": occurred}
    return head | {"reports": REPORTS} | terms


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(example["item"]))
def test_the_examples_are_recorded_and_answered_as_written(client: Client, example: Event) -> None:
    """Each example of the page is taken as it stands, and its state has its terms as they were sent."""
    warnings = recorded(client, example)
    assert [pointer for pointer, _ in warnings] == (["#/events/0/following"] if "following" in example else [])
    state = client.get(f"/v1/restrictions/{example['item']}?as_of=2026-07-01").json()
    terms = {name: value for name, value in example.items() if name not in {"type", "item", "occurred", "effective"}}
    assert {name: state.get(name) for name in terms if name != "reports"} == {
        name: value for name, value in terms.items() if name != "reports"
    }


def test_there_are_examples() -> None:
    """The page has an example of all goods, one of a quota and one of entities."""
    assert [sorted(each.keys() & {"all_goods", "quota", "entities"}) for each in EXAMPLES] == [
        ["all_goods"],
        ["quota"],
        ["entities"],
    ]


def test_terms_of_scope_merge_and_rates_of_a_suspension_do_not(client: Client) -> None:
    """A later list takes the place of the earlier one; what a suspension collects is not the measure's own."""
    own = [{"percent": 50}, {"percent": 25, "party": "GB"}]
    recorded(
        client,
        imposed("duty", all_goods=True, except_goods=[{"name": "energy", "hs": "27"}], rates=own, rate_percent=50),
        changed("amended", "duty", "2025-07-01", except_goods=[{"name": "copper", "hs": "74"}], except_parties=["CA"]),
        changed("suspended", "duty", "2025-08-01", rates=[{"percent": 10}]),
        changed("suspension_extended", "duty", "2025-08-10", rates=[{"percent": 10}, {"percent": 5, "party": "GB"}]),
        changed("reinstated", "duty", "2025-09-01", unset=["except_parties"]),
    )

    def on(day: str) -> Event:
        state: Event = client.get(f"/v1/restrictions/duty?as_of={day}").json()
        return state

    june, july, august, later, september = map(
        on, ("2025-06-01", "2025-07-01", "2025-08-01", "2025-08-10", "2025-09-01")
    )
    assert (june["except_goods"][0]["name"], july["except_goods"][0]["name"]) == ("energy", "copper")
    assert [each.get("except_parties") for each in (june, july, september)] == [None, ["CA"], None]
    assert [each["rates"] for each in (june, august, later, september)] == [own] * 4
    shown = [(each["applies"], each["charged_percent"]) for each in (june, august, later, september)]
    assert shown == [("full", 50), ("partly", 10), ("partly", None), ("full", 50)]


def test_names_of_other_items_are_doubted(client: Client) -> None:
    """One that nobody has recorded, or that is of another kind, draws a warning; one of the same batch does not."""
    british = imposed("british-duty", goods=[{"name": "steel"}], in_place_of=["general-duty"])
    general = imposed("general-duty", goods=[{"name": "steel"}], following="british-duty")
    assert recorded(client, british, general) == []
    other = imposed(
        "other-duty", goods=[{"name": "steel"}], in_place_of=["general-duty", "genral-duty"], following="steel"
    )
    assert recorded(client, other) == [
        ("#/events/0/in_place_of/1", "nobody has recorded genral-duty"),
        ("#/events/0/following", "steel is an issue, not an investigation or a restriction"),
    ]


def test_what_has_no_scope_is_refused(client: Client) -> None:
    """An opening on nothing, and parts that lack what they need, are refused with their places; nothing is stored."""
    recorded(client, imposed("duty", all_goods=True))
    rates = [{"percent": 5, "amount": 2}, {"amount": 2, "curency": "EUR"}]
    wrong = [imposed("nothing"), imposed("parts", all_goods=True, rates=rates[:1]), imposed("names", rates=rates[1:])]
    answers = [client.post("/v1/events", json={"events": [each]}) for each in wrong]
    assert [(each.status_code, [error["pointer"] for error in each.json()["errors"]]) for each in answers] == [
        (422, ["#/events/0/goods"]),
        (422, ["#/events/0/rates/0/currency", "#/events/0/rates/0/amount"]),
        (422, ["#/events/0/rates/0/curency"]),
    ]
    assert answers[2].json()["errors"][0]["detail"].endswith("the nearest is currency")
