"""What was compared with the oracle, and what was followed, in all test processes; printed when they are done."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

compared: Counter[str] = Counter()
"""How many answers were compared, by kind of answer; `disagreements` among them."""
DISAGREEMENTS = "disagreements"
FOLLOWED, KILLS = "events followed", "kills"
"""Events that the readers of a race got, each once and in order; how often something was killed during it."""
RUNS, STEPS, BY_MACHINES = "machine runs", "machine steps", "answers by machines"
"""Programs that state machines have run, their steps, and the answers compared between the steps."""


@contextmanager
def comparing(kind: str) -> Iterator[None]:
    """Count what is compared within; what differs fails the test, and is counted too."""
    try:
        yield
    except AssertionError:
        compared[DISAGREEMENTS] += 1
        raise
    compared[kind] += 1


def answers(found: Counter[str]) -> int:
    """Count the answers compared, of every kind."""
    return sum(_by_kind(found).values())


def _by_kind(found: Counter[str]) -> dict[str, int]:
    others = {DISAGREEMENTS, FOLLOWED, KILLS, RUNS, STEPS, BY_MACHINES}
    return {kind: count for kind, count in found.items() if kind not in others}


def summary(found: Counter[str]) -> Iterator[str]:
    """Write what was compared, by whom, and what was followed, each in one line."""
    if kinds := _by_kind(found):
        counts = ", ".join(f"{count:,} {kind}" for kind, count in sorted(kinds.items()))
        yield f"compared with the oracle: {counts}; disagreements: {found[DISAGREEMENTS]}"
    if found[RUNS]:
        yield (
            f"by state machines: {found[BY_MACHINES]:,} of these answers, "
            f"in {found[RUNS]:,} runs of {found[STEPS]:,} steps together"
        )
    if found[FOLLOWED]:
        yield f"followed through {found[KILLS]} kills: {found[FOLLOWED]:,} events; missed 0, doubled 0, reordered 0"
