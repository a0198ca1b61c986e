"""Watches of servers that are restarted, killed, or several: the last answer arrives, and changes chain up to it."""

from __future__ import annotations

import itertools
import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from tests.servers import serving, serving_together
from tests.watches.desk import Desk, content, restriction
from tests.webhooks.receivers import receiving, until
from tests.webhooks.service import Service

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.webhooks.receivers import Received

FLAGS = ("--webhooks-allow-private", "--webhooks-schedule", "0,0.1,0.2,0.5,1,2", "--webhooks-lease", "2")
CALM_FLAGS = FLAGS[:-2]
QUESTION = "/v1/restrictions?party=CN&sources=none"


def first_seen(requests: Sequence[Received]) -> list[Received]:
    """Return the requests without those that came before."""
    return list({request.id: request for request in reversed(requests)}.values())[::-1]


def items(request: Received) -> int:
    """Return how many items the answer after a change has."""
    return len(json.loads(request.body)["data"]["after"]["items"])


def until_items(desk: Desk, requests: Any, count: int) -> list[dict[str, Any]]:  # noqa: ANN401 - a receiver
    """Wait for the change after which there are so many items; check all that came."""
    found = requests.wait(lambda requests: bool(requests) and items(requests[-1]) == count)
    return desk.check(first_seen(found))


@pytest.mark.slow
def test_a_watch_survives_a_restart(migrated_url: str) -> None:
    """What was recorded while nobody asked is delivered after the start; what was delivered does not come again."""
    with receiving() as receiver, serving(migrated_url, *CALM_FLAGS) as server:
        desk = Desk(Service(server))
        desk.open()
        desk.subscribe(receiver)
        desk.watch("cn", QUESTION)
        desk.record(restriction("one"))
        receiver.wait_for(1)
        until(lambda: desk.get("/v1/watches/cn")["undelivered"] == 0)
        desk.ask("PATCH", "/v1/subscriptions/desk", {"state": "paused"})
        last = desk.record(restriction("two"))
        assert server.stop() == 0
        server.start()
        desk.record(restriction("three", against=["IN"]))
        assert len(receiver.requests) == 1
        desk.ask("PATCH", "/v1/subscriptions/desk", {"state": "active"})
        data = until_items(desk, receiver, 2)
        assert [each["number"] for each in data] == [1, 2]
        assert desk.until_asked("cn", last)["answer"] == data[-1]["after"]
        assert "Traceback" not in server.log()


@pytest.mark.slow
def test_nothing_is_lost_when_the_server_is_killed(migrated_url: str) -> None:
    """Killed between any two of recording, asking, storing and delivering, it goes on: the changes chain to the end."""
    with receiving() as receiver, serving(migrated_url, *FLAGS) as server:
        desk = Desk(Service(server))
        desk.open()
        desk.subscribe(receiver)
        desk.watch("cn", QUESTION)
        count = 0
        for kill in range(1, 5):
            for _ in range(6):
                count += 1
                desk.record(restriction(f"duty-{count}"))
            receiver.wait(lambda requests, kill=kill: len(requests) >= kill)  # type: ignore[misc]
            server.kill()
            server.start()
        data = until_items(desk, receiver, count)
        assert content(data[-1]["after"]) == content(desk.get(QUESTION + "&limit=1000"))
        assert "Traceback" not in server.log()


@pytest.mark.slow
def test_two_servers_deliver_each_change_once(migrated_postgres_url: str) -> None:
    """Whichever server records, and whichever was asked to watch: each receiver gets each change once, in order."""
    with ExitStack() as stack:
        receivers = [stack.enter_context(receiving()) for _ in range(2)]
        servers = stack.enter_context(serving_together([migrated_postgres_url] * 2, *CALM_FLAGS))
        desks = [Desk(Service(server)) for server in servers]
        desks[0].open()
        for number, receiver in enumerate(receivers):
            desks[number].subscribe(receiver, f"desk-{number}")
            desks[1 - number].watch(f"cn-{number}", QUESTION, f"desk-{number}")
        for number in range(20):
            desks[number % 2].record(restriction(f"duty-{number}"))
        for receiver in receivers:
            data = until_items(desks[0], receiver, 20)
            assert len(receiver.requests) == len({request.id for request in receiver.requests}) == len(data)
            assert data[0]["number"] == 1
        assert servers[0].stop() == 0
        for number in range(20, 25):
            desks[1].record(restriction(f"duty-{number}"))
        for receiver in receivers:
            data = until_items(desks[1], receiver, 25)
            assert len(receiver.requests) == len(data)
        assert "Traceback" not in servers[1].log()
        servers[0].start()


@pytest.mark.slow
def test_another_server_goes_on_where_one_was_killed(migrated_postgres_url: str) -> None:
    """Once the lease of a killed server has run out, the other asks and delivers: the changes chain to the end."""
    with receiving() as receiver, serving_together([migrated_postgres_url] * 2, *FLAGS) as servers:
        desks = [Desk(Service(server)) for server in servers]
        desks[0].open()
        desks[0].subscribe(receiver)
        desks[0].watch("cn", QUESTION)
        for number in range(10):
            desks[0].record(restriction(f"duty-{number}"))
        receiver.wait_for(2)
        servers[0].kill()
        for number in range(10, 15):
            desks[1].record(restriction(f"duty-{number}"))
        data = until_items(desks[1], receiver, 15)
        assert [each["number"] for each in data] == [*range(1, len(data) + 1)]
        servers[0].start()


def test_watches_are_asked_by_one_server_as_set_at_another(migrated_postgres_url: str) -> None:
    """A watch that is set, changed and ended at the server that does not ask it is so at the one that does."""
    with receiving() as receiver, serving_together([migrated_postgres_url] * 2, *CALM_FLAGS) as servers:
        desks = [Desk(Service(server)) for server in servers]
        desks[0].open()
        desks[0].subscribe(receiver)
        for desk in desks:
            desk.watch("cn", QUESTION)
        desks[1].watch("cn", "/v1/restrictions/one")
        desks[0].record(restriction("one"))
        (request,) = receiver.wait_for(1)
        assert json.loads(request.body)["data"]["question"] == "/v1/restrictions/one"
        assert desks[1].ask("DELETE", "/v1/watches/cn").status_code == 204
        desks[1].watch("in", "/v1/restrictions/two")
        desks[0].record(restriction("one", "lifted", occurred="2025-03-01"))
        desks[0].record(restriction("two"))
        requests = receiver.wait(lambda requests: json.loads(requests[-1].body)["data"]["watch"] == "in")
        assert len(list(itertools.groupby(json.loads(each.body)["data"]["watch"] for each in requests))) == 2
