"""What a failed commit means for the next try: what to look for in the log, and until when to go on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from service.storage.database import Lost

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.append.request import Request

RECOVER_SECONDS = 5.0
"""How long a group is tried again, from the beginning of a try that was lost. Then all who wait are to try again."""
ONCE_SECONDS = 0.5
"""How long it is tried again where the lost try took longer than that: another server may have taken over."""


def note(error: BaseException | None, group: Sequence[Request]) -> None:
    """Note for the next try, after a failed commit, what to look for in the log."""
    for request in group:
        request.note(error)


def until(error: BaseException | None, began: float) -> float | None:
    """Return until when what `began` and was lost is tried again, by the clock of the loop; None after other errors."""
    if not isinstance(error, Lost):
        return None
    return max(began + RECOVER_SECONDS, asyncio.get_running_loop().time() + ONCE_SECONDS)
