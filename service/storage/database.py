"""One contract over two databases: read rows, and commit a set of rows if the head is where the writer thinks it is.

Statements are written once, with `$1`-style parameters; what the two databases write differently has a name in
`Dialect`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import msgspec

from service.storage.layout import COLUMNS, OPEN_END

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
    from contextlib import AbstractAsyncContextManager

Row = tuple[Any, ...]

REVISION = "0020"
"""The revision of the tables that this version works with: the newest migration."""
REVISION_OF = "SELECT version_num FROM alembic_version"
CLOSE = (
    f"UPDATE version SET closed_at = $3, closed_on = $4 WHERE item = $1 AND valid_from = $2 AND closed_at = {OPEN_END}"  # noqa: S608 - a number of our own
)
"""Takes a `Closing` of versions."""
CLOSE_POSTURE = f"UPDATE posture SET closed_at = $3 WHERE issue = $1 AND valid_from = $2 AND closed_at = {OPEN_END}"  # noqa: S608 - a number of our own
"""Takes a `Closing` of postures."""
END = "UPDATE item SET over_from = $2, over_known = $3, over_on = $4 WHERE number = $1"
"""Takes an `Ending`."""
SHAPED = "UPDATE ledger SET shape = $1 WHERE id = 1"
"""Takes the shape of the projections."""
REMADE = "UPDATE head SET epoch = epoch + 1 WHERE id = 1"
"""Refuses the commits that were decided on the projections before."""
FREEZE = "UPDATE head SET frozen_at = $1 WHERE id = 1 AND frozen_at < $1 AND recorded_at < $1"
"""Takes an instant."""


class DuplicateId(Exception):  # noqa: N818 - a condition that the append resolves
    """An event id in the commit is already in the log; nothing was stored."""


class Lost(Exception):  # noqa: N818 - a condition that the append resolves
    """The database could not be reached, or broke off: a commit under way may or may not have happened."""


class NotMigrated(Exception):  # noqa: N818 - a condition, reported as it is
    """The database has not the tables of this version; run `parley migrate`."""


class NewerTables(NotMigrated):
    """A newer version of Parley has migrated the database: this one could write what is wrong there."""


def check_revision(rows: Sequence[Row]) -> None:
    """Check the rows of `REVISION_OF`; raises NotMigrated, or NewerTables, for another revision than ours."""
    found = rows[0][0] if rows else "none"
    if found != REVISION:
        reason = f"revision {found}"
        raise (NewerTables if rows and found > REVISION else NotMigrated)(reason)


def scheme(url: str) -> str:
    """Return which database a URL names, sqlite or postgresql; ValueError for any other."""
    if url.startswith("sqlite:///"):
        return "sqlite"
    if url.startswith(("postgresql://", "postgres://")):
        return "postgresql"
    msg = "the database URL must begin with sqlite:/// or postgresql://"
    raise ValueError(msg)


class Head(NamedTuple):
    """The last commit: its position and its instant (microseconds since 1970 UTC), both 0 when nothing is recorded.

    What is known up to `frozen_at`, an instant too, is final. `epoch` counts how often the log was found set back or
    its projections were remade.
    """

    position: int
    recorded_at: int
    frozen_at: int = 0
    epoch: int = 0

    @property
    def final(self) -> int:
        """Return the instant that the next commit is stamped after."""
        return max(self.recorded_at, self.frozen_at)


Closing = tuple[int, ...]
"""Closes an item's open rows of a day: the number, the day, then the position (exclusive).

For versions the day of publication at that position comes last; for an issue's postures there is none.
"""


class Ending(NamedTuple):
    """An item's new `over_from`, `over_known` and `over_on`, see the table of items."""

    item: int
    over_from: int
    over_known: int
    over_on: int


@dataclass(slots=True)
class Commit:
    """The rows of one commit by table (columns in the order of the models), and the closings and endings it makes.

    `closings` are of versions, `endings` of items that were there before.
    """

    rows: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in COLUMNS})
    closings: list[Closing] = field(default_factory=list)
    posture_closings: list[Closing] = field(default_factory=list)
    endings: list[Ending] = field(default_factory=list)


class Dialect(NamedTuple):
    """The expressions that the two databases write differently; `{}` is an argument.

    `joined` aggregates text with commas, `gathered` turns a SELECT of items into one text, between brackets and with
    commas, `found_at` names the function that finds a text in another (0: not there), `number` types a parameter as
    a position, `slugs` and `positions` take one that holds a list, as `listed` and `numbered` give it, for what a value
    is compared with; `now` is the clock of the database, in microseconds since 1970 UTC, `place` a text that is another
    in a copy of the database; whether a parameter may be an array says `has_arrays`.
    """

    name: str
    joined: str
    gathered: str
    found_at: str
    number: str
    slugs: str
    positions: str
    now: str
    place: str
    has_arrays: bool

    def listed(self, values: Sequence[str]) -> Sequence[str] | str:
        """Make a parameter of names: SQLite, which has no arrays, takes JSON."""
        return values if self.has_arrays else msgspec.json.encode(values).decode()

    def numbered(self, values: Sequence[int]) -> str:
        """Make a parameter of positions: as text, which costs a driver of PostgreSQL a fifth of an array."""
        written = ",".join(map(str, values))
        return f"{{{written}}}" if self.has_arrays else f"[{written}]"


class Source(Protocol):
    """A source of rows: a database, or one connection to it."""

    dialect: Dialect

    async def fetch(self, sql: str, *parameters: Any) -> Sequence[Row]:  # noqa: ANN401 - driver values
        """Read rows in one statement, that is from one snapshot. Of a database, short, bounded reads only."""


@dataclass(slots=True)
class Scratch:
    """One connection to a database, to read from."""

    dialect: Dialect
    fetch: Callable[..., Coroutine[Any, Any, Sequence[Row]]]


async def pages(source: Source, sql: str, after: int, size: int) -> AsyncIterator[Sequence[Row]]:
    """Read a statement page by page, with `$1` (after) and `$2` (limit); the first column is the next after."""
    while rows := await source.fetch(sql, after, size):
        yield rows
        after = rows[-1][0]
        await asyncio.sleep(0)  # where a read runs at once, others have their turn between two of them


class Database(Source, Protocol):
    """A database that holds one ledger."""

    @property
    def primary(self) -> Database:
        """The database that is written, to look at in doubt: this one, unless it reads from a copy."""

    async def open(self) -> None:
        """Connect; NotMigrated, or NewerTables, when the tables are of another version."""

    def give_up(self) -> None:
        """Let who waits for a server or a lock, now or later, get Lost at once: the process has no more time."""

    async def close(self) -> None:
        """Close every connection."""

    async def check(self) -> None:
        """Check that a commit would be taken now; raises Lost with what is wrong."""

    async def fetch_long(self, sql: str, *parameters: Any) -> Sequence[Row]:  # noqa: ANN401 - driver values
        """Read rows in one statement that may take long; other work goes on during it."""

    async def execute(self, sql: str, *parameters: Any) -> Sequence[Row]:  # noqa: ANN401 - driver values
        """Write to the tables about clients in one statement, durable on return; return the rows it returns."""

    async def listen(self, wake: Callable[[int], None]) -> None:
        """Call `wake` with the head's position after each commit of any process, as far as the database gives notice.

        Runs until cancelled, or returns at once where the database gives none. It only wakes: a notice may come late,
        twice or not at all.
        """

    def stream(self, table: str, columns: Sequence[str], keys: Sequence[str]) -> AsyncIterator[Row]:
        """Read a whole table in the order of its key, from one snapshot, without holding it in memory."""

    async def commit(self, expected: Head, head: Head, commit: Commit) -> bool:
        """Store rows and move the head from `expected` in one commit, durable on return.

        False, and nothing stored, when the head is another (its position, its instant or its epoch) or the new one's
        instant is frozen. DuplicateId, and nothing
        stored, for an id that is taken.
        """

    async def confirm(self) -> None:
        """Make sure that all that can be read is as durable as what `commit` stores; raises Lost."""

    def locked(self) -> AbstractAsyncContextManager[None]:
        """Keep others from committing; what is committed within is stored when it ends."""

    async def freeze(self, instant: int) -> None:
        """Refuse every later commit stamped with this instant or an earlier one; waits for a commit under way."""
