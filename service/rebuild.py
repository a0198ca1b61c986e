"""The projections made anew from the log alone, and a digest to compare them by."""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from service import eventlog
from service.domain import events
from service.storage.database import COLUMNS, Commit
from service.storage.models import LOG, PROJECTIONS, metadata
from service.views.project import ItemView, Projector, Recorded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from service.eventlog import Stored
    from service.storage.database import Database

GROUP = 2_000
"""Events of whole items that are projected together, and whose rows are then stored."""
PAGE = 1_000


class Rebuilt(NamedTuple):
    """What a rebuild did: how many events it read, and the digest of the projections before and after.

    `moved` is true when others appended meanwhile: the digests are then of different logs and cannot be compared.
    """

    events: int
    before: str
    after: str
    moved: bool

    @property
    def same(self) -> bool:
        """Whether the projections were what the log says."""
        return self.before == self.after


class _Text(msgspec.Struct, gc=False):
    """Of the new text of a correction: the item."""

    item: str


class _Names(msgspec.Struct, gc=False):
    """Of an event: what it names. The rest of the JSON is passed over, a tenth of the work of reading it all."""

    item: str
    issues: tuple[str, ...]
    event: _Text | None = None


_NAMES = msgspec.json.Decoder(_Names)


class _Register:
    """Which positions name an item, and which an issue: 8 bytes each, and some 300 for each item.

    Nothing on one item depends on another but where a correction puts a fact on it, so items are joined by
    corrections, and each set of them can be projected on its own.
    """

    def __init__(self) -> None:
        """Begin with no event."""
        self._items: dict[str, array[int]] = {}
        self._issues: dict[str, array[int]] = {}
        self._joined: dict[str, list[str]] = {}

    def add(self, stored: Stored) -> None:
        """Take the next event of the log."""
        names = _NAMES.decode(stored.body)
        self._note(self._items, names.item, stored.position)
        if names.event is not None and names.event.item != names.item:
            self._note(self._items, names.event.item, stored.position)
            self._join(names.item, names.event.item)
        for issue in names.issues:
            self._note(self._issues, issue, stored.position)

    def counted(self, issue: str, position: int) -> tuple[int, int, int]:
        """Give an issue's number, the position of an event that names it, and the issue's version then."""
        return self._items[issue][0], position, bisect_right(self._issues[issue], position)

    def groups(self) -> Iterator[list[int]]:
        """Give the positions that bear on some items, for all items in turn."""
        group: set[int] = set()
        for item in self._items:
            joined = self._joined.get(item, [item])
            if joined[0] == item:
                group.update(*map(self._items.__getitem__, joined))
            if len(group) >= GROUP:
                yield sorted(group)
                group.clear()
        yield sorted(group)

    @staticmethod
    def _note(positions: dict[str, array[int]], name: str, position: int) -> None:
        if name not in positions:
            positions[name] = array("q")
        positions[name].append(position)

    def _join(self, one: str, other: str) -> None:
        mine, others = self._joined.setdefault(one, [one]), self._joined.setdefault(other, [other])
        if mine is not others:
            mine += others
            self._joined.update(dict.fromkeys(others, mine))


class _Projector(Projector):
    """Projects all events of some items; issues are counted by the register, which has seen the whole log."""

    def __init__(self, register: _Register) -> None:
        """Begin with no item known."""
        views: dict[str, ItemView] = {}
        super().__init__(views.get, lambda view: views.__setitem__(view.slug, view))
        self._register = register

    def _counted(self, issue: str, position: int) -> tuple[int, int, int]:
        return self._register.counted(issue, position)


async def rebuild(
    database: Database, progress: Callable[[int, int], object] = lambda *_: None, into: Database | None = None
) -> Rebuilt:
    """Make every projection anew in one commit; appends wait meanwhile, reads see the old one until then.

    With `into`, an empty ledger, they are made there, and `database` is only read. `progress` is told how many events
    are done, of how many. The log is read twice: from end to end for what the events name, then item by item.
    """
    head = await eventlog.head(database)
    before = await digest(database)
    done = 0

    async def chunks() -> AsyncIterator[Commit]:
        nonlocal done
        register = _Register()
        async for marks in _marks(database, register):
            yield marks
        for positions in register.groups():
            projector = _Projector(register)
            projector.project([_decoded(stored) for stored in await eventlog.at(database, positions)])
            commit = projector.finish()
            commit.rows[LOG] = []  # the log has its own
            yield commit
            done += len(positions)
            progress(done, head.position)

    await (into or database).replace(chunks())
    after = await digest(into or database)
    return Rebuilt(done, before, after, moved=await eventlog.head(database) != head)


async def is_due(database: Database) -> bool:
    """Tell whether a migration has emptied the projections of a ledger that has events."""
    rows = await database.fetch("SELECT 1 FROM head WHERE position > 0 AND NOT EXISTS (SELECT 1 FROM item)")
    return len(rows) > 0


async def _marks(database: Database, register: _Register) -> AsyncIterator[Commit]:
    """Read the log into a register; give the marks of its commits: the events of one commit have one instant."""
    last: Stored | None = None
    async for page in eventlog.pages(database, size=PAGE):
        commit = Commit()
        for stored in page:
            register.add(stored)
            if last is not None and last.recorded_at != stored.recorded_at:
                commit.rows["commit_mark"].append((last.recorded_at, last.position))
            last = stored
        yield commit
    if last is not None:
        commit = Commit()
        commit.rows["commit_mark"].append((last.recorded_at, last.position))
        yield commit


def _decoded(stored: Stored) -> Recorded:
    return Recorded(stored.position, stored.recorded_at, events.decode(stored.body), stored.body)


async def digest(database: Database) -> str:
    """Give the SHA-256 over every row of every projection, the same for the same log on either database."""
    seen = hashlib.sha256()
    for table in PROJECTIONS:
        keys = [column.name for column in metadata.tables[table].primary_key.columns]
        columns = COLUMNS[table]
        seen.update(table.encode())
        async for row in database.stream(table, columns, keys):
            seen.update(msgspec.json.encode(tuple(row)))
    return seen.hexdigest()
