"""A rebuild in a process of its own: `python -m tests.benchmarks.rebuilding DATABASE_URL` prints what it took.

The projections are read before and after for their digests; that is not in the rate. Memory is the most that the
process had of its own while it projected, and what it had before: pages of the file that are mapped do not count.

With a second URL, of an empty ledger, the rows of the projections are copied there instead: what is left of a rebuild
when nothing has to be computed.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from service.rebuild import rebuild as rebuilding
from service.storage.connect import opened
from service.storage.database import Commit
from service.storage.tables import PROJECTIONS
from service.views.shape import SHAPE
from tests.benchmarks.ours import runner

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from service.storage.database import Database

ROOT = Path(__file__).resolve().parents[2]
ROWS = 5_000


class Took(msgspec.Struct):
    """What a rebuild took: seconds by the clock and of this process's CPU, digests apart; MB of memory."""

    events: int
    same: bool
    seconds: float
    cpu: float
    digests: float
    before: float
    most: float


def rebuilt(url: str) -> Took:
    """Rebuild a ledger in place, in a new process."""
    return msgspec.json.decode(_run(url), type=Took)


def copied(url: str, empty: str) -> float:
    """Copy the rows of a ledger's projections into an empty one, in a new process; return the seconds of its CPU."""
    return msgspec.json.decode(_run(url, empty), type=float)


def _run(*urls: str) -> bytes:
    command = [sys.executable, "-m", "tests.benchmarks.rebuilding", *urls]
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout


def _memory() -> float:
    status = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith("RssAnon")).split()[1]) / 1_024


async def _rebuild(url: str) -> Took:
    async with opened(url) as database:
        begun = time.perf_counter(), time.process_time()
        await rebuilding.digest(database)
        digest = time.perf_counter() - begun[0], time.process_time() - begun[1]
        memory = [_memory()]
        begun = time.perf_counter(), time.process_time()
        done = await rebuilding.rebuild(database, lambda *_: memory.append(_memory()))
        took = time.perf_counter() - begun[0], time.process_time() - begun[1]
    seconds, cpu = (whole - 2 * part for whole, part in zip(took, digest, strict=True))
    return Took(done.events, done.same, seconds, cpu, digest[0], memory[0], max(memory))


async def _copy(url: str, empty: str) -> float:
    async with opened(url) as database, opened(empty) as other:
        begun = time.process_time()
        await other.replace(_rows(database), SHAPE)
        return time.process_time() - begun


async def _rows(database: Database) -> AsyncGenerator[Commit, None]:
    for table in PROJECTIONS:
        commit = Commit()
        rows = commit.rows[table]
        async for row in rebuilding.rows(database, table):
            rows.append(row)
            if len(rows) == ROWS:
                yield commit
                rows.clear()
        yield commit


def main() -> None:
    """Rebuild or copy, and write what it took."""
    url, *empty = sys.argv[1:]
    with runner() as loop:
        took = loop.run(_copy(url, *empty) if empty else _rebuild(url))
    sys.stdout.buffer.write(msgspec.json.encode(took))


if __name__ == "__main__":
    main()
