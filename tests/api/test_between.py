"""What stands between two partners, over HTTP: who acts on whom, kind by kind, through blocs and measures on all."""

from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from tests.api.test_touching import BASES, ON, Event, granted, imposed, record

Client = TestClient[Litestar]
SIDES = ("a_on_b", "b_on_a", "both")
NOTHING: dict[str, Any] = {"a_on_b": {}, "b_on_a": {}, "both": {}}


def said(kind: str, item: str, **terms: object) -> Event:
    """Return a fact of any kind, on 20 May 2025 unless it says another day."""
    head = {"type": kind, "item": item, "issues": ["trade"], "occurred": "2025-05-20"}
    return head | {"reports": [{"outlet": "A ministry", "published": "2025-05-20"}]} | terms


def between(client: Client, query: str) -> dict[str, dict[str, list[str]]]:
    """Return the ids on each side by kind."""
    answer = client.get(f"/v1/between?{query}")
    assert answer.status_code == 200, answer.text
    sides = {side: answer.json()[side] for side in SIDES}
    return {
        side: {kind: [each["id"] for each in items] for kind, items in kinds.items()} for side, kinds in sides.items()
    }


FACTS = [
    imposed("us-tariff", "US", against=["CN"], goods=[{"name": "steel", "hs": "72"}]),
    imposed("cn-control", "CN", against=[], except_parties=["JP"], goods=[{"name": "gallium"}]),
    imposed("kr-on-both", "KR", against=["US", "CN"], goods=[{"name": "steel"}]),
    imposed("cn-on-entity", "CN", entities=[{"name": "Northern Motors", "country": "US"}]),
    granted("us-exclusion", {"name": "importers"}, restriction="us-tariff"),
    granted("cn-licence", {"name": "Northern Motors", "country": "US"}, granted_by="CN", restriction="cn-control"),
    said("demand.made", "us-demand", by="US", of="CN", action="Lift it."),
    said("demand.made", "us-demand-of-kr", by="US", of="KR", action="Lift it for China."),
    said("offer.made", "cn-offer", by="CN", to="US", promise="Soybeans.", condition={"by": "US", "action": "Ease."}),
    said("commitment.given", "cn-commitment", by="CN", to="US", action="Buy."),
    said("commitment.given", "cn-commitment-to-nobody", by="CN", action="Buy."),
    said("threat.made", "us-threat", by="US", against=["CN", "RU"], action="Duties."),
    said("agreement.signed", "deal", parties=["US", "CN"], title="A deal"),
    said("agreement.signed", "other-deal", parties=["US", "KR"], title="Another deal"),
    said("investigation.opened", "cn-inquiry", by="CN", against=["US"]),
    said("dispute.filed", "us-dispute", by="US", against=["CN"], forum="WTO"),
    said("round.scheduled", "talks", participants=[{"name": "One", "party": "US"}, {"name": "Two", "party": "CN"}]),
    said("round.scheduled", "talks-of-one", participants=[{"name": "One", "party": "US"}]),
    said("call.held", "call", participants=[{"name": "Two", "party": "CN"}], initiator="US"),
    said("statement.made", "us-on-control", speaker="A", party="US", about="cn-control", summary="Unfair."),
    said("statement.made", "us-on-china", speaker="A", party="US", about="What China does", summary="Unfair."),
    said("statement.made", "us-on-europe", speaker="A", party="US", about="What the EU does", summary="Unfair."),
    said("statement.made", "us-on-itself", speaker="A", party="US", about="US duties", summary="Right."),
    said("statement.made", "kr-on-china", speaker="B", party="KR", about="What China does", summary="Unfair."),
    said("statement.made", "cn-on-tariff", speaker="C", party="CN", about="us-tariff", summary="Wrong."),
]
RIGHT = {
    "a_on_b": {
        "restriction": ["us-tariff"],
        "clearance": ["us-exclusion"],
        "demand": ["us-demand"],
        "threat": ["us-threat"],
        "dispute": ["us-dispute"],
        "statement": ["us-on-control", "us-on-china"],
    },
    "b_on_a": {
        "restriction": ["cn-control", "cn-on-entity"],
        "clearance": ["cn-licence"],
        "offer": ["cn-offer"],
        "commitment": ["cn-commitment"],
        "investigation": ["cn-inquiry"],
        "statement": ["cn-on-tariff"],
    },
    "both": {"agreement": ["deal"], "round": ["talks"], "call": ["call"]},
}


@pytest.mark.parametrize("basis", BASES)
def test_each_kind_stands_on_its_side(client: Client, basis: str) -> None:
    """An item is on the side of the one who acts on the other; what third parties do is on none; turned round too."""
    record(client, *FACTS)
    assert between(client, f"a=US&b=CN&{ON}{basis}") == RIGHT
    turned = {"a_on_b": RIGHT["b_on_a"], "b_on_a": RIGHT["a_on_b"], "both": RIGHT["both"]}
    assert between(client, f"between=CN,US&{ON}{basis}") == turned


@pytest.mark.parametrize("basis", BASES)
def test_what_a_bloc_does_stands_between_its_members_and_others(client: Client, basis: str) -> None:
    """An EU duty on all is between Germany and Japan, not between Germany and France; `matched` says by what."""
    goods = [{"name": "steel"}]
    record(
        client,
        imposed("by-the-eu", "EU", goods=goods),
        imposed("against-the-eu", "JP", against=["EU"], except_parties=["FR"], goods=goods),
        said("agreement.signed", "with-japan", parties=["EU", "JP"], title="Partnership"),
    )
    path = f"/v1/between?a=DE&b=JP&{ON}{basis}"
    answer = client.get(path).json()
    assert answer["a_on_b"]["restriction"][0]["matched"] == {"a": "EU", "b": "all"}
    assert answer["b_on_a"]["restriction"][0]["matched"] == {"a": "EU"}
    assert answer["both"]["agreement"][0]["matched"] == {"a": "EU"}
    assert between(client, f"a=DE&b=FR&{ON}{basis}") == NOTHING
    assert between(client, f"a=EU&b=DE&{ON}{basis}") == NOTHING
    assert between(client, f"a=FR&b=JP&{ON}{basis}")["b_on_a"] == {}
    assert between(client, f"a=GB&b=JP&{ON}{basis}") == NOTHING
    then = between(client, "a=GB&b=JP&as_of=2016-06-01")
    assert (then["a_on_b"], then["b_on_a"]) == ({"restriction": ["by-the-eu"]}, {"restriction": ["against-the-eu"]})


def test_calls_and_statements_stand_there_for_a_while(client: Client) -> None:
    """A call is listed on its day and for 89 days after it, or for as many days as `recent` says."""
    call = said("call.held", "call", participants=[{"name": "A", "party": "US"}, {"name": "B", "party": "CN"}])
    record(client, call, call | {"item": "in-may", "occurred": "2025-05"})
    for query, right in (
        ("as_of=2025-05-19", ["in-may"]),
        ("as_of=2025-05-20", ["call", "in-may"]),
        ("as_of=2025-08-17", ["call", "in-may"]),
        ("as_of=2025-08-18", ["in-may"]),
        ("as_of=2025-08-28", ["in-may"]),
        ("as_of=2025-08-29", []),
        ("as_of=2025-08-29&recent=102", ["call", "in-may"]),
        ("as_of=2025-06-01&recent=1", []),
    ):
        assert between(client, f"a=US&b=CN&{query}")["both"].get("call", []) == right, query


def test_filters_of_what_stands_between(client: Client) -> None:
    """Kinds, issues and statuses take several values; ended items come where a status names an end."""
    lifted = {"type": "restriction.lifted", "item": "us-tariff", "issues": ["trade"], "occurred": "2025-05-30"}
    record(client, *FACTS, lifted | {"reports": FACTS[0]["reports"]})
    base = f"a=US&b=CN&{ON}"
    assert between(client, f"{base}&kind=call,round")["both"] == {"call": ["call"], "round": ["talks"]}
    assert between(client, f"{base}&issue=trade,other") == between(client, base)
    assert between(client, f"{base}&issue=other") == NOTHING
    assert "restriction" not in between(client, base)["a_on_b"]
    assert between(client, f"{base}&status=lifted,standing")["a_on_b"] == {
        "restriction": ["us-tariff"],
        "threat": ["us-threat"],
    }
    assert between(client, f"{base}&include=ended")["a_on_b"]["restriction"] == ["us-tariff"]
    assert between(client, f"{base}&good=gallium") == {
        "a_on_b": {},
        "b_on_a": {"restriction": ["cn-control"], "clearance": ["cn-licence"]},
        "both": {},
    }


def test_pages_have_each_item_once(client: Client) -> None:
    """Pages of any size have the same items, in order of first appearance, as known at the first page's K."""
    record(client, *FACTS)
    order = [event["item"] for event in FACTS]
    right = sorted([each for side in RIGHT.values() for ids in side.values() for each in ids], key=order.index)
    for limit in (1, 3, 7):
        seen: list[str] = []
        path = f"/v1/between?a=US&b=CN&{ON}&limit={limit}"
        following, known = "", len(order)
        while True:
            page = client.get(path + following).json()
            ids = [each["id"] for side in SIDES for items in page[side].values() for each in items]
            assert len(ids) <= limit
            seen += sorted(ids, key=order.index)
            if page["next"] is None:
                break
            following = f"&cursor={page['next']}"
            order.append(f"late-{len(order)}")
            late = imposed(order[-1], "US", against=["CN"], all_goods=True)
            assert client.post("/v1/events", json={"events": [late]}).status_code == 201
        assert seen == right + order[len(FACTS) : known]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("a=US", "b"),
        ("b=US", "a"),
        ("", "a"),
        ("a=US&b=US", "b"),
        ("between=US,US", "between"),
        ("between=US,XX", "between"),
        ("between=US,CN&a=US", "between"),
        ("between=US", "between"),
        ("a=US&b=CN&kind=tariff", "kind"),
        ("a=US&b=CN&kind=issue", "kind"),
        ("a=US&b=CN&status=active,odd", "status"),
        ("a=US&b=CN&recent=0", "recent"),
        ("a=US&b=CN&compared=no", "compared"),
        ("a=us&b=CN", "a"),
    ],
)
def test_between_takes_two_partners(client: Client, query: str, parameter: str) -> None:
    """One partner, the same twice, a kind or a status that there is not: refused, and the parameter is named."""
    refused = client.get(f"/v1/between?{query}")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["parameter"] == parameter


def test_what_could_not_be_compared_is_counted_and_listed(client: Client) -> None:
    """A measure without codes is no answer to a question by code, but it is counted, and the link lists it."""
    steel = {"name": "steel", "hs": "7208"}
    record(
        client,
        imposed("coded", "US", against=["CN"], goods=[steel]),
        imposed("by-name", "US", against=["CN"], goods=[{"name": "steel"}]),
        imposed("other-code", "US", against=["CN"], goods=[{"name": "cars", "hs": "8703"}]),
        imposed("entities-alone", "US", entities=[{"name": "A firm", "country": "CN"}]),
        imposed("other-partners", "US", against=["JP"], goods=[{"name": "steel"}]),
        granted("from-by-name", {"name": "importers"}, restriction="by-name"),
    )
    for path, right in (
        ("/v1/restrictions?hs=7208&party=CN", ["by-name", "entities-alone"]),
        ("/v1/exposure?hs=7208&party=CN", ["by-name", "entities-alone", "from-by-name"]),
        ("/v1/exposure?hs=7208&origin=CN&destination=US", ["by-name", "entities-alone", "from-by-name"]),
        ("/v1/between?hs=7208&a=US&b=CN", ["by-name", "entities-alone", "from-by-name"]),
    ):
        answer = client.get(f"{path}&{ON}").json()
        assert answer["not_compared"] == len(right), path
        listed = client.get(answer["not_compared_url"])
        assert listed.headers["cache-control"].endswith("immutable")
        kinds = listed.json().get("a_on_b", {})
        items = listed.json().get("items") or [each for items in kinds.values() for each in items]
        assert sorted(each["id"] for each in items) == sorted(right), path
    nothing = client.get(f"/v1/exposure?good=steel&party=JP&{ON}").json()
    assert (nothing["not_compared"], "not_compared_url" in nothing) == (0, False)
    many = [imposed(f"name-{number}", "US", against=["CN"], goods=[{"name": "x"}]) for number in range(120)]
    assert client.post("/v1/events", json={"events": many}).status_code == 201
    for path in ("restrictions?hs=7208&party=CN", "between?hs=7208&a=US&b=CN"):
        assert client.get(f"/v1/{path}&{ON}").json()["not_compared"] == 100
    charge = client.get(f"/v1/exposure?hs=7208&origin=CN&destination=US&{ON}").json()["charge"]
    assert "100 measures or more could not be compared" in charge["why"]


def test_an_agreement_of_many_stands_between_each_two(client: Client) -> None:
    """One of more parties than are paired stands between any two of them, and between no others."""
    parties = "AR AT AU BE BG BR CA CH CL CN CY CZ DE DK EE ES FI FR GB GR HR HU ID IE IN IT JP KR US".split()  # noqa: SIM905 - a list to read
    record(client, said("agreement.signed", "of-many", parties=parties, title="A round"))
    for a, b in (("US", "CN"), ("AR", "KR"), ("IE", "JP")):
        assert between(client, f"a={a}&b={b}&{ON}")["both"] == {"agreement": ["of-many"]}
    assert between(client, f"a=US&b=RU&{ON}") == NOTHING


def test_an_answer_before_the_first_recording_says_so(client: Client) -> None:
    """Where K lies before all events, the answer and the 404 say that nothing was known, and name the other basis."""
    record(client, FACTS[0])
    for path in (f"/v1/between?a=US&b=CN&{ON}", f"/v1/exposure?hs=72&party=CN&{ON}", f"/v1/restrictions?{ON}"):
        assert "known_basis=published" in client.get(f"{path}&known_position=0").json()["note"]
        assert "note" not in client.get(path).json()
        assert "note" not in client.get(f"{path}&known_basis=published&known_at=2000-01-01").json()
        then: Any = client.get(f"{path}&known_at=2020-01-01T00:00:00Z").json()
        assert "known_basis=published" in then["note"]
    absent = client.get(f"/v1/restrictions/us-tariff?{ON}&known_at=2020-01-01T00:00:00Z")
    assert (absent.status_code, "known_basis=published" in absent.json()["detail"]) == (404, True)
