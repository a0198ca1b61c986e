"""Another install of Parley appends beside this one: an older commit, or the compiled wheel, each by its own Python.

`PARLEY_BENCH_INSTALLS=before:../main,compiled:build/compiled` names them, with the folders that have their `.venv` and
`tests/benchmarks`. This module is both ends: run as a script, with another install's Python in its folder, it appends
with what that has in `tests.benchmarks.ours`, as its standard input asks.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from tests.benchmarks.measure import Sample


class Install(NamedTuple):
    """An install of Parley: its name in the tables, and its folder."""

    name: str
    folder: Path


def installs() -> list[Install]:
    """Return the installs to measure beside this one."""
    named = filter(None, os.environ.get("PARLEY_BENCH_INSTALLS", "").split(","))
    return [Install(name, Path(folder).resolve()) for name, _, folder in (each.partition(":") for each in named)]


class Elsewhere:
    """A process of another install, which appends in process or over HTTP."""

    def __init__(self, install: Install, database_url: str, way: str) -> None:
        """`way` is the name of the class in `tests.benchmarks.ours`."""
        self._install, self._asked = install, [database_url, way]
        self._process: subprocess.Popen[str]

    def __enter__(self) -> Self:
        """Start it, and wait until its ledger is filled."""
        folder = self._install.folder
        command = [str(folder / ".venv" / "bin" / "python"), __file__, *self._asked]
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answer()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End it."""
        self._process.communicate()

    def run(self, writers: int, seconds: float) -> Sample:
        """Append for so long."""
        from tests.benchmarks.measure import Sample  # noqa: PLC0415 - the script has another install's

        assert self._process.stdin is not None
        self._process.stdin.write(f"{writers} {seconds}\n")
        self._process.stdin.flush()
        return Sample(*json.loads(self._answer()))

    def _answer(self) -> str:
        assert self._process.stdout is not None
        if not (line := self._process.stdout.readline()):
            msg = f"the install {self._install.name} ended"
            raise RuntimeError(msg)
        return line


def main(database_url: str, way: str) -> None:
    """Append as asked, until there is no more to read."""
    from tests.benchmarks import ours  # noqa: PLC0415 - that of the folder it is run in
    from tests.benchmarks.workload import Workload  # noqa: PLC0415

    with getattr(ours, way)(database_url, Workload()) as contender:
        print("ready", flush=True)
        for line in sys.stdin:
            writers, seconds = line.split()
            sample = contender.run(int(writers), float(seconds))
            print(json.dumps([sample.seconds, sample.latencies]), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
