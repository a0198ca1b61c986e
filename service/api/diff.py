"""The changes in an issue, or across issues, between two days as known at one K, or between two Ks on one day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec
from msgspec import Meta

from service.api.http.asof import freeze, question_of, same_clocks
from service.api.http.basis import every_day_members, known_members
from service.api.http.conditions import not_modified
from service.api.http.cursors import AsOfCursor, check_history, foreign_cursor, next_member, read_cursor
from service.api.http.frozen import frozen, known_clocks, next_link, tag_of
from service.api.http.moments import ended_day, micros, ordinal
from service.api.http.parameters import LIMIT_DEFAULT, Cursor, Day, KnownQuery, Limit, Moment, Several, StandingOrNone
from service.api.http.query_strings import BadQuery
from service.api.http.requests import AnyRequest, encode, json_answer, query_of, services_of, slug_of
from service.api.spec import examples, response_shapes
from service.api.spec.operations import IssueName, Operation, Route, as_of_answers
from service.api.timeline import check_issue
from service.domain.errors import Fault, KnowledgeAhead
from service.domain.matching.asked import clause_of
from service.domain.vocabulary import dates
from service.domain.vocabulary.codes import Party, Slug
from service.domain.vocabulary.kinds import KINDS
from service.views.asof import difference
from service.views.asof.basis import resolve
from service.views.asof.difference import Point, Points, WantedDiff
from service.views.asof.question import Basis, Included, Question, ScopeFilter

if TYPE_CHECKING:
    from litestar import Response


class DiffQuery(KnownQuery, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Between which two points: two days as known at one K, or two Ks on one day.

    Two Ks are positions or instants of recording, or with `known_basis=published` days of publication.
    """

    from_: Annotated[Day | None, Meta(description="The first of two days. Not together with `known_from`.")] = None
    to: Annotated[Day | None, Meta(description="The second day; today in UTC when absent.")] = None
    known_from: Annotated[Moment | None, Meta(description="The first of two Ks. Not together with `from`.")] = None
    known_to: Annotated[
        Moment | None, Meta(description="The second K; the head of the log, or as published today, when absent.")
    ] = None
    as_of: Annotated[Day | None, Meta(description="With `known_from`, the day; today in UTC when absent.")] = None
    sources: StandingOrNone = "standing"
    cursor: Cursor | None = None
    limit: Limit = LIMIT_DEFAULT

    def faults(self) -> list[Fault]:
        """Refuse what is not two days or two Ks, and two that are not in order."""
        if (self.from_ is None) == (self.known_from is None):
            return [Fault(("from",), "give `from`, for two days, or `known_from`, for two Ks")]
        others: tuple[str, ...] = ("known_to", "as_of") if self.from_ is not None else ("to", "known_at")
        if self.known_from is not None and self.known_basis == "recorded":
            others += ("known_position",)
        by = "from" if self.from_ is not None else "known_from"
        faults = [Fault((name,), f"not together with {by}") for name in others if getattr(self, name) is not None]
        for name in ("known_from", "known_to"):
            given = getattr(self, name)
            if given is not None and (fault := _misread(given, published=self.known_basis == "published")):
                faults.append(Fault((name,), fault))
        if self.from_ and self.to and self.from_ > self.to:
            faults.append(Fault(("to",), "before from"))
        return [*faults, *super().faults()]


class DifferencesQuery(DiffQuery, frozen=True, kw_only=True):
    """The same across issues, with filters on the items; all of them hold. Several values of one have commas."""

    issue: Annotated[Several[Slug] | None, Meta(description="Items of one of these issues, at either point.")] = None
    party: Annotated[
        Several[Party] | None,
        Meta(description="Items that touch one of these at either point. A page may be short before the end."),
    ] = None

    def wanted(self) -> WantedDiff:
        """Return which changes are wanted."""
        given = [(name, value) for name in ("issue", "party") if (value := getattr(self, name)) is not None]
        if not given:
            return WantedDiff()
        every = ScopeFilter(tuple(KINDS), (), included=Included(ended=True))
        return WantedDiff(None, lambda day: every._replace(clauses=[clause_of(*each, day) for each in given]))


def _misread(moment: str, *, published: bool) -> str | None:
    """Return why a K does not go with its basis; None when it does."""
    if not published:
        return "with known_basis=recorded a position or an instant, not a day" if _is_day(moment) else None
    if moment.isdecimal():
        return "with known_basis=published a day or an instant, not a position"
    return "no day has ended before it" if ended_day(moment) == 0 else None


def _is_day(moment: str) -> bool:
    return "-" in moment and "T" not in moment


class _Span(NamedTuple):
    """Two points, the basis of the second, and the parameters and members that name them.

    A point is a day and a position or, as published, a day and a day of publication. `within` is the first of two Ks,
    for the cursor: it has the second point.
    """

    points: Points
    basis: Basis
    clocks: dict[str, str]
    pinned: bool
    members: bytes
    within: int = 0


async def _get_diff(request: AnyRequest) -> Response[bytes]:
    """Read what changed in an issue between two points."""
    slug = slug_of(request, "issue", "issue")
    return await _diff(request, query_of(request, DiffQuery), WantedDiff(slug))


async def _get_differences(request: AnyRequest) -> Response[bytes]:
    """Read what changed across issues between two points."""
    query = query_of(request, DifferencesQuery)
    return await _diff(request, query, query.wanted())


async def _diff(request: AnyRequest, query: DiffQuery, wanted: WantedDiff) -> Response[bytes]:
    services = services_of(request)
    cursor = None if query.cursor is None else read_cursor(request, query.cursor, AsOfCursor)
    edition = services.heads.edition
    span = await _span(request, query, cursor)
    if cursor and (cursor.as_of, cursor.position, cursor.within) != (
        span.points[1].day,
        span.basis.position,
        span.within,
    ):
        raise foreign_cursor()
    check_history(cursor, span.basis)
    headers = frozen(request, tag_of(span.clocks, edition), span.clocks, pinned=span.pinned)
    if (same := not_modified(request, headers, exists=False)) is not None:
        return same
    if wanted.issue is not None:
        await check_issue(services.database, span.basis, wanted.issue)
    page = await difference.change_page(
        services.database,
        span.basis,
        wanted,
        span.points._replace(with_facts=query.sources != "none"),
        after=cursor.after if cursor else 0,
        limit=query.limit,
    )
    items = b",".join(_change(each) for each in page.items)
    following = next_member(request, span.basis, page.next, span.within)
    headers["Link"] += next_link(request, following)
    body = b'{"items":[%s],%s,%s}' % (items, following, span.members)
    return not_modified(request, headers) or json_answer(body, headers=headers)


async def _span(request: AnyRequest, query: DiffQuery, cursor: AsOfCursor | None) -> _Span:
    if query.from_ is not None:
        return await _two_days(request, query, cursor)
    if query.known_basis == "published":
        return await _two_publications(request, query, cursor)
    return await _two_positions(request, query, cursor)


def _change(each: difference.StateChange) -> bytes:
    before, after = (b"null" if state is None else state for state in (each.before, each.after))
    return b'{"id":"%s","kind":"%s","changed":%s,"before":%s,"after":%s}' % (
        each.slug.encode(), each.kind.encode(), encode(_changed(each)), before, after,
    )  # fmt: skip


def _changed(each: difference.StateChange) -> list[str]:
    """Return the names of the members that differ, in the order of the states."""
    before, after = (_members(state) if state else {} for state in (each.before, each.after))
    return [name for name in {**before, **after} if before.get(name) != after.get(name)]


_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


async def _two_days(request: AnyRequest, query: DiffQuery, cursor: AsOfCursor | None) -> _Span:
    """Resolve two days at one K; the cursor gives what the query leaves out."""
    first, last = ordinal(query.from_ or ""), _day(request, query.to, cursor)
    if first > last:
        raise BadQuery([Fault(("from",), "later than today")])
    if cursor and not same_clocks(request, query, cursor):
        raise foreign_cursor()
    services = services_of(request)
    question = cursor.question if cursor else await question_of(services, query)
    basis = await resolve(services.database, question._replace(as_of=last))
    days = {"from": dates.iso(first), "to": dates.iso(last)}
    counts = basis.position if basis.published is None else basis.published
    return _Span(
        Points(Point(first, counts), Point(last, counts)), basis, days | known_clocks(basis),
        query.to is not None and query.pins_known(),
        b'"from":"%s","to":"%s",%s' % (days["from"].encode(), days["to"].encode(), every_day_members(basis)),
    )  # fmt: skip


async def _two_positions(request: AnyRequest, query: DiffQuery, cursor: AsOfCursor | None) -> _Span:
    """Resolve two Ks on one day; the cursor gives what the query leaves out."""
    day = _day(request, query.as_of, cursor)
    one = await _known_at(request, "known_from", query.known_from, Question(day))
    basis = await _known_at(request, "known_to", query.known_to, cursor.question if cursor else Question(day))
    if one.position > basis.position:
        raise BadQuery([Fault(("known_to",), "before known_from")])
    clocks = {"as_of": dates.iso(day), "known_from": str(one.position), "known_to": str(basis.position)}
    return _Span(
        Points(Point(day, one.position), Point(day, basis.position)), basis, clocks,
        query.as_of is not None and query.known_to is not None,
        b'"as_of":"%s","known_from":%d,"known_to":%d,%s' % (
            clocks["as_of"].encode(), one.position, basis.position, known_members(basis),
        ),
        one.position,
    )  # fmt: skip


async def _two_publications(request: AnyRequest, query: DiffQuery, cursor: AsOfCursor | None) -> _Span:
    """Resolve two days of publication on one day; the cursor gives what the query leaves out."""
    day, first = _day(request, query.as_of, cursor), ended_day(query.known_from or "")
    today = services_of(request).today()
    last = ended_day(query.known_to) if query.known_to else cursor.published or 0 if cursor else today
    if first > last:
        raise BadQuery([Fault(("known_to",), "before known_from")])
    position = query.known_position if query.known_position is not None or not cursor else cursor.position
    basis = await resolve(services_of(request).database, Question(day, position, published=last))
    if cursor and cursor.published != last:
        raise foreign_cursor()
    ends = {"known_from": dates.iso(first), "known_to": dates.iso(last)}
    clocks = {"as_of": dates.iso(day), **ends, "known_position": str(basis.position), "known_basis": "published"}
    return _Span(
        Points(Point(day, first), Point(day, last)), basis, clocks,
        None not in (query.as_of, query.known_to, query.known_position),
        b'"as_of":"%s","known_from":"%s","known_to":"%s",%s' % (
            clocks["as_of"].encode(), ends["known_from"].encode(), ends["known_to"].encode(), known_members(basis),
        ),
        first,
    )  # fmt: skip


def _day(request: AnyRequest, written: str | None, cursor: AsOfCursor | None) -> int:
    """Return the day that is written, else the cursor's, else today."""
    if written is not None:
        return ordinal(written)
    return cursor.as_of if cursor else services_of(request).today()


async def _known_at(request: AnyRequest, name: str, written: str | None, otherwise: Question) -> Basis:
    """Resolve a position or an instant; raises KnowledgeAhead when it lies beyond the head."""
    question, services = otherwise, services_of(request)
    if written is not None and "T" in written:
        question = Question(otherwise.as_of, instant=micros(written))
        await freeze(services, name, written, micros(written))
    elif written is not None:
        question = Question(otherwise.as_of, int(written))
    try:
        return await resolve(services.database, question)
    except KnowledgeAhead as ahead:
        asked = f"{name}={written}"
        raise KnowledgeAhead(asked, ahead.head) from ahead


_DAYS = {"from": "2025-04-01", "to": "2025-06-10"}
ROUTES = [
    Route(
        Operation(
            method="GET", path="/v1/issues/{issue}/diff", operation_id="get_diff", tag="issues",
            summary="Get the changes of an issue",
            description="The items of the issue, itself included, whose states differ between two days as known at one "
            "K (`from`, `to`), or between two Ks on one day (`known_from`, `known_to`: positions or instants; as "
            "published, days).",
            path_parameters={"issue": IssueName}, query=DiffQuery, example_query=_DAYS, headers=("If-None-Match",),
            answers=as_of_answers("A page of changes.", response_shapes.Diff, examples.DIFF, by_datetime=False),
            problems=("not-found", "knowledge-ahead"),
        ),
        _get_diff,
    ),
    Route(
        Operation(
            method="GET", path="/v1/diff", operation_id="get_differences", tag="changes",
            summary="Get the changes across issues",
            description="The items of all issues whose states differ between two days as known at one K (`from`, "
            "`to`), or between two Ks on one day (`known_from`, `known_to`: positions or instants; as published, "
            "days): what became known of what stood on that day. `issue` and `party` filter the items by their states "
            "at either point.",
            query=DifferencesQuery, example_query=_DAYS, headers=("If-None-Match",),
            answers=as_of_answers("A page of changes.", response_shapes.Diff, examples.DIFF, by_datetime=False),
            problems=("knowledge-ahead",),
        ),
        _get_differences,
    ),
]  # fmt: skip
