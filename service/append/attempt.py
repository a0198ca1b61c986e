"""One try to record a group of requests behind one head: look up, load, decide, project, commit."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from service import eventlog
from service.domain import instants
from service.domain.decide import decide, doubts
from service.domain.errors import EventIdConflict, Refused, TooEarly, Unavailable, VersionConflict
from service.domain.events import Fact, Record, RecordCorrected, decode, encode, id_of
from service.eventlog import Stored
from service.storage.database import Head
from service.views import cache
from service.views.project import Projector, Recorded

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from uuid import UUID

    from service.domain.errors import Fault
    from service.storage.database import Database
    from service.views.project import ItemView


class Receipt(NamedTuple):
    """What an append answers: the recorded events, what looks wrong, whether they had been recorded before."""

    events: list[Stored]
    warnings: list[Fault]
    repeated: bool


@dataclass(eq=False, slots=True)
class Request:
    """An append on its way; its events have their ids.

    `given` are the ids that the client gave, `look_up` asks to look for all of them in the log, `own` says that what is
    found there is this request's own commit. `outcome` is set when it is decided.
    """

    events: Sequence[Fact | Record]
    expected: dict[str, int]
    answer: asyncio.Future[Receipt]
    given: frozenset[UUID]
    recorded_at: int | None = None
    look_up: bool = False
    own: bool = False
    found: dict[UUID, Stored] = field(default_factory=dict)
    outcome: Receipt | Refused | None = None

    def ids(self) -> list[UUID]:
        """Give the ids of its events."""
        return [id_of(event) for event in self.events]

    def fail(self, cause: Exception) -> None:
        """Tell the writer that the ledger cannot take it now."""
        if not self.answer.done():
            refusal = Unavailable("the ledger could not record this now; it is safe to try again with the same ids")
            refusal.__cause__ = cause
            self.answer.set_exception(refusal)

    def resolve(self) -> None:
        """Answer the writer."""
        if self.answer.done():
            return
        if isinstance(self.outcome, Receipt):
            self.answer.set_result(self.outcome)
        elif self.outcome is not None:
            self.answer.set_exception(self.outcome)


class _Touched:
    """The views that a projection has asked for: it may have changed them.

    Not a part of the attempt itself: the two would hold each other, and the rows of every commit would wait for the
    garbage collector.
    """

    def __init__(self, views: cache.Views) -> None:
        self._views = views
        self.views: dict[str, ItemView] = {}

    def get(self, slug: str) -> ItemView | None:
        view = self.views.get(slug) or self._views.get(slug)
        if view is not None:
            self.views[slug] = view
        return view

    def keep(self, view: ItemView) -> None:
        self.views[view.slug] = view
        self._views.keep(view)


class Attempt:
    """One try to record a group behind one head, request by request."""

    def __init__(self, database: Database, views: cache.Views, head: Head, now: int) -> None:
        """`head` is the one to commit behind, `now` the earliest instant to stamp (microseconds since 1970 UTC)."""
        self._database, self._views, self._before = database, views, head
        self.recorded_at = max(now, head.recorded_at + 1)
        self._position = head.position
        self._today = instants.day(self.recorded_at)
        self._homes: dict[UUID, str] = {}
        self._own: dict[UUID, str] = {}
        self._touched = _Touched(views)
        self._known = cache.Knowledge(views.get, self._homes)
        self._projector = Projector(self._touched.get, self._touched.keep)

    @property
    def head(self) -> Head:
        """The head once this is stored."""
        return Head(self._position, self.recorded_at) if self._position > self._before.position else self._before

    async def prepare(self, group: Sequence[Request], homes: Mapping[UUID, str] | None = None) -> None:
        """Decide and project every request; `homes` gives the items of events that are being committed before."""
        await self._look_up([request for request in group if request.look_up and not request.found])
        fresh = [request for request in group if not request.found]
        facts = [event for request in fresh for event in request.events if isinstance(event, Fact)]
        self._own.update([(id_of(fact), fact.item) for fact in facts])
        self._homes |= {**(homes or {}), **self._own}
        ready = {id(request) for request in group if self._is_ready(request)}
        missing = [request for request in fresh if id(request) not in ready]
        loading = asyncio.create_task(self._load(missing)) if missing else None
        try:
            await asyncio.sleep(0)  # The database answers while those are decided that need nothing of it.
            for request in group:
                if id(request) in ready:
                    request.outcome = await self._outcome(request)
        finally:
            if loading is not None:
                await loading
        for request in group:
            if id(request) not in ready:
                request.outcome = await self._outcome(request)

    async def commit(self) -> bool:
        """Store what is prepared; False when the head has moved. DuplicateId, Lost as the database raises them.

        Refusals too must rest on the newest knowledge: with nothing to store, the head is looked at.
        """
        if self.head == self._before:
            return await eventlog.head(self._database) == self._before
        commit = self._projector.finish()
        commit.rows["commit_mark"].append((self.recorded_at, self._position))
        return await self._database.commit(self._before.position, self.head, commit)

    def discard(self) -> None:
        """Forget the views that were changed in vain."""
        self._views.drop(self._touched.views)

    @property
    def touched(self) -> Collection[str]:
        """The items whose views it has changed."""
        return self._touched.views.keys()

    @property
    def homes(self) -> Mapping[UUID, str]:
        """The items of the events that it records, not of those before: they are in the log by then."""
        return self._own

    def _is_ready(self, request: Request) -> bool:
        """Tell whether a request is of facts alone, on items and issues whose views are there."""
        return all([name in self._views for name in request.expected]) and all(
            [
                isinstance(event, Fact) and all([name in self._views for name in _names(event)])
                for event in request.events
            ]
        )

    async def _look_up(self, requests: Sequence[Request]) -> None:
        """Find out which of the requests' events are in the log."""
        if requests:
            found = await eventlog.by_ids(self._database, (each for request in requests for each in request.ids()))
            for request in requests:
                request.found = {each: found[each] for each in request.ids() if each in found}

    async def _load(self, requests: Sequence[Request]) -> None:
        """Have the views of every item and issue that the requests bear on."""
        events = [event for request in requests for event in request.events]
        targets = {event.target for event in events if isinstance(event, Record)}
        expected = [issue for request in requests for issue in request.expected]
        await self._views.fill({name for event in events for name in _names(event)}.union(expected))
        if targets:
            await self._load_targets(events, targets)

    async def _load_targets(self, events: Sequence[Fact | Record], targets: set[UUID]) -> None:
        """Have the views of every item and issue that the targets of records ever bore on."""
        self._homes |= self._homes_of_corrected(events)
        if missing := targets - self._homes.keys():
            stored = await eventlog.by_ids(self._database, missing)
            self._homes |= {each: decode(row.body).item or "" for each, row in stored.items()}
        self._own |= _homes_of_records(events, self._homes)
        self._homes |= self._own
        await self._views.fill({self._homes[target] for target in targets & self._homes.keys()} - {""})
        chains = filter(None, (self._known.chain(target) for target in targets))
        await self._views.fill({name for chain in chains for event in chain for name in _names(event)})

    def _homes_of_corrected(self, events: Iterable[Fact | Record]) -> dict[UUID, str]:
        """Give the homes of the targets that the new texts of corrections name the item of, as most do: it is loaded.

        So the log need not be asked where the target is. On the item may also stand a fact that a correction moved.
        """
        found: dict[UUID, str] = {}
        for event in events:
            if isinstance(event, RecordCorrected) and (view := self._views.get(event.event.item)):
                chain = view.chain(event.target)
                if chain is not None:
                    found[event.target] = chain[0].event.item or ""
        return found

    async def _outcome(self, request: Request) -> Receipt | Refused:
        """Decide a request on what is known after those before it."""
        if request.found and len(set(request.ids())) == len(request.events):
            return await self._found(request)
        if request.recorded_at is not None and request.recorded_at <= self._before.recorded_at:
            return TooEarly(request.recorded_at, self._before.recorded_at)
        try:
            decision = decide(request.events, self._known, self._today)
            self._check_versions(request.expected)
        except Refused as refused:
            if request.given and not request.look_up:
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
            Recorded(position, self.recorded_at, event, encode(event)) for position, event in enumerate(events, first)
        ]
        self._position += len(batch)
        self._projector.project(batch)
        return [Stored(recorded.position, recorded.recorded_at, recorded.body) for recorded in batch]

    async def _found(self, request: Request) -> Receipt | Refused:
        """Answer a request whose events, or some of them, are in the log."""
        found = [request.found[each] for each in request.ids() if each in request.found]
        ids = [str(each) for each in request.found]
        if len(found) < len(request.events):
            return EventIdConflict("some events of the batch are recorded already, others are not", ids)
        if not all(_same(event, stored) for event, stored in zip(request.events, found, strict=True)):
            return EventIdConflict("an event of this id is recorded with other content", ids)
        return Receipt(found, await self._doubts(found), repeated=not request.own)

    async def _doubts(self, found: Sequence[Stored]) -> list[Fault]:
        """Find the warnings that recorded events drew, each commit with what was known before it."""
        doubted: list[Fault] = []
        numbered = [(index, stored, decode(stored.body)) for index, stored in enumerate(found)]
        for recorded_at, group in groupby(numbered, key=lambda each: each[1].recorded_at):
            commit = list(group)
            names = {name for _, _, event in commit for name in _names(event)}
            views = await cache.load(self._database, names, commit[0][1].position - 1)
            known = cache.Knowledge({view.slug: view for view in views}.get, {})
            events = [(index, event) for index, _, event in commit]
            doubted += doubts(events, known, instants.day(recorded_at))
        return doubted


def _names(event: Fact | Record) -> tuple[str, ...]:
    """Give every item and issue that an event names; a record on its way in mostly leaves both to the ledger."""
    own = (*((event.item,) if event.item else ()), *(event.issues or ()))
    return own + _names(event.event) if isinstance(event, RecordCorrected) else own


def _homes_of_records(events: Iterable[Fact | Record], homes: dict[UUID, str]) -> dict[UUID, str]:
    """Give the home of each record whose target's home is known, in the order of the batch."""
    found: dict[UUID, str] = {}
    for event in events:
        if isinstance(event, Record):
            home = found.get(event.target) or homes.get(event.target)
            if home is not None:
                found[id_of(event)] = home
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
