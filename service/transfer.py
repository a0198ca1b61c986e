"""Export and import of a ledger as NDJSON: order and ids are kept, and the instants of recording in an empty ledger."""

from __future__ import annotations

from contextlib import suppress
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from service.domain.admit.event_checks import faults_of
from service.domain.admit.strict_json import accept
from service.domain.errors import FAULTS_MAX, EventIdConflict, Fault, Malformed, NotJson, TooEarly
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
    """Called with the number of events that are done, and the total where it is known."""

NAMESPACE = uuid5(NAMESPACE_URL, "urn:parley:import")
"""Of the ids that events without one get: made from their content, an id is the same at the next import."""


class BadLine(Exception):  # noqa: N818 - named as the condition
    """Lines that cannot be imported: their commits were not recorded, nor anything after the first of them.

    `done` counts the events before them.
    """

    def __init__(self, faults: Sequence[tuple[int, Fault]]) -> None:
        """`faults` come with the numbers of their lines, from 1; the message lists up to FAULTS_MAX of them."""
        super().__init__("\n".join(f"line {number}: {_text(fault)}" for number, fault in faults[:FAULTS_MAX]))
        self.done = Imported(0, 0)


class Imported(NamedTuple):
    """The events that an import recorded, and those that it found recorded; two numbers."""

    recorded: int
    already_recorded: int


class _Place(Struct, frozen=True, kw_only=True):
    """The position and the instant of an event in the ledger that it was exported from."""

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
    """The last line of the feed as NDJSON: `count` events came before it, up to position `next`."""

    end: Literal[True]
    count: Annotated[int, Meta(ge=0)]
    next: Annotated[int, Meta(ge=0)]
    head: Annotated[int, Meta(ge=0)]


class _Line(NamedTuple):
    """An event of a file, with the number of its line, and its instant of recording if it has one."""

    number: int
    recorded_at: int | None
    event: Fact | Record

    @property
    def id(self) -> UUID:
        """The id of the event."""
        assert self.event.id is not None  # noqa: S101 - `_read` sets it
        return self.event.id


async def export(database: Database, out: BinaryIO, progress: Progress = lambda *_: None) -> int:
    """Write every event recorded until now, one a line, in the JSON of the feed; return how many."""
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
    """Record the events of NDJSON in order, and skip those that are already recorded.

    Raises BadLine for lines that cannot be recorded. If the ledger is empty, or has only the beginning of the same
    file, events keep their instants, and those of one instant stay one commit. An event without an id gets one made
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
    """Record a set that comes with the package; raises FileNotFoundError when there is none of this name."""
    path = files.data("seeds") / f"{name}.ndjson"
    with path.open("rb") as lines:
        return await import_(database, ledger, lines, progress)


def seeds() -> list[str]:
    """Return the names of the sets that come with the package."""
    return sorted(path.stem for path in files.data("seeds").glob("*.ndjson"))


class _Import:
    """An import under way: its counts, and whether the ledger so far equals the file so far, instants included."""

    def __init__(self, database: Database, ledger: Ledger) -> None:
        self._database, self._ledger = database, ledger
        self._faithful = True
        self.done = Imported(0, 0)

    async def take(self, batch: Sequence[_Line]) -> None:
        """Record the new events of a batch, and check the others."""
        recorded = await by_ids(self._database, (line.id for line in batch))
        repeated = [line for line in batch if line.id in recorded]
        fresh = [line for line in batch if line.id not in recorded]
        if repeated:
            await self._check(repeated, [recorded[line.id] for line in repeated])
        if fresh and await self._keeps_instants(fresh):
            for instant, commit in groupby(fresh, key=lambda line: line.recorded_at):
                await self._record(list(commit), instant)
        elif fresh:
            await self._record(fresh, None)

    async def _check(self, repeated: Sequence[_Line], recorded: Sequence[Stored]) -> None:
        """Check that recorded events have the same content; raises BadLine for those that do not."""
        pairs = list(zip(repeated, recorded, strict=True))
        different = [line for line, stored in pairs if encode(line.event) != stored.body]
        if faults := [fault for line in different async for fault in self._conflicts(line)]:
            raise BadLine(faults)
        first = self.done.recorded + self.done.already_recorded + 1
        self._faithful = self._faithful and all(
            (stored.position, stored.recorded_at) == (position, line.recorded_at)
            for position, (line, stored) in enumerate(pairs, first)
        )
        self.done = self.done._replace(already_recorded=self.done.already_recorded + len(repeated))

    async def _conflicts(self, line: _Line) -> AsyncIterator[tuple[int, Fault]]:
        """Return the conflict of a line with its recorded event, if it is one.

        Only the ledger can say: it first fills in the fields that a record may leave out.
        """
        try:
            await self._ledger.append(_batch([line]))
        except EventIdConflict as refused:
            yield line.number, Fault(("id",), refused.detail)

    async def _keeps_instants(self, fresh: Sequence[_Line]) -> bool:
        """Return whether new events can keep their instants: the ledger equals the file so far."""
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
            raise BadLine([_of_line(fault, fresh) for fault in refused.faults]) from refused
        self.done = self.done._replace(recorded=self.done.recorded + len(fresh))


def _batch(lines: Iterable[_Line]) -> Batch:
    return Batch(events=tuple(line.event for line in lines))


def _of_line(fault: Fault, lines: Sequence[_Line]) -> tuple[int, Fault]:
    """Turn a fault of a batch into one of a line; a fault of the whole batch goes to the first line."""
    match fault.path:
        case ("events", int(index), *path):
            return lines[index].number, Fault(tuple(path), fault.detail)
        case path:
            return lines[0].number, Fault(path, fault.detail)


def _batches(lines: Iterable[bytes]) -> Iterator[list[_Line]]:
    """Join commits into batches of up to BATCH_MAX events; a repeated id begins the next batch."""
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
    """Read the commits of the source: lines of one instant, or a single line without one.

    Raises BadLine with the faults of all bad lines among a thousand, after yielding the commits before the first.
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
    """Return the lines of events, with their numbers; raises BadLine where the count of the feed's last line differs."""
    read = 0
    for number, raw in enumerate(lines, 1):
        count = _count(raw)
        if count is None and raw.strip():
            read += 1
            yield number, raw
        elif count is not None and count != read:
            raise BadLine([(number, Fault(("count",), f"{count} events were sent, and {read} stand before it"))])
        elif count is not None:
            read = 0


def _count(raw: bytes) -> int | None:
    """Return the count of the feed's last line; None for any other line."""
    with suppress(Malformed, NotJson):  # a faulty last line is refused as an event
        return accept(raw, _End).count if raw.startswith(_LAST) else None
    return None


_LAST = b'{"end":'
"""How the last line of the feed as NDJSON begins; an event never does."""
_MEMBERS = dict[str, msgspec.Raw]
_EVENT: Any = AnyEvent


def _read(number: int, raw: bytes) -> _Line:
    """Read one line as strictly as the API does; raises Malformed or NotJson."""
    members = accept(raw, _MEMBERS)
    place = {name: members.pop(name) for name in _Place.__struct_fields__ if name in members}
    event: Fact | Record = accept(msgspec.json.encode(members), _EVENT)
    if faults := faults_of(event):
        raise Malformed(faults)
    if event.id is None:
        event = replace(event, id=uuid5(NAMESPACE, encode(event).decode()))
    return _Line(number, _instant(place) if place else None, event)


def _instant(members: dict[str, msgspec.Raw]) -> int:
    text = accept(msgspec.json.encode(members), _Place).recorded_at
    try:
        return instants.parse(text)
    except ValueError as error:
        raise Malformed([Fault(("recorded_at",), f"there is no {text}")]) from error


def _text(fault: Fault) -> str:
    """Return a fault as text; its pointer comes first, unless the fault is of the whole line."""
    return f"{fault.pointer}: {fault.detail}" if fault.path else fault.detail
