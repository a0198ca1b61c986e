"""The tables that a benchmark prints: medians over the rounds, with the least and the most."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.measure import ROUNDS, spread

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.benchmarks.measure import Cell, Sample, Spread

_ROW = "| {:<42} | {:>4} | {:>7} | {:>15} | {:>8} | {:>8} |"


def machine() -> str:
    """Name the machine in a line."""
    cpus = Path("/proc/cpuinfo")
    lines = cpus.read_text().splitlines() if cpus.exists() else []
    model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
    return f"{os.cpu_count()} x {model}, {platform.system()} {platform.release()}, Python {platform.python_version()}"


def table(title: str, samples: Mapping[Cell, list[Sample]], *, unit: str, clients: str) -> None:
    """Print a row for each cell."""
    longest = max(sample.seconds for cell in samples.values() for sample in cell)
    print(f"\n### {title} ({ROUNDS} interleaved rounds of up to {longest:.1f} s, medians)\n")
    print(_ROW.format("", clients[:4], unit, "least-most", "p50 ms", "p99 ms"))
    print(_ROW.format("---", "---:", "---:", "---:", "---:", "---:"))
    for (name, writers), cell in samples.items():
        rate = spread(sample.rate for sample in cell)
        p50, p99 = (spread(sample.percentile(percent) for sample in cell).middle for percent in (50, 99))
        between = f"{rate.least:,.0f}-{rate.most:,.0f}"
        print(_ROW.format(name, writers, f"{rate.middle:,.0f}", between, f"{p50:.2f}", f"{p99:.2f}"))


def ratios(found: Iterable[tuple[str, Spread]]) -> None:
    """Print ratios, each a median over the rounds."""
    print("\n| ratio, round by round | median | least-most |\n|---|---:|---:|")
    for name, held in found:
        print(f"| {name} | {held.middle:.2f} | {held.least:.2f}-{held.most:.2f} |")
