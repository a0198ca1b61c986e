"""Groups made by several processes. Each is given one at a time, and ends with the process that gives them.

    python -m service.rebuild.workers

is one of them: it reads a line of JSON for its work, then one for each group, and writes how many events that has.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from service.garbage import collect_seldom
from service.rebuild.groups import make_group
from service.storage import connect
from service.storage.next_tables import CannotRebuild

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator, Callable

LINE_MAX = 2**26
"""Bytes of a line: the items of a group, which corrections can join without end."""


class Work(msgspec.Struct):
    """What a worker is for: a database, and a rebuild of it by its plan."""

    url: str
    plan: str


class GroupOfItems(msgspec.Struct, array_like=True):
    """A group of items by its number."""

    number: int
    items: list[int]


async def make_groups(
    groups: AsyncIterator[tuple[int, list[int]]], work: Work, count: int, made: Callable[[int], object]
) -> None:
    """Have groups made by so many processes; `made` is called with the events of each. Raises CannotRebuild."""
    taking = asyncio.Lock()
    children = [await _child(work) for _ in range(count)]

    async def drive(child: Process) -> None:
        while True:
            async with taking:
                group = await anext(groups, None)
            if group is None:
                return
            made(await _asked(child, GroupOfItems(*group)))

    driven = [asyncio.create_task(drive(child)) for child in children]
    try:
        await asyncio.gather(*driven)
    finally:
        for task in driven:
            task.cancel()
        await asyncio.wait(driven)
        await asyncio.gather(*map(_ended, children))


async def _child(work: Work) -> Process:
    command, pipe = (sys.executable, "-m", "service.rebuild.workers"), asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    await _write(child, work)
    return child


async def _write(child: Process, what: Work | GroupOfItems) -> None:
    assert child.stdin is not None  # noqa: S101 - it is a pipe
    child.stdin.write(msgspec.json.encode(what) + b"\n")
    await child.stdin.drain()


async def _asked(child: Process, group: GroupOfItems) -> int:
    assert child.stdout is not None  # noqa: S101 - it is a pipe
    answer = b""
    with suppress(OSError):
        await _write(child, group)
        answer = await child.stdout.readline()
    if not answer:
        msg = "a process of the rebuild has ended: run it again, it goes on where it was"
        raise CannotRebuild(msg)
    return int(answer)


async def _ended(child: Process) -> None:
    """Let a process finish its group, and end it."""
    assert child.stdin is not None  # noqa: S101 - it is a pipe
    child.stdin.close()
    await child.wait()


async def _serve() -> None:
    """Make the groups that are read, until there are no more: Ctrl-C is for the process that gives them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    lines = asyncio.StreamReader(limit=LINE_MAX)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    work = msgspec.json.decode(await lines.readline(), type=Work)
    async with connect.opened(work.url) as database, connect.next_tables(database, work.plan) as tables:
        while line := await lines.readline():
            group = msgspec.json.decode(line, type=GroupOfItems)
            print(await make_group(tables, group.number, group.items), flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    collect_seldom()
    asyncio.run(_serve())
