"""Events: recorded in batches, corrected, retracted, reported on; read by id, by page and by filter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta, Struct

from service.api.http.asof import placed, question_of
from service.api.http.basis import every_day_members
from service.api.http.conditions import not_modified, seen_by
from service.api.http.cursors import check_history
from service.api.http.frozen import frozen, known_clocks, next_link, tag_of
from service.api.http.idempotency import key_of
from service.api.http.moments import ordinal
from service.api.http.parameters import (
    Day,
    KnownPageQuery,
    KnownQuery,
    OfEccns,
    OfEntity,
    OfGood,
    OfHsCodes,
    OfIssues,
    OfItems,
    OfParties,
    OfTypes,
)
from service.api.http.query_strings import Query
from service.api.http.requests import (
    AnyRequest,
    body_if_sent,
    body_of,
    encode,
    event_id,
    json_answer,
    query_of,
    receipt,
    services_of,
)
from service.api.roles import author_of
from service.api.spec import examples, response_shapes
from service.api.spec.operations import (
    CONDITIONAL,
    RECORDED_BY_CHANGE,
    RECORDED_OR_REPEATED,
    EventId,
    Operation,
    Route,
    as_of_answers,
)
from service.api.spec.recorded_shapes import ADDED, EventNow
from service.append.request import Once
from service.domain.admit.strict_json import accept
from service.domain.errors import Fault, Malformed, UnknownEvent
from service.domain.vocabulary.codes import Text
from service.domain.vocabulary.events import (
    Batch,
    Correction,
    RecordCorrected,
    RecordReportAdded,
    RecordRetracted,
    Reports,
    Retraction,
)
from service.eventlog.log import Place
from service.feed.filters import EventConditions, passing
from service.feed.pages import EventFilter, log_page
from service.views.asof.basis import resolve
from service.views.asof.recorded_event import annotated, counting

if TYPE_CHECKING:
    from litestar import Response

    from service.append.request import AppendResult
    from service.domain.vocabulary.events import Record
    from service.views.asof.question import Basis


class EventsQuery(KnownPageQuery, frozen=True, kw_only=True):
    """K, a page, and conditions on recorded events; all of them hold."""

    issue: OfIssues | None = None
    item: OfItems | None = None
    type: OfTypes | None = None
    party: OfParties | None = None
    good: OfGood | None = None
    entity: OfEntity | None = None
    hs: OfHsCodes | None = None
    eccn: OfEccns | None = None
    occurred_from: Annotated[Day | None, Meta(description="Events that may have occurred on this day or later.")] = None
    occurred_to: Annotated[Day | None, Meta(description="Events that may have occurred on this day or before.")] = None


class RetractQuery(Query, frozen=True, kw_only=True):
    """Why an event is retracted."""

    reason: Annotated[
        Text | None, Meta(description="Why; kept with the retraction. A `reason` in the body, if sent, is the same.")
    ] = None


class AddedReports(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Reports to add to a recorded event. One with the stance `denies` makes it contested."""

    reports: Reports
    """The reports to add, at least one. With `known_basis=published` each counts from its own day of publication."""
    reason: Text | None = None
    """The reason for adding the reports, in words."""


_ADDED = {("event", name) for name in ADDED}
"""The members that reading an event adds to it, as paths in a correction."""


async def _list_events(request: AnyRequest) -> Response[bytes]:
    """Read recorded events by filter, in position order."""
    asked = await placed(request, EventsQuery)
    query, edition = asked.query, asked.services.heads.edition
    basis = await resolve(asked.database, asked.question)
    check_history(asked.cursor, basis)
    headers = _headers(request, query, basis, edition)
    if (same := not_modified(request, headers)) is not None:
        return same
    wanted = EventFilter(
        passing(EventConditions.of(query)),
        None if query.occurred_from is None else ordinal(query.occurred_from),
        None if query.occurred_to is None else ordinal(query.occurred_to),
        basis.position,
    )
    page = await log_page(asked.database, Place(asked.after), query.limit, wanted)
    events, last = await counting(asked.database, basis, page.events)
    last = page.next if last is None else last
    members = asked.page(basis, [event.json() for event in events], last if last < basis.position else None).members
    headers["Link"] += next_link(request, members)
    return json_answer(b"{%s,%s}" % (members, every_day_members(basis)), headers=headers)


async def _get_event(request: AnyRequest) -> Response[bytes]:
    """Read one recorded event with the records on it."""
    written, services = request.path_params["event_id"], services_of(request)
    query, edition = query_of(request, KnownQuery), services.heads.edition
    basis = await resolve(services.database, await question_of(services, query))
    headers = _headers(request, query, basis, edition)
    if (same := not_modified(request, headers, exists=False)) is not None:
        return same
    event = await annotated(services.database, basis, event_id(written))
    if event is None:
        raise UnknownEvent(written)
    records = b",".join(record.json() for record in event.records)
    members = (event.event.json()[:-1], records, event.text or b"null", every_day_members(basis))
    body = b'%s,"records":[%s],"now":%s,%s}' % members
    return not_modified(request, headers) or json_answer(body, headers=headers)


def _headers(request: AnyRequest, query: KnownQuery, basis: Basis, edition: str) -> dict[str, str]:
    clocks = known_clocks(basis)
    return frozen(request, tag_of(clocks, edition), clocks, pinned=query.pins_known())


async def _correct_event(request: AnyRequest) -> Response[bytes]:
    """Record a correction."""
    target = event_id(request.path_params["event_id"])
    sent = await _correction(request)
    record = RecordCorrected(target=target, event=sent.event, reason=sent.reason, reports=sent.reports)
    return receipt(request, await _record(request, record, sent))


async def _correction(request: AnyRequest) -> Correction:
    """Decode a correction, whose event may have the members that reading it adds; they are ignored."""
    try:
        return await body_of(request, Correction)
    except Malformed as refused:
        added = {fault.path for fault in refused.faults if fault.path[:-1] == ("event",)} & _ADDED
        if faults := [fault for fault in refused.faults if fault.path not in added]:
            raise Malformed(faults) from refused
    sent = msgspec.json.decode(await request.body(), type=dict[str, msgspec.Raw])
    event = msgspec.json.decode(sent["event"], type=dict[str, msgspec.Raw])
    kept = {name: value for name, value in event.items() if ("event", name) not in added}
    return accept(encode(sent | {"event": kept}), Correction)


async def _retract_event(request: AnyRequest) -> Response[bytes]:
    """Record a retraction."""
    asked = query_of(request, RetractQuery).reason
    sent = await body_if_sent(request, Retraction) or Retraction()
    if None not in (asked, sent.reason) and asked != sent.reason:
        raise Malformed([Fault(("reason",), "not the reason of the query; one of the two is enough")])
    sent = Retraction(reason=asked or sent.reason, reports=sent.reports)
    record = RecordRetracted(target=event_id(request.path_params["event_id"]), reason=sent.reason, reports=sent.reports)
    return receipt(request, await _record(request, record, sent), 200)


async def _add_reports(request: AnyRequest) -> Response[bytes]:
    """Record more reports of an event."""
    target = event_id(request.path_params["event_id"])
    sent = await body_of(request, AddedReports)
    record = RecordReportAdded(target=target, reports=sent.reports, reason=sent.reason)
    return receipt(request, await _record(request, record, sent))


async def _record(request: AnyRequest, record: Record, sent: Struct) -> AppendResult:
    """Append one record, once; faults get paths from the body that was sent. Raises UnknownEvent for no target."""
    try:
        batch, by = Batch(events=(record,)), author_of(request, (record,))
        key, seen = key_of(request, sent), seen_by(request)
        once = Once(None if seen is None else seen.position())
        return await services_of(request).ledger.append(batch, key=key, once=once, recorded_by=by)
    except Malformed as refused:
        faults = [Fault(fault.path[2:], fault.detail) for fault in refused.faults]
        if any(fault.path == ("target",) for fault in faults):
            raise UnknownEvent(str(record.target)) from refused
        raise type(refused)(faults) from refused


_BY_ID: dict[str, Any] = {"path": "/v1/events/{event_id}", "tag": "events", "path_parameters": {"event_id": EventId}}
ROUTES = [
    Route(
        Operation(
            method="GET", path="/v1/events", operation_id="list_events", tag="events",
            summary="List recorded events",
            description="Recorded events in position order, by filter, as known at K; each stands as recorded, "
            "with all its reports. A filtered page, or one as published, may be short before the end.",
            query=EventsQuery, headers=("If-None-Match",),
            answers=as_of_answers(
                "A page of events.", response_shapes.EventPage, examples.EVENT_PAGE, by_datetime=False
            ),
            problems=("knowledge-ahead",),
        ),
        _list_events,
    ),
    Route(
        Operation(
            method="GET", operation_id="get_event", summary="Get one recorded event",
            description="A recorded event, the corrections, retractions, reports and disputes recorded on it, "
            "and its text now.",
            query=KnownQuery, headers=("If-None-Match",),
            answers=as_of_answers("The event.", EventNow, examples.EVENT, by_datetime=False),
            problems=("unknown-event", "knowledge-ahead"), **_BY_ID,
        ),
        _get_event,
    ),
    Route(
        Operation(
            method="PUT", operation_id="correct_event", summary="Correct an event",
            description="Records a correction: the whole new text, of any type. The old text stays readable. "
            "With `known_basis=published`: with `reports` it is the source's own and counts from their publication; "
            "without, it mends a slip of the ledger and acts at every day of publication. A repeat of the last "
            "correction answers 200 with the first result. The members that reading an event adds are ignored.",
            headers=CONDITIONAL, body=Correction, body_examples=examples.CORRECTIONS, answers=RECORDED_OR_REPEATED,
            problems=("unknown-event", "precondition-failed"), **_BY_ID,
        ),
        _correct_event,
    ),
    Route(
        Operation(
            method="DELETE", operation_id="retract_event", summary="Retract an event",
            description="Records that the event should not have been recorded. It stays readable. The body may be left "
            "out. With `known_basis=published`: with `reports` the retraction is the source's own and counts from "
            "their publication; without, it mends a slip of the ledger and acts at every day of publication. An event "
            "that is retracted already answers with the first result, unless the body has other reports.",
            headers=CONDITIONAL, query=RetractQuery, body=Retraction, body_required=False,
            body_examples=examples.RETRACTIONS, answers=RECORDED_BY_CHANGE,
            problems=("unknown-event", "precondition-failed"), **_BY_ID,
        ),
        _retract_event,
    ),
    Route(
        Operation(
            method="POST", path="/v1/events/{event_id}/reports", operation_id="add_reports", tag="events",
            summary="Add reports to an event",
            description="Records that others say so too, or deny it (`stance: denies`). With `known_basis=published` "
            "each report counts from its own day of publication. The same reports again answer 200 with the first "
            "result.",
            path_parameters={"event_id": EventId}, headers=CONDITIONAL, body=AddedReports,
            body_examples=examples.REPORTS, answers=RECORDED_OR_REPEATED,
            problems=("unknown-event", "precondition-failed"),
        ),
        _add_reports,
    ),
]  # fmt: skip
