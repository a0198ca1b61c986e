"""The lease to write: which process of a database records what all of them are sent.

It is one row, and the clock of the database decides when it ends. It makes writing faster, not right: a commit goes
through only after the head that it was decided on, whoever makes it.

A copy of the database has the row too, and its owner writes for the original: so the row names the database that it is
of, and in another it is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from service.storage.database import Database

_READ = "SELECT owner, address, secret, ends_at > {now} AND place = {place} FROM writer WHERE id = 1"
_CLAIM = """
UPDATE writer SET owner = $1, address = $2, secret = $3, place = {place}, ends_at = {now} + $4
WHERE id = 1 AND (owner = $1 OR (owner = $5 AND ends_at <= {now})) RETURNING owner
"""
_RELEASE = "UPDATE writer SET ends_at = 0 WHERE id = 1 AND owner = $1"


class Lease(NamedTuple):
    """The lease as it stands: `owner` names a process, `address` is where it takes appends (host:port).

    `secret` is known to those who can read the database. `runs` is false where it has ended.
    """

    owner: str
    address: str
    secret: str
    runs: bool


async def read(database: Database) -> Lease:
    """Return the lease."""
    owner, address, secret, runs = (await database.fetch(_of(database, _READ)))[0]
    return Lease(owner, address, secret, bool(runs))


async def claim(database: Database, mine: Lease, seconds: float, after: str) -> bool:
    """Take the lease, or lengthen it; False where it is taken. `after` is the owner of the one that has ended."""
    micros = int(seconds * 1_000_000)
    return bool(await database.execute(_of(database, _CLAIM), mine.owner, mine.address, mine.secret, micros, after))


async def release(database: Database, owner: str) -> None:
    """End the lease of an owner."""
    await database.execute(_RELEASE, owner)


def _of(database: Database, sql: str) -> str:
    return sql.format(now=database.dialect.now, place=database.dialect.place)
