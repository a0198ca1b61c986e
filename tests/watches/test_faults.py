"""What befalls watches: questions that are no longer answered, receivers that are gone, and bounds."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from service.storage.connect import connect
from service.watches.store import WATCHES_MAX
from tests.watches.desk import desk_on, restriction
from tests.webhooks.receivers import Answered, receiving, until

if TYPE_CHECKING:
    from tests.watches.desk import Desk
    from tests.webhooks.receivers import Receiver

QUESTION = "/v1/restrictions?party=CN&sources=none"


def opened(desk: Desk, receiver: Receiver) -> None:
    """Begin with an issue and a subscription."""
    desk.open()
    desk.subscribe(receiver)


async def _written(url: str, statement: str, *values: str) -> list[tuple[object, ...]]:
    database = connect(url)
    await database.open()
    try:
        return [tuple(row) for row in await database.execute(statement, *values)]
    finally:
        await database.close()


def test_a_question_that_is_no_longer_answered_is_a_changed_answer(migrated_url: str) -> None:
    """As after an upgrade that took a filter away: the receiver gets 422, and the other watches are asked."""
    with receiving() as receiver:
        with desk_on(migrated_url) as desk:
            opened(desk, receiver)
            desk.watch("bad", "/v1/restrictions?party=CN")
            desk.watch("good", QUESTION)
        # Written into the table, as only another version of the service could have it there.
        gone = "/v1/restrictions?gone=1"
        asyncio.run(_written(migrated_url, "UPDATE watch SET question = $1 WHERE name = 'bad'", gone))
        with desk_on(migrated_url) as desk:
            last = desk.record(restriction())
            requests = receiver.wait_for(2)
            by_name = {data["watch"]: data for data in (json.loads(each.body)["data"] for each in requests)}
            bad, good = by_name["bad"], by_name["good"]
            assert (bad["question"], bad["after_url"], bad["after_status"], bad["after"]) == (gone, gone, 422, None)
            assert len(good["after"]["items"]) == 1
            assert desk.until_asked("good", last)["status"] == 200
            assert (desk.get("/v1/watches/bad")["status"], desk.get("/v1/watches")["items"][0]["status"]) == (422, 422)
            assert desk.watch("bad", "/v1/restrictions/duty")["status"] == 200
            desk.record(restriction(change="lifted", occurred="2025-03-01"))
            watches = [json.loads(each.body)["data"]["watch"] for each in receiver.wait_for(4)]
            assert sorted(watches) == ["bad", "bad", "good", "good"]


def test_a_watch_waits_for_a_subscription_that_is_disabled(migrated_url: str) -> None:
    """A change that was found is delivered once it is active again, then what came of everything since."""
    with receiving() as receiver, desk_on(migrated_url) as desk:
        opened(desk, receiver)
        desk.watch("cn", QUESTION)
        receiver.answer = lambda number, _: Answered(410 if number == 0 else 204)
        desk.record(restriction("one"))
        until(lambda: desk.get("/v1/subscriptions/desk")["state"] == "disabled")
        for name in ("two", "three"):
            desk.record(restriction(name))
        assert desk.get("/v1/watches/cn")["undelivered"] >= 1
        desk.ask("PATCH", "/v1/subscriptions/desk", {"state": "active"})
        requests = receiver.wait(lambda requests: len(json.loads(requests[-1].body)["data"]["after"]["items"]) == 3)
        assert requests[0].id == requests[1].id
        assert len(desk.check(requests[1:])[0]["after"]["items"]) == 1


def test_a_question_has_a_bound(migrated_url: str) -> None:
    """It is refused by pointer, as are more values of a filter than GET takes."""
    with receiving() as receiver, desk_on(migrated_url) as desk:
        opened(desk, receiver)
        for length, detail in ((4_001, "has 4001 characters, may have at most 4000"), (400, "issue: has ")):
            question = ("/v1/restrictions?issue=" + "x," * 4_000)[: length - 1] + "x"
            answer = desk.ask("PUT", "/v1/watches/long", {"question": question, "deliver": "desk"})
            assert (len(question), answer.status_code) == (length, 422)
            (error,) = answer.json()["errors"]
            assert (error["pointer"], error["detail"][: len(detail)]) == ("#/question", detail)


@pytest.mark.slow
def test_there_are_so_many_watches_and_no_more(migrated_url: str) -> None:
    """The one that is too many is refused, and leaves nothing; one that is there can still be changed."""
    with receiving() as receiver, desk_on(migrated_url) as desk:
        opened(desk, receiver)
        for number in range(WATCHES_MAX):
            desk.watch(f"w-{number}", f"/v1/restrictions/r-{number}")
        for _ in range(2):
            refused = desk.ask("PUT", "/v1/watches/more", {"question": QUESTION, "deliver": "desk"})
            assert (refused.status_code, refused.json()["type"]) == (409, "/problems/limit-reached")
        assert desk.watch("w-0", QUESTION)["question"] == QUESTION
        assert desk.ask("DELETE", "/v1/watches/w-1").status_code == 204
        assert desk.watch("more", QUESTION)["status"] == 200
    counted = "SELECT count(*) FROM answer"
    assert asyncio.run(_written(migrated_url, counted)) == [(WATCHES_MAX,)]
