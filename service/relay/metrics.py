"""The metrics of a relay, which a thread serves to Prometheus."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from service import VERSION
from service.eventlog.head import waited_seconds
from service.storage.database import Lost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client.core import Metric

    from service.relay.relay import Relay
    from service.storage.database import Database

SECONDS = 1.0
"""Between two reads of the head."""
_LAG = """
SELECT h.position, h.recorded_at, (SELECT e.recorded_at FROM event e WHERE e.position = $1) FROM head h WHERE h.id = 1
"""


class RelayMetrics(Collector):
    """A relay in numbers: how far it is from the head of the log."""

    def __init__(self, relay: Relay, database: Database, clock: Callable[[], int]) -> None:
        """Begin without a read of the log; `clock` returns microseconds since 1970 UTC."""
        self._relay, self._database, self._clock = relay, database, clock
        self._head: int | None = None
        self._seconds = 0.0
        self._is_up = False

    async def watch(self) -> None:
        """Read the head once a second, until cancelled; a relay without a connection does not read it itself."""
        while True:
            try:
                ((head, head_at, waiting_since),) = await self._database.fetch(_LAG, self._relay.position + 1)
            except (Lost, TimeoutError):
                self._is_up = False
            else:
                self._head, self._is_up = head, True
                self._seconds = waited_seconds(waiting_since, head_at, self._clock())
            await asyncio.sleep(SECONDS)

    def serve(self, host: str, port: int) -> int:
        """Serve the metrics to Prometheus while the process runs; return the port. Raises OSError."""
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        registry.register(self)
        server, _ = start_http_server(port, host, registry)
        return server.server_port

    def collect(self) -> Iterator[Metric]:
        """Return each metric."""
        relay = self._relay
        build = GaugeMetricFamily("parley_build_info", "What runs; always 1", labels=("version",))
        build.add_metric((VERSION,), 1)
        yield build
        yield GaugeMetricFamily("parley_database_up", "Whether the database answers", value=int(self._is_up))
        yield GaugeMetricFamily("parley_relay_up", "Whether the stream takes events", value=int(relay.is_up))
        yield CounterMetricFamily("parley_relay_losses", "Losses of the stream or of the database", value=relay.losses)
        yield GaugeMetricFamily("parley_relay_position", "Last position that the stream has", value=relay.position)
        if self._head is not None:
            yield GaugeMetricFamily("parley_head_position", "Last position of the log", value=self._head)
            yield GaugeMetricFamily(
                "parley_relay_lag_events",
                "Events that the stream does not have yet",
                value=max(0, self._head - relay.position),
            )
            yield GaugeMetricFamily(
                "parley_relay_lag_seconds", "Age of the first event that it does not have", value=self._seconds
            )
