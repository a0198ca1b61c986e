"""What is charged on a good from a country, over HTTP: what is collected and neither displaced nor cleared."""

from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from tests.api.test_touching import BASES, ON, Event, granted, imposed, record

Client = TestClient[Litestar]
STEEL = [{"name": "steel", "hs": "72"}]
IMPORTERS = {"name": "importers"}
KOREAN = {"name": "Foo Corp", "country": "KR"}
OTHERS_OF_JAPAN = {"name": "all other exporters", "residual": True, "country": "JP"}


def charged(client: Client, query: str) -> dict[str, Any]:
    """Return the charge on steel plate from the United Kingdom into the United States, unless the query says else."""
    known = {"hs": "7208", "origin": "GB", "destination": "US"} | dict(
        part.split("=") for part in query.split("&") if part
    )
    path = "&".join(f"{name}={value}" for name, value in known.items() if value)
    answer = client.get(f"/v1/exposure?{path}&{ON}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["charge"]
    assert found["complete"] is (found["why"] == []) is (found["percent"] is not None)
    return found


@pytest.mark.parametrize("basis", BASES)
def test_what_stands_in_place_of_another_is_charged_in_its_place(client: Client, basis: str) -> None:
    """Q6: 50 percent on all steel, and 25 in its place for British steel: 25 is charged, and 50 on other steel."""
    record(
        client,
        imposed("general", goods=STEEL, rate_percent=50),
        imposed("british", goods=STEEL, rate_percent=25, against=["GB"], in_place_of=["general"]),
    )
    for query in ("hs=7208&origin=GB", "hs=7208&origin=GB&destination=US", "good=steel&origin=GB"):
        answer = client.get(f"/v1/exposure?{query}&{ON}{basis}").json()
        by_id = {item["id"]: item.get("displaced_by") for item in answer["items"]}
        assert by_id == {"general": ["british"], "british": None}
        assert answer["charge"] == {
            "percent": 25,
            "parts": [{"item": "british", "percent": 25, "basis": "additional"}],
            "cleared": [],
            "displaced": [{"item": "general", "by": "british"}],
            "complete": True,
            "why": [],
        }
    turkish = client.get(f"/v1/exposure?hs=7208&origin=TR&{ON}{basis}").json()
    assert [item.get("displaced_by") for item in turkish["items"]] == [None]
    assert turkish["charge"]["percent"] == 50
    between = client.get(f"/v1/between?a=US&b=GB&{ON}{basis}").json()["a_on_b"]["restriction"]
    assert [item.get("displaced_by") for item in between] == [["british"], None]
    party = client.get(f"/v1/exposure?hs=7208&party=GB&{ON}{basis}").json()
    assert ([item.get("displaced_by") for item in party["items"]], "charge" in party) == ([["british"], None], False)


def test_only_measures_of_the_destination_on_the_origin_are_found(client: Client) -> None:
    """With a shipment, what the origin imposes is found only where it is a control on exports."""
    record(
        client,
        imposed("us-duty", against=["CN"], goods=STEEL, rate_percent=10),
        imposed("cn-duty", "CN", against=["US"], goods=STEEL, rate_percent=20),
        imposed("cn-control", "CN", against=[], instrument="export_control", goods=STEEL),
        imposed("eu-duty", "EU", against=["CN"], goods=STEEL, rate_percent=40),
    )
    for query, items, percent in (
        ("origin=CN&destination=US", ["us-duty", "cn-control"], 10),
        ("origin=US&destination=CN", ["cn-duty", "cn-control"], 20),
        ("origin=CN&destination=DE", ["cn-control", "eu-duty"], 40),
        ("origin=CN", ["us-duty", "cn-control", "eu-duty"], None),
        ("destination=US", ["us-duty", "cn-control"], "absent"),
        ("party=US", ["us-duty", "cn-duty", "cn-control"], "absent"),
    ):
        answer = client.get(f"/v1/exposure?hs=7208&{query}&{ON}").json()
        assert [item["id"] for item in answer["items"]] == items, query
        assert answer.get("charge", {"percent": "absent"})["percent"] == percent, query
    (why,) = client.get(f"/v1/exposure?hs=7208&origin=CN&{ON}").json()["charge"]["why"]
    assert "name the destination" in why


def fact(change: str, item: str, **terms: object) -> Event:
    """Return a later fact on a restriction."""
    head = {"type": f"restriction.{change}", "item": item, "issues": ["trade"], "occurred": "2025-01-01"}
    return head | {"reports": [{"outlet": "A ministry", "published": "2025-01-01"}]} | terms


CHARGED: dict[str, tuple[list[Event], str, object]] = {
    "the sum": ([imposed("a", goods=STEEL, rate_percent=7.5), imposed("b", all_goods=True, rate_percent=0.1)], "", 7.6),
    "nothing in force": ([imposed("a", goods=STEEL, rate_percent=5), fact("suspended", "a")], "", 0),
    "what a suspension leaves": (
        [imposed("a", goods=STEEL, rate_percent=34), fact("suspended", "a", rate_percent=10)],
        "",
        10,
    ),
    "what a suspension leaves, not said": (
        [imposed("a", goods=STEEL, rate_percent=34), fact("suspended", "a", portion="part")],
        "",
        "no source says what its suspension leaves",
    ),
    "proposed": (
        [
            imposed("a", goods=STEEL, rate_percent=5),
            imposed("b", goods=STEEL, rate_percent=9, type="restriction.proposed"),
        ],
        "",
        5,
    ),
    "possible": ([imposed("a", goods=STEEL, rate_percent=5, occurred="2025")], "", "not certain whether it applies"),
    "contested": (
        [
            imposed("a", goods=STEEL, rate_percent=5)
            | {"reports": [{"outlet": "A"}, {"outlet": "B", "terms": {"rate_percent": 6}}]}
        ],
        "",
        "contested",
    ),
    "no rate": ([imposed("a", goods=STEEL)], "", "no source says its rate"),
    "an amount": ([imposed("a", goods=STEEL, rates=[{"amount": 5, "currency": "USD", "per": "t"}])], "", "an amount"),
    "a minimum price": (
        [imposed("a", goods=STEEL, rates=[{"amount": 5, "currency": "USD", "per": "t", "basis": "minimum_price"}])],
        "",
        "depends on the price",
    ),
    "all in": ([imposed("a", goods=STEEL, rates=[{"percent": 15, "basis": "all_in"}])], "", 15),
    "all in, and another": (
        [
            imposed("a", goods=STEEL, rates=[{"percent": 15, "basis": "all_in"}]),
            imposed("b", goods=STEEL, rate_percent=1),
        ],
        "",
        "have no sum",
    ),
    "a rate for the country": (
        [
            imposed(
                "a", goods=STEEL, rates=[{"percent": 50}, {"percent": 25, "party": "GB"}, {"percent": 9, "party": "TR"}]
            )
        ],
        "",
        25,
    ),
    "a rate for a bloc": (
        [imposed("a", goods=STEEL, rates=[{"percent": 50}, {"percent": 9, "party": "EU"}])],
        "origin=DE",
        9,
    ),
    "a rate for a good": (
        [
            imposed(
                "a", goods=STEEL, rates=[{"percent": 1, "goods": [{"name": "plate", "hs": "7208"}]}, {"percent": 50}]
            )
        ],
        "",
        1,
    ),
    "a rate for another good": (
        [imposed("a", goods=STEEL, rates=[{"percent": 1, "goods": [{"name": "wire", "hs": "7217"}]}, {"percent": 50}])],
        "",
        50,
    ),
    "a rate for a part of the good": (
        [imposed("a", goods=STEEL, rates=[{"percent": 1, "goods": [{"name": "x", "hs": "720851"}]}, {"percent": 50}])],
        "",
        "depends on the good",
    ),
    "a rate for a maker": (
        [imposed("a", goods=STEEL, rates=[{"percent": 1, "entity": "Acme Steel Ltd"}, {"percent": 50}])],
        "entity=acme",
        1,
    ),
    "a rate for another maker": (
        [imposed("a", goods=STEEL, rates=[{"percent": 1, "entity": "Acme Steel Ltd"}, {"percent": 50}])],
        "entity=posco",
        50,
    ),
    "a maker that is not said": (
        [imposed("a", goods=STEEL, rates=[{"percent": 1, "entity": "Acme Steel Ltd"}, {"percent": 50}])],
        "",
        "depends on the maker",
    ),
    "on named makers": (
        [imposed("a", goods=STEEL, rate_percent=5, entities=[{"name": "Acme"}])],
        "",
        "entities that it names",
    ),
    "on named makers, asked": (
        [imposed("a", goods=STEEL, rate_percent=5, entities=[{"name": "Acme"}])],
        "entity=acme",
        5,
    ),
    "rates that differ": (
        [imposed("a", goods=STEEL, rates=[{"percent": 1, "party": "GB"}, {"percent": 2, "goods": STEEL}])],
        "",
        "several rates",
    ),
    "within the quota": (
        [imposed("a", goods=STEEL, rates=[{"percent": 0, "quota": "in"}, {"percent": 25, "quota": "over"}])],
        "quota=in",
        0,
    ),
    "beyond the quota": (
        [imposed("a", goods=STEEL, rates=[{"percent": 0, "quota": "in"}, {"percent": 25, "quota": "over"}])],
        "quota=over",
        25,
    ),
    "a quota": ([imposed("a", goods=STEEL, rates=[{"percent": 25, "quota": "over"}])], "", "depends on its quota"),
    "a wider question": (
        [imposed("a", goods=[{"name": "plate", "hs": "720851"}], rate_percent=5)],
        "",
        "a part of these goods",
    ),
    "of one place": (
        [imposed("a", goods=[STEEL[0] | {"place": "Wales"}], rate_percent=5)],
        "",
        "a part of these goods",
    ),
    "a part excepted": (
        [imposed("a", all_goods=True, except_goods=[{"name": "x", "hs": "720851"}], rate_percent=5)],
        "",
        "a part of these goods is excepted",
    ),
    "exceptions without codes": (
        [imposed("a", all_goods=True, except_goods=[{"name": "copper"}], rate_percent=5)],
        "",
        "its exceptions cannot be compared",
    ),
    "exceptions of other goods": (
        [imposed("a", all_goods=True, except_goods=[{"name": "copper", "hs": "74"}], rate_percent=5)],
        "",
        5,
    ),
    "not compared": (
        [imposed("a", goods=STEEL, rate_percent=5), imposed("b", goods=[{"name": "steel"}], rate_percent=5)],
        "",
        "1 duty could not be compared with the good: b",
    ),
    "not compared, and not in force": (
        [imposed("a", goods=STEEL, rate_percent=5), imposed("b", goods=[{"name": "steel"}]), fact("suspended", "b")],
        "",
        5,
    ),
    "cleared": ([imposed("a", goods=STEEL, rate_percent=5), granted("c", IMPORTERS, restriction="a")], "", 0),
    "cleared for a part": (
        [
            imposed("a", goods=STEEL, rate_percent=5),
            granted("c", IMPORTERS, restriction="a", goods=[{"name": "x", "hs": "720851"}]),
        ],
        "",
        "c may lift a: it is for a part of these goods",
    ),
    "cleared for some": (
        [imposed("a", goods=STEEL, rate_percent=5), granted("c", {"name": "Acme"}, restriction="a")],
        "",
        "c may lift a: it is for the beneficiaries",
    ),
    "cleared for this one": (
        [imposed("a", goods=STEEL, rate_percent=5), granted("c", {"name": "Acme"}, restriction="a")],
        "entity=ACME",
        0,
    ),
    "cleared within a quota": (
        [
            imposed("a", goods=STEEL, rate_percent=5),
            granted("c", IMPORTERS, restriction="a", quota={"volume": 5, "unit": "t"}),
        ],
        "quota=in",
        0,
    ),
    "cleared within a quota, beyond it": (
        [
            imposed("a", goods=STEEL, rate_percent=5),
            granted("c", IMPORTERS, restriction="a", quota={"volume": 5, "unit": "t"}),
        ],
        "quota=over",
        5,
    ),
    "cleared on conditions": (
        [imposed("a", goods=STEEL, rate_percent=5), granted("c", IMPORTERS, restriction="a", scope="For repairs.")],
        "",
        "its scope is in words",
    ),
    "cleared, without codes": (
        [
            imposed("a", goods=STEEL, rate_percent=5),
            granted("c", IMPORTERS, restriction="a", goods=[{"name": "steel"}]),
        ],
        "",
        "c may lift a: its goods cannot be compared",
    ),
    "applied for": (
        [imposed("a", goods=STEEL, rate_percent=5), granted("c", IMPORTERS, restriction="a", type="clearance.applied")],
        "",
        5,
    ),
    "displaced by a suspended one": (
        [
            imposed("a", goods=STEEL, rate_percent=5),
            imposed("b", goods=STEEL, rate_percent=7, in_place_of=["a"]),
            fact("suspended", "b"),
        ],
        "",
        5,
    ),
    "displaced for another good": (
        [
            imposed("a", all_goods=True, rate_percent=5),
            imposed("b", goods=[{"name": "cars", "hs": "8703"}], rate_percent=7, in_place_of=["a"]),
        ],
        "",
        5,
    ),
    "another rate since an uncertain day": (
        [
            imposed("a", goods=STEEL, rate_percent=34, occurred="2025-01-01"),
            fact("tightened", "a", rate_percent=60, occurred="[2025-05-01..2025-07-10]"),
        ],
        "",
        "not certain whether its terms hold",
    ),
    "another rate since an uncertain day before": (
        [
            imposed("a", goods=STEEL, rate_percent=34, occurred="2025-01-01"),
            fact("tightened", "a", rate_percent=60, occurred="[2025-02-01..2025-02-10]"),
        ],
        "",
        60,
    ),
    "another suspension since an uncertain day": (
        [
            imposed("a", goods=STEEL, rate_percent=34, occurred="2025-01-01"),
            fact("suspended", "a", rate_percent=10, occurred="2025-02-01", until="2026-01-01"),
            fact("suspended", "a", rate_percent=2, occurred="[2025-05-01..2025-07-10]", until="2026-01-01"),
        ],
        "",
        "not certain whether its terms hold",
    ),
    "the rate of a maker by its other name": (
        [
            imposed(
                "a",
                goods=STEEL,
                rate_percent=50,
                entities=[{"name": "Acme Steel", "also": ["华为"]}, {"name": "all others", "residual": True}],
                rates=[{"percent": 10, "entity": "Acme Steel"}],
            )
        ],
        "entity=华为",
        10,
    ),
    "all other makers of another country": (
        [imposed("a", goods=STEEL, rate_percent=34, entities=[KOREAN, OTHERS_OF_JAPAN], against=[])],
        "origin=KR",
        "it is for the entities that it names",
    ),
    "a maker that is not of that country": (
        [imposed("a", goods=STEEL, rate_percent=34, entities=[KOREAN, OTHERS_OF_JAPAN], against=[])],
        "origin=KR&entity=Bar",
        "it is for the entities that it names",
    ),
    "cleared for all others of another country": (
        [
            imposed("a", goods=STEEL, rate_percent=34, against=["KR"]),
            granted("b", KOREAN, OTHERS_OF_JAPAN, restriction="a"),
        ],
        "origin=KR",
        "b may lift a: it is for the beneficiaries it names",
    ),
    "a bloc of which a member is excepted": (
        [imposed("a", goods=STEEL, rate_percent=50, against=[], except_parties=["DE"])],
        "origin=EU",
        "a part of EU is excepted",
    ),
    "a bloc of which a member has its own rate": (
        [imposed("a", goods=STEEL, rate_percent=50, against=["EU"], rates=[{"percent": 5, "party": "DE"}])],
        "origin=EU",
        "its rate depends on the country",
    ),
    "displaced for another maker": (
        [
            imposed("a", goods=STEEL, rate_percent=50, against=["KR"]),
            imposed("b", goods=STEEL, rate_percent=25, against=["KR"], entities=[KOREAN], in_place_of=["a"]),
        ],
        "origin=KR&entity=Bar",
        50,
    ),
    "displaced for the maker": (
        [
            imposed("a", goods=STEEL, rate_percent=50, against=["KR"]),
            imposed("b", goods=STEEL, rate_percent=25, against=["KR"], entities=[KOREAN], in_place_of=["a"]),
        ],
        "origin=KR&entity=Foo",
        25,
    ),
    "displaced, and the other cleared": (
        [
            imposed("a", goods=STEEL, rate_percent=5),
            imposed("b", goods=STEEL, rate_percent=7, in_place_of=["a"]),
            granted("c", IMPORTERS, restriction="b"),
        ],
        "",
        "b stands in place of a, and is cleared",
    ),
}


@pytest.mark.parametrize("case", CHARGED)
def test_a_charge_is_right_or_says_why_it_is_not_known(client: Client, case: str) -> None:
    """Each case has its percentage, or the reason why it cannot be reckoned; then the percentage is null."""
    events, query, right = CHARGED[case]
    record(client, *events)
    found = charged(client, query)
    if isinstance(right, str):
        assert found["percent"] is None
        assert any(right in reason for reason in found["why"]), found["why"]
    else:
        assert (found["percent"], found["why"]) == (right, [])
        assert sum(part["percent"] for part in found["parts"]) == pytest.approx(right)


def test_no_duty_means_no_charge(client: Client) -> None:
    """Where no duty touches the good there is none to reckon, whatever other measures there are."""
    record(client, imposed("control", instrument="export_control", against=["GB"], goods=STEEL))
    answer = client.get(f"/v1/exposure?hs=7208&origin=GB&destination=US&{ON}").json()
    assert ([item["id"] for item in answer["items"]], answer["charge"]) == (["control"], None)


def test_a_charge_is_reckoned_from_every_page(client: Client) -> None:
    """The first page has the charge of all measures, later pages have none."""
    record(client, *[imposed(f"duty-{number}", goods=STEEL, rate_percent=1) for number in range(12)])
    path = f"/v1/exposure?hs=7208&origin=GB&destination=US&{ON}&limit=5"
    first = client.get(path).json()
    assert (len(first["items"]), first["charge"]["percent"], len(first["charge"]["parts"])) == (5, 12, 12)
    later = client.get(f"{path}&cursor={first['next']}").json()
    assert (len(later["items"]), "charge" in later, "not_compared" in later) == (5, False, True)


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("hs=72", "party"),
        ("hs=72&party=GB&origin=GB", "party"),
        ("hs=72&origin=GB&destination=GB", "destination"),
        ("hs=72&party=GB&quota=in", "quota"),
        ("hs=72&origin=GB&quota=full", "quota"),
        ("entity=x&party=GB&compared=no", "compared"),
    ],
)
def test_a_shipment_has_an_origin_or_a_destination(client: Client, query: str, parameter: str) -> None:
    """A party beside a shipment, the same country twice, a quota without a charge: refused."""
    refused = client.get(f"/v1/exposure?{query}")
    assert (refused.status_code, refused.json()["errors"][0]["parameter"]) == (422, parameter)
