"""Watches and their answers in the database: every statement about them.

The answers to a question are rows with numbers from 1. A row is the change from the answer before it and its delivery
in one: it is stored in one statement, by the process that has the lease of the subscription, and only next to the row
that this process knows. Deliveries are counted in the watch, so an answer is delivered while its number is larger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from service.domain.errors import Refused
from service.watches.answers import ChangedAnswer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from service.storage.database import Database, Row
    from service.watches.answers import GivenAnswer

WATCHES_MAX: Final = 1_000
"""Watches that a ledger keeps; some made at the same moment may go a little beyond."""
WAITING_MAX: Final = 20
"""Answers of a watch that wait to be delivered, at most: before it is asked again, one of them has to be."""


class Asked(NamedTuple):
    """When a question was asked: `at` in microseconds since 1970 UTC, D, K, and the epoch of the ledger."""

    at: int
    day: int
    position: int
    epoch: int


class Watch(NamedTuple):
    """A watch, when its question was asked last, and its last answer; `body` only where it was read too.

    `version` is the instant at which the question was set; `delivered` the number of the last answer that the receiver
    has.
    """

    name: str
    question: str
    subscription: str
    version: int
    asked_at: int
    day: int
    position: int
    epoch: int
    delivered: int
    number: int
    url: str
    digest: str
    body: bytes = b""


class TooManyWatches(Refused):
    """There are as many watches as a ledger keeps; none was made."""


_WATCH = "w.name, w.question, w.subscription, w.version, w.asked_at, w.day, w.position, w.epoch, w.delivered"
_LAST = """FROM watch w JOIN answer a ON a.watch = w.name AND a.version = w.version AND a.number =
    (SELECT max(l.number) FROM answer l WHERE l.watch = w.name AND l.version = w.version)"""
_ALL = f"SELECT {_WATCH}, a.number, a.url, a.digest {_LAST}"
_ONE = f"SELECT {_WATCH}, a.number, a.url, a.digest, a.body {_LAST} WHERE w.name = $1"
_PAGE = f"{_ALL} WHERE {{name}} > $1 ORDER BY {{name}} LIMIT $2"
_BY_BYTES = {"sqlite": "w.name", "postgresql": 'w.name COLLATE "C"'}
"""The name as it is compared by its bytes, in whatever language a database sorts."""
_COUNT = "SELECT count(*) FROM watch"
_STAMP = "SELECT count(*), CAST(COALESCE(sum(version), 0) AS TEXT) FROM watch"
_FIRST = """
INSERT INTO answer (watch, version, number, id, url, position, at, digest, body)
VALUES ($1, $2, 1, '', $3, $4, $2, $5, $6)
ON CONFLICT DO NOTHING
"""
_PUT = f"""
INSERT INTO watch (name, question, subscription, version, asked_at, day, position, epoch, delivered)
SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), s.name, CAST($4 AS BIGINT), CAST($4 AS BIGINT), CAST($5 AS BIGINT),
    CAST($6 AS BIGINT), CAST($7 AS BIGINT), 1
FROM subscription s WHERE s.name = $3
    AND (({_COUNT}) < {WATCHES_MAX} OR EXISTS (SELECT 1 FROM watch o WHERE o.name = $1))
ON CONFLICT (name) DO UPDATE SET question = excluded.question, subscription = excluded.subscription,
    version = excluded.version, asked_at = excluded.asked_at, day = excluded.day, position = excluded.position,
    epoch = excluded.epoch, delivered = excluded.delivered
WHERE watch.version < excluded.version RETURNING name
"""
_FORGET = "DELETE FROM answer WHERE watch = $1 AND version < $2"
_UNDO = """
DELETE FROM answer WHERE watch = $1 AND version = $2
    AND NOT EXISTS (SELECT 1 FROM watch w WHERE w.name = $1 AND w.version = $2)
"""
_DELETE = "DELETE FROM watch WHERE name = $1 RETURNING version"
_DELIVERING_TO = "SELECT name FROM watch WHERE subscription = $1 ORDER BY name LIMIT 10"
_ADD = f"""
INSERT INTO answer (watch, version, number, id, url, position, at, digest, body)
SELECT w.name, w.version, p.number + 1, CAST($5 AS TEXT), CAST($6 AS TEXT), CAST($7 AS BIGINT), CAST($8 AS BIGINT),
    CAST($9 AS TEXT), $10
FROM watch w JOIN answer p ON p.watch = w.name AND p.version = w.version AND p.number = $3 AND p.digest = $4
    JOIN subscription s ON s.name = w.subscription AND s.owner = $11
WHERE w.name = $1 AND w.version = $2 AND p.number < w.delivered + {WAITING_MAX}
ON CONFLICT DO NOTHING RETURNING number
"""
_CONFIRM = """
UPDATE watch SET asked_at = $1, day = $2, position = $3, epoch = $4
WHERE name || ':' || CAST(version AS TEXT) {among}
    AND EXISTS (SELECT 1 FROM subscription s WHERE s.name = watch.subscription AND s.owner = $6)
RETURNING name
"""
_WAITING = """
SELECT a.watch, a.version, a.number, a.id, a.position, a.at, w.question, b.url, b.digest, b.body, a.url, a.digest,
    a.body
FROM watch w JOIN answer a ON a.watch = w.name AND a.version = w.version AND a.number = w.delivered + 1
    JOIN answer b ON b.watch = w.name AND b.version = w.version AND b.number = w.delivered
WHERE w.subscription = $1 AND a.position <= $2 ORDER BY a.position, a.at, a.watch LIMIT 1
"""
_ARE_WAITING = """
SELECT 1 FROM watch w JOIN answer a ON a.watch = w.name AND a.version = w.version AND a.number = w.delivered + 1
WHERE w.subscription = $1 LIMIT 1
"""
_DELIVERED = """
UPDATE watch SET delivered = $3 WHERE name = $1 AND version = $2 AND delivered = $3 - 1
    AND EXISTS (SELECT 1 FROM answer a WHERE a.watch = $1 AND a.version = $2 AND a.number = $3 AND a.id = $4)
"""
"""The id is compared: a database that was set back may have no such answer, or another."""
_PRUNE = """
DELETE FROM answer WHERE watch = $1 AND version = $2
    AND number < (SELECT w.delivered FROM watch w WHERE w.name = $1 AND w.version = $2)
"""
_ENDS = "SELECT recorded_at, position FROM commit_mark WHERE recorded_at {among}"
_REFERRED_TO = "SELECT DISTINCT token FROM facet WHERE token {among}"


class WatchStore:
    """The watches of one database."""

    def __init__(self, database: Database) -> None:
        """`database` must be open when a method is called."""
        self._database = database

    async def get(self, name: str) -> Watch | None:
        """Read a watch with its last answer; None when there is none of this name."""
        rows = await self._database.fetch(_ONE, name)
        return Watch(*rows[0]) if rows else None

    async def page(self, after: str, limit: int) -> list[Watch]:
        """Read up to `limit` watches in the order of their names, after a name."""
        sql = _PAGE.format(name=_BY_BYTES[self._database.dialect.name])
        return [Watch(*row) for row in await self._database.fetch(sql, after, limit)]

    async def all(self) -> list[Watch]:
        """Read every watch."""
        return [Watch(*row) for row in await self._database.fetch(_ALL)]

    async def stamp(self) -> Row:
        """Return what is another when a watch was made, set to another question or deleted."""
        return tuple((await self._database.fetch(_STAMP))[0])

    async def put(self, name: str, question: str, subscription: str, asked: Asked, answer: GivenAnswer) -> bool:
        """Set a watch with its first answer; its version is when that was asked.

        False when there is no such subscription, or a watch of this name and a later version. Raises TooManyWatches.
        """
        first = asked.position, answer.digest(), answer.body
        await self._database.execute(_FIRST, name, asked.at, answer.url, *first)
        if await self._database.execute(_PUT, name, question, subscription, *asked):
            await self._database.execute(_FORGET, name, asked.at)
            return True
        await self._database.execute(_UNDO, name, asked.at)
        if await self.get(name) is None and (await self._database.fetch(_COUNT))[0][0] >= WATCHES_MAX:
            raise TooManyWatches
        return False

    async def delete(self, name: str) -> bool:
        """Delete a watch and its answers; False when there was none."""
        rows = await self._database.execute(_DELETE, name)
        for (version,) in rows:
            await self._database.execute(_FORGET, name, version + 1)
        return bool(rows)

    async def delivering_to(self, subscription: str) -> list[str]:
        """Return the names of the first few watches that deliver to a subscription."""
        return [name for (name,) in await self._database.fetch(_DELIVERING_TO, subscription)]

    async def add(self, seen: Watch, id_: str, asked: Asked, answer: GivenAnswer, owner: str) -> bool:
        """Store an answer after the last one of a watch as it was seen, to be delivered.

        False, and nothing stored, when the watch or its last answer is another, when its subscription is not leased by
        `owner`, or when so many answers are waiting already.
        """
        known = seen.name, seen.version, seen.number, seen.digest
        found = id_, answer.url, asked.position, asked.at, answer.digest(), answer.body
        return bool(await self._database.execute(_ADD, *known, *found, owner))

    async def confirm(self, watches: Iterable[Watch], asked: Asked, owner: str) -> set[str]:
        """Note that watches were asked, those whose subscriptions are leased by `owner`; return their names."""
        dialect = self._database.dialect
        names = dialect.listed([f"{each.name}:{each.version}" for each in watches])
        sql = _CONFIRM.format(among=dialect.slugs.format("$5"))
        return {name for (name,) in await self._database.execute(sql, *asked, names, owner)}

    async def waiting(self, subscription: str, position: int) -> ChangedAnswer | None:
        """Return the next change to deliver to a subscription, of those known up to a position."""
        rows = await self._database.fetch(_WAITING, subscription, position)
        return ChangedAnswer(*rows[0]) if rows else None

    async def are_waiting(self, subscription: str) -> bool:
        """Return whether changes of some position wait to be delivered to a subscription."""
        return bool(await self._database.fetch(_ARE_WAITING, subscription))

    async def delivered(self, change: ChangedAnswer) -> None:
        """Note that a receiver has a change, and forget the answer before it."""
        await self._database.execute(_DELIVERED, change.watch, change.version, change.number, change.id)
        await self._database.execute(_PRUNE, change.watch, change.version)

    async def ends(self, instants: Sequence[int]) -> dict[int, int]:
        """Return the last position of each commit, by the instant at which it was recorded."""
        dialect = self._database.dialect
        sql = _ENDS.format(among=dialect.positions.format("$1"))
        return dict([tuple(row) for row in await self._database.fetch(sql, dialect.numbered(instants))])

    async def referred_to(self, tokens: Sequence[str]) -> set[str]:
        """Return those of some tokens that any item was ever found by."""
        dialect = self._database.dialect
        sql = _REFERRED_TO.format(among=dialect.slugs.format("$1"))
        return {token for (token,) in await self._database.fetch(sql, dialect.listed(tokens))}
