"""The service as it is seen from outside: access lines, traces, metrics."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.access.holders import made
from tests.api.conftest import LONDON
from tests.edge.clients import clients
from tests.processes import PATIENCE, ROOT
from tests.servers import plain_client, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import Server

AS_JSON = ("--log-level", "INFO", "--log-format", "json")
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"
TRACEPARENT = re.compile("00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the London set, and its access lines as JSON."""
    with serving(f"sqlite:///{tmp_path_factory.mktemp('seen') / 'parley.db'}", *AS_JSON) as server:
        with plain_client(server.url) as client:
            assert client.post("/v1/events", json={"events": LONDON}).status_code == 201
        yield server


def trace_of(response: httpx.Response) -> str:
    """Return the trace id of an answer, having checked its form."""
    found = TRACEPARENT.fullmatch(response.headers["traceparent"])
    assert found is not None
    return found[1]


def lines_of(server: Server, trace_id: str) -> list[dict[str, Any]]:
    """Return the lines of a trace, once there is one: it is written a moment after the answer."""
    return [json.loads(line) for line in server.log_with(trace_id).splitlines() if trace_id in line]


def metrics_of(client: httpx.Client) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Return the values of the metrics by name and labels, read as Prometheus reads them."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(client.get("/metrics").text)
        for sample in family.samples
    }


def value_of(found: dict[tuple[str, frozenset[tuple[str, str]]], float], name: str, **labels: str) -> float:
    return found[name, frozenset(labels.items())]


def test_an_access_line_for_each_request(migrated_url: str) -> None:
    """It has the trace, the key, the route, status, bytes, milliseconds and position, and nothing that was asked."""
    key = made(migrated_url, "editor", "--name", "desk")
    with serving(migrated_url, *AS_JSON) as server, plain_client(server.url) as client:
        bearing = {"Authorization": f"Bearer {key}"}
        written = client.post("/v1/events", json={"events": LONDON}, headers=bearing)
        read = client.get("/v1/issues/rare-earth-export-restrictions?as_of=2025-06-10&q=confidential", headers=bearing)
        refused = client.get("/v1/issues/whispered")
        feed = client.get("/v1/exposure?good=whispered&party=US", headers=bearing)
        (of_write,), (of_read,), (of_refused,), (of_feed,) = (
            lines_of(server, trace_of(each)) for each in (written, read, refused, feed)
        )
        server.stop()
        log = server.log()
    key_id = key.split("_")[1]
    assert {name: of_write[name] for name in ("event", "key", "key_id", "method", "route", "status", "position")} == {
        "event": "request",
        "key": "desk",
        "key_id": key_id,
        "method": "POST",
        "route": "/v1/events",
        "status": 201,
        "position": len(LONDON),
    }
    assert of_write["bytes"] == int(written.headers["Content-Length"])
    assert 0 < of_write["ms"] < 1_000 * PATIENCE
    assert (of_read["route"], of_read["status"]) == ("/v1/issues/{issue}", read.status_code)
    assert (of_feed["route"], of_feed["status"], of_feed["position"]) == ("/v1/exposure", 200, len(LONDON))
    assert (of_refused["key"], of_refused["status"], of_refused["position"]) == (None, 401, None)
    assert "whispered" not in log
    assert "confidential" not in log
    assert "Central News" not in log
    assert key not in log


@pytest.mark.parametrize("path", ["/v1/issues/rare-earth-export-restrictions", "/v1/feed", "/v1/issues/none", "/"])
def test_a_trace_goes_on(server: Server, path: str) -> None:
    """An answer is a span of its own in the trace that the request comes with, with its flags."""
    with plain_client(server.url) as client:
        answer = client.get(path, headers={"traceparent": PARENT})
    found = TRACEPARENT.fullmatch(answer.headers["traceparent"])
    assert found is not None
    assert (found[1], found[3]) == (TRACE, "01")
    assert found[2] != PARENT.split("-")[2]


@pytest.mark.parametrize(
    "sent",
    [
        [],
        [PARENT, PARENT],
        ["00-00000000000000000000000000000000-b7ad6b7169203331-01"],
        [f"00-{TRACE}-0000000000000000-01"],
        [f"ff-{TRACE}-b7ad6b7169203331-01"],
        [f"{PARENT}-more"],
        [PARENT.upper()],
        ["x" * 5_000],
        [""],
    ],
)
def test_what_is_no_trace_begins_one(server: Server, sent: list[str]) -> None:
    """Without one header that is valid, an answer has a trace of its own."""
    with plain_client(server.url) as client:
        answers = [client.get("/healthz", headers=[("traceparent", each) for each in sent]) for _ in range(2)]
    assert len({TRACE, *map(trace_of, answers)}) == 3


def test_a_later_version_of_the_header_is_read(server: Server) -> None:
    """What a later version adds is left out, as the standard has it."""
    with plain_client(server.url) as client:
        answer = client.get("/healthz", headers={"traceparent": f"01{PARENT[2:]}-more"})
    assert trace_of(answer) == TRACE


def test_each_problem_has_its_trace(server: Server) -> None:
    """Whatever refuses a request, its problem and its header have the trace of its line."""
    with plain_client(server.url) as client:
        refused = [
            client.get("/v1/issues/none"),
            client.get("/v1/issues?as_of=never"),
            client.post("/v1/events", content=b"{}"),
            client.post("/v1/events", json={}),
            client.request("PUT", "/v1/issues"),
            client.get("/nothing/here"),
            client.get("/v1/issues", headers={"Host": "evil.example"}),
            client.post("/v1/events", json={}, headers={"Origin": "https://evil.example"}),
        ]
    assert [each.status_code for each in refused] == [404, 422, 415, 422, 405, 404, 421, 403]
    for each in refused:
        assert each.json()["trace_id"] == trace_of(each)
        assert lines_of(server, trace_of(each))[0]["status"] == each.status_code


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"y" * 9_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"SPOKEN words\r\n\r\n", 501),
    ],
)
def test_what_is_no_request_has_a_trace_too(server: Server, sent: bytes, status: int) -> None:
    """A refusal of the connection itself is a line, a trace and a count."""
    with clients(server) as (client,):
        client.send(sent)
        answer = client.answer()
    assert answer.status == status
    trace_id = answer.problem()["trace_id"]
    assert answer.headers["traceparent"].split("-")[1] == trace_id
    (line,) = lines_of(server, trace_id)
    assert (line["event"], line["status"]) == ("refused", status)
    with plain_client(server.url) as asking:
        assert value_of(metrics_of(asking), "parley_http_refused_total", status=str(status)) >= 1


@pytest.mark.row(67)
def test_a_failure_is_found_by_its_problem(migrated_sqlite_url: str) -> None:
    """The trace of a 500 leads to the line with its traceback, which the client does not see."""
    with serving(migrated_sqlite_url, *AS_JSON) as server, plain_client(server.url) as client:
        with closing(sqlite3.connect(migrated_sqlite_url.removeprefix("sqlite:///"))) as database:
            database.execute("DROP TABLE consumer")
        answer = client.get("/v1/consumers")
        assert answer.status_code == 500
        trace_id = answer.json()["trace_id"]
        assert "consumer" not in json.dumps({**answer.json(), "instance": ""})
        assert lines_of(server, trace_id)
        server.stop()
        lines = {line["event"]: line for line in lines_of(server, trace_id)}
    assert lines.keys() == {"request", "request.failed"}
    assert "no such table" in json.dumps(lines["request.failed"])
    assert lines["request"]["status"] == 500


@pytest.mark.row(66)
def test_a_log_that_nobody_reads_stops_nobody(migrated_sqlite_url: str) -> None:
    """The reader of the log has stopped, the pipe is full: the service answers on, and ends when it is asked to."""
    serve = [sys.executable, "-m", "service", "serve", "--port", "0", "--database-url", migrated_sqlite_url]
    with subprocess.Popen([*serve, *AS_JSON], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            where = process.stdout.readline().decode().split()[-1]
            with plain_client(where) as client:
                deadline = time.monotonic() + PATIENCE
                while not ready(client):
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
                for _ in range(1_500):  # a pipe has 64 KiB, each line 200 bytes
                    assert client.get("/healthz").status_code == 200
            process.terminate()
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()


def ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").is_success
    except httpx.TransportError:
        return False


def test_metrics_count_requests(migrated_url: str) -> None:
    """Requests by route and status, with their durations; answers by basis; appends; the lag of subscriptions."""
    with serving(migrated_url, "--webhooks-allow-private") as server, plain_client(server.url) as client:
        asked = {"url": "http://127.0.0.1:9/nobody", "id": "desk"}
        assert client.post("/v1/subscriptions", json=asked).status_code == 201
        assert client.post("/v1/events", json={"events": LONDON}).status_code == 201
        item = "/v1/restrictions/china-seven-rare-earths-control"
        for _ in range(3):
            assert client.get(item, params={"as_of": "2025-06-10"}).status_code == 200
        assert client.head(item).status_code == 200
        assert client.get(item, params={"known_basis": "published"}).status_code == 200
        assert client.get("/v1/restrictions/none").status_code == 404
        assert client.get("/v1/nothing").status_code == 404
        found = metrics_of(client)
    route = "/v1/restrictions/{item}"
    counted = {
        (dict(labels)["route"], dict(labels)["method"], dict(labels)["status"]): value
        for (name, labels), value in found.items()
        if name == "parley_http_requests_total"
    }
    assert counted[route, "GET", "200"] == 4
    assert counted[route, "HEAD", "200"] == 1
    assert counted[route, "GET", "404"] == 1
    assert counted["", "GET", "404"] == 1
    seconds = "parley_http_request_duration_seconds"
    assert value_of(found, f"{seconds}_count", method="GET", route=route) == 5
    assert value_of(found, f"{seconds}_bucket", method="GET", route=route, le="+Inf") == 5
    assert value_of(found, "parley_http_response_bytes_total", method="HEAD", route=route) == 0
    asof = "parley_asof_duration_seconds_count"
    assert value_of(found, asof, basis="recorded", answer="made") == 2
    assert value_of(found, asof, basis="recorded", answer="kept") == 2
    assert value_of(found, asof, basis="published", answer="made") == 1
    assert value_of(found, "parley_append_duration_seconds_count") == 1
    assert value_of(found, "parley_append_batch_events_sum") == len(LONDON)
    assert value_of(found, "parley_commit_events_sum") == len(LONDON)
    assert value_of(found, "parley_subscription_lag_events", subscription="desk") == len(LONDON)
    assert value_of(found, "parley_subscription_lag_seconds", subscription="desk") > 0
    assert value_of(found, "parley_subscriptions", state="active") == 1
    assert value_of(found, "parley_database_up") == 1
    assert value_of(found, "parley_http_requests_in_progress") == 1


@pytest.mark.row(68)
def test_metrics_are_as_prometheus_has_them(server: Server) -> None:
    """One charset, a HELP and a TYPE for each metric, counters end in _total, and one says what runs."""
    with plain_client(server.url) as client:
        answer = client.get("/metrics")
        readiness = client.get("/readyz").json()
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = list(text_string_to_metric_families(answer.text))
    assert all(family.documentation for family in families)
    assert Counter(family.name for family in families).most_common(1)[0][1] == 1
    assert {family.type for family in families} <= {"counter", "gauge", "histogram"}
    assert answer.text.count("# HELP") == answer.text.count("# TYPE")
    (build,) = [each.labels for family in families for each in family.samples if family.name == "parley_build_info"]
    assert (build["version"], build["ledger"], build["database"]) == (
        readiness["version"],
        readiness["ledger"],
        "sqlite",
    )


def test_each_of_several_processes_has_its_own_counts(migrated_sqlite_url: str) -> None:
    """Whichever answers, its counts have its name, so that none are mixed up; those of the log have none."""
    with serving(migrated_sqlite_url, "--workers", "2") as server:
        processes: set[str] = set()
        deadline = time.monotonic() + PATIENCE
        while len(processes) < 2:
            assert time.monotonic() < deadline
            with plain_client(server.url) as client:
                found = metrics_of(client)
            named = {name: dict(labels).get("process") for name, labels in found}
            assert named["parley_head_position"] is None
            (process,) = {named[each] for each in ("parley_build_info", "parley_append_queue", "process_open_fds")}
            assert process is not None
            processes.add(process)


def test_names_of_keys_cannot_write_lines(migrated_sqlite_url: str) -> None:
    """A line for people quotes what is no plain word, so that nothing looks like a line of its own."""
    key = made(migrated_sqlite_url, "reader", "--name", "a desk")
    with serving(migrated_sqlite_url, "--log-level", "INFO") as server, plain_client(server.url) as client:
        answer = client.get("/v1/issues", headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == 200
        server.stop()
        (line,) = [line for line in server.log().splitlines() if trace_of(answer) in line]
    assert re.match(r"[0-9T:.-]+Z \[info     \] request ", line)
    assert ' key="a desk" ' in line
    assert " route=/v1/issues status=200 " in line
