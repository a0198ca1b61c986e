"""Killed, stopped, or one of several: nothing is missed and the order holds; only a kill makes events come twice."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from service.webhooks.worker import FLUSH_EVENTS
from tests.servers import serving, serving_together
from tests.webhooks.receivers import Answered, receiving
from tests.webhooks.service import Service, facts

if TYPE_CHECKING:
    from tests.webhooks.receivers import Received

LEASE = "2"
FLAGS = ("--webhooks-allow-private", "--webhooks-schedule", "0,0.1,0.2,0.5,1,2", "--webhooks-lease", LEASE)
CALM_FLAGS = FLAGS[:-2]
"""With the usual lease: a busy machine may stall a process for seconds."""


def breaks(positions: list[int]) -> list[tuple[int, int]]:
    """Return the places at which events do not follow on each other."""
    return [(one, other) for one, other in pairwise(positions) if other != one + 1]


def first_seen(positions: list[int]) -> list[int]:
    """Return the positions in the order in which they came first."""
    return list(dict.fromkeys(positions))


@pytest.mark.slow
def test_nothing_is_missed_when_the_server_is_killed(migrated_url: str) -> None:
    """Killed while it delivers and started again, it goes on: all come, in order; the last few before it come again."""
    with receiving() as receiver, serving(migrated_url, *FLAGS) as server:
        service = Service(server)
        service.open_issues()
        service.subscribe(receiver.url)
        positions = service.record(facts(900))
        for kill in (200, 500):
            receiver.wait(lambda requests, kill=kill: len(requests) >= kill)  # type: ignore[misc]
            server.kill()
            server.start()
        receiver.wait(lambda requests: requests[-1].position == positions[-1])
        positions += service.record(facts(1))
        receiver.wait(lambda requests: requests[-1].position == positions[-1])
        assert first_seen(receiver.positions) == positions
        repeats = breaks(receiver.positions)
        assert len(repeats) <= 2
        assert all(0 <= last - again <= FLUSH_EVENTS for last, again in repeats)


@pytest.mark.slow
def test_nothing_comes_twice_when_the_server_is_stopped(migrated_url: str) -> None:
    """Stopped in the usual way while it delivers, then started again, the service sends every event once."""
    with receiving() as receiver, serving(migrated_url, *CALM_FLAGS) as server:
        service = Service(server)
        service.open_issues()
        made = service.subscribe(receiver.url)
        positions = service.record(facts(600))
        receiver.wait_for(100)
        assert server.stop() == 0
        server.start()
        receiver.wait_for(600)
        service.until_read(made["id"])
        assert receiver.positions == positions
        assert "Traceback" not in server.log()


@pytest.mark.slow
def test_a_receiver_that_never_answers_does_not_hold_up_the_end(migrated_sqlite_url: str) -> None:
    """A server that is stopped breaks off a delivery after two seconds; it does not count as a failed try."""
    with ExitStack() as stack:
        hanging = stack.enter_context(receiving())
        server = stack.enter_context(serving(migrated_sqlite_url, *CALM_FLAGS))
        service = Service(server)
        service.open_issues()
        made = service.subscribe(hanging.url)

        def hang(_number: int, _request: Received) -> Answered:
            released.wait()
            return Answered()

        released = threading.Event()
        stack.callback(released.set)
        hanging.answer = hang
        service.record(facts(1))
        hanging.wait_for(1)
        assert server.stop() == 0
        released.set()
        hanging.answer = lambda _number, _request: Answered()
        server.start()
        hanging.wait_for(2)
        service.until_read(made["id"])
        assert [(each["attempt"], each["status"]) for each in service.deliveries(made["id"])] == [(1, 204)]


@pytest.mark.slow
def test_servers_on_one_database_share_the_subscriptions(migrated_postgres_url: str) -> None:
    """Of two servers on one database each subscriber gets every event once, in order, though one server is stopped."""
    with ExitStack() as stack:
        receivers = [stack.enter_context(receiving()) for _ in range(4)]
        servers = stack.enter_context(serving_together([migrated_postgres_url] * 2, *CALM_FLAGS))
        one, other = (Service(server) for server in servers)
        one.open_issues()
        for service, receiver in zip([one, other, one, other], receivers, strict=True):
            service.subscribe(receiver.url)
        positions: list[int] = []
        for _ in range(10):
            positions += one.record(facts(10)) + other.record(facts(10))
        receivers[0].wait_for(100)
        assert servers[0].stop() == 0
        positions += other.record(facts(100))
        for receiver in receivers:
            receiver.wait_for(len(positions))
        for each in other.ask("GET", "/v1/subscriptions").json()["items"]:
            other.until_read(each["id"])
        assert [receiver.positions for receiver in receivers] == [positions] * 4
        servers[0].start()


@pytest.mark.slow
def test_another_server_goes_on_where_one_was_killed(migrated_postgres_url: str) -> None:
    """When one of two servers is killed the other one delivers its subscriptions once the lease has run out."""
    with ExitStack() as stack:
        receivers = [stack.enter_context(receiving()) for _ in range(4)]
        servers = stack.enter_context(serving_together([migrated_postgres_url] * 2, *FLAGS))
        one, other = (Service(server) for server in servers)
        one.open_issues()
        for receiver in receivers:
            one.subscribe(receiver.url)
        positions = one.record(facts(300))
        receivers[0].wait_for(50)
        servers[0].kill()
        positions += other.record(facts(50))
        for receiver in receivers:
            receiver.wait(lambda requests: requests[-1].position == positions[-1])
            assert first_seen(receiver.positions) == positions
            assert all(0 <= last - again <= FLUSH_EVENTS for last, again in breaks(receiver.positions))
        servers[0].start()


@pytest.mark.slow
def test_a_server_that_lost_its_lease_moves_nothing(migrated_postgres_url: str) -> None:
    """One of two servers hangs while it delivers and another goes on; awake again, it sends one event more at most."""
    with receiving() as receiver, serving_together([migrated_postgres_url] * 2, *FLAGS) as servers:
        one, other = (Service(server) for server in servers)
        one.open_issues()
        made = one.subscribe(receiver.url)
        positions = one.record(facts(600))
        receiver.wait_for(100)
        servers[0].pause()
        receiver.wait(lambda requests: requests[-1].position == positions[-1])
        before = len(receiver.requests)
        other.until_read(made["id"])
        servers[0].resume()
        positions += one.record(facts(20))
        receiver.wait(lambda requests: requests[-1].position == positions[-1])
        assert one.until_read(made["id"])["position"] == positions[-1]
        assert first_seen(receiver.positions) == positions
        late = [position for position in receiver.positions[before:] if position < positions[-20]]
        assert len(late) <= 1


def test_a_subscription_made_at_one_server_is_changed_at_another(migrated_postgres_url: str) -> None:
    """A change made at one server is taken up by the one that delivers."""
    with receiving() as receiver, serving_together([migrated_postgres_url] * 2, *CALM_FLAGS) as servers:
        one, other = (Service(server) for server in servers)
        one.open_issues()
        made = one.subscribe(receiver.url)
        positions = one.record(facts(3))
        receiver.wait_for(3)
        one.until_read(made["id"])
        other.ask("POST", f"/v1/subscriptions/{made['id']}/replay", {"after": 0})
        receiver.wait(lambda requests: len(requests) >= 3 + positions[-1])
        assert receiver.positions[3:] == list(range(1, positions[-1] + 1))
        assert one.ask("DELETE", f"/v1/subscriptions/{made['id']}").status_code == 204
        assert other.ask("GET", f"/v1/subscriptions/{made['id']}").status_code == 404
