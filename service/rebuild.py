"""The projections made anew from the log alone, and a digest to compare them by."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from service import eventlog
from service.domain import events
from service.storage.database import COLUMNS, Commit
from service.storage.models import LOG, PROJECTIONS, metadata
from service.views.project import ItemView, Projector, Recorded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from service.eventlog import Stored
    from service.storage.database import Database

CHUNK = 2_000
"""Events behind which the rows made so far are stored, at the next end of a commit."""
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


async def rebuild(
    database: Database, progress: Callable[[int, int], object] = lambda *_: None, into: Database | None = None
) -> Rebuilt:
    """Make every projection anew in one commit; appends wait meanwhile, reads see the old one until then.

    With `into`, an empty ledger, they are made there, and `database` is only read. `progress` is told how many events
    are done, of how many. Views of all items are kept in memory, some 9 KB an event.
    """
    head = await eventlog.head(database)
    before = await digest(database)
    done = 0

    async def chunks() -> AsyncIterator[Commit]:
        nonlocal done
        views: dict[str, ItemView] = {}
        projector = _projector(views)
        marks: list[tuple[int, int]] = []
        pending = 0
        async for commit in _commits(database):
            projector.project(commit)
            marks.append((commit[-1].recorded_at, commit[-1].position))
            pending += len(commit)
            done += len(commit)
            if pending >= CHUNK:
                yield _rows(projector, marks)
                projector, marks, pending = _projector(views), [], 0
                progress(done, head.position)
        yield _rows(projector, marks)
        progress(done, head.position)

    await (into or database).replace(chunks())
    after = await digest(into or database)
    return Rebuilt(done, before, after, moved=await eventlog.head(database) != head)


def _projector(views: dict[str, ItemView]) -> Projector:
    return Projector(views.get, lambda view: views.__setitem__(view.slug, view))


def _rows(projector: Projector, marks: list[tuple[int, int]]) -> Commit:
    """Give the rows of the projections; the log has its own."""
    commit = projector.finish()
    commit.rows[LOG] = []
    commit.rows["commit_mark"] = list(marks)
    return commit


async def _commits(database: Database) -> AsyncIterator[list[Recorded]]:
    """Read the log commit by commit: the events of one commit have one instant."""
    commit: list[Recorded] = []
    async for page in eventlog.pages(database, size=PAGE):
        for recorded in _decoded(page):
            if commit and commit[-1].recorded_at != recorded.recorded_at:
                yield commit
                commit = []
            commit.append(recorded)
    if commit:
        yield commit


def _decoded(page: Iterable[Stored]) -> Iterable[Recorded]:
    for position, recorded_at, body in page:
        yield Recorded(position, recorded_at, events.decode(body), body)


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
