"""Appends, corrections and reads as one item's history grows: what they cost must follow what changes.

`PARLEY_BENCH_LENGTH` is the length of the longest history in facts; the shortest is one fact. Ratios are taken from ten
facts on. `PARLEY_BENCH_DATABASES=SQLite` leaves PostgreSQL out. `PARLEY_BENCH_CLOCK=cpu` counts the CPU of this process
(on PostgreSQL without the server's), where others keep the machine busy.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import psycopg
import pytest

from service.app import opened
from service.domain.admit.strict_json import accept
from service.domain.vocabulary.events import Batch
from service.settings import Settings
from service.views.asof import question as asof
from service.views.asof import recorded
from tests.benchmarks import report
from tests.benchmarks.histories import FACTS, FIRST_DAY, SORTS, Histories, body, fill
from tests.benchmarks.measure import ROUNDS, SECONDS, Sample, rounds, spread
from tests.benchmarks.ours import runner
from tests.costs import memory
from tests.migrations import migrate
from tests.servers import plain_client, serving

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine, Iterator

    from service.api.http.requests import Services
    from tests.benchmarks.histories import Json
    from tests.benchmarks.measure import Cell
    from tests.benchmarks.servers import Postgres

pytestmark = pytest.mark.benchmark

LONGEST = int(os.environ.get("PARLEY_BENCH_LENGTH", str(FACTS)))
LENGTHS = sorted({length for length in (1, 10, 100, 1_000, 10_000) if length < LONGEST} | {LONGEST})
SHORTEST = 10
"""The length that longer ones are compared with."""
DATABASES = os.environ.get("PARLEY_BENCH_DATABASES", "SQLite PostgreSQL").split()
CLOCK = time.process_time if os.environ.get("PARLEY_BENCH_CLOCK") == "cpu" else time.perf_counter
WRITES = 10
"""Appends of each sort in a turn."""
WRITTEN = 2 * ROUNDS * WRITES + 10
"""Facts that are recorded while a ledger is measured, or more."""
REWRITES = 5
"""Corrections of every answer, where a history is short."""
READ_SECONDS = SECONDS / 10
NOW = FIRST_DAY + 20_000
GROWN_MAX = 2.0
ANSWER_MS, ANSWER_BYTES = 1.0, 2_500.0
"""The JSON of these answers has 1.0 and 1.2 kB, a row of a state little more: SQLite puts two or three on a page."""


@dataclass(slots=True)
class Filled:
    """A ledger with histories of one length, open on one of the databases; sizes are in bytes."""

    database: str
    url: str
    histories: Histories
    services: Services
    head: int
    size: int
    empty: int
    numbers: Iterator[int] = field(default_factory=count)
    seen: dict[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of its rows in the tables."""
        return f"{self.database}, {self.histories.sort}"

    def next(self) -> tuple[str, int]:
        """Return the items in turn, and how often each was returned before."""
        item = self.histories.item(next(self.numbers))
        self.seen[item] = self.seen.get(item, -1) + 1
        return item, self.seen[item]


def size_of(url: str) -> int:
    """Return the bytes of a ledger on disk, once what is free in it is given back."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(urlsplit(url).path, isolation_level=None)) as file:
            file.execute("VACUUM")
            file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return Path(urlsplit(url).path).stat().st_size
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM (FULL, ANALYZE)")
        sizes = "SELECT sum(pg_total_relation_size(relid)) FROM pg_stat_user_tables"
        (row,) = connection.execute(sizes).fetchall()
    return int(row[0])


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    """The event loop of all ledgers."""
    with runner() as running:
        yield running


@pytest.fixture(scope="module")
def ledgers(
    loop: asyncio.Runner, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Filled]]:
    """Ledgers of every length and sort on both databases, filled by `Ledger.append`, all open."""
    folder = tmp_path_factory.mktemp("length")
    with ExitStack() as stack:
        found: list[Filled] = []
        for length in LENGTHS:
            for sort in SORTS:
                for database in DATABASES:
                    if database == "PostgreSQL":
                        url = postgres.migrated()
                    else:
                        migrate(url := f"sqlite:///{folder / f'{sort}-{length}.db'}")
                    found.append(_filled(stack, loop, database, url, Histories(sort, length, WRITTEN)))
        postgres.checkpoint()
        yield found


def _filled(stack: ExitStack, loop: asyncio.Runner, database: str, url: str, histories: Histories) -> Filled:
    empty = size_of(url)
    opening = opened(Settings(database_url=url))
    services = loop.run(opening.__aenter__())
    stack.callback(lambda: loop.run(opening.__aexit__(None, None, None)))
    loop.run(fill(services.ledger, histories))
    head = 1 + histories.facts * len(histories.items)
    return Filled(database, url, histories, services, head, size_of(url), empty)


class Ask(NamedTuple):
    """A question about one item: its day, as days after its first; None for today."""

    name: str
    day: int | None
    past: bool


ASKS = (
    Ask("read, D today, K head", None, past=False),
    Ask("read, D early, K head", 3, past=False),
    Ask("read, D early, K early", 3, past=True),
    Ask("read, D today, K early", None, past=True),
)
GROWS = tuple(ask.name for ask in ASKS[1:])
"""At the head an early day reads all changes to come, to show 20 of them and to count the rest. At an early K the
versions that came later are passed."""
LOOKED_AT_US = 2.0
"""Microseconds that a change to come, or a version that came later, may cost such a read."""
ON_TIME, LATE, CORRECTION = "append on time", "late fact, one interval", "correction, one interval"


async def _append(ledger: Filled, event: Json) -> float:
    sent = body(event)
    began = CLOCK()
    await ledger.services.ledger.append(accept(sent, Batch))
    return CLOCK() - began


async def _write(ledger: Filled, make: Callable[[str, int], Json]) -> Sample:
    took = [await _append(ledger, make(*ledger.next())) for _ in range(WRITES)]
    return Sample(sum(took), took)


async def _read(ledger: Filled, ask: Ask) -> Sample:
    histories = ledger.histories
    # An early K knows the first facts of each item.
    known = min(ledger.head, 1 + len(histories.items) * SHORTEST) if ask.past else None
    day = NOW if ask.day is None else FIRST_DAY + min(ask.day, histories.facts - 1)
    took: list[float] = []
    began = now = CLOCK()
    while now < began + READ_SECONDS:
        item = histories.item(len(took))
        found = await recorded.item(ledger.services.database, asof.Question(day, known), "restriction", item)
        done = CLOCK()
        took.append(done - now)
        now = done
        assert found is not None
    return Sample(now - began, took)


def _run(loop: asyncio.Runner, made: Callable[[], Coroutine[None, None, Sample]]) -> Sample:
    return loop.run(made())


def test_what_does_not_change_costs_nothing(ledgers: list[Filled], loop: asyncio.Runner) -> None:
    """Disk a fact, and an append, a late fact, a correction and a read, cost the same for a history of any length."""
    cells: dict[Cell, Callable[[], Sample]] = {}
    for database in DATABASES:
        for sort in SORTS:
            of_sort = [each for each in ledgers if each.name == f"{database}, {sort}"]
            for each in of_sort:
                made = {ON_TIME: lambda item, _, it=each.histories: it.on_time(item)}
                if each.histories.length >= SHORTEST:
                    made[LATE] = lambda item, _, it=each.histories: it.late(item)
                    made[CORRECTION] = lambda item, number, it=each.histories: it.correction(item, number)
                for name, make in made.items():
                    cells[f"{each.name}, {name}", each.histories.length] = partial(
                        _run, loop, partial(_write, each, make)
                    )
                for ask in ASKS:
                    cells[f"{each.name}, {ask.name}", each.histories.length] = partial(
                        _run, loop, partial(_read, each, ask)
                    )
    samples = rounds(cells)
    over: list[str] = []
    _print_sizes(ledgers, over)
    ordered = {name: samples[name] for name in sorted(samples, key=lambda cell: (cell[0], cell[1]))}
    report.growth("One item's history, by its facts", ordered, LENGTHS)
    for name in dict.fromkeys(name for name, _ in ordered):
        base, longest = (report.percentiles(samples[name, length])[0] for length in (SHORTEST, LONGEST))
        print(f"{name}: p50 x {longest / base:.2f} from {SHORTEST} to {LONGEST:,} facts")
        if not name.endswith(GROWS):
            over += [f"{name}: x {longest / base:.2f}"] if longest / base > GROWN_MAX else []
        elif longest - base > LOOKED_AT_US / 1_000 * LONGEST:
            over.append(f"{name}: {(longest - base) / LONGEST * 1_000:.2f} us a fact")
    _expect_none(over)


def _print_sizes(ledgers: list[Filled], over: list[str]) -> None:
    print("\n### Bytes on disk a fact\n")
    print("| |" + "".join(f" {length:,} |" for length in LENGTHS) + "\n|---|" + "---:|" * len(LENGTHS))
    for name in dict.fromkeys(each.name for each in ledgers):
        sizes = [(each.size - each.empty) / each.head for each in ledgers if each.name == name]
        print(f"| {name} |" + "".join(f" {size:,.0f} |" for size in sizes), flush=True)
        grown = sizes[-1] / sizes[LENGTHS.index(SHORTEST)]
        over += [f"{name}, bytes a fact: x {grown:.2f}"] if grown > GROWN_MAX else []


async def _rewrite(ledger: Filled) -> Sample:
    """Correct openings; return the seconds of each, an answer."""
    histories = ledger.histories
    times = max(1, min(REWRITES, FACTS // 2 // histories.facts))
    took = []
    for _ in range(times):
        item, number = ledger.next()
        took.append(await _append(ledger, histories.correction_of_all(item, number + 1)) / histories.answers(item))
    return Sample(sum(took), took)


def test_a_correction_of_every_answer(ledgers: list[Filled], loop: asyncio.Runner) -> None:
    """A correction of the opening costs what its answers cost: time and bytes on disk an answer."""
    before = {each.url: size_of(each.url) for each in ledgers}
    for each in ledgers:
        each.seen.clear()
        each.numbers = count()
    cells = {(each.name, each.histories.length): partial(_run, loop, partial(_rewrite, each)) for each in ledgers}
    samples = rounds(cells)
    over: list[str] = []
    print("\n### A correction of every answer: us, and bytes on disk, an answer\n")
    print("| |" + "".join(f" {length:,} |" for length in LENGTHS) + "\n|---|" + "---:|" * len(LENGTHS))
    for name in dict.fromkeys(each.name for each in ledgers):
        shown = []
        for each in [each for each in ledgers if each.name == name]:
            cell = samples[name, each.histories.length]
            answers = sum(len(sample.latencies) for sample in cell) * each.histories.answers(each.histories.item(0))
            size = (size_of(each.url) - before[each.url]) / answers
            took = spread(sample.percentile(50) for sample in cell).middle
            shown.append(f"{1_000 * took:,.0f} / {size:,.0f}")
            if each.histories.length == LONGEST and (took > ANSWER_MS or size > ANSWER_BYTES):
                over.append(f"{name}: {took:.2f} ms, {size:.0f} bytes an answer")
        print("| " + " | ".join([name, *shown]) + " |", flush=True)
    _expect_none(over)


def test_memory(ledgers: list[Filled]) -> None:
    """What a server has in memory once it has appended to one item of a ledger is printed."""
    print("\n### Memory of a server that has appended to one item, MB; more than at the shortest, kB a fact\n")
    print("| |" + "".join(f" {length:,} |" for length in LENGTHS) + "\n|---|" + "---:|" * len(LENGTHS))
    for name in dict.fromkeys(each.name for each in ledgers):
        shown: list[str] = []
        least = 0
        for each in [each for each in ledgers if each.name == name]:
            item = each.histories.item(0)
            with serving(each.url) as server, plain_client(server.url) as client:
                answer = client.post("/v1/events", content=body(each.histories.on_time(item)), headers=_JSON)
                answer.raise_for_status()
                found = memory(server)
            least = least or found
            facts = each.histories.last(item)
            shown.append(f"{found / 1e6:.0f} ({(found - least) / 1e3 / facts:.1f})")
        print("| " + " | ".join([name, *shown]) + " |", flush=True)


_JSON = {"content-type": "application/json"}


def _expect_none(over: list[str]) -> None:
    """Fail with what is over its bound, in a few lines."""
    if over:
        pytest.fail("over the bound: " + "; ".join(over), pytrace=False)
