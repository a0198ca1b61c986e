"""Events in and out of a ledger as NDJSON: any to any other; order, ids and, into an empty one, instants are kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from service import eventlog
from service.domain import instants
from service.domain.accept import accept
from service.domain.errors import Malformed, NotJson, Refused
from service.domain.events import Batch
from service.storage import files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import BinaryIO

    from service.append import Ledger
    from service.storage.database import Database

    Progress = Callable[[int, int | None], object]
    """Told how many events are done, of how many where that is known."""

BATCH = 1_000
"""Events of one append; a commit of the source is never cut."""


class BadLine(Exception):  # noqa: N818 - named as the condition
    """A line cannot be imported: its number from 1, and what is wrong. Nothing from its batch on was recorded."""

    def __init__(self, number: int, reasons: list[str]) -> None:
        """`reasons` are one or more, each with its pointer where it has one."""
        super().__init__("\n".join(f"line {number}: {reason}" for reason in reasons))


class Imported(NamedTuple):
    """How many events were recorded, and how many had been there before."""

    recorded: int
    known: int


class _Line(NamedTuple):
    """An event of a file: where it stands, its instant of recording if it has one, and its JSON."""

    number: int
    recorded_at: int | None
    event: dict[str, Any]


async def export(database: Database, out: BinaryIO, progress: Progress = lambda *_: None) -> int:
    """Write every event recorded until now, one JSON a line, as the feed gives it; give how many."""
    head = (await eventlog.head(database)).position
    async for page in eventlog.pages(database):
        until = [stored for stored in page if stored.position <= head]
        out.write(b"".join(stored.json() + b"\n" for stored in until))
        progress(until[-1].position if until else head, head)
        if len(until) < len(page):
            break
    return head


async def import_(
    database: Database, ledger: Ledger, lines: Iterable[bytes], progress: Progress = lambda *_: None
) -> Imported:
    """Record the events of NDJSON in order; those that are recorded already are left as they are.

    BadLine for what cannot be recorded. Into an empty ledger, events keep the instants that they come with.
    """
    keep_instants = (await eventlog.head(database)).position == 0
    recorded = known = 0
    for group in _groups(_read(lines)):
        there = await _recorded(database, group)
        fresh = [line for line in group if line not in there]
        if there:  # Repeats change nothing; one with other content is refused.
            await _append(ledger, there, None)
            known += len(there)
        if fresh:
            await _append(ledger, fresh, fresh[0].recorded_at if keep_instants else None)
            recorded += len(fresh)
        progress(group[-1].number, None)
    return Imported(recorded, known)


async def seed(database: Database, ledger: Ledger, name: str, progress: Progress = lambda *_: None) -> Imported:
    """Record a set that comes with the package; FileNotFoundError when there is none of this name."""
    path = files.data("seeds") / f"{name}.ndjson"
    with path.open("rb") as lines:
        return await import_(database, ledger, lines, progress)


def seeds() -> list[str]:
    """Name the sets that come with the package."""
    return sorted(path.stem for path in files.data("seeds").glob("*.ndjson"))


def _read(lines: Iterable[bytes]) -> Iterator[_Line]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            event = json.loads(line)
        except ValueError as error:
            raise BadLine(number, [f"not JSON: {error}"]) from error
        if not isinstance(event, dict):
            raise BadLine(number, ["not a JSON object"])
        event.pop("position", None)
        try:
            written = event.pop("recorded_at", None)
            yield _Line(number, None if written is None else instants.parse(written), event)
        except (TypeError, ValueError) as error:
            raise BadLine(number, [f"#/recorded_at: {error}"]) from error


def _groups(lines: Iterable[_Line]) -> Iterator[list[_Line]]:
    """Cut into batches: whole commits of the source where instants tell them, else up to a thousand events."""
    group: list[_Line] = []
    for line in lines:
        ended = line.recorded_at != group[-1].recorded_at if group else False
        if group and (ended or (line.recorded_at is None and len(group) == BATCH)):
            yield group
            group = []
        group.append(line)
    if group:
        yield group


async def _recorded(database: Database, group: list[_Line]) -> list[_Line]:
    """Give the lines whose ids are in the log."""
    ids = [each for line in group if (each := _id(line)) is not None]
    found: set[UUID] = set()
    for start in range(0, len(ids), BATCH):
        found |= (await eventlog.by_ids(database, ids[start : start + BATCH])).keys()
    return [line for line in group if _id(line) in found]


def _id(line: _Line) -> UUID | None:
    written = line.event.get("id")
    try:
        return UUID(written) if isinstance(written, str) else None
    except ValueError:
        return None


async def _append(ledger: Ledger, group: list[_Line], recorded_at: int | None) -> None:
    try:
        events = [_accepted(line) for line in group]
        await ledger.append(Batch(events=tuple(event for batch in events for event in batch.events)), recorded_at)
    except Malformed as refused:
        index = next((step for fault in refused.faults for step in fault.path[1:2] if isinstance(step, int)), 0)
        reasons = [_reason(fault.path[2:], fault.detail) for fault in refused.faults if fault.path[1:2] == (index,)]
        raise BadLine(group[index].number, reasons) from refused
    except Refused as refused:
        raise BadLine(group[0].number, [str(refused)]) from refused


def _accepted(line: _Line) -> Batch:
    """Decode one line as strictly as the API does."""
    try:
        return accept(json.dumps({"events": [line.event]}).encode(), Batch)
    except Malformed as refused:
        raise BadLine(line.number, [_reason(fault.path[2:], fault.detail) for fault in refused.faults]) from refused
    except NotJson as refused:
        raise BadLine(line.number, [refused.detail]) from refused


def _reason(path: tuple[str | int, ...], detail: str) -> str:
    return f"#{''.join(f'/{step}' for step in path)}: {detail}"
