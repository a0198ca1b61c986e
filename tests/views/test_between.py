"""What stands between two partners is what each state says by itself, the slow way, for every pair of parties."""

import asyncio
from datetime import UTC, date, datetime
from itertools import permutations
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from service.domain.vocabulary.kinds import KINDS
from tests import oracle
from tests.conftest import PostgresServer
from tests.examples import thorough
from tests.ledgers import fresh_postgres, fresh_sqlite, opened
from tests.strategies import id_of
from tests.views.compare_states import PARTIES, check_between, check_shipment

Event = dict[str, Any]

ASKED = ["US", "CN", "EU", "GB", "DE"]
DAY = date(2019, 6, 30)
"""The United Kingdom is in the European Union."""
CODES = st.sampled_from([*PARTIES, "EFTA", "WTO"])
SEVERAL = st.lists(CODES, max_size=2, unique=True)
PEOPLE = st.lists(st.fixed_dictionaries({"name": st.just("A")}, optional={"party": CODES}), min_size=1, max_size=3)
FIRM = st.fixed_dictionaries({"name": st.just("importers")}, optional={"country": CODES})
FIRMS = st.lists(FIRM, min_size=1, max_size=2)
ABOUT = ["restriction-0", "statement-11", "no-such-item", "What China does", "US duties", "GBP and the European Union"]
GOODS = st.just([{"name": "steel", "hs": "2805"}]) | st.just([{"name": "steel"}])
TERMS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "restriction.imposed": {
        "imposed_by": CODES,
        "instrument": st.sampled_from(["tariff", "export_control"]),
        "goods": GOODS,
    },
    "clearance.granted": {"granted_by": CODES, "beneficiaries": FIRMS},
    "demand.made": {"by": CODES, "of": CODES, "action": st.just("a")},
    "offer.made": {"by": CODES, "to": CODES, "promise": st.just("a")},
    "commitment.given": {"by": CODES, "action": st.just("a")},
    "threat.made": {"by": CODES, "against": SEVERAL, "action": st.just("a")},
    "agreement.signed": {"parties": SEVERAL, "title": st.just("a")},
    "investigation.opened": {"by": CODES, "against": SEVERAL},
    "dispute.filed": {"by": CODES, "against": SEVERAL},
    "round.scheduled": {"participants": PEOPLE},
    "call.held": {"participants": PEOPLE},
    "statement.made": {"speaker": st.just("A"), "party": CODES},
}
OPTIONAL: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "investigation.opened": {"goods": GOODS},
    "restriction.imposed": {"against": SEVERAL, "except_parties": SEVERAL, "entities": FIRMS},
    "clearance.granted": {"restriction": st.sampled_from(["restriction-0", "restriction-12"]), "goods": GOODS},
    "commitment.given": {"to": CODES},
    "call.held": {"initiator": CODES},
    "statement.made": {"about": st.sampled_from(ABOUT)},
}
DATES = ["2019-03-31", "2019-04-01", "2019-04-02", "2019-04", "2019-06-30", "[2019-01-01..2019-05-01]"]


@st.composite
def items(draw: st.DrawFn) -> list[Event]:
    """Draw two items of each kind, with any parties in any roles."""
    report = {"outlet": "A", "published": "2019-06-30"}
    opening = {"type": "issue.opened", "item": "rare-earths", "title": "a", "summary": "a", "parties": ["US"]}
    found: list[Event] = [opening | {"occurred": "2019-01-01"}]
    for number, kind in enumerate([*TERMS, *TERMS]):
        terms = draw(st.fixed_dictionaries(TERMS[kind], optional=OPTIONAL.get(kind, {})))
        left_out = terms.get("except_parties", ())
        if left_out:  # what is named may not be left out
            terms |= {"except_parties": [each for each in left_out if each not in terms.get("against", ())]}
        if "entities" in terms and draw(st.booleans()):
            del terms["goods"]
        name = f"{kind.partition('.')[0]}-{number}"
        found.append({"type": kind, "item": name, "occurred": draw(st.sampled_from(DATES)), **terms})
    numbered = enumerate(found, start=1)
    return [{"id": id_of(number), "issues": ["rare-earths"], "reports": [report], **each} for number, each in numbered]


async def check(url: str, events: list[Event], data: st.DataObject) -> None:
    """Record the items, and ask about every pair of parties."""
    async with opened(url) as ledger:
        await ledger.append(events, at=int(datetime(2019, 7, 1, tzinfo=UTC).timestamp()) * 1_000_000)
        for known in (len(events), oracle.Published(DAY, len(events))):
            standing = [each for kind in KINDS for each in await ledger.kind(kind, DAY, known)]
            standing.sort(key=lambda state: [event["item"] for event in events].index(state["id"]))
            for a, b in permutations(ASKED, 2):
                more: Event = data.draw(
                    st.sampled_from([{}, {"recent": 91}, {"recent": 1}, {"hs": "2805"}, {"good": "steel"}])
                )
                asked = {"a": a, "b": b, **more}
                await check_between(ledger, standing, asked, DAY, known, data.draw(st.sampled_from([2, 50])))
                if "hs" in asked or "good" in asked:
                    shipped = {"destination": a, "origin": b, **more}
                    await check_shipment(ledger, standing, shipped, DAY, known, data.draw(st.sampled_from([2, 50])))


@thorough(0.3)
@given(events=items(), data=st.data())
def test_every_pair_on_sqlite(events: list[Event], data: st.DataObject, sqlite_template: Path, tmp_path: Path) -> None:
    """On SQLite, for every pair: the same items on the same sides as each state says by itself."""
    with fresh_sqlite(sqlite_template, tmp_path) as url:
        asyncio.run(check(url, events, data))


@thorough(0.1)
@given(events=items(), data=st.data())
def test_every_pair_on_postgres(
    events: list[Event], data: st.DataObject, postgres_server: PostgresServer, postgres_template: str
) -> None:
    """On PostgreSQL, for every pair: the same items on the same sides as each state says by itself."""
    with fresh_postgres(postgres_server, postgres_template) as url:
        asyncio.run(check(url, events, data))
