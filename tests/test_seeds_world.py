"""The world set: every fact has sources, ids follow their rule, states on chosen days are what the acts say."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from service import transfer
from service.app import create_app
from service.domain.vocabulary import dates
from service.domain.vocabulary.events import Fact, Record, decode
from service.settings import Settings
from service.storage import files
from tests.ledgers import opened

Client = TestClient[Litestar]
SET = "world"
LINES = (files.data("seeds") / f"{SET}.ndjson").read_bytes().splitlines()
EVENTS: list[dict[str, Any]] = [json.loads(line) for line in LINES]
BY_ID = {event["id"]: event for event in EVENTS}
NAMESPACE = uuid5(NAMESPACE_URL, "urn:parley:seeds:world")
READ = "2026-11-28"
"""The day on which the stored sources were read: nothing in the set was published later."""


def published(event: dict[str, Any]) -> int:
    """Return the day from which an event counts as known: the last on which its earliest report may have come out."""
    return min(dates.parse(report["published"]).hi for report in event["reports"])


def item_of(event: dict[str, Any]) -> str:
    """Return the item of an event; a record takes its target's."""
    return str((event if "item" in event else BY_ID[event["target"]])["item"])


def test_every_line_is_an_event_and_every_history_has_its_facts() -> None:
    """There are at least 12 histories, each with 8 to 25 facts that name its issue."""
    assert all(isinstance(decode(line), Fact | Record) for line in LINES)
    facts = Counter(issue for event in EVENTS for issue in event.get("issues", ()))
    histories = {event["item"] for event in EVENTS if event["type"] == "issue.opened"}
    assert len(histories) >= 12
    assert set(facts) == histories
    assert [issue for issue, count in facts.items() if not 8 <= count <= 25] == []


def test_ids_are_made_by_the_rule() -> None:
    """An id is a UUID of version 5 from the type, the item and, from the second of a pair on, its number."""
    seen: Counter[tuple[str, str]] = Counter()
    for event in EVENTS:
        pair = (event["type"], item_of(event))
        seen[pair] += 1
        number = f" {seen[pair]}" if seen[pair] > 1 else ""
        assert UUID(event["id"]) == uuid5(NAMESPACE, f"{pair[0]} {pair[1]}{number}")
    assert len(BY_ID) == len(EVENTS)


def test_every_report_names_its_place() -> None:
    """Each report has an outlet and a day, and an address or the place of the act in its series."""
    for report in (report for event in EVENTS for report in event["reports"]):
        assert report["outlet"]
        assert report["language"] == "en"
        assert report["kind"] in {"official", "named", "anonymous"}
        assert report["date_basis"] in {"stated", "inferred"}
        assert dates.parse(report["published"]).hi <= dates.parse(READ).hi
        assert "url" in report or "locator" in report or "title" in report, report


def test_what_only_inferred_dates_support_has_a_note() -> None:
    """A fact for which no source states the day says in its note where the day is from; a record has a reason."""
    for event in EVENTS:
        if event["type"].startswith("record."):
            assert event["reason"]
        elif all(report["date_basis"] == "inferred" for report in event["reports"]):
            assert event["note"], event["id"]


def test_lines_are_in_the_order_in_which_they_became_known() -> None:
    """The issues come first, then the rest by the day from which it is known."""
    types = [event["type"] for event in EVENTS]
    opened_issues = types.count("issue.opened")
    assert set(types[:opened_issues]) == {"issue.opened"}
    days = [published(event) for event in EVENTS[opened_issues:]]
    assert days == sorted(days)


def test_names_do_not_meet_those_of_the_other_sets() -> None:
    """All sets can be loaded into one ledger: they share no item."""
    for name in set(transfer.seeds()) - {SET}:
        lines = (files.data("seeds") / f"{name}.ndjson").read_bytes().splitlines()
        others = {json.loads(line).get("item") for line in lines}
        assert not others & {item_of(event) for event in EVENTS}, name


@pytest.mark.anyio
async def test_it_loads_after_the_other_sets_and_only_once(migrated_url: str) -> None:
    """The set is found by its name and can follow the others; loading it again records nothing."""
    async with opened(migrated_url) as ledger:
        for name in transfer.seeds():
            recorded, known = await transfer.seed(ledger.database, ledger.ledger, name)
            assert (recorded > 0, known) == (True, 0)
        once = await ledger.log()
        assert await transfer.seed(ledger.database, ledger.ledger, SET) == (0, len(LINES))
        assert await ledger.log() == once


@pytest.fixture(scope="module")
def client(shared_url: str) -> Iterator[Client]:
    """A ledger with the set on each database, over HTTP; it is only read."""
    with TestClient(create_app(Settings(database_url=shared_url)), raise_server_exceptions=False) as client:
        answer = client.post("/v1/events", json={"events": EVENTS})
        assert answer.status_code == 201, answer.text
        warned = [EVENTS[int(warning["pointer"].split("/")[2])] for warning in answer.json()["warnings"]]
        # Both stand in place of the general duty, which is an item of the US-China set.
        assert [event["item"] for event in warned] == [
            "us-reciprocal-duty-on-swiss-goods",
            "us-reciprocal-duty-on-indian-goods",
        ]
        assert [event["in_place_of"] for event in warned] == [["reciprocal-tariff-all-partners"]] * 2
        yield client


def test_after_the_other_sets_nothing_is_warned_of(migrated_sqlite_url: str) -> None:
    """What the set names of other sets is there when they are."""
    names = [*sorted(set(transfer.seeds()) - {SET}), SET]
    sets = [(files.data("seeds") / f"{name}.ndjson").read_bytes().splitlines() for name in names]
    with TestClient(create_app(Settings(database_url=migrated_sqlite_url))) as client:
        answers = [client.post("/v1/events", json={"events": [json.loads(line) for line in lines]}) for lines in sets]
    assert answers[-1].json()["warnings"] == []


def ask(client: Client, path: str, day: str, known: str = READ) -> dict[str, Any]:
    """Return the answer about a path on a day, by what had been published by another day; {} when it is a 404."""
    response = client.get(f"/v1/{path}", params={"as_of": day, "known_basis": "published", "known_at": known})
    assert response.status_code in {200, 404}, response.text
    answer: dict[str, Any] = response.json()
    return answer if response.status_code == 200 else {}


def lives(client: Client, path: str, *days: str, known: str = READ) -> list[str | None]:
    """Return the status of an item on some days; None where it has none."""
    return [ask(client, path, day, known).get("status") for day in days]


def pick(client: Client, path: str, day: str, known: str, *fields: str) -> tuple[Any, ...]:
    """Return some fields of a state; absent ones are None."""
    state = ask(client, path, day, known)
    return tuple(state.get(field) for field in fields)


def charged(client: Client, day: str, *items: str) -> list[float]:
    """Return what some duties collect on a day."""
    return [ask(client, f"restrictions/{item}", day)["charged_percent"] for item in items]


def test_the_duties_of_the_aircraft_dispute(client: Client) -> None:
    """84 FR 54245 from 18 October 2019, aircraft at 15 from 18 March 2020; 86 FR 14513 from 11 March 2021."""
    goods, aircraft = "us-301-duty-on-other-eu-goods", "us-301-aircraft-duty-on-airbus-countries"
    days = ["2019-10-17", "2019-10-18", "2021-03-10", "2021-03-11", "2021-07-11", "2026-07-10"]
    lived = ["announced", "in_force", "in_force", "suspended", "suspended", "suspended"]
    assert lives(client, f"restrictions/{goods}", *days) == lived
    assert charged(client, "2020-03-17", goods, aircraft) == [25, 10]
    assert charged(client, "2020-03-18", goods, aircraft) == [25, 15]
    assert charged(client, "2022-01-01", goods, aircraft) == [0, 0]
    # Regulation (EU) 2020/1646 from 10 November 2020, 2021/425 for four months, 2021/1123 for five years.
    days = ["2020-11-09", "2020-11-10", "2021-03-11", "2026-07-10"]
    lived = ["announced", "in_force", "suspended", "suspended"]
    assert lives(client, "restrictions/eu-aircraft-dispute-duties-on-us", *days) == lived


def test_the_five_years_for_the_united_kingdom_were_published_after_they_began(client: Client) -> None:
    """86 FR 13961: to 4 July 2021. 86 FR 36313, out on the 9th: five years from the 4th."""
    path = "restrictions/us-301-aircraft-dispute-duties-on-uk"
    assert pick(client, path, "2021-07-05", "2021-07-08", "status", "since") == ("in_force", "2021-07-04")
    assert pick(client, path, "2021-07-05", "2021-07-09", "status", "until") == ("suspended", "2026-07-04")


def test_the_five_years_are_over_and_the_schedule_still_has_no_duty(client: Client) -> None:
    """Without the schedule of 2026 (Revision 21) the US duties would apply again; with it they stay suspended."""
    path = "restrictions/us-301-duty-on-other-eu-goods"
    assert pick(client, path, "2026-09-01", "2026-07-31", "status") == ("in_force",)
    assert pick(client, path, "2026-09-01", READ, "status", "until") == ("suspended", None)


def test_the_grain_initiative_and_its_prolongations(client: Client) -> None:
    """Signed for 120 days, prolonged for 120, 60 and 60; it ran through 17 July 2023."""
    path = "agreements/black-sea-grain-initiative"
    days = ["2022-07-21", "2022-07-22", "2022-10-31", "2022-11-19", "2023-03-19", "2023-07-17", "2023-07-18"]
    lived = [None, "in_effect", "in_effect", "in_effect", "in_effect", "in_effect", "terminated"]
    assert lives(client, path, *days) == lived
    assert pick(client, path, "2022-11-19", "2022-11-16", "status") == ("expired",)
    # Russia said 60 days, Ukraine 120.
    assert pick(client, path, "2023-04-01", READ, "certainty", "through") == ("contested", "2023-05-18")
    assert pick(client, path, "2022-12-01", READ, "certainty") == ("certain",)
    memorandum = "agreements/un-russia-food-and-fertiliser-memorandum"
    assert pick(client, memorandum, "2025-07-21", READ, "status", "certainty") == ("signed", "certain")
    assert pick(client, memorandum, "2025-07-22", READ, "certainty") == ("possible",)
    assert pick(client, memorandum, "2025-07-23", READ, "status", "certainty") == ("expired", "certain")


def test_rice_and_wheat_of_india(client: Client) -> None:
    """DGFT 20/2023: banned on 20 July 2023; 28 September 2024: free at 490 dollars; 23 October 2024: free."""
    ban, price = "restrictions/india-white-rice-export-ban", "restrictions/india-minimum-export-price-for-white-rice"
    days = ["2023-07-19", "2023-07-20", "2024-09-27", "2024-09-28", "2024-10-22", "2024-10-23"]
    assert lives(client, ban, *days) == [None, "in_force", "in_force", "lifted", "lifted", "lifted"]
    assert lives(client, price, *days) == [None, None, None, "in_force", "in_force", "lifted"]
    minimum = [{"amount": 490, "currency": "USD", "per": "t", "basis": "minimum_price"}]
    assert ask(client, price, "2024-10-01")["rates"] == minimum
    broken = "restrictions/india-broken-rice-export-ban"
    days = ["2022-09-08", "2022-09-09", "2025-03-06", "2025-03-07"]
    assert lives(client, broken, *days) == ["announced", "in_force", "in_force", "lifted"]
    # DGFT 06/2015-2020 of 13 May 2022 still stands when 62/2025-26 opens a window of 2.5 million tonnes in it.
    assert lives(client, "restrictions/india-wheat-export-ban", "2022-05-12", "2026-03-01") == [None, "in_force"]
    window = "clearances/india-wheat-export-window-2026"
    assert lives(client, window, "2026-02-12", "2026-02-13", "2026-02-24") == [None, "agreed", "active"]


def test_the_export_duty_on_parboiled_rice(client: Client) -> None:
    """Through 16 October 2023, then through 31 March 2024, then without end; 10 percent from 27 September 2024."""
    path = "restrictions/india-export-duty-on-parboiled-rice"
    assert pick(client, path, "2023-10-20", "2023-10-12", "status") == ("expired",)
    assert pick(client, path, "2023-10-20", "2023-10-13", "status", "rate_percent") == ("in_force", 20)
    assert pick(client, path, "2024-05-01", "2024-04-01", "status") == ("expired",)
    days = ["2024-05-01", "2024-09-26", "2024-09-27", "2024-10-21"]
    assert [charged(client, day, "india-export-duty-on-parboiled-rice")[0] for day in days] == [20, 20, 10, 10]
    assert lives(client, path, "2024-10-22") == ["lifted"]


def test_rice_by_its_codes(client: Client) -> None:
    """In India parboiled rice is 1006 30 10, basmati 1006 30 20, other white rice 1006 30 90, broken rice 1006 40."""

    def found(hs: str, day: str) -> set[str]:
        page = client.get("/v1/restrictions", params={"as_of": day, "hs": hs, "by": "IN", "status": "in_force"}).json()
        return {restriction["id"] for restriction in page["items"]}

    assert found("10063090", "2024-01-15") == {"india-white-rice-export-ban"}
    assert found("10063010", "2024-01-15") == {"india-export-duty-on-parboiled-rice"}
    assert found("100630", "2024-01-15") == {
        "india-white-rice-export-ban",
        "india-export-duty-on-parboiled-rice",
        "india-minimum-export-price-for-basmati",
    }
    assert found("10064000", "2025-03-06") == {"india-broken-rice-export-ban"}
    assert found("1006", "2025-03-07") == set()
    assert found("1001", "2025-03-07") == {"india-wheat-export-ban"}


def test_nickel_ore(client: Client) -> None:
    """MEMR 11/2019: no low-grade ore from 1 January 2020; a halt of nine days before; DS592 appealed into the void."""
    days = ["2019-10-31", "2019-12-31", "2020-01-01", "2026-01-01"]
    lived = ["announced", "announced", "in_force", "in_force"]
    assert lives(client, "restrictions/indonesia-low-grade-nickel-ore-export-ban", *days) == lived
    halt = "restrictions/indonesia-nickel-ore-export-halt-2019"
    assert lives(client, halt, "2019-10-28", "2019-10-29", "2019-11-07") == [None, "in_force", "lifted"]
    days = ["2019-11-21", "2021-02-21", "2021-02-22", "2022-11-30", "2022-12-08"]
    path = "disputes/wto-ds592-nickel"
    assert lives(client, path, *days) == [None, "open", "open", "ruled", "open"]


def test_the_steel_safeguard(client: Client) -> None:
    """2018/1013; 2019/159 through June 2021; 2021/1029 through June 2024; 2024/1782 through June 2026; 2026/1384."""
    provisional, measure = "restrictions/eu-steel-provisional-safeguard", "restrictions/eu-steel-safeguard-measure"
    days = ["2018-07-18", "2018-07-19", "2019-02-01", "2019-02-02"]
    assert lives(client, provisional, *days) == ["announced", "in_force", "in_force", "superseded"]
    assert lives(client, measure, *days) == [None, None, "announced", "in_force"]
    assert pick(client, measure, "2021-07-01", "2021-06-24", "status") == ("expired",)
    assert pick(client, measure, "2021-07-01", "2021-06-25", "status", "through") == ("in_force", "2024-06-30")
    assert lives(client, measure, "2026-06-30", "2026-07-01") == ["in_force", "expired"]
    later = "restrictions/eu-steel-overcapacity-measure"
    days = ["2025-10-06", "2026-06-16", "2026-06-30", "2026-07-01"]
    assert lives(client, later, *days) == [None, "proposed", "announced", "in_force"]
    quota = {"volume": 18300000, "unit": "t", "from": "2026-07-01", "through": "2027-06-30"}
    rates = [
        {"percent": 0, "basis": "additional", "quota": "in"},
        {"percent": 50, "basis": "additional", "quota": "over"},
    ]
    spared = ["IS", "LI", "NO"]
    assert pick(client, later, "2026-07-01", READ, "quota", "rates", "except_parties") == (quota, rates, spared)
    assert [rate["percent"] for rate in ask(client, measure, "2026-06-30")["rates"]] == [0, 25]


AD, CVD = "us-antidumping-duty-on-softwood-lumber", "us-countervailing-duty-on-softwood-lumber"
LUMBER = "us-232-duty-on-softwood-timber-and-lumber"


@pytest.mark.parametrize(
    ("day", "antidumping", "countervailing", "combined"),
    [
        ("2018-01-03", 6.04, 14.19, 20.23),  # the orders, 83 FR 350 and 347
        ("2020-12-01", 1.57, 7.42, 8.99),  # first review
        ("2021-12-02", 11.59, 6.32, 17.91),
        ("2022-08-09", 4.76, 3.83, 8.59),
        ("2023-08-01", 6.2, 1.79, 7.99),
        ("2024-08-19", 7.66, 6.74, 14.40),
        ("2025-08-11", 20.56, 6.74, 27.30),  # for two weeks the new antidumping and the old countervailing rate
        ("2025-08-12", 20.56, 14.63, 35.19),  # sixth review
    ],
)
def test_what_most_canadian_mills_pay(
    client: Client, day: str, antidumping: float, countervailing: float, combined: float
) -> None:
    """The rates of companies that were not examined one by one, and the sum that the press has."""
    rates = charged(client, day, AD, CVD)
    assert rates == [antidumping, countervailing]
    assert round(sum(rates), 2) == combined


def test_softwood_lumber(client: Client) -> None:
    """The agreement ran through 12 October 2015; Proclamation 10976 adds 10 percent from 14 October 2025."""
    agreement = "agreements/softwood-lumber-agreement-2006"
    days = ["2006-10-12", "2013-10-13", "2015-10-12", "2015-10-13"]
    assert lives(client, agreement, *days) == ["in_effect", "in_effect", "in_effect", "expired"]
    assert lives(client, f"restrictions/{LUMBER}", "2025-10-13", "2025-10-14") == ["announced", "in_force"]
    assert round(sum(charged(client, "2025-10-14", AD, CVD, LUMBER)), 2) == 45.19
    days = ["2018-04-09", "2020-08-24", "2020-09-28"]
    assert lives(client, "disputes/wto-ds533-softwood-lumber", *days) == ["open", "ruled", "open"]


def test_the_one_day_threat_to_colombia(client: Client) -> None:
    """26 January 2025: threatened and withdrawn; what is in force the day after are visas and inspections."""
    path = "threats/us-threat-duty-on-colombian-goods"
    assert lives(client, path, "2025-01-25", "2025-01-26", "2025-02-02") == [None, "withdrawn", "withdrawn"]
    assert lives(client, "demands/us-demand-take-back-migrants", "2025-01-27") == ["accepted"]
    items = ask(client, "issues/colombia-deportation-flights", "2025-01-28")["items"]["restriction"]
    assert {item["id"]: (item["status"], item["instrument"]) for item in items} == {
        "us-visa-sanctions-on-colombian-officials": ("in_force", "sanction"),
        "us-stricter-inspection-of-colombian-cargo": ("in_force", "other"),
    }


def test_swiss_goods_at_39_and_15(client: Client) -> None:
    """31 on 9 April 2025, 10 from the 10th, 39 from 7 August (EO 14326), 15 from 14 November as known in December."""
    path = "restrictions/us-reciprocal-duty-on-swiss-goods"
    days = ["2025-04-08", "2025-04-09", "2025-04-10", "2025-07-31", "2025-08-06", "2025-08-07", "2026-02-20"]
    lived = ["announced", "in_force", "suspended", "suspended", "suspended", "in_force", "lifted"]
    assert lives(client, path, *days) == lived
    fields = ("rate_percent", "charged_percent", "applies")
    assert pick(client, path, "2025-04-09", READ, *fields) == (31, 31, "full")
    assert pick(client, path, "2025-08-06", READ, *fields) == (31, 10, "partly")
    assert pick(client, path, "2025-08-07", READ, *fields) == (39, 39, "full")
    # 90 FR 59281, out in December, counts back to 14 November.
    assert pick(client, path, "2025-11-20", "2025-12-16", "rate_percent") == (39,)
    assert pick(client, path, "2025-11-13", READ, "rate_percent") == (39,)
    ceiling = [{"percent": 15, "basis": "all_in"}]
    assert pick(client, path, "2025-11-14", READ, "rate_percent", "rates") == (None, ceiling)
    days = ["2026-02-23", "2026-02-24", "2026-07-23", "2026-07-24"]
    lived = ["announced", "in_force", "in_force", "expired"]
    assert lives(client, "restrictions/us-import-surcharge-2026", *days) == lived
    assert lives(client, "restrictions/us-301-forced-labour-switzerland", *days) == [
        None,
        None,
        "announced",
        "in_force",
    ]


def test_a_page_put_up_too_early(client: Client) -> None:
    """The Swiss page of 9 December 2025 was withdrawn on that day; the news of the 10th stands."""
    assert ask(client, "statements/swiss-page-on-retroactive-ceiling", "2025-12-10") == {}
    assert lives(client, "statements/swiss-government-on-retroactive-ceiling", "2025-12-10") == ["made"]
    investment = ask(client, "commitments/swiss-investment-in-us", "2025-12-31")
    # The joint statement: over five years. The report of 10 December: by the end of 2028.
    assert [(each["member"], len(each["says"])) for each in investment["facts"][0]["disagreements"]] == [("due", 2)]


def test_indian_goods_at_25_and_25(client: Client) -> None:
    """EO 14326: 25 from 7 August 2025; EO 14329: 25 more from the 27th, gone on 7 February 2026; all on the 20th."""
    first, second = "us-reciprocal-duty-on-indian-goods", "us-russian-oil-duty-on-indian-goods"
    days = ["2025-04-09", "2025-04-10", "2025-08-06", "2025-08-07", "2026-02-19"]
    assert [charged(client, day, first)[0] for day in days] == [26, 10, 10, 25, 25]
    days = ["2025-08-05", "2025-08-26", "2025-08-27", "2026-02-06", "2026-02-07"]
    lived = [None, "announced", "in_force", "in_force", "lifted"]
    assert lives(client, f"restrictions/{second}", *days) == lived
    assert charged(client, "2025-09-01", first, second) == [25, 25]
    assert lives(client, "threats/us-threat-penalty-for-russian-oil", "2025-07-30", "2025-08-06") == [
        "standing",
        "carried_out",
    ]
    # The 18 percent of the joint statement of 6 February 2026 are planned, and no act that did so is known.
    state = ask(client, f"restrictions/{first}", "2026-02-10")
    assert [(coming["modality"], coming["terms"]) for coming in state["upcoming"] if coming["overdue"]] == [
        ("planned", {"rate_percent": 18})
    ]
    assert lives(client, f"restrictions/{first}", "2026-02-20") == ["lifted"]
    assert lives(client, "restrictions/us-301-forced-labour-india", "2026-07-23", "2026-07-24") == [
        "announced",
        "in_force",
    ]


def test_turkish_trade_with_israel(client: Client) -> None:
    """54 groups of goods from 9 April 2024, everything from 2 May."""
    days = ["2024-04-08", "2024-04-09", "2024-05-01", "2024-05-02"]
    lived = [None, "in_force", "in_force", "superseded"]
    assert lives(client, "restrictions/turkiye-export-restrictions-on-israel", *days) == lived
    path = "restrictions/turkiye-stop-of-all-trade-with-israel"
    assert lives(client, path, *days) == [None, None, None, "in_force"]
    replaced = ["turkiye-export-restrictions-on-israel"]
    assert pick(client, path, "2024-05-02", READ, "all_goods", "in_place_of") == (True, replaced)


def test_the_boycott_of_qatar_ended_one_by_one(client: Client) -> None:
    """All four from 5 June 2017; lifted on 4, 9, 11 and 12 January 2021."""
    ends = {"saudi": "2021-01-04", "emirati": "2021-01-09", "bahraini": "2021-01-11", "egyptian": "2021-01-12"}
    for day in ("2017-06-05", *ends.values()):
        found = [lives(client, f"restrictions/{adjective}-boycott-of-qatar", day)[0] for adjective in ends]
        assert found == ["lifted" if end <= day else "in_force" for end in ends.values()], day
    assert lives(client, "agreements/al-ula-declaration", "2021-01-04", "2021-01-05") == [None, "signed"]
    days = ["2018-12-18", "2020-06-16", "2020-07-28", "2022-05-01"]
    lived = ["open", "ruled", "open", "settled"]
    assert lives(client, "disputes/wto-ds567-qatar-saudi-arabia", *days) == lived


def test_australian_goods_in_china(client: Client) -> None:
    """Barley to 4 August 2023, wine to 28 March 2024, beef to 3 December and lobster to 20 December 2024."""
    barley, wine = "restrictions/china-barley-duties", "restrictions/china-wine-duties"
    days = ["2020-05-18", "2020-05-19", "2023-08-04", "2023-08-05"]
    assert lives(client, barley, *days) == ["announced", "in_force", "in_force", "lifted"]
    assert charged(client, "2023-08-04", "china-barley-duties") == [80.5]
    assert lives(client, wine, "2021-03-27", "2021-03-28", "2024-03-28", "2024-03-29") == [
        "announced",
        "in_force",
        "in_force",
        "lifted",
    ]
    assert lives(client, "restrictions/china-beef-plant-suspensions", "2020-05-12", "2024-12-02", "2024-12-03") == [
        "in_force",
        "in_force",
        "lifted",
    ]
    plants = ask(client, "restrictions/china-beef-plant-suspensions", "2021-01-01")["entities"]
    assert [plant["name"] for plant in plants][-2:] == ["John Dee Warwick", "Meramist Pty Ltd"]
    assert lives(client, "restrictions/china-stop-of-australian-lobster", "2024-12-19", "2024-12-20") == [
        "in_force",
        "lifted",
    ]
    coal = "restrictions/china-stop-of-australian-coal"
    assert lives(client, coal, "2020-09-30", "2020-12-01", "2023-03-13", "2023-03-14") == [
        None,
        "in_force",
        "in_force",
        "lifted",
    ]
    assert pick(client, coal, "2020-10-15", READ, "certainty") == ("possible",)
    assert lives(client, "disputes/wto-ds598-barley", "2021-05-28", "2023-05-01", "2023-08-24") == [
        "open",
        "suspended",
        "settled",
    ]
