"""One subscription's events, one after the other: the next one waits until the one before has been taken.

The position is made durable once per few events, with the tries that led there; after a kill what was delivered since
is delivered again, at most `FLUSH_EVENTS` events or those of `FLUSH_SECONDS`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

import structlog

from service.feed.pages import EventFilter, log_page
from service.webhooks.rules import LOG_MAX
from service.webhooks.send import MICROS
from service.webhooks.store import Try

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from service.eventlog.log import Stored
    from service.feed.live import Tail
    from service.feed.pages import LogPage
    from service.storage.database import Database
    from service.webhooks.rules import Rules
    from service.webhooks.send import Outcome, Sender
    from service.webhooks.store import Store, Subscription

PAGE = 100
FLUSH_EVENTS = 32
FLUSH_SECONDS = 0.5
SKIP_SECONDS = 2.0
"""How often the position is made durable while only events go by that the subscription does not want."""
PRUNE_EVERY = LOG_MAX // 4
"""After so many tries the oldest are dropped."""

log = structlog.get_logger(__name__)


class Parts(NamedTuple):
    """What every worker of a process works with; `clock` in microseconds since 1970 UTC, `chance` gives [0, 1)."""

    database: Database
    tail: Tail
    store: Store
    sender: Sender
    rules: Rules
    clock: Callable[[], int]
    chance: Callable[[], float]


class Worker:
    """Delivers to one subscription while its lease is held."""

    def __init__(self, parts: Parts, row: Subscription) -> None:
        """`row` as it was claimed."""
        self._parts, self.row = parts, row
        self.leased_until = row.leased_until
        """Until then nobody else delivers; whoever renews the lease says so."""
        self._reached = row.position
        self._tries: list[Try] = []
        self._logged = 0
        self._flushed = 0.0
        self._changed = asyncio.Event()

    def tell(self, row: Subscription | None) -> None:
        """Return how the subscription stands; a change is taken up behind the event under way."""
        if row is None or _settings(row) != _settings(self.row):
            self._changed.set()

    def wake(self) -> None:
        """Look behind the event under way whether to go on."""
        self._changed.set()

    def is_leased(self) -> bool:
        """Return whether it may still deliver."""
        return self._parts.clock() < self.leased_until

    async def run(self) -> None:
        """Deliver until the lease is lost, the subscription is no longer active, or the process is stopping."""
        with self._parts.tail.following():
            try:
                while not self._parts.tail.closed and self.is_leased() and await self._reload():
                    await self._pass()
            finally:  # what has been delivered is not to be delivered again
                await self._flush()

    async def _reload(self) -> bool:
        """Read the subscription again; False when it is not ours to deliver to any more."""
        self._changed.clear()
        row = await self._parts.store.get(self.row.name)
        if row is None or row.fence != self.row.fence or row.state != "active":
            return False
        self.row = row
        return True

    async def _pass(self) -> None:
        """Wait until a try is due, deliver what is there behind the position, then wait for more."""
        wait = self.row.due_at - self._parts.clock()
        if wait > 0:
            await self._until_changed(wait / MICROS)
            return
        page = await self._page()
        for stored in page.events:
            if self._changed.is_set() or not self.is_leased() or not await self._deliver(stored):
                await self._flush()
                return
        self._reached = max(self._reached, page.next)
        if self._reached >= page.head:
            await self._follow()
        elif self._since_flush() >= SKIP_SECONDS:
            await self._flush()

    async def _page(self) -> LogPage:
        tokens = self.row.conditions.tokens()
        recent = self._parts.tail.page(self._reached, PAGE, tokens)
        return recent or await log_page(self._parts.database, self._reached, PAGE, EventFilter(tokens))

    async def _deliver(self, stored: Stored) -> bool:
        """Make one try; False when it failed, or the process is stopping."""
        at, failures = self._parts.clock(), self.row.failures
        outcome, took = await self._parts.sender.send(self.row, stored)
        if outcome.stopped:
            return False
        self._tries.append(Try(stored.position, failures + 1, at, outcome.status, took, outcome.detail))
        if not outcome.delivered:
            await self._flush()
            await self._fail(outcome)
            return False
        self._reached = stored.position
        if failures:  # it counts for the event that was just delivered
            self.row = self.row._replace(failures=0, due_at=0)
        if failures or len(self._tries) >= FLUSH_EVENTS or self._since_flush() >= FLUSH_SECONDS:
            await self._flush()
        return True

    async def _fail(self, outcome: Outcome) -> None:
        """Set the time of the next try, or give the subscription up."""
        failures = self.row.failures + 1
        wait = None if outcome.gone else self._parts.rules.wait(failures, self._parts.chance())
        if wait is None:
            reason = "the receiver answered 410 Gone" if outcome.gone else f"{failures} tries failed: {outcome.detail}"
            due_at, state = 0, "disabled"
        else:
            reason, state = outcome.detail, "active"
            due_at = self._parts.clock() + int(max(wait, outcome.wait) * MICROS)
        if await self._parts.store.fail(self.row, due_at, state, reason) and state == "disabled":
            log.warning("webhook.disabled", subscription=self.row.name, reason=reason)

    async def _follow(self) -> None:
        """Wait until the log moves, making the position durable meanwhile."""
        if self._reached > self.row.position or self._tries:
            patience = (FLUSH_SECONDS if self._tries else SKIP_SECONDS) - self._since_flush()
            if patience > 0 and await self._until_moved(patience):
                return
            await self._flush()
        await self._until_moved(None)

    async def _until_moved(self, seconds: float | None) -> bool:
        """Wait until the log moves or the subscription is changed; False when neither comes in time."""
        return await self._first(seconds, self._parts.tail.moved(self._reached), self._changed.wait())

    async def _until_changed(self, seconds: float) -> bool:
        return await self._first(seconds, self._changed.wait())

    @staticmethod
    async def _first(seconds: float | None, *waits: Awaitable[object]) -> bool:
        """Wait for the first of some; False when none comes in time."""
        tasks = [asyncio.ensure_future(wait) for wait in waits]
        try:
            done, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return bool(done)

    def _since_flush(self) -> float:
        return asyncio.get_running_loop().time() - self._flushed

    async def _flush(self) -> None:
        """Keep the tries, then the position: what is lost between the two is delivered again, and logged again."""
        store, name = self._parts.store, self.row.name
        tries, self._tries = self._tries, []
        if tries:
            await store.log(name, tries)
            self._logged += len(tries)
            if self._logged >= PRUNE_EVERY:
                self._logged = 0
                await store.prune(name)
        if self._reached > self.row.position:
            moved = await store.move(name, self.row.fence, self._reached)
            if moved is None:
                self._changed.set()
            else:
                self.row = self.row._replace(position=moved.position, failures=0, due_at=0)
        self._flushed = asyncio.get_running_loop().time()


def _settings(row: Subscription) -> tuple[object, ...]:
    """Return what somebody else may change about a subscription."""
    return row.url, row.filter, row.secret, row.state, row.fence, row.due_at == 0 and row.failures == 0
