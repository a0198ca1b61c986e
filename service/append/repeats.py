"""Requests that were recorded before: by their ids, by a key, or by what their one record says."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from msgspec.structs import replace

from service.append.alike import recorded_alike
from service.append.knowledge import LedgerKnowledge
from service.append.request import AppendResult
from service.domain.admit.doubts import doubts, references
from service.domain.errors import EventIdConflict, Fault, KeyReused, Refused
from service.domain.vocabulary import instants
from service.domain.vocabulary.events import Fact, Record, RecordCorrected, decode, id_of
from service.eventlog.log import Stored, by_ids
from service.views.working_set import load

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from uuid import UUID

    from service.append.request import Request
    from service.eventlog.request_keys import KeyedRequest
    from service.storage.database import Database


class Repeats:
    """The answers to requests that were recorded before."""

    def __init__(self, database: Database, known: LedgerKnowledge) -> None:
        """`known` is what is known before each request."""
        self._database, self._known = database, known
        self.found = 0
        """The last position of what was found in the log and is to be acknowledged, 0 for none."""

    def answer(self, request: Request) -> Coroutine[None, None, AppendResult | Refused | None] | None:
        """Return what answers a request that was recorded before; None for another.

        Its outcome is None where the request has to wait: what it repeats is being committed.
        """
        if request.first is not None:
            return self._repeated_by_key(request, request.first)
        if request.recorded and len(set(request.ids())) == len(request.events):
            return self._repeated(request)
        record = request.events[0]
        if request.once is None or not isinstance(record, Record):
            return None
        first = recorded_alike(record, self._known.chain(record.target) or ())
        return None if first is None else self._said(request, first)

    async def _repeated(self, request: Request) -> AppendResult | Refused:
        """Answer a request whose events, or some of them, are in the log."""
        recorded = [request.recorded[each] for each in request.ids() if each in request.recorded]
        ids = [str(each) for each in request.recorded]
        if len(recorded) < len(request.events):
            return EventIdConflict("some events of the batch are recorded already, others are not", ids)
        if not all(_is_same(event, stored) for event, stored in zip(request.events, recorded, strict=True)):
            return EventIdConflict("an event of this id is recorded with other content", ids)
        return await self._acknowledged(request, recorded)

    async def _acknowledged(self, request: Request, recorded: Sequence[Stored]) -> AppendResult:
        self.found = max(self.found, *(stored.position for stored in recorded))
        return AppendResult([*recorded], await self._warnings(recorded), repeated=not request.own)

    async def _repeated_by_key(self, request: Request, first: KeyedRequest) -> AppendResult | Refused:
        """Answer a request whose key is recorded, whatever has become of the items and their versions since."""
        if request.key is not None and request.key.content != first.content:
            return KeyReused([str(id_of(decode(stored.body))) for stored in first.events])
        return await self._acknowledged(request, first.events)

    async def _said(self, request: Request, first: UUID) -> AppendResult | None:
        """Answer a record that says what an earlier one does; None while that one is being committed."""
        recorded = await by_ids(self._database, [first])
        if first not in recorded:
            return None
        return (await self._acknowledged(request, [recorded[first]]))._replace(repeated=True)

    async def _warnings(self, recorded: Sequence[Stored]) -> list[Fault]:
        """Find the warnings that recorded events drew, each commit with what was known before it."""
        warnings: list[Fault] = []
        numbered = [(index, stored, decode(stored.body)) for index, stored in enumerate(recorded)]
        for recorded_at, group in groupby(numbered, key=lambda each: each[1].recorded_at):
            commit = list(group)
            names = {name for _, _, event in commit for name in names_in(event)}
            items = await load(self._database, names, commit[0][1].position - 1)
            homes = {event.target: event.item or "" for _, _, event in commit if isinstance(event, Record)}
            known = LedgerKnowledge({item.slug: item for item in items}.get, homes)
            events = [(index, event) for index, _, event in commit]
            warnings += doubts(events, known, instants.day(recorded_at))
        return warnings


def names_in(event: Fact | Record) -> tuple[str, ...]:
    """Return the items and issues that an event names; most records on their way in leave both to the ledger."""
    own = (*((event.item,) if event.item else ()), *(event.issues or ()))
    if isinstance(event, RecordCorrected):
        return own + names_in(event.event)
    return own + tuple([name for _, name in references(event)]) if isinstance(event, Fact) else own


def _is_same(event: Fact | Record, stored: Stored) -> bool:
    """Return whether an event equals the one recorded under its id, apart from the fields that the ledger fills in."""
    old = decode(stored.body)
    if isinstance(event, RecordCorrected) and isinstance(old, RecordCorrected) and event.event.id is None:
        event = replace(event, event=replace(event.event, id=old.event.id))
    if isinstance(event, Record) and isinstance(old, Record):
        filled = {name: getattr(old, name) for name in ("issues", "item", "occurred") if getattr(event, name) is None}
        event = replace(event, **filled)
    return event == old  # also where a number is written otherwise: 10 and 10.0
