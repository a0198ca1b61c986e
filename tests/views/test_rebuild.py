"""The projections that a rebuild makes from the log are those that were written with it."""

import asyncio
import json
import random
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.rebuild.rebuild import digest, rebuild
from service.storage import files
from tests.conftest import PostgresServer
from tests.examples import thorough
from tests.ledgers import opened
from tests.strategies import cut, histories

Event = dict[str, Any]
LONDON: list[Event] = [json.loads(line) for line in (files.data("seeds") / "london.ndjson").read_bytes().splitlines()]
CORRECTION = "0197a2f0-3c50-7a10-8f00-0000000000c1"


async def rebuilt_equals_live(url: str, history: list[Event], seed: int) -> None:
    """Record a history in batches that share commits, the second half by another writer, and compare a rebuild.

    By `seed`, the writers keep no item or tally that they are not busy with. The rebuild takes its events, and the
    items to look up, in groups of one and more, by `seed` too.
    """
    batches = cut(history, seed)
    with pytest.MonkeyPatch.context() as patch:
        if seed % 2:
            patch.setattr("service.views.working_set.MEMORY_MAX", 0)
        if seed % 3:
            patch.setattr("service.views.tallies.MEMORY_MAX", 0)
        for part in (batches[: len(batches) // 2], batches[len(batches) // 2 :]):
            async with opened(url) as ledger:
                await asyncio.gather(*(ledger.append(batch) for batch in part))
    async with opened(url) as ledger:
        live = await ledger.rows()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("service.rebuild.rebuild.GROUP", 1 + seed)
            patch.setattr("service.rebuild.register.PAGE", 1 + seed)
            rebuilt = await rebuild(ledger.database)
        assert await ledger.rows() == live
        assert rebuilt.same
        assert rebuilt.events == len(history)


@thorough(0.4)
@given(history=histories(), seed=st.integers(0, 9))
def test_rebuilt_equals_live_on_sqlite(history: list[Event], seed: int, sqlite_template: Path, tmp_path: Path) -> None:
    """Whatever is recorded in SQLite, a rebuild ends with the same rows."""
    path = tmp_path / f"{random.getrandbits(64)}.db"
    shutil.copyfile(sqlite_template, path)
    asyncio.run(rebuilt_equals_live(f"sqlite:///{path}", history, seed))


@thorough(0.1)
@given(history=histories(), seed=st.integers(0, 9))
def test_rebuilt_equals_live_on_postgres(
    history: list[Event], seed: int, postgres_server: PostgresServer, postgres_template: str
) -> None:
    """Whatever is recorded in PostgreSQL, a rebuild ends with the same rows."""
    url = postgres_server.create(postgres_template)
    try:
        asyncio.run(rebuilt_equals_live(url, history, seed))
    finally:
        postgres_server.drop(url)


@pytest.mark.row(4)
@pytest.mark.anyio
async def test_both_databases_have_the_same_projections(migrated_sqlite_url: str, migrated_postgres_url: str) -> None:
    """The same log has the same digest on SQLite and PostgreSQL, before and after a rebuild."""
    found = set()
    for url in (migrated_sqlite_url, migrated_postgres_url):
        async with opened(url) as ledger:
            for number, event in enumerate(LONDON):
                await ledger.append([event], at=1_750_000_000_000_000 + number)
            correction = LONDON[3] | {"occurred": "2025-04-04"}
            record = {"type": "record.corrected", "id": CORRECTION, "target": LONDON[3]["id"], "event": correction}
            await ledger.append([record], at=1_760_000_000_000_000)
            found |= {await digest(ledger.database), (await rebuild(ledger.database)).after}
    assert len(found) == 1


@pytest.mark.anyio
async def test_any_text_is_read_again(migrated_url: str) -> None:
    """A rebuild finds what an event names, whatever characters its texts have."""
    text = '\u0001\u001f\u007f\u2028\ufeff\uffff\U0001f600 é \\u0000 "}],"item":"other" \'quoted\' $.item'
    async with opened(migrated_url) as ledger:
        await ledger.append([event | {"note": text} for event in LONDON])
        before = await ledger.rows()
        assert (await rebuild(ledger.database)).same
        assert await ledger.rows() == before


@pytest.mark.anyio
async def test_a_spoilt_projection_is_corrected(
    migrated_sqlite_url: str, sqlite_template: Path, tmp_path: Path
) -> None:
    """A rebuild reports a projection that was changed by hand, and corrects it unless it rebuilds elsewhere."""
    scratch = tmp_path / "scratch.db"
    shutil.copyfile(sqlite_template, scratch)
    async with opened(migrated_sqlite_url) as ledger:
        await ledger.append(LONDON)
        before = await ledger.rows()
    with sqlite3.connect(migrated_sqlite_url.removeprefix("sqlite:///")) as connection:
        connection.execute("UPDATE state SET status = 'lifted' WHERE status = 'in_force'")
    connection.close()
    async with opened(migrated_sqlite_url) as ledger:
        spoilt = await ledger.rows()
        async with opened(f"sqlite:///{scratch}") as other:
            rebuilt = await rebuild(ledger.database, into=other.database)
            assert not rebuilt.same
            assert await other.rows() == before
        assert await ledger.rows() == spoilt
        assert await rebuild(ledger.database) == rebuilt
        assert await ledger.rows() == before


@pytest.mark.row(44)
@pytest.mark.anyio
async def test_what_others_append_during_a_rebuild_is_no_difference(migrated_url: str) -> None:
    """A rebuild during which another writer appends says that the digests are of different logs."""
    async with opened(migrated_url) as ledger, opened(migrated_url) as other:
        await ledger.append(LONDON[:10])
        late: list[asyncio.Task[Any]] = []

        def append_more(_: int, __: int) -> None:
            late.append(asyncio.create_task(other.append(LONDON[10:])))

        rebuilt = await rebuild(ledger.database, append_more)
        await asyncio.gather(*late)
        assert rebuilt.events == 10
        assert rebuilt.same or rebuilt.moved
        assert (await rebuild(ledger.database)).same
