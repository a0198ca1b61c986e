"""Appends beside peers: the same events, one a call, on the same PostgreSQL in the same rounds."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Protocol

import pytest

from tests.benchmarks import peer_message_db, report
from tests.benchmarks.measure import SECONDS, ratio, rounds
from tests.benchmarks.ours import InProcess, OverHttp
from tests.benchmarks.servers import flushes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.benchmarks.measure import Cell, Sample
    from tests.benchmarks.servers import Postgres
    from tests.benchmarks.workload import Workload

pytestmark = pytest.mark.benchmark

WRITERS = (1, 32, 128)
OURS, OURS_NO_IDS, OURS_HTTP = "Parley, in process", "Parley, in process, ids by the ledger", "Parley, HTTP"
AGGREGATES, RECORDER = "eventsourcing, aggregates", "eventsourcing, recorder alone"
MESSAGE_DB, MESSAGE_DB_KINDS = "message-db, total order", "message-db, no total order"


FLUSH = "the disk: fdatasync of 8 kB"


class Contender(Protocol):
    """A service or a library that appends."""

    def run(self, writers: int, seconds: float) -> Sample:
        """Append with so many writers for about so many seconds."""


@pytest.fixture
def cells(postgres: Postgres, workload: Workload) -> Iterator[dict[Cell, Callable[[], Sample]]]:
    """What to measure in each round."""
    with ExitStack() as stack:
        found: dict[Cell, Callable[[], Sample]] = {(FLUSH, 1): partial(flushes, SECONDS / 3)}

        def add(name: str, contender: Contender, *writers: int) -> None:
            for each in writers or WRITERS:
                found[name, each] = partial(contender.run, each, SECONDS)

        add(OURS, stack.enter_context(InProcess(postgres.migrated(), workload)))
        add(OURS_NO_IDS, stack.enter_context(InProcess(postgres.migrated(), workload, ids=False)), 32)
        add(OURS_HTTP, stack.enter_context(OverHttp(postgres.migrated(), workload)))
        try:
            from tests.benchmarks.peer_eventsourcing import EventSourcing  # noqa: PLC0415 - an extra of its own
        except ModuleNotFoundError as missing:
            print(f"eventsourcing is not measured: {missing}")
        else:
            add(AGGREGATES, stack.enter_context(EventSourcing(postgres.create(), workload)))
            recorder = EventSourcing(postgres.create(), workload, recorder_only=True)
            add(RECORDER, stack.enter_context(recorder), 32)
        try:
            sql = peer_message_db.scripts()
        except peer_message_db.Unavailable as missing:
            print(f"message-db is not measured: {missing}")
        else:
            one = peer_message_db.MessageDb(postgres.create(), workload, sql, one_category=True)
            add(MESSAGE_DB, stack.enter_context(one))
            kinds = peer_message_db.MessageDb(postgres.create(), workload, sql, one_category=False)
            add(MESSAGE_DB_KINDS, stack.enter_context(kinds), 32)
        yield found


def test_appends_beside_peers(cells: dict[Cell, Callable[[], Sample]], postgres: Postgres) -> None:
    """At 32 writers ours is at least five times as fast as eventsourcing's aggregates, and faster than message-db."""
    samples = rounds(cells, between=postgres.checkpoint)
    report.table("Appends, one event a call", samples, unit="events/s", clients="writers")
    found = {
        (ours, peer): ratio(samples[ours, 32], samples[peer, 32])
        for peer in (AGGREGATES, RECORDER, MESSAGE_DB, MESSAGE_DB_KINDS)
        for ours in (OURS, OURS_HTTP)
        if (peer, 32) in samples
    }
    report.ratios((f"{ours} / {peer}, 32 writers", spread) for (ours, peer), spread in found.items())
    if (OURS, AGGREGATES) in found:
        assert found[OURS, AGGREGATES].middle >= 5
    if (OURS, MESSAGE_DB) in found:
        assert found[OURS, MESSAGE_DB].middle > 1
