"""What stands after histories like those of real measures, by the rule and by the oracle.

A fact is written `change occurred -> effective until END`, or `through END`; the part after the date of the act may be
left out. Each line of a case is a day and what the state says on it; None is no state.
"""

import re
from collections.abc import Callable
from datetime import date
from typing import Any, NamedTuple

import pytest

from tests import oracle
from tests.domain.answers import by_the_rule
from tests.strategies import as_log

Event = dict[str, Any]
Answer = Callable[[list[Event], str, str], Event | None]

ITEM = "zinc"
FACT = re.compile(r"(?P<change>\w+) (?P<occurred>\S+)( -> (?P<effective>\S+))?( (?P<end>until|through) (?P<last>\S+))?")
GAZETTE = {"outlet": "Gazette", "kind": "official"}


class Case(NamedTuple):
    """A history of one item of a kind, and what is so on some days."""

    name: str
    kind: str
    facts: list[Event]
    asked: dict[str, Event | None]


def fact(text: str, *reports: Event, **terms: Any) -> Event:  # noqa: ANN401 - any term
    """Read a fact; without reports it has one that says nothing of its own."""
    read = FACT.fullmatch(text)
    assert read is not None, text
    dates = {name: read[name] for name in ("occurred", "effective") if read[name]}
    ends = {read["end"]: read["last"]} if read["end"] else {}
    return {"change": read["change"], **dates, **ends, **terms, "reports": list(reports) or [GAZETTE]}


def recorded(kind: str, facts: list[Event]) -> list[Event]:
    """Put facts on the one item, each with an id of its place and its change."""
    head = {"item": ITEM, "issues": ["metals"]}
    named = [
        {"id": f"{place}-{each['change']}", "type": f"{kind}.{each['change']}", **each}
        for place, each in enumerate(facts, 1)
    ]
    return as_log([head | {name: value for name, value in each.items() if name != "change"} for each in named])


def by_the_oracle(log: list[Event], item: str, day: str) -> Event | None:
    return oracle.item_state(log, item, date.fromisoformat(day), len(log))


def starts_anew(kind: str, opening: str, status: str) -> Case:
    """Make the case of an item that ran out while it was suspended, and was opened again years later."""
    facts = [
        fact(f"{opening} 2009-01-01 until 2014-01-01"),
        fact("suspended 2010-08-15"),
        fact(f"{opening} 2017-05-19"),
    ]
    return Case(
        f"R1 a suspension does not reach over to a new {kind}",
        kind,
        facts,
        {
            "2012-01-01": {"status": "suspended", "since": "2010-08-15", "ruling": "2-suspended"},
            "2018-01-01": {"status": status, "since": "2017-05-19", "ruling": f"3-{opening}"},
        },
    )


STAYED = [
    fact("imposed 2025-02-01 -> 2025-02-04"),
    fact("invalidated 2025-05-28 -> 2025-06-07"),
]
DECIDED_AT_ONCE = [
    fact("imposed 2025-01-10 -> 2025-02-01", rate_percent=10),
    fact("imposed 2025-01-10 -> 2025-06-01", rate_percent=25),
]

CASES = [
    starts_anew("clearance", "granted", "active"),
    starts_anew("agreement", "in_effect", "in_effect"),
    starts_anew("investigation", "opened", "open"),
    starts_anew("restriction", "imposed", "in_force"),
    Case(
        "R2 a duty imposed again is not hidden by the old suspension",
        "restriction",
        [
            fact("imposed 2019-05-07", rate_percent=17.56),
            fact("suspended 2019-09-19"),
            fact("imposed 2025-07-14", rate_percent=17.09),
        ],
        {
            "2020-01-01": {"status": "suspended", "rate_percent": 17.56, "charged_percent": 0},
            "2025-07-15": {"status": "in_force", "rate_percent": 17.09, "charged_percent": 17.09, "applies": "full"},
        },
    ),
    Case(
        "R3 a judgment that is stayed before it takes hold takes nothing away",
        "restriction",
        [*STAYED, fact("reinstated 2025-05-29")],
        {
            "2025-06-06": {"status": "in_force", "since": "2025-02-04"},
            "2025-06-10": {"status": "in_force", "since": "2025-02-04", "ruling": "1-imposed", "upcoming": []},
        },
    ),
    Case(
        "R3 a stay with an end gives way to the judgment again",
        "restriction",
        [*STAYED, fact("reinstated 2025-05-29 until 2025-10-01")],
        {
            "2025-06-10": {"status": "in_force", "since": "2025-02-04"},
            "2025-09-30": {"status": "in_force"},
            "2025-10-01": {"status": "invalidated", "since": "2025-10-01", "ruling": "2-invalidated"},
        },
    ),
    Case(
        "R4 the sunset comes back with the measure",
        "restriction",
        [
            fact("imposed 2025-02-01 until 2025-09-01"),
            fact("invalidated 2025-05-28"),
            fact("reinstated 2025-05-29"),
        ],
        {
            "2025-05-28": {"status": "invalidated"},
            "2025-05-29": {"status": "in_force", "since": "2025-05-29", "until": "2025-09-01"},
            "2025-10-01": {"status": "expired", "since": "2025-09-01", "ruling": "1-imposed"},
        },
    ),
    Case(
        "R5 a change of scope does not prolong",
        "clearance",
        [fact("granted 2020-01-01 until 2021-01-01"), fact("amended 2020-06-01", scope="alloys only")],
        {
            "2020-07-01": {"status": "active", "scope": "alloys only", "until": "2021-01-01"},
            "2022-01-01": {"status": "expired", "since": "2021-01-01"},
        },
    ),
    Case(
        "R6 a first day that is put off is no day in force",
        "restriction",
        [fact("imposed 2018-06-20 -> 2018-08-04"), fact("postponed 2018-08-03 until 2018-09-18")],
        {
            "2018-08-03": {"status": "announced", "ever_in_force": False},
            "2018-08-10": {
                "status": "announced",
                "since": "2018-06-20",
                "applies": "none",
                "ever_in_force": False,
                "ever_in_force_certainty": "certain",
            },
            "2018-09-18": {"status": "in_force", "since": "2018-09-18", "ever_in_force": True},
        },
    ),
    Case(
        "R6b an end that is put off",
        "restriction",
        [
            fact("imposed 2016-01-01"),
            fact("lifted 2018-02-01 -> 2019-01-01"),
            fact("reinstated 2018-12-20"),
            fact("lifted 2018-12-20 -> 2019-07-01"),
        ],
        {
            "2018-12-01": {"status": "in_force", "next_change": ("2019-07-01", "lifted")},
            "2019-03-01": {"status": "in_force", "since": "2016-01-01", "next_change": ("2019-07-01", "lifted")},
            "2019-07-01": {"status": "lifted", "since": "2019-07-01", "ruling": "4-lifted"},
        },
    ),
    Case(
        "R7 a judgment about a period that is closed leaves the next one alone",
        "clearance",
        [
            fact("granted 2019-06-13"),
            fact("granted 2022-02-04 -> 2022-02-07"),
            fact("revoked 2023-11-13 -> 2020-10-25 until 2022-02-07"),
        ],
        {
            "2020-06-01": {"status": "active", "since": "2019-06-13"},
            "2021-06-01": {"status": "revoked", "since": "2020-10-25", "until": "2022-02-07"},
            "2022-06-01": {"status": "active", "since": "2022-02-07"},
        },
    ),
    Case(
        "R8 what brings a measure back may raise its rate",
        "restriction",
        [
            fact("imposed 2018-06-01", rate_percent=25),
            fact("suspended 2022-01-01"),
            fact("reinstated 2025-06-04", rate_percent=50),
        ],
        {
            "2024-01-01": {"status": "suspended", "rate_percent": 25, "charged_percent": 0},
            "2025-07-01": {"status": "in_force", "rate_percent": 50, "charged_percent": 50},
        },
    ),
    Case(
        "R8b a second suspension starts afresh",
        "restriction",
        [
            fact("imposed 2018", rate_percent=34),
            fact("suspended 2019-01-01 until 2019-07-01", rate_percent=10),
            fact("suspended 2021-01-01"),
        ],
        {
            "2019-02-01": {"status": "suspended", "rate_percent": 34, "charged_percent": 10, "applies": "partly"},
            "2020-01-01": {"status": "in_force", "rate_percent": 34, "charged_percent": 34, "applies": "full"},
            "2021-02-01": {"status": "suspended", "rate_percent": 34, "charged_percent": 0, "applies": "none"},
        },
    ),
    Case(
        "R9 a suspension decided after the measure hides it on the day of its decision",
        "restriction",
        [fact("imposed 2025-02-01 -> 2025-02-04"), fact("suspended 2025-02-03 until 2025-03-04")],
        {
            "2025-02-02": {"status": "announced"},
            "2025-02-03": {"status": "suspended", "since": "2025-02-03", "until": "2025-03-04", "incomplete": False},
            "2025-02-04": {"status": "suspended", "since": "2025-02-03"},
            "2025-03-04": {"status": "in_force", "since": "2025-03-04"},
        },
    ),
    Case(
        "R10 what was taken out for a time is back after it",
        "restriction",
        [
            fact("imposed 2025-01-01"),
            fact("suspended 2025-02-01"),
            fact("reinstated 2025-03-01 until 2025-04-01"),
        ],
        {
            "2025-03-31": {"status": "in_force", "since": "2025-03-01", "next_change": ("2025-04-01", "suspended")},
            "2025-04-02": {"status": "suspended", "since": "2025-04-01", "ruling": "2-suspended"},
        },
    ),
    Case(
        "R11 a proposal to raise a duty ends nothing",
        "restriction",
        [fact("imposed 2018-01-01", rate_percent=25), fact("proposed 2024-05-01", rate_percent=50)],
        {
            "2024-04-01": {"status": "in_force", "upcoming": []},
            "2024-06-01": {"status": "in_force", "rate_percent": 25, "since": "2018-01-01", "ruling": "1-imposed"},
        },
    ),
    Case(
        "R12 of two stages decided at once the next is announced",
        "restriction",
        DECIDED_AT_ONCE,
        {
            "2025-01-20": {
                "status": "announced",
                "rate_percent": 10,
                "charged_percent": 0,
                "upcoming": [("2025-02-01", "in_force", 10), ("2025-06-01", "in_force", 25)],
            },
            "2025-03-01": {
                "status": "in_force",
                "rate_percent": 10,
                "since": "2025-02-01",
                "upcoming": [("2025-06-01", "in_force", 25)],
            },
            "2025-06-01": {"status": "in_force", "rate_percent": 25, "since": "2025-02-01", "ruling": "2-imposed"},
        },
    ),
    Case(
        "M1 what was only proposed is announced once it is decided",
        "restriction",
        [fact("proposed 2024-06-12"), fact("imposed 2024-07-04 -> 2024-07-05")],
        {
            "2024-07-03": {"status": "proposed", "since": "2024-06-12"},
            "2024-07-04": {"status": "announced", "since": "2024-07-04", "ruling": "2-imposed"},
            "2024-07-05": {"status": "in_force", "since": "2024-07-05"},
        },
    ),
    Case(
        "M3 a measure that is renewed each year has stood since its first day",
        "restriction",
        [
            fact("imposed 2014-08-06 -> 2014-08-07 until 2015-08-07"),
            *(fact(f"extended {year}-06-20 until {year + 1}-08-07") for year in range(2015, 2026)),
        ],
        {
            "2014-08-06": {"status": "announced", "since": "2014-08-06"},
            "2025-01-01": {"status": "in_force", "since": "2014-08-07", "until": "2025-08-07"},
            "2026-08-07": {"status": "expired", "since": "2026-08-07"},
        },
    ),
    Case(
        "P1 a measure that holds through a day has no hole before its extension",
        "restriction",
        [fact("imposed 2014-08-07 through 2015-08-06"), fact("extended 2015-06-24 -> 2015-08-07")],
        {
            "2015-08-06": {"status": "in_force", "through": "2015-08-06", "until": None},
            "2015-08-07": {"status": "in_force", "since": "2014-08-07"},
        },
    ),
    Case(
        "P1 without the extension it ends on the day after",
        "restriction",
        [fact("imposed 2014-08-07 through 2015-08-06")],
        {
            "2015-08-06": {"status": "in_force", "next_change": ("2015-08-07", "expired")},
            "2015-08-07": {"status": "expired", "since": "2015-08-07", "through": None},
        },
    ),
    Case(
        "D1 what its only source denies is not so",
        "restriction",
        [fact("imposed 2024-01-01"), fact("lifted 2024-06-01", GAZETTE | {"stance": "denies"})],
        {"2024-06-02": {"status": "in_force", "certainty": "certain", "contested": False, "ruling": "1-imposed"}},
    ),
    Case(
        "D2 two sources that do not agree on the day contest what rules",
        "restriction",
        [
            fact(
                "imposed 2024-07-04",
                {"outlet": "Gazette", "occurred": "2024-07-04"},
                {"outlet": "Herald", "occurred": "2024-07-05"},
            )
        ],
        {
            "2024-07-04": {
                "status": "in_force",
                "certainty": "contested",
                "contested": True,
                "alternatives": [],
                "disagreements": [
                    {
                        "member": "occurred",
                        "says": [
                            {"value": "2024-07-04", "outlets": ["Gazette"]},
                            {"value": "2024-07-05", "outlets": ["Herald"]},
                        ],
                    }
                ],
            }
        },
    ),
]


def coming(entry: Event) -> tuple[str, str | None, float | None]:
    return entry["on"], entry["status"], entry.get("terms", {}).get("rate_percent")


def brief(state: Event | None, names: set[str]) -> Event | None:
    """Return the members that a case asks for; what is to come as its date, status and, in `upcoming`, rate."""
    if state is None:
        return None
    following = state["next_change"]
    shown = state | {
        "next_change": following and (following["on"], following["status"]),
        "upcoming": [coming(each) for each in state["upcoming"]],
        "disagreements": [each for cited in state.get("facts", []) for each in cited.get("disagreements", [])],
    }
    return {name: shown.get(name) for name in names}


@pytest.mark.parametrize("answer", [by_the_oracle, by_the_rule], ids=["oracle", "rule"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_stands(case: Case, answer: Answer) -> None:
    """Given a history, each day asked about has the state of the case."""
    log = recorded(case.kind, case.facts)
    found = {day: brief(answer(log, ITEM, day), set(says or ())) for day, says in case.asked.items()}
    assert found == case.asked


def test_what_is_denied_or_only_proposed_is_on_the_timeline() -> None:
    """Given a lifting that its only source denies, and a proposal to raise what runs, both are there (D1, R11)."""
    denied = fact("lifted 2024-06-01", GAZETTE | {"stance": "denies"})
    log = recorded("restriction", [fact("imposed 2018-01-01"), fact("proposed 2024-05-01"), denied])
    shown = [(each["id"], each["contested"]) for each in oracle.timeline(log, "metals", len(log))]
    assert shown == [("1-imposed", False), ("2-proposed", False), ("3-lifted", True)]


WRONG = fact("imposed 2024-07-04", GAZETTE | {"published": "2024-07-04"}, rate_percent=174)
THEN = date(2024, 12, 31)


def mended(record: Event) -> Event | None:
    """Return the state on the last day of 2024, as published up to it, with a record from a year later."""
    log = [each | {"recorded_at": "2024-07-05T08:00:00Z"} for each in recorded("restriction", [WRONG])]
    later = {"id": "slip", "target": "1-imposed", "reason": "a slip", "position": 2}
    log.append(later | {"recorded_at": "2025-07-05T08:00:00Z"} | record)
    return oracle.item_state(log, ITEM, THEN, oracle.Published(THEN, 2))


def text_with(rate: float) -> Event:
    return {
        name: value
        for name, value in recorded("restriction", [WRONG | {"rate_percent": rate}])[0].items()
        if name not in {"position", "recorded_at"}
    }


def test_a_typing_error_that_is_mended_stays_in_no_past_answer() -> None:
    """Given 174 % for 17.4 %, corrected a year later without reports, nobody ever published 174 (K1)."""
    state = mended({"type": "record.corrected", "event": text_with(17.4)})
    assert state is not None
    assert (state["status"], state["rate_percent"], state["charged_percent"]) == ("in_force", 17.4, 17.4)


def test_a_correction_by_the_source_counts_from_its_own_report() -> None:
    """Given the same correction with a report of 2025, what was published by the end of 2024 is 174."""
    said = [{"outlet": "Gazette", "published": "2025-07-04"}]
    state = mended({"type": "record.corrected", "event": text_with(17.4), "reports": said})
    assert state is not None
    assert state["rate_percent"] == 174


def test_a_fact_that_is_taken_back_without_reports_never_was() -> None:
    """Given the same measure, retracted a year later without reports, there is none on any day (K2)."""
    assert mended({"type": "record.retracted"}) is None
