"""The metrics of a process, in the text form of Prometheus."""

from __future__ import annotations

import asyncio
import platform
from contextlib import suppress
from typing import TYPE_CHECKING

from litestar import Response
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from service import VERSION
from service.api.http.requests import AnyRequest, services_of
from service.api.spec.operations import Documented, Operation, Route
from service.eventlog.head import head_of, seconds_ahead
from service.feed import consumers
from service.storage.database import Lost

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prometheus_client.core import Metric

    from service.api.http.exchange import Traffic
    from service.api.http.requests import Services
    from service.feed.consumers import CursorState
    from service.spread import Spread
    from service.storage.database import Head
    from service.webhooks.store import SubscriptionLag


METRICS_SECONDS = 2.0
"""How long the metrics wait for what only the database knows."""


class _Traffic(Collector):
    """The requests that this process has answered."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic

    def collect(self) -> Iterator[Metric]:
        """Return each metric."""
        of_route = ("method", "route")
        requests = CounterMetricFamily("parley_http_requests", "Requests answered", labels=(*of_route, "status"))
        seconds = HistogramMetricFamily(
            "parley_http_request_duration_seconds", "Time from a request to the end of its answer", labels=of_route
        )
        sent = CounterMetricFamily("parley_http_response_bytes", "Bytes of the bodies of answers", labels=of_route)
        for route, methods in self._traffic.routes.items():
            for method, found in methods.items():
                for status, count in found.statuses.items():
                    requests.add_metric((method, route, str(status)), count)
                seconds.add_metric((method, route), found.seconds.buckets(), found.seconds.total)
                sent.add_metric((method, route), found.sent)
        refused = CounterMetricFamily(
            "parley_http_refused", "Refused before it was a request: too slow, too large, not HTTP", labels=("status",)
        )
        for status, count in self._traffic.refused.items():
            refused.add_metric((str(status),), count)
        asof = HistogramMetricFamily(
            "parley_asof_duration_seconds", "Time of answers as of (D, K)", labels=("basis", "answer")
        )
        for (published, kept), spread in self._traffic.asof.items():
            labels = ("published" if published else "recorded", "kept" if kept else "made")
            asof.add_metric(labels, spread.buckets(), spread.total)
        yield from (requests, seconds, sent, refused, asof)
        yield GaugeMetricFamily(
            "parley_http_requests_in_progress", "Requests under way, streams too", value=self._traffic.under_way
        )


class _Process(Collector):
    """The build, the append path and the feed of this process; whether the database answers."""

    def __init__(self, services: Services, head: Head | None) -> None:
        self._services, self._head = services, head

    def collect(self) -> Iterator[Metric]:
        """Return each metric."""
        ledger, tail = self._services.ledger, self._services.tail
        build = GaugeMetricFamily(
            "parley_build_info", "What runs; always 1", labels=("version", "python", "database", "ledger")
        )
        dialect = self._services.database.dialect.name
        build.add_metric((VERSION, platform.python_version(), dialect, str(self._services.heads.ledger)), 1)
        yield build
        yield GaugeMetricFamily("parley_database_up", "Whether the database answers", value=int(self._head is not None))
        counted = ledger.counted
        yield GaugeMetricFamily("parley_append_queue", "Appends that wait for a commit", value=ledger.waiting)
        yield CounterMetricFamily("parley_append_events", "Events recorded by this process", value=counted.events)
        yield CounterMetricFamily("parley_append_commits", "Commits made by this process", value=counted.commits)
        yield CounterMetricFamily("parley_append_refused", "Appends refused by this process", value=counted.refused)
        yield GaugeMetricFamily("parley_writer", "1 while this process writes for all", value=ledger.is_writer)
        yield CounterMetricFamily(
            "parley_append_sent", "Appends that this process has sent to the writer", value=ledger.sent
        )
        yield _histogram("parley_append_duration_seconds", "Time from an append to its outcome", counted.seconds)
        yield _histogram("parley_append_batch_events", "Events of an append", counted.batch)
        yield _histogram("parley_commit_events", "Events of a commit", counted.group)
        yield CounterMetricFamily(
            "parley_watch_questions", "Questions of watches asked by this process", value=self._services.watches.asked
        )
        yield GaugeMetricFamily("parley_feed_followers", "Streams and waiting pages", value=tail.followers)
        if self._head is not None:
            unread = max(0, self._head.position - tail.head) if tail.followers else 0
            yield GaugeMetricFamily(
                "parley_feed_lag_events", "Events that followers of this process were not notified of", value=unread
            )


def _histogram(name: str, documentation: str, spread: Spread) -> HistogramMetricFamily:
    return HistogramMetricFamily(name, documentation, buckets=spread.buckets(), sum_value=spread.total)


class _Log(Collector):
    """The log, and the lag of those who follow it."""

    def __init__(
        self, head: Head, found: Sequence[CursorState], subscriptions: Sequence[SubscriptionLag], now: int
    ) -> None:
        self._head, self._consumers, self._subscriptions, self._now = head, found, subscriptions, now

    def collect(self) -> Iterator[Metric]:
        """Return each metric."""
        yield GaugeMetricFamily("parley_head_position", "Last position of the log", value=self._head.position)
        yield GaugeMetricFamily(
            "parley_clock_behind_head_seconds",
            "Lead of the head over the clock; 0 up to 5 s",
            value=seconds_ahead(self._head, self._now),
        )
        yield from self._lags("consumer", "the cursor of a consumer", self._consumers)
        yield from self._lags("subscription", "the last one delivered to a subscription", self._subscriptions)
        states = GaugeMetricFamily("parley_subscriptions", "Subscriptions by state", labels=("state",))
        for state in ("active", "paused", "disabled"):
            states.add_metric((state,), sum(each.state == state for each in self._subscriptions))
        failures = GaugeMetricFamily(
            "parley_subscription_failures", "Tries in a row that failed", labels=("subscription",)
        )
        for each in self._subscriptions:
            failures.add_metric((each.name,), each.failures)
        yield from (states, failures)

    def _lags(
        self, kind: str, after: str, found: Sequence[CursorState] | Sequence[SubscriptionLag]
    ) -> Iterator[Metric]:
        events = GaugeMetricFamily(f"parley_{kind}_lag_events", f"Events after {after}", labels=(kind,))
        seconds = GaugeMetricFamily(
            f"parley_{kind}_lag_seconds", f"Age of the first event after {after}", labels=(kind,)
        )
        for each in found:
            events.add_metric((each.name,), each.events)
            seconds.add_metric((each.name,), each.seconds(self._now))
        yield from (events, seconds)


class _OfProcess(Collector):
    """The metrics of a collector, with the label `process` where several processes answer on one address.

    Each reading is of the process that happens to answer; without the label its counts would jump back and forth.
    """

    def __init__(self, collector: Collector, process: str) -> None:
        self._collector, self._process = collector, process

    def collect(self) -> Iterator[Metric]:
        """Return each metric."""
        for family in self._collector.collect():
            if self._process:
                family.samples = [
                    sample._replace(labels={**sample.labels, "process": self._process}) for sample in family.samples
                ]
            yield family


async def _metrics(request: AnyRequest) -> Response[bytes]:
    """Return the metrics in the text form of Prometheus."""
    services = services_of(request)
    services.traffic.count()
    registry = CollectorRegistry()
    head: Head | None = None
    with suppress(Lost, TimeoutError):  # the others are wanted all the more then
        async with asyncio.timeout(METRICS_SECONDS):
            head = await head_of(services.database)
            found = await consumers.listed(services.database.primary)
            subscriptions = await services.webhooks.store.lags()
            registry.register(_Log(head, found, subscriptions, services.clock()))
    of_process = (ProcessCollector(registry=None), _Process(services, head), _Traffic(services.traffic))
    for collector in of_process:
        registry.register(_OfProcess(collector, services.traffic.process))
    # A media type that is text gets a charset from Litestar, and this one has it.
    return Response(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})


ROUTES = [
    Route(
        Operation(
            method="GET", path="/metrics", operation_id="get_metrics", tag="service",
            summary="Metrics for Prometheus", description=(
                "The requests, the append path, the feed and the process in numbers. Those of the log, of its "
                "consumers and of its subscriptions are left out while the database does not answer."
            ),
            answers={200: Documented("Metrics.", None, CONTENT_TYPE_PLAIN_0_0_4)},
        ),
        _metrics,
    ),
]  # fmt: skip
