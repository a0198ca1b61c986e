"""A charge is what the slow and obvious way reckons, on any measures; where that does not know, neither does it."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.charging.charge import Touching, charge
from service.domain.charging.measures import AskedGood, Shipment, measure_of

Event = dict[str, Any]

GOODS: list[Event] = [
    {"name": "steel", "hs": "72"},
    {"name": "plate", "hs": "7208"},
    {"name": "thick plate", "hs": "720851"},
    {"name": "cars", "hs": "8703"},
    {"name": "steel"},
    {"name": "steel of Wales", "hs": "72", "place": "Wales"},
]
ASKED, ORIGIN, BLOCS, DAY = "7208", "DE", ("EU",), date(2025, 6, 1).toordinal()
PERCENT = st.sampled_from([0, 5, 7.5, 25, 0.1])
ACME: Event = {"name": "Acme Steel"}
BEST: Event = {"name": "Best", "also": ["Acme Steel"]}
RATE = st.fixed_dictionaries(
    {"percent": PERCENT},
    optional={
        "party": st.sampled_from(["DE", "EU", "GB"]),
        "goods": st.lists(st.sampled_from(GOODS), min_size=1, max_size=2),
        "entity": st.sampled_from(["Acme Steel", "Best", "Others"]),
        "quota": st.sampled_from(["in", "over"]),
        "basis": st.sampled_from(["additional", "all_in", "minimum_price"]),
    },
) | st.just({"amount": 3})
OTHER: Event = {"name": "Other"}
OTHERS: Event = {"name": "x", "residual": True}
RESIDUAL = [OTHERS, OTHERS | {"country": "EU"}, OTHERS | {"country": "JP"}]
EARLY: Event = {"contested": False, "sets": ["rate_percent"], "occurred": "[2025-05-01..2025-06-02]"}
"""A fact that in one reading does not hold yet on the day."""
ALL_OF_IT = st.just(GOODS[:1])
SOME_GOODS = ALL_OF_IT | ALL_OF_IT | st.lists(st.sampled_from(GOODS), min_size=1, max_size=2)
STATUS = st.sampled_from(["in_force"] * 6 + ["suspended", "announced", "lifted"])
CERTAINTY = st.sampled_from(["certain"] * 20 + ["possible", "contested"])


@st.composite
def duties(draw: st.DrawFn, name: str) -> Event:
    """Draw the state of a restriction."""
    found = draw(
        st.fixed_dictionaries(
            {"status": STATUS, "certainty": CERTAINTY, "goods": SOME_GOODS},
            optional={
                "rate_percent": PERCENT,
                "rates": st.lists(RATE, min_size=1, max_size=3),
                "entities": st.sampled_from([[ACME], [BEST], [OTHER], *[[ACME, each] for each in RESIDUAL]]),
            },
        )
    )  # fmt: skip
    if draw(st.booleans()):
        found |= {"all_goods": True, "goods": [], "except_goods": draw(st.just([]) | SOME_GOODS)}
    left = draw(st.sampled_from([None, 0, 10]))
    hidden = found["status"] == "suspended"
    applies = "full" if found["status"] == "in_force" else "partly" if hidden and left != 0 else "none"
    charged = left if hidden else found.get("rate_percent", 0) if applies == "full" else 0
    state = whole(found | {"id": name, "kind": "restriction", "instrument": "tariff", "imposed_by": "US"})
    state["facts"] += draw(st.sampled_from([[]] * 8 + [[EARLY], [EARLY | {"effective": "2025-06-01"}]]))
    return state | {"applies": applies, "charged_percent": charged}


BENEFICIARIES: list[Event] = [
    {"name": "importers"}, {"name": "importers", "country": "US"}, {"name": "importers", "country": "JP"}, ACME, BEST,
    {"name": "x", "residual": True, "country": "DE"}, {"name": "x", "residual": True, "country": "JP"},
]  # fmt: skip


@st.composite
def clearances(draw: st.DrawFn, name: str) -> Event:
    """Draw the state of a clearance from one of the duties."""
    found = draw(
        st.fixed_dictionaries(
            {
                "status": st.sampled_from(["active", "active", "applied"]),
                "certainty": CERTAINTY,
                "restriction": st.sampled_from(["duty-0", "duty-1"]),
                "beneficiaries": st.sampled_from([[each] for each in BENEFICIARIES]),
            },
            optional={
                "goods": SOME_GOODS,
                "scope": st.just("For repairs."),
                "quota": st.just({"volume": 1, "unit": "t"}),
            },
        )
    )
    return whole(found | {"id": name, "kind": "clearance", "granted_by": "US"})


def whole(state: Event) -> Event:
    """Add the readings and the facts: one fact, which is contested where the state is."""
    other = "lifted" if state["kind"] == "restriction" else "revoked"
    alternatives = [{"status": state["status"]}, {"status": other}] if state["certainty"] == "possible" else []
    facts = [{"contested": state["certainty"] == "contested", "sets": ["status"], "occurred": "2025-01-01"}]
    return state | {"alternatives": alternatives, "facts": facts}


def part_of(good: Event) -> str:
    """Return how much of the good that is asked about a good is: `all`, `some`, `none` or `?`."""
    if "hs" not in good:
        return "?"
    if not ASKED.startswith(good["hs"]):
        return "some" if good["hs"].startswith(ASKED) else "none"
    return "some" if "place" in good else "all"


def reckoned(measures: list[Event], displaced: dict[str, str], maker: str | None, quota: str | None) -> float | None:
    """Reckon the percentage, duty by duty; None where anything is not known."""
    duties_at_work = [each for each in measures if each["kind"] == "restriction" and may_collect(each)]
    names = {each["id"] for each in duties_at_work}
    lifted: set[str] = set()
    for each in measures:
        if each["kind"] == "clearance" and each["restriction"] in names - lifted:
            answer = lifts(each, maker, quota)
            if answer is None:
                return None
            lifted |= {each["restriction"]} if answer else set()
    rates: list[tuple[float, str]] = []
    for duty in duties_at_work:
        name = duty["id"]
        by = displaced.get(name)
        if name in lifted:
            if name in {displaced.get(other) for other in names - lifted}:
                return None  # what stands in place of another is cleared
            continue
        if by is not None:
            continue
        rate = rate_of(duty, maker, quota)
        if rate is None:
            return None
        rates.append(rate)
    above = [basis for percent, basis in rates if percent]
    if "all_in" in above and len(above) > 1:
        return None
    return sum(percent for percent, _ in rates)


def may_collect(duty: Event) -> bool:
    """Whether a duty collects something in some reading."""
    if duty["certainty"] == "possible":
        return duty["status"] in {"in_force", "suspended"}
    if duty["applies"] == "none":
        return duty["certainty"] == "contested" and duty["status"] not in {"announced", "proposed"}
    return True


def lifts(clearance: Event, maker: str | None, quota: str | None) -> bool | None:
    """Return whether a clearance lifts its duty; None where that is not known."""
    if clearance["status"] != "active" or ("quota" in clearance and quota == "over"):
        return False
    known = (
        clearance["certainty"] == "certain"
        and (not clearance.get("goods") or "all" in map(part_of, clearance["goods"]))
        and ("quota" not in clearance or quota == "in")
        and "scope" not in clearance
        and is_meant(clearance["beneficiaries"][0], {"US", ORIGIN, *BLOCS}, maker)
    )
    return True if known else None


def is_meant(named: Event, countries: set[str], maker: str | None) -> bool:
    """Whether a firm or a group is the maker, or all who are of some countries."""
    everyone = named.get("residual") or named["name"] == "importers"
    return (everyone and named.get("country", ORIGIN) in countries) or (maker == "acme" and named in (ACME, BEST))


def rate_of(duty: Event, maker: str | None, quota: str | None) -> tuple[float, str] | None:
    """Return what a duty collects and on which basis; None where that is not known."""
    if duty["certainty"] != "certain" or EARLY in duty["facts"]:
        return None
    goods = {"all"} if duty.get("all_goods") else set(map(part_of, duty["goods"]))
    excepted = set(map(part_of, duty.get("except_goods", [])))
    named = duty.get("entities", [])
    if "all" not in goods or excepted & {"all", "some", "?"}:
        return None
    if named and not any(is_meant(each, {ORIGIN, *BLOCS}, maker) for each in named):
        return None
    if duty["status"] == "suspended":
        return None if duty["charged_percent"] is None else (duty["charged_percent"], "additional")
    rates = [*duty.get("rates", []), *([{"percent": duty["rate_percent"]}] if "rate_percent" in duty else [])]
    if any(rate.get("quota") for rate in rates):
        rates = [rate for rate in rates if quota and rate.get("quota", quota) == quota]
        if not rates:
            return (0, "additional") if quota else None
    return closest_of([(rate, fits(rate, named, maker)) for rate in rates])


def closest_of(answers: list[tuple[Event, bool | None]]) -> tuple[float, str] | None:
    """Return the one rate that fits, or that fits for the most reasons; None where that is not known."""
    if None in [answer for _, answer in answers]:
        return None
    fitting = [rate for rate, answer in answers if answer]
    described = [{name for name in ("party", "goods", "entity") if name in rate} for rate in fitting]
    closest = [rate for rate, own in zip(fitting, described, strict=True) if all(other <= own for other in described)]
    said = {(rate.get("percent"), rate.get("basis", "additional")) for rate in closest}
    if len(said) != 1:
        return None
    ((percent, basis),) = said
    return None if percent is None or basis == "minimum_price" else (percent, basis)


def fits(rate: Event, named: list[Event], maker: str | None) -> bool | None:
    """Return whether a rate is for the shipment; None where that is not known."""
    theirs = rate.get("entity") in {None, "Acme Steel"} or (rate["entity"] == "Best" and BEST in named)
    if rate.get("party", ORIGIN) not in {ORIGIN, *BLOCS} or (maker is not None and not theirs):
        return False
    if "goods" in rate:
        found = set(map(part_of, rate["goods"]))
        if "all" not in found:
            return False if found == {"none"} else None
    return None if maker is None and "entity" in rate else True


@st.composite
def questions(draw: st.DrawFn) -> tuple[list[Event], dict[str, str], str | None, str | None]:
    """Draw measures, which of them stand in place of which, a maker and a side of the quota."""
    measures = [draw(duties(f"duty-{number}")) for number in range(draw(st.integers(1, 3)))]
    measures += [draw(clearances(f"clearance-{number}")) for number in range(draw(st.integers(0, 1)))]
    stands = measures[-1]["kind"] == "restriction" and len(measures) > 1 and measures[-1]["applies"] != "none"
    displaced = {"duty-0": measures[-1]["id"]} if stands and draw(st.booleans()) else {}
    return measures, displaced, draw(st.sampled_from([None, "acme"])), draw(st.sampled_from([None, "in", "over"]))


@settings(max_examples=500)
@given(questions())
def test_a_charge_is_what_is_reckoned_by_hand(
    asked: tuple[list[Event], dict[str, str], str | None, str | None],
) -> None:
    """The percentage is the sum by hand; there is none, with a reason, just where there is none by hand."""
    measures, displaced, maker, quota = asked
    shipment = Shipment(AskedGood("hs", ASKED), ORIGIN, BLOCS, DAY, maker=maker, quota=quota)  # type: ignore[arg-type]
    decoded = [measure_of(json.dumps(each)) for each in measures]
    found = charge(shipment, Touching(decoded, [], {item: [by] for item, by in displaced.items()}), destination=True)
    right = reckoned(measures, displaced, maker, quota)
    assert found is not None
    assert found.complete is (not found.why) is (found.percent is not None)
    if right is None:
        assert found.percent is None, found
    else:
        assert found.percent is not None, found
        assert abs(found.percent - right) < 1e-9, found
