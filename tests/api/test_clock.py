"""A clock that was ahead once: later events stay after its instants, and the service says so and goes on."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner
from litestar import Litestar
from litestar.testing import TestClient
from structlog.testing import capture_logs

from service.app import create_app
from service.cli import cli
from service.domain.vocabulary import instants
from service.settings import Settings
from tests.api.conftest import LONDON
from tests.ledgers import now
from tests.processes import PATIENCE
from tests.servers import openings

pytestmark = pytest.mark.row(11)

YEARS = 3 * 365 * 86_400
"""Seconds by which the clock is ahead."""
MICROS = 1_000_000
ISSUES = openings()
ISSUE, ITEM = "rare-earth-export-restrictions", "us-china-talks-london"
RESTRICTION = "/v1/issues/load-one?as_of=2025-06-01"


class Clock:
    """A clock that can be set: `ahead` is in seconds."""

    def __init__(self) -> None:
        """Begin with the right time."""
        self.ahead = 0

    def __call__(self) -> int:
        """Return microseconds since 1970 UTC."""
        return now() + self.ahead * MICROS


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the service, also of commands."""
    clock = Clock()
    monkeypatch.setattr("service.app.clock", clock)
    return clock


@contextmanager
def serving(url: str) -> Iterator[TestClient[Litestar]]:
    settings = Settings(database_url=url, webhooks_allow_private=True)
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client


def record(client: TestClient[Litestar], event: dict[str, Any]) -> str:
    """Record an event; return its instant."""
    recorded_at: str = client.post("/v1/events", json={"events": [event]}).raise_for_status().json()["recorded_at"]
    return recorded_at


def warnings(logs: list[Any]) -> list[str]:
    return [each["event"] for each in logs if each["event"].startswith("clock.")]


def gauge(client: TestClient[Litestar], name: str) -> float:
    return next(float(line.split()[-1]) for line in client.get("/metrics").text.splitlines() if line.startswith(name))


def fresh() -> dict[str, Any]:
    """Open an issue that nobody has opened."""
    slug = f"issue-{uuid4()}"
    return {name: value for name, value in ISSUES[1].items() if name != "id"} | {"item": slug, "issues": [slug]}


def test_a_service_says_that_the_head_is_ahead_of_its_clock(migrated_url: str, clock: Clock) -> None:
    """The log has one warning, however many commits follow; /readyz (200) and /metrics have the seconds."""
    clock.ahead = YEARS
    with capture_logs() as logs, serving(migrated_url) as client:
        record(client, ISSUES[0])
        assert client.get("/readyz").json()["clock_behind_head_seconds"] == 0
        assert gauge(client, "parley_clock_behind_head_seconds") == 0
        clock.ahead -= 3  # clocks of several machines differ as much
        assert client.get("/readyz").json()["clock_behind_head_seconds"] == 0
    assert warnings(logs) == []
    clock.ahead = 0
    with capture_logs() as logs, serving(migrated_url) as client:
        stamps = [record(client, event) for event in ISSUES[1:]]
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (200, "ok")
        assert YEARS - PATIENCE < ready.json()["clock_behind_head_seconds"] <= YEARS
        assert YEARS - PATIENCE < gauge(client, "parley_clock_behind_head_seconds") <= YEARS
    assert instants.parse(stamps[1]) == instants.parse(stamps[0]) + 1
    assert warnings(logs) == ["clock.behind_head"]


def test_a_clock_that_is_put_back_and_right_is_noticed_while_serving(migrated_url: str, clock: Clock) -> None:
    """Each change is in the log once, without a restart."""
    with capture_logs() as logs, serving(migrated_url) as client:
        record(client, ISSUES[0])
        for ahead, expected in (
            (-YEARS, ["clock.behind_head"]),
            (0, ["clock.behind_head", "clock.caught_up"]),
            (-60, ["clock.behind_head", "clock.caught_up", "clock.behind_head"]),
        ):
            clock.ahead = ahead
            deadline = time.monotonic() + PATIENCE
            while warnings(logs) != expected and time.monotonic() < deadline:
                record(client, fresh())
                time.sleep(0.02)
            assert warnings(logs) == expected


def test_every_known_at_that_an_answer_states_is_taken(migrated_url: str, clock: Clock) -> None:
    """Instants up to that of the head are past, whatever the clock says; later ones are still refused."""
    clock.ahead = YEARS
    with serving(migrated_url) as client:
        first = record(client, ISSUES[0])
    clock.ahead = 0
    with serving(migrated_url) as client:
        later = [record(client, ISSUES[0] | {"id": event["id"], "type": "issue.revised"}) for event in ISSUES[1:]]
        newest = client.get(RESTRICTION).json()
        assert newest["known_at"] == later[-1]
        for position, known_at in enumerate([first, *later], 1):
            answer = client.get(RESTRICTION, params={"known_at": known_at})
            assert (answer.status_code, answer.json()["known_position"]) == (200, position), answer.text
        between = instants.text(now() + YEARS // 2 * MICROS)
        for path in ("/v1/restrictions", "/v1/events", "/v1/issues"):
            assert client.get(path, params={"known_at": between}).json()["known_position"] == 0
        compared = client.get("/v1/issues/load-one/diff", params={"known_from": first, "known_to": later[-1]})
        assert (compared.status_code, compared.json()["known_position"]) == (200, 3)
        record(client, fresh())
        assert client.get("/v1/issues", params={"known_at": between}).json()["known_position"] == 0
        ahead = instants.text(instants.parse(later[-1]) + 60 * MICROS)
        refused = client.get("/v1/issues", params={"known_at": ahead})
        assert (refused.status_code, refused.json()["type"]) == (400, "/problems/knowledge-ahead")


def test_events_ahead_of_the_clock_make_a_lag(migrated_url: str, clock: Clock) -> None:
    """While events wait the lag is never 0 s, also where all of them have instants that are still to come."""
    clock.ahead = YEARS
    with serving(migrated_url) as client:
        record(client, ISSUES[0])
        clock.ahead += 100
        record(client, ISSUES[1])
    clock.ahead = 0
    with serving(migrated_url) as client:
        record(client, ISSUES[2])
        webhook = {"id": "desk", "url": "http://127.0.0.1:9/", "after": 0}
        client.post("/v1/subscriptions", json=webhook).raise_for_status()
        client.patch("/v1/subscriptions/desk", json={"state": "paused"}).raise_for_status()
        for position, lag in ((0, 100), (1, 0.001), (2, 0.001), (3, 0)):
            client.put(f"/v1/consumers/at-{position}", json={"position": position}).raise_for_status()
            seconds = client.get(f"/v1/consumers/at-{position}").json()["lag"]["seconds"]
            assert lag <= seconds < lag + (PATIENCE if lag else 0.001)
            assert gauge(client, f'parley_consumer_lag_seconds{{consumer="at-{position}"}}') == seconds
            client.post("/v1/subscriptions/desk/replay", json={"after": position}).raise_for_status()
            assert client.get("/v1/subscriptions/desk").json()["lag"] == {"events": 3 - position, "seconds": seconds}


def test_a_ledger_ahead_of_the_clock_imports_its_own_export(migrated_url: str, clock: Clock, tmp_path: Path) -> None:
    """An empty ledger takes the instants that the export has, with a warning, and answers as the exported one."""
    clock.ahead = YEARS
    with serving(migrated_url) as client:
        record(client, ISSUES[0])
    clock.ahead = 0
    with serving(migrated_url) as client:
        record(client, ISSUES[1])
    file, copy = tmp_path / "export.ndjson", f"sqlite:///{tmp_path / 'copy.db'}"
    run = CliRunner().invoke
    assert run(cli, ["export", str(file), "--database-url", migrated_url]).exit_code == 0
    imported = run(cli, ["import", str(file), "--database-url", copy])
    assert (imported.exit_code, imported.stdout) == (0, "2 events recorded, 0 known already\n")
    assert "ahead of this machine's clock" in imported.stderr
    assert run(cli, ["export", "-", "--database-url", copy]).stdout_bytes == file.read_bytes()
    with serving(copy) as client:
        known_at = json.loads(file.read_bytes().splitlines()[0])["recorded_at"]
        assert client.get("/v1/issues", params={"known_at": known_at}).json()["known_position"] == 1
    clock.ahead = YEARS + 60
    assert run(cli, ["import", str(file), "--database-url", copy]).stderr == ""


@pytest.mark.parametrize("basis", ["recorded", "published&known_at=2025-07-01"])
def test_an_answer_about_every_day_is_the_same_on_every_day(migrated_url: str, clock: Clock, basis: str) -> None:
    """Pages as known then are the same to the byte after midnight, and their cursors lead on."""
    with serving(migrated_url) as client:
        for event in LONDON:
            assert client.post("/v1/events", json={"events": [event]}).status_code == 201
        pinned = f"known_basis={basis}&known_position={len(LONDON)}&limit=1"
        pages = [f"/v1/issues/{ISSUE}/timeline?{pinned}", f"/v1/rounds/{ITEM}/versions?{pinned}"]
        before = [client.get(page) for page in pages]
        first = [f"{page}&cursor={answer.json()['next']}" for page, answer in zip(pages, before, strict=True)]
        following = [client.get(page).content for page in first]
        clock.ahead = 86_400
        assert [client.get(page).content for page in pages] == [answer.content for answer in before]
        assert [client.get(page).content for page in first] == following
