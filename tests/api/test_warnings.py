"""The warnings of a receipt: what is taken and looks wrong, with its place; the same when a repeat is answered."""

import time
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from service.append.knowledge import LedgerKnowledge
from service.domain.admit.doubts import doubts
from service.domain.rule.item import Item
from service.domain.vocabulary.events import AnyEvent, Fact

Client = TestClient[Litestar]
Event = dict[str, Any]

REPORT = {"outlet": "Reuters", "published": "2025-06-01"}
GOODS = [{"name": "steel"}]
REQUIRED: dict[str, Event] = {
    "issue.opened": {"title": "Steel", "summary": "Who may sell it.", "parties": ["US", "CN"]},
    "restriction.proposed": {"imposed_by": "US", "instrument": "tariff", "goods": GOODS},
    "restriction.imposed": {"imposed_by": "US", "instrument": "tariff", "goods": GOODS},
    "clearance.granted": {"granted_by": "US", "beneficiaries": [{"name": "importers"}]},
}


def fact(type_: str, occurred: str = "2025-03-01", item: Any = None, **fields: object) -> Event:  # noqa: ANN401 - a name
    """Return a fact of an issue `steel`, with what its type requires, on an item named after its kind."""
    kind = type_.partition(".")[0]
    common = {"issues": ["steel"], "item": "steel" if kind == "issue" else item or f"a-{kind}"}
    return {
        "id": str(uuid4()), "type": type_, **common, "occurred": occurred, **REQUIRED.get(type_, {}),
        "reports": [REPORT], **fields,
    }  # fmt: skip


def imposed(occurred: str = "2025-03-01", **fields: object) -> Event:
    return fact("restriction.imposed", occurred, **fields)


def changed(change: str, occurred: str, **fields: object) -> Event:
    return fact(f"restriction.{change}", occurred, **fields)


def days_ahead(days: int) -> str:
    return (datetime.now(UTC).date() + timedelta(days)).isoformat()


def published(day: str) -> list[Event]:
    return [REPORT, REPORT | {"published": day}]


def warnings(client: Client, *events: Event) -> list[tuple[str, str]]:
    """Record events in a batch of their own; return the warnings, which a repeat has too."""
    first = client.post("/v1/events", json={"events": events})
    assert first.status_code == 201, first.text
    again = client.post("/v1/events", json={"events": events})
    assert (again.status_code, again.json()["warnings"]) == (200, first.json()["warnings"])
    return [(each["pointer"], each["detail"]) for each in first.json()["warnings"]]


QUIET: dict[str, list[Event]] = {
    "a life in order": [
        imposed(until="2025-12-31"),
        changed("extended", "2025-03-20", until="2026-06-30"),
        changed("suspended", "2025-04-01", until="2025-07-01", rate_percent=10, portion="part"),
        changed("suspension_extended", "2025-05-01", through="2025-12-31"),
        changed("reinstated", "2025-05-20"),
        changed("eased", "2025-05-22", rate_percent=5),
        changed("lifted", "2025-05-25"),
    ],
    "a judgment stayed": [
        imposed(),
        changed("invalidated", "2025-05-28"),
        changed("reinstated", "2025-05-29"),
        changed("tightened", "2025-05-30", rate_percent=50),
    ],
    "a proposal while it is suspended": [
        imposed(), changed("suspended", "2025-04-01"), fact("restriction.proposed", "2025-04-02"),
        changed("reinstated", "2025-04-03"),
    ],
    "an end that has passed": [
        imposed(), changed("lifted", "2025-04-01", until="2025-05-01"), changed("eased", "2025-05-02", rate_percent=1),
    ],
    "imposed again after its end": [
        imposed(), changed("lifted", "2025-04-01"), imposed("2025-05-01"),
        changed("eased", "2025-05-02", rate_percent=1),
    ],
    "a quota opened again": [
        fact("clearance.granted"),
        fact("clearance.exhausted", "2025-04-01", used={"volume": 5}),
        fact("clearance.reopened", "2025-05-01"),
    ],
    "an extension with an end in words": [
        imposed(until="2025-12-31"), changed("extended", "2025-03-20", until_condition="until the talks end"),
    ],
    "a suspension repeats what stands": [imposed(), changed("suspended", "2025-04-01", goods=GOODS, imposed_by="US")],
    "a round of one day": [
        fact("round.started", "2025-04-01"), fact("round.session_held", "2025-04-01"),
        fact("round.concluded", "2025-04-01"),
    ],
    "a plan reported before its day": [imposed(), changed("lifted", "2025-09-01", modality="planned")],
    "a report of a zone where the day has begun": [imposed(reports=published(days_ahead(1)))],
    "a report with a date of its own": [
        imposed(reports=[{"outlet": "x", "published": "2025-02", "occurred": "2025-02"}]),
    ],
}  # fmt: skip

LOUD: dict[str, tuple[list[Event], dict[str, str]]] = {
    "an end before any opening": ([changed("lifted", "2025-04-01")], {"": "whose opening nobody has recorded"}),
    "a change of what nobody has opened": (
        [changed("eased", "2025-04-01", modality="planned")],
        {"": "which nobody has opened"},
    ),
    "a far future": (
        [imposed("2025-04-01", effective="2300-01", through="2300")],
        {"/effective": "ten years ahead", "/through": "ten years ahead"},
    ),
    "reinstated with nothing hidden": ([imposed(), changed("reinstated", "2025-04-01")], {"": "changes nothing"}),
    "reinstated after the suspension is over": (
        [imposed(), changed("suspended", "2025-04-01", through="2025-04"), changed("reinstated", "2025-05-02")],
        {"": "changes nothing"},
    ),
    "reinstated twice": (
        [
            imposed(), changed("suspended", "2025-04-01"), changed("reinstated", "2025-05-01"),
            changed("reinstated", "2025-05-02"),
        ],
        {"": "changes nothing"},
    ),
    "a quota opened that was not used up": (
        [fact("clearance.granted"), fact("clearance.reopened", "2025-05-01")],
        {"": "reopened brings back"},
    ),
    "a change of terms after the end": (
        [imposed(), changed("lifted", "2025-04-01"), changed("eased", "2025-05-01", rate_percent=1)],
        {"": "restriction.lifted of 2025-04-01 has ended the item"},
    ),
    "a suspension after the end": (
        [imposed(), changed("lifted", "2025-04-01"), changed("suspended", "2025-05-01")],
        {"": "has ended the item"},
    ),
    "a change that is recorded late": (
        [
            imposed(), changed("lifted", "2025-04-01"), imposed("2025-05-01"),
            changed("eased", "2025-04-15", rate_percent=1),
        ],
        {"": "has ended the item"},
    ),
    "extended without an end": (
        [imposed(through="2025-12"), changed("extended", "2025-04-01")],
        {"": "gives no end"},
    ),
    "a suspension extended without an end": (
        [
            imposed(), changed("suspended", "2025-04-01", until="2025-07-01"),
            changed("suspension_extended", "2025-05-01"),
        ],
        {"": "gives no end"},
    ),
    "a report before the fact": (
        [imposed("2025-05", reports=published("2025-04-30"))],
        {"/reports/1/published": "before the fact occurred"},
    ),
    "a report of the future": (
        [imposed(reports=published(days_ahead(2)))],
        {"/reports/1/published": "in the future"},
    ),
    "terms that a suspension cannot keep": (
        [imposed(), changed("suspended", "2025-04-01", goods=[{"name": "iron"}], rate_percent=5)],
        {"/goods": "only as long as the item is suspended"},
    ),
    "an end on the day of the beginning": (
        [imposed("2025-04-01"), changed("lifted", "2025-04-01")],
        {"": "the same days as restriction.imposed"},
    ),
    "a beginning on the day of the end": (
        [imposed("2025-03-01"), changed("lifted", "2025-04-01"), imposed("2025-04-01")],
        {"": "restriction.lifted has the same days and stands over it"},
    ),
}  # fmt: skip


@pytest.fixture
def ledger(client: Client) -> Client:
    """A ledger with an issue."""
    assert warnings(client, fact("issue.opened")) == []
    return client


@pytest.mark.parametrize("name", QUIET)
def test_what_is_in_order_draws_no_warning(ledger: Client, name: str) -> None:
    """Facts in order draw none, each in a batch of its own and all in one."""
    for each in QUIET[name]:
        assert warnings(ledger, each) == [], each["type"]
    others = [each | {"id": str(uuid4()), "item": f"{each['item']}-2"} for each in QUIET[name]]
    assert warnings(ledger, *others) == []


@pytest.mark.parametrize("name", LOUD)
def test_what_looks_wrong_draws_a_warning(ledger: Client, name: str) -> None:
    """The last fact draws the warning at its place, in a batch of its own and after the others in one."""
    facts, expected = LOUD[name]
    for each in facts[:-1]:
        assert warnings(ledger, each) == [], each["type"]
    for index, batch in ((0, facts[-1:]), (len(facts) - 1, facts)):
        renamed = batch if index == 0 else [each | {"id": str(uuid4()), "item": f"{each['item']}-2"} for each in batch]
        found = warnings(ledger, *renamed)
        assert [pointer for pointer, _ in found] == [f"#/events/{index}{place}" for place in expected]
        assert all(part in detail for part, (_, detail) in zip(expected.values(), found, strict=True))
        if len(facts) == 1:
            break


def test_a_name_taken_from_an_item_of_another_issue(ledger: Client) -> None:
    """A fact on a known item whose issues no earlier fact names is doubted; one that shares an issue is not."""
    other = fact("issue.opened") | {"item": "chips", "issues": ["chips"]}
    assert warnings(ledger, other, imposed()) == []
    assert warnings(ledger, changed("eased", "2025-04-01", issues=["steel", "chips"])) == []
    assert warnings(ledger, fact("clearance.granted", item="c")) == []
    ((pointer, detail),) = warnings(ledger, fact("clearance.extended", "2025-04-01", "c", issues=["chips"]))
    assert pointer == "#/events/0/item"
    assert "c is an item of steel" in detail


def test_reports_that_are_added_are_doubted_by_the_text_of_the_fact(ledger: Client) -> None:
    """A report from before the fact occurred draws a warning where it is added, and in the new text of a correction."""
    opened = imposed("2025-05-10")
    assert warnings(ledger, opened) == []
    early = {"type": "record.report_added", "target": opened["id"], "reports": published("2025-05-09")}
    places = [pointer for pointer, _ in warnings(ledger, early | {"id": str(uuid4())})]
    assert places == ["#/events/0/reports/1/published"]
    other = imposed("2025-05-10", item="other")
    together = [other, early | {"id": str(uuid4()), "target": other["id"]}]
    assert [pointer for pointer, _ in warnings(ledger, *together)] == ["#/events/1/reports/1/published"]
    text = {name: value for name, value in opened.items() if name != "id"} | {"occurred": "2025-05-08"}
    corrected = {"type": "record.corrected", "target": opened["id"], "event": text}
    assert warnings(ledger, corrected | {"id": str(uuid4())}, early | {"id": str(uuid4())}) == []
    wrong = corrected | {"event": text | {"reports": published("2025-05-01")}, "id": str(uuid4())}
    assert [pointer for pointer, _ in warnings(ledger, wrong)] == ["#/events/0/event/reports/1/published"]


def test_more_warnings_than_anyone_reads_are_counted(ledger: Client) -> None:
    """At most a hundred warnings are listed, and the last of them says how many more there are."""
    early = [imposed(item=f"r{index}", reports=[REPORT | {"published": "2024"}] * 5) for index in range(50)]
    found = warnings(ledger, *early)
    assert len(found) == 100
    assert found[-1] == ("#", "and 151 more warnings")


def test_warnings_cost_the_same_on_an_item_with_a_long_history() -> None:
    """The latest facts are looked at, whatever is before them: the time for one fact does not grow with the item."""

    def seconds(size: int) -> float:
        facts = [imposed(), *[changed("eased", "2025-04-01", rate_percent=index) for index in range(size)]]
        item = Item.of([msgspec.convert(each, AnyEvent) for each in facts])
        known = LedgerKnowledge({item.slug: item}.get, {})
        new: list[tuple[int, Fact]] = [
            (0, msgspec.convert(changed(change, "2025-04-02"), AnyEvent))
            for change in ("eased", "extended", "suspended", "reinstated")
        ]
        today = date(2026, 1, 1).toordinal()
        start = time.process_time()
        for _ in range(300):
            assert doubts(new, known, today) == []
        return time.process_time() - start

    assert seconds(6_000) < 5 * seconds(60)
