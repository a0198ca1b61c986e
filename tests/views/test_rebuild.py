"""The projections that a rebuild makes from the log are those that were written with it."""

import asyncio
import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.eventlog.head import head_of
from service.rebuild.rebuild import Options, digest, rebuild
from service.storage import files
from tests.conftest import PostgresServer
from tests.examples import thorough
from tests.ledgers import opened
from tests.rebuilds import in_small_steps, of_another_version
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
        with in_small_steps(seed):
            compared = await rebuild(ledger.database)
            await of_another_version(ledger)
            replaced = await rebuild(ledger.database)
        assert (compared.same, compared.events) == (True, len(history))
        assert replaced.differing is None
        assert await ledger.rows() == live


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
            found.add(await digest(ledger.database))
            await of_another_version(ledger)
            await rebuild(ledger.database)
            found.add(await digest(ledger.database))
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
async def test_a_spoilt_projection_is_found_and_corrected(migrated_url: str) -> None:
    """A rebuild names the projections that were changed by hand, with how many rows, and corrects them."""
    async with opened(migrated_url) as ledger:
        await ledger.append(LONDON)
        before, head = await ledger.rows(), await head_of(ledger.database)
        assert (await rebuild(ledger.database)).differing == {}
        assert await head_of(ledger.database) == head
        wrong = await ledger.database.execute(
            "UPDATE state SET status = 'lifted' WHERE status = 'in_force' RETURNING 1"
        )
        gone = await ledger.database.execute("DELETE FROM facet WHERE token LIKE 'party:%' RETURNING 1")
        await ledger.database.execute("INSERT INTO fact_record (fact, position) VALUES (1, 2)")
        found = {"state": len(wrong), "facet": len(gone), "fact_record": 1}
        spoilt = await ledger.rows()
        assert (await rebuild(ledger.database, options=Options(check=True))).differing == found
        assert await ledger.rows() == spoilt
        assert (await rebuild(ledger.database)).differing == found
        assert await ledger.rows() == before
        assert await head_of(ledger.database) == head._replace(epoch=head.epoch + 1)


@pytest.mark.row(44)
@pytest.mark.anyio
async def test_what_others_append_during_a_rebuild_is_no_difference(migrated_url: str) -> None:
    """What another writer appends during a rebuild is in the tables that it compares."""
    async with opened(migrated_url) as ledger, opened(migrated_url) as other:
        await ledger.append(LONDON[:10])
        late: list[asyncio.Task[Any]] = []

        def append_more(_: int, __: int) -> None:
            late.append(asyncio.create_task(other.append(LONDON[10:])))

        assert (await rebuild(ledger.database, append_more)).same
        await asyncio.gather(*late)
        assert (await rebuild(ledger.database)) == (20, {})
