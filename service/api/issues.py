"""Issues: opened, revised and closed as events; read as of (D, K) with their items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta, Struct

from service.api.problems import Conflict, NotFound, PreconditionFailed
from service.api.queries import AsOfPage, Limit, Query, Words, faults_of_words
from service.api.wire import (
    AnyRequest,
    answer,
    as_of_answer,
    body_of,
    named,
    next_of,
    place_of,
    query_of,
    receipt,
    receipt_body,
    services,
    unchanged,
)
from service.domain import dates, instants, states, words
from service.domain.codes import NAME_MAX, Edtf, Name, Slug, Text
from service.domain.errors import Fault, Malformed, VersionConflict
from service.domain.events import Batch, Report, Reports
from service.domain.events.base import Goods, Parties
from service.domain.events.proceedings import IssueClosed, IssueOpened, IssueRevised
from service.domain.lifecycle import KINDS
from service.views import postures, search
from service.views import query as views

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litestar import Response

    from service.append import Receipt
    from service.domain.events import Fact

ITEMS_LIMIT = 1_000
"""Items of an issue on one page, unless told."""
EDITOR = "the editors of this ledger"
"""Who says so when an issue is closed by DELETE, which carries no reports."""


class IssueOpening(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """An issue to open; `id` is its name from then on, `occurred` today when absent."""

    id: Slug
    title: Name
    summary: Text
    parties: Parties
    goods: Goods | None = None
    occurred: Edtf | None = None
    reports: Reports
    note: Text | None = None


class IssueRevision(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What changes about an issue; what is absent stays. `occurred` is today when absent."""

    title: Name | None = None
    summary: Text | None = None
    parties: Parties | None = None
    goods: Goods | None = None
    occurred: Edtf | None = None
    reports: Reports
    note: Text | None = None


class IssuesQuery(AsOfPage, frozen=True, kw_only=True):
    """The two clocks, and words."""

    q: Words | None = None

    def faults(self) -> list[Fault]:
        """Refuse what holds no word."""
        return [*faults_of_words(self.q), *super().faults()]


class IssueQuery(AsOfPage, frozen=True, kw_only=True):
    """The two clocks, and which of the issue's items."""

    include: Annotated[
        Literal["ended"] | None, Meta(description="`ended`: the items that have ended too, not only those that stand.")
    ] = None
    limit: Limit = ITEMS_LIMIT


class ClosingQuery(Query, frozen=True, kw_only=True):
    """Why and when an issue is closed."""

    reason: Annotated[Text | None, Meta(description="Why; kept as the note of the event.")] = None
    occurred: Annotated[Edtf | None, Meta(description="When it was closed; today when absent.")] = None


async def open_issue(request: AnyRequest) -> Response[bytes]:
    """Open an issue; Conflict when it exists."""
    sent = await body_of(request, IssueOpening)
    occurred = sent.occurred or _today(request)
    event = IssueOpened(
        issues=(sent.id,), item=sent.id, occurred=occurred, reports=sent.reports, note=sent.note,
        title=sent.title, summary=sent.summary, parties=sent.parties, goods=sent.goods,
    )  # fmt: skip
    try:
        response = receipt(await _append(request, event, {sent.id: 0}))
    except VersionConflict as conflict:
        detail = f"There is an issue {sent.id} already."
        raise Conflict(detail) from conflict
    response.headers["Location"] = f"/v1/issues/{sent.id}"
    return response


async def revise_issue(request: AnyRequest) -> Response[bytes]:
    """Revise an issue; If-Match holds the version that the revision was made on."""
    slug = named(request, "issue", "issue")
    sent = await body_of(request, IssueRevision)
    terms = {name: getattr(sent, name) for name in ("title", "summary", "parties", "goods")}
    if all(value is None for value in terms.values()):
        raise Malformed([Fault((), "nothing to revise: give title, summary, parties or goods")])
    occurred = sent.occurred or _today(request)
    event = IssueRevised(issues=(slug,), item=slug, occurred=occurred, reports=sent.reports, note=sent.note, **terms)
    return receipt(await _change(request, event))


async def close_issue(request: AnyRequest) -> Response[bytes]:
    """Close an issue."""
    slug = named(request, "issue", "issue")
    asked = query_of(request, ClosingQuery)
    event = IssueClosed(
        issues=(slug,), item=slug, occurred=asked.occurred or _today(request), note=asked.reason,
        reports=(Report(outlet=EDITOR, title=asked.reason and asked.reason[:NAME_MAX]),),
    )  # fmt: skip
    return answer(receipt_body(await _change(request, event)))


def _today(request: AnyRequest) -> str:
    return dates.iso(instants.day(services(request).clock()))


async def _change(request: AnyRequest, event: Fact) -> Receipt:
    """Append a change of an issue that exists, at the version that If-Match names."""
    slug = event.item
    ask = views.Ask(instants.day(services(request).clock()))
    if await views.item(services(request).database, ask, "issue", slug) is None:
        detail = f"There is no issue {slug}."
        raise NotFound(detail)
    try:
        return await _append(request, event, _expected(request, slug))
    except VersionConflict as conflict:
        detail = f"{slug} is at version {conflict.actual[slug]}."
        raise PreconditionFailed(detail, expected=conflict.expected, actual=conflict.actual) from conflict


def _expected(request: AnyRequest, slug: str) -> dict[str, int]:
    given = request.headers.get("if-match")
    if given is None or given.strip() == "*":
        return {}
    version = given.strip().removeprefix("W/").strip('"')
    if not version.isdecimal():
        detail = f"If-Match holds the version of the issue, a number in quotes, not {given}."
        raise PreconditionFailed(detail)
    return {slug: int(version)}


async def _append(request: AnyRequest, event: Fact, expected: dict[str, int]) -> Receipt:
    """Append one event; its faults are told with paths from the body that was sent."""
    try:
        return await services(request).ledger.append(Batch(events=(event,), expected_versions=expected))
    except Malformed as refused:
        named = {"item": "id", "issues": "id"}
        faults = [Fault(_renamed(fault.path[2:], named), fault.detail) for fault in refused.faults]
        raise Malformed(faults) from refused


def _renamed(path: Sequence[str | int], names: dict[str, str]) -> tuple[str | int, ...]:
    return (names.get(str(path[0]), path[0]), *path[1:]) if path else ()


async def list_issues(request: AnyRequest) -> Response[bytes]:
    """Read the issues as of (D, K), each with its version and posture."""
    asked = query_of(request, IssuesQuery)
    held = services(request)
    ask, after = await place_of(request, asked)
    if (same := await unchanged(request, ask)) is not None:
        return same
    wanted, sought = views.Wanted("issue"), words.of(asked.q or "")
    page = await search.page(held.database, ask, wanted, sought, after=after, limit=asked.limit)
    slugs = [found.slug for found in page.items]
    versions = await views.versions(held.database, page.basis.position, slugs)
    held_by = await postures.statuses(held.database, page.basis.pinned(), slugs)
    items = b",".join(_with_posture(found, versions[found.slug], held_by[found.slug]) for found in page.items)
    following = next_of(request, page.basis, page.next)
    return as_of_answer(request, b'"items":[%s],%s' % (items, following), page.basis)


def _with_posture(issue: views.Found, version: int, statuses: set[tuple[str, str]]) -> bytes:
    summed = states.posture(issue.status, statuses).encode()
    return b'%s,"version":%d,"posture":"%s"}' % (issue.body[:-1], version, summed)


async def get_issue(request: AnyRequest) -> Response[bytes]:
    """Read one issue as of (D, K) with its items by kind."""
    slug = named(request, "issue", "issue")
    asked = query_of(request, IssueQuery)
    database = services(request).database
    ask, after = await place_of(request, asked)
    if (same := await unchanged(request, ask)) is not None:
        return same
    page = await views.issue_page(database, ask, slug, ended=asked.include is not None, after=after, limit=asked.limit)
    own = page.own
    if own is None:
        own = await views.item(database, page.basis.pinned(), "issue", slug)
        if own is None:
            raise await absent(request, "issue", slug, ask)
    statuses = {(found.kind, found.status) for found in page.items}
    if (page.more or after) and not states.settled(statuses):
        statuses = (await postures.statuses(database, page.basis.pinned(), [slug]))[slug]
    head = _with_posture(own.found, page.version, statuses)[1:-1]
    following = next_of(request, page.basis, page.items[-1].number if page.more else None)
    members = b'%s,"items":{%s},%s' % (head, _by_kind(page.items), following)
    return as_of_answer(request, members, page.basis)


def _by_kind(found: Sequence[views.Found]) -> bytes:
    groups: dict[str, list[bytes]] = {kind: [] for kind in KINDS}
    for each in found:
        groups[each.kind].append(each.body)
    return b",".join(b'"%s":[%s]' % (kind.encode(), b",".join(bodies)) for kind, bodies in groups.items() if bodies)


async def absent(request: AnyRequest, kind: str, slug: str, ask: views.Ask) -> NotFound:
    """Say why an item has no answer: unknown, or from which day and position, or publication, it has one."""
    database = services(request).database
    detail = f"The {kind} {slug} has no status on this day as known then."
    if ask.published is not None:
        published = await views.first_published(database, await views.basis(database, ask), kind, slug)
        if published is not None:
            day, known_at = dates.iso(published.as_of), dates.iso(published.published)
            detail += f" It has one from {day}, published by {known_at}."
            return NotFound(detail, first_as_of=day, first_known_at=known_at)
    first = await views.first_known(database, kind, slug)
    if first is None:
        return NotFound(f"There is no {kind} {slug}.")
    day, position = dates.iso(first[0]), first[1]
    detail += f" It has one from {day}, known from position {position}."
    return NotFound(detail, first_as_of=day, first_known_position=position)
