"""A log that is set back, as to a backup: no follower goes on as if it were the log that it knew."""

from __future__ import annotations

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.servers import Server, facts, openings, plain_client, serving
from tests.sse import following
from tests.test_follow import followed, lines
from tests.test_follow import following as following_process
from tests.watches.desk import Desk, restriction
from tests.webhooks.receivers import receiving, until
from tests.webhooks.service import Service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import PostgresServer

pytestmark = pytest.mark.slow

COMMON, LOST, FURTHER = 5, 8, 6
"""The head of the backup, the head that is lost, and how many events are recorded after the restore."""


@dataclass
class Copies:
    """A database and its backup."""

    url: str
    save: Callable[[], None]
    restore: Callable[[], None]


def _copy(source: str, target: str) -> None:
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
        one.backup(other)


@pytest.fixture
def copies(backend: str, request: pytest.FixtureRequest) -> Iterator[Copies]:
    """A migrated database on each backend in turn, which can be set back while others use it."""
    url: str = request.getfixturevalue(f"migrated_{backend}_url")
    if backend == "sqlite":
        live = url.removeprefix("sqlite:///")
        yield Copies(url, lambda: _copy(live, f"{live}.backup"), lambda: _copy(f"{live}.backup", live))
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        with server.copied(url) as (save, restore):
            yield Copies(url, save, restore)


@dataclass
class Api:
    """A server, asked over a connection of its own each time."""

    server: Server
    seeds: Iterator[int] = field(default_factory=lambda: iter(range(2, 40)))

    def ask(self, method: str, target: str, body: object = None, **headers: str) -> httpx.Response:
        """Send a request; again while the database is being replaced."""
        with plain_client(self.server.url) as client:
            while True:
                answer = client.request(method, target, json=body, headers=headers)
                if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                    return answer

    def record(self, events: list[dict[str, Any]]) -> int:
        """Record events; return the position of the last."""
        position: int = self.ask("POST", "/v1/events", {"events": events}).raise_for_status().json()["position"]
        return position

    def facts(self, count: int) -> list[str]:
        """Record so many new facts; return their ids."""
        events = facts(next(self.seeds), count)
        self.record(events)
        return [event["id"] for event in events]

    def place(self, position: int) -> str:
        """Return the place of the event at a position."""
        place: str = self.ask("GET", f"/v1/feed?after={position - 1}&limit=1").headers["feed-place"]
        return place

    def kind(self, target: str, **headers: str) -> str:
        """Return the kind of problem that a request is answered with; "" for an answer."""
        answer = self.ask("HEAD" if "stream" in target else "GET", target, **headers)
        if answer.is_success:
            return ""
        assert answer.status_code == httpx.codes.BAD_REQUEST
        return "400" if "stream" in target else str(answer.json()["type"])


@pytest.mark.row(5)
def test_a_place_of_a_log_that_was_set_back_is_refused_after_the_log_has_grown_past_it(copies: Copies) -> None:
    """Whether a server ran or not, what a follower read decides: a place of the common part is taken, another is not.

    A position alone is taken as before: it says nothing about the event there.
    """
    with serving(copies.url) as server:
        api = Api(server)
        api.record([*openings(), *facts(1, COMMON - 3)])
        save(server, copies)
        api.facts(LOST - COMMON)
        places = {position: api.place(position) for position in (COMMON, LOST)}
        with following(server.url, "ids=place") as stream:
            assert [message.id for message in stream.take(LOST)][-1] == places[LOST]
        server.stop()
        copies.restore()
        server.start()
        api.record(facts(50, FURTHER))
        for accept in ("application/json", "application/x-ndjson", "application/cloudevents-batch+json"):
            assert api.kind(f"/v1/feed?after={places[LOST]}", accept=accept) == "/problems/other-log"
            assert api.kind(f"/v1/feed?after={places[COMMON]}", accept=accept) == ""
            assert api.kind(f"/v1/feed?after={LOST}", accept=accept) == ""
        assert api.kind(f"/v1/feed?wait=1&type=call.*&after={places[LOST]}") == "/problems/other-log"
        for name, refused in ((places[LOST], "400"), (places[COMMON], ""), (str(LOST), "")):
            assert api.kind(f"/v1/feed/stream?after={name}") == refused
            assert api.kind("/v1/feed/stream", **{"last-event-id": name}) == refused
        assert api.ask("PUT", "/v1/consumers/one", moved_to(places[LOST])).status_code == httpx.codes.BAD_REQUEST
        assert api.ask("PUT", "/v1/consumers/one", moved_to(places[COMMON])).status_code == httpx.codes.CREATED


def save(server: Server, copies: Copies) -> None:
    """Make the backup while the server is down: PostgreSQL copies a database that nobody uses."""
    server.stop()
    copies.save()
    server.start()


def moved_to(place: str, **expected: int) -> dict[str, object]:
    """Return the body that moves a consumer to a place."""
    position, _, recorded_at = place.partition("@")
    return {"position": int(position), "recorded_at": recorded_at, **expected}


@pytest.mark.row(2)
@pytest.mark.parametrize("further", [1, LOST - COMMON, FURTHER])
def test_followers_notice_a_log_that_is_set_back_under_a_running_service(copies: Copies, further: int) -> None:
    """Whether or not the log has grown past what was lost: streams and waits end, nobody goes on after a lost event.

    A webhook gets every event of the log as it is now, and a consumer stands where it stood in the backup.
    """
    with serving(copies.url, "--webhooks-allow-private") as server, receiving() as receiver:
        api, service = Api(server), Service(server)
        api.record([*openings(), *facts(1, COMMON - 3)])
        service.subscribe(receiver.url, id="desk", after=0)
        receiver.wait_for(COMMON)
        service.until_read("desk")
        until(lambda: service.subscription("desk")["position"] == COMMON)
        api.ask("PUT", "/v1/consumers/one", {"position": COMMON})
        save(server, copies)
        with (
            following(server.url) as whole,
            following(server.url, "ids=place&type=restriction.*") as filtered,
            ThreadPoolExecutor(1) as threads,
        ):
            lost = api.facts(LOST - COMMON)
            assert [message.event["id"] for message in whole.take(LOST)][COMMON:] == lost
            assert filtered.take(LOST - 3)[-1].event["id"] == lost[-1]
            receiver.wait_for(LOST)
            place = api.place(LOST)
            api.ask("PUT", "/v1/consumers/one", moved_to(place, expected=COMMON)).raise_for_status()
            waiting = threads.submit(api.kind, f"/v1/feed?after={place}&wait=30")
            until(lambda: followers(api) == 4)  # two streams, a subscription, and the waiting page
            epoch = api.ask("GET", "/readyz").json()["epoch"]
            copies.restore()
            new = api.facts(further)
            assert waiting.result() == "/problems/other-log"
            for stream in (whole, filtered):
                (last,) = list(stream)
                assert (last.event["type"], last.id) == ("/problems/other-log", place)
        assert api.kind("/v1/feed/stream", **{"last-event-id": place}) == "400"
        receiver.wait(lambda requests: new[-1] in {request.id for request in requests})
        assert [request.id for request in receiver.requests][-further:] == new
        service.until_read("desk")
        consumer = api.ask("GET", "/v1/consumers/one").json()
        assert (consumer["position"], consumer["lag"]["events"]) == (COMMON, further)
        assert consumer["place"] == api.place(COMMON)
        refused = api.ask("PUT", "/v1/consumers/one", moved_to(place, expected=COMMON))
        assert (refused.status_code, refused.json()["type"]) == (400, "/problems/other-log")
        receipt = api.ask("POST", "/v1/events", {"events": facts(99, 1)}).json()
        headers = api.ask("GET", "/v1/feed").headers
        assert (receipt["epoch"], receipt["ledger"]) == (epoch + 1, headers["feed-ledger"])
        until(lambda: api.ask("GET", "/v1/feed").headers["feed-epoch"] == str(epoch + 1))


def followers(api: Api) -> int:
    """Return how many follow."""
    metrics = api.ask("GET", "/metrics").text.splitlines()
    return int(float(next(line.split()[1] for line in metrics if line.startswith("parley_feed_followers "))))


@pytest.mark.row(2, 5)
def test_parley_follow_ends_where_the_log_was_set_back(copies: Copies) -> None:
    """It ends with exit code 1 and says why: while it waits, and when it is started again with a cursor of its own."""
    with serving(copies.url) as server:
        api = Api(server)
        api.record([*openings(), *facts(1, COMMON - 3)])
        save(server, copies)
        api.facts(LOST - COMMON)
        with following_process(server.url) as process:
            lines(process, LOST)
            until(lambda: followers(api) == 1)
            copies.restore()
            api.facts(FURTHER)
            assert process.wait(60) == 1
            assert process.stderr
            assert b"The log was set back" in process.stderr.read()
        code, out, _ = followed(server.url, "--once")
        assert (code, len(out)) == (0, COMMON + FURTHER)


@pytest.mark.parametrize("stopped", [False, True])
def test_a_watch_is_asked_again_of_a_log_that_was_set_back(copies: Copies, stopped: bool) -> None:  # noqa: FBT001
    """Whether a server ran or not: its answer is that of the log as it is now, and what follows is delivered."""
    with receiving() as receiver, serving(copies.url, "--webhooks-allow-private") as server:
        desk = Desk(Service(server))
        desk.open()
        desk.subscribe(receiver)
        desk.watch("duty", "/v1/restrictions/duty")
        desk.record(restriction())
        receiver.wait_for(1)
        until(lambda: desk.get("/v1/watches/duty")["undelivered"] == 0)
        saved = desk.get("/v1/watches/duty")["asked_at"]
        save(server, copies)
        epoch = desk.get("/readyz")["epoch"]
        desk.record(restriction(change="lifted", occurred="2025-03-01"))
        receiver.wait_for(2)
        if stopped:
            server.stop()
        copies.restore()
        if stopped:
            server.start()
        until(lambda: desk.ask("POST", "/v1/events", {"events": [restriction("other")]}).is_success)
        if not stopped:  # else the answer is as old as the log, and nothing was recorded that touches it
            until(lambda: desk.ask("GET", "/v1/watches/duty").json().get("asked_at", "") > saved)
        desk.record(restriction(change="suspended", occurred="2025-04-01"))
        last = json.loads(receiver.wait_for(3)[2].body)
        assert (last["data"]["before"]["status"], last["data"]["after"]["status"]) == ("in_force", "suspended")
        assert (last["data"]["number"], last["ledgerepoch"]) == (2, epoch + (not stopped))


def test_a_watch_is_asked_again_after_a_rebuild(copies: Copies) -> None:
    """Where a rebuild raises the epoch: the question is asked, and the same answer is no change."""
    with receiving() as receiver, serving(copies.url, "--webhooks-allow-private") as server:
        desk = Desk(Service(server))
        desk.open()
        desk.subscribe(receiver)
        desk.record(restriction())
        shown = desk.watch("duty", "/v1/restrictions/duty")
        rebuild_by_command(copies.url)
        until(lambda: desk.get("/v1/watches/duty")["asked_at"] > shown["asked_at"])
        desk.record(restriction(change="lifted", occurred="2025-03-01"))
        (data,) = desk.check(receiver.wait_for(1))
        assert (data["number"], data["before"]["status"], data["after"]["status"]) == (1, "in_force", "lifted")


@pytest.mark.row(2)
def test_a_rebuild_takes_no_follower_its_place(copies: Copies) -> None:
    """Where a rebuild raises the epoch, the log is the same: streams go on, and places are taken as before."""
    with serving(copies.url) as server:
        api = Api(server)
        api.record([*openings(), *facts(1, COMMON - 3)])
        place, epoch = api.place(COMMON), api.ask("GET", "/readyz").json()["epoch"]
        with following(server.url) as stream:
            stream.take(COMMON)
            rebuild_by_command(copies.url)
            until(lambda: api.ask("GET", "/readyz").json()["epoch"] == epoch + 1)
            (new,) = api.facts(1)
            assert stream.take(1)[0].event["id"] == new
        assert api.kind(f"/v1/feed?after={place}") == ""


def rebuild_by_command(url: str) -> None:
    from click.testing import CliRunner  # noqa: PLC0415

    from service.cli import cli  # noqa: PLC0415

    assert CliRunner().invoke(cli, ["rebuild", "--restored"], env={"PARLEY_DATABASE_URL": url}).exit_code == 0
