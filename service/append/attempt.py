"""One try to record a group of requests after one head: look up, load, decide, project, commit."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from functools import partial
from typing import TYPE_CHECKING

from service.append.bounds import ANSWER_STEPS, GROUP_STEPS, LARGE_EVENTS, LARGE_STEPS, NAME_STEPS, Bounds
from service.append.homes import Homes
from service.append.knowledge import LedgerKnowledge
from service.append.repeats import Repeats, names_in
from service.append.request import AppendResult
from service.domain.admit.decide import decide
from service.domain.errors import EventChanged, Refused, TooEarly, TooMuchWork, VersionConflict
from service.domain.vocabulary import dates, instants
from service.domain.vocabulary.events import Fact, Record, encode, is_uncertain, text_of
from service.domain.vocabulary.kinds import CHANGES, PLANNED
from service.domain.vocabulary.terms import terms_of, width_of
from service.eventlog.head import head_of
from service.eventlog.log import Stored, by_ids
from service.eventlog.request_keys import keyed_requests
from service.storage.database import Head
from service.storage.layout import REQUEST_KEYS
from service.storage.threads import to_its_end
from service.views.project import Projector, Recorded
from service.views.touched import Touched

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from uuid import UUID

    from service.append.request import Request
    from service.domain.rule.answer import Segment
    from service.domain.rule.item import Item
    from service.storage.database import Database
    from service.views.working_set import WorkingSet


class Attempt:
    """One try to record a group of requests after one head, request by request."""

    def __init__(self, database: Database, loaded: WorkingSet, head: Head, now: int) -> None:
        """`head` is the one to commit after, `now` the earliest instant to stamp (microseconds since 1970 UTC)."""
        self._database, self._loaded, self._before = database, loaded, head
        self.recorded_at = max(now, head.final + 1)
        self._position = head.position
        self.today = instants.day(self.recorded_at)
        """The day on which it is recorded, in UTC."""
        self._homes = Homes()
        self._touched = Touched(loaded)
        self._known = LedgerKnowledge(loaded.get, self._homes)
        self._repeats = Repeats(database, self._known)
        self._keyed: list[tuple[bytes, bytes, int, int]] = []
        self._bounds = Bounds()
        self._projector = Projector(self._touched, self._bounds)

    @property
    def head(self) -> Head:
        """Return the head once this is stored."""
        before = self._before
        if self._position == before.position:
            return before
        return Head(self._position, self.recorded_at, before.frozen_at, before.epoch)

    async def prepare(self, group: Sequence[Request], before: Mapping[UUID, str] | None = None) -> None:
        """Decide and project the requests; `before` gives the homes of events that are being committed before.

        A request has an outcome then, or is left for the next commit because this one is large enough. Raises
        TooMuchWork for a request that is beyond a bound: it is refused in the next try, and not in the way of others.
        """
        for request in group:
            request.outcome = None
        given = [request for request in group if request.refused is None]  # nothing is loaded for the others
        await self._look_up([request for request in given if request.look_up and not request.recorded])
        if keyed := [request for request in given if request.key is not None]:
            await self._look_up_keys(keyed)
        fresh = [request for request in given if not request.recorded and request.first is None]
        self._homes.begin([event for request in fresh for event in request.events], before or {})
        ready = {id(request) for request in group if self._is_ready(request)}
        missing = [request for request in fresh if id(request) not in ready]
        loading = asyncio.create_task(self._load(missing)) if missing else None
        try:
            await asyncio.sleep(0)  # The database answers while those are decided that need nothing of it.
            await self._decide_all([request for request in group if id(request) in ready], ready=True)
        finally:
            if loading is not None:
                await loading
        await self._decide_all([request for request in group if id(request) not in ready])

    async def _decide_all(self, requests: Sequence[Request], *, ready: bool = False) -> None:
        for request in requests:
            if self._projector.steps > GROUP_STEPS:
                break
            request.outcome = request.refused or await self._decide(request, is_ready=ready)

    async def commit(self, confirmed: int) -> bool:
        """Store what is prepared; False when the head has moved. Raises DuplicateId and Lost as the database does.

        Refusals too must rest on the newest knowledge: with nothing to store, the head is compared. What was found in
        the log after the position `confirmed` is made as durable as what is stored: its own commit may have been lost.
        """
        if self.head == self._before:
            if self.found > confirmed:
                await self._database.confirm()
            return await head_of(self._database) == self._before
        commit = self._projector.finish()
        commit.rows["commit_mark"].append((self.recorded_at, self._position))
        commit.rows[REQUEST_KEYS] = self._keyed
        return await self._database.commit(self._before, self.head, commit)

    def discard(self) -> None:
        """Forget the items that were changed in vain; undo what was done to the tallies, which are large."""
        self._loaded.drop(self._touched.items)
        self._projector.undo()
        self._loaded.tallies.drop(self._touched.begun)

    @property
    def found(self) -> int:
        """Return the last position of what was found in the log and is to be acknowledged, 0 for none."""
        return self._repeats.found

    @property
    def touched(self) -> Collection[str]:
        """Return the slugs of the items and issues that it has changed."""
        return self._touched.items.keys() | self._touched.issues.keys()

    @property
    def items(self) -> Mapping[str, Item]:
        """Return these items by slug, as they are after what was prepared."""
        return self._touched.items

    @property
    def homes(self) -> Mapping[UUID, str]:
        """Return the homes of the events that it records; those of earlier ones are in the log."""
        return self._homes.own

    def _is_ready(self, request: Request) -> bool:
        """Return whether a request has only facts, on items and issues that are loaded, and is not large."""
        return (
            not self._is_large(request)
            and all([name in self._loaded for name in request.expected])
            and all(
                [
                    isinstance(event, Fact) and all([name in self._loaded for name in names_in(event)])
                    for event in request.events
                ]
            )
        )

    async def _look_up(self, requests: Sequence[Request]) -> None:
        """Find out which of the requests' events are in the log."""
        if requests:
            found = await by_ids(self._database, (each for request in requests for each in request.ids()))
            for request in requests:
                request.recorded = {each: found[each] for each in request.ids() if each in found}

    async def _look_up_keys(self, requests: Sequence[Request]) -> None:
        """Find the requests that are recorded already by their keys. What is recorded later moves the head."""
        found = await keyed_requests(self._database, [request.key for request in requests if request.key is not None])
        for request in requests:
            request.first = None if request.key is None else found.get(request.key.key)

    async def _load(self, requests: Sequence[Request]) -> None:
        """Load every item and issue that the requests name, and all that the chains of their targets ever named."""
        events = [event for request in requests for event in request.events]
        expected = [issue for request in requests for issue in request.expected]
        await self._loaded.fill({name for event in events for name in names_in(event)}.union(expected))
        targets = {event.target for event in events if isinstance(event, Record)}
        if targets:
            await self._loaded.fill(await self._homes.find(self._database, events, self._loaded))
            chains = filter(None, (self._known.chain(target) for target in targets))
            await self._loaded.fill({name for chain in chains for event in chain for name in names_in(event)})

    async def _decide(self, request: Request, *, is_ready: bool = False) -> AppendResult | Refused | None:
        """Decide a request on what is known after those before it; one that is ready (`_is_ready`) is not large.

        None where it waits for the next commit: what it repeats is being recorded by this one, or the one before.
        """
        if (repeated := self._repeats.answer(request)) is not None:
            return await repeated
        if request.recorded_at is not None and request.recorded_at <= self._before.final:
            return TooEarly(request.recorded_at, self._before.final)
        try:
            take = partial(self._take, request)
            return take() if is_ready or not self._is_large(request) else await to_its_end(None, take)
        except TooMuchWork:
            raise
        except Refused as refused:
            if request.look_up or not request.given:
                return refused
        request.look_up = True
        await self._look_up([request])
        return await self._decide(request)

    def _is_large(self, request: Request) -> bool:
        """Return whether others would wait for a request.

        That is one of many events, of several with uncertain dates, with long lists, on items that took long before, or
        with texts that may change many answers together.
        """
        count = len(request.events)
        if count >= LARGE_EVENTS:
            return True
        steps = 0
        for event in request.events:
            texts = self._texts(event)
            if count > 1 and any(map(is_uncertain, texts)):
                return True
            steps += NAME_STEPS * sum([width_of(terms_of(text)) for text in texts])
            found = [(item, text) for text in texts if (item := self._loaded.get(text.item or ""))]
            answers = max([_answers_from(*each) for each in found], default=0)
            steps += sum([item.steps for item in {item for item, _ in found}]) + ANSWER_STEPS * answers
        return steps > LARGE_STEPS

    def _texts(self, event: Fact | Record) -> list[Fact]:
        """Return the texts of an event, and of the chain of the one that it acts on."""
        chain = (self._known.chain(event.target) or []) if isinstance(event, Record) else []
        return [text for each in (*chain, event) if (text := text_of(each)) is not None]

    def _take(self, request: Request) -> AppendResult:
        """Decide and project a request; raises TooMuchWork when items have been changed in vain, Refused before."""
        self._check_versions(request.expected)
        if request.once is not None and request.once.seen is not None:
            self._check_seen(request.events[0], request.once.seen)
        copied = request.copied or request.recorded_at is not None
        decision = decide(request.events, self._known, self.today, copied=copied)
        self._bounds.begin(self._projector.steps, len(request.events), bounded=request.recorded_at is None)
        first = self._position + 1
        stored: list[Stored] = []
        try:
            stored = self._project(decision.events, request.recorded_by)
        except TooMuchWork as beyond:
            index = self._projector.position - first
            request.refused = TooMuchWork([fault.within("events", index) for fault in beyond.faults])
        if request.refused is not None:  # raised here, for in the handler it would hold the other error and its frames
            raise request.refused
        if request.key is not None:
            self._keyed.append((*request.key, stored[0].position, stored[-1].position))
        return AppendResult(stored, decision.warnings, repeated=False)

    def _check_versions(self, expected: dict[str, int]) -> None:
        actual = {issue: self._known.version_of(issue) for issue in expected}
        if actual != expected:
            raise VersionConflict(expected, actual)

    def _check_seen(self, record: Fact | Record, seen: int) -> None:
        last = self._known.last_record(record.target) if isinstance(record, Record) else None
        if last is not None and last > seen:
            raise EventChanged(seen, last)

    def _project(self, events: Sequence[Fact | Record], recorded_by: Sequence[str]) -> list[Stored]:
        first = self._position + 1
        batch = [
            Recorded(position, self.recorded_at, event, encode(event), by)
            for position, (event, by) in enumerate(zip(events, recorded_by, strict=True), first)
        ]
        self._position += len(batch)
        self._projector.project(batch)
        return [Stored(each.position, each.recorded_at, each.body, each.recorded_by) for each in batch]


def _answers_from(item: Item, text: Fact) -> int:
    """Return how many answers of its item a text may change: those of its days and of later ones, or all."""
    if is_uncertain(text) or text.modality == PLANNED or CHANGES[text.type].opens:
        return len(item.segments)
    # Dates of ten characters are compared as they are written: whether they are right is checked later.
    first = min(text.occurred, text.effective or text.occurred)
    return len(item.segments) - bisect_left(item.segments, first, key=_first_day)


def _first_day(segment: Segment) -> str:
    return dates.iso(segment.start)
