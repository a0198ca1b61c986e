"""Run the soak: `python -m tests.soak --seconds 1200`, or `make soak`. Exit code 1 when a bound is passed.

Three servers on PostgreSQL: six clients append, correct, retract, report and dispute; four ask with pinned D and K and
keep the answers; followers read by pages, event stream, NDJSON, a consumer, a webhook and the relay. Servers and the
database are killed, stopped, paused and cut off, projections are rebuilt, and once the primary fails for good and its
standby takes its place. At the end everything that was acknowledged must be in the log once, where it was acknowledged.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import secrets
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tests.load.running import ended_well
from tests.soak.soak import Soak, cluster

if TYPE_CHECKING:
    from tests.load.findings import Findings
    from tests.soak.faults import Cluster

BREAKS_OFF = 130
"""The exit code after Ctrl-C or SIGTERM."""


def soak(seconds: float, seed: int, *, pauses: bool, logs: Path | None) -> Findings:
    """Run it; SIGTERM breaks it off as Ctrl-C does, with KeyboardInterrupt. No process is left."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="parley-soak-") as folder, cluster(Path(folder)) as running:
        findings = asyncio.run(work(running, seconds, seed, pauses=pauses))
        ended_well(running, findings, logs)
    findings.count("MB of memory that the soak itself took", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10)
    return findings


async def work(running: Cluster, seconds: float, seed: int, *, pauses: bool) -> Findings:
    """Run the part that is asynchronous; a signal cancels it."""
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await Soak(running, seed, pauses=pauses).run(seconds)


def main() -> int:
    """Read the options, run, and print the table."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--seconds", type=float, default=1_200, help="seconds under faults (1200)")
    options.add_argument("--seed", type=int, help="decides what is recorded, asked and broken (random)")
    options.add_argument("--pauses", action="store_true", help="let the database fall silent too")
    options.add_argument("--logs", type=Path, help="a folder for the logs of servers and relay")
    chosen = options.parse_args()
    if chosen.logs is not None:
        chosen.logs.mkdir(parents=True, exist_ok=True)
    seed = secrets.randbelow(10**6) if chosen.seed is None else chosen.seed
    print(f"soak of {chosen.seconds:.0f} s, seed {seed}", flush=True)
    with suppress(KeyboardInterrupt, asyncio.CancelledError):
        findings = soak(chosen.seconds, seed, pauses=chosen.pauses, logs=chosen.logs)
        for name, size, bound in findings.table():
            limit = "" if bound is None else f"at most {bound}"
            mark = "  <-- too many" if bound is not None and size > bound else ""
            print(f"{name:55} {size:8} {limit}{mark}")
        wrong = ", ".join(name for name, size, bound in findings.table() if bound is not None and size > bound)
        print(f"the soak FAILED (seed {seed}): {wrong}" if wrong else "the soak holds")
        return 1 if wrong else 0
    print("broken off")
    return BREAKS_OFF


if __name__ == "__main__":
    sys.exit(main())
