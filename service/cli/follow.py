"""The reference consumer: follows the feed over HTTP, handles each event, and only then moves its cursor.

At least once: an event that was handled but not yet recorded in the cursor when the process was killed is handled
again; none is missed. Any client can do the same with two requests: `GET /v1/feed` and `PUT /v1/consumers/{consumer}`.
"""

from __future__ import annotations

import asyncio
import os
import subprocess  # for --exec  # nosec B404
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

import httpx
import structlog

from service.cli.feed_client import Cursor, FeedClient, Halted
from service.cli.signals import Signals, Stopped

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from service.cli.feed_client import FollowedPage, PageRead, Texts

WAIT_SECONDS = 30
"""How long the feed may hold back an answer until an event follows."""
TIMEOUT = httpx.Timeout(2 * WAIT_SECONDS, connect=10)
POSITION_VARIABLE = "PARLEY_POSITION"
LISTED_MAX = 5
"""Positions that an error message lists."""

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The feed to follow and what to do with it.

    Without a `command` events are written; without a `consumer` the position is kept nowhere. A new consumer begins
    after the position `after`, or at the time `since`. `filters` are parameters of the feed, `limit` events are asked
    for at a time, `once` ends at the head. `key` is sent with every request, if there is one.
    """

    url: str
    key: str = field(default="", repr=False)
    consumer: str | None = None
    command: Sequence[str] = ()
    after: int | None = None
    since: str | None = None
    filters: Mapping[str, str]
    limit: int
    once: bool = False


async def run(plan: Plan, out: BinaryIO) -> None:
    """Follow until a signal comes, or once to the head; raises Halted when that is impossible or would be wrong."""
    signals = Signals()
    headers = {"Authorization": f"Bearer {plan.key}"} if plan.key else {}
    async with httpx.AsyncClient(base_url=plan.url, timeout=TIMEOUT, headers=headers) as http:
        client = FeedClient(http, signals)
        cursor = Cursor(client, plan.consumer, plan.after or 0, plan.since)
        query: dict[str, str | int] = {"limit": plan.limit, "wait": 0 if plan.once else WAIT_SECONDS, **plan.filters}
        with suppress(Stopped):
            await cursor.find()
            logger.info("follow.started", url=plan.url, consumer=plan.consumer, after=cursor.position)
            while not signals.came:
                read = await client.read(cursor.place, query)
                page = read.page
                _check(page, cursor.position, whole=not plan.filters)
                await _pass_on(read, plan, cursor, signals, out)
                if plan.once and page.next >= page.head:
                    break
    logger.info("follow.stopped", consumer=plan.consumer)


async def _pass_on(read: PageRead, plan: Plan, cursor: Cursor, signals: Signals, out: BinaryIO) -> None:
    """Handle the events of a page and move the cursor: after each event with a command, else after the page.

    Commands and writing run in a thread, so that a second signal takes effect while they do.
    """
    if plan.command:
        for event, text in zip(read.page.events, read.texts.events, strict=True):
            await asyncio.to_thread(_execute, plan.command, event.position, bytes(text) + b"\n")
            await cursor.move(event.place)
            if signals.came:
                return
    else:
        await asyncio.to_thread(_write, read.texts, out)
    await cursor.move(read.place)


def _check(page: FollowedPage, after: int, *, whole: bool) -> None:
    """Check that no event is missing and none comes twice; of a filtered feed, only that the order is right."""
    positions = [event.position for event in page.events]
    if whole:
        sound = positions == list(range(after + 1, after + 1 + len(positions))) and page.next == after + len(positions)
    else:
        places = [after, *positions, page.next]
        sound = sorted(set(places[:-1])) == places[:-1] and places[-1] >= places[-2]
    if not sound:
        msg = (
            f"the feed has a gap or is out of order: after position {after} came {_listed(positions)}; "
            f"it goes on after {page.next}"
        )
        raise Halted(msg)


def _listed(positions: Sequence[int]) -> str:
    listed = ", ".join(map(str, positions[:LISTED_MAX])) or "no event"
    return listed if len(positions) <= LISTED_MAX else f"{listed} … {positions[-1]}"


def _write(texts: Texts, out: BinaryIO) -> None:
    """Write each event of a page as a line."""
    out.writelines(bytes(text) + b"\n" for text in texts.events)
    out.flush()


def _execute(command: Sequence[str], position: int, line: bytes) -> None:
    """Run the command with an event on its input; raises Halted when it does not end with exit code 0."""
    environment = os.environ | {POSITION_VARIABLE: str(position)}  # noqa: TID251 - the command gets our environment
    try:
        # A group of its own: Ctrl-C is for us, and the command finishes its event.
        done = subprocess.run(command, input=line, env=environment, check=False, process_group=0)  # noqa: S603 - the user's own command  # nosec B603
    except OSError as error:
        msg = f"event {position} is not handled: {command[0]}: {error.strerror}"
        raise Halted(msg) from error
    if done.returncode:
        how = f"exit code {done.returncode}" if done.returncode > 0 else f"signal {-done.returncode}"
        msg = f"event {position} is not handled: {command[0]} ended with {how}"
        raise Halted(msg)
