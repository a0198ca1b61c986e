"""The write path: accept -> decide -> append -> project -> answer.

One task drains the queue and commits many requests at once (group commit). It works on the head it saw last and commits
by compare-and-set: when another process was faster, it reads what is new and decides again. So positions come in commit
order, and nothing is decided on knowledge that is no longer the newest.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import structlog
from msgspec.structs import replace

from service import eventlog
from service.domain import instants
from service.domain.decide import decide
from service.domain.errors import EventIdConflict, Refused, Unavailable, VersionConflict
from service.domain.events import Fact, Record, RecordCorrected, decode, encode
from service.eventlog import Stored
from service.storage.database import DuplicateId, Head, Lost
from service.views import cache
from service.views.project import Projector, Recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from uuid import UUID

    from service.domain.decide import Decision
    from service.domain.errors import Fault
    from service.domain.events import Batch
    from service.storage.database import Database
    from service.views.project import ItemView

GROUP_EVENTS = 2_000
"""A group takes requests until it holds this many events."""
ATTEMPTS = 50
"""How often a group is decided anew when others keep moving the head, before its writers are told to try again."""
LOST_ATTEMPTS = 3
QUEUE_MAX = 10_000
"""Requests that may wait; more are told to try again."""

log = structlog.get_logger(__name__)


class Receipt(NamedTuple):
    """What an append answers: the recorded events, what looks wrong, whether they had been recorded before."""

    events: list[Stored]
    warnings: list[Fault]
    repeated: bool


@dataclass(slots=True)
class Counted:
    """What a process has done since its start."""

    events: int = 0
    commits: int = 0
    refused: int = 0


@dataclass(eq=False, slots=True)
class _Request:
    """An append on its way; its events have their ids.

    `has_ids` tells whether the client gave ids, `look_up` asks to look for them in the log, `own` says that what is
    found there is this request's own commit. `outcome` is set when it is decided.
    """

    events: Sequence[Fact | Record]
    expected: dict[str, int]
    answer: asyncio.Future[Receipt]
    has_ids: bool
    look_up: bool = False
    own: bool = False
    found: dict[UUID, Stored] = field(default_factory=dict)
    outcome: Receipt | Refused | None = None

    def ids(self) -> list[UUID]:
        """Give the ids of its events."""
        return [_id(event) for event in self.events]

    def resolve(self) -> None:
        """Answer the writer."""
        if self.answer.done():
            return
        if isinstance(self.outcome, Receipt):
            self.answer.set_result(self.outcome)
        elif self.outcome is not None:
            self.answer.set_exception(self.outcome)


class Ledger:
    """Appends to one ledger; one instance a process and database."""

    def __init__(self, database: Database, clock: Callable[[], int], new_id: Callable[[], UUID]) -> None:
        """`clock` gives microseconds since 1970 UTC, `new_id` UUIDv7s."""
        self._database, self._clock, self._new_id = database, clock, new_id
        self._views = cache.Views(database)
        self._queue: deque[_Request] = deque()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._head = Head(0, 0)
        self.counted = Counted()
        self._asked = 0
        self._stamping = asyncio.Lock()

    async def start(self) -> None:
        """Read the head and begin to take appends."""
        self._head = await eventlog.head(self._database)
        self._task = asyncio.create_task(self._run(), name="append")

    async def stop(self) -> None:
        """Finish what is queued, then stop."""
        self._stopping = True
        self._wake.set()
        if self._task is not None:
            await self._task

    @property
    def waiting(self) -> int:
        """How many appends wait for a commit."""
        return len(self._queue)

    async def append(self, batch: Batch) -> Receipt:
        """Record a batch, whole or not at all; on return it is durable.

        Malformed, VersionConflict or EventIdConflict refuse it; Unavailable when the ledger cannot take it now.
        """
        if self._task is None or self._stopping or len(self._queue) >= QUEUE_MAX:
            reason = "the ledger takes no more appends now"
            raise Unavailable(reason)
        events = [event if event.id is not None else replace(event, id=self._new_id()) for event in batch.events]
        has_ids = any(event.id is not None for event in batch.events)
        answer: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._queue.append(_Request(events, batch.expected_versions, answer, has_ids))
        self._wake.set()
        return await answer

    async def freeze(self, instant: int) -> None:
        """Make what is known at an instant final: no later commit of this process is stamped with it or before.

        `instant` in microseconds since 1970 UTC, not in the future.
        """
        if instant > self._head.recorded_at:
            self._asked = max(self._asked, instant)
            async with self._stamping:  # A commit under way may carry an earlier stamp: wait until it is there.
                pass

    async def _run(self) -> None:
        while self._queue or not self._stopping:
            if not self._queue:
                self._wake.clear()
                await self._wake.wait()
                continue
            group = self._next_group()
            try:
                await self._record(group)
            except Exception as error:
                log.exception("append.failed", requests=len(group))
                self._views.clear()
                for request in group:
                    if not request.answer.done():
                        request.answer.set_exception(_unavailable(error))

    def _next_group(self) -> list[_Request]:
        """Take what fits into one commit; two requests with an id in common do not."""
        group: list[_Request] = []
        size = 0
        ids: set[UUID] = set()
        while self._queue:
            request = self._queue[0]
            clash = request.has_ids and not ids.isdisjoint(request.ids())
            if group and (clash or size + len(request.events) > GROUP_EVENTS):
                break
            self._queue.popleft()
            if request.answer.cancelled():
                continue
            group.append(request)
            size += len(request.events)
            if request.has_ids:
                ids.update(request.ids())
        return group

    async def _record(self, group: Sequence[_Request]) -> None:
        """Decide and commit a group until it is stored, then answer each request."""
        lost = 0
        for _ in range(ATTEMPTS):
            try:
                async with self._stamping:
                    now = max(self._clock(), self._asked + 1)
                    if head := await _Attempt(self._database, self._views, self._head, now).make(group):
                        self._count(group, head)
                        self._head = head
                        break
            except DuplicateId:
                for request in group:
                    request.look_up = request.look_up or request.has_ids
                continue
            except Lost:
                lost += 1
                if lost == LOST_ATTEMPTS:
                    raise
                for request in group:  # Whether the commit happened, the log tells by the ids.
                    request.look_up = request.own = True
            await self._catch_up()
        else:
            reason = "too many writers at once"
            raise Unavailable(reason)
        for request in group:
            request.resolve()
        self._views.trim()

    def _count(self, group: Sequence[_Request], head: Head) -> None:
        self.counted.commits += head != self._head
        self.counted.events += head.position - self._head.position
        self.counted.refused += sum(not isinstance(request.outcome, Receipt) for request in group)

    async def _catch_up(self) -> None:
        """Forget what others have changed, and work on from the newest head."""
        head = await eventlog.head(self._database)
        await self._views.catch_up(self._head.position)
        self._head = head


class _Attempt:
    """One try to record a group behind one head, request by request."""

    def __init__(self, database: Database, views: cache.Views, head: Head, now: int) -> None:
        self._database, self._views, self._head = database, views, head
        self._recorded_at = max(now, head.recorded_at + 1)
        self._position = head.position
        self._homes: dict[UUID, str] = {}
        self._touched: set[str] = set()
        self._known = cache.Knowledge(views.get, self._homes)
        self._projector = Projector(self._touch, self._keep)

    async def make(self, group: Sequence[_Request]) -> Head | None:
        """Decide every request and commit; None when the head has moved. Views touched in vain are forgotten."""
        stored = False
        try:
            await self._look_up([request for request in group if request.look_up and not request.found])
            await self._load([request for request in group if not request.found])
            for request in group:
                request.outcome = await self._outcome(request)
            stored = await self._commit()
        finally:
            if not stored:
                self._views.drop(self._touched)
        if not stored:
            return None
        return Head(self._position, self._recorded_at) if self._position > self._head.position else self._head

    async def _commit(self) -> bool:
        if self._position == self._head.position:
            return True
        commit = self._projector.finish()
        commit.rows["commit_mark"].append((self._recorded_at, self._position))
        return await self._database.commit(self._head.position, Head(self._position, self._recorded_at), commit)

    async def _look_up(self, requests: Sequence[_Request]) -> None:
        """Find out which of the requests' events are in the log."""
        if requests:
            found = await eventlog.by_ids(self._database, (each for request in requests for each in request.ids()))
            for request in requests:
                request.found = {each: found[each] for each in request.ids() if each in found}

    async def _load(self, requests: Sequence[_Request]) -> None:
        """Have the views of every item and issue that the requests bear on."""
        events = [event for request in requests for event in request.events]
        self._homes.update([(_id(event), event.item) for event in events if isinstance(event, Fact)])
        targets = {event.target for event in events if isinstance(event, Record)}
        await self._views.fill({name for event in events for name in _names(event)})
        if targets:
            await self._load_targets(events, targets)

    async def _load_targets(self, events: Sequence[Fact | Record], targets: set[UUID]) -> None:
        """Have the views of every item and issue that the targets of records ever bore on."""
        stored = await eventlog.by_ids(self._database, targets - self._homes.keys())
        self._homes |= {each: decode(row.body).item or "" for each, row in stored.items()}
        self._homes |= _homes_of_records(events, self._homes)
        await self._views.fill(set(self._homes.values()))
        chains = filter(None, (self._known.chain(target) for target in targets))
        await self._views.fill({name for chain in chains for event in chain for name in _names(event)})

    async def _outcome(self, request: _Request) -> Receipt | Refused:
        """Decide a request on what is known after those before it."""
        if request.found:
            return await self._found(request)
        try:
            decision = decide(request.events, self._known, instants.day(self._recorded_at))
            self._check_versions(request.expected)
        except Refused as refused:
            if request.has_ids and not request.look_up:
                request.look_up = True
                await self._look_up([request])
                return await self._outcome(request)
            return refused
        return Receipt(self._project(decision.events), decision.warnings, repeated=False)

    def _check_versions(self, expected: dict[str, int]) -> None:
        actual = {issue: self._known.version_of(issue) for issue in expected}
        if actual != expected:
            raise VersionConflict(expected, actual)

    def _project(self, events: Sequence[Fact | Record]) -> list[Stored]:
        first = self._position + 1
        batch = [
            Recorded(position, self._recorded_at, event, encode(event)) for position, event in enumerate(events, first)
        ]
        self._position += len(batch)
        self._projector.project(batch)
        return [Stored(recorded.position, recorded.recorded_at, recorded.body) for recorded in batch]

    async def _found(self, request: _Request) -> Receipt | Refused:
        """Answer a request whose events, or some of them, are in the log."""
        found = [request.found[each] for each in request.ids() if each in request.found]
        ids = [str(each) for each in request.found]
        if len(found) < len(request.events):
            return EventIdConflict("some events of the batch are recorded already, others are not", ids)
        if not all(_same(event, stored) for event, stored in zip(request.events, found, strict=True)):
            return EventIdConflict("an event of this id is recorded with other content", ids)
        decision = await self._as_decided(request.events, found)
        return Receipt(found, decision.warnings, repeated=not request.own)

    async def _as_decided(self, events: Sequence[Fact | Record], found: Sequence[Stored]) -> Decision:
        """Decide events again as they were when they were recorded."""
        recorded = [decode(stored.body) for stored in found]
        homes = {_id(event): event.item or "" for event in recorded}
        homes |= {event.target: event.item or "" for event in recorded if isinstance(event, Record)}
        names = {name for event in recorded for name in _names(event)} | set(homes.values())
        views = {view.slug: view for view in await cache.load(self._database, names, found[0].position - 1)}
        return decide(events, cache.Knowledge(views.get, homes), instants.day(found[0].recorded_at))

    def _touch(self, slug: str) -> ItemView | None:
        self._touched.add(slug)
        return self._views.get(slug)

    def _keep(self, view: ItemView) -> None:
        self._touched.add(view.slug)
        self._views.keep(view)


def _unavailable(cause: Exception) -> Unavailable:
    refusal = Unavailable("the ledger could not record this now; it is safe to try again with the same event ids")
    refusal.__cause__ = cause
    return refusal


def _id(event: Fact | Record) -> UUID:
    assert event.id is not None  # noqa: S101 - given when the request was taken
    return event.id


def _names(event: Fact | Record) -> tuple[str, ...]:
    """Give every item and issue that an event names."""
    own = (event.item or "", *(event.issues or ()))
    return own + _names(event.event) if isinstance(event, RecordCorrected) else own


def _homes_of_records(events: Iterable[Fact | Record], homes: dict[UUID, str]) -> dict[UUID, str]:
    """Give the home of each record whose target's home is known, in the order of the batch."""
    found: dict[UUID, str] = {}
    for event in events:
        if isinstance(event, Record):
            home = found.get(event.target) or homes.get(event.target)
            if home is not None:
                found[_id(event)] = home
    return found


def _same(event: Fact | Record, stored: Stored) -> bool:
    """Tell whether an event says what is recorded under its id, but for what the ledger filled in."""
    old = decode(stored.body)
    if isinstance(event, RecordCorrected) and isinstance(old, RecordCorrected) and event.event.id is None:
        event = replace(event, event=replace(event.event, id=old.event.id))
    if isinstance(event, Record) and isinstance(old, Record):
        filled = {name: getattr(old, name) for name in ("issues", "item", "occurred") if getattr(event, name) is None}
        event = replace(event, **filled)
    return encode(event) == stored.body
