"""What was compared with the oracle, and what was followed, in all test processes; printed when they are done."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

compared: Counter[str] = Counter()
"""Answers compared, by kind of answer; `disagreements` among them."""
DISAGREEMENTS = "disagreements"
FOLLOWED, KILLS = "events followed", "kills"
"""Events that the readers of a race were handed, each once and in order; how often something was killed meanwhile."""


@contextmanager
def comparing(kind: str) -> Iterator[None]:
    """Count what is compared within; what differs fails the test, and is counted too."""
    try:
        yield
    except AssertionError:
        compared[DISAGREEMENTS] += 1
        raise
    compared[kind] += 1


def summary(found: Counter[str]) -> Iterator[str]:
    """Write what was compared and what was followed, each in one line."""
    answers = {kind: count for kind, count in found.items() if kind not in {DISAGREEMENTS, FOLLOWED, KILLS}}
    if answers:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(answers.items()))
        yield f"compared with the oracle: {kinds}; disagreements: {found[DISAGREEMENTS]}"
    if found[FOLLOWED]:
        yield f"followed through {found[KILLS]} kills: {found[FOLLOWED]:,} events; missed 0, doubled 0, reordered 0"
