"""States, lists, issues, exposure and words at one (D, K), compared with the oracle."""

import json
from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import Any

import msgspec

from service.api.between import BetweenQuery
from service.api.exposure import ExposureQuery
from service.api.items import ItemsQuery
from service.domain.rule.words import occur_in, words_of
from service.domain.vocabulary.kinds import KINDS
from service.views.asof import lists
from service.views.asof.basis import resolve
from service.views.asof.engine import engine_of
from service.views.asof.question import Included, ItemState, StateFilter
from service.views.asof.summaries import posture_by, summaries
from service.views.asof.touching import not_compared, touching_page
from service.views.asof.weighing import PageWork
from tests import oracle, partners, touching
from tests.ledgers import Opened, asking
from tests.tally import comparing

Event = dict[str, Any]

FREE = {"alternatives"}
"""Fields in which the rules leave a choice."""
GOODS = {
    "good": ["dysprosium", "DY", "rare earth", "magnet", "alloys magnets", "3a090", "energy", "tomato", "nothing"],
    "hs": ["28", "2805", "280530", "2805301000", "280540", "85", "850511", "850512", "90"],
    "eccn": ["3A090", "3A090.a", "3A090.b", "3A001"],
}
"""The goods that exposure is asked about."""
PARTIES = ["US", "CN", "EU", "GB", "DE", "CH"]
FILTERS = {
    **GOODS,
    "entity": ["huawei", "Technologies LTD", "华为", "importer", "not others"],
    "party": PARTIES,
    "by": ["CN", "US", "EU", "DE"],
    "against": ["US", "EU", "DE", "NO", "MX", "CN"],
}
"""The filters of lists on what is touched, with values."""
WORDS = ["dysprosium", "ISSUE", "an what", "magnets ohio", "rare earths", "us", "restriction-1", "3a090 huawei", "ß"]


def without(state: Event | None, names: set[str]) -> Event | None:
    return None if state is None else {name: value for name, value in state.items() if name not in names}


def check_state(log: list[Event], state: Event | None, item: str, day: date, known: oracle.K) -> None:
    """Compare one item's state with the oracle's, field by field.

    Where the rules leave a choice (which of several ruling facts an alternative names), any that they allow is right.
    """
    with comparing("states"):
        _check_state(log, state, item, day, known)


def _check_state(log: list[Event], state: Event | None, item: str, day: date, known: oracle.K) -> None:
    truth = oracle.item_state(log, item, day, known)
    if truth is None or state is None:
        assert state == truth, (item, day, known)
        return
    rulers = oracle.alternative_rulers(log, item, day, known)
    assert {each["status"] for each in state["alternatives"]} == {each["status"] for each in truth["alternatives"]}
    assert state["alternatives"][:1] == truth["alternatives"][:1]
    assert all(each["event"] in rulers[each["status"]] for each in state["alternatives"])
    assert without(state, FREE) == without(truth, FREE), (item, day, known)


async def check_list(ledger: Opened, log: list[Event], kind: str, day: date, known: oracle.K) -> list[Event]:
    """Compare which states a list has, whole and in pages of two; return the states."""
    found = await ledger.kind(kind, day, known)
    truth = oracle.items_of_kind(log, kind, day, known)
    with comparing("lists"):
        assert [state["id"] for state in found] == [state["id"] for state in truth]
        assert await _paged(ledger, kind, day, known) == [state["id"] for state in truth]
    return found


async def _paged(ledger: Opened, kind: str, day: date, known: oracle.K) -> list[str]:
    names: list[str] = []
    after: int | None = 0
    while after is not None:
        asked = asking(day, known)
        page = await lists.page(
            ledger.database, asked, lists.Search(StateFilter(kind)), after=after, limit=2, work=PageWork()
        )
        names += [state.slug for state in page.items]
        after = page.next
    return names


async def check_filters(ledger: Opened, kind: str, listed: list[Event], day: date, known: oracle.K) -> None:
    """Compare lists by filter, some values of each a day, with the states of the whole list that pass it."""
    restrictions = [] if kind == "restriction" else await ledger.kind("restriction", day, known)
    turn = day.toordinal()
    chosen = {name: values[turn % len(values)] for name, values in FILTERS.items()}
    queries: list[Event] = [{name: value} for name, value in chosen.items()]
    queries.append({"party": chosen["party"], "good": chosen["good"]})
    queries.append({"party": chosen["party"], "issue": "chips", "against": chosen["against"]})
    for query in queries:
        given = {name: value if name in {"good", "entity"} else [value] for name, value in query.items()}
        wanted = msgspec.convert(given | {"include": "ended"}, ItemsQuery).filter(KINDS[kind], turn)
        found: list[str] = []
        after: int | None = 0
        while after is not None:
            page = await lists.page(
                ledger.database, asking(day, known), lists.Search(wanted), after=after, limit=2, work=PageWork()
            )
            found += [each.slug for each in page.items]
            after = page.next
        truth = [state["id"] for state in listed if _passes(state, [*listed, *restrictions], query, day)]
        with comparing("lists"):
            assert found == truth, (kind, query, day, known)


def _passes(state: Event, standing: list[Event], query: Event, day: date) -> bool:
    return all(
        value in state["issues"] if name == "issue" else touching.found(state, standing, name, value, day) is not None
        for name, value in query.items()
    )


async def check_issue(ledger: Opened, log: list[Event], issue: str, day: date, known: oracle.K) -> list[ItemState]:
    """Compare an issue's version, posture and items with the oracle's; return the states on its page."""
    with comparing("issues"):
        return await _check_issue(ledger, log, issue, day, known)


async def _check_issue(ledger: Opened, log: list[Event], issue: str, day: date, known: oracle.K) -> list[ItemState]:
    asked = asking(day, known)
    page = await engine_of(asked).issue_page(ledger.database, asked, issue, Included(), after=0, limit=1_000)
    truth = oracle.issue_state(log, issue, day, known)
    if truth is None or page.own is None:
        assert (truth, page.own) == (None, None)
        return page.items
    assert page.version == truth["version"]
    posture = await posture_by(ledger.database, page, page.own.state)
    assert posture == (truth["posture"], truth["posture_certainty"])
    found = [(each.kind, each.slug) for each in page.items]
    assert sorted(found) == sorted((kind, each["id"]) for kind, items in truth["items"].items() for each in items)
    return [page.own.state, *page.items]


async def check_issues(ledger: Opened, log: list[Event], day: date, known: oracle.K) -> None:
    """Compare which issues are listed, each with its version and posture."""
    asked = asking(day, known)
    page = await lists.page(
        ledger.database, asked, lists.Search(StateFilter("issue")), after=0, limit=1_000, work=PageWork()
    )
    names = [each.slug for each in page.items]
    found = await summaries(ledger.database, page.basis, page.items, PageWork())
    truth = [state["id"] for state in oracle.items_of_kind(log, "issue", day, known)]
    with comparing("lists"):
        assert names == truth
    for each in page.items:
        expected = oracle.issue_state(log, each.slug, day, known)
        with comparing("issues"):
            assert expected is not None
            assert found[each.slug] == (
                expected["version"],
                (expected["posture"], expected["posture_certainty"]),
            ), each.slug


async def check_exposure(
    ledger: Opened, standing: list[Event], asked: Event, day: date, known: oracle.K, limit: int
) -> None:
    """Compare what touches a good and a party with what the oracle finds among its states at (D, K).

    `asked` is the query: `party`, one of `good`, `hs` and `eccn`, maybe `include`.
    """
    (name,) = asked.keys() & GOODS.keys()
    question = asking(day, known)
    wanted = msgspec.convert(asked, ExposureQuery).filter(day.toordinal())
    found: list[str] = []
    after: int | None = 0
    work = PageWork()
    while after is not None:
        page = await touching_page(ledger.database, question, wanted, after=after, limit=limit, work=work)
        found += [each.slug for each in page.items]
        question, after = page.basis.pinned(), page.next
    truth = oracle.exposed(standing, name, asked[name], asked["party"], day, include_ended="include" in asked)
    with comparing("exposures"):
        assert found == truth, asked
    left = await not_compared(ledger.database, await resolve(ledger.database, asking(day, known)), wanted, work)
    uncompared = [
        state["id"]
        for state in standing
        if state["kind"] in {"restriction", "clearance"}
        and touching.outcome(state, standing, name, asked[name], day) == "not_compared"
        and touching.found(state, standing, "party", asked["party"], day) is not None
        and ("include" in asked or not oracle.over_in_every_reading(state))
    ]
    with comparing("exposures"):
        assert left is not None
        assert (len(left.items), left.next) == (len(uncompared), None), (asked, uncompared)


def occurring(words: Sequence[str], state: ItemState) -> bool:
    return occur_in(state.kind, state.body, words)


async def check_between(
    ledger: Opened, standing: list[Event], asked: Event, day: date, known: oracle.K, limit: int
) -> None:
    """Compare what stands between two partners with what the slow way finds among the states at (D, K).

    `asked` is the query: `a`, `b`, maybe `recent`, `include`, `status` and one of `good` and `hs`.
    """
    question, query = asking(day, known), msgspec.convert(asked, BetweenQuery)
    wanted = query.filter(day.toordinal())
    found: list[tuple[str, str | None]] = []
    after: int | None = 0
    work = PageWork()
    while after is not None:
        page = await touching_page(ledger.database, question, wanted, after=after, limit=limit, work=work)
        found += [(each.slug, each.side) for each in page.items]
        question, after = page.basis.pinned(), page.next
    pair = (asked["a"], asked["b"])
    sides = [(state["id"], partners.side(state, standing, pair, day, query.recent)) for state in standing]
    passing = {state["id"] for state in standing if _stands(state, standing, asked, day)}
    with comparing("between"):
        assert found == [(item, side) for item, side in sides if side is not None and item in passing], asked
    if asked.keys() & GOODS.keys():
        right = {state["id"] for state in standing if _stands(state, standing, asked, day, good="not_compared")}
        left = await not_compared(ledger.database, await resolve(ledger.database, asking(day, known)), wanted, work)
        with comparing("between"):
            assert left is not None
            count = len([item for item, side in sides if side is not None and item in right])
            assert (len(left.items), left.next) == (count, None), asked


def _stands(state: Event, standing: list[Event], asked: Event, day: date, *, good: str = "matches") -> bool:
    """Whether a state passes the filters beside the partners; `good` is how it compares with the good."""
    for name in asked.keys() & GOODS.keys():
        is_measure = state["kind"] in {"restriction", "clearance"} or state.get("goods")
        if not is_measure or touching.outcome(state, standing, name, asked[name], day) != good:
            return False
    statuses = {state["status"], *[each["status"] for each in state["alternatives"]]}
    status = "status" not in asked or not statuses.isdisjoint(asked["status"])
    ended = "include" in asked or not {"lifted", "expired"}.isdisjoint(asked.get("status", []))
    return status and (ended or not oracle.over_in_every_reading(state))


async def check_shipment(
    ledger: Opened, standing: list[Event], asked: Event, day: date, known: oracle.K, limit: int
) -> None:
    """Compare what touches a good and a shipment with what the slow way finds, and how much it cannot compare.

    `asked` is the query: `destination`, `origin` and one of `good` and `hs`.
    """
    (name,) = asked.keys() & GOODS.keys()
    wanted = msgspec.convert(asked, ExposureQuery).filter(day.toordinal())
    question, found = asking(day, known), list[str]()
    after: int | None = 0
    work = PageWork()
    while after is not None:
        page = await touching_page(ledger.database, question, wanted, after=after, limit=limit, work=work)
        found += [each.slug for each in page.items]
        question, after = page.basis.pinned(), page.next
    measures = [
        state
        for state in standing
        if state["kind"] in {"restriction", "clearance"} and not oracle.over_in_every_reading(state)
        if _is_on_shipment(state, standing, (asked["destination"], asked["origin"]), day)
    ]
    outcomes = [touching.outcome(state, standing, name, asked[name], day) for state in measures]
    with comparing("exposures"):
        names = [state["id"] for state, outcome in zip(measures, outcomes, strict=True) if outcome == "matches"]
        assert found == names, asked
    left = await not_compared(ledger.database, await resolve(ledger.database, asking(day, known)), wanted, work)
    with comparing("exposures"):
        assert left is not None
        assert (len(left.items), left.next) == (outcomes.count("not_compared"), None), asked


def _is_on_shipment(state: Event, standing: list[Event], pair: tuple[str, str], day: date) -> bool:
    """Whether a measure is the destination's on the origin, or one of the origin's on its exports."""
    destination, origin = pair
    if partners.acts_on(state, standing, destination, origin, day):
        return True
    on_exports = state["kind"] == "clearance" or state.get("instrument") == "export_control"
    return on_exports and partners.acts_on(state, standing, origin, destination, day)


async def check_words(ledger: Opened, log: list[Event], kind: str, asked: str, point: oracle.Point, limit: int) -> None:
    """Compare a list by words with the states of the oracle's whole list that have them."""
    found: list[str] = []
    after: int | None = 0
    while after is not None:
        question, wanted, words = asking(*point), StateFilter(kind), words_of(asked)
        has_words = partial(occurring, words)
        page = await lists.page(
            ledger.database, question, lists.Search(wanted, has_words), after=after, limit=limit, work=PageWork()
        )
        found += [each.slug for each in page.items]
        after = page.next
    truth = oracle.items_of_kind(log, kind, *point)
    with comparing("lists"):
        assert found == [state["id"] for state in truth if oracle.has_words(state, asked)], asked


def state_of(found: ItemState) -> Event:
    """Read the state that a page has."""
    state: Event = json.loads(found.body)
    return state
