"""No request costs more than a bound, whatever it holds, and an item may have only so much."""

from __future__ import annotations

import json
import random
from datetime import date, timedelta
from math import inf
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from service.append.bounds import FACTS_MAX
from service.views.asof.question import PAGE_BYTES
from tests.benchmarks.histories import Histories
from tests.costs import MB, Cost, memory, metered
from tests.events import REPORTS, corrected, eased, event, imposed, opening, record
from tests.servers import plain_client, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import httpx

    from tests.servers import Server

Event = dict[str, Any]
CPU_MAX = 2.0
"""Seconds of CPU that a request may take here: twice what it is to take, for a busy machine."""
GROWN_MAX = 250 * MB
BLOCKED_MAX = 1.0
"""Seconds of CPU for which others may wait here; how long they do wait is a figure."""


@pytest.fixture
def server(migrated_url: str) -> Iterator[Server]:
    """A service with an issue."""
    with serving(migrated_url) as running, plain_client(running.url) as client:
        client.post("/v1/events", json={"events": [opening("chips")]}).raise_for_status()
        yield running


def day(number: int) -> str:
    return (date(2000, 1, 1) + timedelta(number)).isoformat()


def post(server: Server, events: Sequence[Event]) -> tuple[httpx.Response, Cost]:
    """Record a batch, or try to; return the answer and what it cost."""
    with plain_client(server.url) as client, metered(server) as cost:
        answer = client.post("/v1/events", json={"events": events})
    assert answer.status_code in {201, 422}, answer.text
    assert cost.cpu < CPU_MAX
    assert cost.grown < GROWN_MAX
    assert cost.blocked < BLOCKED_MAX
    return answer, cost


def outcome(answer: httpx.Response, cost: Cost) -> str:
    return f"{answer.status_code}: {cost}"


def uncertain(choose: random.Random) -> dict[str, str]:
    """Draw three dates, each one of two days."""
    names = ("occurred", "effective", "until")
    days = sorted(choose.sample(range(1_000), 3))
    return {
        name: f"[{day(low)},{day(low + choose.randrange(1, 2_000))}]" for name, low in zip(names, days, strict=True)
    }


def uncertain_facts(count: int, seed: int) -> list[Event]:
    choose = random.Random(seed)  # noqa: S311 - repeatable
    return [eased("quota", "chips", id=str(uuid4()), **uncertain(choose)) for _ in range(count)]


@pytest.mark.row(14)
def test_reports_with_many_dates(server: Server, figure: Callable[[str], None]) -> None:
    """64 records with 64 reports each, every report with a date of its own, cost what their bytes cost."""
    fact = imposed("quota", "chips", occurred=f"[{day(0)}..{day(10_000)}]")
    dated = [
        {"outlet": "o", "occurred": f"[{day(64 * number + index)}..{day(10_000)}]"}
        for number in range(64)
        for index in range(64)
    ]
    added = [record("report_added", fact, reports=dated[64 * number : 64 * number + 64]) for number in range(64)]
    figure(outcome(*post(server, [fact, *added])))


@pytest.mark.row(14)
def test_records_on_a_fact_with_many_reports(server: Server, figure: Callable[[str], None]) -> None:
    """Each of them weighs the fact's reports again: so their number is bounded, though no state shows them."""
    hidden = eased("quota", "chips", occurred=day(9), rate_percent=3.0)
    later = eased("quota", "chips", occurred=day(9), rate_percent=5.0)
    post(server, [imposed("quota", "chips", occurred=day(0)), hidden, later])
    for first in range(0, 15_360, 1_280):
        reports = [{"outlet": "o", "url": f"https://example.org/{first + number}"} for number in range(1_280)]
        added = [record("report_added", hidden, reports=reports[place : place + 64]) for place in range(0, 1_280, 64)]
        assert post(server, added)[0].status_code == 201
    disputes = [record("disputed", hidden, reason="why") for _ in range(500)]
    answer, cost = post(server, disputes)
    figure(outcome(answer, cost))
    assert answer.status_code == 422
    assert post(server, disputes[:20])[0].status_code == 201


@pytest.mark.row(15, 16)
@pytest.mark.parametrize("count", [150, 1_000])
def test_many_facts_on_one_item_the_latest_day_first(server: Server, count: int, figure: Callable[[str], None]) -> None:
    """A batch that would write too many states is refused whole, at the event that goes too far; others are taken."""
    facts = [
        eased(
            "quota",
            "chips",
            occurred=day(2_000 - number),
            reports=[{**REPORTS[0], "url": "https://example.org/" + "x" * 1_900}],
        )
        for number in range(count)
    ]
    answer, cost = post(server, facts)
    figure(f"{count} facts {outcome(answer, cost)}")
    if answer.status_code == 422:
        (fault,) = answer.json()["errors"]
        assert fault["pointer"].startswith("#/events/")
        most = int(fault["pointer"].split("/")[2])
        assert 20 < most < count
        assert post(server, facts[: most // 2])[0].status_code == 201
    else:
        assert count < 1_000


@pytest.mark.row(17)
def test_facts_with_uncertain_dates(server: Server, figure: Callable[[str], None]) -> None:
    """So many as an item may have, in one request; or some, one by one: each costs less than the bound."""
    facts = uncertain_facts(64, seed=1)
    answer, cost = post(server, facts)
    figure(f"in one request {outcome(answer, cost)}")
    if answer.status_code == 422:
        costs = [post(server, [fact])[1] for fact in facts[:24]]
        figure(f"singly at most {max(cost.cpu for cost in costs):.2f} s of CPU each")


@pytest.mark.row(18)
def test_uncertain_dates_are_counted_though_their_facts_are_retracted(server: Server) -> None:
    """A fact that was retracted can be restored: it keeps its place under the bound."""
    facts = [imposed("quota", "chips", occurred="2025-04") | {"id": str(uuid4())} for _ in range(64)]
    assert post(server, facts)[0].status_code == 201
    assert post(server, [record("retracted", fact) for fact in facts])[0].status_code == 201
    answer, _ = post(server, [eased("quota", "chips", occurred="2025-05")])
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["#/events/0/item"]
    assert post(server, [eased("quota", "chips", occurred="2025-05-01")])[0].status_code == 201


@pytest.mark.row(15)
@pytest.mark.attack
def test_an_item_may_have_so_many_facts_and_each_can_be_retracted(server: Server) -> None:
    """The fact beyond the bound is refused, by its place in the batch; a retraction is not."""
    facts = [imposed("quota", "chips", id=str(uuid4())), *(eased("quota", "chips") for _ in range(9_998))]
    for first in range(0, 9_999, 909):
        assert post(server, facts[first : first + 909])[0].status_code == 201
    answer, _ = post(server, [eased("quota", "chips"), eased("quota", "chips")])
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["#/events/1/item"]
    assert post(server, [eased("quota", "chips")])[0].status_code == 201
    assert post(server, [eased("quota", "chips")])[0].status_code == 422
    assert post(server, [record("retracted", facts[0])])[0].status_code == 201


@pytest.mark.row(15)
@pytest.mark.attack
def test_the_opening_of_an_item_with_all_its_facts_can_be_corrected(
    server: Server, figure: Callable[[str], None]
) -> None:
    """It changes every answer: as much as one event alone may cost. With another it is refused."""
    histories = Histories("mixed", FACTS_MAX, 1)
    events = [*histories.events()]
    assert len(events) == FACTS_MAX  # with the issue's opening
    for start in range(0, len(events), 1_000):
        answer, _ = post(server, events[start : start + 1_000])
        assert answer.status_code == 201, answer.text
    correction, another = (histories.correction_of_all(histories.items[0], number) for number in (1, 2))
    twice, cost_of_both = post(server, [correction, another])
    figure(f"twice {outcome(twice, cost_of_both)}")
    assert [fault["pointer"] for fault in twice.json()["errors"]] == ["#/events/0"]
    after, cost_after = post(server, [correction])
    figure(f"once, on an item that is not in memory, {outcome(after, cost_after)}")
    assert after.status_code == 201
    again, cost = post(server, [another])
    figure(f"once more {outcome(again, cost)}")
    assert again.status_code == 201
    assert max(each.blocked for each in (cost_of_both, cost_after, cost)) < BLOCKED_MAX / 2, "not in a thread"
    assert cost_of_both.cpu < cost_after.cpu, "the item of a refused request was read again for it"


@pytest.mark.row(15)
@pytest.mark.attack
def test_a_few_corrections_that_change_many_answers_together(server: Server, figure: Callable[[str], None]) -> None:
    """31 events are few, and each changes 60 answers: others do not wait for all of them."""
    firsts = [imposed(f"quota-{number}", "chips", occurred=day(0)) for number in range(31)]
    for first in firsts:
        rates = [
            event("restriction.amended", first["item"], "chips", occurred=day(number), rate_percent=number)
            for number in range(1, 60)
        ]
        assert post(server, [first, *rates])[0].status_code == 201
    answer, cost = post(server, [corrected(first, first | {"against": ["US"]}) for first in firsts])
    figure(outcome(answer, cost))
    assert answer.status_code == 201
    assert cost.blocked < BLOCKED_MAX / 10, "it was not decided in a thread"


@pytest.mark.row(61)
def test_few_events_with_long_lists(server: Server, figure: Callable[[str], None]) -> None:
    """28 events are few, but 27 of them name 700 entities each: others do not wait for them.

    Each state of their history shows 20 lists that are to come, the same as the states beside it: they are kept once.
    """
    first = imposed("list", "chips", occurred=day(0))
    lists = [[{"name": f"Entity {number * 700 + index}"} for index in range(700)] for number in range(27)]
    facts = [eased("list", "chips", occurred=day(number), entities=each) for number, each in enumerate(lists, 1)]
    answer, cost = post(server, [first, *facts])
    figure(outcome(answer, cost))
    assert answer.status_code == 201
    assert cost.blocked < BLOCKED_MAX / 10, "it was not decided in a thread"
    for number in range(6):
        change = first | {"against": [("US", "JP")[number % 2]]}
        assert post(server, [corrected(first, change)])[0].status_code == 201
    with plain_client(server.url) as client, metered(server) as cost:
        page = client.get("/v1/restrictions/list/versions?limit=1000").raise_for_status().json()
    figure(f"{len(page['items'])} rectangles {cost}")
    assert page["next"]
    assert cost.grown < GROWN_MAX / 4, "what is to come was kept for each rectangle"


@pytest.mark.row(19)
def test_the_history_as_published_of_many_days(server: Server, figure: Callable[[str], None]) -> None:
    """200 facts with 8 reports each, every report of another day: one rectangle costs no more than the bound."""
    facts = []
    for number in range(200):
        reports = [{"outlet": "o", "published": day(8 * number + index)} for index in range(8)]
        facts.append(eased("quota", "chips", occurred=day(number), reports=reports))
    for first in range(0, 200, 50):
        assert post(server, facts[first : first + 50])[0].status_code == 201
    path = "/v1/restrictions/quota/versions?known_basis=published"
    with plain_client(server.url) as client, metered(server) as cost:
        (first_one,) = client.get(f"{path}&limit=1").raise_for_status().json()["items"]
    assert (first_one["valid_from"], first_one["known_from"]) == (day(0), day(0))
    figure(str(cost))
    assert cost.cpu < CPU_MAX
    assert cost.grown < GROWN_MAX
    assert cost.blocked < BLOCKED_MAX


@pytest.mark.row(19)
@pytest.mark.parametrize("basis", ["recorded", "published"])
def test_the_history_of_a_long_item(server: Server, basis: str, figure: Callable[[str], None]) -> None:
    """3,000 facts, each published on a day of its own, have millions of rectangles: a page costs what is on it."""
    facts = [imposed("quota", "chips", occurred=day(0))]
    for number in range(1, 3_000):
        reports = [{"outlet": "o", "published": day(number)}]
        rate = {"occurred": day(number), "rate_percent": number % 50, "reports": reports}
        facts.append(event("restriction.amended", "quota", "chips", **rate))
    for first in range(0, 3_000, 1_000):
        assert post(server, facts[first : first + 1_000])[0].status_code == 201
    path = f"/v1/restrictions/quota/versions?known_basis={basis}"
    with plain_client(server.url) as client, metered(server) as cost:
        page = client.get(f"{path}&limit=1000").raise_for_status().json()
    sizes = [len(json.dumps(each["state"], ensure_ascii=False, separators=(",", ":"))) for each in page["items"]]
    assert sum(sizes[:-1]) <= PAGE_BYTES < sum(sizes), "a page ends after so many bytes of states"
    figure(f"as {basis} {cost}")
    assert cost.cpu < CPU_MAX
    assert cost.grown < GROWN_MAX


@pytest.mark.row(19)
def test_the_history_of_a_long_item_is_paged_by_its_work(server: Server, figure: Callable[[str], None]) -> None:
    """Of 3,000 facts that say the same each day has few rectangles, to find which costs what the item has."""
    first, same = imposed("quota", "chips", occurred=day(0)), {"goods": [{"name": "terbium"}]}
    facts = [first, *[eased("quota", "chips", occurred=day(number), **same) for number in range(1, 3_000)]]
    for start in range(0, 3_000, 1_000):
        assert post(server, facts[start : start + 1_000])[0].status_code == 201
    assert post(server, [corrected(first, first | {"against": ["US"]})])[0].status_code == 201
    path = "/v1/restrictions/quota/versions?limit="
    with plain_client(server.url) as client:
        with metered(server) as cost:
            page = client.get(f"{path}1000").raise_for_status().json()
        few: list[Event] = []
        place = ""
        while len(few) < len(page["items"]):
            part = client.get(f"{path}37{place}").raise_for_status().json()
            few += part["items"]
            place = f"&cursor={part['next']}"
    figure(f"{len(page['items'])} rectangles of 1,000 {cost}")
    assert 100 < len(page["items"]) < 1_000, "a page ends after so much work"
    assert page["next"]
    assert page["items"] == few[: len(page["items"])]
    assert cost.cpu < CPU_MAX


@pytest.mark.attack
@pytest.mark.row(24)
def test_large_bodies_one_after_the_other_are_not_kept(server: Server, figure: Callable[[str], None]) -> None:
    """What the process keeps of what it recorded is bounded in bytes: 60 bodies of 7 MB leave no more than 30 do."""
    reports = [{"outlet": "o", "url": "https://example.org/" + "x" * 1_900}] * 3

    def send(number: int) -> int:
        facts = [imposed(f"item-{number}-{index}", "chips", reports=reports) for index in range(1_000)]
        with plain_client(server.url) as client:
            client.post("/v1/events", json={"events": facts}).raise_for_status()
        return memory(server)

    sizes = [send(number) for number in range(60)]
    figure(f"{sizes[0] / MB:,.0f} MB after the first, {sizes[29] / MB:,.0f} after 30, {sizes[59] / MB:,.0f} after 60")
    assert sizes[59] < 1.2 * sizes[29]
    assert sizes[59] < 700 * MB


@pytest.mark.row(61)
def test_a_page_as_published_ends_after_enough_work(server: Server, figure: Callable[[str], None]) -> None:
    """Items of many bytes make short pages, though their states are small; the pages together have every item once.

    The reports of a fact come out on two days, so that the items are worked out on demand. So they are, too, where a
    clearance is for the goods of one.
    """
    one, other = (
        {"outlet": "o", "url": "https://example.org/" + "x" * 1_900, "title": "y" * 180, "published": day(number)}
        for number in range(2)
    )
    large = [one, other] * 32
    items = [f"ban-{number}" for number in range(24)]
    for item in items:
        facts = [eased(item, "chips", occurred=day(number), reports=large) for number in range(3)]
        retractions = [record("retracted", fact, reports=REPORTS) for fact in facts]
        post(server, [imposed(item, "chips", occurred=day(0), against=["CN"]), *facts, *retractions])
    terms = {"granted_by": "TR", "beneficiaries": [{"name": "A firm"}], "occurred": day(0)}
    post(server, [event("clearance.granted", f"from-{item}", "chips", restriction=item, **terms) for item in items])
    for path, kind in (
        ("/v1/restrictions?issue=chips", "ban-"),
        ("/v1/restrictions?q=ban", "ban-"),
        ("/v1/issues/chips?", "ban-"),
        ("/v1/exposure?good=terbium&party=CN", "ban-"),
        ("/v1/clearances?good=terbium", "from-ban-"),
        (f"/v1/issues/chips/diff?from={day(-1)}&to={day(9)}", "ban-"),
    ):
        with plain_client(server.url) as client, metered(server) as cost:
            read = list(pages(client, f"{path}&limit=1000&known_basis=published"))
        assert len(read) > 1, path
        names = [each for page in read for each in page if each.startswith(kind)]
        assert [name.removeprefix("from-") for name in names] == items, path
        figure(f"{path.partition('?')[0]} as published: {len(read)} pages, {cost}")


def refused(answer: httpx.Response, cost: Cost) -> None:
    """Check that a question was refused for the basis that it asks on, at a bounded cost."""
    assert answer.status_code == 422, answer.text
    body = answer.json()
    assert (body["type"], body["errors"][0]["parameter"]) == ("/problems/bad-query", "known_basis")
    assert cost.cpu < CPU_MAX


@pytest.mark.row(61)
def test_a_history_as_published_that_takes_too_much_work_is_refused(
    server: Server, figure: Callable[[str], None]
) -> None:
    """A fact whose reports came out on many days is weighed for each of them: few are answered, many are refused.

    The answer that an item is not there on a day, which names the first day with a status, is given either way.
    """
    few, many = (imposed(item, "chips", occurred=day(0)) for item in ("few", "many"))
    post(server, [few, many])
    for fact, count in ((few, 100), (many, 2_000)):
        added = [
            record("report_added", fact, reports=[{"outlet": "A ministry", "published": day(number)}])
            for number in range(count)
        ]
        for start in range(0, count, 50):
            assert post(server, added[start : start + 50])[0].status_code == 201
    with plain_client(server.url) as client:
        assert client.get("/v1/restrictions/few/versions?known_basis=published&limit=1000").status_code == 200
        with metered(server) as cost:
            answer = client.get("/v1/restrictions/many/versions?known_basis=published&limit=1")
        refused(answer, cost)
        figure(f"a history as published: {outcome(answer, cost)}")
        assert client.get("/v1/restrictions/many/versions?limit=1").status_code == 200
        before = client.get(f"/v1/restrictions/many?known_basis=published&as_of={day(-1)}")
        assert (before.status_code, day(0) in before.json()["detail"]) == (404, True)


@pytest.mark.row(61)
def test_a_posture_as_published_that_takes_too_much_work_is_refused(
    server: Server, figure: Callable[[str], None]
) -> None:
    """Before everything was out, a posture may depend on each item that is out of order: too many are refused.

    As recorded, and as published by today, it is read as it is kept.
    """
    record_out_of_order(server, "ores", 24)
    question = f"known_basis=published&as_of={day(5)}"
    with plain_client(server.url) as client:
        for path in ("/v1/issues?", "/v1/issues/ores?limit=1&"):
            with metered(server) as cost:
                answer = client.get(f"{path}{question}&known_at={day(10)}")
            refused(answer, cost)
            figure(f"{path} as published: {outcome(answer, cost)}")
            assert client.get(f"{path}{question}").status_code == 200
            assert client.get(f"{path}as_of={day(5)}").status_code == 200


@pytest.mark.row(61)
def test_a_list_of_issues_as_published_ends_after_enough_work(server: Server, figure: Callable[[str], None]) -> None:
    """Issues whose postures take much work make short pages, as long as each alone takes less than a page may."""
    issues, path = issues_out_of_order(server, 3, 10)
    with plain_client(server.url) as client, metered(server) as cost:
        read = list(pages(client, path))
    figure(f"the list of issues as published: {len(read)} pages, {cost}")
    assert len(read) > 1
    assert [each for page in read for each in page if each in issues] == issues


@pytest.mark.row(61)
def test_sorted_lists_as_published_are_refused_beyond_the_bound(server: Server, figure: Callable[[str], None]) -> None:
    """A sorted list is put in order whole: where that is too much work as published, it says what to ask instead."""
    record_out_of_order(server, "ores", 24)
    path = "/v1/restrictions?sort=id&as_of=2000-01-01"
    with plain_client(server.url) as client, metered(server) as cost:
        answer = client.get(f"{path}&known_basis=published")
    refused(answer, cost)
    figure(f"a sorted list as published: {outcome(answer, cost)}")
    with plain_client(server.url) as client:
        assert len(client.get(path).raise_for_status().json()["items"]) == 24
        few = client.get(f"{path}&known_basis=published&issue=chips").raise_for_status().json()
    assert few["items"] == []


@pytest.mark.row(61)
def test_issues_of_a_posture_as_published_are_paged_by_work(server: Server, figure: Callable[[str], None]) -> None:
    """With a filter on the posture several pages of issues are looked at for one: together they have one bound."""
    issues, path = issues_out_of_order(server, 12, 3)
    path += "&limit=2"
    with plain_client(server.url) as client:
        shown = [each for page in pages(client, path) for each in page]
        posture = client.get(f"/v1/issues/ores-0?{path.partition('?')[2]}").raise_for_status().json()["posture"]
        other = "restricted" if posture != "restricted" else "clear"
        for wanted, right in ((posture, shown), (other, [])):
            with metered(server) as cost:
                page = client.get(f"{path}&posture={wanted}").raise_for_status().json()
            assert cost.cpu < CPU_MAX
            figure(f"issues of a posture as published: {cost}")
            read = [each for ids in pages(client, f"{path}&posture={wanted}") for each in ids]
            assert page["next"]
            assert [each for each in read if each in issues] == [each for each in right if each in issues]


@pytest.mark.row(61)
def test_events_as_published_are_paged_by_the_histories_of_their_items(
    server: Server, figure: Callable[[str], None]
) -> None:
    """Which events count depends on all events of their items: a page ends where these are enough, and leaves none out.

    All of them were out long ago.
    """
    record_out_of_order(server, "ores", 24)
    with plain_client(server.url) as client, metered(server) as cost:
        read = list(pages(client, "/v1/events?known_basis=published&limit=1000", inf))
    figure(f"events as published: {len(read)} pages, {cost}")
    assert len(read) > 1
    assert cost.blocked < BLOCKED_MAX / 4
    with plain_client(server.url) as client:
        every = list(pages(client, "/v1/events?limit=1000", inf))
    assert [name for page in read for name in page] == [name for page in every for name in page]


@pytest.mark.row(61)
def test_changes_of_clearances_that_name_many_long_bans_are_refused(
    server: Server, figure: Callable[[str], None]
) -> None:
    """The bans are weighed for the goods of the clearances alone, one after the other: they are too much together."""
    record_out_of_order(server, "ores", 24)
    terms = {"granted_by": "CN", "beneficiaries": [{"name": "A firm"}], "occurred": day(0)}
    names = [f"ores-{number}" for number in range(24)]
    post(server, [event("clearance.granted", f"from-{name}", "ores", restriction=name, **terms) for name in names])
    path = f"/v1/changes?kind=clearance&good=terbium&from={day(0)}&to={day(9)}"
    with plain_client(server.url) as client, metered(server) as cost:
        answer = client.get(f"{path}&known_basis=published")
    refused(answer, cost)
    figure(f"changes of clearances as published: {outcome(answer, cost)}")
    with plain_client(server.url) as client:
        assert len(client.get(path).raise_for_status().json()["items"]) == 24


@pytest.mark.row(61)
@pytest.mark.parametrize("facts", [20, 1_000])
def test_changes_of_a_clearance_for_the_goods_of_a_long_ban(
    server: Server, facts: int, figure: Callable[[str], None]
) -> None:
    """Each change asks for the ban's goods on its day: the ban is weighed once, and others have their turns.

    All reports were out long ago, so what is answered as published is answered as recorded.
    """
    out_of_order = [{"outlet": "o", "published": day(3_000 - facts)}, {"outlet": "o", "published": day(3_001)}]
    spans = [{"occurred": day(number), "until": day(number + 3)} for number in range(1, facts)]
    shared = {"reports": out_of_order}
    ban = [imposed("ban", "chips", occurred=day(0), **shared)]
    ban += [event("restriction.amended", "ban", "chips", rate_percent=index, **each, **shared)
            for index, each in enumerate(spans)]  # fmt: skip
    terms = {"granted_by": "CN", "beneficiaries": [{"name": "A firm", "country": "TR"}], "restriction": "ban"}
    licence = [event("clearance.granted", "licence", "chips", occurred=day(0), **terms, **shared)]
    licence += [event("clearance.amended", "licence", "chips", scope=f"part {index}", **each, **shared)
                for index, each in enumerate(spans)]  # fmt: skip
    for every in (ban, licence):
        for start in range(0, facts, 250):
            answer, _ = post(server, every[start : start + 250])
            assert answer.status_code == 201, answer.text
    path = f"/v1/changes?good=terbium&from={day(0)}&to={day(4_000)}&limit=1000"
    answers = {}
    for basis in ("recorded", "published"):
        with plain_client(server.url) as client, metered(server) as cost:
            answer = client.get(f"{path}&known_basis={basis}")
        figure(f"changes of {facts} facts as {basis}: {outcome(answer, cost)}")
        assert cost.cpu < CPU_MAX
        assert cost.blocked < BLOCKED_MAX / 4
        answers[basis] = answer
    assert answers["recorded"].status_code == 200
    if facts == 20:
        read = [[(each["on"], each["item"]) for each in answer.json()["items"]] for answer in answers.values()]
        assert read[0] == read[1]
        assert {name for _, name in read[0]} == {"ban", "licence"}


def issues_out_of_order(server: Server, count: int, items: int) -> tuple[list[str], str]:
    """Record issues and items as `record_out_of_order` does; return them, and their list before all was out."""
    issues = [f"ores-{number}" for number in range(count)]
    for issue in issues:
        record_out_of_order(server, issue, items)
    return issues, f"/v1/issues?known_basis=published&as_of={day(5)}&known_at={day(10)}"


def record_out_of_order(server: Server, issue: str, items: int) -> None:
    """Record an issue and bans that are lifted the next day; each has large facts of which half came out later."""
    one, other = (
        {"outlet": "o", "url": "https://example.org/" + "x" * 1_900, "title": "y" * 180, "published": day(number)}
        for number in (0, 20)
    )
    post(server, [opening(issue, occurred=day(0), reports=[one])])
    for item in [f"{issue}-{number}" for number in range(items)]:
        bans = imposed(item, issue, occurred=day(0), reports=[one])
        lifted = event("restriction.lifted", item, issue, occurred=day(1), reports=[one])
        large = [eased(item, issue, occurred=day(0), reports=[one, other] * 32) for _ in range(3)]
        assert post(server, [bans, lifted, *large])[0].status_code == 201


def pages(client: httpx.Client, path: str, most: float = MB) -> Iterator[list[str]]:
    """Read the names of the items, or the ids of events, on every page of a list; each has less than `most` bytes."""
    cursor: str | None = ""
    while cursor is not None:
        answer = client.get(f"{path}&cursor={cursor}" if cursor else path).raise_for_status()
        assert len(answer.content) < most
        body = answer.json()
        found = body["items"]
        kinds = [found] if isinstance(found, list) else found.values()
        yield [each["id"] for of_kind in kinds for each in of_kind]
        cursor = body["next"]
