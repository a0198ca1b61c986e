"""The Python library `eventsourcing` on the same PostgreSQL: aggregates, one new event a save, from threads.

Default settings give commit order by locking the table. With ENABLE_DB_FUNCTIONS it is faster, and a reader can miss
events: that is measured apart. The body is handed over as one string, so that the library has no decoding and little
encoding to do.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from itertools import groupby
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import StoredEvent

from tests.benchmarks.measure import Sample
from tests.benchmarks.servers import libpq
from tests.benchmarks.workload import event_json

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType
    from typing import Self

    from tests.benchmarks.workload import Body, Workload

FASTEST = 5_000


class Item(Aggregate):
    """An item of the ledger as an aggregate."""

    def __init__(self, change: str, body: str) -> None:
        """Open it."""
        self.change, self.body = change, body

    @event("Changed")
    def record(self, change: str, body: str) -> None:
        """Take a change."""
        self.change, self.body = change, body


class EventSourcing:
    """`Application.save` of one new event on aggregates that the caller holds; or its recorder alone."""

    def __init__(
        self, database_url: str, workload: Workload, *, recorder_only: bool = False, functions: bool = False
    ) -> None:
        """Nothing is opened yet; `functions` sets ENABLE_DB_FUNCTIONS."""
        self._url, self._workload, self._functions = database_url, workload, functions
        self._next = 0
        self._items: dict[str, Item] = {}
        self._versions: dict[str, tuple[UUID, int]] = {}
        self._recorder_only = recorder_only

    def __enter__(self) -> Self:
        """Record the items in the middle of their lives, an item a call: this is not measured."""
        application = self._application(1)
        for _, bodies in groupby(self._workload.start, key=lambda body: body.item):
            if self._recorder_only:
                application.recorder.insert_events([self._stored(body) for body in bodies])
            else:
                application.save([self._changed(body) for body in bodies][-1])
        application.close()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Nothing is left open."""

    def run(self, writers: int, seconds: float) -> Sample:
        """Save for so long; each item is one thread's."""
        bodies = self._workload.bodies(self._next, int(seconds * FASTEST))
        self._next += len(bodies)
        shares: dict[int, list[Body]] = defaultdict(list)
        for body in bodies:
            shares[hash(body.item) % writers].append(body)
        application = self._application(writers)
        try:
            return self._threads(application, list(shares.values()), seconds)
        finally:
            application.close()

    def _threads(self, application: Application[UUID], shares: list[list[Body]], seconds: float) -> Sample:
        latencies: list[list[float]] = [[] for _ in shares]
        start = threading.Barrier(len(shares) + 1)

        def write(share: Iterable[Body], own: list[float]) -> None:
            start.wait()
            now = time.perf_counter()
            deadline = now + seconds
            for body in share:
                if now >= deadline:
                    break
                self._append(application, body)
                done = time.perf_counter()
                own.append(done - now)
                now = done

        threads = [threading.Thread(target=write, args=each) for each in zip(shares, latencies, strict=True)]
        for thread in threads:
            thread.start()
        start.wait()
        began = time.perf_counter()
        for thread in threads:
            thread.join()
        return Sample(time.perf_counter() - began, [latency for own in latencies for latency in own])

    def _append(self, application: Application[UUID], body: Body) -> None:
        if self._recorder_only:
            application.recorder.insert_events([self._stored(body)])
        else:
            application.save(self._changed(body))

    def _changed(self, body: Body) -> Item:
        text = event_json(body.json).decode()
        item = self._items.get(body.item)
        if item is None:
            item = self._items[body.item] = Item(body.change, text)
        else:
            item.record(body.change, text)
        return item

    def _stored(self, body: Body) -> StoredEvent:
        originator, version = self._versions.get(body.item) or (uuid4(), 0)
        self._versions[body.item] = (originator, version + 1)
        return StoredEvent(originator, version + 1, body.change, event_json(body.json))

    def _application(self, writers: int) -> Application[UUID]:
        where = libpq(self._url)
        env: dict[str, Any] = {
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": where["dbname"],
            "POSTGRES_HOST": where["host"],
            "POSTGRES_PORT": "5432",
            "POSTGRES_USER": where["user"],
            "POSTGRES_PASSWORD": "none",
            "POSTGRES_POOL_SIZE": str(writers),
            "POSTGRES_MAX_OVERFLOW": str(writers),
            "POSTGRES_ENABLE_DB_FUNCTIONS": "yes" if self._functions else "no",
        }
        return Application(env)
