"""How often a process looks for garbage in cycles: what begins the process decides, for it holds for all of it."""

from __future__ import annotations

import gc

THRESHOLDS = 20_000, 2, 1_000
"""New objects between two looks for cycles among them; how many of these until a look at all that is younger than the
last such look, and of those until one at everything. The first two make everybody wait for 20 ms at most."""


def collect_seldom() -> None:
    """Look for cycles seldom, and not through what is there already.

    What is made of rows lives long and holds none, and looking through it cost a fifth of an append.
    """
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
