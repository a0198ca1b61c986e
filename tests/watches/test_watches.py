"""Watches over HTTP: what a receiver gets when the answer to a kept question changes, and when it gets nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.watches.desk import DAY, Clock, Desk, desk_on, restriction
from tests.webhooks.receivers import Answered, receiving, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.webhooks.receivers import Receiver

EXPOSURE = "/v1/exposure?hs=854231&origin=CN&destination=US"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the service."""
    clock = Clock()
    monkeypatch.setattr("service.app.clock", clock)
    return clock


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver."""
    with receiving() as running:
        yield running


@pytest.fixture
def desk(migrated_url: str, clock: Clock, receiver: Receiver) -> Iterator[Desk]:
    """A service with an issue, and a subscription that gets changed answers only."""
    with desk_on(migrated_url) as desk:
        desk.open()
        desk.subscribe(receiver)
        yield desk


def today() -> datetime:
    return datetime.now(UTC)


def test_a_new_fact_changes_the_answer(desk: Desk, receiver: Receiver) -> None:
    """The receiver gets the question, the answers before and after, and frozen URLs that answer the same for ever."""
    made = desk.watch("chips", EXPOSURE)
    assert (made["status"], made["answer"]["items"], made["undelivered"]) == (200, [], 0)
    desk.record(restriction())
    receiver.wait_for(1)
    position = desk.record(restriction(change="tightened", occurred="2025-03-01", rate_percent=25))
    requests = receiver.wait_for(2)
    first, second = desk.check(requests)
    assert first["question"] == EXPOSURE
    assert first["before"] == made["answer"]
    assert [each["after"]["charge"]["percent"] for each in (first, second)] == [10, 25]
    shown = desk.until_asked("chips", position)
    assert (shown["answer"], shown["url"]) == (second["after"], second["after_url"])
    until(lambda: desk.get("/v1/watches/chips")["undelivered"] == 0)
    assert len(receiver.requests) == 2


def test_a_day_that_comes_changes_the_answer(desk: Desk, receiver: Receiver, clock: Clock) -> None:
    """What takes hold on a later day is delivered when that day begins in UTC, with no fact recorded in between."""
    begins = (today() + timedelta(days=2)).date().isoformat()
    desk.record(restriction(occurred=today().date().isoformat(), effective=begins))
    desk.watch("duty", "/v1/restrictions/duty")
    clock.ahead = DAY
    until(lambda: desk.get("/v1/watches/duty")["as_of"] == (today() + timedelta(days=1)).date().isoformat())
    clock.ahead = 2 * DAY
    data = desk.check(receiver.wait_for(1))[-1]
    assert data["after"]["as_of"] == begins
    assert data["after"]["status"] == "in_force" != data["before"]["status"]
    assert data["before"]["known_position"] == data["after"]["known_position"]


def test_a_correction_changes_the_answer(desk: Desk, receiver: Receiver) -> None:
    """A correction of the fact that an answer rests on, and its retraction, are changes too."""
    fact = restriction()
    desk.record(fact)
    desk.watch("duty", "/v1/restrictions/duty")
    body = {"event": {**fact, "rate_percent": 12}, "reason": "A slip."}
    assert desk.ask("PUT", f"/v1/events/{fact['id']}", body).status_code == 201
    receiver.wait_for(1)
    assert desk.ask("DELETE", f"/v1/events/{fact['id']}?reason=none").status_code in {200, 201}
    first, second = desk.check(receiver.wait_for(2))
    assert (first["before"]["rate_percent"], first["after"]["rate_percent"]) == (10, 12)
    assert (second["after"], second["after_status"]) == (None, 404)


def test_an_item_that_nobody_has_recorded_is_an_answer(desk: Desk, receiver: Receiver) -> None:
    """The answer is absent first and present then."""
    made = desk.watch("duty", "/v1/restrictions/duty")
    assert (made["status"], made["answer"]) == (404, None)
    desk.record(restriction())
    (data,) = desk.check(receiver.wait_for(1))
    assert (data["before_status"], data["before"], data["after_status"]) == (404, None, 200)


def test_a_watch_that_nothing_touched_asks_nothing(desk: Desk, receiver: Receiver) -> None:
    """Facts on other goods, other partners and other items ask no question; one on them asks one."""
    desk.watch("chips", EXPOSURE)
    desk.watch("between", "/v1/between?a=US&b=CN&hs=8542")
    desk.watch("other", "/v1/restrictions/other")
    desk.watch("calls", "/v1/calls?party=CN")
    before = desk.questions()
    desk.record(restriction("steel", goods=[{"name": "steel", "hs": "7208"}]))
    desk.record(restriction("india", against=["IN"]))
    last = desk.record(restriction())
    for request in receiver.wait_for(2):
        desk.check([request])
    desk.until_asked("chips", last)
    assert desk.questions() - before == 2  # the exposure, and between
    assert {desk.get(f"/v1/watches/{name}")["known_position"] for name in ("other", "calls")} == {1}


def test_facts_of_one_commit_are_one_change_and_others_are_their_own(desk: Desk, receiver: Receiver) -> None:
    """A batch is seen as a whole; of commits that follow fast, each that changes the answer is delivered, in order."""
    desk.watch("all", "/v1/restrictions?party=CN")
    desk.record(restriction("first"))
    receiver.wait_for(1)  # from here on it is asked about each commit
    ends = [desk.record(*[restriction(f"duty-{batch}-{number}") for number in range(3)]) for batch in range(5)]
    data = desk.check(receiver.wait_for(6))
    assert [each["after"]["known_position"] for each in data[1:]] == ends
    assert [len(each["after"]["items"]) for each in data] == [1, 4, 7, 10, 13, 16]


def test_the_same_watch_again_keeps_its_answer(desk: Desk, receiver: Receiver) -> None:
    """A repeat answers 200 with what is there; another question is asked afresh, and nothing is delivered for it."""
    assert desk.ask("PUT", "/v1/watches/one", {"question": EXPOSURE, "deliver": "desk"}).status_code == 201
    desk.record(restriction())
    receiver.wait_for(1)
    shown = desk.get("/v1/watches/one")
    again = desk.ask("PUT", "/v1/watches/one", {"question": EXPOSURE, "deliver": "desk"})
    assert (again.status_code, again.json()["url"]) == (200, shown["url"])
    other = desk.watch("one", "/v1/restrictions/duty")
    assert other["answer"]["id"] == "duty"
    desk.record(restriction(change="tightened", occurred="2025-03-01", rate_percent=25))
    data = desk.check(receiver.wait_for(2)[1:])
    assert [each["number"] for each in data] == [1]
    assert data[0]["before"] == other["answer"]


def test_watches_are_listed_and_ended(desk: Desk, receiver: Receiver) -> None:
    """A list has pages in the order of names; after its end a watch is not asked, and its subscription may go."""
    for name in ("c", "a", "b"):
        desk.watch(name, EXPOSURE)
    page = desk.get("/v1/watches?limit=2")
    rest = desk.get(f"/v1/watches?limit=2&cursor={page['next']}")
    assert [each["name"] for each in (*page["items"], *rest["items"])] == ["a", "b", "c"]
    assert rest["next"] is None
    refused = desk.ask("DELETE", "/v1/subscriptions/desk")
    assert (refused.status_code, refused.json()["type"], refused.json()["watches"]) == (
        409,
        "/problems/in-use",
        ["a", "b", "c"],
    )
    for name in ("a", "b", "c"):
        assert desk.ask("DELETE", f"/v1/watches/{name}").status_code == 204
        assert desk.ask("DELETE", f"/v1/watches/{name}").status_code == 404
        assert desk.ask("GET", f"/v1/watches/{name}").status_code == 404
    before = desk.questions()
    desk.record(restriction())
    assert desk.ask("DELETE", "/v1/subscriptions/desk").status_code == 204
    assert (desk.questions(), receiver.requests) == (before, [])


@pytest.mark.parametrize(
    ("question", "detail"),
    [
        ("/v1/restrictions?as_of=2025-01-01", "as_of: "),
        ("/v1/restrictions?%61s_of=2025-01-01", "as_of: "),
        ("/v1/restrictions?known_position=1", "known_position: "),
        ("/v1/restrictions?known_basis=published", "known_basis: "),
        ("/v1/restrictions?cursor=abc", "cursor: "),
        ("/v1/restrictions?party=XX", "party"),
        ("/v1/restrictions?status=never", "status: a restriction is never never"),
        ("/v1/restrictions?nothing=1", "nothing: no such parameter"),
        ("/v1/exposure?hs=8542", "party: give party"),
        ("/v1/between?a=US", "b: give both partners"),
        ("/v1/restrictions/Not_A_Slug", "there is no item"),
        ("/v1/restrictions/", "not the path"),
        ("/v1/restrictions/a/versions", "not the path"),
        ("/v1/feed", "not the path"),
        ("/v1/events?issue=chips", "not the path"),
        ("/v1/changes?from=2025-01-01&to=2025-02-01", "not the path"),
        ("https://parley.example/v1/restrictions", "not the path"),
        ("/v1/restrictions?q=\u00e9", "not a path"),
        ("/v1/restrictions#top", "not the path"),
        ("/v1/restrictions?q=a\u0000", "holds a NUL"),
        ("/v1/restrictions?q=a b", "not a path"),
        ("/v1/restrictions?q=a\nb", "not a path"),
        ("/v1/restrictions/%64uty", "there is no item"),
        ("//v1/restrictions", "not the path"),
        ("/v1/../v1/restrictions", "not the path"),
        ("?as_of=2025-01-01", "not the path"),
        ("/v1/restrictions?q=%ff", "q"),
        ("/v1/restrictions?party=CN&party=US", "party"),
        ("nothing", "not the path"),
    ],
)
def test_a_question_that_get_refuses_is_refused(desk: Desk, question: str, detail: str) -> None:
    """The faults are those of GET, at the pointer of the question; days, positions and cursors are the watch's own."""
    refused = desk.ask("PUT", "/v1/watches/one", {"question": question, "deliver": "desk"})
    assert refused.status_code == 422, refused.text
    errors = refused.json()["errors"]
    assert {error["pointer"] for error in errors} == {"#/question"}
    assert any(error["detail"].startswith(detail) for error in errors), errors
    assert desk.ask("GET", "/v1/watches/one").status_code == 404


def test_a_watch_needs_a_subscription_and_a_name(desk: Desk) -> None:
    """An unknown subscription is refused by pointer, a text that is no name with 404, unknown members with 422."""
    refused = desk.ask("PUT", "/v1/watches/one", {"question": EXPOSURE, "deliver": "nobody"})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "#/deliver")
    assert desk.ask("PUT", "/v1/watches/Not_A_Name", {"question": EXPOSURE, "deliver": "desk"}).status_code == 404
    more = {"question": EXPOSURE, "deliver": "desk", "more": 1}
    assert desk.ask("PUT", "/v1/watches/one", more).status_code == 422


def test_a_question_is_asked_whole_unless_it_has_a_limit(desk: Desk, receiver: Receiver) -> None:
    """Without a limit an answer has all items; one with more than a watch compares is refused, then reported."""
    desk.record(*[restriction(f"duty-{number}") for number in range(60)])
    whole = desk.watch("whole", "/v1/restrictions?sources=none")
    first = desk.watch("first", "/v1/restrictions?limit=2&sources=none")
    assert (len(whole["answer"]["items"]), whole["answer"]["next"]) == (60, None)
    assert (len(first["answer"]["items"]), first["answer"]["next"] is None) == (2, False)
    desk.record(*[restriction(f"more-{number}") for number in range(950)])
    data = json.loads(receiver.wait_for(1)[0].body)["data"]
    assert (data["watch"], data["after_status"], data["after"]) == ("whole", 413, None)
    refused = desk.ask("PUT", "/v1/watches/again", {"question": "/v1/restrictions?sources=none", "deliver": "desk"})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "#/question")


def test_a_receiver_that_fails_gets_the_changes_later_in_order(desk: Desk, receiver: Receiver) -> None:
    """Changes wait while the receiver fails, are tried again with the same id, and come in order."""
    receiver.answer = lambda number, _: Answered(503 if number == 0 else 204)
    desk.watch("duty", "/v1/restrictions/duty")
    desk.record(restriction())
    receiver.wait_for(1)
    desk.record(restriction(change="tightened", occurred="2025-03-01", rate_percent=25))
    until(lambda: desk.get("/v1/watches/duty")["undelivered"] == 2)
    assert desk.ask("PATCH", "/v1/subscriptions/desk", {"state": "active"}).status_code == 200
    failed, *requests = receiver.wait_for(3)
    assert failed.id == requests[0].id
    assert failed.body == requests[0].body
    desk.check(requests)
    until(lambda: len(desk.get("/v1/subscriptions/desk/deliveries")["items"]) == 3)
    deliveries = desk.get("/v1/subscriptions/desk/deliveries")["items"]
    assert [each["event"] for each in deliveries[::-1]] == [request.id for request in (failed, *requests)]
    assert [each["status"] for each in deliveries[::-1]] == [503, 204, 204]
