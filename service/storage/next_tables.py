"""The next tables: projections that a rebuild makes, while the live ones are read and added to.

They stand in the same database under names of their own. On the connection of a rebuild the plain names of the
projections mean them, and every other name means what it always does: so the statements of an append fill them as they
are. What a rebuild has done is noted in the same commits: one that was stopped is gone on with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from service.storage.database import Source
from service.storage.layout import COLUMNS, PROJECTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractAsyncContextManager

    from service.storage.database import Commit, Row

SCHEMA = "parley_next"
"""Where tables that only a rebuild reads are: a schema of PostgreSQL, a file of SQLite."""
NOTES = {
    "progress": "plan text, made_for text, stage text, planned bigint, position bigint, recorded_at bigint",
    "done": "number bigint PRIMARY KEY, events bigint",
    "dated": "issue bigint, position bigint, earliest bigint, latest bigint, PRIMARY KEY (issue, position)",
}
"""The tables of notes by name, each with its columns."""
MADE = (*PROJECTIONS, *NOTES)
COLUMNS_MADE = {table: COLUMNS[table] for table in PROJECTIONS} | {
    "done": ("number", "events"),
    "dated": ("issue", "position", "earliest", "latest"),
}
"""The columns of the tables that are filled with rows."""
READ_BY_APPENDS = {"item", "item_event", "issue_event", "bearing", "issue_published"}
"""Where one of these was wrong, so may be what appends have made of it since."""


class CannotRebuild(ValueError):  # noqa: N818 - a condition, reported as it is
    """The projections cannot be remade now; the text says why."""


class TablesInUse(Exception):  # noqa: N818 - a condition that the rebuild waits out
    """Somebody reads the live tables for long: they cannot be exchanged now."""


class Progress(NamedTuple):
    """What a rebuild has done: the row of the table of that name.

    `plan` names the rebuild, `made_for` what it makes its tables for. Events up to `planned` are made group by group;
    those up to `position`, recorded at `recorded_at`, are in the tables once the stage is `following`.
    """

    plan: str
    made_for: str
    stage: str
    planned: int
    position: int
    recorded_at: int


class NextTables(Source, Protocol):
    """A connection on which the names of the projections mean the next tables."""

    plan: str
    """The rebuild that this connection works for: a commit for another is refused."""
    unlogged: str
    """What stands between CREATE and TABLE for a table that only a rebuild reads."""

    def name(self, table: str) -> str:
        """Return the name of a next table, to write to."""

    def live(self, table: str) -> str:
        """Return the name of a live table."""

    async def is_there(self) -> bool:
        """Return whether there are next tables, with their notes, and the table `planned` that a register ends with."""

    async def make(self) -> str:
        """Make empty ones, and a place for what only a rebuild reads, and return a new plan's name.

        What was there before is dropped.
        """

    def transaction(self) -> AbstractAsyncContextManager[None]:
        """Commit what is done within, once; within another one, with that."""

    def locked(self, tables: Sequence[str] = ()) -> AbstractAsyncContextManager[None]:
        """As `transaction`, and nobody appends, nor reads these live tables; raises TablesInUse where somebody does."""

    async def load(self, commit: Commit, dated: Sequence[Row], number: int, events: int) -> None:
        """Store a group of whole items, and that its number is done. A group that was stored in part may come again."""

    async def store(self, commit: Commit) -> None:
        """Store what comes after all that is stored."""

    async def clear(self, table: str) -> None:
        """Delete every row of a next table."""

    async def analyze(self) -> None:
        """Let the database know what the tables hold, if it plans by that."""

    def snapshot(self) -> AbstractAsyncContextManager[Source]:
        """Read from the database as it is now, by `name` and `live`, however long it takes."""

    async def swap(self, tables: Sequence[str], shape: int) -> None:
        """Let next tables take the place of live ones, within `locked`, and raise the epoch."""

    async def drop(self) -> None:
        """Drop the next tables, and the live ones that they have replaced."""
