"""Each road to the events lets the same through, shows what a record acts on, and can begin at a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from service.storage import files
from tests.processes import PATIENCE, ROOT
from tests.servers import plain_client, serving
from tests.sse import following
from tests.webhooks.receivers import receiving
from tests.webhooks.service import Service

if TYPE_CHECKING:
    from collections.abc import Iterator

Event = dict[str, Any]
LINES: list[Event] = [json.loads(line) for line in (files.data("seeds") / "us-china.ndjson").read_bytes().splitlines()]
TYPES = ["restriction.*", "clearance.*"]
FILTERS = ["party=CN", "party=DE,MX", "good=soybeans", "hs=8542,1201", "entity=Huawei", "issue=section-301-tariffs", ""]


@pytest.fixture(scope="module")
def service(shared_url: str) -> Iterator[Service]:
    """A service with the US-China set, recorded in batches of 100."""
    with serving(shared_url, "--webhooks-allow-private") as server:
        running = Service(server)
        running.record(LINES, size=100)
        yield running


def pages(service: Service, path: str, query: str) -> list[Event]:
    """Read all pages of the feed, or of the list of events."""
    found: list[Event] = []
    with plain_client(service.server.url) as client:
        after, cursor = 0, None
        while True:
            place = f"after={after}" if path == "feed" else f"cursor={cursor}" if cursor else ""
            answer = client.get(f"/v1/{path}?{place}&{query}&limit=40").raise_for_status().json()
            found += answer["events" if path == "feed" else "items"]
            after, cursor = answer["next"], answer["next"]
            if (after == answer["head"]) if path == "feed" else cursor is None:
                return found


def command(url: str, *words: str) -> list[Event]:
    """Run `parley follow --once`; return what it writes."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PARLEY_")}
    done = subprocess.run(
        [sys.executable, "-m", "service", "follow", "--url", url, "--once", *words],
        cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=True,
    )  # fmt: skip
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("given", FILTERS)
def test_each_road_lets_the_same_through(service: Service, given: str) -> None:
    """Pages, lists of events, lines, CloudEvents, the stream and `parley follow` agree, with several types."""
    query = f"type={','.join(TYPES)}&{given}".rstrip("&")
    expected = pages(service, "feed", query)
    assert 0 < len(expected) < len(LINES)
    ids = [event["id"] for event in expected]
    assert pages(service, "events", query) == expected
    with plain_client(service.server.url) as client:
        lines = client.get(f"/v1/feed?{query}", headers={"accept": "application/x-ndjson"}).text.splitlines()
        batch = client.get(
            f"/v1/feed?{query}&limit=1000", headers={"accept": "application/cloudevents-batch+json"}
        ).json()
    assert [json.loads(line) for line in lines[:-1]] == expected
    assert [event["id"] for event in batch] == ids
    for event, sent in zip(expected, batch, strict=True):
        assert json.loads(sent.get("targetevent", "null")) == event.get("target_event")
        assert "target_event" not in sent["data"]
    with following(service.server.url, query) as stream:
        assert [message.event for message in stream.take(len(ids))] == expected
    option = ["--" + given.partition("=")[0], given.partition("=")[2]] if given else []
    types = [word for each in TYPES for word in ("--type", each)]
    assert command(service.server.url, *types, *option) == expected


@pytest.mark.parametrize(
    ("conditions", "start"),
    [
        ({"party": "CN"}, {"after": 0}),
        ({"party": "DE,CN", "hs": "8542,1201"}, {"since": "2020-01-01"}),
        ({"issue": "section-301-tariffs,entity-list"}, {"since": "2020-01-01T00:00:00Z"}),
    ],
)
def test_webhooks_let_the_same_through(service: Service, conditions: dict[str, str], start: Event) -> None:
    """A subscription is sent what the feed with the same filter has, records with what they act on."""
    given = {"type": "restriction.*,clearance.*", **conditions}
    expected = pages(service, "feed", "&".join("=".join(each) for each in given.items()))
    with receiving() as receiver:
        made = service.subscribe(receiver.url, **given, **start)
        sent = [json.loads(request.body) for request in receiver.wait_for(len(expected))]
        assert {name: made[name] for name in given} == given
        service.ask("DELETE", f"/v1/subscriptions/{made['id']}")
    assert [event["id"] for event in sent] == [event["id"] for event in expected]
    targets = [json.loads(event["targetevent"])["id"] for event in sent if "targetevent" in event]
    assert targets == [event["target_event"]["id"] for event in expected if "target_event" in event]
    assert targets


def test_a_record_shows_the_text_that_it_acts_on(service: Service) -> None:
    """A record has the text that held before it: of the fact, then of its correction; also when it takes that away."""
    item = f"shown-{uuid4()}"
    text: Event = {
        "type": "restriction.imposed",
        "item": item,
        "issues": ["section-301-tariffs"],
        "occurred": "2025-01-01",
    }
    text |= {
        "imposed_by": "US",
        "instrument": "tariff",
        "all_goods": True,
        "against": ["CN"],
        "reports": [{"outlet": "One"}],
    }
    fact, new = {**text, "id": str(uuid4())}, {**text, "against": ["MX"]}
    correction = {
        "type": "record.corrected",
        "id": str(uuid4()),
        "target": fact["id"],
        "event": new,
        "reason": "A slip",
    }
    retraction = {"type": "record.retracted", "target": fact["id"], "reason": "None of it"}
    service.record([fact])
    service.record([correction])
    (last,) = service.record([retraction])
    found = [event for event in pages(service, "feed", f"item={item}") if "target" in event]
    assert [event["target_event"]["against"] for event in found] == [["CN"], ["MX"]]
    assert [event["target_event"]["id"] for event in found] == [fact["id"]] * 2
    for party in ("CN", "MX"):
        assert [event["position"] for event in pages(service, "feed", f"item={item}&party={party}")][-1] == last - (
            party == "CN"
        )
    unknown = service.ask("POST", "/v1/subscriptions", {"url": "https://example.org", "type": "restriction.impsed"})
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (422, "#/type")
    assert "restriction.imposed" in unknown.json()["errors"][0]["detail"]


def test_following_can_begin_at_a_time(service: Service) -> None:
    """`since` begins with the first event recorded at an instant or on a day, on pages, lines, streams and commands."""
    every = pages(service, "feed", "")
    first = next(event for event in every if event["recorded_at"] != every[0]["recorded_at"])
    since, rest = first["recorded_at"], every[first["position"] - 1 :]
    day = every[0]["recorded_at"][:10]
    with plain_client(service.server.url) as client:
        page = client.get(f"/v1/feed?since={since}&limit=1000").json()
        assert page["events"] == rest
        assert client.get(f"/v1/feed?since={day}&limit=1").json()["events"] == every[:1]
        lines = client.get(f"/v1/feed?since={since}", headers={"accept": "application/x-ndjson"}).text.splitlines()
        assert len(lines) == len(rest) + 1
        both = client.get(f"/v1/feed?since={since}&after=3")
        assert (both.status_code, both.json()["errors"][0]["parameter"]) == (422, "since")
        for path in ("feed", "feed/stream"):
            future = client.get(f"/v1/{path}?since=2999-01-01")
            assert (future.status_code, future.json()["type"]) == (400, "/problems/knowledge-ahead")
    with following(service.server.url, f"since={since}") as stream:
        assert stream.take(1)[0].event == first
    assert command(service.server.url, "--since", since) == rest


def test_lines_of_the_feed_are_imported_with_what_records_show(service: Service, tmp_path: Any) -> None:  # noqa: ANN401 - pytest's own
    """What the feed adds to a record is no part of it: a log read from the feed is imported as it is."""
    with plain_client(service.server.url) as client:
        lines = client.get("/v1/feed", headers={"accept": "application/x-ndjson"}).content
    (tmp_path / "log.ndjson").write_bytes(lines)
    environment = {**os.environ, "PARLEY_DATABASE_URL": f"sqlite:///{tmp_path / 'copy.db'}"}
    for words in (["migrate"], ["import", str(tmp_path / "log.ndjson")]):
        subprocess.run(
            [sys.executable, "-m", "service", *words], cwd=ROOT, env=environment, check=True, timeout=PATIENCE
        )
    done = subprocess.run(
        [sys.executable, "-m", "service", "export", "-"], cwd=ROOT, env=environment, check=True, capture_output=True
    )
    copied = [json.loads(line) for line in done.stdout.splitlines()]
    mine = [json.loads(line) for line in lines.splitlines()[:-1]]
    assert copied == [{name: value for name, value in event.items() if name != "target_event"} for event in mine]
