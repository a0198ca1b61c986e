"""What befalls watches: questions that are no longer answered, receivers that are gone, and bounds."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import msgspec
import pytest

from service.api.asker import Asker
from service.app import create_app
from service.app import opened as service_opened
from service.domain.vocabulary.events import Batch
from service.feed.filters import EventConditions
from service.settings import Settings
from service.storage.connect import connect
from service.watches.store import WATCHES_MAX, Asked
from service.webhooks.rules import ANSWERS_ALONE
from tests.watches.desk import ISSUE, REPORTS, desk_on, restriction
from tests.webhooks.receivers import Answered, receiving, until

if TYPE_CHECKING:
    from service.watches.answers import GivenAnswer
    from tests.watches.desk import Desk
    from tests.webhooks.receivers import Receiver

SECRET = "whsec_" + "A" * 32
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


class Failing:
    """Asks questions as the service does, and fails at some."""

    def __init__(self, asker: Asker, fails: set[str]) -> None:
        """`fails` are the questions."""
        self._asker, self.fails = asker, fails
        self.reach = asker.reach

    async def ask(self, question: str, day: int, position: int) -> GivenAnswer:
        """Ask."""
        if question in self.fails:
            msg = "a fault of the service's own"
            raise RuntimeError(msg)
        return await self._asker.ask(question, day, position)


@pytest.mark.anyio
async def test_a_question_that_fails_keeps_no_other_from_being_asked(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It rests, the others are asked, and it is asked again later, about each commit that it missed."""
    monkeypatch.setattr("service.watches.watcher.REST_SECONDS", 0.1)
    first, second = "/v1/restrictions/duty", "/v1/restrictions?party=CN"
    settings = Settings(database_url=migrated_url, webhooks_allow_private=True)
    app = create_app(settings)
    with receiving() as receiver:
        async with app.lifespan():
            opening = {"type": "issue.opened", "issues": [ISSUE], "item": ISSUE, "occurred": "2025-01-01"}
            terms = {"title": "Chips", "summary": "Chips.", "parties": ["CN", "US"], "reports": REPORTS}
            batch = msgspec.convert({"events": [opening | terms]}, Batch)
            await app.state.services.ledger.append(batch)
        async with service_opened(settings) as services, services.webhooks.running():
            app.state.services = services
            failing = Failing(Asker(app), {first})
            wanted = EventConditions(type=ANSWERS_ALONE)
            await services.webhooks.store.create("desk", receiver.url, wanted, SECRET, None, services.clock())
            for name, question in (("a", first), ("b", second)):
                asked = Asked(services.clock(), services.today(), 1, (await services.heads.read()).epoch)
                answer = await Asker(app).ask(question, asked.day, 1)
                assert await services.watches.store.put(name, question, "desk", asked, answer)
            async with services.watches.running(failing):
                for number in range(3):
                    await services.ledger.append(msgspec.convert({"events": [restriction(f"d-{number}")]}, Batch))
                    await asyncio.to_thread(receiver.wait_for, number + 1)
                await services.ledger.append(msgspec.convert({"events": [restriction()]}, Batch))
                await asyncio.to_thread(receiver.wait_for, 4)
                failing.fails.clear()
                requests = await asyncio.to_thread(receiver.wait_for, 5)
    assert [json.loads(each.body)["data"]["watch"] for each in requests] == ["b", "b", "b", "b", "a"]


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
