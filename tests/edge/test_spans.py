"""Spans of requests, as a collector of OpenTelemetry gets them."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from service.cli import cli
from tests.access.holders import made
from tests.api.conftest import LONDON
from tests.processes import PATIENCE
from tests.servers import plain_client, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
WANTED, UNWANTED = f"00-{TRACE}-{SPAN}-01", f"00-{TRACE[::-1]}-{SPAN}-00"
Span = dict[str, Any]


class Collector(ThreadingHTTPServer):
    """Takes what is sent to it; answers with the first of `statuses`, then 200."""

    def __init__(self, statuses: list[int]) -> None:
        """Listen on a free port of this machine."""
        super().__init__(("127.0.0.1", 0), Handler)
        self.statuses = statuses
        self.sent: list[tuple[str, Any]] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    def wait_for_span(self, span_id: str) -> list[Span]:
        """Return the spans that it accepted, once this one is among them."""
        deadline = time.monotonic() + PATIENCE
        while span_id not in {span["spanId"] for span in self.spans()}:
            assert time.monotonic() < deadline, self.sent
            time.sleep(0.02)
        return self.spans()

    def spans(self) -> list[Span]:
        """Return the spans that it accepted."""
        return [
            span
            for path, body in self.sent
            if path == "/v1/traces"
            for resource in body["resourceSpans"]
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]


class Handler(BaseHTTPRequestHandler):
    """Answers one request of a collector."""

    server: Collector
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Take what is sent."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        if status == 200:
            self.server.sent.append((self.path, body))
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base class
        """Log nothing."""


@contextmanager
def collecting(*statuses: int) -> Iterator[Collector]:
    """Run a collector."""
    with Collector(list(statuses)) as collector:
        thread = threading.Thread(target=collector.serve_forever)
        thread.start()
        try:
            yield collector
        finally:
            collector.shutdown()
            thread.join()


def span_of(answer: httpx.Response) -> str:
    """Return the id of the span of an answer."""
    return answer.headers["traceparent"].split("-")[2]


def attributes(span: Span) -> dict[str, str | int]:
    """Return the attributes of a span, or of a resource."""
    return {
        each["key"]: int(each["value"]["intValue"]) if "intValue" in each["value"] else each["value"]["stringValue"]
        for each in span["attributes"]
    }


def test_a_span_for_each_request_of_a_trace(migrated_sqlite_url: str) -> None:
    """It hangs under the span of the caller, and says what the access line says; unsampled traces have none."""
    key = made(migrated_sqlite_url, "editor", "--name", "desk")
    with (
        collecting() as collector,
        serving(migrated_sqlite_url, "--otlp-endpoint", collector.url) as server,
        plain_client(server.url) as client,
    ):
        client.headers["Authorization"] = f"Bearer {key}"
        begun = time.time_ns()
        written = client.post("/v1/events", json={"events": LONDON}, headers={"traceparent": WANTED})
        client.get("/v1/issues/whispered?q=confidential", headers={"traceparent": UNWANTED})
        missing = client.get("/v1/issues/whispered?q=confidential")
        spans = {span["spanId"]: span for span in collector.wait_for_span(span_of(missing))}
        ended = time.time_ns()
        assert "spans." not in server.log()
    append, read = spans[span_of(written)], spans[span_of(missing)]
    assert (append["traceId"], append["parentSpanId"], append["kind"]) == (TRACE, SPAN, 2)
    assert append["name"] == "POST /v1/events"
    assert begun <= int(append["startTimeUnixNano"]) <= int(append["endTimeUnixNano"]) <= ended
    assert attributes(append) == {
        "http.request.method": "POST",
        "http.route": "/v1/events",
        "http.response.status_code": 201,
        "http.response.body.size": int(written.headers["Content-Length"]),
        "parley.key": "desk",
        "parley.key_id": key.split("_")[1],
        "parley.position": len(LONDON),
    }
    assert "parentSpanId" not in read
    assert read["traceId"] == missing.headers["traceparent"].split("-")[1] == missing.json()["trace_id"]
    assert missing.headers["traceparent"].endswith("-01")
    whole = json.dumps(collector.sent)
    assert "whispered" not in whole
    assert "confidential" not in whole
    assert key not in whole
    assert TRACE[::-1] not in whole
    (resource,) = {json.dumps(body["resourceSpans"][0]["resource"]) for _, body in collector.sent}
    assert attributes(json.loads(resource))["service.name"] == "parley"


def test_a_collector_that_fails_is_tried_again(migrated_sqlite_url: str) -> None:
    """It costs no answer, is logged once, and gets the spans when it works again; what it refuses is dropped."""
    with (
        collecting(503, 503) as collector,
        serving(migrated_sqlite_url, "--otlp-endpoint", collector.url) as server,
        plain_client(server.url) as client,
    ):
        collector.wait_for_span(span_of(client.get("/healthz")))
        assert collector.statuses == []
        collector.statuses.append(400)
        dropped = span_of(client.get("/healthz"))
        deadline = time.monotonic() + PATIENCE
        while collector.statuses:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        found = collector.wait_for_span(span_of(client.get("/healthz")))
        assert dropped not in {span["spanId"] for span in found}
        server.stop()
        assert server.log().count("spans.failed") == 2


def test_a_collector_that_is_away_stops_nobody(migrated_sqlite_url: str) -> None:
    """The service answers and ends as ever; its last words name no address."""
    with serving(migrated_sqlite_url, "--otlp-endpoint", "http://user:secret@127.0.0.1:9") as server:
        with plain_client(server.url) as client:
            assert client.get("/healthz").status_code == 200
        server.log_with("spans.failed")
        assert server.stop() in {0, -15}
        assert "secret" not in server.log()


@pytest.mark.parametrize(
    "environment",
    [
        {"PARLEY_OTLP_ENDPOINT": "collector:4318"},
        {"PARLEY_OTLP_ENDPOINT": "http://c/?x=secret"},
        {"PARLEY_OTLP_HEADERS": "secret"},
        {"PARLEY_OTLP_HEADERS": "a=secret%0D%0Ab"},
    ],
)
def test_what_is_no_endpoint_is_refused(environment: dict[str, str]) -> None:
    """The message names the variable, and shows no value: it may have a key in it."""
    result = CliRunner().invoke(cli, ["serve", "--port", "0"], env=environment)
    assert result.exit_code == 2
    assert next(iter(environment)) in result.output
    assert "secret" not in result.output
