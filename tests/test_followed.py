"""What a follower with a filter holds at the end is what the list with the same filter answers: no difference."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.vocabulary.kinds import KINDS
from service.eventlog.log import BEGINNING, Place
from service.feed.filters import EventConditions, passing
from service.feed.live import Tail
from service.feed.pages import EventFilter, log_page
from service.storage import files
from tests import touching
from tests.ledgers import Opened, fresh_postgres, fresh_sqlite, opened
from tests.strategies import FIRST_DAY, cut, histories

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.conftest import PostgresServer
    from tests.ledgers import Event

State = dict[str, Any]
SEEDS = ("london", "us-china", "world")
DAYS = [date(2018, 9, 1), date(2025, 5, 1), date(2026, 3, 1)]
CONDITIONS: list[dict[str, str]] = [
    *[{"party": party} for party in ("CN", "US", "DE", "MX", "IN", "EU")],
    *[{"good": good} for good in ("dysprosium", "Steel", "rare earths", "3A090")],
    *[{"hs": code} for code in ("72", "850511", "2805", "12")],
    {"eccn": "3A090"},
    *[{"entity": name} for name in ("huawei", "ZTE", "entity list")],
    *[{"issue": issue} for issue in ("us-chip-export-controls", "section-301-tariffs", "entity-list")],
    {"party": "CN", "good": "soybeans"},
    {"party": "DE", "hs": "7208"},
    {"party": "CN,MX"},
    {},
]


def lines_of(name: str) -> list[Event]:
    """Read a set of seeds."""
    return [json.loads(line) for line in (files.data("seeds") / f"{name}.ndjson").read_bytes().splitlines()]


async def recorded(ledger: Opened, name: str) -> None:
    """Record a set of seeds, a few events at a time."""
    lines = lines_of(name)
    for start in range(0, len(lines), 7):
        await ledger.append(lines[start : start + 7])


async def followed(ledger: Opened, **conditions: str) -> list[Event]:
    """Return the events that pass, page by page."""
    wanted, place, found = EventFilter(passing(EventConditions(**conditions))), BEGINNING, []
    while True:
        page = await log_page(ledger.database, place, 50, wanted)
        found += [json.loads(event.json()) for event in page.events]
        if page.next >= page.head:
            return found
        place = page.place


def items_of(event: Event) -> set[str]:
    """Return the items that an event is about, as its reader sees them."""
    return {event["item"], *[event[name]["item"] for name in ("event", "target_event") if name in event]}


def matches(state: State, standing: Sequence[State], conditions: dict[str, str], day: date) -> bool:
    """Whether a state matches, the slow and obvious way."""
    for name, asked in conditions.items():
        if name == "issue":
            hit = asked in state["issues"]
        else:
            several = asked.split(",") if name == "party" else [asked]
            hit = any(touching.found(state, standing, name, each, day) is not None for each in several)
        if not hit:
            return False
    return True


async def differences(
    ledger: Opened, conditions: dict[str, str], days: Sequence[date], kinds: Sequence[str]
) -> list[tuple[date, str]]:
    """Compare what a follower of some kinds holds with the states that match.

    The follower reads each item that an event names, as known at that event, and never again until its next event.
    """
    events = await followed(ledger, **conditions, type=",".join(f"{kind}.*" for kind in kinds))
    read_at = {item: event["position"] for event in events for item in items_of(event)}
    found = []
    for day in days:
        standing = [state for kind in KINDS for state in await ledger.kind(kind, day)]
        listed = {state["id"]: state for state in standing if state["kind"] in kinds}
        kind_of = {state["id"]: state["kind"] for state in standing}
        for item, state in listed.items():
            known = read_at.get(item)
            mine = await ledger.item(kind_of[item], item, day, known) if known else None
            theirs = matches(state, standing, conditions, day)
            same = mine is not None and mine == await ledger.item(kind_of[item], item, day)
            if theirs and not same:
                found.append((day, item))
            if not theirs and mine is not None and matches(mine, standing, conditions, day):
                found.append((day, item))
    return found


@pytest.mark.anyio
@pytest.mark.parametrize("name", SEEDS)
async def test_a_follower_of_the_seeds_holds_what_the_list_answers(migrated_url: str, name: str) -> None:
    """For every filter: over the seed sets, a follower of one or of every kind holds what matches, as it stands."""
    async with opened(migrated_url) as ledger:
        await recorded(ledger, name)
        for conditions in CONDITIONS:
            assert await differences(ledger, conditions, DAYS, list(KINDS)) == [], conditions
        for conditions in CONDITIONS[:2]:
            assert await differences(ledger, conditions, DAYS, ["restriction"]) == [], conditions


@pytest.mark.anyio
async def test_whoever_follows_the_restrictions_of_a_country_hears_of_every_change(migrated_url: str) -> None:
    """F1: `restriction.*` with CN lets every suspension, extension, lifting, correction and report through.

    The slow way: all events of a restriction that touches CN on some day, named by the event or by what it acts on.
    """
    async with opened(migrated_url) as ledger:
        await recorded(ledger, "us-china")
        every = await followed(ledger)
        passed = {event["position"] for event in await followed(ledger, type="restriction.*", party="CN")}
        touched = set()
        for day in sorted({date.fromisoformat(day) for event in every for day in written_in(event)}):
            states = await ledger.kind("restriction", day)
            touched |= {
                state["id"] for state in states if touching.found(state, states, "party", "CN", day) is not None
            }
    counted: Counter[str] = Counter()
    for event in every:
        kind = event.get("target_event", event)["type"].partition(".")[0]
        if kind == "restriction" and items_of(event) & touched:
            assert event["position"] in passed, event
            counted[event["type"]] += 1
    assert counted["restriction.suspended"] >= 10
    assert counted["restriction.lifted"] >= 4
    assert counted["record.corrected"] == 10
    assert counted["record.report_added"] > 10
    assert [event["position"] for event in every if event["position"] in passed and not items_of(event) & touched] == []


def written_in(event: Event) -> list[str]:
    """Return the days that stand in an event as its dates."""
    return [text for name in ("occurred", "effective") if len(text := event.get(name, "")) == len("2025-01-01")]


@given(history=histories(), seed=st.integers(0, 9), data=st.data())
@settings(max_examples=25)
def test_a_follower_of_a_generated_history_holds_what_matches(
    sqlite_template: Path,
    tmp_path_factory: pytest.TempPathFactory,
    history: list[Event],
    seed: int,
    data: st.DataObject,
) -> None:
    """For random histories with corrections and retractions, on SQLite."""
    with fresh_sqlite(sqlite_template, tmp_path_factory.mktemp("followed")) as url:
        asyncio.run(check_generated(url, history, seed, data))


@given(history=histories(), seed=st.integers(0, 9), data=st.data())
@settings(max_examples=5)
def test_a_follower_of_a_generated_history_holds_what_matches_on_postgresql(
    postgres_server: PostgresServer, postgres_template: str, history: list[Event], seed: int, data: st.DataObject
) -> None:
    """For random histories with corrections and retractions, on PostgreSQL."""
    with fresh_postgres(postgres_server, postgres_template) as url:
        asyncio.run(check_generated(url, history, seed, data))


async def check_generated(url: str, history: list[Event], seed: int, data: st.DataObject) -> None:
    """Record a history in batches and compare, for some filters and days."""
    async with opened(url) as ledger:
        for batch in cut(history, seed):
            await ledger.append(batch)
        days = [date.fromordinal(FIRST_DAY.toordinal() + step) for step in (0, 5, 11, 30)]
        parties = sorted({party for event in history for party in mentioned(event)} | {"DE"})
        for _ in range(3):
            conditions = data.draw(
                st.fixed_dictionaries(
                    {},
                    optional={
                        "party": st.sampled_from(parties),
                        "good": st.sampled_from(["dysprosium", "steel", "gallium", "rare earths"]),
                        "hs": st.sampled_from(["28", "72", "8542"]),
                    },
                )
            )
            assert await differences(ledger, conditions, days, list(KINDS)) == [], conditions


def mentioned(value: object) -> set[str]:
    """Return the two-letter codes that stand somewhere in an event."""
    if isinstance(value, str):
        return {value} if len(value) == 2 and value.isupper() else set()
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {code for each in inner for code in mentioned(each)}


@pytest.mark.anyio
async def test_filters_in_memory_and_in_the_database_let_the_same_through(migrated_url: str) -> None:
    """The events that the end of the log keeps in memory pass by the same rule as those read from the database."""
    lines = lines_of("us-china")
    async with opened(migrated_url) as ledger:
        await ledger.append(lines[:7])
        tail = Tail(ledger.database)
        tail.start()
        with tail.following():
            await read_up_to(tail, 7)
            for start in range(7, len(lines), 50):
                await ledger.append(lines[start : start + 50])
            await read_up_to(tail, len(lines))
            for conditions in CONDITIONS:
                for types in ("restriction.*", "clearance.*,threat.*", "record.corrected", None):
                    wanted = passing(EventConditions(**conditions, type=types))
                    kept = tail.page(Place(7), len(lines), wanted)
                    stored = await log_page(ledger.database, Place(7), len(lines), EventFilter(wanted))
                    assert kept is not None
                    assert kept.events == stored.events, wanted
        await tail.stop()


async def read_up_to(tail: Tail, position: int) -> None:
    """Wait until the end of the log is read."""
    while tail.head < position:
        tail.wake(position)
        await asyncio.sleep(0)


@pytest.mark.anyio
async def test_the_index_of_an_event_does_not_grow_with_its_item(migrated_sqlite_url: str) -> None:
    """Of 300 facts that give a good and an entity each, the last has no more in its index than the first hundred.

    What is too much to list passes every filter on it; other filters are as exact as ever.
    """
    opening = {"type": "issue.opened", "item": "trade", "issues": ["trade"], "occurred": "2010-01-01", "title": "Trade"}
    head = {"item": "a-list", "issues": ["trade"], "imposed_by": "US", "instrument": "sanction", "against": ["CN"]}
    reports = {"reports": [{"outlet": "A ministry"}]}
    facts = [
        {
            **(head if not number else {"item": "a-list", "issues": ["trade"]}),
            "type": "restriction.amended" if number else "restriction.imposed",
            "occurred": date.fromordinal(date(2011, 1, 1).toordinal() + number).isoformat(),
            "goods": [{"name": f"good {number}"}],
            "entities": [{"name": f"Firm {number}"}],
            **reports,
        }
        for number in range(300)
    ]
    async with opened(migrated_sqlite_url) as ledger:
        await ledger.append([opening | {"summary": "It.", "parties": ["US"], **reports}, *facts])
        rows = await ledger.database.fetch("SELECT length(tokens) FROM event_index ORDER BY position")
        sizes = [size for (size,) in rows]
        assert max(sizes[250:]) <= max(sizes[:100]) <= 5_000
        assert len(await followed(ledger, entity="Firm 299", type="restriction.*")) > 200
        assert len(await followed(ledger, party="CN", type="restriction.*")) == 300
        assert await followed(ledger, party="MX", type="restriction.*") == []
        assert len(await followed(ledger, good="good 3", type="restriction.imposed")) == 0


@pytest.mark.anyio
async def test_blocs_are_those_of_the_day_and_what_all_states_leave_out_is_left_out(migrated_url: str) -> None:
    """A duty by the EU is British while the United Kingdom is in it; one on all but MX passes MX once it is on it."""
    opening = {"type": "issue.opened", "item": "trade", "issues": ["trade"], "occurred": "2010-01-01", "title": "Trade"}
    reports = {"reports": [{"outlet": "A ministry"}]}
    text = {"type": "restriction.imposed", "issues": ["trade"], "instrument": "tariff", "all_goods": True, **reports}
    european = [
        text | {"item": f"in-{year}", "imposed_by": "EU", "against": ["CN"], "occurred": f"{year}-06-01"}
        for year in (2019, 2021)
    ]
    on_all = text | {"item": "on-all", "imposed_by": "US", "except_parties": ["MX"], "occurred": "2018-03-01"}
    on_all["id"] = "0197a2f0-3c50-7a10-8f00-000000000009"
    later = {
        "type": "restriction.suspended",
        "item": "on-all",
        "issues": ["trade"],
        "occurred": "2018-05-01",
        **reports,
    }
    mended = {name: value for name, value in on_all.items() if name != "except_parties"}
    correction = {"type": "record.corrected", "target": on_all["id"], "event": mended, "reason": "A slip"}
    async with opened(migrated_url) as ledger:
        await ledger.append([opening | {"summary": "It.", "parties": ["US"], **reports}, *european, on_all, later])
        assert [event["item"] for event in await followed(ledger, party="GB", type="restriction.*")] == [
            "in-2019", "on-all", "on-all",
        ]  # fmt: skip
        assert await followed(ledger, party="MX", type="restriction.*") == []
        await ledger.append([correction])
        await ledger.append([later | {"type": "restriction.lifted", "occurred": "2018-07-01"}])
        found = await followed(ledger, party="MX", type="restriction.*")
    assert [event["type"] for event in found] == ["record.corrected", "restriction.lifted"]
