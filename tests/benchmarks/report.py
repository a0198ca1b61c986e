"""The tables that a benchmark prints: medians over the rounds, with the least and the most."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.measure import ROUNDS, spread

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

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
    for name, ratio in found:
        print(f"| {name} | {ratio.middle:.2f} | {ratio.least:.2f}-{ratio.most:.2f} |")


def growth(title: str, samples: Mapping[Cell, list[Sample]], sizes: Sequence[int]) -> dict[str, tuple[float, float]]:
    """Print p50 and p99 of each question at each size, in ms, and the largest size's over the smallest's; return these.

    A cell is a question and the events of its ledger; a figure is the median over the rounds.
    """
    rounds = max(len(cell) for cell in samples.values())
    print(f"\n### {title} (p50 / p99 in ms, medians of {rounds} interleaved round{'s' if rounds > 1 else ''})\n")
    print(f"| {'':<58} | " + " | ".join(f"{size:>13,}" for size in sizes) + " |      p50 |      p99 |")
    print("| --- |" + " ---: |" * (len(sizes) + 2))
    found: dict[str, tuple[float, float]] = {}
    for name in dict.fromkeys(name for name, _ in samples):
        at = {size: percentiles(samples[name, size]) for size in sizes if (name, size) in samples}
        shown = [f"{at[size][0]:.2f} / {at[size][1]:.2f}" if size in at else "-" for size in sizes]
        least, most = at[min(at)], at[max(at)]
        found[name] = most[0] / least[0], most[1] / least[1]
        grown = " | ".join(f"x {each:6.2f}" if len(at) > 1 else f"{'-':>8}" for each in found[name])
        print(f"| {name:<58} | " + " | ".join(f"{each:>13}" for each in shown) + f" | {grown} |")
    return found


def percentiles(cell: Iterable[Sample]) -> tuple[float, float]:
    """Return p50 and p99 in ms, medians over the rounds."""
    samples = list(cell)
    p50, p99 = (spread(sample.percentile(percent) for sample in samples).middle for percent in (50, 99))
    return p50, p99
