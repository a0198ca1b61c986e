"""Answers worked out by hand from docs/semantics.md, by the rule and by the oracle, which share no code.

A mere number is a day of June 2025.
"""

import json
from datetime import date
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from service.domain.rule.item import Item
from service.domain.vocabulary.events import FACTS, AnyEvent, Fact, Record
from tests import oracle
from tests.oracle import alternative_rulers, bounds, issue_state, item_state, items_of_kind, next_changes
from tests.strategies import REQUIRED, as_log, days_asked, histories

Event = dict[str, Any]

HEAD = 99
ITEM = "gallium-ban"
FREE = {"alternatives", "next_change"}
"""Fields in which the rules leave a choice."""


def june(day: int) -> str:
    return f"2025-06-{day:02}"


def at(day: int) -> date:
    return date(2025, 6, day)


def fact(name: str, change: str, occurred: str, **fields: Any) -> Event:  # noqa: ANN401 - any field of any event
    """Make a fact on the one restriction of these examples, unless the fields say otherwise; its id is the name."""
    kind = fields.pop("kind", "restriction")
    head = {"id": name, "type": f"{kind}.{change}", "item": ITEM, "issues": ["gallium"], "occurred": occurred}
    return head | {"reports": [{"outlet": name}]} | fields


def record(name: str, change: str, target: str, **fields: Any) -> Event:  # noqa: ANN401 - any field of any record
    return {"id": name, "type": f"record.{change}", "target": target, "reason": "found out later"} | fields


def known(log: list[Event], day: int, position: int = HEAD, item: str = ITEM) -> Event:
    """Return the state on a day of June, which must exist; check that the rule has the same one as the oracle."""
    state = item_state(log, item, at(day), position)
    assert state is not None
    by_rule = ruled(log, day, position, item)
    assert by_rule is not None
    assert {name: value for name, value in by_rule.items() if name in state.keys() - FREE} == {
        name: value for name, value in state.items() if name not in FREE
    }
    return state


def absent(log: list[Event], day: int, position: int = HEAD) -> bool:
    """Return whether there is no state on a day of June, by the oracle and the rule, which must agree."""
    absences = {item_state(log, ITEM, at(day), position) is None, ruled(log, day, position, ITEM) is None}
    assert len(absences) == 1
    return absences.pop()


def ruled(log: list[Event], day: int, position: int, item: str) -> Event | None:
    """Return the state by the rule of the service, in the names of the examples."""
    events = [event for event in log if event["position"] <= position]
    names = {str(uuid5(NAMESPACE_OID, event["id"])): event["id"] for event in events}
    state = Item.of([typed(event) for event in events], item).state(at(day).toordinal())
    if state is None:
        return None
    text = state.body.decode()
    for written, name in names.items():
        text = text.replace(written, name)
    found: Event = json.loads(text)
    return found


def typed(event: Event) -> Fact | Record:
    """An event of the examples as the service reads it: with UUIDs, and with the terms that its type requires."""
    plain = {name: value for name, value in event.items() if name not in {"position", "recorded_at"}}
    made: Fact | Record = msgspec.convert(completed(plain), AnyEvent)
    return made


def completed(event: Event) -> Event:
    """The event with what an example leaves out because the rule does not look at it."""
    ids: Event = {name: str(uuid5(NAMESPACE_OID, event[name])) for name in ("id", "target") if name in event}
    text: Event = {"event": completed(event["event"])} if "event" in event else {}
    fields = msgspec.structs.fields(FACTS[event["type"]]) if event["type"] in FACTS else ()
    of_kind = REQUIRED.get(event["type"].partition(".")[0], {})
    missing = {field.name: of_kind[field.name] for field in fields if field.required and field.name in of_kind}
    return {**missing, **event, **ids, **text}


def brief(state: Event, *names: str) -> tuple[Any, ...]:
    return tuple(state[name] for name in names)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2025", date(2025, 1, 1), date(2025, 12, 31)),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("2025-06-09", at(9), at(9)),
        ("[2025-06-05..2025-06-08]", at(5), at(8)),
        ("[..2025-06-09]", date.min, at(9)),
        ("[2025-06-09,2025-06-12]", at(9), at(12)),
        ("[2025-06-09..2025-06-09]", at(9), at(9)),
    ],
)
def test_every_form_of_a_date_has_its_first_and_last_day(text: str, first: date, last: date) -> None:
    """Given a form of the table of section 1, its bounds are those of that table."""
    assert bounds(text) == (first, last)


@pytest.mark.parametrize(
    "text",
    [
        *("", "25", "2025-13", "2025-06-31", "0000", "2025-6-9", "2025~", "2025-06-05/2025-06-08", "[2025-06-09..]"),
        *("[2025-06..2025-07]", "[2025-06-09..2025-06-08]", "[2025-06-09,2025-06-09]", "[2025-06-09, 2025-06-12]"),
    ],
)
def test_everything_else_is_no_date(text: str) -> None:
    """Given a string outside the subset, the oracle refuses it."""
    with pytest.raises(ValueError, match=r"date|month|day|year"):
        bounds(text)


def test_a_suspension_decided_before_the_first_day_defeats_that_day() -> None:
    """Given a ban from the 10th, suspended beforehand from the 10th to the 20th, it is in force from the 20th only."""
    log = as_log(
        [
            fact("ban", "imposed", june(2), effective=june(10), rate_percent=145),
            fact("pause", "suspended", june(5), effective=june(10), until=june(20), portion="part"),
        ]
    )
    assert absent(log, 1)
    before, during, after = known(log, 9), known(log, 10), known(log, 20)
    assert brief(before, "status", "since", "until", "events", "applies") == (
        "announced",
        june(2),
        None,
        ["ban"],
        "none",
    )
    assert before["upcoming"] == [
        {"on": june(10), "status": "suspended", "event": "ban", "modality": "asserted"},
        {"on": june(10), "status": "suspended", "event": "pause", "modality": "asserted"},
        {"on": june(20), "status": "in_force", "event": "pause", "modality": "asserted"},
    ]
    assert before["next_change"] in before["upcoming"][:2]
    assert next_changes(log, ITEM, at(9), HEAD) == before["upcoming"][:2]
    assert brief(during, "status", "since", "until", "applies") == ("suspended", june(10), june(20), "partly")
    assert brief(during, "events", "ever_in_force", "incomplete") == (["ban", "pause"], False, False)
    assert brief(after, "status", "since", "until", "applies") == ("in_force", june(10), None, "full")
    assert brief(after, "ever_in_force", "upcoming", "next_change") == (True, [], None)


def test_an_item_comes_to_be_announced_and_then_in_force() -> None:
    """Given a ban decided on the 5th for the 10th, the 2nd sees both days coming and the 6th the second of them."""
    log = as_log(
        [fact("old", "tightened", june(1), rate_percent=5), fact("ban", "imposed", june(5), effective=june(10))]
    )
    first = known(log, 2)
    assert brief(first, "status", "since", "events", "incomplete") == ("in_force", june(1), ["old"], True)
    assert first["upcoming"] == [
        {"on": june(5), "status": "announced", "event": "ban", "modality": "asserted"},
        {"on": june(10), "status": "in_force", "event": "ban", "modality": "asserted"},
    ]
    assert first["next_change"] == first["upcoming"][0]
    second = known(log, 6)
    assert brief(second, "status", "since", "events", "incomplete") == ("announced", june(5), ["old", "ban"], False)
    assert second["upcoming"] == first["upcoming"][1:]


def test_an_extension_replaces_the_earlier_end() -> None:
    """Given a ban until the 10th, extended on the 8th until the 20th, the 12th is in force once that is known."""
    log = as_log([fact("ban", "imposed", june(1), until=june(10)), fact("longer", "extended", june(8), until=june(20))])
    assert brief(known(log, 7), "status", "since", "until") == ("in_force", june(1), june(10))
    assert known(log, 7)["next_change"] == {
        "on": june(20),
        "status": "expired",
        "event": "longer",
        "modality": "asserted",
    }
    assert brief(known(log, 12), "status", "since", "until") == ("in_force", june(8), june(20))
    assert brief(known(log, 20), "status", "since", "until", "applies") == ("expired", june(20), None, "none")
    assert brief(known(log, 12, position=1), "status", "since", "until") == ("expired", june(10), None)
    assert known(log, 12, position=1)["ever_in_force"]


def test_a_month_is_possible_from_its_first_day_and_certain_on_its_last() -> None:
    """Given a licence granted in June, it may be active from the 1st on and is so for certain on the 30th."""
    log = as_log([fact("licence", "granted", "2025-06", kind="clearance", granted_by="CN", beneficiaries=[])])
    assert item_state(log, ITEM, date(2025, 5, 31), HEAD) is None
    assert brief(known(log, 29), "status", "since", "certainty") == ("active", "2025-06", "possible")
    assert known(log, 29)["alternatives"] == [{"status": "active", "event": "licence"}, {"status": None, "event": None}]
    assert brief(known(log, 30), "status", "certainty", "alternatives") == ("active", "certain", [])


def test_two_ranges_may_come_in_either_order_but_one_string_is_one_day() -> None:
    """Given a ban and its lifting in ranges that overlap, either may be last; in one string, the lifting is."""
    mine, theirs = "[2025-06-05..2025-06-07]", "[2025-06-06..2025-06-08]"
    apart = as_log([fact("ban", "imposed", mine), fact("end", "lifted", theirs)])
    assert known(apart, 8)["alternatives"] == [
        {"status": "lifted", "event": "end"},
        {"status": "in_force", "event": "ban"},
    ]
    assert alternative_rulers(apart, ITEM, at(8), HEAD) == {"lifted": {"end"}, "in_force": {"ban"}}
    assert alternative_rulers(apart, ITEM, at(5), HEAD) == {"in_force": {"ban"}, None: {None}}
    tied = as_log([fact("end", "lifted", mine), fact("ban", "imposed", mine)])
    assert alternative_rulers(tied, ITEM, at(6), HEAD) == {"lifted": {"end"}, None: {None}}
    assert brief(known(tied, 7), "status", "certainty", "events") == ("lifted", "certain", ["ban", "end"])
    assert not known(tied, 7)["ever_in_force"]


def test_a_pair_is_one_of_two_days_and_an_open_range_any_day_up_to_its_last() -> None:
    """Given a ban on the 9th or the 12th, no other day is read; given two open ranges, either order is, on any day."""
    pair = as_log([fact("ban", "imposed", "[2025-06-09,2025-06-12]"), fact("end", "lifted", june(10))])
    assert alternative_rulers(pair, ITEM, at(9), HEAD) == {"in_force": {"ban"}, None: {None}}
    assert alternative_rulers(pair, ITEM, at(11), HEAD) == {"lifted": {"end"}}
    assert alternative_rulers(pair, ITEM, at(12), HEAD) == {"lifted": {"end"}, "in_force": {"ban"}}
    opened = as_log([fact("ban", "imposed", "[..2025-06-09]"), fact("end", "lifted", "[..2025-06-10]")])
    every: dict[str | None, set[str | None]] = {"lifted": {"end"}, "in_force": {"ban"}, None: {None}}
    assert alternative_rulers(opened, ITEM, date(2024, 1, 1), HEAD) == every
    assert known(opened, 10)["status"] == "lifted"


def test_a_retraction_of_a_retraction_restores() -> None:
    """Given a ban that is retracted and then not, each K answers as it was known then."""
    log = as_log(
        [fact("ban", "imposed", june(1)), record("wrong", "retracted", "ban"), record("right", "retracted", "wrong")]
    )
    assert known(log, 3, position=1)["status"] == "in_force"
    assert absent(log, 3, 2)
    assert known(log, 3, position=3)["status"] == "in_force"


def test_a_correction_of_a_correction_holds_and_falls_with_the_first() -> None:
    """Given a corrected correction, the last text holds; once the first is retracted, the fact as recorded."""
    log = as_log(
        [
            fact("ban", "imposed", june(1), rate_percent=10),
            record("once", "corrected", "ban", event=fact("ban", "imposed", june(2), rate_percent=20)),
            record("twice", "corrected", "once", event=fact("ban", "imposed", june(3), rate_percent=30)),
            record("undone", "retracted", "once"),
        ]
    )
    found = [brief(known(log, 9, position=k), "since", "rate_percent", "events") for k in (1, 2, 3, 4)]
    first = (june(1), 10, ["ban"])
    assert found == [first, (june(2), 20, ["ban"]), (june(3), 30, ["ban"]), first]


def test_a_correction_moves_a_fact_and_keeps_its_position_and_added_reports() -> None:
    """Given a fact put on another item in another issue, it stands there alone, before a later fact of that day."""
    moved = fact("ban", "imposed", june(4), item="germanium-ban", issues=["germanium"], reports=[{"outlet": "new"}])
    log = as_log(
        [
            fact("ban", "imposed", june(1)),
            fact("other", "imposed", june(4), item="germanium-ban"),
            record("seen", "report_added", "ban", reports=[{"outlet": "added"}]),
            record("moved", "corrected", "ban", event=moved),
        ]
    )
    assert known(log, 9, position=3)["reports"] == [{"outlet": "ban"}, {"outlet": "added"}]
    assert absent(log, 9, 4)
    there = known(log, 9, item="germanium-ban")
    assert brief(there, "events", "issues") == (["ban", "other"], ["gallium", "germanium"])
    assert there["reports"] == [{"outlet": "new"}, {"outlet": "added"}, {"outlet": "other"}]
    assert [state["id"] for state in items_of_kind(log, "restriction", at(9), HEAD)] == ["germanium-ban"]


def test_without_an_opening_the_item_runs_and_is_incomplete() -> None:
    """Given only a suspension until the 20th, the item is suspended to the 20th, then in force, unopened."""
    log = as_log([fact("pause", "suspended", june(5), until=june(20), until_condition="or earlier")])
    during, after = known(log, 19), known(log, 20)
    assert brief(during, "status", "until", "until_condition", "incomplete") == (
        "suspended",
        june(20),
        "or earlier",
        True,
    )
    assert brief(during, "applies", "ever_in_force") == ("none", False)
    assert brief(after, "status", "since", "until", "incomplete") == ("in_force", june(5), None, True)
    assert "until_condition" not in after


def test_the_terms_of_a_suspension_hold_while_it_hides_the_item() -> None:
    """Given 145 %, suspended to 10 % until the 20th, and eased to 30 % until the 25th, each rate holds for its time."""
    log = as_log(
        [
            fact("ban", "imposed", june(1), rate_percent=145, instrument="tariff"),
            fact("pause", "suspended", june(5), until=june(20), rate_percent=10),
            fact("ease", "eased", june(2), until=june(25), rate_percent=30),
        ]
    )
    rates = {day: brief(known(log, day), "rate_percent", "status", "applies") for day in (1, 2, 5, 20, 25)}
    assert rates == {
        1: (145, "in_force", "full"),
        2: (30, "in_force", "full"),
        5: (10, "suspended", "partly"),
        20: (30, "in_force", "full"),
        25: (145, "in_force", "full"),
    }
    assert known(log, 5)["instrument"] == "tariff"
    assert [entry["on"] for entry in known(log, 5)["upcoming"]] == [june(20), june(25)]
    assert known(log, 21)["next_change"] is None


def test_what_a_suspension_leaves_is_asked_of_the_last_one_and_its_extensions() -> None:
    """Given a pause that left a part and a second one that does not, the later one decides what applies."""
    log = as_log(
        [
            fact("first", "suspended", june(1), portion="part"),
            fact("longer", "suspension_extended", june(3)),
            fact("back", "reinstated", june(5)),
            fact("second", "suspended", june(7)),
            fact("some", "suspension_extended", june(9), rate_percent=10),
            fact("none", "suspension_extended", june(11), rate_percent=0),
        ]
    )
    found = {day: known(log, day)["applies"] for day in (1, 3, 5, 7, 9, 11)}
    assert found == {1: "partly", 3: "partly", 5: "full", 7: "none", 9: "partly", 11: "none"}


def test_a_suspension_does_not_outlive_the_measure() -> None:
    """Given a suspension until the 20th of a ban until the 10th, the ban has expired on the 10th."""
    log = as_log([fact("ban", "imposed", june(1), until=june(10)), fact("pause", "suspended", june(5), until=june(20))])
    assert brief(known(log, 9), "status", "until") == ("suspended", june(20))
    assert brief(known(log, 10), "status", "since", "events") == ("expired", june(10), ["ban", "pause"])


def test_an_offer_lapses_but_a_commitment_does_not() -> None:
    """Given both with an end on the 10th, the offer has lapsed on that day and the commitment stays open."""
    log = as_log(
        [
            fact("deal", "made", june(1), kind="offer", item="deal", until=june(10)),
            fact("word", "given", june(1), kind="commitment", item="word", until=june(10)),
        ]
    )
    assert brief(known(log, 9, item="deal"), "status", "since", "until") == ("open", june(1), june(10))
    assert brief(known(log, 10, item="deal"), "status", "since", "until") == ("lapsed", june(10), None)
    assert brief(known(log, 10, item="word"), "status", "since", "until") == ("open", june(1), june(10))
    assert known(log, 9, item="word")["upcoming"] == []


def test_a_planned_fact_stands_in_upcoming_until_something_later_happens() -> None:
    """Given a round planned to resume on the 12th, the plan stands until it is adjourned on the 13th."""
    log = as_log(
        [
            fact("start", "started", june(9), kind="round"),
            fact("plan", "resumed", june(12), kind="round", modality="planned"),
            fact("perhaps", "concluded", june(10), kind="round", modality="conditional"),
            fact("never", "cancelled", june(10), kind="round", modality="denied"),
            fact("stop", "adjourned", june(13), kind="round"),
        ]
    )
    plan = {"on": june(12), "status": "in_session", "event": "plan", "modality": "planned"}
    stop = {"on": june(13), "status": "adjourned", "event": "stop", "modality": "asserted"}
    assert brief(known(log, 12), "status", "upcoming", "next_change") == ("in_session", [stop, plan], stop)
    assert brief(known(log, 13), "status", "upcoming", "events") == ("adjourned", [], ["start", "stop"])
    assert brief(known(log, 13, position=4), "status", "upcoming", "next_change") == ("in_session", [plan], None)


def test_a_planned_change_off_the_base_track_gives_the_status_it_would_bring() -> None:
    """Given planned overlay and terms changes, their entries say `suspended` or the running status."""
    plans = ["tightened", "suspended", "suspension_extended", "reinstated"]
    later = [fact(name, name, june(9 + n), modality="planned") for n, name in enumerate(plans)]
    log = as_log([*reversed(later), fact("ban", "imposed", june(1))])
    found = [brief(entry, "event", "status", "on") for entry in known(log, 2)["upcoming"]]
    assert found == [
        ("tightened", "in_force", june(9)),
        ("suspended", "suspended", june(10)),
        ("suspension_extended", "suspended", june(11)),
        ("reinstated", "in_force", june(12)),
    ]


@pytest.mark.parametrize(
    ("own", "later", "contested"),
    [
        ([{"outlet": "A", "occurred": "2025-06"}, {"outlet": "B"}], [], False),
        ([{"outlet": "A", "occurred": june(2)}], [], False),
        ([{"outlet": "A", "occurred": june(2)}, {"outlet": "B"}], [], True),
        ([{"outlet": "A", "occurred": "[2025-05-30,2025-06-02]"}, {"outlet": "B"}], [], True),
        ([{"outlet": "A", "stance": "denies"}], [], True),
        ([{"outlet": "A"}], [record("doubt", "disputed", "ban")], True),
        ([{"outlet": "A"}], [record("doubt", "disputed", "ban"), record("fine", "retracted", "doubt")], False),
        (
            [{"outlet": "A"}],
            [record("more", "report_added", "ban", reports=[{"outlet": "B", "stance": "denies"}])],
            True,
        ),
    ],
)
def test_a_denial_two_dates_apart_or_a_dispute_contest_a_fact(
    own: list[Event], later: list[Event], *, contested: bool
) -> None:
    """Given a ban of the 1st with these reports and records on it, the item is contested or not."""
    log = as_log([fact("ban", "imposed", june(1), reports=own), *later])
    assert known(log, 9)["contested"] is contested


def test_an_issue_is_there_before_its_first_day_and_counts_what_names_it() -> None:
    """Given an issue opened on the 5th with a ban, a licence and a record, each (D, K) has its posture and version."""
    issue = {"kind": "issue", "item": "gallium"}
    licence = {"kind": "clearance", "item": "licence", "granted_by": "CN", "beneficiaries": []}
    log = as_log(
        [
            fact("open", "opened", june(5), title="Gallium", parties=["CN", "US"], **issue),
            fact("ban", "imposed", june(1), effective=june(6)),
            fact("licence", "granted", june(7), until=june(9), **licence),
            record("seen", "report_added", "ban", reports=[{"outlet": "B"}]),
            fact("round", "scheduled", june(3), kind="round", item="talks", issues=["other"]),
            fact("shut", "closed", june(20), **issue),
        ]
    )
    head = known(log, 1, item="gallium")
    assert brief(head, "status", "since", "events", "certainty") == ("open", june(5), ["open"], "certain")

    def seen(day: int, position: int = HEAD, *, ended: bool = False) -> tuple[Any, ...]:
        state = issue_state(log, "gallium", at(day), position, include_ended=ended)
        assert state is not None
        items = {kind: [item["status"] for item in items] for kind, items in state["items"].items()}
        return (*brief(state, "title", "posture", "version"), items)

    assert issue_state(log, "gallium", at(9), 0) is None
    assert seen(1, position=1) == ("Gallium", "open", 1, {})
    assert seen(1, position=4) == ("Gallium", "announced", 4, {"restriction": ["announced"]})
    assert seen(6) == ("Gallium", "restricted", 5, {"restriction": ["in_force"]})
    assert seen(8) == ("Gallium", "partially_cleared", 5, {"restriction": ["in_force"], "clearance": ["active"]})
    assert seen(9) == ("Gallium", "restricted", 5, {"restriction": ["in_force"]})
    assert seen(9, ended=True)[-1] == {"restriction": ["in_force"], "clearance": ["expired"]}
    assert seen(20)[:3] == ("Gallium", "closed", 5)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(history=histories(), day=days_asked())
def test_leaving_days_out_of_wide_strings_loses_no_reading(history: list[Event], day: date) -> None:
    """Given any history, cutting bounded strings as wide ones are cut finds the same statuses and rulers."""
    log = as_log(history)
    for item in oracle.items_in_order(log, HEAD):
        facts = oracle.asserted(oracle.facts_of(log, item, HEAD))
        found = oracle.rulers_by_status(facts, day)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(oracle, "PLAIN_DAYS", 0)
            assert oracle.rulers_by_status(facts, day) == found
