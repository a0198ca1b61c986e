"""As-of answers and late facts as the ledger grows: what a question costs must not depend on the log.

`PARLEY_BENCH_EVENTS` is the size of the largest ledger; the smallest has 1,000 events. Issues are alike at every size.
`PARLEY_BENCH_DATABASES=SQLite` leaves PostgreSQL out.
"""

from __future__ import annotations

import faulthandler
import os
import time
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import httpx
import pytest
from msgspec import json

from service.app import opened
from service.domain.admit.strict_json import accept
from service.domain.vocabulary.events import Batch
from service.settings import Settings
from service.storage.connect import connect
from service.views.asof import lists, recorded
from service.views.asof import question as asof
from service.views.asof.engine import engine_of
from service.views.asof.summaries import summaries
from service.views.asof.weighing import PageWork
from tests.benchmarks import report
from tests.benchmarks.client import Plan, send
from tests.benchmarks.measure import SECONDS, Sample, rounds
from tests.benchmarks.ours import Asked, runner
from tests.benchmarks.sized import BATCH, HOT, Sized, fill
from tests.migrations import migrate
from tests.servers import serving

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine, Iterator, Sequence
    from pathlib import Path

    from service.append.ledger import Ledger
    from service.storage.database import Database
    from tests.benchmarks.measure import Cell
    from tests.benchmarks.servers import Postgres
    from tests.benchmarks.workload import Body, Item

pytestmark = pytest.mark.benchmark

LARGEST = int(os.environ.get("PARLEY_BENCH_EVENTS", "100000"))
SIZES = sorted({size for size in (1_000, 10_000, 100_000) if size < LARGEST} | {LARGEST})
DATABASES = os.environ.get("PARLEY_BENCH_DATABASES", "SQLite PostgreSQL").split()
ISSUES = 50
"""Issues that are asked about in turn, where there are as many. The smallest ledger has one: its rows stay in the
caches of the processor, so that one issue is what sizes are compared by."""
DAYS = 100
"""Days that are asked about in turn."""
NOW, PAST = date(2026, 1, 1), date(2024, 1, 1)
PAGE, HOT_PAGE = 50, 200
TURN = SECONDS / 3
HOT_FROM = 20_000
"""Events of the smallest ledger whose hot issue fills its page."""
WRITTEN = 300
P50_MOST, P99_MOST, HOT_MOST, LATE_MOST, EXPOSURE_MS = 1.5, 2.0, 10.0, 1.5, 5.0
PUBLISHED_MOST = 2.0


class Question(NamedTuple):
    """A page of an issue's items: the first of the days asked about, and whether K is the middle of the log."""

    name: str
    day: date
    past: bool
    hot: bool = False
    limit: int = PAGE
    issues: int = 1


HOT_NOW = Question(f"hot issue, {HOT_PAGE} items, K now, D now", NOW, past=False, hot=True, limit=HOT_PAGE)
FIRST = Question(f"issue, {PAGE} items, K now, D now", NOW, past=False)
QUESTIONS = (
    FIRST,
    Question(f"issue, {PAGE} items, K now, D past", PAST, past=False),
    Question(f"issue, {PAGE} items, K past, D now", NOW, past=True),
    Question(f"issue, {PAGE} items, K past, D past", PAST, past=True),
    Question(f"up to {ISSUES} issues in turn, K now, D now", NOW, past=False, issues=ISSUES),
    HOT_NOW,
)


@dataclass(slots=True)
class Filled:
    """A ledger of so many events on one of the databases."""

    name: str
    url: str
    sized: Sized
    seconds: float

    @property
    def middle(self) -> int:
        """A position half way."""
        return self.sized.size // 2

    def has(self, question: Question) -> bool:
        """Return whether a question can be asked: the hot issue must have a page full."""
        return not question.hot or self.sized.size >= HOT_FROM

    def issues(self, question: Question) -> list[str]:
        """Name the issues to ask about."""
        return [HOT] if question.hot else self.sized.issues[: question.issues]


@pytest.fixture(scope="module")
def ledgers(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Filled]]:
    """Ledgers of every size on both databases, filled by `Ledger.append`."""
    faulthandler.cancel_dump_traceback_later()  # it takes minutes
    folder = tmp_path_factory.mktemp("asof")
    found: list[Filled] = []
    print(f"\n### Ledgers of up to {LARGEST:,} events, by batches of {BATCH} through `Ledger.append`\n")
    print("| database   |    events | issues | hot issue's | events/s | items on a page, by question |")
    print("|---|---:|---:|---:|---:|---|")
    for size in SIZES:
        for name in DATABASES:
            url = _empty(name, folder / f"{size}.db", postgres)
            with runner() as loop:
                found.append(loop.run(filled(name, url, size)))
            if name == "PostgreSQL":
                postgres.vacuum(url)
    postgres.checkpoint()
    yield found
    for path in folder.iterdir():
        path.unlink()


def _empty(name: str, path: Path, postgres: Postgres) -> str:
    """Make an empty ledger on one of the databases; return its URL."""
    if name == "PostgreSQL":
        return postgres.migrated()
    migrate(url := f"sqlite:///{path}")
    return url


async def filled(name: str, url: str, size: int) -> Filled:
    async with opened(Settings(database_url=url)) as services:
        sized = Sized(size)
        began = time.perf_counter()
        await fill(services.ledger, sized)
        ledger = Filled(name, url, sized, time.perf_counter() - began)
        items = [await _items(services.database, ledger, question) for question in QUESTIONS]
        (hot,) = (await recorded.issue_versions(services.database, size, [HOT])).values()
    pages = ", ".join(f"{each:.0f}" for each in items)
    rate = size / ledger.seconds
    print(f"| {name:<10} | {size:>9,} | {len(sized.issues) + 1:>6,} | {hot:>11,} | {rate:>8,.0f} | {pages} |")
    return ledger


async def _items(database: Database, ledger: Filled, question: Question) -> float:
    """Count the items on a page, on average."""
    issues = ledger.issues(question)
    pages = [await _page(database, ledger, question, number) for number in range(len(issues))]
    return sum(pages) / len(pages)


async def _page(database: Database, ledger: Filled, question: Question, number: int) -> int:
    issues = ledger.issues(question)
    day = question.day.toordinal() + number % DAYS
    ask = asof.Question(day, ledger.middle if question.past else None)
    issue = issues[number % len(issues)]
    return len((await recorded.issue_page(database, ask, issue, asof.Included(), after=0, limit=question.limit)).items)


async def _read(database: Database, ledger: Filled, question: Question, numbers: Iterator[int]) -> Sample:
    latencies: list[float] = []
    began = now = time.perf_counter()
    while now < began + TURN:
        await _page(database, ledger, question, next(numbers))
        done = time.perf_counter()
        latencies.append(done - now)
        now = done
    return Sample(now - began, latencies)


def _grown(title: str, samples: dict[Cell, list[Sample]]) -> list[str]:
    """Print how answers grow with the log; return which grow too much."""
    found = report.growth(title, samples, SIZES)
    return [
        f"{title}: {name}: p50 x {p50:.2f}, p99 x {p99:.2f}"
        for name, (p50, p99) in found.items()
        if ", issue, " in name and (p50 > P50_MOST or p99 > P99_MOST)
    ]


def _hot(samples: dict[Cell, list[Sample]]) -> list[str]:
    """Print what the hot issue's page costs compared to a normal one's; return where it is too much."""
    found = {
        name.partition(",")[0]: report.percentiles(samples[name, LARGEST])[0]
        / report.percentiles(samples[name.replace(HOT_NOW.name, FIRST.name), LARGEST])[0]
        for name, size in samples
        if size == LARGEST and name.endswith(HOT_NOW.name)
    }
    for name, ratio in found.items():
        print(f"\n{name}: the hot issue's {HOT_PAGE} items cost {ratio:.1f} times a normal issue's {PAGE}.")
    return [f"{name}: hot x {ratio:.1f}" for name, ratio in found.items() if ratio >= HOT_MOST]


def test_in_process(ledgers: list[Filled]) -> None:
    """A page of an issue costs the same whatever the length of the log, for every pair of clocks."""
    with ExitStack() as stack:
        loop = stack.enter_context(runner())
        cells: dict[Cell, Callable[[], Sample]] = {}
        for question in QUESTIONS:
            for ledger in filter(partial(Filled.has, question=question), ledgers):
                database = connect(ledger.url)
                loop.run(database.open())
                stack.callback(lambda closed: loop.run(closed.close()), database)
                read = partial(_read, database, ledger, question, count())
                cells[f"{ledger.name}, {question.name}", ledger.sized.size] = partial(_run, loop, read)
        samples = rounds(cells)
    _expect_none(_grown("As of a day, in process", samples) + _hot(samples))


def _run(loop: asyncio.Runner, read: Callable[[], Coroutine[None, None, Sample]]) -> Sample:
    return loop.run(read())


def _expect_none(over: Sequence[str]) -> None:
    """Fail with what is over its bound, in a few lines."""
    if over:
        pytest.fail("over the bound: " + "; ".join(over), pytrace=False)


def _spelt(text: str, number: int) -> str:
    """Write a part of a query in one of many ways that mean the same: the server keeps answers by what was sent."""
    return "".join(f"%{ord(char):02X}" if number >> index & 1 else char for index, char in enumerate(text))


def _path(ledger: Filled, question: Question, number: int) -> str:
    """Return the path of a question that nobody has asked before."""
    issues = ledger.issues(question)
    day, way = question.day + timedelta(number % DAYS), number // DAYS
    known = f"&known_position={ledger.middle}" if question.past else ""
    issue = issues[number % len(issues)]
    return f"/v1/issues/{issue}?as_of={_spelt(day.isoformat(), way)}&limit={question.limit}{known}"


def _exposure_path(_: Filled, number: int) -> str:
    day, way = NOW + timedelta(number % DAYS), number // DAYS
    return f"/v1/exposure?good=dysprosium&party=CN&as_of={_spelt(day.isoformat(), way)}"


def _sample(port: int, paths: Iterator[str]) -> Sample:
    asked = [next(paths) for _ in range(int(TURN * 3_000) + 100)]
    measured = send(Plan(port, asked[0], 1, TURN, 200, paths=asked))
    return Sample(measured.seconds, measured.latencies)


async def _asked(database: Database, ask: asof.Question, name: str, issue: str) -> int:
    """Ask one of the questions that are compared on both bases; return how many states answer."""
    engine = engine_of(ask)
    if name == _ONE_ITEM:
        found = await engine.item(database, ask, "restriction", issue)
        return 0 if found is None else 1
    if name == _OF_ISSUE:
        page = await engine.issue_page(database, ask, issue, asof.Included(), after=0, limit=PAGE)
        return len(page.items)
    wanted, postures = _LISTS[name]
    listed = await lists.page(database, ask, lists.Search(wanted), after=0, limit=PAGE, work=(work := PageWork()))
    if postures:
        await summaries(database, listed.basis, listed.items, work)
    return len(listed.items)


_ONE_ITEM, _OF_ISSUE = "one item", f"{PAGE} items of an issue"
_POSTURES = f"{ISSUES} issues with their postures"
_LISTS = {
    f"{PAGE} restrictions": (asof.StateFilter("restriction"), False),
    "restrictions by good, party and status": (
        asof.StateFilter("restriction", ("good:terbium", "party:CN"), (("status:suspended",),)),
        False,
    ),
    "restrictions of a status that none has": (asof.StateFilter("restriction", (), (("status:invalidated",),)), False),
    _POSTURES: (asof.StateFilter("issue"), True),
}
BASES = {
    "D now": (NOW, None),
    "D now, as published": (NOW, NOW),
    "D past": (PAST, None),
    "D past, published by D": (PAST, PAST),
}


def test_as_published(ledgers: list[Filled]) -> None:
    """At the head, an answer as published costs at most twice what one as recorded does.

    Postures by a day in the past cost more: items by turns are not recorded in the order in which they came out.
    """
    largest = [ledger for ledger in ledgers if ledger.sized.size == LARGEST]
    cells: dict[Cell, Callable[[], Sample]] = {}
    with ExitStack() as stack:
        loop = stack.enter_context(runner())
        for ledger in largest:
            database = connect(ledger.url)
            loop.run(database.open())
            stack.callback(lambda closed: loop.run(closed.close()), database)
            for name in (_ONE_ITEM, _OF_ISSUE, *_LISTS):
                for basis, (day, published) in BASES.items():
                    ask = partial(_ask_in_turn, database, ledger, name, day, published)
                    cells[f"{ledger.name}, {name}, {basis}", LARGEST] = partial(_run, loop, ask)
        samples = rounds(cells)
    print(f"\n### As published, at the head of {LARGEST:,} events, in process (p50 in ms)\n")
    print("| " + " | ".join(["", *BASES]) + " |\n|---|" + "---:|" * len(BASES))
    over: list[str] = []
    for ledger in largest:
        for name in (_ONE_ITEM, _OF_ISSUE, *_LISTS):
            took = [report.percentiles(samples[f"{ledger.name}, {name}, {basis}", LARGEST])[0] for basis in BASES]
            print(f"| {ledger.name}, {name} | " + " | ".join(f"{each:.2f}" for each in took) + " |")
            ratios = (took[1] / took[0], took[3] / took[2])
            bounded = ratios[:1] if name == _POSTURES else ratios
            over += [f"{ledger.name}, {name}: x {each:.2f}" for each in bounded if each > PUBLISHED_MOST]
    _expect_none(over)


async def _ask_in_turn(database: Database, ledger: Filled, name: str, day: date, published: date | None) -> Sample:
    """Ask about day after day, of issue after issue, or of the items that were left open."""
    live = [item.name for item in ledger.sized.live if item.kind == "restriction"]
    names = live if name == _ONE_ITEM else ledger.sized.issues
    latencies: list[float] = []
    began = now = time.perf_counter()
    number = 0
    while now < began + TURN:
        until = None if published is None else published.toordinal() + number % DAYS
        ask = asof.Question(day.toordinal() + number % DAYS, published=until)
        await _asked(database, ask, name, names[number % min(len(names), ISSUES)])
        done = time.perf_counter()
        latencies.append(done - now)
        number, now = number + 1, done
    return Sample(now - began, latencies)


def test_over_http(ledgers: list[Filled]) -> None:
    """Over HTTP a page of an issue costs the same whatever the length of the log; exposure stays under its bound."""
    with ExitStack() as stack:
        cells: dict[Cell, Callable[[], Sample]] = {}
        ports = [urlsplit(stack.enter_context(serving(ledger.url)).url).port or 0 for ledger in ledgers]
        at = list(zip(ledgers, ports, strict=True))
        for question in QUESTIONS:
            for ledger, port in [(ledger, port) for ledger, port in at if ledger.has(question)]:
                paths = map(partial(_path, ledger, question), count())
                cells[f"{ledger.name}, {question.name}", ledger.sized.size] = partial(_sample, port, paths)
        if _answers(ports[0], _exposure_path(ledgers[0], 0)):
            for ledger, port in at:
                paths = map(partial(_exposure_path, ledger), count())
                cells[f"{ledger.name}, exposure, K now, D now", ledger.sized.size] = partial(_sample, port, paths)
        else:
            print("\nexposure is not measured: this service has no /v1/exposure")
        samples = rounds(cells)
    slow = [
        f"{name} at {size:,}: p50 {took:.1f} ms"
        for (name, size), cell in samples.items()
        if "exposure" in name and (took := report.percentiles(cell)[0]) >= EXPOSURE_MS
    ]
    _expect_none(_grown("As of a day, over HTTP", samples) + _hot(samples) + slow)


QUERIES = {
    "between, 50 items": "/v1/between?a=US&b=CN&as_of={day}&limit=50",
    "between, 50 items of a good": "/v1/between?a=US&b=CN&good=dysprosium&as_of={day}&limit=50",
    "exposure, 50 items": "/v1/exposure?good=dysprosium&party=CN&as_of={day}&limit=50",
    "exposure with its charge": "/v1/exposure?hs=284690&origin=CN&destination=US&as_of={day}&limit=50",
    "changes, 50": "/v1/changes?from={day}&to=2027-01-01&limit=50",
}
"""Questions of a desk, with the day that they are about."""


def test_questions_of_a_desk(ledgers: list[Filled]) -> None:
    """In process, with HTTP and JSON, a full page of 50 takes under 5 ms, and costs the same at every size.

    A page that is not full has looked at every candidate: what that costs grows with them, and is only printed. So is a
    charge, which is reckoned from all measures. No answer is a kept one.
    """
    with ExitStack() as stack:
        loop = stack.enter_context(runner())
        cells: dict[Cell, Callable[[], Sample]] = {}
        full: list[Cell] = []
        for ledger in ledgers:
            service = Asked(ledger.url, loop, stack)
            for name, query in QUERIES.items():
                cell = f"{ledger.name}, {name}", ledger.sized.size
                first = json.decode(loop.run(service.get(query.format(day=NOW))))
                full += [cell] if first["next"] is not None else []
                cells[cell] = partial(_run, loop, partial(_asked_in_process, service, ledger, query))
        samples = rounds(cells)
    report.growth("Questions of a desk, in process", samples, SIZES)
    print("\nFull pages: " + "; ".join(f"{name} at {size:,}" for name, size in full))
    took = {cell: report.percentiles(samples[cell])[0] for cell in full}
    slow = [f"{name} at {size:,}: p50 {p50:.1f} ms" for (name, size), p50 in took.items() if p50 >= EXPOSURE_MS]
    least = {name: took[name, size] for name, size in reversed(full)}
    grown = [
        f"{name} at {size:,}: p50 x {p50 / least[name]:.2f}"
        for (name, size), p50 in took.items()
        if p50 > P50_MOST * least[name]
    ]
    _expect_none([*slow, *grown])


async def _asked_in_process(service: Asked, ledger: Filled, query: str) -> Sample:
    """Ask about day after day, as known at one position after another."""
    latencies: list[float] = []
    began = now = time.perf_counter()
    while now < began + TURN:
        number = next(_ASKED)
        day = NOW + timedelta(number % DAYS)
        known = ledger.sized.size - number // DAYS % (ledger.sized.size // 10)
        await service.get(f"{query.format(day=day)}&known_position={known}")
        done = time.perf_counter()
        latencies.append(done - now)
        now = done
    return Sample(now - began, latencies)


_ASKED = count()


def _answers(port: int, path: str) -> bool:
    return httpx.get(f"http://127.0.0.1:{port}{path}", trust_env=False, timeout=60).status_code == httpx.codes.OK


class Written(NamedTuple):
    """What writing to an item takes, in seconds."""

    first: float
    on_time: float
    late: float
    corrected: float


_NAMES = (
    "fact on time, the item not in memory",
    "fact on time",
    "late fact, two to four months back",
    "correction of that late fact",
)


async def _append(ledger: Ledger, body: Body) -> float:
    began = time.perf_counter()
    await ledger.append(accept(body.json, Batch))
    return time.perf_counter() - began


async def _write(ledger: Ledger, sized: Sized, item: Item) -> Written:
    """Write to an item: first a fact that loads it, then what is compared."""
    first = await _append(ledger, sized.on_time(item))
    on_time = await _append(ledger, sized.on_time(item))
    late = sized.late(item)
    return Written(first, on_time, await _append(ledger, late), await _append(ledger, sized.correction(late)))


async def _written(ledgers: Sequence[Filled]) -> list[list[Written]]:
    """Write to items of each ledger, recorded early or late in its log; the ledgers take turns."""
    found: list[list[Written]] = [[] for _ in ledgers]
    async with AsyncExitStack() as stack:
        services = [await stack.enter_async_context(opened(Settings(database_url=each.url))) for each in ledgers]
        for turn in range(WRITTEN):
            for each, running, written in zip(ledgers, services, found, strict=True):
                live = each.sized.live
                if turn < len(live):
                    item = live[turn * max(1, len(live) // WRITTEN)]
                    written.append(await _write(running.ledger, each.sized, item))
    return found


def test_late_facts_and_corrections(ledgers: list[Filled]) -> None:
    """A late fact and a correction cost at most half as much again as a fact on time."""
    samples: dict[Cell, list[Sample]] = {}
    over: list[str] = []
    with runner() as loop:
        everything = loop.run(_written(ledgers))
    for ledger, written in zip(ledgers, everything, strict=True):
        for name, took in zip(_NAMES, zip(*written, strict=True), strict=True):
            samples[f"{ledger.name}, {name}", ledger.sized.size] = [Sample(sum(took), list(took))]
    samples = dict(sorted(samples.items(), key=lambda each: each[0][0].partition(",")[0], reverse=True))
    report.growth("One event an append, one after the other, in process", samples, SIZES)
    print("\n| to a fact on time, p50 | " + " | ".join(f"{size:,}" for size in SIZES) + " |")
    print("|---|" + "---:|" * len(SIZES))
    for database in dict.fromkeys(ledger.name for ledger in ledgers):
        for name in _NAMES[2:]:
            ratios = {
                size: report.percentiles(samples[f"{database}, {name}", size])[0]
                / report.percentiles(samples[f"{database}, {_NAMES[1]}", size])[0]
                for size in SIZES
            }
            print(f"| {database}, {name} | " + " | ".join(f"x {each:.2f}" for each in ratios.values()) + " |")
            over += [f"{database}, {name}: x {ratios[LARGEST]:.2f}"] if ratios[LARGEST] > LATE_MOST else []
    _expect_none(over)
