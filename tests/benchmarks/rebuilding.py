"""A rebuild in a process of its own: `python -m tests.benchmarks.rebuilding DATABASE_URL` prints what it took.

The projections are read before and after for their digests; that is not in the rate. Memory is the most that the
process held of its own while it projected, and what it held before: pages of the file that are mapped do not count.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import msgspec

from service import rebuild as rebuilding
from service.storage.connect import connect
from tests.benchmarks.ours import runner

ROOT = Path(__file__).resolve().parents[2]


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
    command = [sys.executable, "-m", "tests.benchmarks.rebuilding", url]
    run = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return msgspec.json.decode(run.stdout, type=Took)


def _held() -> float:
    status = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith("RssAnon")).split()[1]) / 1_024


async def _rebuild(url: str) -> Took:
    database = connect(url)
    await database.open()
    try:
        begun = time.perf_counter(), time.process_time()
        await rebuilding.digest(database)
        digest = time.perf_counter() - begun[0], time.process_time() - begun[1]
        held = [_held()]
        begun = time.perf_counter(), time.process_time()
        told = await rebuilding.rebuild(database, lambda *_: held.append(_held()))
        took = time.perf_counter() - begun[0], time.process_time() - begun[1]
    finally:
        await database.close()
    seconds, cpu = (whole - 2 * part for whole, part in zip(took, digest, strict=True))
    return Took(told.events, told.same, seconds, cpu, digest[0], held[0], max(held))


def main() -> None:
    """Rebuild, and write what it took."""
    with runner() as loop:
        sys.stdout.buffer.write(msgspec.json.encode(loop.run(_rebuild(sys.argv[1]))))


if __name__ == "__main__":
    main()
