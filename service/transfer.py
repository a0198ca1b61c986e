"""Events in and out of a ledger as NDJSON: any to any other; order, ids and, into an empty one, instants are kept."""

from __future__ import annotations

from contextlib import suppress
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple
from urllib.parse import quote
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from service.domain.admit.event_checks import faults_of
from service.domain.admit.strict_json import accept
from service.domain.errors import EventIdConflict, Fault, Malformed, NotJson, TooEarly
from service.domain.vocabulary import instants
from service.domain.vocabulary.events import BATCH_MAX, AnyEvent, Batch, encode
from service.eventlog.head import head_of
from service.eventlog.log import by_ids, lines, log_pages
from service.storage import files

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
    from typing import Any, BinaryIO

    from service.append.ledger import Ledger
    from service.domain.vocabulary.events import Fact, Record
    from service.eventlog.log import Stored
    from service.storage.database import Database

    Progress = Callable[[int, int | None], object]
    """Told how many events are done, of how many where that is known."""

FAULTS_MAX = 100
"""So many faults are told; reading stops there."""
NAMESPACE = uuid5(NAMESPACE_URL, "urn:parley:import")
"""Of the ids of events that come without one: their content makes it, so that it is the same the next time."""


class BadLine(Exception):  # noqa: N818 - named as the condition
    """Lines cannot be imported: nothing of their commits was recorded, nor anything behind the first of them.

    `done` tells what was recorded before.
    """

    def __init__(self, faults: Sequence[tuple[int, Fault]]) -> None:
        """`faults` are what is wrong, each with the number of its line, from 1."""
        super().__init__("\n".join(f"line {number}: {_told(fault)}" for number, fault in faults[:FAULTS_MAX]))
        self.done = Imported(0, 0)


class Imported(NamedTuple):
    """How many events were recorded, and how many had been there before."""

    recorded: int
    already_recorded: int


class _Place(Struct, frozen=True, kw_only=True):
    """Where an event stood in the ledger that it was exported from."""

    position: Annotated[int, Meta(ge=1)]
    recorded_at: Annotated[
        str,
        Meta(
            pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z\Z",
            description="An instant as the feed writes it, in UTC with microseconds.",
            examples=["2025-06-10T12:00:00.000000Z"],
        ),
    ]


class _End(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The last line of the feed as NDJSON: how many events came before it, and how far they go."""

    end: Literal[True]
    count: Annotated[int, Meta(ge=0)]
    next: Annotated[int, Meta(ge=0)]
    head: Annotated[int, Meta(ge=0)]


class _Line(NamedTuple):
    """An event of a file: the number of its line, and its instant of recording if it has one."""

    number: int
    recorded_at: int | None
    event: Fact | Record

    @property
    def id(self) -> UUID:
        """Its id, which every event that was read has."""
        assert self.event.id is not None  # noqa: S101 - given by `_read`
        return self.event.id


async def export(database: Database, out: BinaryIO, progress: Progress = lambda *_: None) -> int:
    """Write every event recorded until now, one JSON a line, as the feed gives it; return how many."""
    head = (await head_of(database)).position
    async for page in log_pages(database):
        until = [stored for stored in page if stored.position <= head]
        out.write(lines(until))
        progress(until[-1].position if until else head, head)
        if len(until) < len(page):
            break
    return head


async def import_(
    database: Database, ledger: Ledger, lines: Iterable[bytes], progress: Progress = lambda *_: None
) -> Imported:
    """Record the events of NDJSON in order; those that are recorded already are left as they are.

    BadLine for what cannot be recorded. Into a ledger that holds nothing, or only the beginning of the same file,
    events keep the instants that they come with, and the commits that these tell. An event without an id gets one made
    from its content.
    """
    work = _Import(database, ledger)
    try:
        for batch in _batches(lines):
            await work.take(batch)
            progress(batch[-1].number, None)
    except BadLine as bad:
        bad.done = work.done
        raise
    return work.done


async def seed(database: Database, ledger: Ledger, name: str, progress: Progress = lambda *_: None) -> Imported:
    """Record a set that comes with the package; FileNotFoundError when there is none of this name."""
    path = files.data("seeds") / f"{name}.ndjson"
    with path.open("rb") as lines:
        return await import_(database, ledger, lines, progress)


def seeds() -> list[str]:
    """Name the sets that come with the package."""
    return sorted(path.stem for path in files.data("seeds").glob("*.ndjson"))


class _Import:
    """An import under way: what it has done, and whether the ledger so far is the file so far, instants included."""

    def __init__(self, database: Database, ledger: Ledger) -> None:
        self._database, self._ledger = database, ledger
        self._faithful = True
        self.done = Imported(0, 0)

    async def take(self, batch: Sequence[_Line]) -> None:
        """Record the events of a batch that are new."""
        known = await by_ids(self._database, (line.id for line in batch))
        there = [line for line in batch if line.id in known]
        fresh = [line for line in batch if line.id not in known]
        if there:
            await self._repeat(there, [known[line.id] for line in there])
        if fresh and await self._keeps_instants(fresh):
            for instant, commit in groupby(fresh, key=lambda line: line.recorded_at):
                await self._record(list(commit), instant)
        elif fresh:
            await self._record(fresh, None)

    async def _repeat(self, there: Sequence[_Line], stored: Sequence[Stored]) -> None:
        """See that what is there has the same content; BadLine for what has not."""
        pairs = list(zip(there, stored, strict=True))
        other = [line for line, held in pairs if encode(line.event) != held.body]
        if faults := [fault for line in other async for fault in self._conflicts(line)]:
            raise BadLine(faults)
        first = self.done.recorded + self.done.already_recorded + 1
        self._faithful = self._faithful and all(
            (held.position, held.recorded_at) == (position, line.recorded_at)
            for position, (line, held) in enumerate(pairs, first)
        )
        self.done = self.done._replace(already_recorded=self.done.already_recorded + len(there))

    async def _conflicts(self, line: _Line) -> AsyncIterator[tuple[int, Fault]]:
        """Ask the ledger, which fills in what a record may leave out."""
        try:
            await self._ledger.append(_batch([line]))
        except EventIdConflict as refused:
            yield line.number, Fault(("id",), refused.detail)

    async def _keeps_instants(self, fresh: Sequence[_Line]) -> bool:
        """Return whether new events can keep their instants: the ledger is the file so far, and nothing else."""
        if self._faithful:
            head = await head_of(self._database)
            first = fresh[0].recorded_at
            alone = head.position == self.done.recorded + self.done.already_recorded
            later = first is not None and (self.done.recorded > 0 or first > head.recorded_at)
            self._faithful = alone and later and all(line.recorded_at is not None for line in fresh)
        return self._faithful

    async def _record(self, fresh: Sequence[_Line], instant: int | None) -> None:
        try:
            await self._ledger.append(_batch(fresh), instant)
        except TooEarly as refused:
            detail = f"{instants.text(refused.asked)} is not after {instants.text(refused.last)}, the one before"
            raise BadLine([(fresh[0].number, Fault(("recorded_at",), detail))]) from refused
        except Malformed as refused:
            raise BadLine([_placed(fault, fresh) for fault in refused.faults]) from refused
        self.done = self.done._replace(recorded=self.done.recorded + len(fresh))


def _batch(lines: Iterable[_Line]) -> Batch:
    return Batch(events=tuple(line.event for line in lines))


def _placed(fault: Fault, lines: Sequence[_Line]) -> tuple[int, Fault]:
    """Tell a fault of a batch as one of a line; one of the batch as a whole is told of its first."""
    match fault.path:
        case ("events", int(index), *path):
            return lines[index].number, Fault(tuple(path), fault.detail)
        case path:
            return lines[0].number, Fault(path, fault.detail)


def _batches(lines: Iterable[bytes]) -> Iterator[list[_Line]]:
    """Put commits together into batches; an id that comes again begins the next one, where it is a repeat."""
    batch: list[_Line] = []
    ids: set[UUID] = set()
    for commit in _commits(lines):
        own = {line.id for line in commit}
        if batch and (len(batch) + len(commit) > BATCH_MAX or not ids.isdisjoint(own)):
            yield batch
            batch, ids = [], set()
        batch += commit
        ids |= own
    if batch:
        yield batch


def _commits(lines: Iterable[bytes]) -> Iterator[list[_Line]]:
    """Read whole commits of the source, where instants tell them, else line by line.

    BadLine with the faults of all bad lines among a thousand, once the commits before the first of them are given.
    """
    commit: list[_Line] = []
    faults: list[tuple[int, Fault]] = []
    for number, raw in _events(lines):
        if faults and (len(faults) >= FAULTS_MAX or number - faults[0][0] >= BATCH_MAX):
            break
        try:
            line = _read(number, raw)
        except Malformed as refused:
            faults += [(number, fault) for fault in refused.faults]
        except NotJson as refused:
            faults.append((number, Fault((), f"not JSON: {refused.detail}")))
        else:
            if commit and not faults and (line.recorded_at is None or line.recorded_at != commit[-1].recorded_at):
                yield commit
                commit = []
            commit.append(line)
    if faults:
        raise BadLine(faults)
    if commit:
        yield commit


def _events(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Return the lines that hold events, numbered; BadLine where the feed says that it sent more or fewer than came."""
    read = 0
    for number, raw in enumerate(lines, 1):
        sent = _sent(raw)
        if sent is None and raw.strip():
            read += 1
            yield number, raw
        elif sent is not None and sent != read:
            raise BadLine([(number, Fault(("count",), f"{sent} events were sent, and {read} stand before it"))])
        elif sent is not None:
            read = 0


def _sent(raw: bytes) -> int | None:
    """Return how many events the feed says that it has sent; None for a line that is not its last."""
    with suppress(Malformed, NotJson):  # then it is told as an event that it cannot be
        return accept(raw, _End).count if raw.startswith(_LAST) else None
    return None


_LAST = b'{"end":'
"""How the last line of the feed as NDJSON begins; an event never does."""
_MEMBERS = dict[str, msgspec.Raw]
_EVENT: Any = AnyEvent


def _read(number: int, raw: bytes) -> _Line:
    """Read one line as strictly as the API does; Malformed or NotJson."""
    members = accept(raw, _MEMBERS)
    place = {name: members.pop(name) for name in _Place.__struct_fields__ if name in members}
    event: Fact | Record = accept(msgspec.json.encode(members), _EVENT)
    if faults := faults_of(event):
        raise Malformed(faults)
    if event.id is None:
        event = replace(event, id=uuid5(NAMESPACE, encode(event).decode()))
    return _Line(number, _instant(place) if place else None, event)


def _instant(members: dict[str, msgspec.Raw]) -> int:
    written = accept(msgspec.json.encode(members), _Place).recorded_at
    try:
        return instants.parse(written)
    except ValueError as error:
        raise Malformed([Fault(("recorded_at",), f"there is no {written}")]) from error


def _told(fault: Fault) -> str:
    """Write a fault behind its JSON pointer (RFC 6901, section 6)."""
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in fault.path)
    return f"#{''.join(f'/{quote(step)}' for step in steps)}: {fault.detail}" if fault.path else fault.detail
