"""How many answers were compared with the oracle's, over all test processes; printed when the tests are done."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

compared: Counter[str] = Counter()
"""Answers compared, by kind of answer; `disagreements` among them."""
DISAGREEMENTS = "disagreements"


@contextmanager
def comparing(kind: str) -> Iterator[None]:
    """Count what is compared within; what differs fails the test, and is counted too."""
    try:
        yield
    except AssertionError:
        compared[DISAGREEMENTS] += 1
        raise
    compared[kind] += 1


def summary(found: Counter[str]) -> str:
    """Write what was compared in one line."""
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(found.items()) if kind != DISAGREEMENTS)
    return f"compared with the oracle: {kinds}; disagreements: {found[DISAGREEMENTS]}"
