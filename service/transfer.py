"""Export and import of a ledger as NDJSON: order and ids are kept, in an empty ledger also when and by whom."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from service.domain.errors import EventIdConflict, Fault, Malformed, TooEarly, TooMuchWork
from service.domain.vocabulary import instants
from service.domain.vocabulary.events import Batch, encode
from service.eventlog.head import head_of
from service.eventlog.log import by_ids, lines, log_pages
from service.ndjson import BadLine, batches
from service.storage import files

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Sequence
    from typing import BinaryIO

    from service.append.ledger import Ledger
    from service.eventlog.log import Stored
    from service.ndjson import Line
    from service.storage.database import Database

    Progress = Callable[[int, int | None], object]
    """Called with the number of events that are done, and the total where it is known."""


class Imported(NamedTuple):
    """How many events an import recorded, and how many it skipped because they were already recorded."""

    recorded: int
    already_recorded: int


class ImportStopped(Exception):  # noqa: N818 - named as the condition
    """A line could not be imported: its commit was not recorded, nor anything after it."""

    def __init__(self, reason: BadLine, done: Imported) -> None:
        """`reason` lists the faults with their lines; `done` counts the events before them."""
        super().__init__(str(reason))
        self.done = done


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

    If the ledger is empty, or has only the beginning of the same file, events keep their instants and who recorded
    them, and those of one instant stay one commit, also instants ahead of the clock: the exported ledger had a clock
    that was ahead. Else they are recorded now, by nobody's key. An event without an id gets one made from its content.
    Raises ImportStopped for lines that cannot be recorded.
    """
    work = _Import(database, ledger)
    try:
        for batch in batches(lines):
            await work.take(batch)
            progress(batch[-1].number, None)
    except BadLine as bad:
        raise ImportStopped(bad, work.done) from bad
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

    async def take(self, batch: Sequence[Line]) -> None:
        """Record the new events of a batch, and check the others."""
        recorded = await by_ids(self._database, (line.id for line in batch))
        repeated = [line for line in batch if line.id in recorded]
        fresh = [line for line in batch if line.id not in recorded]
        if repeated:
            await self._check(repeated, [recorded[line.id] for line in repeated])
        if fresh:
            keeps = await self._keeps_instants(fresh)
            for (instant, copied), commit in groupby(fresh, key=lambda line: _stamp(line, keeps=keeps)):
                await self._record(list(commit), instant, copied=copied)

    async def _check(self, repeated: Sequence[Line], recorded: Sequence[Stored]) -> None:
        """Check that recorded events have the same content; raises BadLine for those that do not."""
        pairs = list(zip(repeated, recorded, strict=True))
        different = [line for line, stored in pairs if encode(line.event) != stored.body]
        if faults := [fault for line in different async for fault in self._conflicts(line)]:
            raise BadLine(faults)
        first = sum(self.done) + 1
        self._faithful = self._faithful and all(
            (stored.position, stored.recorded_at) == (position, line.recorded_at)
            for position, (line, stored) in enumerate(pairs, first)
        )
        self.done = self.done._replace(already_recorded=self.done.already_recorded + len(repeated))

    async def _conflicts(self, line: Line) -> AsyncIterator[tuple[int, Fault]]:
        """Return the conflict of a line with its recorded event, if it is one.

        Only the ledger can say: it first fills in the fields that a record may leave out.
        """
        try:
            await self._ledger.append(_batch([line]))
        except EventIdConflict as refused:
            yield line.number, Fault(("id",), refused.detail)

    async def _keeps_instants(self, fresh: Sequence[Line]) -> bool:
        """Return whether new events can keep their instants: the ledger equals the file so far."""
        if self._faithful:
            head = await head_of(self._database)
            first = fresh[0].recorded_at
            alone = head.position == sum(self.done)
            later = first is not None and (self.done.recorded > 0 or first > head.final)
            self._faithful = alone and later and all(line.recorded_at is not None for line in fresh)
        return self._faithful

    async def _record(self, fresh: Sequence[Line], instant: int | None, *, copied: bool) -> None:
        try:
            by = ["" if instant is None else line.recorded_by for line in fresh]
            await self._ledger.append(_batch(fresh), instant, copied=copied, recorded_by=by)
        except TooMuchWork as refused:
            if len(fresh) == 1:
                raise BadLine([_of_line(fault, fresh) for fault in refused.faults]) from refused
            half = len(fresh) // 2
            await self._record(fresh[:half], None, copied=copied)
            await self._record(fresh[half:], None, copied=copied)
            return
        except TooEarly as refused:
            detail = f"{instants.text(refused.asked)} is not after {instants.text(refused.last)}, the one before"
            raise BadLine([(fresh[0].number, Fault(("recorded_at",), detail))]) from refused
        except Malformed as refused:
            raise BadLine([_of_line(fault, fresh) for fault in refused.faults]) from refused
        self.done = self.done._replace(recorded=self.done.recorded + len(fresh))


def _stamp(line: Line, *, keeps: bool) -> tuple[int | None, bool]:
    """Return the instant that a line is recorded with, None for the clock's; and whether a ledger has recorded it."""
    return line.recorded_at if keeps else None, line.recorded_at is not None


def _batch(lines: Iterable[Line]) -> Batch:
    return Batch(events=tuple(line.event for line in lines))


def _of_line(fault: Fault, lines: Sequence[Line]) -> tuple[int, Fault]:
    """Turn a fault of a batch into one of a line; a fault of the whole batch goes to the first line."""
    match fault.path:
        case ("events", int(index), *path):
            return lines[index].number, Fault(tuple(path), fault.detail)
        case path:
            return lines[0].number, Fault(path, fault.detail)
