"""Answers worked out by hand from docs/semantics.md, by the rule and by the oracle, which share no code.

A mere number is a day of June 2025.
"""

from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests import oracle
from tests.domain.answers import by_the_rule, with_required
from tests.oracle import alternative_rulers, bounds, issue_state, item_state, items_of_kind
from tests.strategies import as_log, days_asked, histories

Event = dict[str, Any]

HEAD = 99
ITEM = "gallium-ban"
FREE = {"alternatives"}
"""Fields in which the rules leave a choice."""


def june(day: int) -> str:
    return f"2025-06-{day:02}"


def at(day: int) -> date:
    return date(2025, 6, day)


def fact(name: str, change: str, occurred: str, **fields: Any) -> Event:  # noqa: ANN401 - any field of any event
    """Make a fact on the one restriction of these examples, unless the fields say otherwise; its id is the name."""
    kind = fields.pop("kind", "restriction")
    head = {"id": name, "type": f"{kind}.{change}", "item": ITEM, "issues": ["gallium"], "occurred": occurred}
    return with_required(head | {"reports": [{"outlet": name}]} | fields)


def record(name: str, change: str, target: str, **fields: Any) -> Event:  # noqa: ANN401 - any field of any record
    return {"id": name, "type": f"record.{change}", "target": target, "reason": "found out later"} | fields


def known(log: list[Event], day: int, position: int = HEAD, item: str = ITEM) -> Event:
    """Return the state on a day of June, which must exist; check that the rule has the same one as the oracle."""
    state = item_state(log, item, at(day), position, include_planned=True)
    assert state is not None
    by_rule = ruled(log, day, position, item)
    assert by_rule is not None
    free = dict.fromkeys(FREE, "free")
    assert by_rule | free == state | free
    return state


def absent(log: list[Event], day: int, position: int = HEAD) -> bool:
    """Return whether there is no state on a day of June, by the oracle and the rule, which must agree."""
    absences = {
        item_state(log, ITEM, at(day), position, include_planned=True) is None,
        ruled(log, day, position, ITEM) is None,
    }
    assert len(absences) == 1
    return absences.pop()


def ruled(log: list[Event], day: int, position: int, item: str) -> Event | None:
    """Return the state by the rule of the service, in the names of the examples."""
    return by_the_rule([event for event in log if event["position"] <= position], item, june(day))


def brief(state: Event, *names: str) -> tuple[Any, ...]:
    return tuple(state.get(name) for name in names)


def resting(state: Event) -> list[str]:
    """Return the facts that a state rests on."""
    return [each["id"] for each in state["facts"]]


def sets(state: Event) -> dict[str, list[str]]:
    """Return what each fact of a state gives, without what every opening of these examples gives."""
    given = {"goods", "imposed_by", "instrument"}
    return {each["id"]: [name for name in each["sets"] if name not in given] for each in state["facts"]}


def ahead(state: Event) -> list[tuple[Any, ...]]:
    """Return what is to come, each entry as its date, status and event."""
    return [brief(entry, "on", "status", "event") for entry in state["upcoming"]]


def following(state: Event) -> tuple[Any, ...] | None:
    """Return the next change as its date, status and event."""
    return state["next_change"] and brief(state["next_change"], "on", "status", "event")


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
    assert brief(before, "status", "since", "until", "applies", "charged_percent") == (
        *("announced", june(2), None),
        *("none", 0),
    )
    assert sets(before) == {"ban": ["status", "rate_percent"]}
    assert ahead(before) == [(june(10), "suspended", "pause"), (june(20), "in_force", "pause")]
    assert before["next_change"] == before["upcoming"][0]
    assert brief(during, "status", "since", "until", "applies") == ("suspended", june(10), june(20), "partly")
    assert brief(during, "rate_percent", "charged_percent", "portion") == (145, None, None)
    assert sets(during) == {"ban": ["rate_percent"], "pause": ["status"]}
    assert brief(during, "ever_in_force", "incomplete") == (False, False)
    assert brief(after, "status", "since", "until", "applies") == ("in_force", june(20), None, "full")
    assert brief(after, "ever_in_force", "upcoming", "next_change") == (True, [], None)


def test_an_item_comes_to_be_announced_and_then_in_force() -> None:
    """Given a ban decided on the 5th for the 10th, the 2nd sees both days coming and the 6th the second of them."""
    log = as_log(
        [fact("old", "tightened", june(1), rate_percent=5), fact("ban", "imposed", june(5), effective=june(10))]
    )
    first = known(log, 2)
    assert brief(first, "status", "since", "incomplete") == ("in_force", june(1), True)
    assert ahead(first) == [(june(5), "announced", "ban"), (june(10), "in_force", "ban")]
    assert [entry["terms"].keys() for entry in first["upcoming"]] == [{"imposed_by", "instrument"}] * 2
    assert first["next_change"] == first["upcoming"][0]
    second = known(log, 6)
    assert brief(second, "status", "since", "incomplete") == ("announced", june(5), False)
    assert sets(second) == {"old": ["rate_percent"], "ban": ["status"]}
    assert second["upcoming"] == first["upcoming"][1:]


def test_an_extension_replaces_the_earlier_end() -> None:
    """Given a ban until the 10th, extended on the 8th until the 20th, the 12th is in force once that is known."""
    log = as_log([fact("ban", "imposed", june(1), until=june(10)), fact("longer", "extended", june(8), until=june(20))])
    assert brief(known(log, 7), "status", "since", "until") == ("in_force", june(1), june(10))
    assert ahead(known(log, 7)) == [(june(8), "in_force", "longer"), (june(20), "expired", "longer")]
    assert following(known(log, 7)) == (june(20), "expired", "longer")
    assert brief(known(log, 12), "status", "since", "until") == ("in_force", june(1), june(20))
    assert sets(known(log, 12)) == {"ban": [], "longer": ["status"]}
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
    assert brief(known(tied, 7), "status", "certainty", "ruling") == ("lifted", "certain", "end")
    assert resting(known(tied, 7)) == ["ban", "end"]
    assert brief(known(tied, 7), "ever_in_force", "ever_in_force_certainty") == (False, "certain")
    assert brief(known(apart, 8), "ever_in_force", "ever_in_force_certainty") == (True, "possible")


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
    found = [brief(known(log, 9, position=k), "since", "rate_percent", "ruling") for k in (1, 2, 3, 4)]
    first = (june(1), 10, "ban")
    assert found == [first, (june(2), 20, "ban"), (june(3), 30, "ban"), first]


def test_a_correction_moves_a_fact_and_keeps_its_position_and_added_reports() -> None:
    """Given a fact put on another item in another issue, it stands there alone, before a later fact of that day."""
    place: Event = {"item": "germanium-ban", "issues": ["germanium"]}
    moved = fact("ban", "imposed", june(4), rate_percent=10, reports=[{"outlet": "new"}], **place)
    log = as_log(
        [
            fact("ban", "imposed", june(1)),
            fact("other", "imposed", june(4), item="germanium-ban"),
            record("seen", "report_added", "ban", reports=[{"outlet": "added"}]),
            record("moved", "corrected", "ban", event=moved),
        ]
    )
    assert [each["reports"] for each in known(log, 9, position=3)["facts"]] == [
        [{"outlet": "ban"}, {"outlet": "added"}]
    ]
    assert absent(log, 9, 4)
    there = known(log, 9, item="germanium-ban")
    assert brief(there, "ruling", "issues") == ("other", ["gallium", "germanium"])
    assert {each["id"]: each["reports"] for each in there["facts"]} == {
        "ban": [{"outlet": "new"}, {"outlet": "added"}],
        "other": [{"outlet": "other"}],
    }
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
    assert brief(after, "status", "since", "until", "incomplete") == ("in_force", june(20), None, True)
    assert "until_condition" not in after


def test_a_suspension_says_what_is_collected_and_leaves_the_rate() -> None:
    """Given 145 %, suspended to 10 % until the 20th, and eased to 30 % until the 25th, each holds for its time."""
    log = as_log(
        [
            fact("ban", "imposed", june(1), rate_percent=145, instrument="tariff"),
            fact("pause", "suspended", june(5), until=june(20), rate_percent=10, legal_reference="US-EO:14298"),
            fact("ease", "eased", june(2), until=june(25), rate_percent=30),
        ]
    )
    names = ("rate_percent", "charged_percent", "status", "applies", "legal_reference")
    assert {day: brief(known(log, day), *names) for day in (1, 2, 5, 20, 25)} == {
        1: (145, 145, "in_force", "full", None),
        2: (30, 30, "in_force", "full", None),
        5: (30, 10, "suspended", "partly", "US-EO:14298"),
        20: (30, 30, "in_force", "full", None),
        25: (145, 145, "in_force", "full", None),
    }
    assert known(log, 5)["instrument"] == "tariff"
    assert sets(known(log, 5)) == {"ban": [], "ease": ["rate_percent"], "pause": ["status", "legal_reference"]}
    assert ahead(known(log, 5)) == [(june(20), "in_force", "pause"), (june(25), "in_force", "ease")]
    assert [entry["terms"] for entry in known(log, 5)["upcoming"]] == [{"legal_reference": None}, {"rate_percent": 145}]
    assert following(known(log, 21)) == (june(25), "in_force", "ease")


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
    assert brief(known(log, 10), "status", "since", "ruling") == ("expired", june(10), "ban")
    assert resting(known(log, 10)) == ["ban"]


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
    assert brief(known(log, 9, item="word"), "status", "since", "until") == ("open", june(1), june(10))
    assert brief(known(log, 10, item="word"), "status", "since", "until") == ("open", june(1), None)
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
    plan = {
        "on": june(12),
        "status": "in_session",
        "event": "plan",
        "type": "round.resumed",
        "terms": {},
        "modality": "planned",
        "overdue": False,
        "because": "fact",
    }
    stop = {
        "on": june(13),
        "status": "adjourned",
        "event": "stop",
        "type": "round.adjourned",
        "terms": {},
        "modality": "asserted",
        "overdue": False,
        "because": "fact",
    }
    assert brief(known(log, 12), "status", "upcoming", "next_change") == ("in_session", [plan, stop], stop)
    assert brief(known(log, 13), "status", "upcoming", "ruling") == ("adjourned", [], "stop")
    late = known(log, 13, position=4)
    assert brief(late, "status", "upcoming", "next_change") == ("in_session", [plan | {"overdue": True}], None)


def test_a_planned_change_off_the_base_track_gives_the_status_it_would_bring() -> None:
    """Given planned overlay and terms changes, their entries say `suspended` or the running status."""
    plans = ["tightened", "suspended", "suspension_extended", "postponed", "reinstated"]
    later = [fact(name, name, june(9 + n), modality="planned") for n, name in enumerate(plans)]
    log = as_log([*reversed(later), fact("ban", "imposed", june(1))])
    found = [brief(entry, "event", "status", "on") for entry in known(log, 2)["upcoming"]]
    assert found == [
        ("tightened", "in_force", june(9)),
        ("suspended", "suspended", june(10)),
        ("suspension_extended", "suspended", june(11)),
        ("postponed", "suspended", june(12)),
        ("reinstated", "in_force", june(13)),
    ]


@pytest.mark.parametrize(
    ("own", "later", "contested"),
    [
        ([{"outlet": "A", "occurred": "2025-06"}, {"outlet": "B"}], [], False),
        ([{"outlet": "A", "occurred": june(2)}], [], False),
        ([{"outlet": "A", "occurred": june(2)}, {"outlet": "B"}], [], True),
        ([{"outlet": "A", "occurred": "[2025-05-30,2025-06-02]"}, {"outlet": "B"}], [], True),
        ([{"outlet": "A", "stance": "denies"}, {"outlet": "B"}], [], True),
        ([{"outlet": "A", "terms": {"rate_percent": 25}}], [], False),
        ([{"outlet": "A", "terms": {"rate_percent": 25}}, {"outlet": "B"}], [], True),
        ([{"outlet": "A", "terms": {"rate_percent": 20}}, {"outlet": "B"}], [], False),
        ([{"outlet": "A"}], [record("doubt", "disputed", "ban")], True),
        ([{"outlet": "A"}], [record("doubt", "disputed", "ban"), record("fine", "retracted", "doubt")], False),
        (
            [{"outlet": "A"}],
            [record("more", "report_added", "ban", reports=[{"outlet": "B", "stance": "denies"}])],
            True,
        ),
    ],
)
def test_a_denial_reports_that_do_not_agree_or_a_dispute_contest_a_fact(
    own: list[Event], later: list[Event], *, contested: bool
) -> None:
    """Given a ban of the 1st with these reports and records on it, the item is contested or not."""
    log = as_log([fact("ban", "imposed", june(1), rate_percent=20, reports=own), *later])
    wanted = (contested, "contested" if contested else "certain")
    assert brief(known(log, 9), "contested", "certainty") == wanted


def test_an_issue_is_there_before_its_first_day_and_counts_what_names_it() -> None:
    """Given an issue opened on the 5th with a ban, a licence and a record, each (D, K) has its posture and version."""
    issue = {"kind": "issue", "item": "gallium"}
    licence = {"kind": "clearance", "item": "licence", "granted_by": "CN", "beneficiaries": []}
    log = as_log(
        [
            fact("open", "opened", june(5), title="Gallium", **issue),
            fact("ban", "imposed", june(1), effective=june(6)),
            fact("licence", "granted", june(7), until=june(9), **licence),
            record("seen", "report_added", "ban", reports=[{"outlet": "B"}]),
            fact("round", "scheduled", june(3), kind="round", item="talks", issues=["other"]),
            fact("shut", "closed", june(20), **issue),
        ]
    )
    head = known(log, 1, item="gallium")
    assert brief(head, "status", "since", "ruling", "certainty") == ("open", june(5), "open", "certain")
    assert brief(known(log, 20, item="gallium"), "status", "since", "ruling") == ("closed", june(20), "shut")

    def seen(day: int, position: int = HEAD, *, ended: bool = False) -> tuple[Any, ...]:
        state = issue_state(log, "gallium", at(day), position, include_ended=ended)
        assert state is not None
        items = {kind: [item["status"] for item in items] for kind, items in state["items"].items()}
        assert state["posture_certainty"] == "certain"
        return (*brief(state, "title", "posture", "version"), items)

    assert issue_state(log, "gallium", at(9), 0) is None
    assert seen(1, position=1) == ("Gallium", "open", 1, {})
    assert seen(1, position=4) == ("Gallium", "announced", 4, {"restriction": ["announced"]})
    assert seen(6) == ("Gallium", "restricted", 5, {"restriction": ["in_force"]})
    assert seen(8) == ("Gallium", "partially_cleared", 5, {"restriction": ["in_force"], "clearance": ["active"]})
    assert seen(9) == ("Gallium", "restricted", 5, {"restriction": ["in_force"]})
    assert seen(9, ended=True)[-1] == {"restriction": ["in_force"], "clearance": ["expired"]}
    assert seen(20)[:3] == ("Gallium", "closed", 5)


# What the examples above do not use: ends by `through`, quotas, terms taken away, plans, readings of a whole item.


@pytest.mark.parametrize(
    ("through", "last", "shown"),
    [
        (june(9), 9, june(10)),
        ("2025-06", 30, "2025-07-01"),
        (f"[{june(9)}..{june(12)}]", 9, f"[{june(10)}..{june(13)}]"),
        (f"[{june(9)},{june(12)}]", 9, f"[{june(10)},{june(13)}]"),
    ],
)
def test_what_holds_through_a_day_ends_on_the_day_after(through: str, last: int, shown: str) -> None:
    """Given a ban through some day, it stands on that day, and the day after is shown as its end."""
    log = as_log([fact("ban", "imposed", june(1), through=through)])
    before = known(log, last)
    assert brief(before, "status", "through", "until") == ("in_force", through, None)
    assert ahead(before) == [(shown, "expired", "ban")]
    end = item_state(log, ITEM, date.fromordinal(at(last).toordinal() + 1), HEAD)
    assert end is not None
    assert brief(end, "status", "since", "through") == ("expired", shown, None)


def test_an_open_through_ends_after_its_first_day_and_one_to_the_last_day_of_all_never() -> None:
    """Given these ends, the earliest reading of the first is over long since, and the second is none."""
    open_end = as_log([fact("ban", "imposed", "[..2025-06-01]", through="[..2025-06-09]")])
    assert brief(known(open_end, 2), "status", "since", "certainty") == ("expired", "[..2025-06-10]", "possible")
    forever = as_log([fact("ban", "imposed", june(1), through="9999")])
    assert brief(known(forever, 9), "status", "through", "upcoming") == ("in_force", "9999", [])


def test_a_quota_that_is_used_up_hides_until_it_is_reopened() -> None:
    """Given a licence used up on the 5th, reopened for some days, and renewed, each day has its status."""
    head = {"kind": "clearance"}
    log = as_log(
        [
            fact("licence", "granted", june(1), scope="ore", **head),
            fact("spent", "exhausted", june(5), used={"volume": 100}, **head),
            fact("more", "reopened", june(8), until=june(10), scope="more ore", **head),
            fact("again", "granted", june(15), **head),
        ]
    )
    names = ("status", "since", "scope", "used", "ruling")
    assert {day: brief(known(log, day), *names) for day in (4, 5, 8, 10, 15)} == {
        4: ("active", june(1), "ore", None, "licence"),
        5: ("exhausted", june(5), "ore", {"volume": 100}, "spent"),
        8: ("active", june(8), "more ore", None, "licence"),
        10: ("exhausted", june(10), "ore", {"volume": 100}, "spent"),
        15: ("active", june(15), "ore", None, "again"),
    }


def test_a_suspension_hides_a_used_up_quota_and_gives_its_own_terms_alone() -> None:
    """Given a licence both used up and suspended, it is suspended, and what the quota says does not count."""
    head = {"kind": "clearance"}
    log = as_log(
        [
            fact("licence", "granted", june(1), **head),
            fact("spent", "exhausted", june(5), used={"volume": 100}, **head),
            fact("pause", "suspended", june(6), until=june(9), scope="none", **head),
        ]
    )
    assert brief(known(log, 6), "status", "used", "scope") == ("suspended", None, "none")
    assert brief(known(log, 9), "status", "used", "scope") == ("exhausted", {"volume": 100}, None)


def test_a_term_is_taken_away_at_its_place() -> None:
    """Given a rate that is unset on the 5th and given again on the 8th, it is gone between, as `upcoming` says."""
    log = as_log(
        [
            fact("ban", "imposed", june(1), rate_percent=20),
            fact("flat", "amended", june(5), unset=["rate_percent"], until=june(15)),
            fact("again", "amended", june(8), rate_percent=30, until=june(12)),
        ]
    )
    rates = {day: brief(known(log, day), "rate_percent", "charged_percent") for day in (4, 5, 8, 12, 15)}
    assert rates == {4: (20, 20), 5: (None, None), 8: (30, 30), 12: (None, None), 15: (20, 20)}
    assert [entry["terms"] for entry in known(log, 4)["upcoming"]] == [
        {"rate_percent": value} for value in (None, 30, None, 20)
    ]
    assert "charged_percent" not in known(log, 5)
    assert following(known(log, 4)) == (june(5), "in_force", "flat")


def test_an_announcement_that_is_postponed_stays_announced() -> None:
    """Given a measure announced for the 5th and postponed on the 3rd until the 20th, it is announced throughout."""
    log = as_log(
        [
            fact("news", "announced", june(1), effective=june(5)),
            fact("wait", "postponed", june(3), until=june(20)),
        ]
    )
    assert {known(log, day)["status"] for day in range(1, 22)} == {"announced"}
    assert brief(known(log, 10), "ruling", "since") == ("wait", june(1))


def test_a_measure_in_force_that_is_postponed_is_suspended() -> None:
    """Given a ban that stood for a day before it was put off, it is suspended."""
    log = as_log([fact("ban", "imposed", june(1)), fact("wait", "postponed", june(2), until=june(5))])
    assert {day: known(log, day)["status"] for day in (1, 2, 4, 5)} == {
        1: "in_force",
        2: "suspended",
        4: "suspended",
        5: "in_force",
    }


def test_a_pause_that_is_over_gives_no_terms() -> None:
    """Given an item known by a suspension alone, what that says is gone once it is over, though it rules."""
    log = as_log([fact("pause", "suspended", june(5), until=june(9), legal_reference="US-EO:14298")])
    assert brief(known(log, 8), "legal_reference", "ruling") == ("US-EO:14298", "pause")
    assert brief(known(log, 9), "legal_reference", "ruling", "status") == (None, "pause", "in_force")


def test_what_is_denied_by_all_its_reports_does_not_count() -> None:
    """Given a ban whose one report denies it, there is none until another report bears it out."""
    denied = fact("ban", "imposed", june(1), reports=[{"outlet": "A", "stance": "denies"}])
    log = as_log([denied, record("seen", "report_added", "ban", reports=[{"outlet": "B"}])])
    assert absent(log, 9, 1)
    (cited,) = known(log, 9)["facts"]
    assert cited["disagreements"] == [
        {"member": "stance", "says": [{"value": "denies", "outlets": ["A"]}, {"value": "reports", "outlets": ["B"]}]}
    ]


def test_reports_say_on_what_they_do_not_agree() -> None:
    """Given reports of another day and of other rates, each value is shown with its outlets, and one report once."""
    own = [
        {"outlet": "A", "occurred": june(2), "terms": {"rate_percent": 25}},
        {"outlet": "B"},
        {"outlet": "A"},
        {"outlet": "C", "terms": {"rate_percent": 25, "portion": "part"}},
        {"outlet": "B"},
    ]
    (cited,) = known(as_log([fact("ban", "imposed", june(1), rate_percent=20, reports=own)]), 9)["facts"]
    assert cited["reports"] == own[:4]
    assert cited["disagreements"] == [
        {
            "member": "occurred",
            "says": [{"value": june(2), "outlets": ["A"]}, {"value": june(1), "outlets": ["B", "A", "C"]}],
        },
        {
            "member": "portion",
            "says": [{"value": None, "outlets": ["A", "B"]}, {"value": "part", "outlets": ["C"]}],
        },
        {
            "member": "rate_percent",
            "says": [{"value": 25, "outlets": ["A", "C"]}, {"value": 20, "outlets": ["B", "A"]}],
        },
    ]


def test_an_item_that_is_only_planned_is_answered_where_that_is_asked() -> None:
    """Given two plans, the first is the state where planned items are asked for; a plan that all deny is none."""
    later = fact("later", "imposed", june(2), effective=june(20), modality="planned", rate_percent=30)
    sooner = fact("sooner", "imposed", june(3), effective=june(10), modality="planned", rate_percent=20)
    log = as_log([later, sooner])
    assert item_state(log, ITEM, at(9), HEAD) is None
    state = known(log, 11)
    names = ("status", "since", "ruling", "rate_percent", "certainty", "applies", "charged_percent", "next_change")
    assert brief(state, *names) == ("planned", june(3), "sooner", 20, "certain", "none", 0, None)
    assert [brief(entry, "event", "overdue") for entry in state["upcoming"]] == [("sooner", True), ("later", False)]
    denied = as_log([sooner | {"reports": [{"outlet": "A", "stance": "denies"}]}])
    assert absent(denied, 9)


def test_the_sources_are_those_of_what_stands_of_all_or_none() -> None:
    """Given a ban, extended and tightened twice, the first tightening stands no more, and the rest is as asked."""
    log = as_log(
        [
            fact("ban", "imposed", june(1)),
            fact(
                "one",
                "tightened",
                june(2),
                rate_percent=10,
                reports=[{"outlet": "A"}, {"outlet": "A", "stance": "denies"}],
            ),
            fact("two", "tightened", june(3), rate_percent=20),
        ]
    )
    found = {asked: item_state(log, ITEM, at(9), HEAD, sources=asked) for asked in ("standing", "all", "none")}
    assert [None if state is None else state["contested"] for state in found.values()] == [False] * 3
    assert found["standing"] is not None
    assert found["all"] is not None
    assert found["none"] is not None
    assert sets(found["standing"]) == {"ban": ["status"], "two": ["rate_percent"]}
    assert sets(found["all"]) == {"ban": ["status"], "one": [], "two": ["rate_percent"]}
    assert "facts" not in found["none"]


def test_twenty_changes_to_come_are_shown_and_the_others_counted() -> None:
    """Given 23 changes of the rate ahead, three are only counted."""
    steps = [fact(f"step-{day}", "tightened", june(day), rate_percent=day) for day in range(2, 25)]
    state = known(as_log([fact("ban", "imposed", june(1)), *steps]), 1)
    assert (len(state["upcoming"]), state["upcoming_more"]) == (20, 3)
    assert state["upcoming"][-1]["terms"] == {"rate_percent": 21}


def test_a_posture_is_certain_where_every_choice_of_statuses_gives_it() -> None:
    """Given a ban that may be in force and a licence that may be active, each day has its posture and certainty."""
    log = as_log(
        [
            fact("open", "opened", june(1), kind="issue", item="gallium"),
            fact("ban", "imposed", june(1)),
            fact("licence", "granted", f"[{june(5)}..{june(7)}]", kind="clearance", item="licence"),
        ]
    )
    found = {}
    for day in (4, 5, 6, 7):
        state = issue_state(log, "gallium", at(day), HEAD)
        assert state is not None
        found[day] = brief(state, "posture", "posture_certainty")
    assert found == {
        4: ("restricted", "certain"),
        5: ("partially_cleared", "possible"),
        6: ("partially_cleared", "possible"),
        7: ("partially_cleared", "certain"),
    }


def test_whether_a_measure_was_ever_in_force_is_asked_of_every_reading() -> None:
    """Given a ban of the 7th or earlier and its suspension of the 5th, it may never have been in force."""
    log = as_log([fact("ban", "imposed", "[..2025-06-07]"), fact("pause", "suspended", june(5))])
    names = ("status", "ever_in_force", "ever_in_force_certainty")
    assert brief(known(log, 4), *names) == ("in_force", True, "possible")
    assert brief(known(log, 5), *names) == ("suspended", True, "possible")


def test_facts_in_an_order_against_their_places_take_a_day_each() -> None:
    """Given a licence, brought back on the 5th, and two uncertain facts, a status is first possible on the 7th."""
    head = {"kind": "clearance"}
    log = as_log(
        [
            fact("licence", "granted", june(1), **head),
            fact("back", "reinstated", june(5), **head),
            fact("gone", "revoked", f"[{june(5)}..{june(12)}]", **head),
            fact("again", "applied", f"[{june(5)}..{june(14)}]", **head),
        ]
    )
    found = {day: set(alternative_rulers(log, ITEM, at(day), HEAD)) for day in (5, 6, 7)}
    assert found == {5: {"active"}, 6: {"active", "revoked"}, 7: {"active", "revoked", "applied"}}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(history=histories(), day=days_asked())
def test_leaving_days_out_of_wide_strings_loses_no_reading(history: list[Event], day: date) -> None:
    """Given any history, cutting bounded strings as wide ones are cut finds the same statuses and rulers."""
    log = as_log(history)
    for item in oracle.items_in_order(log, HEAD):
        facts = oracle.counting(oracle.facts_of(log, item, HEAD))
        found = oracle.rulers_by_status(facts, day), ever(facts, day)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(oracle, "PLAIN_DAYS", 0)
            assert (oracle.rulers_by_status(facts, day), ever(facts, day)) == found


def ever(facts: list[oracle.Fact], day: date) -> set[bool]:
    """Return whether the item was ever in force, in each reading."""
    return {oracle.in_force_up_to(facts, reading, day) for reading in oracle.readings(facts, day)}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(history=histories(), day=days_asked())
def test_what_is_to_come_leads_to_what_is(history: list[Event], day: date) -> None:
    """Given any history, `upcoming` followed entry by entry gives the status and the terms of each later day."""
    log = as_log(history)
    for item in oracle.items_in_order(log, HEAD):
        facts = oracle.counting(oracle.facts_of(log, item, HEAD))
        reading = oracle.earliest_reading(facts)
        now = oracle.outcome_in(facts, reading, day)
        status, terms = now.status, oracle.terms(now, reading, day)
        entries = {bounds(entry["on"])[0]: entry for entry in oracle.changes(facts, day)}
        for later in oracle.days_between(day, date(2025, 7, 20)):
            if later in entries:
                status, changed = entries[later]["status"], entries[later]["terms"]
                terms = {name: value for name, value in (terms | changed).items() if value is not None}
            then = oracle.outcome_in(facts, reading, later)
            assert (then.status, oracle.terms(then, reading, later)) == (status, terms)
