"""Samples, taken in rounds: every contender once, then again, so that a slow minute hits all alike."""

from __future__ import annotations

import gc
import os
from collections import defaultdict
from dataclasses import dataclass
from statistics import median, quantiles
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

ROUNDS = int(os.environ.get("PARLEY_BENCH_ROUNDS", "5"))
SECONDS = float(os.environ.get("PARLEY_BENCH_SECONDS", "1.5"))
"""How long one contender is measured in one round."""


@dataclass(slots=True)
class Sample:
    """What one contender did in one round; latencies in seconds, one for each call."""

    seconds: float
    latencies: list[float]

    @property
    def rate(self) -> float:
        """Calls a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, percent: int) -> float:
        """Return the latency, in milliseconds, that so many of a hundred calls do not exceed."""
        values = self.latencies if len(self.latencies) > 1 else self.latencies * 2
        return quantiles(values, n=100, method="inclusive")[percent - 1] * 1_000


class Spread(NamedTuple):
    """A figure over several rounds."""

    middle: float
    least: float
    most: float


def spread(values: Iterable[float]) -> Spread:
    """Sum up the rounds."""
    figures = list(values)
    return Spread(median(figures), min(figures), max(figures))


Cell = tuple[str, int]
"""A contender's name and its number of writers (or connections)."""


def rounds(
    cells: Mapping[Cell, Callable[[], Sample]], *, between: Callable[[], None] = lambda: None
) -> dict[Cell, list[Sample]]:
    """Measure every cell once a round; `between` runs before each, outside the time."""
    samples: dict[Cell, list[Sample]] = defaultdict(list)
    for _ in range(ROUNDS):
        for cell, run in cells.items():
            between()
            gc.collect()
            samples[cell].append(run())
    return samples


def ratio(over: list[Sample], under: list[Sample]) -> Spread:
    """Compare two contenders round by round."""
    return spread(one.rate / other.rate for one, other in zip(over, under, strict=True))
