"""Break a cluster under load: `python -m tests.failover`, or `make failover`. Exit code 1 when a bound is passed.

Each failure has a cluster of its own: a PostgreSQL with two standbys, JetStream on three servers, three services (one
reads from a standby), a relay. Clients write, ask and follow for some seconds, the failure comes, and they go on. At
the end everything that was acknowledged must be in the log once, where it was acknowledged, and the projections must be
those that the log gives. Two failures lose what was acknowledged: then everybody who had gone further must be refused.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from tests.failover.cluster import cluster
from tests.failover.rows import HEADING, LEGEND, Row
from tests.failover.run import Run
from tests.failover.scenarios import SCENARIOS
from tests.failover.set_back import SET_BACK
from tests.load.running import SHOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.failover.run import Scenario

ALL = (*SCENARIOS, *SET_BACK)
BREAKS_OFF = 130
"""The exit code after Ctrl-C or SIGTERM."""


def failed(scenario: Scenario, seed: int, seconds: float, logs: Path | None) -> Row | None:
    """Run one failure in a cluster of its own; None where something never went on."""
    print(f"{scenario.name}: {scenario.says}", flush=True)
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="parley-failover-") as name,
        cluster(Path(name), scenario.room, synchronous=scenario.synchronous) as running,
    ):
        print(f"  the cluster is up ({time.monotonic() - began:.1f} s)", flush=True)
        try:
            row = asyncio.run(Run(running, seed, seconds).run(scenario))
        except* (TimeoutError, AssertionError):
            traceback.print_exc()
            print("the end of the relay's log:", running.relay.log()[-SHOWN:], sep="\n", flush=True)
            row = None
        finally:
            if logs is not None:
                _keep(logs / scenario.name, running)
    print(f"  done ({time.monotonic() - began:.1f} s)", flush=True)
    return row


def _keep(folder: Path, running: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in vars(running).items():
        for number, process in enumerate(value if isinstance(value, list) else [value]):
            if hasattr(process, "log"):
                (folder / f"{name}{number}.log").write_text(process.log())


def failures(chosen: Sequence[str], seed: int, seconds: float, logs: Path | None) -> bool:
    """Run the failures that are chosen, print the table, and return whether every bound holds."""
    rows: list[str] = []
    good = True
    for scenario in ALL:
        if chosen and scenario.name not in chosen:
            continue
        if why := scenario.missing():
            rows.append(f"{scenario.name:14} left out: {why}")
            continue
        row = failed(scenario, seed, seconds, logs)
        good = good and row is not None and row.good
        rows.append(row.text() if row else f"{scenario.name:14} did not go on  FAILED")
        print(HEADING, rows[-1], sep="\n", flush=True)
    print("", HEADING, *rows, LEGEND, sep="\n")
    return good


def main() -> int:
    """Read the options, run, and print the table."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    names = [scenario.name for scenario in ALL]
    options.add_argument("--only", action="append", choices=names, default=[], help="one failure; may be repeated")
    options.add_argument("--seconds", type=float, default=6, help="seconds of load before and after each (6)")
    options.add_argument("--seed", type=int, help="decides what is recorded and asked (random)")
    options.add_argument("--logs", type=Path, help="a folder for the logs of the processes")
    chosen = options.parse_args()
    seed = secrets.randbelow(10**6) if chosen.seed is None else chosen.seed
    print(f"failures with {chosen.seconds:.0f} s of load before and after each, seed {seed}", flush=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        good = failures(chosen.only, seed, chosen.seconds, chosen.logs)
    except KeyboardInterrupt:
        print("broken off")
        return BREAKS_OFF
    print("every bound holds" if good else f"a bound was passed (seed {seed})")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
