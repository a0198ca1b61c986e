"""As-of reads of an issue, in process on both databases and over HTTP."""

from __future__ import annotations

import time
from contextlib import ExitStack
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

import httpx
import msgspec
import pytest

from service.app import opened
from service.settings import Settings
from service.storage.connect import connect
from service.views.asof import question, recorded
from tests.benchmarks import report
from tests.benchmarks.client import Plan, send
from tests.benchmarks.measure import SECONDS, Sample, ratio, rounds, spread
from tests.benchmarks.ours import fill, runner
from tests.benchmarks.servers import serving_a_constant_too
from tests.benchmarks.workload import LIFE, batches
from tests.migrations import migrate

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from pathlib import Path

    from service.api.http.requests import Services
    from service.storage.database import Database
    from tests.benchmarks.measure import Cell
    from tests.benchmarks.servers import Postgres
    from tests.benchmarks.workload import Workload

pytestmark = pytest.mark.benchmark

LARGE, SMALL = 50, 10
DAY = date(2026, 1, 1)
CONNECTIONS = 32
ANSWER, LOOKED_UP = "10 items as of a day", "10 items, each time looked up"
UNCHANGED, CONSTANT = "the same unchanged (304)", "a constant of the same size"


async def _fill(services: Services, workload: Workload) -> tuple[int, int]:
    """Fill a ledger; return a position when every item of the large issue is known by half its facts, and the head."""
    await fill(services.ledger, workload)
    small = workload.items_of("issue-01", SMALL, 5)
    large = workload.items_of("issue-00", LARGE, LIFE)
    past = head = 0
    for number, turn in enumerate([*small, *large]):
        for batch in batches(turn):
            head = (await services.ledger.append(batch)).events[-1].position
        if number == len(small) + LIFE // 2:
            past = head
    for batch in batches(workload.bodies(0, 10_000)):
        head = (await services.ledger.append(batch)).events[-1].position
    return past, head


class Filled:
    """A ledger with an issue of 50 items and more, one of 10 and more, and 48 others; about 13,000 events."""

    def __init__(self, url: str, workload: Workload) -> None:
        """Fill it."""
        self.url = url
        with runner() as loop:
            self.past, self.head = loop.run(self._filled(workload))

    async def _filled(self, workload: Workload) -> tuple[int, int]:
        async with opened(Settings(database_url=self.url)) as services:
            return await _fill(services, workload)


@pytest.fixture(scope="module")
def ledgers(postgres: Postgres, workload: Workload, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Filled]:
    """The same facts on both databases."""
    folder: Path = tmp_path_factory.mktemp("read")
    sqlite = f"sqlite:///{folder / 'parley.db'}"
    migrate(sqlite)
    return {"SQLite": Filled(sqlite, workload), "PostgreSQL": Filled(postgres.migrated(), workload)}


async def _read(database: Database, ask: question.Question, seconds: float) -> Sample:
    latencies: list[float] = []
    began = now = time.perf_counter()
    while now < began + seconds:
        page = await recorded.issue_page(database, ask, "issue-00", question.Included(ended=True), after=0, limit=LARGE)
        done = time.perf_counter()
        latencies.append(done - now)
        now = done
        assert len(page.items) == LARGE
    return Sample(now - began, latencies)


def _run(loop: asyncio.Runner, database: Database, ask: question.Question) -> Sample:
    return loop.run(_read(database, ask, SECONDS / 3))


def test_fifty_items_as_of(ledgers: dict[str, Filled]) -> None:
    """Fifty items of an issue, as known now or in the past, take at most a millisecond in the median."""
    with ExitStack() as stack:
        loop = stack.enter_context(runner())
        cells: dict[Cell, Callable[[], Sample]] = {}
        for name, ledger in ledgers.items():
            database = connect(ledger.url)
            loop.run(database.open())
            stack.callback(lambda closed: loop.run(closed.close()), database)
            for when, known in (("now", None), ("in the past", ledger.past)):
                ask = question.Question(DAY.toordinal(), known)
                cells[f"{name}, known {when}", 1] = partial(_run, loop, database, ask)
        samples = rounds(cells)
    report.table("50 items as of a day, in process", samples, unit="reads/s", clients="readers")
    for cell, taken in samples.items():
        assert spread(sample.percentile(50) for sample in taken).middle <= 1.0, cell


def test_reads_over_http(ledgers: dict[str, Filled]) -> None:
    """An as-of read over HTTP reaches 40 % of a constant answer of its size, the same unchanged (304) 75 %.

    Nothing is recorded during it, so the answer is kept in memory; the table also has the cost of looking it up.
    """
    with ExitStack() as stack:
        cells: dict[Cell, Callable[[], Sample]] = {}
        for name, ledger in ledgers.items():
            port = stack.enter_context(serving_a_constant_too(ledger.url))
            path = f"/v1/issues/issue-01?as_of={DAY}&limit={SMALL}"
            first = httpx.get(f"http://127.0.0.1:{port}{path}", trust_env=False).raise_for_status()
            constant = f"/constant?size={len(first.content)}"
            unchanged = {"If-None-Match": first.headers["etag"]}
            plan = Plan(port, path, CONNECTIONS, SECONDS / 2, 200)
            kinds = {
                ANSWER: plan,
                UNCHANGED: Plan(port, path, CONNECTIONS, SECONDS / 2, 304, headers=unchanged),
                CONSTANT: Plan(port, constant, CONNECTIONS, SECONDS / 2, 200),
            }
            for kind, each in kinds.items():
                cells[f"{name}, {kind}", CONNECTIONS] = partial(_sample, each)
            forgetful = msgspec.structs.replace(plan)
            forgetful.port = stack.enter_context(serving_a_constant_too(ledger.url, "--forget"))
            cells[f"{name}, {LOOKED_UP}", CONNECTIONS] = partial(_sample, forgetful)
        samples = rounds(cells)
    report.table("Reads over HTTP", samples, unit="reads/s", clients="connections")
    found = {
        (name, kind): ratio(samples[f"{name}, {kind}", CONNECTIONS], samples[f"{name}, {CONSTANT}", CONNECTIONS])
        for name in ledgers
        for kind in (ANSWER, UNCHANGED, LOOKED_UP)
    }
    report.ratios((f"{name}, {kind} / {CONSTANT}", spread_) for (name, kind), spread_ in found.items())
    for name in ledgers:
        assert found[name, ANSWER].middle >= 0.4, name
        assert found[name, UNCHANGED].middle >= 0.75, name


def _sample(plan: Plan) -> Sample:
    measured = send(plan)
    return Sample(measured.seconds, measured.latencies)
