"""What an append promises, on SQLite and on PostgreSQL."""

import asyncio
import gc
import itertools
import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import Any, cast
from uuid import uuid4

import asyncpg
import msgspec
import pytest
from structlog.testing import capture_logs

from service.append.ledger import Ledger
from service.append.request import AppendResult
from service.domain.errors import EventIdConflict, Malformed, Refused, Unavailable, VersionConflict
from service.domain.vocabulary.events import Batch
from service.domain.vocabulary.instants import text
from service.eventlog.head import head_of
from service.rebuild.rebuild import digest, rebuild
from service.storage.database import Database, Row
from service.views.asof import recorded
from tests.events import REPORTS, corrected, eased, event, imposed, opening, record
from tests.ledgers import Event, Opened, cut, now, opened

pytestmark = pytest.mark.anyio

DAY = date(2025, 6, 10)
LATE = date(2026, 1, 1)


@pytest.fixture
async def ledger(migrated_url: str) -> AsyncIterator[Opened]:
    """An empty ledger on each backend in turn."""
    async with opened(migrated_url) as ledger:
        yield ledger


def positions(receipt: AppendResult) -> list[int]:
    return [stored.position for stored in receipt.events]


def bodies(receipt: AppendResult) -> list[Event]:
    return [json.loads(stored.json()) for stored in receipt.events]


async def head(ledger: Opened) -> int:
    return (await head_of(ledger.database)).position


async def version(ledger: Opened, issue: str) -> int:
    return (await recorded.issue_versions(ledger.database, await head(ledger), [issue])).get(issue, 0)


async def faults_of(ledger: Opened, *events: Event) -> set[str]:
    """Append what must be refused as malformed; check that nothing is stored; return the paths of the faults."""
    before = await ledger.log()
    with pytest.raises(Malformed) as refused:
        await ledger.append(events)
    assert await ledger.log() == before
    return {"/".join(map(str, fault.path)) for fault in refused.value.faults}


async def all_of(appends: Sequence[Awaitable[AppendResult]]) -> list[AppendResult | Refused]:
    """Send appends at once; return the outcome of each, a refusal too."""
    outcomes = await asyncio.gather(*appends, return_exceptions=True)
    for outcome in outcomes:
        if not isinstance(outcome, AppendResult | Refused):
            raise outcome
    return [outcome for outcome in outcomes if isinstance(outcome, AppendResult | Refused)]


# Positions and batches


async def test_positions_have_no_gap(ledger: Opened) -> None:
    """Batches get the next positions in order, and the log has their events there."""
    first = await ledger.append([opening("chips"), imposed("quota", "chips")])
    second = await ledger.append([eased("quota", "chips")])
    assert (positions(first), positions(second)) == ([1, 2], [3])
    assert await ledger.log() == bodies(first) + bodies(second)


async def test_an_event_without_an_id_gets_one(ledger: Opened) -> None:
    """The ledger makes the ids that a client leaves out, each a different one."""
    events = [opening("chips"), imposed("quota", "chips"), imposed("ban", "chips")]
    receipt = await ledger.append([{name: value for name, value in each.items() if name != "id"} for each in events])
    assert len({each["id"] for each in bodies(receipt)}) == 3


async def test_a_name_may_hold_any_character_that_text_may(ledger: Opened) -> None:
    """A name keeps its control characters, and the item is found by it: any white space counts as one space."""
    name = "".join(map(chr, range(1, 33))) + "terbium"
    terms = {"goods": [{"name": name}], "entities": [{"name": name}]}
    await ledger.append([opening("chips"), imposed("quota", "chips") | terms, imposed("ban", "chips")])
    state = await ledger.item("restriction", "quota", DAY)
    assert state is not None
    assert {field: state[field] for field in terms} == terms
    normalized = " ".join(name.split())
    found = await ledger.kind("restriction", DAY, None, f"good:{normalized}", f"entity:{normalized}")
    assert [each["id"] for each in found] == ["quota"]
    assert (await rebuild(ledger.database)).same


async def test_a_batch_is_stored_whole_or_not_at_all(ledger: Opened) -> None:
    """A batch with one fault is stored not at all, and the next batch gets the positions that it would have had."""
    await ledger.append([opening("chips")])
    assert await faults_of(ledger, imposed("quota", "chips"), imposed("ban", "chps")) == {"events/1/issues/0"}
    assert positions(await ledger.append([imposed("quota", "chips")])) == [2]


async def test_a_refused_batch_does_not_touch_its_neighbours(ledger: Opened) -> None:
    """Of batches sent together the bad ones are refused and the good ones stored one after the other."""
    await ledger.append([opening("chips")])
    sent = [[imposed(f"quota-{number}", "chips" if number % 3 else "nowhere")] for number in range(30)]
    outcomes = await all_of([ledger.append(batch) for batch in sent])
    assert [isinstance(outcome, Malformed) for outcome in outcomes] == [number % 3 == 0 for number in range(30)]
    stored = [position for outcome in outcomes if isinstance(outcome, AppendResult) for position in positions(outcome)]
    assert stored == list(range(2, 22))


async def test_all_faults_of_a_batch_are_named(ledger: Opened) -> None:
    """Faults of several events are listed together, each with its path."""
    await ledger.append([opening("chips")])
    bad = [
        imposed("quota", "nowhere"),
        imposed("ban", "chips", until="2025-05-01"),
        event("clearance.revoked", "quota", "chips"),
        {"id": str(uuid4()), "type": "record.retracted", "target": str(uuid4())},
    ]
    paths = {"events/0/issues/0", "events/1/until", "events/2/item", "events/3/target"}
    assert await faults_of(ledger, *bad) == paths


async def test_batches_sent_together_are_decided_in_order(ledger: Opened) -> None:
    """An append is decided after those sent before it, though none of them is answered yet."""
    given = imposed("quota", "chips")
    mended = corrected(given, imposed("ban", "chips"))
    batches = [[opening("chips")], [given], [mended], [record("retracted", mended)], [record("retracted", given)]]
    outcomes = await all_of([ledger.append(batch) for batch in batches])
    assert [positions(outcome) for outcome in outcomes if isinstance(outcome, AppendResult)] == [
        [1],
        [2],
        [3],
        [4],
        [5],
    ]


async def test_many_batches_at_once_stand_as_they_were_sent(ledger: Opened) -> None:
    """Of 200 batches sent at once each stands whole where its receipt says, and a rebuild changes nothing."""
    await ledger.append([opening("chips"), opening("magnets")])
    sent = [
        [eased(f"quota-{(number * step) % 7}", "chips", "magnets") for step in range(number % 5 + 1)]
        for number in range(200)
    ]
    receipts = [
        each for each in await all_of([ledger.append(batch) for batch in sent]) if isinstance(each, AppendResult)
    ]
    log = await ledger.log()
    for batch, receipt in zip(sent, receipts, strict=True):
        first, last = positions(receipt)[0], positions(receipt)[-1]
        assert [each["id"] for each in log[first - 1 : last]] == [each["id"] for each in batch]
    assert [each["position"] for each in log] == list(range(1, 3 + sum(map(len, sent))))
    assert (await rebuild(ledger.database)).same


async def test_a_stopped_ledger_takes_nothing(migrated_url: str) -> None:
    """A stopped ledger refuses appends as unavailable; what it had taken is stored."""
    async with opened(migrated_url) as ledger:
        taken = asyncio.gather(*(ledger.append([opening(f"issue-{number}")]) for number in range(20)))
        await asyncio.sleep(0)
        await ledger.ledger.stop()
        with pytest.raises(Unavailable):
            await ledger.append([opening("late")])
        assert [positions(receipt) for receipt in await taken] == [[number] for number in range(1, 21)]


# Expected versions


async def test_the_expected_version_is_the_count_of_events(ledger: Opened) -> None:
    """A batch is stored when each issue is at the version that its writer has seen."""
    await ledger.append([opening("chips"), opening("magnets")], {"chips": 0, "magnets": 0})
    await ledger.append([imposed("quota", "chips"), imposed("ban", "chips")], {"chips": 1, "magnets": 1})
    await ledger.append([imposed("levy", "chips", "magnets")], {"chips": 3})
    assert (await version(ledger, "chips"), await version(ledger, "magnets")) == (4, 2)


async def test_another_version_refuses_the_batch(ledger: Opened) -> None:
    """A conflict names the expected and the actual version of every issue asked about, and stores nothing."""
    await ledger.append([opening("chips"), imposed("quota", "chips"), opening("magnets")])
    expected = {"chips": 1, "magnets": 1, "steel": 2}
    with pytest.raises(VersionConflict) as conflict:
        await ledger.append([imposed("ban", "chips", "magnets")], expected)
    assert conflict.value.expected == expected
    assert conflict.value.actual == {"chips": 2, "magnets": 1, "steel": 0}
    assert await head(ledger) == 3


async def test_the_version_of_an_issue_that_the_batch_does_not_name_is_checked(migrated_url: str) -> None:
    """A writer may expect a version of an issue that it does not write to, also of a ledger just opened."""
    async with opened(migrated_url) as ledger:
        await ledger.append([opening("chips"), opening("magnets"), imposed("ban", "magnets")])
    async with opened(migrated_url) as ledger:
        await ledger.append([imposed("quota", "chips")], {"magnets": 2})
        with pytest.raises(VersionConflict) as conflict:
            await ledger.append([imposed("levy", "chips")], {"magnets": 1})
        assert conflict.value.actual == {"magnets": 2}


async def test_of_writers_that_expect_the_same_version_one_wins(ledger: Opened) -> None:
    """Of batches that expect the same version one is stored, and the others get the version that it made."""
    await ledger.append([opening("chips")])
    appends = [ledger.append([eased("quota", "chips")], {"chips": 1}) for _ in range(16)]
    outcomes = await all_of(appends)
    assert sum(isinstance(outcome, AppendResult) for outcome in outcomes) == 1
    assert all(outcome.actual == {"chips": 2} for outcome in outcomes if isinstance(outcome, VersionConflict))
    assert await head(ledger) == 2


async def test_a_repeat_is_answered_though_the_version_has_moved(ledger: Opened) -> None:
    """The repeat of a recorded batch answers as the first time, though its expected versions have passed."""
    await ledger.append([opening("chips")])
    batch = [imposed("quota", "chips")]
    first = await ledger.append(batch, {"chips": 1})
    await ledger.append([eased("quota", "chips")])
    again = await ledger.append(batch, {"chips": 1})
    assert (again.events, again.repeated, first.repeated) == (first.events, True, False)


# Repeats


async def test_a_repeat_answers_as_first(migrated_url: str) -> None:
    """The same ids and content get the first receipt with its warnings, whatever came since, and store nothing."""
    batch = [
        event("restriction.lifted", "quota", "chips"),
        imposed("ban", "chips", effective="2300-01-01"),
    ]
    async with opened(migrated_url) as ledger:
        await ledger.append([opening("chips")])
        first = await ledger.append(batch)
        assert {"/".join(map(str, fault.path)) for fault in first.warnings} == {"events/0", "events/1/effective"}
        await ledger.append([imposed("quota", "chips", occurred="2025-01-01")])
        again = await ledger.append(batch)
    async with opened(migrated_url) as ledger:
        reopened = await ledger.append(batch)
        assert await head(ledger) == 4
    assert [each.repeated for each in (first, again, reopened)] == [False, True, True]
    assert [each.events for each in (again, reopened)] == [first.events] * 2
    assert [each.warnings for each in (again, reopened)] == [first.warnings] * 2


async def test_a_repeated_record_is_recognized_by_what_the_client_wrote(ledger: Opened) -> None:
    """The ledger completes a record; sent again without what was completed, it is a repeat."""
    given = imposed("quota", "chips")
    await ledger.append([opening("chips"), given])
    records = [
        corrected(given, imposed("ban", "chips")),
        record("report_added", given, reports=REPORTS),
        record("disputed", given, reason="The ministry denies it."),
        record("retracted", given),
    ]
    first = await ledger.append(records)
    again = await ledger.append(records)
    assert (again.events, again.repeated) == (first.events, True)
    full = [
        {name: value for name, value in each.items() if name not in {"position", "recorded_at"}}
        for each in bodies(first)
    ]
    assert (await ledger.append(full)).events == first.events


async def test_an_id_with_other_content_is_a_conflict(ledger: Opened) -> None:
    """An id that is taken by another text refuses the batch and names the id."""
    given = imposed("quota", "chips")
    await ledger.append([opening("chips"), given])
    with pytest.raises(EventIdConflict) as conflict:
        await ledger.append([given | {"note": "another text"}])
    assert conflict.value.ids == (given["id"],)
    assert await head(ledger) == 2


async def test_a_batch_part_old_part_new_is_a_conflict(ledger: Opened) -> None:
    """A batch of which a part is recorded is refused whole; the ids that are recorded are named."""
    old, new = imposed("quota", "chips"), imposed("ban", "chips")
    await ledger.append([opening("chips"), old])
    for batch in ([old, new], [new, old]):
        with pytest.raises(EventIdConflict) as conflict:
            await ledger.append(batch)
        assert conflict.value.ids == (old["id"],)
    assert await head(ledger) == 2


@pytest.mark.parametrize("recorded", [False, True])
async def test_an_id_twice_in_a_batch_is_a_fault(ledger: Opened, *, recorded: bool) -> None:
    """The same id twice in one batch is malformed, recorded already or not, and no other batch suffers."""
    given = imposed("quota", "chips")
    await ledger.append([opening("chips"), *([given] if recorded else [])])
    assert await faults_of(ledger, given, given) == {"events/1/id"}
    batches = [[eased("ban", "chips")], [given, given], [eased("levy", "chips")]]
    good, bad, other = await all_of([ledger.append(batch) for batch in batches])
    assert isinstance(good, AppendResult)
    assert isinstance(bad, Malformed)
    assert isinstance(other, AppendResult)


async def test_a_batch_of_events_recorded_apart_is_answered(ledger: Opened) -> None:
    """Events recorded in several batches and sent again as one get an answer, and no other batch suffers."""
    chips, magnets, given = opening("chips"), opening("magnets"), imposed("quota", "magnets")
    for each in (chips, magnets, given):
        await ledger.append([each])
    batches = [[eased("ban", "chips")], [chips, given], [given, chips], [eased("levy", "chips")]]
    first, *_, last = await all_of([ledger.append(batch) for batch in batches])
    assert isinstance(first, AppendResult)
    assert isinstance(last, AppendResult)
    assert await head(ledger) == 5


async def test_the_same_ids_sent_at_once_are_stored_once(ledger: Opened) -> None:
    """Of 24 equal batches in flight together one is stored, and all get its positions."""
    await ledger.append([opening("chips")])
    batch = [imposed("quota", "chips"), eased("quota", "chips")]
    others = [ledger.append([eased("ban", "chips")]) for _ in range(24)]
    equal = [ledger.append(batch) for _ in range(24)]
    outcomes = await all_of(list(itertools.chain(*zip(equal, others, strict=True))))
    receipts = [outcome for outcome in outcomes[::2] if isinstance(outcome, AppendResult)]
    assert len({tuple(positions(receipt)) for receipt in receipts}) == 1
    assert sum(not receipt.repeated for receipt in receipts) == 1
    assert await head(ledger) == 1 + 2 + 24


async def test_of_different_texts_under_one_id_sent_at_once_one_is_stored(ledger: Opened) -> None:
    """Of different texts sent at once under one id one is recorded, and the others are conflicts."""
    await ledger.append([opening("chips")])
    given = imposed("quota", "chips")
    outcomes = await all_of([ledger.append([given | {"note": f"text {number}"}]) for number in range(12)])
    assert sum(isinstance(outcome, AppendResult) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, EventIdConflict) for outcome in outcomes) == 11
    assert await head(ledger) == 2


# Issues and items


async def test_an_event_counts_in_each_of_its_issues(ledger: Opened) -> None:
    """One fact on three issues raises the version of each by one, and its item is in each."""
    await ledger.append([opening("chips"), opening("magnets"), opening("steel")])
    await ledger.append([imposed("quota", "chips", "magnets", "steel"), imposed("ban", "steel")])
    assert [await version(ledger, issue) for issue in ("chips", "magnets", "steel")] == [2, 2, 3]
    for issue in ("chips", "magnets", "steel"):
        found = await ledger.kind("restriction", LATE, None, f"issue:{issue}")
        assert "quota" in [state["id"] for state in found]


async def test_a_fact_may_stand_before_its_issues_opening(ledger: Opened) -> None:
    """Within a batch a fact may come before the opening of its issue."""
    receipt = await ledger.append([imposed("quota", "chips"), opening("chips")])
    assert positions(receipt) == [1, 2]
    assert await version(ledger, "chips") == 2
    assert await faults_of(ledger, imposed("ban", "magnets")) == {"events/0/issues/0"}


async def test_a_planned_opening_opens_no_issue(ledger: Opened) -> None:
    """An issue that somebody only plans to open does not exist."""
    planned = opening("chips", modality="planned")
    assert "events/1/issues/0" in await faults_of(ledger, planned, imposed("quota", "chips"))


async def test_an_item_holds_so_many_uncertain_dates(ledger: Opened) -> None:
    """The 65th fact with an uncertain date on one item is refused, in a batch or later: the work is bounded."""
    await ledger.append([opening("chips")])
    many = [eased("quota", "chips", occurred="2025-04") for _ in range(65)]
    assert await faults_of(ledger, *many) == {"events/64/item"}
    await ledger.append(many[:64])
    assert await faults_of(ledger, many[64]) == {"events/0/item"}
    await ledger.append([eased("quota", "chips", occurred="2025-04-04")])


async def test_an_unknown_issue_is_named_by_its_place(ledger: Opened) -> None:
    """Each issue of an event that does not exist is a fault of its own."""
    await ledger.append([opening("chips")])
    faults = await faults_of(ledger, imposed("quota", "nowhere", "chips", "elsewhere"))
    assert faults == {"events/0/issues/0", "events/0/issues/2"}


async def test_a_name_belongs_to_one_kind(ledger: Opened) -> None:
    """An item or an issue of one kind is refused as another, within its batch and later."""
    await ledger.append([opening("chips"), imposed("quota", "chips")])
    agreed = event("clearance.revoked", "quota", "chips")
    assert await faults_of(ledger, agreed) == {"events/0/item"}
    assert await faults_of(ledger, imposed("chips", "chips")) == {"events/0/item"}
    both = [imposed("ban", "chips"), event("clearance.revoked", "ban", "chips")]
    assert await faults_of(ledger, *both) == {"events/1/item"}


async def test_an_opening_is_corrected_and_made_again_after_a_retraction(ledger: Opened) -> None:
    """The new text of an opening is no second one; after a retraction the issue opens again."""
    first = opening("chips")
    await ledger.append([first])
    text = {name: value for name, value in first.items() if name != "id"} | {"title": "Chips"}
    await ledger.append([{"type": "record.corrected", "target": first["id"], "event": text}])
    with pytest.raises(Malformed):
        await ledger.append([opening("chips")])
    retracted = {"type": "record.retracted", "target": first["id"]}
    await ledger.append([retracted, opening("chips")])
    with pytest.raises(Malformed):
        await ledger.append([opening("chips")])


async def test_a_recorded_end_by_its_month_stays_as_it_is(ledger: Opened) -> None:
    """What an import brought reads as before; a correction may repeat such an end, and set no other."""
    old = imposed("quota", "chips") | {"until": "2026-06"}
    await ledger.append([opening("chips"), old], at=1_750_000_000_000_000)
    assert (await ledger.log())[1]["until"] == "2026-06"
    text = {name: value for name, value in old.items() if name != "id"}
    record = {"type": "record.corrected", "target": old["id"]}
    await ledger.append([record | {"event": text | {"rate_percent": 7}}])
    with pytest.raises(Malformed, match="through"):
        await ledger.append([record | {"event": text | {"until": "2026-07"}}])


async def test_an_issue_whose_opening_is_retracted_takes_no_facts(ledger: Opened) -> None:
    """Without a live opening an issue does not exist; when the retraction is retracted it does again."""
    begun = opening("chips")
    away = record("retracted", begun)
    await ledger.append([begun, imposed("quota", "chips")])
    await ledger.append([away])
    assert await faults_of(ledger, imposed("ban", "chips")) == {"events/0/issues/0"}
    await ledger.append([record("retracted", away)])
    assert positions(await ledger.append([imposed("ban", "chips")])) == [5]


async def test_an_issue_that_is_closed_takes_facts(ledger: Opened) -> None:
    """A closed issue still takes facts, which may arrive in any order."""
    await ledger.append([opening("chips"), event("issue.closed", "chips", "chips")])
    assert positions(await ledger.append([imposed("quota", "chips")])) == [3]


# Records


async def test_records_act_on_events_of_their_own_batch(ledger: Opened) -> None:
    """A batch may correct, retract, report on and dispute what it records itself."""
    wrong, gone, doubtful = imposed("quota", "chips"), imposed("ban", "chips"), imposed("levy", "chips")
    batch = [
        opening("chips"), wrong, gone, doubtful,
        corrected(wrong, imposed("quota", "chips", rate_percent=5)), record("retracted", gone),
        record("report_added", doubtful, reports=[{"outlet": "A paper"}]), record("disputed", doubtful),
    ]  # fmt: skip
    await ledger.append(batch)
    await check_records(ledger)


async def test_records_act_on_earlier_events(migrated_url: str) -> None:
    """Records act the same on what was recorded before the ledger was last opened."""
    wrong, gone, doubtful = imposed("quota", "chips"), imposed("ban", "chips"), imposed("levy", "chips")
    async with opened(migrated_url) as ledger:
        await ledger.append([opening("chips"), wrong, gone, doubtful])
    async with opened(migrated_url) as ledger:
        await ledger.append([corrected(wrong, imposed("quota", "chips", rate_percent=5)), record("retracted", gone)])
        await ledger.append([record("report_added", doubtful, reports=[{"outlet": "A paper"}])])
        await ledger.append([record("disputed", doubtful)])
        await check_records(ledger)


async def check_records(ledger: Opened) -> None:
    """Check that the quota is corrected, the ban gone, the levy contested with a second report, the log unchanged."""
    states = {state["id"]: state for state in await ledger.kind("restriction", LATE)}
    assert set(states) == {"quota", "levy"}
    assert states["quota"]["rate_percent"] == 5
    assert states["levy"]["contested"]
    (fact,) = states["levy"]["facts"]
    assert [report["outlet"] for report in fact["reports"]] == ["A ministry", "A paper"]
    assert await version(ledger, "chips") == 8
    log = await ledger.log()
    assert "rate_percent" not in log[1]
    assert [each["item"] for each in log[4:]] == ["quota", "ban", "levy", "levy"]


async def test_a_record_is_completed_from_its_target(ledger: Opened) -> None:
    """A record gets the issues and the item of its fact and the day of recording; the new text gets the fact's id."""
    given = imposed("quota", "chips")
    await ledger.append([opening("chips"), given])
    (completed,) = bodies(await ledger.append([corrected(given, imposed("quota", "chips"))]))
    assert (completed["issues"], completed["item"], completed["event"]["id"]) == (["chips"], "quota", given["id"])
    assert completed["occurred"] == completed["recorded_at"][: len("2025-06-10")]


async def test_a_record_that_names_something_else_is_refused(ledger: Opened) -> None:
    """Issues, an item or an id that are not the target's are faults."""
    given = imposed("quota", "chips")
    await ledger.append([opening("chips"), opening("magnets"), given])
    wrong = record("retracted", given, issues=["magnets"], item="ban")
    assert await faults_of(ledger, wrong) == {"events/0/issues", "events/0/item"}
    other_id = record("corrected", given, event=imposed("quota", "chips"))
    assert await faults_of(ledger, other_id) == {"events/0/event/id"}


async def test_a_correction_moves_a_fact_to_another_item_and_issue(ledger: Opened) -> None:
    """The fact leaves the old item for the new one, and counts in the versions of the old issue and the new."""
    given = imposed("quota", "chips")
    await ledger.append([opening("chips"), opening("magnets"), given])
    (correction,) = bodies(await ledger.append([corrected(given, imposed("ban", "magnets"))]))
    assert (set(correction["issues"]), correction["item"]) == ({"chips", "magnets"}, "quota")
    assert (await version(ledger, "chips"), await version(ledger, "magnets")) == (3, 2)
    assert await ledger.item("restriction", "quota", LATE) is None
    moved = await ledger.item("restriction", "ban", LATE)
    assert moved is not None
    assert (moved["issues"], [fact["id"] for fact in moved["facts"]]) == (["magnets"], [given["id"]])
    before = await ledger.item("restriction", "quota", LATE, known=3)
    assert before is not None
    assert before["issues"] == ["chips"]
    assert await ledger.item("restriction", "ban", LATE, known=3) is None


async def test_a_correction_may_change_the_kind_of_item(ledger: Opened) -> None:
    """A corrected text may be of any type: a restriction becomes a statement on an item of its own."""
    given = imposed("quota", "chips")
    said = event("statement.made", "a-speech", "chips", speaker="A minister", party="CN")
    await ledger.append([opening("chips"), given])
    await ledger.append([corrected(given, said)])
    assert await ledger.item("restriction", "quota", LATE) is None
    assert await ledger.item("statement", "a-speech", LATE) is not None
    assert await faults_of(
        ledger, corrected(given, event("statement.made", "quota", "chips", speaker="A", party="CN"))
    ) == {"events/0/event/item"}


async def test_the_last_correction_holds(ledger: Opened) -> None:
    """A correction of a correction corrects the fact; when the last is retracted the one before holds again."""
    given = imposed("quota", "chips", rate_percent=1)
    second = corrected(given, imposed("quota", "chips", rate_percent=2))
    third = corrected(second, imposed("quota", "chips", rate_percent=3))
    away = record("retracted", third)
    await ledger.append([opening("chips"), given])
    for each, rate in ((second, 2), (third, 3), (away, 2), (record("retracted", second), 1)):
        await ledger.append([each])
        state = await ledger.item("restriction", "quota", LATE)
        assert state is not None
        assert state["rate_percent"] == rate


async def test_a_record_on_an_event_that_nobody_recorded_is_refused(ledger: Opened) -> None:
    """Every kind of record needs a target in the log or before it in its batch."""
    await ledger.append([opening("chips")])
    later = imposed("quota", "chips")
    records = [
        record("retracted", later),
        record("disputed", later),
        record("report_added", later, reports=REPORTS),
        corrected(later, imposed("quota", "chips")),
    ]
    assert await faults_of(ledger, *records) == {f"events/{place}/target" for place in range(4)}
    assert await faults_of(ledger, record("retracted", later), later) == {"events/0/target"}


async def test_a_correction_of_what_has_no_text_is_refused(ledger: Opened) -> None:
    """A correction names a fact or a correction: a retraction, a report or a dispute has no text to correct."""
    fact = imposed("quota", "chips")
    first = corrected(fact, fact, reason="a")
    others = [record("disputed", fact), record("report_added", fact, reports=REPORTS), record("retracted", first)]
    await ledger.append([opening("chips"), fact, first, corrected(first, fact), *others])
    faults = await faults_of(ledger, *(corrected(other, fact) for other in others))
    assert faults == {f"events/{place}/target" for place in range(3)}


# The clock


async def test_the_instant_of_recording_never_goes_back(migrated_url: str) -> None:
    """Whatever the clock shows, each commit has a later instant than the one before, also after a restart."""
    noon = 1_750_000_000_000_000
    ticks = iter([noon, noon - 3_600_000_000, noon - 1, noon, noon, noon + 5, noon + 4])
    async with opened(migrated_url, lambda: next(ticks)) as ledger:
        receipts = [await ledger.append([opening(f"issue-{number}")]) for number in range(4)]
    async with opened(migrated_url, lambda: next(ticks)) as ledger:
        receipts += [await ledger.append([opening(f"issue-{number}")]) for number in range(4, 7)]
        log = await ledger.log()
    stamps = [receipt.events[0].recorded_at for receipt in receipts]
    assert stamps[0] == noon
    assert all(earlier < later for earlier, later in itertools.pairwise(stamps))
    assert stamps[5] == noon + 5
    assert [each["recorded_at"] for each in log] == [text(stamp) for stamp in stamps]


async def test_what_was_asked_at_an_instant_stays(migrated_url: str) -> None:
    """After a question about an instant every commit has a later instant, though the clock stands still."""
    noon = 1_750_000_000_000_000
    async with opened(migrated_url, lambda: noon) as ledger:
        await ledger.append([opening("chips")])
        await ledger.ledger.freeze(noon + 100)
        later = await ledger.append([opening("magnets")])
    assert later.events[0].recorded_at > noon + 100


async def test_a_batch_has_one_instant(ledger: Opened) -> None:
    """All events of a batch are recorded at one instant."""
    receipt = await ledger.append([opening("chips"), imposed("quota", "chips"), imposed("ban", "chips")])
    assert len({stored.recorded_at for stored in receipt.events}) == 1


# Append-only


@pytest.mark.parametrize("statement", ["UPDATE event SET recorded_at = 0", "DELETE FROM event"])
async def test_sqlite_refuses_to_change_the_log(migrated_sqlite_url: str, statement: str) -> None:
    """A trigger in the file refuses an UPDATE or a DELETE of an event, whoever sends it."""
    async with opened(migrated_sqlite_url) as ledger:
        await ledger.append([opening("chips")])
    connection = sqlite3.connect(migrated_sqlite_url.removeprefix("sqlite:///"))
    try:
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(statement)
    finally:
        connection.close()


CHANGES = ["UPDATE event SET recorded_at = 0", "DELETE FROM event", "TRUNCATE event"]


@pytest.mark.parametrize("statement", CHANGES)
@pytest.mark.parametrize("role", [None, "parley_app"])
async def test_postgres_refuses_to_change_the_log(migrated_postgres_url: str, statement: str, role: str | None) -> None:
    """The role of the service lacks the right, and a trigger stops even the owner."""
    async with opened(migrated_postgres_url) as ledger:
        await ledger.append([opening("chips")])
    connection = await asyncpg.connect(migrated_postgres_url)
    try:
        if role is not None:
            await connection.execute(f"SET ROLE {role}")
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied" if role else "append-only"):
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_the_service_writes_in_the_role_that_cannot_change_the_log(migrated_postgres_url: str) -> None:
    """The connections of the ledger itself have the role of the service."""
    async with opened(migrated_postgres_url) as ledger:
        await ledger.append([opening("chips")])
        assert [tuple(row) for row in await ledger.database.fetch("SELECT current_user")] == [("parley_app",)]
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await ledger.database.fetch("DELETE FROM event")
        assert await head(ledger) == 1


# Two processes on one database


@asynccontextmanager
async def pair(url: str) -> AsyncIterator[tuple[Opened, Opened]]:
    """Open one database twice, as two processes would."""
    async with opened(url) as one, opened(url) as other:
        yield one, other


async def check_log(ledger: Opened, count: int) -> list[Event]:
    """Check positions without a gap, instants in order, and projections that a rebuild does not change."""
    log = await ledger.log()
    assert [each["position"] for each in log] == list(range(1, count + 1))
    assert len({each["id"] for each in log}) == count
    instants = [each["recorded_at"] for each in log]
    assert instants == sorted(instants)
    assert (await rebuild(ledger.database)).same
    return log


async def test_two_ledgers_see_what_the_other_wrote(migrated_url: str) -> None:
    """A version made through one ledger is at once that of the other, as expected and in a conflict."""
    async with pair(migrated_url) as ledgers:
        await ledgers[0].append([opening("chips")], {"chips": 0})
        for seen in range(1, 9):
            await ledgers[seen % 2].append([eased("quota", "chips")], {"chips": seen})
        for ledger in ledgers:
            with pytest.raises(VersionConflict) as conflict:
                await ledger.append([eased("quota", "chips")], {"chips": 8})
            assert conflict.value.actual == {"chips": 9}
        await check_log(ledgers[0], 9)


async def test_two_ledgers_refuse_only_what_is_wrong_now(migrated_url: str) -> None:
    """What one ledger has put right is right for the other."""
    begun = opening("chips")
    away = record("retracted", begun)
    async with pair(migrated_url) as (one, other):
        await one.append([begun])
        await other.append([eased("quota", "chips")])
        await one.append([away])
        assert await faults_of(other, eased("quota", "chips")) == {"events/0/issues/0"}
        await one.append([record("retracted", away)])
        assert positions(await other.append([eased("quota", "chips")])) == [5]


async def test_two_ledgers_share_one_order(migrated_url: str) -> None:
    """Two ledgers that write to the same items never answer with the same position, and agree with the log."""
    async with pair(migrated_url) as ledgers:
        await ledgers[0].append([opening("chips"), opening("magnets")])
        given = [imposed(f"quota-{number}", "chips") for number in range(10)]
        await ledgers[1].append(given)
        sent = [[eased(f"quota-{number % 10}", "chips", "magnets"), eased("ban", "magnets")] for number in range(60)]
        sent += [[corrected(each, imposed(f"levy-{number}", "magnets"))] for number, each in enumerate(given)]
        outcomes = await all_of([ledgers[number % 2].append(batch) for number, batch in enumerate(sent)])
        log = await check_log(ledgers[0], 12 + 2 * 60 + 10)
        for batch, outcome in zip(sent, outcomes, strict=True):
            assert isinstance(outcome, AppendResult)
            assert bodies(outcome) == [log[position - 1] for position in positions(outcome)]
            assert [each["id"] for each in bodies(outcome)] == [each["id"] for each in batch]
        assert await version(ledgers[1], "chips") == 1 + 10 + 60 + 10
        assert await version(ledgers[1], "magnets") == 1 + 2 * 60 + 10


async def test_two_ledgers_store_the_same_ids_once(migrated_url: str) -> None:
    """Equal batches sent to both ledgers at once are stored once, and all get the same positions."""
    async with pair(migrated_url) as ledgers:
        await ledgers[0].append([opening("chips")])
        for _ in range(6):
            batch = [eased("quota", "chips"), eased("ban", "chips")]
            outcomes = await all_of([ledgers[number % 2].append(batch) for number in range(8)])
            receipts = [outcome for outcome in outcomes if isinstance(outcome, AppendResult)]
            assert len({tuple(positions(receipt)) for receipt in receipts}) == 1
            assert sum(not receipt.repeated for receipt in receipts) == 1
        await check_log(ledgers[0], 1 + 6 * 2)


async def test_two_ledgers_are_one_counter(migrated_url: str) -> None:
    """Of writers that each raise a version from the one they saw, no step is lost and none is taken twice."""
    steps = 5

    async def climb(ledger: Opened) -> None:
        done, seen = 0, 1
        while done < steps:
            try:
                await ledger.append([eased("quota", "chips")], {"chips": seen})
            except VersionConflict as conflict:
                seen = conflict.actual["chips"]
            else:
                done, seen = done + 1, seen + 1

    async with pair(migrated_url) as ledgers:
        await ledgers[0].append([opening("chips")])
        await asyncio.gather(*(climb(ledgers[number % 2]) for number in range(6)))
        assert await version(ledgers[0], "chips") == 1 + 6 * steps
        await check_log(ledgers[0], 1 + 6 * steps)


# A database that breaks off


@pytest.fixture
def quiet() -> Iterator[None]:
    """Keep the tracebacks of expected failures out of the output."""
    with capture_logs():
        yield


async def test_cut_connections_lose_and_double_nothing(migrated_postgres_url: str, quiet: None) -> None:
    """While sessions are cut, each append is answered or safe to repeat, and all are stored once."""
    batches = [[eased(f"quota-{number % 9}", "chips") for _ in range(number % 3 + 1)] for number in range(160)]
    left = iter(batches)
    receipts: list[AppendResult] = []

    async def write(ledger: Opened) -> None:
        for batch in left:
            while True:
                try:
                    receipts.append(await ledger.append(batch))
                except Unavailable:
                    continue
                break
            if len(receipts) % 8 == 0:
                await cut(migrated_postgres_url)

    async with opened(migrated_postgres_url) as ledger:
        await ledger.append([opening("chips")])
        await asyncio.gather(*(write(ledger) for _ in range(8)))
    async with opened(migrated_postgres_url) as ledger:
        log = await check_log(ledger, 1 + sum(map(len, batches)))
        assert len(receipts) == len(batches)
        for receipt in receipts:
            assert bodies(receipt) == [log[position - 1] for position in positions(receipt)]


async def test_the_same_log_has_the_same_views_on_both(migrated_sqlite_url: str, migrated_postgres_url: str) -> None:
    """The projections of one history, with the same instants, are the same on SQLite and on PostgreSQL."""
    given = imposed("quota", "chips")
    history = [
        [opening("chips"), given],
        [
            eased("quota", "chips", occurred="2025-05"),
            event("call.held", "a-call", "chips", participants=[{"name": "é"}]),
        ],
        [corrected(given, imposed("ban", "chips", occurred="[2025-01-01..2025-02-01]"))],
    ]
    digests = []
    for url in (migrated_sqlite_url, migrated_postgres_url):
        ticks = itertools.count(1_750_000_000_000_000, 1_000_000)
        async with opened(url, lambda ticks=ticks: next(ticks)) as ledger:  # type: ignore[misc]
            for number, batch in enumerate(history):
                fixed = [
                    {"id": f"0196b6f0-0000-7000-8000-{number:06}{place:06}", **each} for place, each in enumerate(batch)
                ]
                await ledger.append(fixed)
            digests.append(await digest(ledger.database))
    assert digests[0] == digests[1]


@pytest.mark.anyio
async def test_a_cancelled_write_leaves_the_file_as_it_was(migrated_sqlite_url: str) -> None:
    """A write cancelled while it waits for another process leaves no transaction open."""
    async with opened(migrated_sqlite_url) as ledger:
        other = sqlite3.connect(migrated_sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        statement = "INSERT INTO consumer (name, position, moved_at) VALUES ('reader', 0, 0) RETURNING name"
        writing = asyncio.create_task(ledger.database.execute(statement))
        while not writing.cancelling():
            await asyncio.sleep(0)
            writing.cancel()
        other.execute("ROLLBACK")
        other.close()
        with pytest.raises(asyncio.CancelledError):
            await writing
        assert await ledger.database.fetch("SELECT name FROM consumer") == []
        assert await ledger.database.execute(statement) == [("reader",)]


class Counting:
    """A database that counts the rows that it returns."""

    def __init__(self, database: Database) -> None:
        """`rows` is how many it has returned."""
        self._database = database
        self.rows = 0

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - all else is the database's
        """Return the attribute of the database."""
        return getattr(self._database, name)

    async def fetch(self, sql: str, *parameters: Any) -> Sequence[Row]:  # noqa: ANN401 - as a database takes them
        """Read, and count."""
        rows = await self._database.fetch(sql, *parameters)
        self.rows += len(rows)
        return rows


async def test_under_steady_load_a_record_reads_no_more_than_the_first(
    ledger: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While groups are committed without a pause, each reads the items of its own records, not those of others."""
    monkeypatch.setattr("service.append.groups.GROUP_EVENTS", 2)
    monkeypatch.setattr("service.views.working_set.MEMORY_MAX", 40_000)
    facts = [imposed(f"restriction-{number}", "exports") for number in range(200)]
    await ledger.append([opening("exports"), *facts])
    counting = Counting(ledger.database)
    writing = Ledger(cast("Database", counting), now, uuid4)
    await writing.start()
    read: list[int] = []
    for targets in (facts[:40], facts[40:]):
        before = counting.rows
        batches = [msgspec.convert({"events": [record("disputed", fact, reason="Why?")]}, Batch) for fact in targets]
        await asyncio.gather(*map(writing.append, batches))
        read.append(counting.rows - before)
    await writing.stop()
    few, many = read
    assert many <= 1.5 * few * 160 / 40


# What is left of it


async def refused(ledger: Opened, *events: Event, **members: dict[str, int]) -> bool:
    """Return whether a batch is refused, when it is previewed and when it is sent; keep nothing of the refusals."""
    batch, refusals = msgspec.convert({"events": events, **members}, Batch), 0
    for call in (ledger.ledger.preview, ledger.ledger.append):
        try:
            await call(batch)
        except Refused:
            refusals += 1
    return refusals == 2


async def test_a_refused_batch_is_free_at_once(ledger: Opened) -> None:
    """Nothing of a batch that was refused waits for the garbage collector, whatever the reason was."""
    fact = imposed("quota", "chips")
    await ledger.append([opening("chips"), fact])
    facts = [imposed(f"ban-{number}", "chips") for number in range(100)]
    late = [eased("quota", "chips", occurred=f"{LATE - timedelta(number)}") for number in range(1_000)]
    gc.collect()
    gc.disable()
    try:
        assert await refused(ledger, *facts, record("retracted", imposed("quota", "chips")))  # of an unknown event
        assert await refused(ledger, *facts, fact | {"rate_percent": 7})  # with the id of another event
        assert await refused(ledger, *facts, expected_versions={"chips": 7})
        assert await refused(ledger, *late)  # too much work
        assert gc.collect() < len(facts)
    finally:
        gc.enable()
