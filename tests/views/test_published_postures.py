"""Postures as published, read as they are kept: those that the items give, at any day of publication and position."""

import asyncio
import random
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from service.rebuild.rebuild import rebuild
from service.views.asof import recorded
from service.views.asof.basis import resolve
from service.views.asof.published import page
from service.views.asof.question import Question, StateFilter
from service.views.asof.summaries import summaries, worked_out
from service.views.asof.weighing import PageWork
from tests.conftest import PostgresServer
from tests.events import corrected, event, imposed, opening, record
from tests.examples import thorough
from tests.ledgers import Event, Opened, fresh_postgres, fresh_sqlite, opened

ISSUES = ["chips", "metals"]
FIRST, DAYS = date(2025, 7, 1), 14
"""The first of the days on which things happen and are published, and how many there are."""


def on(day: int) -> str:
    return (FIRST + timedelta(day)).isoformat()


def reports(draw: random.Random, day: int) -> list[Event]:
    """Make the reports of an event: mostly one, of a day; a few come out on two days, deny, or have no date."""
    found: list[Event] = [{"outlet": "A ministry", "published": on(day)}]
    if draw.random() < 0.1:
        found.append({"outlet": "A paper", "published": on(draw.randrange(DAYS)), "stance": "denies"})
    if draw.random() < 0.03:
        found.append({"outlet": "Another paper"})
    return found


def history(seed: int, size: int) -> list[Event]:
    """Make facts on four items of two issues, mostly in the order of their days of publication, and a few records."""
    draw = random.Random(seed)  # noqa: S311 - for variety
    disorder = draw.choice([0, 0.1, 0.5])
    made = [opening(issue, occurred=on(0), reports=[{"outlet": "A", "published": on(0)}]) for issue in ISSUES]
    facts: list[Event] = []
    day = 0
    for _ in range(size):
        day = draw.randrange(DAYS) if draw.random() < disorder else min(DAYS - 1, day + draw.randint(0, 2))
        said = {"reports": reports(draw, day)}
        issue, item = draw.choice(ISSUES), f"item-{draw.randrange(4)}"
        happened = {"occurred": on(max(0, day - draw.randrange(4)))}
        chance = draw.random()
        if not facts or chance < 0.3:
            facts.append(imposed(item, issue, **happened, **said))
        elif chance < 0.8:
            change = draw.choice(["suspended", "lifted", "eased", "reinstated"])
            facts.append(event(f"restriction.{change}", item, issue, **happened, **said))
        else:
            target = draw.choice(facts)
            own = said if draw.random() < 0.5 else {}
            new = target | draw.choice([happened, {"item": item}, {"issues": [issue]}])
            kinds = [record("retracted", target, **own), corrected(target, new, **own)]
            made.append(draw.choice([*kinds, record("report_added", target, **said), record("disputed", target)]))
            continue
        made.append(facts[-1])
    return made


async def check(ledger: Opened, draw: random.Random) -> int:
    """Compare at every day of publication, at the head and at some positions before; return how many were kept."""
    log, kept = await ledger.log(), 0
    for position in {len(log), draw.randint(1, len(log)), draw.randint(1, len(log))}:
        for published in range(FIRST.toordinal() - 1, FIRST.toordinal() + DAYS + 1):
            asked = Question(FIRST.toordinal() + draw.randrange(DAYS), position, published=published)
            basis = await resolve(ledger.database, asked)
            issues = (await page(ledger.database, asked, StateFilter("issue"), after=0, limit=9, work=PageWork())).items
            found = await summaries(ledger.database, basis, issues, PageWork())
            assert found == await worked_out(ledger.database, basis, issues, PageWork(), None)
            kept += len(await recorded.summaries(ledger.database, asked, [each.slug for each in issues]))
    return kept


async def record_and_check(url: str, seed: int, size: int) -> int:
    """Record a history, an event a commit, and compare."""
    begun = datetime.combine(FIRST, time(9), UTC)
    async with opened(url) as ledger:
        for number, each in enumerate(history(seed, size)):
            await ledger.append([each], at=int((begun + timedelta(hours=8 * number)).timestamp()) * 1_000_000)
        kept = await check(ledger, random.Random(seed))  # noqa: S311 - for variety
        assert (await rebuild(ledger.database)).same
    return kept


@thorough(0.4)
@given(seed=st.integers(0, 10**6), size=st.integers(1, 24))
def test_kept_postures_are_those_as_published_on_sqlite(
    seed: int, size: int, sqlite_template: Path, tmp_path: Path
) -> None:
    """Whatever the order in which facts came out, a posture that is kept is the one that the items give, on SQLite."""
    with fresh_sqlite(sqlite_template, tmp_path) as url:
        asyncio.run(record_and_check(url, seed, size))


@thorough(0.1)
@given(seed=st.integers(0, 10**6), size=st.integers(1, 24))
def test_kept_postures_are_those_as_published_on_postgres(
    seed: int, size: int, postgres_server: PostgresServer, postgres_template: str
) -> None:
    """The same on PostgreSQL."""
    with fresh_postgres(postgres_server, postgres_template) as url:
        asyncio.run(record_and_check(url, seed, size))


def test_what_came_out_in_order_is_kept(sqlite_template: Path, tmp_path: Path) -> None:
    """Of issues whose facts are recorded as they come out, the posture of every past day of publication is kept."""
    facts = [imposed("quota", "chips", occurred=on(day), reports=[{"outlet": "A", "published": on(day)}])
             for day in range(1, 6)]  # fmt: skip

    async def run(url: str) -> None:
        async with opened(url) as ledger:
            await ledger.append([opening("chips", reports=[{"outlet": "A", "published": on(0)}]), *facts])
            for day in range(DAYS):
                asked = Question(FIRST.toordinal(), len(facts) + 1, published=FIRST.toordinal() + day)
                assert await recorded.summaries(ledger.database, asked, ["chips"])

    with fresh_sqlite(sqlite_template, tmp_path) as url:
        asyncio.run(run(url))
