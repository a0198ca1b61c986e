"""Issues: opened, revised and closed as events; read as of (D, K) with their items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta, Struct

from service.api.absent import absent
from service.api.http.asof import Answered, AsOfRequest, as_of
from service.api.http.conditions import seen_by
from service.api.http.cursors import next_member
from service.api.http.frozen import public_path
from service.api.http.idempotency import key_of
from service.api.http.parameters import INCLUDED, AsOfPageQuery, EndedOrPlanned, Limit
from service.api.http.problems import Conflict, NotFound, PreconditionFailed
from service.api.http.query_strings import Query
from service.api.http.requests import (
    AnyRequest,
    body_of,
    query_of,
    receipt,
    services_of,
    slug_of,
)
from service.api.issue_bodies import by_kind, with_posture
from service.api.roles import author_of
from service.api.spec import examples, response_shapes
from service.api.spec.operations import (
    KEYED,
    RECORDED_BY_CHANGE,
    RECORDED_OR_REPEATED,
    TABLE,
    IssueName,
    Operation,
    Route,
    as_of_answers,
)
from service.api.spec.state_shapes import STATES, columns_of
from service.domain.errors import Fault, Malformed, VersionConflict
from service.domain.vocabulary import dates
from service.domain.vocabulary.codes import NAME_MAX, Edtf, Name, Slug, Text
from service.domain.vocabulary.events import Batch, Report, Reports
from service.domain.vocabulary.events.base import Goods, Parties
from service.domain.vocabulary.events.issues import IssueClosed, IssueOpened, IssueRevised
from service.views.asof.engine import engine_of
from service.views.asof.recorded import issue_versions
from service.views.asof.sources import Sourced, one_with_sources, with_sources
from service.views.asof.summaries import posture_by

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from litestar import Response

    from service.append.request import AppendResult
    from service.domain.vocabulary.events import Fact

ITEMS_LIMIT = 1_000
"""Items of an issue on one page, unless `limit` says otherwise."""
_NO_ISSUE = ("id", 0)
"""The place of the fault that the issue which an event names does not exist, as `_append` renames it."""
EDITOR = "the editors of this ledger"
"""The outlet of the report when an issue is closed by DELETE, which has no reports."""


class IssueOpening(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """An issue to open."""

    described_by = IssueOpened

    id: Slug
    """The slug of the issue. No item has it yet."""
    title: Name
    summary: Text
    parties: Parties
    goods: Goods | None = None
    occurred: Edtf | None = None
    """The date on which the issue was opened; today in UTC when absent."""
    reports: Reports
    note: Text | None = None


class IssueRevision(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A revision of an issue: at least one of its terms is given; those that are absent stay as they are."""

    described_by = IssueRevised

    title: Name | None = None
    summary: Text | None = None
    parties: Parties | None = None
    goods: Goods | None = None
    occurred: Edtf | None = None
    """The date on which the issue was revised; today in UTC when absent."""
    reports: Reports
    note: Text | None = None


class IssueQuery(AsOfPageQuery, frozen=True, kw_only=True):
    """The two clocks, and which of the issue's items."""

    include: Annotated[
        EndedOrPlanned | None,
        Meta(
            description="`ended`: the items that have ended too. `planned`: those that are known only by planned "
            "facts. Both with a comma between them."
        ),
    ] = None
    limit: Limit = ITEMS_LIMIT


class ClosingQuery(Query, frozen=True, kw_only=True):
    """Why and when an issue is closed."""

    reason: Annotated[Text | None, Meta(description="Why; kept as the note of the event.")] = None
    occurred: Annotated[Edtf | None, Meta(description="When it was closed; today when absent.")] = None


async def _open_issue(request: AnyRequest) -> Response[bytes]:
    """Open an issue; Conflict when it exists."""
    sent = await body_of(request, IssueOpening)
    occurred = sent.occurred or _today(request)
    event = IssueOpened(
        issues=(sent.id,), item=sent.id, occurred=occurred, reports=sent.reports, note=sent.note,
        title=sent.title, summary=sent.summary, parties=sent.parties, goods=sent.goods,
    )  # fmt: skip
    try:
        response = receipt(request, await _append(request, event, sent, {sent.id: 0}), day=_today(request))
    except VersionConflict as conflict:
        detail = f"There is an issue {sent.id} already."
        raise Conflict(detail) from conflict
    response.headers["Location"] = public_path(request, f"/v1/issues/{sent.id}")
    return response


async def _revise_issue(request: AnyRequest) -> Response[bytes]:
    """Revise an issue; If-Match names what the revision was made on."""
    slug = slug_of(request, "issue", "issue")
    sent = await body_of(request, IssueRevision)
    terms = {name: getattr(sent, name) for name in ("title", "summary", "parties", "goods")}
    if all(value is None for value in terms.values()):
        raise Malformed([Fault((), "nothing to revise: give title, summary, parties or goods")])
    occurred = sent.occurred or _today(request)
    event = IssueRevised(issues=(slug,), item=slug, occurred=occurred, reports=sent.reports, note=sent.note, **terms)
    return receipt(request, await _change(request, event, sent), 200, _today(request))


async def _close_issue(request: AnyRequest) -> Response[bytes]:
    """Close an issue."""
    slug = slug_of(request, "issue", "issue")
    asked = query_of(request, ClosingQuery)
    event = IssueClosed(
        issues=(slug,), item=slug, occurred=asked.occurred or _today(request), note=asked.reason,
        reports=(Report(outlet=EDITOR, title=asked.reason and asked.reason[:NAME_MAX]),),
    )  # fmt: skip
    return receipt(request, await _change(request, event, asked), 200, _today(request))


def _today(request: AnyRequest) -> str:
    return dates.iso(services_of(request).today())


async def _change(request: AnyRequest, event: Fact, sent: Struct) -> AppendResult:
    """Append a change of an issue, at the version that If-Match names; raises NotFound when there is no such issue."""
    slug = event.item
    try:
        return await _append(request, event, sent, await _expected(request, slug))
    except Malformed as refused:
        if all(fault.path != _NO_ISSUE for fault in refused.faults):
            raise
        detail = f"There is no issue {slug}."
        raise NotFound(detail) from refused
    except VersionConflict as conflict:
        detail = f"{slug} is at version {conflict.actual[slug]}."
        raise PreconditionFailed(detail, expected=conflict.expected, actual=conflict.actual) from conflict


async def _expected(request: AnyRequest, slug: str) -> dict[str, int]:
    """Return the version that the issue has to be at: that of If-Match, or the one at the position that it names.

    Versions only grow: of several the last is the only one that the issue can be at.
    """
    seen, database = seen_by(request), services_of(request).database.primary
    if seen is None:
        return {}
    positions = [max(seen.positions)] if seen.positions else []
    found = [(await issue_versions(database, each, [slug])).get(slug, 0) for each in positions]
    return {slug: max([*seen.versions, *found])}


async def _append(request: AnyRequest, event: Fact, sent: Struct, expected: dict[str, int]) -> AppendResult:
    """Append one event; its faults get paths from the body that was sent."""
    try:
        batch, ledger = Batch(events=(event,), expected_versions=expected), services_of(request).ledger
        return await ledger.append(batch, key=key_of(request, sent), recorded_by=author_of(request, batch.events))
    except Malformed as refused:
        names = {"item": "id", "issues": "id"}
        faults = [Fault(_renamed(fault.path[2:], names), fault.detail) for fault in refused.faults]
        raise type(refused)(faults) from refused


def _renamed(path: Sequence[str | int], names: dict[str, str]) -> tuple[str | int, ...]:
    return (names.get(str(path[0]), path[0]), *path[1:]) if path else ()


async def _get_issue(asked: AsOfRequest[IssueQuery]) -> Answered:
    """Read one issue as of (D, K) with its items by kind."""
    slug, query, database = slug_of(asked.request, "issue", "issue"), asked.query, asked.database
    engine, include = engine_of(asked.question), INCLUDED[query.include]
    page = await engine.issue_page(database, asked.question, slug, include, after=asked.after, limit=query.limit)
    planned = include.planned
    own = page.own or await engine.item(database, page.basis.pinned(), "issue", slug, planned=planned)
    if own is None:
        raise await absent(database, asked.question, "issue", slug, planned=planned)
    posture = await posture_by(database, page, own.state)
    issue, shown = own.state, Sourced(page.items, page.next)
    if query.sources != "standing":
        issue = await one_with_sources(database, page.basis, own.state, query.sources)
        shown = await with_sources(database, page.basis, page.items, page.next, query.sources)
    head = with_posture(issue, page.version, posture)[1:-1]
    members = b'%s,"items":{%s},%s' % (head, by_kind(shown.items), next_member(asked.request, page.basis, shown.next))
    return Answered(members, page.basis)


def _rows(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the issue's items as the rows of a table, by kind."""
    return [each for states in answer["items"].values() for each in states]


_COLUMNS = columns_of(*[state for kind, state in STATES.items() if kind != "issue"])
_BY_NAME: dict[str, Any] = {"path": "/v1/issues/{issue}", "tag": "issues", "path_parameters": {"issue": IssueName}}
ROUTES = [
    Route(
        Operation(
            method="POST", path="/v1/issues", operation_id="open_issue", tag="issues", summary="Open an issue",
            description="Records `issue.opened`.", body=IssueOpening, body_examples=examples.ISSUES,
            headers=KEYED,
            answers={
                status: each._replace(headers=("Location", *each.headers))
                for status, each in RECORDED_OR_REPEATED.items()
            },
            problems=("exists",),
        ),
        _open_issue,
    ),
    Route(
        Operation(
            method="GET", operation_id="get_issue", summary="Get an issue as of a day",
            description="The state of the issue on day D as known at K: its items by kind, each with its status, "
            "certainty, sources and what is to come. As a table it is its items.",
            query=IssueQuery, example_query=examples.AS_OF, headers=("If-None-Match",),
            answers=as_of_answers("The issue.", response_shapes.ISSUE_ANSWER, examples.ISSUE_ANSWER, also=TABLE),
            problems=("not-found", "knowledge-ahead", "not-acceptable"), **_BY_NAME,
        ),
        as_of(IssueQuery, _get_issue, _COLUMNS, _rows, mapped=True),
    ),
    Route(
        Operation(
            method="PATCH", operation_id="revise_issue", summary="Revise an issue",
            description="Records `issue.revised`. With If-Match only when nothing that names the issue has been "
            "recorded since: it takes the ETag of an answer about the issue, or its version, and lists of them.",
            headers=("If-Match", *KEYED), body=IssueRevision, body_examples=examples.REVISIONS,
            answers=RECORDED_BY_CHANGE,
            problems=("not-found", "precondition-failed"), **_BY_NAME,
        ),
        _revise_issue,
    ),
    Route(
        Operation(
            method="DELETE", operation_id="close_issue", summary="Close an issue",
            description="Records `issue.closed`, on the word of the editors. Its history stays readable.",
            headers=("If-Match", *KEYED), query=ClosingQuery, answers=RECORDED_BY_CHANGE,
            problems=("not-found", "precondition-failed"), **_BY_NAME,
        ),
        _close_issue,
    ),
]  # fmt: skip
