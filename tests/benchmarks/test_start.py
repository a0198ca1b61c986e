"""What a command and the service take to start, in CPU time, beside the libraries that they would load in vain."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

from tests.benchmarks.measure import ROUNDS, spread

pytestmark = pytest.mark.benchmark

STARTS = {
    "python alone": ["-c", ""],
    "python with sqlmodel": ["-c", "import sqlmodel"],
    "parley --help": ["-m", "service", "--help"],
    "the service and all commands, loaded": ["-c", "import service.app; import service.cli"],
}


def test_starts() -> None:
    """Help is there sooner than SQLModel alone would be loaded."""
    taken: dict[str, list[float]] = {name: [] for name in STARTS}
    for _ in range(2 * ROUNDS):
        for name, words in STARTS.items():
            taken[name].append(_seconds(words))
    print("\n### Starts (interleaved rounds, CPU ms: median, least and most)\n")
    for name, seconds in taken.items():
        middle, least, most = spread(seconds)
        print(f"| {name:<44} | {1_000 * middle:>6.0f} | {1_000 * least:>6.0f} | {1_000 * most:>6.0f} |")
    assert min(taken["parley --help"]) < min(taken["python with sqlmodel"])


def _seconds(words: list[str]) -> float:
    """Run Python; return the CPU time that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
