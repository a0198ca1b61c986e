"""Changes: what changes, and what lapses, on which day, across issues: as JSON, a table, a calendar or a news feed."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Annotated, Literal

from litestar import Response
from msgspec import Meta

from service.api.change_forms import ATOM, CALENDAR, FORMS, calendar, dated, news, tabled
from service.api.http.asof import placed
from service.api.http.basis import every_day_members
from service.api.http.conditions import not_modified
from service.api.http.cursors import check_history, foreign_cursor, next_member
from service.api.http.encodings import form_of
from service.api.http.frozen import frozen, known_clocks, next_link, tag_of
from service.api.http.moments import ordinal
from service.api.http.parameters import Day, KnownPageQuery
from service.api.http.query_strings import BadQuery
from service.api.http.requests import (
    JSON,
    AnyRequest,
    Services,
    encode,
    json_answer,
    services_of,
)
from service.api.http.tables import CSV
from service.api.spec import change_shapes, examples
from service.api.spec.operations import AS_OF_HEADERS, Documented, Media, Operation, Route
from service.domain.errors import Fault
from service.domain.matching.asked import CLAUSES
from service.domain.matching.blocs import days_of_change
from service.domain.vocabulary import dates
from service.domain.vocabulary.codes import Eccn, Hs, Name, Party, Slug
from service.domain.vocabulary.kinds import KINDS
from service.views.asof.basis import resolve
from service.views.asof.changes import ALL_KINDS, Wanted, change_page

if TYPE_CHECKING:
    from service.api.spec.change_shapes import DayChange
    from service.domain.matching.clauses import Clause
    from service.views.asof.question import Basis

DAYS = 90
"""Days from `from` to `to`, where the query does not say."""
if TYPE_CHECKING:
    KindName = str
else:
    KindName = Literal[tuple(KINDS)]


class ChangesQuery(KnownPageQuery, frozen=True, kw_only=True, rename={"from_": "from"}):
    """The days, K, a page, and filters on items; all of them hold, on the day of the change or on the day before."""

    from_: Annotated[Day | None, Meta(description="The first day; today in UTC when absent.")] = None
    to: Annotated[Day | None, Meta(description="The last day; 90 days after the first when absent.")] = None
    because: Annotated[
        Literal["fact", "end"] | None,
        Meta(description="`end`: what lapses, by an end of its own; `fact`: what a fact brings by taking hold."),
    ] = None
    kind: Annotated[KindName | None, Meta(description="Items of this kind.")] = None
    issue: Annotated[Slug | None, Meta(description="Items of this issue.")] = None
    party: Annotated[
        Party | None,
        Meta(
            description="Items that touch this party: those that mention it, or a bloc that it is a member of; "
            "restrictions against all; clearances for the countries of a restriction that touches it."
        ),
    ] = None
    by: Annotated[
        Party | None,
        Meta(
            description="Items whose `by`, `imposed_by`, `granted_by` or `initiator` is this party, or a bloc that it "
            "is a member of."
        ),
    ] = None
    against: Annotated[
        Party | None,
        Meta(description="Items against this party, a bloc that it is a member of, or all, and not without it."),
    ] = None
    good: Annotated[
        Name | None,
        Meta(
            description="Items on this good: every word in a name, in any case, singular or plural; or its element, a "
            "group of elements, or its ECCN; and restrictions on all goods, and not without it."
        ),
    ] = None
    hs: Annotated[
        Hs | None, Meta(description="Items on goods whose HS code begins so, or that this code begins with.")
    ] = None
    eccn: Annotated[Eccn | None, Meta(description="Items on goods of this ECCN, its paragraphs or its entry.")] = None
    entity: Annotated[
        Name | None,
        Meta(
            description="Items that name an entity or beneficiary in one of whose names every word stands, in any case."
        ),
    ] = None
    format: Annotated[
        Literal["json", "csv", "ics", "atom"] | None,
        Meta(
            description="The form of the answer, for clients that cannot send `Accept`: `ics` is a calendar to "
            "subscribe to, `atom` a news feed."
        ),
    ] = None

    def wanted(self, today: int) -> Wanted:
        """Return what the query asks for; raises BadQuery for days that are not in order."""
        first = today if self.from_ is None else ordinal(self.from_)
        last = min(first + DAYS, dates.FOREVER - 1) if self.to is None else ordinal(self.to)
        if last < first:
            raise BadQuery([Fault(("to",), "before from, or before today where from is absent")])
        kinds = ALL_KINDS if self.kind is None else (self.kind,)
        given = [(name, value) for name in CLAUSES if (value := getattr(self, name)) is not None]

        @cache
        def clauses_on(day: int) -> list[Clause]:
            return [CLAUSES[name](value, day) for name, value in given]

        every = [
            {
                token: None
                for day in days_of_change(value, first, last)
                for token in CLAUSES[name](value, day).candidates(kinds)
            }
            for name, value in given
        ]
        return Wanted(first, last, kinds, clauses_on, [[*tokens] for tokens in every], self.because)


async def _get_changes(request: AnyRequest) -> Response[bytes]:
    """Read the changes that fall on some days."""
    asked = await placed(request, ChangesQuery)
    query, services = asked.query, services_of(request)
    form = FORMS[query.format] if query.format else form_of(request, JSON, CSV, CALENDAR, ATOM)
    edition, wanted = services.heads.edition, query.wanted(asked.question.as_of)
    if asked.cursor is not None and asked.cursor.as_of != wanted.first:
        raise foreign_cursor()
    basis = await resolve(asked.database, asked.question._replace(as_of=wanted.first))
    check_history(asked.cursor, basis)
    days = {"from": dates.iso(wanted.first), "to": dates.iso(wanted.last)}
    clocks = days | known_clocks(basis)
    pinned = None not in (query.from_, query.to) and query.pins_known()
    headers = frozen(request, tag_of({**clocks, "form": form}, edition), clocks, pinned=pinned) | {"Vary": "Accept"}
    if (same := not_modified(request, headers)) is not None:
        return same
    after = (asked.cursor.within, asked.cursor.after) if asked.cursor else (0, 0)
    page = await change_page(asked.database, basis, wanted, after, query.limit)
    found = [dated(each) for each in page.items]
    day, number = page.next or (0, None)
    following = next_member(request, basis, number, day)
    headers["Link"] += next_link(request, following)
    if form != JSON:
        written = _written(form, found, [each.known_at or basis.recorded_at for each in page.items], basis, services)
        return Response(written, media_type=form, headers=headers)
    members = (encode(found)[1:-1], following, days["from"].encode(), days["to"].encode(), every_day_members(basis))
    return json_answer(b'{"items":[%s],%s,"from":"%s","to":"%s",%s}' % members, headers=headers)


def _written(form: str, found: list[DayChange], known: list[int], basis: Basis, services: Services) -> bytes:
    """Return changes in another form than JSON; `known` has the instant at which each became known."""
    ledger, url = str(services.heads.ledger), services.public_url
    if form == CSV:
        return tabled(found)
    if form == CALENDAR:
        return calendar(found, basis.recorded_at, url, ledger)
    return news(found, known, url, ledger)


_FORMS = (Media(CSV), Media(CALENDAR), Media(ATOM))
ROUTES = [
    Route(
        Operation(
            method="GET", path="/v1/changes", operation_id="list_changes", tag="changes",
            summary="List what changes, and what lapses",
            description="Every change of the status or of a term of an item that falls on a day from `from` to `to`, "
            "as known at K, across issues and in the order of days: a fact takes hold, or comes to its own end. "
            "`Accept` or `format` picks JSON, a table (`text/csv`), a calendar to subscribe to (`text/calendar`) or a "
            "news feed (`application/atom+xml`); in these the header `Link` names the next page. With filters a page "
            "may be short before the end.",
            query=ChangesQuery, example_query={"from": "2025-04-01"}, headers=("If-None-Match",),
            answers={
                200: Documented(
                    "The changes.", change_shapes.ChangesPage, example=examples.CHANGES, headers=AS_OF_HEADERS,
                    also=_FORMS,
                ),
                304: Documented("The client has this answer.", headers=AS_OF_HEADERS),
            },
            problems=("knowledge-ahead", "not-acceptable"),
        ),
        _get_changes,
    )
]  # fmt: skip
