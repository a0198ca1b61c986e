"""How the service is: alive, able to answer, in numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litestar import Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from service import eventlog
from service.api.wire import AnyRequest, answer, services
from service.feed import consumers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prometheus_client.core import Metric

    from service.append import Ledger
    from service.feed.consumers import Consumer


class _LedgerCollector(Collector):
    """The append path and the feed in numbers."""

    def __init__(self, ledger: Ledger, head: int, followers: int) -> None:
        self._ledger, self._head, self._followers = ledger, head, followers

    def collect(self) -> Iterator[Metric]:
        """Give each metric."""
        counted = self._ledger.counted
        yield GaugeMetricFamily("parley_head_position", "Last position of the log", value=self._head)
        yield GaugeMetricFamily("parley_append_queue", "Appends that wait for a commit", value=self._ledger.waiting)
        yield CounterMetricFamily("parley_append_events", "Events recorded by this process", value=counted.events)
        yield CounterMetricFamily("parley_append_commits", "Commits made by this process", value=counted.commits)
        yield GaugeMetricFamily("parley_feed_followers", "Streams and waiting pages", value=self._followers)
        yield CounterMetricFamily("parley_append_refused", "Appends refused by this process", value=counted.refused)


class _ConsumerCollector(Collector):
    """How far the consumers are behind."""

    def __init__(self, found: Sequence[Consumer], now: int) -> None:
        self._found, self._now = found, now

    def collect(self) -> Iterator[Metric]:
        """Give each metric."""
        events = GaugeMetricFamily("parley_consumer_lag_events", "Events behind a consumer", labels=("consumer",))
        seconds = GaugeMetricFamily(
            "parley_consumer_lag_seconds", "Age of the first event behind a consumer", labels=("consumer",)
        )
        for each in self._found:
            events.add_metric((each.name,), each.events)
            seconds.add_metric((each.name,), each.seconds(self._now))
        yield from (events, seconds)


async def alive(_: AnyRequest) -> Response[bytes]:
    """Say that the process runs."""
    return answer(b'{"status":"ok"}')


async def ready(request: AnyRequest) -> Response[bytes]:
    """Say that the ledger can be read."""
    head = await eventlog.head(services(request).database)
    return answer(b'{"status":"ok","head":%d}' % head.position)


async def metrics(request: AnyRequest) -> Response[bytes]:
    """Give the metrics in the text form of Prometheus."""
    held = services(request)
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    head = await eventlog.head(held.database)
    registry.register(_LedgerCollector(held.ledger, head.position, held.tail.followers))
    registry.register(_ConsumerCollector(await consumers.page(held.database), held.clock()))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
