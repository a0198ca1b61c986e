"""Questions as published about a good, as the items grow that are out of order: the answer is the same at every size.

`PARLEY_BENCH_ITEMS` is the largest number of items; `PARLEY_BENCH_DATABASES=SQLite` leaves PostgreSQL out.
"""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from datetime import date, timedelta
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from tests.benchmarks import report
from tests.benchmarks.measure import SECONDS, Sample, rounds
from tests.benchmarks.ours import Asked, runner
from tests.events import eased, imposed, opening
from tests.migrations import migrate

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.benchmarks.measure import Cell
    from tests.benchmarks.servers import Postgres

pytestmark = pytest.mark.benchmark

ITEMS = int(os.environ.get("PARLEY_BENCH_ITEMS", "10000"))
SIZES = (ITEMS // 100, ITEMS // 10, ITEMS)
DATABASES = os.environ.get("PARLEY_BENCH_DATABASES", "SQLite PostgreSQL").split()
FOUND = 10
"""Items on the good that is asked about, in a ledger of any size."""
BATCH = 500
TURN = SECONDS / 3
GROWN_MAX = 2.0
QUERIES = {
    "exposure": "/v1/exposure?hs=1201&party=US&as_of={day}",
    "between": "/v1/between?a=CN&b=US&hs=1201&as_of={day}",
    "restrictions": "/v1/restrictions?hs=1201&party=US&as_of={day}",
    "changes": "/v1/changes?hs=1201&from=2025-01-01&to={day}",
}


def test_items_out_of_order(postgres: Postgres, tmp_path: Path) -> None:
    """What an answer as published costs follows the items that touch the good, not all that are out of order.

    Changes are only printed: they go through the days of all items, as those as recorded do.
    """
    cells: dict[Cell, Callable[[], Sample]] = {}
    with ExitStack() as stack:
        loop = stack.enter_context(runner())
        for name in DATABASES:
            for size in SIZES:
                url = postgres.migrated() if name == "PostgreSQL" else f"sqlite:///{tmp_path}/{size}.db"
                if name == "SQLite":
                    migrate(url)
                service = Asked(url, loop, stack)
                loop.run(_fill(service, size))
                if name == "PostgreSQL":
                    postgres.vacuum(url)
                for question, query in QUERIES.items():
                    cells[f"{name}, {question}", size] = partial(_run, loop, service, query)
        samples = rounds(cells)
    grown = report.growth("As published, by items out of order", samples, SIZES)
    assert not {name: p50 for name, (p50, _) in grown.items() if p50 > GROWN_MAX and "changes" not in name}


def _run(loop: asyncio.Runner, service: Asked, query: str) -> Sample:
    return loop.run(_asked(service, query))


async def _fill(service: Asked, size: int) -> None:
    """Record duties on as many items, each eased by a fact of which the second report came out first."""
    events = [opening("trade"), *[each for number in range(size) for each in _duty(number)]]
    for start in range(0, len(events), BATCH):
        await service.post("/v1/events", {"events": events[start : start + BATCH]})


def _duty(number: int) -> Iterator[dict[str, Any]]:
    item, chapter = f"duty-{number}", "1201" if number < FOUND else f"{2 + number % 9}{number % 100:02}"
    goods = [{"name": "goods", "hs": chapter.zfill(4)}]
    reports = [{"outlet": "A ministry", "published": day} for day in ("2025-04-03", "2025-04-01")]
    against = ["US"] if number < FOUND else [("BR", "IN", "JP", "KR", "MX", "TR")[number % 6]]
    terms = {"against": against, "occurred": "2025-03-01", "reports": [reports[1] | {"published": "2025-03-01"}]}
    yield imposed(item, "trade", goods=goods, **terms)
    yield eased(item, "trade", rate_percent=5, occurred="2025-04-01", reports=reports)


async def _asked(service: Asked, query: str) -> Sample:
    """Ask again and again as known on another day of publication, about another day: no answer is a kept one."""
    latencies: list[float] = []
    began = now = time.perf_counter()
    while now < began + TURN:
        number = next(_ASKED)
        day = date(2025, 6, 1) + timedelta(number % 200)
        known = date(2025, 5, 1) + timedelta(number // 200 % 200)
        answer = await service.get(f"{query.format(day=day)}&known_basis=published&known_at={known}")
        assert answer.count(b':"duty-') >= FOUND, answer
        done = time.perf_counter()
        latencies.append(done - now)
        now = done
    return Sample(now - began, latencies)


_ASKED = count()
