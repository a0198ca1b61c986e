"""The list of issues with their postures, in process, at any (D, K): it must not depend on what the issues have.

`PARLEY_BENCH_EVENTS` is the size of the ledger, on 50 issues; `PARLEY_BENCH_DATABASES=SQLite` leaves PostgreSQL out.
"""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from datetime import date
from functools import partial
from itertools import count, product
from typing import TYPE_CHECKING

import pytest

from service.app import opened
from service.settings import Settings
from service.storage.connect import connect
from service.views.asof.question import Question, StateFilter
from service.views.asof.recorded import page
from service.views.asof.summaries import summaries
from service.views.asof.weighing import PageWork
from tests.benchmarks import report
from tests.benchmarks.measure import SECONDS, Sample, rounds
from tests.benchmarks.ours import runner
from tests.benchmarks.workload import ISSUES, batches
from tests.migrations import migrate

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine, Iterator
    from pathlib import Path

    from service.storage.database import Database
    from tests.benchmarks.measure import Cell
    from tests.benchmarks.servers import Postgres
    from tests.benchmarks.workload import Workload

pytestmark = pytest.mark.benchmark

EVENTS = int(os.environ.get("PARLEY_BENCH_EVENTS", "100000"))
DATABASES = os.environ.get("PARLEY_BENCH_DATABASES", "SQLite PostgreSQL").split()
BATCH = 1_000
TURN = SECONDS / 3
MOST_MS = 5.0
DAYS = {"today": date(2026, 1, 1), "in 2024": date(2024, 1, 1), "before everything": date(2020, 1, 1)}
KNOWN = {"now": 1, "half": 2, "a tenth": 10}
"""How much of the log counts: one part in so many."""


def test_issues_with_their_postures(postgres: Postgres, workload: Workload, tmp_path: Path) -> None:
    """The list of 50 issues with some 200 items each takes less than 5 ms in the median, whatever D and K are."""
    cells: dict[Cell, Callable[[], Sample]] = {}
    with ExitStack() as stack:
        loop = stack.enter_context(runner())
        for name in DATABASES:
            url = postgres.migrated() if name == "PostgreSQL" else f"sqlite:///{tmp_path}/parley.db"
            if name == "SQLite":
                migrate(url)
            loop.run(_fill(url, workload))
            if name == "PostgreSQL":
                postgres.vacuum(url)
            database = connect(url)
            loop.run(database.open())
            stack.callback(lambda closed: loop.run(closed.close()), database)
            for (day_name, day), (known_name, part) in product(DAYS.items(), KNOWN.items()):
                known = EVENTS // part if part > 1 else None
                read = partial(_read, database, day.toordinal(), known, count())
                cells[f"{name}, D {day_name}, K {known_name}", EVENTS] = partial(_run, loop, read)
        samples = rounds(cells)
    report.table(f"{ISSUES} issues with their postures", samples, unit="reads/s", clients="events")
    slow = {name: p50 for (name, _), cell in samples.items() if (p50 := report.percentiles(cell)[0]) >= MOST_MS}
    assert not slow


def _run(loop: asyncio.Runner, read: Callable[[], Coroutine[None, None, Sample]]) -> Sample:
    return loop.run(read())


async def _fill(url: str, workload: Workload) -> None:
    bodies = [*workload.openings, *workload.start]
    bodies += workload.bodies(0, EVENTS - len(bodies))
    async with opened(Settings(database_url=url)) as services:
        for batch in batches(bodies, BATCH):
            await services.ledger.append(batch)


async def _read(database: Database, day: int, known: int | None, numbers: Iterator[int]) -> Sample:
    """Ask for the list again and again, on a hundred days in turn."""
    latencies: list[float] = []
    began = now = time.perf_counter()
    while now < began + TURN:
        asked = Question(day + next(numbers) % 100, known)
        issues = await page(database, asked, StateFilter("issue"), after=0, limit=ISSUES)
        found = await summaries(database, issues.basis, issues.items, PageWork())
        done = time.perf_counter()
        assert len(found) == ISSUES
        latencies.append(done - now)
        now = done
    return Sample(now - began, latencies)
