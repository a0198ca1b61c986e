"""Each recorded event says who recorded it: in the log, not in its own words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from click.testing import CliRunner

from service.cli import cli
from tests.access.holders import bearing, id_of, made, parley, service
from tests.api.conftest import LONDON

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from litestar import Litestar
    from litestar.testing import TestClient

TARGET = LONDON[3]["id"]


@pytest.fixture
def keys(migrated_url: str) -> dict[str, str]:
    """Two keys that may record, of two holders."""
    return {
        "desk": made(migrated_url, "recorder", "--name", "desk"),
        "ed": made(migrated_url, "admin", "--name", "Ed Ü"),
    }


@pytest.fixture
def client(migrated_url: str, keys: dict[str, str]) -> Iterator[TestClient[Litestar]]:
    """A ledger where the desk has recorded the London set, and Ed has corrected an event."""
    with service(migrated_url) as client:
        sent = client.post("/v1/events", json={"events": LONDON}, headers=bearing(keys["desk"]))
        assert sent.status_code == 201
        correction = {"event": LONDON[3] | {"note": "Mended."}, "reason": "A slip."}
        corrected = client.put(f"/v1/events/{TARGET}", json=correction, headers=bearing(keys["ed"]))
        assert corrected.status_code == 201
        yield client


def by(keys: dict[str, str], who: str) -> dict[str, str]:
    return {"name": {"desk": "desk", "ed": "Ed Ü"}[who], "key": id_of(keys[who])}


def test_every_way_to_read_an_event_says_who_recorded_it(client: TestClient[Litestar], keys: dict[str, str]) -> None:
    """The receipt, the list, the event by id with its records, and the feed in both forms have `recorded_by`."""
    client.headers.update(bearing(keys["desk"]))
    expected = [by(keys, "desk")] * len(LONDON) + [by(keys, "ed")]
    listed = client.get("/v1/events", params={"limit": 100}).json()["items"]
    fed = client.get("/v1/feed", params={"limit": 100}).json()["events"]
    lines = client.get("/v1/feed", headers={"Accept": "application/x-ndjson"}).text.splitlines()[:-1]
    filtered = client.get("/v1/feed", params={"type": "record.corrected"}).json()["events"]
    for events in (listed, fed, [json.loads(line) for line in lines]):
        assert [event["recorded_by"] for event in events] == expected
    assert filtered[0]["recorded_by"] == by(keys, "ed")
    one = client.get(f"/v1/events/{TARGET}").json()
    assert one["recorded_by"] == by(keys, "desk")
    assert [record["recorded_by"] for record in one["records"]] == [by(keys, "ed")]
    assert "recorded_by" not in one["now"]
    again = client.post("/v1/events", json={"events": LONDON}).json()
    assert {json.dumps(event["recorded_by"]) for event in again["events"]} == {json.dumps(by(keys, "desk"))}


def test_a_repeat_by_another_key_changes_nothing(client: TestClient[Litestar], keys: dict[str, str]) -> None:
    """Who sends recorded events again, by their ids or by an Idempotency-Key, gets them as they were recorded first."""
    repeated = client.post("/v1/events", json={"events": LONDON[:2]}, headers=bearing(keys["ed"]))
    assert repeated.status_code == 200
    assert [event["recorded_by"] for event in repeated.json()["events"]] == [by(keys, "desk")] * 2
    fact: dict[str, Any] = {name: value for name, value in LONDON[3].items() if name != "id"} | {
        "occurred": "2025-04-04"
    }
    headers = {"Idempotency-Key": str(uuid4())}
    first, second = (
        client.post("/v1/events", json={"events": [fact]}, headers=headers | bearing(keys[who]))
        for who in ("desk", "ed")
    )
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json()["events"] == first.json()["events"]
    assert first.json()["events"][0]["recorded_by"] == by(keys, "desk")


def test_nobody_says_so_himself(client: TestClient[Litestar], keys: dict[str, str]) -> None:
    """A `recorded_by` in what is sent is refused like any field that an event has not."""
    event = LONDON[3] | {"id": str(uuid4()), "recorded_by": {"name": "x", "key": "y"}}
    response = client.post("/v1/events", json={"events": [event]}, headers=bearing(keys["desk"]))
    assert response.status_code == 422


def test_states_say_nothing_of_it(client: TestClient[Litestar], keys: dict[str, str]) -> None:
    """A state rests on its sources: who typed them in is no part of an answer, nor of a CloudEvent's data."""
    client.headers.update(bearing(keys["desk"]))
    for path in ("/v1/restrictions", "/v1/issues", "/v1/issues/rare-earth-export-restrictions/timeline"):
        assert "recorded_by" not in client.get(path).text
    batch = client.get("/v1/feed", headers={"Accept": "application/cloudevents-batch+json"})
    assert "recorded_by" not in batch.text


def test_without_a_key_nobody_is_named(migrated_url: str) -> None:
    """Events that an open service or a seed recorded have none, also after keys are made."""
    assert parley(migrated_url, "seed").exit_code == 0
    with service(migrated_url) as client:
        event = LONDON[3] | {"id": str(uuid4()), "occurred": "2025-04-04"}
        assert client.post("/v1/events", json={"events": [event]}).status_code == 201
    key = made(migrated_url, "reader")
    with service(migrated_url) as client:
        events = client.get("/v1/feed", params={"limit": 100}, headers=bearing(key)).json()["events"]
    assert [event for event in events if "recorded_by" in event] == []


def test_a_copy_keeps_it_and_another_ledger_does_not(
    client: TestClient[Litestar], migrated_url: str, tmp_path: Path
) -> None:
    """An export has it, and so has an empty ledger that imports it; one with events of its own recorded all itself."""
    log = parley(migrated_url, "export", "-").stdout
    assert log.count('"recorded_by":{"name":"desk"') == len(LONDON)

    def imported(name: str) -> str:
        url = f"sqlite:///{tmp_path / name}"
        environment = {"PARLEY_DATABASE_URL": url}
        if name == "other.db":
            made(url, "reader")
            opening = LONDON[0] | {"id": str(uuid4()), "issues": ["another"], "item": "another"}
            first = json.dumps(opening)
            assert CliRunner().invoke(cli, ["import", "-"], input=first, env=environment).exit_code == 0
        done = CliRunner().invoke(cli, ["import", "-"], input=log, env=environment)
        assert done.exit_code == 0, done.output
        return parley(url, "export", "-").stdout

    assert imported("copy.db") == log
    assert "recorded_by" not in imported("other.db")


def test_a_line_with_a_wrong_recorder_is_refused(
    client: TestClient[Litestar], migrated_url: str, tmp_path: Path
) -> None:
    """What an export cannot have written is a fault of its line."""
    line = json.loads(parley(migrated_url, "export", "-").stdout.splitlines()[0]) | {"recorded_by": {"name": 1}}
    environment = {"PARLEY_DATABASE_URL": f"sqlite:///{tmp_path / 'copy.db'}"}
    done = CliRunner().invoke(cli, ["import", "-"], input=json.dumps(line), env=environment)
    assert (done.exit_code, "line 1: #/recorded_by" in done.stderr) == (1, True)


def test_the_log_keeps_it_when_the_projections_are_remade(
    client: TestClient[Litestar], keys: dict[str, str], migrated_url: str
) -> None:
    """A rebuild changes nothing of it: it stands in the log, and no projection has it."""
    before = parley(migrated_url, "export", "-").stdout
    assert "identical" in parley(migrated_url, "rebuild").stdout
    assert parley(migrated_url, "export", "-").stdout == before
