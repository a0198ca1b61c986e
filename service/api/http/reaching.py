"""The header Min-Position: a read waits until the log has reached a position, so that a client reads its own writes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from service.api.http.moments import POSITION_MAX
from service.api.http.problems import RETRY_AFTER, BadRequest, EdgeRefused
from service.api.http.requests import field_of, services_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.api.http.requests import AnyRequest

REACH_SECONDS = 2.0
"""How long a read waits."""
LOOK_SECONDS = 0.05


class NotReached(EdgeRefused):
    """The log has not reached the position that the client asks for."""

    kind = "unavailable"
    headers: Mapping[str, str] = {"Retry-After": str(RETRY_AFTER)}


async def reach(request: AnyRequest) -> None:
    """Wait until the log has the position that Min-Position names; raises NotReached when it has it not in time."""
    written = field_of(request, b"min-position")
    if written is None:
        return
    if not (written.isascii() and written.isdecimal()) or len(written) > len(str(POSITION_MAX)):
        detail = f"Min-Position is a position, a number as Ledger-Position has it, not {written[:60]}."
        raise BadRequest(detail)
    wanted, heads, loop = int(written), services_of(request).heads, asyncio.get_running_loop()
    until = loop.time() + REACH_SECONDS
    while (position := (await heads.read()).position) < wanted:
        if loop.time() >= until:
            detail = f"The log has reached {position} here, not {wanted} yet."
            raise NotReached(detail)
        await asyncio.sleep(LOOK_SECONDS)
