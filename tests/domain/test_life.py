"""The rule against the oracle: every day of small random histories, without a database."""

import json
from datetime import date, timedelta
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.rule.facts import Entry
from service.domain.rule.item import Item
from service.domain.vocabulary.events import AnyEvent, encode
from tests import oracle
from tests.events import event
from tests.strategies import FIRST_DAY, WINDOW, as_log, histories

Event = dict[str, Any]
DAYS = [FIRST_DAY + timedelta(step) for step in range(-2, WINDOW + 14)]


def events_of(history: list[Event]) -> list[Any]:
    return [msgspec.convert(each, AnyEvent) for each in history]


def recorded(history: list[Event]) -> list[Event]:
    """Return a history as the log has it: what is left out and what is the default are the same."""
    return as_log([json.loads(encode(event)) for event in events_of(history)])


def items_of(history: list[Event]) -> list[str]:
    return oracle.items_in_order(as_log(history), len(history))


def state(item: Item, day: date, *, planned: bool = False) -> Event | None:
    found = item.state(day.toordinal())
    if found is None or (found.status == "planned" and not planned):
        return None
    decoded: Event = json.loads(found.body)
    return decoded


@settings(max_examples=150)
@given(histories(), st.data())
def test_every_day_is_answered_as_the_document_has_it(history: list[Event], data: st.DataObject) -> None:
    """Each item of a history, on a day drawn for it: every member but the choice of a ruling fact for a status."""
    log, events = recorded(history), events_of(history)
    for slug in items_of(history):
        item = Item.of(events, slug)
        day = data.draw(st.sampled_from(DAYS))
        found, truth = state(item, day, planned=True), oracle.item_state(log, slug, day, len(log), include_planned=True)
        assert (found is None) == (truth is None), (slug, day, found, truth)
        if found is None or truth is None:
            continue
        rulers = oracle.alternative_rulers(log, slug, day, len(log))
        assert [each["status"] for each in found["alternatives"]] == [
            each["status"] for each in truth["alternatives"]
        ], (slug, day)
        assert all(each["event"] in rulers[each["status"]] for each in found["alternatives"])
        del found["alternatives"], truth["alternatives"]
        assert found == truth, (slug, day)


def test_a_plan_is_since_its_own_day_though_another_stood_before_it() -> None:
    """Of two plans the first is overtaken by an end that is over at once: the state is since the other's `occurred`."""
    terms = {"imposed_by": "CN", "instrument": "quota", "goods": [{"name": "terbium"}]}
    history = [
        event("restriction.proposed", "quota", "chips", occurred="2025-06-04", modality="planned", **terms),
        event("restriction.withdrawn", "quota", "chips", occurred="2025-06-03", until="2025-06-03"),
        event("restriction.proposed", "quota", "chips", occurred="2025-06-03", modality="planned", **terms),
    ]
    item = Item.of(events_of(history), "quota")
    found = [state(item, date(2025, 6, day), planned=True) for day in (2, 3)]
    assert [each and (each["since"], each["ruling"]) for each in found] == [
        ("2025-06-03", history[2]["id"]),
        ("2025-06-04", history[0]["id"]),
    ]


def test_uncertain_days_of_changes_with_the_same_status_leave_it_certain() -> None:
    """Ten extensions in one month, in whatever order, leave a suspension as it is: there is nothing to try out."""
    ranges = [f"[2025-03-{day:02}..2025-03-20]" for day in range(1, 11)]
    history = [
        event("clearance.granted", "licence", "chips", occurred="2025-01-01", granted_by="US", beneficiaries=[]),
        event("clearance.suspended", "licence", "chips", occurred="2025-02-01"),
        *[event("clearance.extended", "licence", "chips", occurred=each) for each in ranges],
    ]
    found = state(Item.of(events_of(history), "licence"), date(2025, 3, 25))
    assert found is not None
    assert (found["status"], found["certainty"], found["alternatives"]) == ("suspended", "certain", [])


@settings(max_examples=150)
@given(histories())
def test_a_life_that_grows_is_that_of_an_item_which_is_loaded(history: list[Event]) -> None:
    """Event by event, the segments that are written again and those that are left are those of all events at once."""
    events = events_of(history)
    for slug in items_of(history):
        bearing = [Entry(position, event) for position, event in enumerate(events, 1)]
        own = Item.of(events, slug)
        grown = Item(own.number, slug, own.kind.name)
        for entry in bearing:
            if entry.event.id not in own.roots:
                continue
            root = grown.add(entry)
            before = {segment.start: segment for segment in grown.segments}
            changes = grown.reweigh(root)
            for change in changes:
                assert before.pop(change.start, None) == change.before
                if change.after is not None:
                    before[change.start] = change.after
            assert sorted(before) == [segment.start for segment in grown.segments]
            assert [before[segment.start] for segment in grown.segments] == list(grown.segments)
            fresh = Item.load(
                own.number,
                slug,
                own.kind.name,
                0,
                [each for each in bearing if each.position <= entry.position and each.event.id in own.roots],
            )
            assert [(each.start, states(grown, index)) for index, each in enumerate(grown.segments)] == [
                (each.start, states(fresh, index)) for index, each in enumerate(fresh.segments)
            ]


def states(item: Item, index: int) -> bytes | None:
    found = item.state(item.segments[index].start)
    return found and found.body
