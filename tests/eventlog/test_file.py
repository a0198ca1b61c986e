"""A SQLite file beside others that write to it, replaced while it is open, or damaged."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sqlite3
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from service.cli import cli
from service.domain.errors import Unavailable
from service.storage.database import Lost
from tests.ledgers import opened
from tests.servers import connection, facts, openings, plain_client, serving, serving_together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


WRITERS = 4
BATCHES = 4


def path_of(url: str) -> str:
    return url.removeprefix("sqlite:///")


@contextmanager
def write_locked(url: str) -> Iterator[None]:
    """Hold the write lock of a file, as another process does."""
    with closing(sqlite3.connect(path_of(url), isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


@pytest.mark.attack
@pytest.mark.row(29)
def test_large_batches_get_through_beside_small_ones(migrated_sqlite_url: str, figure: Callable[[str], None]) -> None:
    """While one process appends single events without a pause, another's batches of 1,000 are recorded."""

    async def write_small(url: str, seed: int, done: asyncio.Event) -> int:
        count = 0
        async with connection(url) as writer:
            for event in facts(seed, 100_000):
                if done.is_set():
                    break
                status, _ = await writer.post("/v1/events", {"events": [event]})
                assert status in {201, 503}
                count += status == 201
        return count

    async def write(one: str, other: str) -> int:
        done = asyncio.Event()
        async with connection(other) as writer:
            assert (await writer.post("/v1/events", {"events": openings()}))[0] == 201
            small = [asyncio.create_task(write_small(one, seed, done)) for seed in range(WRITERS)]
            large = [
                [event | {"item": f"{event['item']}-{n}"} for event in facts(100 + n, 1_000)] for n in range(BATCHES)
            ]
            statuses = [(await writer.post("/v1/events", {"events": batch}))[0] for batch in large]
            done.set()
            assert statuses == [201] * BATCHES
            return sum(await asyncio.gather(*small))

    with serving_together([migrated_sqlite_url] * 2) as (one, other):
        count = asyncio.run(write(one.url, other.url))
        figure(f"{BATCHES} batches of 1,000 got through beside {count} single events")
        with plain_client(one.url) as asking:
            assert asking.get("/readyz").json()["head"] == len(openings()) + BATCHES * 1_000 + count


@pytest.mark.row(29)
@pytest.mark.anyio
async def test_who_holds_the_lock_decides_and_commits_in_it(migrated_sqlite_url: str) -> None:
    """Within `locked` others wait, and what is committed is stored when it ends; an error undoes it."""
    first, second = openings()[:2]

    async def write_and_fail() -> None:
        async with ledger.database.locked():
            await ledger.database.execute("UPDATE head SET epoch = 70 WHERE id = 1")
            raise RuntimeError

    async with opened(migrated_sqlite_url) as ledger, opened(migrated_sqlite_url) as other:
        ((before,),) = await ledger.database.fetch("SELECT epoch FROM head")
        async with ledger.database.locked():
            waiting = asyncio.create_task(other.append([second]))
            assert await asyncio.wait([waiting], timeout=0.5) == (set(), {waiting})
            await ledger.database.execute("UPDATE head SET epoch = epoch + 1 WHERE id = 1")
        assert (await waiting).events[0].position == 1
        with pytest.raises(RuntimeError):
            await write_and_fail()
        assert await ledger.database.fetch("SELECT epoch FROM head") == [(before + 1,)]
        assert (await ledger.append([first])).events[0].position == 2


@pytest.mark.row(41)
@pytest.mark.anyio
async def test_a_write_lock_that_another_process_keeps(
    migrated_sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An append and a lock are refused when they have waited long enough, and go through when the lock is free."""
    monkeypatch.setattr("service.storage.sqlite.WRITE_SECONDS", 0.3)
    monkeypatch.setattr("service.append.retries.RECOVER_SECONDS", 0.5)
    async with opened(migrated_sqlite_url) as ledger:
        with write_locked(migrated_sqlite_url):
            with pytest.raises(Unavailable):
                await ledger.append(openings())
            with pytest.raises(Lost):
                async with ledger.database.locked():
                    pass
        assert (await ledger.append(openings())).events[0].position == 1


@pytest.mark.attack
@pytest.mark.row(41)
def test_a_service_answers_and_stops_beside_a_writer_that_does_not_end(
    migrated_sqlite_url: str, figure: Callable[[str], None]
) -> None:
    """A POST answers 503 within seconds, reads go on, and SIGTERM waits no longer than for the requests under way."""
    with serving(migrated_sqlite_url) as server, plain_client(server.url) as asking:
        with write_locked(migrated_sqlite_url):
            began = time.monotonic()
            assert asking.post("/v1/events", json={"events": openings()}).status_code == 503
            waited = time.monotonic() - began
            assert asking.get("/v1/issues").status_code == 200
            began = time.monotonic()
            assert server.stop() in {0, -signal.SIGTERM}
            figure(f"503 after {waited:.1f} s, SIGTERM ends it after {time.monotonic() - began:.1f} s")
            assert waited < 15
            assert time.monotonic() - began < 15
        server.start()


@pytest.mark.row(6)
@pytest.mark.parametrize("there", [True, False])
def test_a_file_that_is_replaced_takes_no_more_writes(migrated_sqlite_url: str, *, there: bool) -> None:
    """Commits and /readyz answer 503, and the log says what to do; so too when the file is moved away."""
    live = Path(path_of(migrated_sqlite_url))
    with serving(migrated_sqlite_url) as server, plain_client(server.url) as asking:
        assert asking.post("/v1/events", json={"events": openings()}).status_code == 201
        if there:
            with closing(sqlite3.connect(live)) as source, closing(sqlite3.connect(f"{live}.backup")) as backup:
                source.backup(backup)
            Path(f"{live}.backup").rename(live)
        else:
            live.rename(f"{live}.away")
        assert asking.post("/v1/events", json={"events": facts(1, 1)}).status_code == 503
        assert asking.get("/readyz").status_code == 503
        assert server.log_with("move away the files -wal and -shm").count("database.replaced") == 1
        server.kill()
        if there:
            for part in ("-wal", "-shm"):
                Path(f"{live}{part}").unlink(missing_ok=True)
            server.start()
            with plain_client(server.url) as again:
                assert again.get("/readyz").json()["head"] == len(openings())
                assert again.post("/v1/events", json={"events": facts(1, 1)}).status_code == 201


@pytest.mark.row(6)
def test_a_damaged_file_is_refused_in_one_line(migrated_sqlite_url: str) -> None:
    """A file whose pages were mixed up, as by the -wal of another, is not served."""
    live = Path(path_of(migrated_sqlite_url))

    async def fill() -> None:
        async with opened(migrated_sqlite_url) as ledger:
            await ledger.append(openings())
            await ledger.append(facts(1, 300))

    asyncio.run(fill())
    content = bytearray(live.read_bytes())
    pages = len(content) // 4_096
    for page in range(pages // 2, pages):
        content[page * 4_096 : page * 4_096 + 8] = b"\x0d\x00\x00\xff\xff\x00\x01\x00"
    shutil.copy(live, f"{live}.good")
    live.write_bytes(content)
    result = CliRunner().invoke(cli, ["serve", "--port", "0"], env={"PARLEY_DATABASE_URL": migrated_sqlite_url})
    assert (result.exit_code, len(result.output.splitlines())) == (2, 1)
    assert "damaged" in result.output
