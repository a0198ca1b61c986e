"""Subscriptions and their deliveries in the database: every statement about them.

A process delivers under a lease, and writes with the `fence` that it got with the lease. A claim or a replay raises the
fence, so that a write with the old one changes nothing: a process that lost its lease can neither move a position back
nor skip an event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from service.eventlog.head import waited_seconds
from service.eventlog.log import Place
from service.feed.filters import EventConditions
from service.webhooks.rules import LOG_MAX, SUBSCRIPTIONS_MAX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.storage.database import Database, Row


class Subscription(NamedTuple):
    """A row of the table; instants in microseconds since 1970 UTC, 0 for none."""

    name: str
    url: str
    filter: str
    secret: str
    old_secret: str
    old_until: int
    position: int
    state: str
    reason: str
    failures: int
    due_at: int
    subscribed_at: int
    owner: str
    leased_until: int
    fence: int
    reached_at: int | None = None
    """When the event at `position` was recorded: no column, but read from the log in the same statement."""

    @property
    def place(self) -> Place:
        """Return the place up to which events have been delivered."""
        return Place(self.position, self.reached_at)

    @property
    def conditions(self) -> EventConditions:
        """Return the conditions on the events that are sent."""
        return msgspec.json.decode(self.filter, type=EventConditions)


class SubscriptionLag(NamedTuple):
    """How far a subscription is from the head of the log: `failures` are its failed tries in a row.

    Instants are microseconds since 1970 UTC: `head_at` is that of the head, `waiting_since` when the first event after
    `position` was recorded; None when there is none.
    """

    name: str
    state: str
    failures: int
    position: int
    head: int
    head_at: int
    waiting_since: int | None

    @property
    def events(self) -> int:
        """Return how many events follow the last one delivered."""
        return max(0, self.head - self.position)

    def seconds(self, now: int) -> float:
        """Return the age of the first event that follows in seconds; 0 when there is none."""
        return waited_seconds(self.waiting_since, self.head_at, now)


class Try(NamedTuple):
    """One try to deliver an event: `status` is 0 without an answer, `took` in microseconds, `at` its beginning.

    `change` is the id of a changed answer, "" where it is the event at `position` that was delivered.
    """

    position: int
    attempt: int
    at: int
    status: int
    took: int
    detail: str
    change: str = ""


class Logged(NamedTuple):
    """A kept try: its number, counted over all subscriptions, and the id of the event."""

    number: int
    event: bytes
    tried: Try


_COLUMNS = ", ".join(Subscription._fields[:-1])
_ROW = f"{_COLUMNS}, (SELECT e.recorded_at FROM event e WHERE e.position = subscription.position)"
_CREATE = f"""
INSERT INTO subscription ({_COLUMNS})
SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS TEXT), '', 0,
    COALESCE(CAST($5 AS BIGINT), h.position), 'active', '', 0, 0, CAST($6 AS BIGINT), '', 0, CAST($6 AS BIGINT)
FROM head h WHERE h.id = 1 AND (SELECT count(*) FROM subscription) < {SUBSCRIPTIONS_MAX}
ON CONFLICT DO NOTHING RETURNING {_ROW}
"""
_ALL = f"SELECT {_ROW} FROM subscription"
_LAGS = """
SELECT name, state, failures, position, (SELECT h.position FROM head h WHERE h.id = 1),
    (SELECT h.recorded_at FROM head h WHERE h.id = 1),
    (SELECT e.recorded_at FROM event e WHERE e.position = subscription.position + 1)
FROM subscription
"""
_ONE = f"{_ALL} WHERE name = $1"
_CHANGE = f"""
UPDATE subscription SET url = COALESCE(CAST($2 AS TEXT), url), filter = COALESCE(CAST($3 AS TEXT), filter),
    state = COALESCE(CAST($4 AS TEXT), state), reason = CASE WHEN $4 IS NULL THEN reason ELSE '' END,
    failures = CASE WHEN $4 = 'active' THEN 0 ELSE failures END,
    due_at = CASE WHEN $4 = 'active' THEN 0 ELSE due_at END
WHERE name = $1 RETURNING {_ROW}
"""
_ROTATE = f"""
UPDATE subscription SET old_secret = secret, old_until = $3, secret = $2 WHERE name = $1 RETURNING {_ROW}
"""
_REPLAY = f"""
UPDATE subscription SET position = $2, failures = 0, due_at = 0, fence = fence + 1
WHERE name = $1 RETURNING {_ROW}
"""
_DELETE = """
DELETE FROM subscription WHERE name = $1 AND NOT EXISTS (SELECT 1 FROM watch w WHERE w.subscription = $1) RETURNING name
"""
_CLAIM = f"""
UPDATE subscription SET owner = $2, leased_until = $3, fence = fence + 1
WHERE name = $1 AND fence = $4 AND state = 'active' AND (leased_until < $5 OR leased_until > $6) RETURNING {_ROW}
"""
_RENEW = "UPDATE subscription SET leased_until = $2 WHERE owner = $1"
_RELEASE = "UPDATE subscription SET owner = '', leased_until = 0 WHERE owner = $1 AND name = $2"
_RELEASE_ALL = "UPDATE subscription SET owner = '', leased_until = 0 WHERE owner = $1"
_MOVE = f"""
UPDATE subscription SET position = $3, failures = 0, due_at = 0,
    reason = CASE WHEN state = 'active' THEN '' ELSE reason END
WHERE name = $1 AND fence = $2 AND position <= $3
    AND EXISTS (SELECT 1 FROM event e WHERE e.position = $3 AND e.recorded_at = $4) RETURNING {_ROW}
"""
_RECOVER = """
UPDATE subscription SET failures = 0, due_at = 0, reason = '' WHERE name = $1 AND fence = $2 AND state = 'active'
"""
_FAIL = f"""
UPDATE subscription SET failures = failures + 1, due_at = $4, state = $5, reason = $6
WHERE name = $1 AND fence = $2 AND failures = $3 AND state = 'active' RETURNING {_ROW}
"""
_LOG = "INSERT INTO delivery (subscription, position, attempt, at, status, took, detail, change) VALUES {rows}"
_LOGGED = """
SELECT d.number, e.id, d.position, d.attempt, d.at, d.status, d.took, d.detail, d.change
FROM delivery d JOIN event e ON e.position = d.position
WHERE d.subscription = $1 AND d.number < $2 ORDER BY d.number DESC LIMIT $3
"""
_PRUNE = f"""
DELETE FROM delivery WHERE subscription = $1 AND number <= (
    SELECT number FROM delivery WHERE subscription = $1 ORDER BY number DESC LIMIT 1 OFFSET {LOG_MAX}
)
"""
_FORGET = "DELETE FROM delivery WHERE subscription = $1"


class Store:
    """The subscriptions and deliveries of one database."""

    def __init__(self, database: Database) -> None:
        """`database` must be open when a method is called."""
        self._database = database

    async def create(
        self, name: str, url: str, conditions: EventConditions, secret: str, after: int | None, now: int
    ) -> Subscription | None:
        """Add a subscription after a position, or after the head; None when the name is taken or there are too many.

        Its fence begins at `now`: a process that still delivers for a deleted one of the same name cannot move it.
        """
        filter_ = msgspec.json.encode(conditions).decode()
        made = await self._one(_CREATE, name, url, filter_, secret, after, now)
        if made is not None:
            await self._database.execute(_FORGET, name)
        return made

    async def all(self) -> list[Subscription]:
        """Read every subscription, by name."""
        return sorted(Subscription(*row) for row in await self._database.fetch(_ALL))

    async def lags(self) -> list[SubscriptionLag]:
        """Read how far each subscription is from the head."""
        return [SubscriptionLag(*row) for row in await self._database.fetch(_LAGS)]

    async def get(self, name: str) -> Subscription | None:
        """Read one subscription; None when there is none of this name."""
        return _only(await self._database.fetch(_ONE, name))

    async def change(
        self, name: str, url: str | None = None, conditions: EventConditions | None = None, state: str | None = None
    ) -> Subscription | None:
        """Change the given members; None when there is no such subscription.

        State `active` also clears its failures and makes it due.
        """
        filter_ = None if conditions is None else msgspec.json.encode(conditions).decode()
        return await self._one(_CHANGE, name, url, filter_, state)

    async def rotate(self, name: str, secret: str, old_until: int) -> Subscription | None:
        """Replace the secret; the old one also signs until an instant."""
        return await self._one(_ROTATE, name, secret, old_until)

    async def replay(self, name: str, after: int) -> Subscription | None:
        """Set the position; the process that delivers reads the subscription again."""
        return await self._one(_REPLAY, name, after)

    async def delete(self, name: str) -> bool:
        """Delete a subscription and its tries; False when there was none, or watches deliver to it."""
        deleted = bool(await self._database.execute(_DELETE, name))
        if deleted:
            await self._database.execute(_FORGET, name)
        return deleted

    async def claim(self, seen: Subscription, owner: str, until: int, now: int) -> Subscription | None:
        """Take the free lease of an active subscription; None when another process was quicker.

        A lease that ends further off than two leases was made by a clock that was ahead. It is free too: its owner
        would have shortened it, and the fence keeps that owner from moving the subscription.
        """
        return await self._one(_CLAIM, seen.name, owner, until, seen.fence, now, until + (until - now))

    async def renew(self, owner: str, until: int) -> None:
        """Lengthen every lease of an owner."""
        await self._database.execute(_RENEW, owner, until)

    async def release(self, owner: str, name: str | None = None) -> None:
        """End the lease of one subscription, or all leases of an owner."""
        if name is None:
            await self._database.execute(_RELEASE_ALL, owner)
        else:
            await self._database.execute(_RELEASE, owner, name)

    async def move(self, name: str, fence: int, place: Place) -> Subscription | None:
        """Record that everything up to a place is delivered; None when the fence has changed, or the log."""
        return await self._one(_MOVE, name, fence, place.position, place.recorded_at)

    async def recover(self, name: str, fence: int) -> None:
        """Forget the failed tries: what they were of is delivered, and was no event."""
        await self._database.execute(_RECOVER, name, fence)

    async def fail(self, seen: Subscription, due_at: int, state: str, reason: str) -> Subscription | None:
        """Record that the try of the next event failed; None when the fence, the count or the state has changed."""
        return await self._one(_FAIL, seen.name, seen.fence, seen.failures, due_at, state, reason)

    async def log(self, name: str, tries: Sequence[Try]) -> None:
        """Record tries."""
        rows: list[str] = []
        parameters: list[str | int] = []
        for each in tries:
            marks = ", ".join(f"${len(parameters) + index}" for index in range(1, len(each) + 2))
            rows.append(f"({marks})")
            parameters += [name, *each]
        await self._database.execute(_LOG.format(rows=", ".join(rows)), *parameters)

    async def logged(self, name: str, before: int, limit: int) -> list[Logged]:
        """Read the tries of a subscription below a number, newest first."""
        rows = await self._database.fetch(_LOGGED, name, before, limit)
        return [Logged(number, event, Try(*tried)) for number, event, *tried in rows]

    async def prune(self, name: str) -> None:
        """Drop the oldest tries of a subscription, all but LOG_MAX."""
        await self._database.execute(_PRUNE, name)

    async def _one(self, sql: str, *parameters: object) -> Subscription | None:
        return _only(await self._database.execute(sql, *parameters))


def _only(rows: Sequence[Row]) -> Subscription | None:
    return Subscription(*rows[0]) if rows else None
