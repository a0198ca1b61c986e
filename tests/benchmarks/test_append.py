"""Appends beside peers: the same events, one a call, on the same PostgreSQL in the same rounds."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack
from functools import partial
from typing import TYPE_CHECKING, Protocol

import pytest

from tests.benchmarks import peer_message_db, report
from tests.benchmarks.elsewhere import Elsewhere, installs
from tests.benchmarks.measure import SECONDS, ratio, rounds, spread
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
FUNCTIONS = "eventsourcing, aggregates, DB functions"
MESSAGE_DB, MESSAGE_DB_KINDS = "message-db, total order", "message-db, no total order"
FLUSH = "the disk: fdatasync of 8 kB"
LATER = ", flush + 1 ms"
"""What follows the name of a contender where each flush of PostgreSQL's log takes a millisecond longer."""


class Contender(Protocol):
    """A service or a library that appends."""

    def run(self, writers: int, seconds: float) -> Sample:
        """Append with so many writers for about so many seconds."""


class Cells:
    """What to measure in each round."""

    def __init__(self, postgres: Postgres, stack: ExitStack) -> None:
        """Begin with the disk alone; `stack` ends the contenders."""
        self._postgres, self._stack = postgres, stack
        self.found: dict[Cell, Callable[[], Sample]] = {(FLUSH, 1): partial(flushes, SECONDS / 3)}

    def add(self, name: str, contender: AbstractContextManager[Contender], *writers: int, later: bool = False) -> None:
        """Measure a contender; with `later`, also where a flush takes longer."""
        entered = self._stack.enter_context(contender)
        for each in writers or WRITERS:
            self.found[name, each] = partial(entered.run, each, SECONDS)
        if later:
            self.found[name + LATER, 32] = partial(self._later, entered)

    def _later(self, contender: Contender) -> Sample:
        with self._postgres.slower():
            return contender.run(32, SECONDS)


@pytest.fixture
def cells(postgres: Postgres, workload: Workload) -> Iterator[dict[Cell, Callable[[], Sample]]]:
    """What to measure in each round."""
    with ExitStack() as stack:
        found = Cells(postgres, stack)
        found.add(OURS, InProcess(postgres.migrated(), workload), later=True)
        found.add(OURS_NO_IDS, InProcess(postgres.migrated(), workload, ids=False), 32)
        found.add(OURS_HTTP, OverHttp(postgres.migrated(), workload))
        for each in installs():
            found.add(f"{each.name}, in process", Elsewhere(each, postgres.migrated(), "InProcess"), 32, later=True)
            found.add(f"{each.name}, HTTP", Elsewhere(each, postgres.migrated(), "OverHttp"), 32)
        try:
            from tests.benchmarks.peer_eventsourcing import EventSourcing  # noqa: PLC0415 - an extra of its own
        except ModuleNotFoundError as missing:
            print(f"eventsourcing is not measured: {missing}")
        else:
            found.add(AGGREGATES, EventSourcing(postgres.create(), workload), later=True)
            found.add(RECORDER, EventSourcing(postgres.create(), workload, recorder_only=True), 32)
            found.add(FUNCTIONS, EventSourcing(postgres.create(), workload, functions=True), 32)
        try:
            sql = peer_message_db.scripts()
        except peer_message_db.Unavailable as missing:
            print(f"message-db is not measured: {missing}")
        else:
            one = peer_message_db.MessageDb(postgres.create(), workload, sql, one_category=True)
            found.add(MESSAGE_DB, one, later=True)
            kinds = peer_message_db.MessageDb(postgres.create(), workload, sql, one_category=False)
            found.add(MESSAGE_DB_KINDS, kinds, 32)
        yield found.found


def test_appends_beside_peers(cells: dict[Cell, Callable[[], Sample]], postgres: Postgres) -> None:
    """At 32 writers ours is at least five times as fast as eventsourcing's aggregates, and faster than message-db."""
    samples = rounds(cells, between=postgres.checkpoint)
    report.table("Appends, one event a call", samples, unit="events/s", clients="writers")
    own = [OURS, OURS_HTTP, *(f"{each.name}, {way}" for each in installs() for way in ("in process", "HTTP"))]
    found = {
        (ours, peer): ratio(samples[ours, 32], samples[peer, 32])
        for after in ("", LATER)
        for peer in (f"{name}{after}" for name in (AGGREGATES, RECORDER, FUNCTIONS, MESSAGE_DB, MESSAGE_DB_KINDS))
        for ours in (f"{name}{after}" for name in own)
        if (peer, 32) in samples and (ours, 32) in samples
    }
    flush = spread(sample.percentile(50) for sample in samples[FLUSH, 1]).middle
    report.ratios(
        (f"{ours} / {peer}, 32 writers, {flush:.2f} ms a flush{' + 1' if LATER in peer else ''}", each)
        for (ours, peer), each in found.items()
    )
    if (OURS, AGGREGATES) in found:
        assert found[OURS, AGGREGATES].middle >= 5
    if (OURS, MESSAGE_DB) in found:
        assert found[OURS, MESSAGE_DB].middle > 1
