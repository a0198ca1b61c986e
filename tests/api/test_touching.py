"""Who and what a measure touches, over HTTP: blocs, all but some, goods by code and by words, entities by names."""

from typing import Any
from uuid import uuid4

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from tests.events import eased
from tests.events import record as on

Client = TestClient[Litestar]
Event = dict[str, Any]

REPORTS = [{"outlet": "A ministry", "published": "2010-01-01"}]
ISSUE = {"type": "issue.opened", "item": "trade", "issues": ["trade"], "occurred": "2010-01-01", "title": "Trade"}
BASES = ["", "&known_basis=published&known_at=2025-12-31"]
ON = "as_of=2025-06-01"


def imposed(item: str, by: str = "US", **terms: object) -> Event:
    head = {"type": "restriction.imposed", "item": item, "issues": ["trade"], "occurred": "2010-01-01"}
    return head | {"imposed_by": by, "instrument": "tariff", "reports": REPORTS} | terms


def granted(item: str, *beneficiaries: Event, **terms: object) -> Event:
    head = {"type": "clearance.granted", "item": item, "issues": ["trade"], "occurred": "2010-01-01"}
    return head | {"granted_by": "US", "beneficiaries": beneficiaries, "reports": REPORTS} | terms


def record(client: Client, *events: Event) -> None:
    opening = ISSUE | {"summary": "It.", "parties": ["US"], "reports": REPORTS}
    answer = client.post("/v1/events", json={"events": [opening, *events]})
    assert answer.status_code == 201, answer.text


def found(client: Client, path: str) -> dict[str, Any]:
    """Return what each item of an answer was found by: `itself` where nothing stands in its place."""
    answer = client.get(f"/v1/{path}")
    assert answer.status_code == 200, answer.text
    return {item["id"]: item.get("matched", "itself") for item in answer.json()["items"]}


@pytest.mark.parametrize("basis", BASES)
def test_a_measure_on_all_goods_touches_each(client: Client, basis: str) -> None:
    """Q1: a tariff on all goods of a country is on soybeans, but not on what it leaves out."""
    energy = [{"name": "energy", "hs": "27"}]
    record(
        client,
        imposed("on-all", "CN", against=["US"], all_goods=True),
        imposed("but-energy", "CN", against=["US"], all_goods=True, except_goods=energy),
    )
    both = {"on-all": {"good": "all"}, "but-energy": {"good": "all"}}
    assert found(client, f"exposure?good=soybeans&party=US&{ON}{basis}") == both
    assert found(client, f"exposure?good=Energy&party=US&{ON}{basis}") == {"on-all": {"good": "all"}}
    assert found(client, f"exposure?hs=270900&party=US&{ON}{basis}") == {"on-all": {"hs": "all"}}
    assert found(client, f"restrictions?hs=2710&party=US&{ON}{basis}") == {"on-all": {"hs": "all"}}
    assert found(client, f"restrictions?eccn=3A090&{ON}{basis}") == {
        "on-all": {"eccn": "all"},
        "but-energy": {"eccn": "all"},
    }


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize("asked", ["good=soybeans", "hs=120190", "eccn=3A090"])
def test_a_clearance_from_a_measure_on_all_goods_is_for_each(client: Client, basis: str, asked: str) -> None:
    """It is found among the clearances as it is among all that touches a good; not for what the measure leaves out."""
    energy = [{"name": "energy", "hs": "27"}]
    record(
        client,
        imposed("on-all", "CN", against=["US"], all_goods=True, except_goods=energy),
        imposed("on-steel", "CN", against=["US"], goods=[{"name": "steel", "hs": "72", "eccn": "1C116"}]),
        granted("for-all", {"name": "Acme"}, restriction="on-all"),
        granted("for-steel", {"name": "Acme"}, restriction="on-steel"),
    )
    matched = {asked.partition("=")[0]: "all"}
    assert found(client, f"clearances?{asked}&{ON}{basis}") == {"for-all": matched}
    assert found(client, f"exposure?{asked}&party=US&{ON}{basis}") == {"on-all": matched, "for-all": matched}
    assert found(client, f"clearances?hs=2709&{ON}{basis}") == {}


@pytest.mark.parametrize("basis", BASES)
def test_a_bloc_stands_for_its_members_of_the_day(client: Client, basis: str) -> None:
    """Q2: a duty by the EU and one against it touch its members, the United Kingdom as long as it was one."""
    steel = [{"name": "steel"}]
    record(
        client,
        imposed("by-the-eu", "EU", against=["CN"], goods=steel),
        imposed("against-the-eu", "US", against=["EU"], goods=steel, except_parties=["RO"]),
    )
    both = {"by-the-eu": {"party": "EU"}, "against-the-eu": {"party": "EU"}}
    for party in ("DE", "FR"):
        assert found(client, f"exposure?good=steel&party={party}&{ON}{basis}") == both
        assert found(client, f"restrictions?party={party}&{ON}{basis}") == both
    assert found(client, f"exposure?good=steel&party=RO&{ON}{basis}") == {"by-the-eu": {"party": "EU"}}
    assert found(client, f"exposure?good=steel&party=EU&{ON}{basis}") == dict.fromkeys(both, "itself")
    for day, members in (("2016-06-01", both), ("2020-01-31", both), ("2020-02-01", {}), ("2021-06-01", {})):
        assert found(client, f"exposure?good=steel&party=GB&as_of={day}{basis}") == members, day
    assert found(client, f"restrictions?by=HR&as_of=2013-07-01{basis}") == {"by-the-eu": {"by": "EU"}}
    assert found(client, f"restrictions?by=HR&as_of=2013-06-30{basis}") == {}
    assert found(client, f"restrictions?against=DE&{ON}{basis}") == {"against-the-eu": {"against": "EU"}}
    assert found(client, f"restrictions?against=RO&{ON}{basis}") == {}


@pytest.mark.parametrize("basis", BASES)
def test_a_clearance_without_a_country_is_for_those_of_its_restriction(client: Client, basis: str) -> None:
    """Q3: an exclusion for importers stands beside the duty that it lifts, for every country that the duty touches."""
    cells = [{"name": "solar cells", "hs": "854140"}]
    record(
        client,
        imposed("duty", against=[], goods=cells, except_parties=["TH"]),
        granted("exclusion", {"name": "importers"}, restriction="duty"),
        granted("for-one", {"name": "A firm", "country": "VN"}, restriction="duty"),
        granted("from-nothing", {"name": "importers"}, restriction="not-recorded"),
    )
    one = {"duty": {"party": "all"}, "exclusion": {"party": "all"}}
    assert found(client, f"exposure?hs=854140&party=MY&{ON}{basis}") == one
    assert found(client, f"exposure?hs=854140&party=TH&{ON}{basis}") == {}
    assert found(client, f"clearances?party=MY&{ON}{basis}") == {"exclusion": {"party": "all"}}
    assert found(client, f"clearances?party=VN&{ON}{basis}") == {"exclusion": {"party": "all"}, "for-one": "itself"}
    narrower = {"exclusion": {"hs": "854140"}, "for-one": {"hs": "854140"}}
    assert found(client, f"clearances?hs=8541&{ON}{basis}") == narrower
    assert found(client, f"clearances?good=cell&party=MY&limit=1&{ON}{basis}") == {
        "exclusion": {"good": "solar cells", "party": "all"}
    }


@pytest.mark.parametrize("basis", BASES)
def test_a_measure_against_nobody_in_particular_is_against_all(client: Client, basis: str) -> None:
    """Q4: 25 percent on all steel is found where it is asked what is against Türkiye; a listing of a firm is not."""
    steel = [{"name": "steel", "hs": "72"}]
    record(
        client,
        imposed("on-all", against=[], goods=steel, rate_percent=25),
        imposed("but-canada", goods=steel, except_parties=["CA"]),
        imposed("on-a-firm", entities=[{"name": "A firm", "country": "CN"}]),
        imposed("by-another", "CA", goods=steel),
    )
    every = {"on-all": {"against": "all"}, "but-canada": {"against": "all"}}
    assert found(client, f"restrictions?by=US&against=TR&{ON}{basis}") == every
    assert found(client, f"restrictions?by=US&against=CA&{ON}{basis}") == {"on-all": {"against": "all"}}
    assert found(client, f"restrictions?by=US&against=CN&{ON}{basis}") == every | {"on-a-firm": "itself"}
    # Q5: a measure on 72 is found by a code within it, and the other way, as exposure finds it.
    for path in ("restrictions?by=US&", "exposure?party=TR&"):
        wider = found(client, f"{path}hs=720851&{ON}{basis}")
        assert {name: how["hs"] for name, how in wider.items() if name != "by-another"} == dict.fromkeys(every, "72")
    assert found(client, f"restrictions?hs=73&{ON}{basis}") == {}


@pytest.mark.parametrize("basis", BASES)
def test_an_entity_is_found_by_words_of_its_names(client: Client, basis: str) -> None:
    """Q7: every word stands in one of the names of one entity, its other names among them, in any case."""
    record(
        client,
        imposed("listing", entities=[{"name": "HUAWEI TECHNOLOGIES CO., LTD.", "also": ["华为"], "country": "CN"}]),
        imposed("two", entities=[{"name": "Huawei"}, {"name": "ZTE Technologies"}]),
        granted("licence", {"name": "Qualcomm Technologies", "country": "US"}, restriction="listing"),
    )
    assert found(client, f"restrictions?entity=Huawei&{ON}{basis}") == {
        "listing": {"entity": "HUAWEI TECHNOLOGIES CO., LTD."},
        "two": "itself",
    }
    listing = {"listing": {"entity": "HUAWEI TECHNOLOGIES CO., LTD."}}
    assert found(client, f"restrictions?entity=technologies%20huawei&{ON}{basis}") == listing
    assert found(client, f"restrictions?entity=%E5%8D%8E%E4%B8%BA&{ON}{basis}") == {"listing": "itself"}
    assert found(client, f"restrictions?entity=Hua&{ON}{basis}") == {}
    assert found(client, f"exposure?entity=huawei%20ltd&party=CN&{ON}{basis}") == listing
    assert found(client, f"clearances?entity=qualcomm&{ON}{basis}") == {"licence": {"entity": "Qualcomm Technologies"}}


@pytest.mark.parametrize("basis", BASES)
def test_a_good_is_found_by_words_elements_and_groups(client: Client, basis: str) -> None:
    """Q8: rare earths by either name, and the elements within; what was found is named as the source has it."""
    record(
        client,
        imposed("one", goods=[{"name": "Rare earths"}]),
        imposed("other", goods=[{"name": "rare earth elements"}]),
        imposed("oxide", goods=[{"name": "an oxide", "element": "Dy"}]),
        imposed("gallium", goods=[{"name": "gallium"}]),
    )
    both = {"one": {"good": "Rare earths"}, "other": {"good": "rare earth elements"}}
    dysprosium = both | {"oxide": {"good": "Dy"}}
    for path in ("restrictions?", "exposure?party=JP&"):
        for good, right in (("rare%20earth", dysprosium), ("dysprosium", dysprosium), ("samarium", both)):
            answer = found(client, f"{path}good={good}&{ON}{basis}")
            assert {name: {"good": how["good"]} for name, how in answer.items()} == right, good
    assert found(client, f"restrictions?good=DY&{ON}{basis}") == both | {"oxide": "itself"}
    assert found(client, f"restrictions?good=Oxides&{ON}{basis}") == {"oxide": {"good": "an oxide"}}


@pytest.mark.parametrize("basis", BASES)
def test_what_cannot_be_compared_is_counted_and_listed(client: Client, basis: str) -> None:
    """A measure whose goods are not said in the way asked for is counted; the link lists those, and no others."""
    coded, named = {"name": "plate", "hs": "7208"}, {"name": "pipes of steel"}
    record(
        client,
        imposed("coded", goods=[coded]),
        imposed("other-code", goods=[{"name": "copper", "hs": "74"}]),
        imposed("named", goods=[named]),
        imposed("both", goods=[{"name": "wire", "hs": "7217"}, named]),
        imposed("a-firm", entities=[{"name": "A firm"}]),
        imposed("all-but-steel", all_goods=True, except_goods=[{"name": "steel", "hs": "72"}]),
        imposed("against-another", against=["BR"], goods=[named]),
        granted("lifted", {"name": "importers"}, restriction="named"),
        granted("from-nothing", {"name": "A firm", "country": "TR"}, restriction="not-recorded"),
    )
    answer = client.get(f"/v1/exposure?hs=720851&party=TR&limit=1&{ON}{basis}").json()
    assert ([item["id"] for item in answer["items"]], answer["not_compared"]) == (["coded"], 5)
    url = answer["not_compared_url"]
    listed = client.get(url)
    assert listed.status_code == 200, listed.text
    assert [item["id"] for item in listed.json()["items"]] == ["named", "both", "a-firm", "lifted", "from-nothing"]
    assert "immutable" in listed.headers["cache-control"]
    assert "not_compared" not in listed.json()
    only = client.get(f"/v1/restrictions?hs=720851&{ON}{basis}").json()
    assert ([item["id"] for item in only["items"]], only["not_compared"]) == (["coded"], 4)
    listed = client.get(only["not_compared_url"]).json()
    assert [item["id"] for item in listed["items"]] == ["named", "both", "a-firm", "against-another"]
    assert client.get(f"/v1/clearances?eccn=3A090&{ON}{basis}").json()["not_compared"] == 2
    assert "not_compared" not in client.get(f"/v1/restrictions?party=TR&{ON}{basis}").json()
    for refused in (
        "restrictions?compared=no&party=TR",
        "rounds?compared=no&hs=72",
        "restrictions?compared=maybe&hs=72",
    ):
        assert client.get(f"/v1/{refused}&{ON}").status_code == 422, refused
    by_words = client.get(f"/v1/exposure?good=pipe&party=TR&{ON}{basis}").json()
    assert (len(by_words["items"]), by_words["not_compared"]) == (4, 2)
    assert "not_compared" not in client.get(f"/v1/exposure?entity=firm&party=TR&{ON}{basis}").json()
    none = client.get(f"/v1/exposure?hs=72&party=TR&as_of=2009-01-01{basis}").json()
    assert (none["items"], none["not_compared"], none.get("not_compared_url")) == ([], 0, None)
    assert client.get(f"/v1/exposure?entity=firm&compared=no&party=TR&{ON}").status_code == 422


def test_an_answer_that_is_cut_short_does_not_say_that_nothing_is_left_to_compare(client: Client) -> None:
    """As published a page ends where its items have cost enough: the measures after it are not counted as none."""
    hidden = eased("large", "trade", occurred="2010-02-01", rate_percent=3.0)
    shown = eased("large", "trade", occurred="2010-02-01", rate_percent=5.0)
    soya = eased("large", "trade", occurred="2029-02-01", goods=[{"name": "soya", "hs": "1201"}, {"name": "copper"}])
    record(client, imposed("large", goods=[{"name": "copper", "hs": "74"}]), hidden, shown, soya)
    long = {"outlet": "A ministry", "published": "2010-02-01", "url": "https://example.org/" + "x" * 1_950}
    for first in range(0, 3_072, 1_024):
        reports = [long | {"title": f"Report {number}"} for number in range(first, first + 1_024)]
        added = [on("report_added", hidden, reports=reports[place : place + 64]) for place in range(0, 1_024, 64)]
        assert client.post("/v1/events", json={"events": added}).status_code == 201
    unsaid = imposed("unsaid", entities=[{"name": "A firm"}])
    late = eased("unsaid", "trade", occurred="2010-02-01", rate_percent=3.0, reports=REPORTS)
    later = [late | {"reports": [each | {"published": "2010-03-01"} for each in REPORTS]}, late | {"id": str(uuid4())}]
    assert client.post("/v1/events", json={"events": [unsaid, *later]}).status_code == 201
    url = f"/v1/exposure?hs=1201&party=TR&{ON}{BASES[1]}"
    answer = client.get(url).json()
    assert (answer["items"], answer["not_compared"]) == ([], None)
    rest = client.get(f"{url}&cursor={answer['next']}").json()
    assert (rest["items"], rest["next"]) == ([], None)
    url = answer["not_compared_url"]
    listed = client.get(url).json()
    assert listed["items"] == []
    rest = client.get(f"{url}&cursor={listed['next']}").json()
    assert [item["id"] for item in rest["items"]] == ["unsaid"]


@pytest.mark.parametrize("basis", BASES)
def test_what_stands_in_place_of_another_displaces_it_for_its_country(client: Client, basis: str) -> None:
    """Q6: for British steel the duty of 25 stands in place of the general one; elsewhere, and before, it does not."""
    steel = [{"name": "steel", "hs": "72"}]
    british = imposed("british", against=["GB"], goods=steel, rate_percent=25, in_place_of=["general", "not-recorded"])
    record(
        client,
        imposed("general", against=[], goods=steel, rate_percent=50),
        british | {"occurred": "2025-03-01", "effective": "2025-06-01"},
    )

    def displaced(query: str) -> dict[str, Any]:
        items = client.get(f"/v1/exposure?{query}{basis}").json()["items"]
        return {item["id"]: item.get("displaced_by") for item in items}

    assert displaced("hs=7208&party=GB&as_of=2025-06-01") == {"general": ["british"], "british": None}
    assert displaced("hs=7208&party=GB&as_of=2025-05-31") == {"general": None, "british": None}
    assert displaced("hs=7208&party=KR&as_of=2025-06-01") == {"general": None}
    assert displaced("hs=7208&party=US&as_of=2025-06-01") == {"general": None, "british": None}
    assert displaced("good=steel&party=GB&as_of=2025-06-01&limit=1") == {"general": ["british"]}


def test_lists_by_what_is_touched_are_paged(client: Client) -> None:
    """Pages of any size have the same items in the same order, also together with words and other filters."""
    goods = [[{"name": "steel", "hs": "72"}], [{"name": "steel pipe", "hs": "7304"}], [{"name": "copper", "hs": "74"}]]
    record(
        client, *[imposed(f"duty-{number}", ("US", "EU")[number % 2], goods=goods[number % 3]) for number in range(30)]
    )
    for query in (
        "good=steel&party=DE",
        "by=FR",
        "hs=72&against=JP",
        "good=pipe%20steel&party=BR&q=duty-1",
        "issue=trade",
    ):
        whole = found(client, f"restrictions?{query}&{ON}")
        seen: dict[str, Any] = {}
        path = f"/v1/restrictions?{query}&{ON}&limit=4"
        following = ""
        while True:
            page = client.get(path + following).json()
            seen |= {item["id"]: item.get("matched", "itself") for item in page["items"]}
            if page["next"] is None:
                break
            following = f"&cursor={page['next']}"
        assert list(seen.items()) == list(whole.items()), query
        assert whole, query
