"""Matching over tokens is what the slow and obvious way finds in the states, and its candidates are never too few."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.matching import asked
from service.domain.matching.blocs import MEMBERSHIPS, blocs_with
from service.domain.rule.item import Item
from service.domain.vocabulary.codes import BLOCS, PARTIES
from service.domain.vocabulary.events import AnyEvent
from service.domain.vocabulary.words import stem, words_in
from tests import touching

if TYPE_CHECKING:
    from service.domain.matching.clauses import Clause

Event = dict[str, Any]
KINDS = ("restriction", "clearance", "investigation")

DAYS = [date(2012, 3, 1), date(2013, 6, 30), date(2013, 7, 1), date(2016, 6, 1), date(2020, 1, 31), date(2020, 2, 1)]
PARTIES_ASKED = ["CN", "US", "DE", "GB", "HR", "CH", "NO", "VE", "EU", "EFTA", "UN", "MY"]
GOODS: list[Event] = [
    {"name": "Steel"},
    {"name": "steel plates", "hs": "7208"},
    {"name": "Hot-rolled plate of steel", "hs": "72085120", "hs_edition": "2022"},
    {"name": "iron and steel", "hs": "72"},
    {"name": "Rare earths", "hs": "2805"},
    {"name": "rare earth elements"},
    {"name": "dysprosium"},
    {"name": "heavy oxides", "element": "Tb"},
    {"name": "permanent magnets", "hs": "850511"},
    {"name": "AI accelerators", "eccn": "3A090.a"},
    {"name": "chips", "eccn": "3A090", "hs": "8542"},
    {"name": "Batteries"},
    {"name": "soybeans", "hs": "1201"},
]
QUESTIONS: dict[str, list[str]] = {
    "good": [
        *(
            "steel",
            "STEEL",
            "plate",
            "steel plates",
            "plates steel",
            "hot rolled",
            "rare earth",
            "rare earths",
            "magnet",
        ),
        *("Rare Earth Elements", "dysprosium", "dy", "Tb", "Fe", "battery", "batteries", "3a090", "3A090.a", "3A09"),
        *("soybean", "gallium", "energy", "iron", "---", "earths oxides"),
    ],
    "hs": [
        "72",
        "7208",
        "720851",
        "72085120",
        "7208512010",
        "2805",
        "280530",
        "85",
        "8505",
        "8542",
        "12",
        "27",
        "2709",
    ],
    "eccn": ["3A090", "3A090.a", "3A090.a.1", "3A090.b", "3A09", "5A002"],
    "entity": ["Huawei", "HUAWEI technologies", "huawei zte", "华为", "ltd", "co ltd", "importer", "importers", "..."],
    "party": PARTIES_ASKED,
    "by": PARTIES_ASKED,
    "against": PARTIES_ASKED,
}
ENTITIES: list[Event] = [
    {"name": "HUAWEI TECHNOLOGIES CO., LTD.", "country": "CN"},
    {"name": "ZTE Technologies", "also": ["ZTE", "中兴", "华人"]},
    {"name": "Firm", "also": ["Huawei", "华为技术"], "country": "DE"},
    {"name": "importers"},
    {"name": "all others", "residual": True},
]


def some(values: list[Any], most: int = 2) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(values), max_size=most, unique_by=str)


@st.composite
def measures(draw: st.DrawFn) -> list[Event]:
    """Draw a restriction, a clearance from it or from nothing that is known, and an investigation."""
    optional = {
        "goods": some(GOODS),
        "all_goods": st.sampled_from([True, False]),
        "except_goods": some([*GOODS, {"name": "energy", "hs": "27"}], 1),
        "entities": some(ENTITIES),
        "against": some(["CN", "US", "EU", "EFTA", "DE", "MERCOSUR"]),
        "except_parties": some(["DE", "HR", "EU", "MY"]),
        "rates": st.just([{"percent": 5, "party": "MY", "goods": [{"name": "gallium", "hs": "2804"}]}]),
    }
    terms = draw(st.fixed_dictionaries({"imposed_by": st.sampled_from(["US", "EU", "MERCOSUR"])}, optional=optional))
    terms = {name: value for name, value in terms.items() if name != "rates" or value}
    clearance = draw(
        st.fixed_dictionaries(
            {"granted_by": st.sampled_from(["US", "EU"]), "beneficiaries": some(ENTITIES)},
            optional={"goods": some(GOODS), "restriction": st.sampled_from(["measure", "measure", "unknown"])},
        )
    )
    inquiry = draw(st.fixed_dictionaries({"by": st.sampled_from(["EU", "US"])}, optional={"goods": some(GOODS)}))
    return [
        fact("restriction.imposed", "measure", {"instrument": "tariff", **terms}),
        fact("clearance.granted", "exception", clearance),
        fact("investigation.opened", "inquiry", inquiry),
    ]


def fact(type_: str, item: str, terms: Event) -> Event:
    head = {"type": type_, "item": item, "issues": ["i"], "occurred": "2010-01-01", "reports": [{"outlet": "x"}]}
    return head | {"id": f"0197a2f0-3c50-7a10-8f00-{len(item):012}"} | terms


def clause_of(name: str, value: str, day: date) -> Clause:
    of = {"good": asked.of_good, "hs": asked.of_hs, "eccn": asked.of_eccn, "entity": asked.of_entity}
    if name in of:
        return of[name](value)
    return {"party": asked.of_party, "by": asked.of_actor, "against": asked.of_target}[name](value, day.toordinal())


def standing_on(events: list[Event], day: date) -> tuple[dict[str, Event], dict[str, frozenset[str]]]:
    """Return the states of the items on a day, and their tokens."""
    states, tokens = {}, {}
    for event in events:
        state = Item.of([msgspec.convert(event, AnyEvent)]).state(day.toordinal())
        assert state is not None
        states[event["item"]], tokens[event["item"]] = json.loads(state.body), state.tokens
    return states, tokens


@settings(max_examples=150, deadline=None)
@given(measures(), st.sampled_from(DAYS))
def test_tokens_find_what_is_touched(events: list[Event], day: date) -> None:
    """For each state and each question: what the slow way finds, with the same outcome, among the candidates."""
    states, tokens = standing_on(events, day)
    standing = list(states.values())
    for name, values in QUESTIONS.items():
        for value in values:
            clause = clause_of(name, value, day)
            for slug, state in states.items():
                of = tokens["measure"] if state.get("restriction") == "measure" else None
                got, right = clause.found(tokens[slug], of), touching.found(state, standing, name, value, day)
                assert (got is None) == (right is None), (name, value, state)
                if got is not None and name in {"party", "by", "against"}:
                    assert (got.what or "") == right, (name, value, state)
                if got is not None:
                    kind = state["kind"]
                    assert not tokens[slug].isdisjoint(clause.candidates({kind})), (name, value, state)
                    assert not tokens[slug].isdisjoint(clause.candidates(KINDS))
                if (token := clause.token({state["kind"]})) is not None:
                    assert (token in tokens[slug]) == (right is not None), (name, value, state)
                if name in {"good", "hs", "eccn"} and state["kind"] != "investigation":
                    assert clause.outcome(tokens[slug], of) == touching.outcome(state, standing, name, value, day), (
                        name, value, state,
                    )  # fmt: skip


def what(name: str, value: str, **terms: object) -> str | None:
    """Return what is found in a restriction with some terms: `itself`, or what stands for it; None for nothing."""
    event = fact("restriction.imposed", "measure", {"imposed_by": "US", "instrument": "tariff", **terms})
    _, tokens = standing_on([event], date(2025, 7, 1))
    found = clause_of(name, value, date(2025, 7, 1)).found(tokens["measure"])
    return None if found is None else found.what or "itself"


@pytest.mark.parametrize(
    ("name", "value", "terms", "found"),
    [
        ("good", "soybeans", {"all_goods": True}, "all"),
        ("good", "energy", {"all_goods": True, "except_goods": [{"name": "Energy"}]}, None),
        ("good", "crude oil", {"all_goods": True, "except_goods": [{"name": "energy"}]}, "all"),
        ("hs", "2709", {"all_goods": True, "except_goods": [{"name": "energy", "hs": "27"}]}, None),
        ("hs", "27", {"all_goods": True, "except_goods": [{"name": "crude oil", "hs": "2709"}]}, "all"),
        ("good", "dysprosium", {"all_goods": True, "except_goods": [{"name": "rare earths"}]}, None),
        (
            "hs",
            "721911",
            {"goods": [{"name": "steel", "hs": "72"}], "except_goods": [{"name": "x", "hs": "7219"}]},
            None,
        ),
        ("hs", "720851", {"goods": [{"name": "steel", "hs": "72"}]}, "72"),
        ("hs", "72", {"goods": [{"name": "steel", "hs": "720851"}]}, "720851"),
        ("hs", "720851", {"goods": [{"name": "steel", "hs": "720851"}]}, "itself"),
        ("good", "rare earth", {"goods": [{"name": "rare earths"}]}, "rare earths"),
        ("good", "rare earth", {"goods": [{"name": "rare earth elements"}]}, "rare earth elements"),
        ("good", "dysprosium", {"goods": [{"name": "rare earth elements"}]}, "rare earth elements"),
        ("good", "palladium", {"goods": [{"name": "Platinum group metals"}]}, "platinum group metals"),
        ("good", "rare earths", {"goods": [{"name": "oxides", "element": "Dy"}]}, "Dy"),
        ("good", "gallium", {"goods": [{"name": "rare earths"}]}, None),
        (
            "entity",
            "Huawei",
            {"entities": [{"name": "HUAWEI TECHNOLOGIES CO., LTD."}]},
            "huawei technologies co., ltd.",
        ),
        ("entity", "huawei zte", {"entities": [{"name": "Huawei"}, {"name": "ZTE"}]}, None),
        ("party", "CA", {"except_parties": ["CA"]}, None),
        ("party", "DE", {"except_parties": ["EU"]}, None),
        ("party", "DE", {"against": ["EU"], "except_parties": ["DE"]}, None),
        ("against", "TR", {"against": []}, "all"),
        ("against", "CN", {"entities": [{"name": "Huawei", "country": "CN"}]}, "itself"),
        ("against", "TR", {"entities": [{"name": "Huawei", "country": "CN"}]}, None),
    ],
)
def test_what_is_found(name: str, value: str, terms: Event, found: str | None) -> None:
    """What stands for the thing asked about is named; what is left out is not found."""
    assert what(name, value, **terms) == found


def test_members_of_a_bloc_are_those_of_the_day() -> None:
    """The United Kingdom is in the EU to 31 January 2020, Croatia from 1 July 2013 on."""
    assert [
        blocs_with("GB", date.fromisoformat(day).toordinal()) for day in ("1972-12-31", "2020-01-31", "2020-02-01")
    ] == [
        ("EFTA",),
        ("EU",),
        (),
    ]
    assert [blocs_with("HR", date(2013, month, day).toordinal()) for month, day in ((6, 30), (7, 1))] == [(), ("EU",)]


def test_the_members_of_blocs_are_countries() -> None:
    """Every bloc has members, of which none is a bloc, and no membership overlaps another of the same country."""
    assert {each.bloc for each in MEMBERSHIPS} == set(BLOCS)
    assert {each.country for each in MEMBERSHIPS} <= set(PARTIES) - set(BLOCS)
    now = date(2025, 11, 1).toordinal()
    sizes = {bloc: sum(bloc in blocs_with(party, now) for party in PARTIES) for bloc in BLOCS}
    assert sizes == {"ASEAN": 11, "EAEU": 5, "EFTA": 4, "EU": 27, "GCC": 6, "MERCOSUR": 5, "SACU": 5}
    for each in MEMBERSHIPS:
        others = [one for one in MEMBERSHIPS if one is not each and one[:2] == each[:2]]
        assert all(one.end <= each.first or each.end <= one.first for one in others), each


NOUNS = """
battery batteries, gas gases, lens lenses, house houses, knife knives, leaf leaves, potato potatoes, shoe shoes,
box boxes, bus buses, ore ores, magnet magnets, alloy alloys, tax taxes, glass glasses, vehicle vehicles, phase phases,
dish dishes, switch switches, axe axes, vaccine vaccines, cheese cheeses, movie movies, apparatus apparatuses
"""


@pytest.mark.parametrize("pair", NOUNS.split(","), ids=str.strip)
def test_singular_and_plural_are_alike(pair: str) -> None:
    """A noun and its plural have one stem."""
    one, many = pair.split()
    assert stem(one) == stem(many)


def test_words_stand_alone() -> None:
    """Marks and accents do not matter, other words stay apart, and Chinese characters are words."""
    assert words_in("NESTLÉ S.A. (Türkiye)") == ("nestle", "s", "a", "turkiye")
    assert words_in("华为 Huawei") == ("华", "为", "huawei")
    assert len({stem(word) for word in ("tap", "tape", "tub", "tube", "car", "care", "bar", "bare")}) == 8
