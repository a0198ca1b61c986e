"""Events: recorded in batches, corrected, retracted, reported on; read by id, by page and by filter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from service import eventlog
from service.api.queries import Day, Known, KnownPage, Query, ordinal
from service.api.wire import (
    REVALIDATE,
    AnyRequest,
    answer,
    ask_of,
    basis,
    body_of,
    event_id,
    next_of,
    place_of,
    query_of,
    receipt,
    receipt_body,
    services,
)
from service.domain.accept import FAULTS_MAX
from service.domain.codes import Name, Party, Slug, Text
from service.domain.errors import Fault, Malformed, UnknownEvent
from service.domain.events import (
    BATCH_MAX,
    FACTS,
    RECORDS,
    Batch,
    Correction,
    RecordCorrected,
    RecordReportAdded,
    RecordRetracted,
    Reports,
    decode,
)
from service.domain.lifecycle import KINDS
from service.feed import pages
from service.feed.told import tell
from service.views import query as views

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from litestar import Response

    from service.append import Receipt
    from service.domain.events import Record

TYPES = {*FACTS, *RECORDS, *(f"{kind}.*" for kind in KINDS), "record.*"}
"""What the filter `type` takes: a type, or all of a kind."""

if TYPE_CHECKING:
    EventType = str
else:
    EventType = Annotated[
        Literal[tuple(sorted(TYPES))],
        Meta(description="An event type, or all of a kind: `restriction.imposed`, `restriction.*`."),
    ]


OfIssue = Annotated[Slug, Meta(description="Events that name this issue.")]
OfParty = Annotated[Party, Meta(description="Events that mention this party.")]
OfGood = Annotated[Name, Meta(description="Events on this good: its name, element or ECCN, in any case.")]


class EventsQuery(KnownPage, frozen=True, kw_only=True):
    """Which recorded events; conditions given together all hold."""

    issue: OfIssue | None = None
    item: Annotated[Slug | None, Meta(description="Events of this item.")] = None
    type: EventType | None = None
    party: OfParty | None = None
    good: OfGood | None = None
    occurred_from: Annotated[Day | None, Meta(description="Events that may have occurred on this day or later.")] = None
    occurred_to: Annotated[Day | None, Meta(description="Events that may have occurred on this day or before.")] = None


class RetractQuery(Query, frozen=True, kw_only=True):
    """Why an event is retracted."""

    reason: Annotated[Text | None, Meta(description="Why; kept with the retraction.")] = None


class AddedReports(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Reports to add to a recorded event; a report with the stance `denies` contests it."""

    reports: Reports
    reason: Text | None = None


async def append_events(request: AnyRequest) -> Response[bytes]:
    """Record a batch."""
    try:
        batch = await body_of(request, Batch)
    except Malformed as refused:
        raise Malformed(await _all_faults(request, refused.faults)) from refused
    return receipt(await services(request).ledger.append(batch))


async def _all_faults(request: AnyRequest, found: Sequence[Fault]) -> list[Fault]:
    """Add to the faults of form what the ledger would refuse besides, in the order of the batch."""
    try:
        sent = msgspec.json.decode(await request.body())
    except msgspec.DecodeError:  # a number that no double holds, say: told already
        return list(found)
    events = sent.get("events") if isinstance(sent, dict) else None
    if not isinstance(events, list) or len(events) > BATCH_MAX or len(found) >= FAULTS_MAX:
        return list(found)
    paths = {fault.path for fault in found}
    besides = [
        fault
        for fault in await services(request).ledger.examine(events)
        if not any(fault.path[:end] in paths for end in range(1, len(fault.path) + 1))
    ]
    return sorted([*found, *besides], key=_place)


def _place(fault: Fault) -> int:
    """Give the index of the event that a fault is in, -1 for a fault of the batch."""
    step = fault.path[1] if len(fault.path) > 1 and fault.path[0] == "events" else -1
    return step if isinstance(step, int) else -1


async def list_events(request: AnyRequest) -> Response[bytes]:
    """Read recorded events by filter, in position order."""
    asked = query_of(request, EventsQuery)
    held = services(request)
    ask, after = await place_of(request, asked)
    at = await views.basis(held.database, ask)
    wanted = pages.Filter(
        pages.tokens_of(
            issue=asked.issue,
            item=asked.item,
            type=asked.type,
            party=asked.party,
            good=asked.good,
        ),
        None if asked.occurred_from is None else ordinal(asked.occurred_from),
        None if asked.occurred_to is None else ordinal(asked.occurred_to),
        at.position,
    )
    page = await pages.page(held.database, after, asked.limit, wanted)
    among = await _counted(request, at, [event.body for event in page.events])
    events = b",".join(event.json() for event in page.events if among is None or event.position in among)
    following = next_of(request, at, page.next if page.next < at.position else None)
    return answer(b'{"items":[%s],%s,%s}' % (events, following, basis(at)), headers={"Cache-Control": REVALIDATE})


async def _counted(request: AnyRequest, at: views.Basis, bodies: Iterable[bytes]) -> set[int] | None:
    """Give the positions that count of the events of these ones' items; None as recorded, where all do."""
    if at.published is None:
        return None
    return await views.counted(services(request).database, at, {decode(body).item or "" for body in bodies})


async def get_event(request: AnyRequest) -> Response[bytes]:
    """Read one recorded event with what has been recorded about it since."""
    written = request.path_params["event_id"]
    database = services(request).database
    at = await views.basis(database, await ask_of(request, query_of(request, Known)))
    found = {} if at.published is None else await eventlog.by_ids(database, [event_id(written)])
    among = await _counted(request, at, [stored.body for stored in found.values()])
    told = await tell(database, event_id(written), at.position, among)
    if told is None or (among is not None and told.event.position not in among):
        raise UnknownEvent(written)
    records = b",".join(record.json() for record in told.records)
    now = told.now or b"null"
    body = b'%s,"records":[%s],"now":%s,%s}' % (told.event.json()[:-1], records, now, basis(at))
    return answer(body, headers={"Cache-Control": REVALIDATE})


async def correct_event(request: AnyRequest) -> Response[bytes]:
    """Record a correction."""
    target = event_id(request.path_params["event_id"])
    sent = await body_of(request, Correction)
    record = RecordCorrected(target=target, event=sent.event, reason=sent.reason, reports=sent.reports)
    return receipt(await _record(request, record))


async def retract_event(request: AnyRequest) -> Response[bytes]:
    """Record a retraction."""
    asked = query_of(request, RetractQuery)
    record = RecordRetracted(target=event_id(request.path_params["event_id"]), reason=asked.reason)
    return answer(receipt_body(await _record(request, record)))


async def add_reports(request: AnyRequest) -> Response[bytes]:
    """Record more reports of an event."""
    target = event_id(request.path_params["event_id"])
    sent = await body_of(request, AddedReports)
    return receipt(await _record(request, RecordReportAdded(target=target, reports=sent.reports, reason=sent.reason)))


async def _record(request: AnyRequest, record: Record) -> Receipt:
    """Append one record; faults have paths from the body that was sent, an unknown target is UnknownEvent."""
    try:
        return await services(request).ledger.append(Batch(events=(record,)))
    except Malformed as refused:
        faults = [Fault(fault.path[2:], fault.detail) for fault in refused.faults]
        if any(fault.path == ("target",) for fault in faults):
            raise UnknownEvent(str(record.target)) from refused
        raise Malformed(faults) from refused
