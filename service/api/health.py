"""Health: whether the process runs, whether it can answer, and its metrics."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from litestar import Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from service.api.http.requests import AnyRequest, encode, json_answer, services_of
from service.api.spec import examples
from service.api.spec.operations import Documented, Operation, Route
from service.api.spec.response_shapes import Health, Readiness
from service.eventlog.head import head_of, seconds_ahead
from service.feed import consumers
from service.storage.database import Lost

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prometheus_client.core import Metric

    from service.append.ledger import Ledger
    from service.feed.consumers import CursorState
    from service.storage.database import Head


METRICS_SECONDS = 2.0
"""How long the metrics wait for what only the database knows."""


class _LedgerCollector(Collector):
    """The append path and the feed in numbers."""

    def __init__(self, ledger: Ledger, followers: int, questions: int) -> None:
        self._ledger, self._followers, self._questions = ledger, followers, questions

    def collect(self) -> Iterator[Metric]:
        """Return each metric."""
        counted = self._ledger.counted
        yield GaugeMetricFamily("parley_append_queue", "Appends that wait for a commit", value=self._ledger.waiting)
        yield CounterMetricFamily("parley_append_events", "Events recorded by this process", value=counted.events)
        yield CounterMetricFamily("parley_append_commits", "Commits made by this process", value=counted.commits)
        yield GaugeMetricFamily("parley_feed_followers", "Streams and waiting pages", value=self._followers)
        yield CounterMetricFamily("parley_append_refused", "Appends refused by this process", value=counted.refused)
        yield CounterMetricFamily(
            "parley_watch_questions", "Questions of watches asked by this process", value=self._questions
        )


class _LogCollector(Collector):
    """The log, and the lag of the consumers."""

    def __init__(self, head: Head, found: Sequence[CursorState], now: int) -> None:
        self._head, self._found, self._now = head, found, now

    def collect(self) -> Iterator[Metric]:
        """Return each metric."""
        yield GaugeMetricFamily("parley_head_position", "Last position of the log", value=self._head.position)
        yield GaugeMetricFamily(
            "parley_clock_behind_head_seconds",
            "Lead of the head over the clock; 0 up to 5 s",
            value=seconds_ahead(self._head, self._now),
        )
        events = GaugeMetricFamily(
            "parley_consumer_lag_events", "Events after the cursor of a consumer", labels=("consumer",)
        )
        seconds = GaugeMetricFamily(
            "parley_consumer_lag_seconds", "Age of the first event after the cursor of a consumer", labels=("consumer",)
        )
        for each in self._found:
            events.add_metric((each.name,), each.events)
            seconds.add_metric((each.name,), each.seconds(self._now))
        yield from (events, seconds)


async def _alive(_: AnyRequest) -> Response[bytes]:
    """Answer that the process runs."""
    return json_answer(b'{"status":"ok"}')


async def _ready(request: AnyRequest) -> Response[bytes]:
    """Answer that the ledger can be read and written."""
    services = services_of(request)
    head = await services.heads.read()
    await services.database.check()
    ready = Readiness(
        status="ok",
        ledger=services.heads.ledger,
        epoch=head.epoch,
        head=head.position,
        clock_behind_head_seconds=seconds_ahead(head, services.clock()),
    )
    return json_answer(encode(ready))


async def _metrics(request: AnyRequest) -> Response[bytes]:
    """Return the metrics in the text form of Prometheus."""
    services = services_of(request)
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(_LedgerCollector(services.ledger, services.tail.followers, services.watches.asked))
    with suppress(Lost, TimeoutError):  # the others are wanted all the more then
        async with asyncio.timeout(METRICS_SECONDS):
            head = await head_of(services.database)
            found = await consumers.listed(services.database)
        registry.register(_LogCollector(head, found, services.clock()))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


ROUTES = [
    Route(
        Operation(
            method="GET", path="/healthz", operation_id="get_health", tag="service",
            summary="Check that the process runs", description="Answers without touching the database.",
            answers={200: Documented("It runs.", Health, example={"status": "ok"})},
        ),
        _alive,
    ),
    Route(
        Operation(
            method="GET", path="/readyz", operation_id="get_readiness", tag="service",
            summary="Check that the ledger can be read and written",
            description="Reads the head of the log, and asks the database whether it takes writes; 503 if it does not.",
            answers={
                200: Documented(
                    "It can.",
                    Readiness,
                    example={
                        "status": "ok", "ledger": examples.LEDGER, "epoch": 0, "head": 20,
                        "clock_behind_head_seconds": 0.0,
                    },
                )
            },
        ),
        _ready,
    ),
    Route(
        Operation(
            method="GET", path="/metrics", operation_id="get_metrics", tag="service",
            summary="Metrics for Prometheus", description=(
                "The append path and the process in numbers. Those of the log and of its consumers are left out while "
                "the database does not answer."
            ),
            answers={200: Documented("Metrics.", None, "text/plain; version=1.0.0; charset=utf-8")},
        ),
        _metrics,
    ),
]  # fmt: skip
