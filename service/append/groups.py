"""Which of the waiting requests are committed together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections import deque
    from collections.abc import Sequence
    from uuid import UUID

    from service.append.attempt import Attempt
    from service.append.request import Request

GROUP_EVENTS = 2_000
"""A group takes requests until it holds this many events."""
SPLIT_FROM = 8
"""With this many requests waiting and none being committed, half are taken; the rest is decided during the commit."""


@dataclass(eq=False, slots=True)
class Flight:
    """A group that is being committed."""

    group: list[Request]
    attempt: Attempt
    stored: asyncio.Task[bool]
    began: float


def next_group(queue: deque[Request], flight: Sequence[Request] | None) -> list[Request]:
    """Take what fits into one commit from a queue, while `flight` is being committed.

    Requests with an id or a key in common are never decided side by side.
    """
    group: list[Request] = []
    size = 0
    taken: set[UUID | bytes] = set().union(*[request.marks for request in flight or ()])
    most = len(queue) if flight or len(queue) < SPLIT_FROM else len(queue) // 2
    while queue and len(group) < most:
        request = queue[0]
        apart = request.recorded_at is not None and (group or flight)
        if apart or not taken.isdisjoint(request.marks) or (group and size + len(request.events) > GROUP_EVENTS):
            break
        queue.popleft()
        if request.answer.cancelled():
            continue
        group.append(request)
        size += len(request.events)
        taken |= request.marks
        if request.recorded_at is not None:
            break
    return group
