"""Batches of events: recorded, or tried out."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from service.api.http.idempotency import key_of
from service.api.http.query_strings import Query
from service.api.http.requests import (
    AnyRequest,
    body_of,
    encode,
    json_answer,
    query_of,
    receipt,
    services_of,
    warned,
)
from service.api.roles import author_of
from service.api.spec import examples
from service.api.spec.operations import KEYED, RECORDED_REPEATED_OR_PREVIEWED, Operation, Route
from service.domain.admit.strict_json import untyped
from service.domain.errors import FAULTS_MAX, Fault, Malformed
from service.domain.vocabulary.events import BATCH_MAX, Batch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litestar import Response

    from service.append.preview import Preview


class AppendQuery(Query, frozen=True, kw_only=True):
    """How a batch is taken."""

    dry_run: Annotated[
        bool,
        Meta(
            description="`true`: nothing is stored; the answer has the warnings, and the states of today before and "
            "after. Refusals are as without it."
        ),
    ] = False


async def _append_events(request: AnyRequest) -> Response[bytes]:
    """Record a batch."""
    try:
        batch = await body_of(request, Batch, AppendQuery)
    except Malformed as refused:
        raise Malformed(await _all_faults(request, refused.faults)) from refused
    by = author_of(request, batch.events)
    if query_of(request, AppendQuery).dry_run:
        return json_answer(_previewed(await services_of(request).ledger.preview(batch)))
    return receipt(request, await services_of(request).ledger.append(batch, key=key_of(request, batch), recorded_by=by))


def _previewed(found: Preview) -> bytes:
    """Return the JSON of a preview."""
    items = b",".join(
        b'{"id":%s,"kind":%s,"before":%s,"after":%s}'
        % (encode(item.slug), encode(item.kind), item.before or b"null", item.after or b"null")
        for item in found.items
    )
    return b'{"as_of":"%s","known_position":%d,"events":[%s],"warnings":%s,"items":[%s]}' % (
        date.fromordinal(found.day).isoformat().encode(),
        found.position,
        b",".join(found.events),
        warned(found.warnings),
        items,
    )


async def _all_faults(request: AnyRequest, found: Sequence[Fault]) -> list[Fault]:
    """Add the other reasons for a refusal to the faults of form, in the order of the batch."""
    if len(found) >= FAULTS_MAX:
        return list(found)
    try:
        sent = await asyncio.to_thread(untyped, await request.body())
    except msgspec.DecodeError:  # such as a number that no double can be: it is among the faults already
        return list(found)
    events = sent.get("events") if isinstance(sent, dict) else None
    if not isinstance(events, list) or len(events) > BATCH_MAX:
        return list(found)
    paths = {fault.path for fault in found}
    others = [
        fault
        for fault in await services_of(request).ledger.diagnose(events)
        if not any(fault.path[:end] in paths for end in range(1, len(fault.path) + 1))
    ]
    return sorted([*found, *others], key=_place)


def _place(fault: Fault) -> int:
    """Return the index of the event that a fault is in, -1 for a fault of the batch."""
    step = fault.path[1] if len(fault.path) > 1 and fault.path[0] == "events" else -1
    return step if isinstance(step, int) else -1


ROUTES = [
    Route(
        Operation(
            method="POST", path="/v1/events", operation_id="append_events", tag="events",
            summary="Record a batch of events",
            description="Records 1 to 1,000 events, all or none, durable when answered. A repeat of the same ids "
            "and content, or of the same Idempotency-Key, answers 200 with the first result. `expected_versions` "
            "refuses the batch when an issue has moved on. With `dry_run=true` nothing is stored, whatever "
            "Idempotency-Key is sent: the answer is what the batch would do.",
            headers=KEYED, query=AppendQuery, body=Batch, body_examples=examples.BATCHES,
            answers=RECORDED_REPEATED_OR_PREVIEWED,
            problems=("version-conflict", "event-id-conflict"),
        ),
        _append_events,
    ),
]  # fmt: skip
