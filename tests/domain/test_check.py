"""Faults of one event beyond its types: days that do not exist, an impossible order, empty terms."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.admit.event_checks import faults_of
from service.domain.vocabulary import dates
from service.domain.vocabulary.events import AnyEvent, Fact, Record
from tests.strategies import histories

REPORT = {"outlet": "Reuters"}
COMMON: dict[str, Any] = {"issues": ["rare-earths"], "item": "x", "occurred": "2025-04-04", "reports": [REPORT]}
OPENED = {"title": "Rare earths", "summary": "Who gets them.", "parties": ["CN", "US"], "item": "rare-earths"}
TERMS: dict[str, dict[str, Any]] = {
    "restriction": {"imposed_by": "CN", "instrument": "export_control", "goods": [{"name": "dysprosium"}]},
    "clearance": {"granted_by": "CN", "beneficiaries": [{"name": "Ford"}]},
    "issue": OPENED,
    "call": {"participants": [{"name": "A president"}]},
    "commitment": {"by": "CN", "action": "issue licences"},
}


def event(type_: str, **fields: object) -> Fact | Record:
    terms = TERMS.get(type_.partition(".")[0], {})
    made: Fact | Record = msgspec.convert({"type": type_, **COMMON, **terms, **fields}, AnyEvent)
    return made


def record(type_: str, **fields: object) -> Fact | Record:
    made: Fact | Record = msgspec.convert(
        {"type": type_, "target": "0196b6f0-1111-7000-8000-000000000000", **fields}, AnyEvent
    )
    return made


def faults(checked: Fact | Record) -> dict[tuple[str | int, ...], str]:
    return dict(faults_of(checked))


@given(histories())
def test_valid_events_have_no_faults(history: list[dict[str, Any]]) -> None:
    """Events of valid histories have no faults."""
    for valid in history:
        assert faults_of(msgspec.convert(valid, AnyEvent)) == []


@pytest.mark.parametrize(
    ("type_", "field"),
    [
        ("restriction.imposed", "occurred"),
        ("restriction.imposed", "effective"),
        ("restriction.imposed", "until"),
        ("round.scheduled", "planned_for"),
        ("commitment.given", "due"),
    ],
)
@pytest.mark.parametrize(
    "text", ["2025-02-30", "2025-13", "0000", "[2025-05-02..2025-05-01]", "[2025-05-01,2025-05-01]"]
)
def test_a_date_must_exist(type_: str, field: str, text: str) -> None:
    """A date of an event that does not exist is a fault that says why, whatever its precision."""
    found = faults(event(type_, **{field: text}))
    with pytest.raises(ValueError, match=r".") as refusal:
        dates.parse(text)
    assert found == {(field,): str(refusal.value)}


def test_the_dates_of_reports_must_exist() -> None:
    """Both dates of every report are checked, each with its own path."""
    reports = [REPORT, {**REPORT, "published": "2025-02-29", "occurred": "2025-04-31"}]
    assert set(faults(event("call.held", reports=reports))) == {("reports", 1, "published"), ("reports", 1, "occurred")}


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"until": "2025-04-03"}, True),
        ({"until": "2025-04-04"}, False),
        ({"effective": "2025-05-01", "until": "2025-04-30"}, True),
        ({"effective": "2025-05", "until": "2025-05-01"}, False),
        ({"effective": "2025-05", "until": "2025-04"}, True),
        ({"effective": "[2025-05-01,2025-06-01]", "until": "2025-05-15"}, False),
        ({"effective": "[..2025-05-01]", "until": "2024"}, False),
        ({"occurred": "2025", "until": "[2024-12-01..2025-01-01]"}, False),
    ],
)
def test_an_end_that_is_surely_before_the_start_is_refused(fields: dict[str, str], refused: bool) -> None:  # noqa: FBT001
    """Only an end that no reading puts at or after the start is refused."""
    assert set(faults(event("restriction.imposed", **fields))) == ({("until",)} if refused else set())


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"through": "2025-04-03"}, True),
        ({"through": "2025-04-04"}, False),
        ({"through": "2025-03"}, True),
        ({"through": "2025-04"}, False),
        ({"effective": "2025-05", "through": "[2025-04-01..2025-04-30]"}, True),
        ({"effective": "2025-05", "through": "[2025-04-01..2025-05-01]"}, False),
    ],
)
def test_a_last_day_that_is_surely_before_the_start_is_refused(fields: dict[str, str], refused: bool) -> None:  # noqa: FBT001
    """Only a last day that no reading puts at or after the start is refused."""
    assert set(faults(event("restriction.imposed", **fields))) == ({("through",)} if refused else set())


def test_an_act_has_one_end() -> None:
    """An event with both ends is refused at the second; a correction that gives both is refused too."""
    both = {"until": "2025-05-01", "through": "2025-04-30"}
    assert set(faults(event("restriction.imposed", **both))) == {("through",)}
    text = msgspec.to_builtins(event("restriction.imposed", **both))
    assert set(faults(record("record.corrected", event=text))) == {("event", "through")}


def test_an_end_by_its_month_decodes() -> None:
    """What the first edition took is no fault of the event: only a new text of this form is refused, at the door."""
    for until in ("2025-06", "2025"):
        assert faults(event("restriction.imposed", until=until)) == {}


def test_only_terms_can_be_unset() -> None:
    """A name that is no term of the type, that the fact gives itself, or that stands twice is a fault of its place."""
    unset = ["rate_percent", "goods", "until", "rate_percnt", "entities", "rate_percent"]
    found = faults(event("restriction.eased", unset=unset))
    assert found == {
        ("unset", 1): "the same fact gives goods",
        ("unset", 2): "restriction.eased has no such term",
        ("unset", 3): "restriction.eased has no such term; the nearest is rate_percent",
        ("unset", 5): "names rate_percent more than once",
    }


def test_the_terms_of_a_report_are_those_of_its_event() -> None:
    """Each is a term of the type, with a value of its type whose dates exist; a fault leads to its place there."""
    terms = {
        "rate_percent": "25",
        "occurred": "2025",
        "imposed_byy": "CN",
        "goods": [{"name": "dysprosium"}, {"name": 1, "colour": "red"}],
        "portion": None,
        "quota": {"volume": 5, "unit": "t", "from": "2025-02-30"},
        "against": ["US"],
    }
    found = faults(event("restriction.imposed", reports=[REPORT, {**REPORT, "terms": terms}]))
    place = ("reports", 1, "terms")
    assert set(found) == {
        (*place, "rate_percent"),
        (*place, "occurred"),
        (*place, "imposed_byy"),
        (*place, "goods", 1, "name"),
        (*place, "goods", 1, "colour"),
        (*place, "portion"),
        (*place, "quota", "from"),
    }
    assert found[*place, "imposed_byy"].endswith("the nearest is imposed_by")
    assert set(faults(event("round.scheduled", reports=[{**REPORT, "terms": {"planned_for": "2025-13"}}]))) == {
        ("reports", 0, "terms", "planned_for")
    }


def test_the_order_is_listed_with_other_faults() -> None:
    """A date that does not exist in a report does not hide an end before the start."""
    reports = [{**REPORT, "published": "2025-02-30"}]
    found = faults(event("restriction.imposed", until="2025-01-01", reports=reports))
    assert set(found) == {("until",), ("reports", 0, "published")}


@pytest.mark.parametrize("change", ["proposed", "announced", "imposed"])
def test_a_restriction_opens_on_goods_or_entities(change: str) -> None:
    """A restriction on nothing is a fault of its goods; entities alone, or all goods, are enough."""
    nothing = event(f"restriction.{change}", goods=[], entities=[])
    assert set(faults(nothing)) == {("goods",)}
    assert faults(event(f"restriction.{change}", goods=None, entities=[{"name": "Nexperia"}])) == {}
    assert faults(event(f"restriction.{change}", goods=None, all_goods=True)) == {}
    assert set(faults(event(f"restriction.{change}", goods=None, all_goods=False))) == {("goods",)}


EUR = {"amount": 400, "currency": "EUR", "per": "t"}


@pytest.mark.parametrize(
    ("rate", "refused"),
    [
        ({"percent": 25}, set()),
        ({"percent": 15, "basis": "all_in", "party": "JP"}, set()),
        ({"percent": 0, "quota": "in", "goods": [{"name": "Hot rolled sheet", "hs": "7208"}]}, set()),
        ({"amount": 18, "currency": "USD", "entity": "Owners in China"}, set()),
        (EUR | {"basis": "minimum_price"}, set()),
        ({}, {"percent"}),
        ({"basis": "all_in"}, {"percent"}),
        (EUR | {"percent": 25}, {"amount"}),
        ({"amount": 400}, {"currency"}),
        ({"percent": 25, "currency": "EUR", "per": "t"}, {"currency", "per"}),
        ({"percent": 25, "basis": "minimum_price"}, {"amount"}),
        ({"percent": 25, "goods": [{"name": "steel", "hs_edition": "2022"}]}, {"goods"}),
    ],
)
def test_a_rate_is_a_percentage_or_an_amount_in_a_currency(rate: dict[str, Any], refused: set[str]) -> None:
    """Every rate has one of the two, and what belongs to an amount stands with an amount; in a report's terms too."""
    found = faults(event("restriction.imposed", rates=[{"percent": 1}, rate]))
    assert {path[:3] for path in found} == {("rates", 1, name) for name in refused}
    in_report = faults(event("restriction.imposed", reports=[{**REPORT, "terms": {"rates": [rate]}}]))
    assert {path[:6] for path in in_report} == {("reports", 0, "terms", "rates", 0, name) for name in refused}


def test_a_quota_has_a_volume_and_a_period_in_order() -> None:
    """A quota of nothing, or one whose period ends before it begins, is a fault of that member."""
    quota = {"volume": 0, "unit": "t", "from": "2025-07-01", "through": "2025-06"}
    assert set(faults(event("restriction.imposed", quota=quota))) == {("quota", "volume"), ("quota", "through")}
    fine = {"volume": 0.5, "unit": "t", "from": "2025-07-01", "through": "2025-07"}
    assert faults(event("clearance.granted", quota=fine)) == {}


def test_a_restriction_does_not_contradict_itself() -> None:
    """It is not against a party that it leaves out, and stands in place of others, each named once."""
    scope = {"against": ["EU", "CN"], "except_parties": ["HU", "CN"], "following": "x"}
    found = faults(event("restriction.imposed", **scope, in_place_of=["y", "x", "y"]))
    assert set(found) == {("except_parties", 1), ("in_place_of", 1), ("in_place_of", 2), ("following",)}
    assert set(faults(event("restriction.amended", goods=[{"name": "steel", "hs_edition": "2022"}]))) == {
        ("goods", 0, "hs_edition")
    }


def test_a_later_change_of_a_restriction_need_not_name_goods() -> None:
    """What openings require is not required of later changes."""
    assert faults(event("restriction.suspended", goods=None, imposed_by=None, instrument=None)) == {}


@pytest.mark.parametrize("change", ["applied", "agreed", "granted"])
def test_a_clearance_opens_for_somebody(change: str) -> None:
    """A clearance for nobody is refused."""
    assert set(faults(event(f"clearance.{change}", beneficiaries=[]))) == {("beneficiaries",)}


def test_a_call_has_participants() -> None:
    """A call without participants is refused."""
    assert set(faults(event("call.held", participants=[]))) == {("participants",)}


def test_issues_are_named_once() -> None:
    """An event that names an issue twice is refused."""
    assert set(faults(event("call.held", issues=["a", "b", "a"]))) == {("issues",)}
    assert set(faults(record("record.retracted", issues=["a", "a"]))) == {("issues",)}


@pytest.mark.parametrize("change", ["opened", "revised", "closed", "reopened"])
def test_an_issue_is_its_own_item(change: str) -> None:
    """An event of an issue names it as its item and as its only issue."""
    assert faults(event(f"issue.{change}")) == {}
    assert set(faults(event(f"issue.{change}", item="other"))) == {("item",)}
    assert set(faults(event(f"issue.{change}", issues=["rare-earths", "chips"]))) == {("issues",)}


def test_a_correction_is_checked_with_its_new_text() -> None:
    """The new text of a correction is checked whole; the paths of its faults lead through `event`."""
    wrong = msgspec.to_builtins(event("call.held", occurred="2025-02-30", participants=[]))
    found = faults(record("record.corrected", event=wrong, occurred="2025-06-31"))
    assert set(found) == {("occurred",), ("event", "occurred"), ("event", "participants")}


@given(st.sampled_from(["record.retracted", "record.disputed"]))
def test_a_record_may_leave_to_the_ledger_what_is_the_ledgers(type_: str) -> None:
    """Issues, item and day of a record may be absent: the ledger completes them."""
    assert faults(record(type_)) == {}


@pytest.mark.parametrize("written", ["٢٠٢٥", "２０２５-04", "2025-0４-01"])  # noqa: RUF001 - digits of other scripts are the point
def test_digits_of_other_scripts_are_no_date(written: str) -> None:
    """A date in digits other than 0 to 9, which no consumer could read, is refused."""
    with pytest.raises(ValueError, match="not a date"):
        dates.parse(written)
