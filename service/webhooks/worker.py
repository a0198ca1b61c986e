"""The events of one subscription, one at a time: the next is sent once the receiver has taken the one before.

So are the changed answers of its watches: each after the events up to its position, as soon as it is found, and noted
as delivered at once.

The position is stored every few events, together with the tries up to it. After a kill the events delivered since then
are delivered again: at most `FLUSH_EVENTS` events, or those of `FLUSH_SECONDS`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

import structlog

from service.domain.errors import OtherLog
from service.feed.filters import passing
from service.feed.pages import CHUNK_BYTES, EventFilter, log_page
from service.webhooks.rules import ANSWERS_ALONE, LOG_MAX
from service.webhooks.send import MICROS
from service.webhooks.store import Try

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from service.eventlog.log import Stored
    from service.feed.live import Tail
    from service.feed.pages import LogPage
    from service.storage.database import Database
    from service.watches.store import WatchStore
    from service.webhooks.rules import Rules
    from service.webhooks.send import DeliveryOutcome, Message, Sender
    from service.webhooks.store import Store, Subscription

PAGE = 100
FLUSH_EVENTS = 32
FLUSH_SECONDS = 0.5
SKIP_SECONDS = 2.0
"""How often the position is stored while the log has only events that the subscription leaves out."""
PAUSE_SECONDS = 1.0
"""How often the log is looked at for a subscription that gets changed answers alone, while none is found."""
PRUNE_EVERY = LOG_MAX // 4
"""The oldest tries are dropped each time this many were made."""

logger = structlog.get_logger(__name__)


class Parts(NamedTuple):
    """The parts that all workers of a process share; `clock` in microseconds since 1970 UTC, `chance` in [0, 1)."""

    database: Database
    tail: Tail
    store: Store
    watches: WatchStore
    sender: Sender
    rules: Rules
    clock: Callable[[], int]
    chance: Callable[[], float]


class Worker:
    """Delivers to one subscription for as long as its lease lasts."""

    def __init__(self, parts: Parts, row: Subscription) -> None:
        """`row` as it was claimed."""
        self._parts, self.row = parts, row
        self.leased_until = row.leased_until
        """Until then no other process delivers; set again when the lease is renewed."""
        self._place = row.place
        self._tries: list[Try] = []
        self._logged = 0
        self._may_have_answers = True
        self._flushed = 0.0
        self._changed = asyncio.Event()

    def notify(self, row: Subscription | None) -> None:
        """Take note of the subscription as it is now; a change takes effect after the event under way."""
        if row is None or _settings(row) != _settings(self.row):
            self._changed.set()

    def wake(self) -> None:
        """Check after the event under way whether to go on."""
        self._changed.set()

    def wake_for_answers(self) -> None:
        """Take note that changed answers may wait to be delivered."""
        self._may_have_answers = True
        self._changed.set()

    def is_leased(self) -> bool:
        """Return whether the lease still lasts."""
        return self._parts.clock() < self.leased_until

    async def run(self) -> None:
        """Deliver until the lease is lost, the subscription is no longer active, or the process is stopping.

        Also until the log is set back, so that the event delivered last is not in it. The table of subscriptions was
        set back with it: the next worker goes on from there.
        """
        with self._parts.tail.following():
            try:
                while not self._parts.tail.closed and self.is_leased() and await self._reload():
                    await self._pass()
            except OtherLog as error:
                logger.warning("webhook.set_back", subscription=self.row.name, error=str(error))
                self._tries = []  # of events that are lost
            finally:  # so that no delivered event is delivered again
                await self._flush()

    async def _reload(self) -> bool:
        """Read the subscription again; False when it is no longer ours to deliver to."""
        self._changed.clear()
        row = await self._parts.store.get(self.row.name)
        if row is None or row.fence != self.row.fence or row.state != "active":
            return False
        self.row = row
        return True

    async def _pass(self) -> None:
        """Wait until a try is due, deliver a page of events after the position, then wait for more."""
        wait = self.row.due_at - self._parts.clock()
        if wait > 0:
            await self._until_changed(wait / MICROS)
            return
        if not await self._deliver_answers():
            return
        before = self._place
        page = await self._page()
        for stored in page.events:
            if self._changed.is_set() or not self.is_leased() or not await self._deliver_event(stored):
                await self._flush()
                return
        self._place = page.place
        if page.next >= page.head and (not self._may_have_answers or self._place == before):
            await self._follow()
        elif self._since_flush() >= SKIP_SECONDS:
            await self._flush()

    async def _page(self) -> LogPage:
        wanted = passing(self.row.conditions)
        recent = self._parts.tail.page(self._place, PAGE, wanted)
        return recent or await log_page(self._parts.database, self._place, PAGE, EventFilter(wanted), CHUNK_BYTES)

    async def _deliver_answers(self) -> bool:
        """Deliver the changed answers that are known up to the position; False when one was not delivered."""
        watches = self._parts.watches
        while self._may_have_answers:
            self._may_have_answers = False
            change = await watches.waiting(self.row.name, self._place.position)
            if change is None:
                if await watches.are_waiting(self.row.name):  # one may have been added while this was read
                    self._may_have_answers = True
                break
            self._may_have_answers = True
            failures = self.row.failures
            if not self.is_leased() or not await self._try(self._parts.sender.of_change(change)):
                return False
            await watches.delivered(change)
            if failures:
                await self._parts.store.recover(self.row.name, self.row.fence)
            await self._flush()
        return True

    async def _deliver_event(self, stored: Stored) -> bool:
        """Make one try to deliver an event; False when it failed, or the process is stopping."""
        failures = self.row.failures
        if not await self._try(self._parts.sender.of_event(stored)):
            return False
        self._place = stored.place
        if failures or len(self._tries) >= FLUSH_EVENTS or self._since_flush() >= FLUSH_SECONDS:
            await self._flush()
        return True

    async def _try(self, message: Message) -> bool:
        """Make one try; False when it failed, or the process is stopping."""
        at, failures = self._parts.clock(), self.row.failures
        outcome, took = await self._parts.sender.send(self.row, message)
        if outcome.stopped:
            return False
        self._tries.append(
            Try(message.position, failures + 1, at, outcome.status, took, outcome.detail, message.change)
        )
        if not outcome.delivered:
            await self._flush()
            await self._fail(outcome)
            return False
        if failures:  # they were of the message that is now delivered
            self.row = self.row._replace(failures=0, due_at=0)
        return True

    async def _fail(self, outcome: DeliveryOutcome) -> None:
        """Set the time of the next try, or disable the subscription."""
        failures = self.row.failures + 1
        wait = None if outcome.gone else self._parts.rules.wait(failures, self._parts.chance())
        if wait is None:
            reason = "the receiver answered 410 Gone" if outcome.gone else f"{failures} tries failed: {outcome.detail}"
            due_at, state = 0, "disabled"
        else:
            reason, state = outcome.detail, "active"
            due_at = self._parts.clock() + int(max(wait, outcome.wait) * MICROS)
        if await self._parts.store.fail(self.row, due_at, state, reason) and state == "disabled":
            logger.warning("webhook.disabled", subscription=self.row.name, reason=reason)

    async def _follow(self) -> None:
        """Wait until the log moves; store the position while waiting.

        Where no event is wanted, positions that follow fast are passed over together.
        """
        if self.row.conditions.type == ANSWERS_ALONE and await self._until_changed(PAUSE_SECONDS):
            return
        if self._place.position > self.row.position or self._tries:
            patience = (FLUSH_SECONDS if self._tries else SKIP_SECONDS) - self._since_flush()
            if patience > 0 and await self._until_moved(patience):
                return
            await self._flush()
        await self._until_moved(None)

    async def _until_moved(self, seconds: float | None) -> bool:
        """Wait until the log moves or the subscription is changed; False when neither comes in time."""
        return await self._first(seconds, self._parts.tail.moved(self._place.position), self._changed.wait())

    async def _until_changed(self, seconds: float) -> bool:
        return await self._first(seconds, self._changed.wait())

    @staticmethod
    async def _first(seconds: float | None, *waits: Awaitable[object]) -> bool:
        """Wait until the first awaitable is done; False when none is in time."""
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
        """Store the tries, then the position: after a kill between the two, events are delivered and logged again."""
        store, name = self._parts.store, self.row.name
        tries, self._tries = self._tries, []
        if tries:
            await store.log(name, tries)
            self._logged += len(tries)
            if self._logged >= PRUNE_EVERY:
                self._logged = 0
                await store.prune(name)
        if self._place.position > self.row.position:
            moved = await store.move(name, self.row.fence, self._place)
            if moved is None:
                self._changed.set()
            else:
                self.row = self.row._replace(position=moved.position, failures=0, due_at=0)
        self._flushed = asyncio.get_running_loop().time()


def _settings(row: Subscription) -> tuple[object, ...]:
    """Return the members of a subscription that others may change."""
    return row.url, row.filter, row.secret, row.state, row.fence, row.due_at == 0 and row.failures == 0
