"""Items of every kind but issues, across issues, as of (D, K): by filter, and one by one.

The operations are generated for each kind; `ItemsQuery` is the query of every list.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from service.api.absent import absent
from service.api.http.asof import Answered, AsOfRequest, as_of
from service.api.http.parameters import INCLUDED, AsOfPageQuery, AsOfQuery, IncludePlanned, Words, faults_of_words
from service.api.http.query_strings import BadQuery
from service.api.http.requests import Handler, slug_of
from service.api.spec import response_shapes
from service.api.spec.operations import ItemName, Operation, Route, as_of_answers
from service.domain.errors import Fault
from service.domain.matching.asked import CLAUSES
from service.domain.rule.tokens import token
from service.domain.rule.words import words_of
from service.domain.vocabulary.codes import Eccn, Hs, Name, Party, Slug
from service.domain.vocabulary.kinds import KINDS, PLANNED, STATUSES, Kind
from service.views.asof import lists, touching
from service.views.asof.engine import engine_of
from service.views.asof.question import Included, ScopeFilter, StateFilter
from service.views.asof.sources import one_with_sources, with_sources


class ItemQuery(AsOfQuery, frozen=True, kw_only=True):
    """D and K, which facts the state shows, and whether an item that is only planned has one."""

    include: IncludePlanned | None = None


class ItemsQuery(AsOfPageQuery, frozen=True, kw_only=True):
    """D and K, a page, and filters on items; all of them hold."""

    issue: Annotated[Slug | None, Meta(description="Items of this issue.")] = None
    status: Annotated[
        Name | None,
        Meta(
            description="Items that have this status in some reading; with `certainty=certain` in every one. "
            "`planned`: items that are known only by planned facts."
        ),
    ] = None
    certainty: Annotated[
        Literal["certain", "contested", "possible"] | None, Meta(description="How sure the status is.")
    ] = None
    party: Annotated[
        Party | None,
        Meta(
            description="Items that touch this party: those that mention it, or a bloc that it is a member of on D; "
            "restrictions against all; clearances for the countries of a restriction that touches it."
        ),
    ] = None
    by: Annotated[
        Party | None,
        Meta(
            description="Items whose `by`, `imposed_by`, `granted_by` or `initiator` is this party, or a bloc that it "
            "is a member of on D."
        ),
    ] = None
    against: Annotated[
        Party | None,
        Meta(description="Items against this party, a bloc that it is a member of on D, or all, and not without it."),
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
    include: IncludePlanned | None = None
    q: Words | None = None

    def faults(self) -> list[Fault]:
        """Refuse a search text without a word."""
        return [*faults_of_words(self.q), *super().faults()]

    def filter(self, kind: str, day: int) -> StateFilter | ScopeFilter:
        """Return the filter on items of a kind on a day: by tokens alone, where these decide it."""
        planned = INCLUDED[self.include].planned or self.status == PLANNED
        given = [(name, value) for name in CLAUSES if (value := getattr(self, name)) is not None]
        clauses = [CLAUSES[name](value, day) for name, value in given]
        tokens = [token for clause in clauses if (token := clause.token({kind})) is not None]
        if len(tokens) == len(clauses):
            return StateFilter(kind, tokens, self.marks(), planned)
        return ScopeFilter((kind,), clauses, self.marks(), Included(ended=True, planned=planned))

    def marks(self) -> list[str]:
        """List the marks of the filters on states."""
        given = (("status", self.status), ("certainty", self.certainty))
        return [token(name, value) for name, value in given if value is not None]


def _list(kind: str) -> Handler:
    """Make the operation that reads the items of a kind that match, ended ones included."""

    async def list_items(asked: AsOfRequest[ItemsQuery]) -> Answered:
        query = asked.query
        if query.status is not None and query.status not in STATUSES[kind]:
            raise BadQuery([Fault(("status",), f"a {kind} is never {query.status}; it is {', '.join(STATUSES[kind])}")])
        wanted = query.filter(kind, asked.question.as_of)
        page = await lists.page(
            asked.database, asked.question, wanted, words_of(query.q or ""), after=asked.after, limit=query.limit
        )
        shown = await with_sources(asked.database, page.basis, page.items, page.next, query.sources)
        return asked.page(page.basis, map(touching.shown, shown.items), shown.next)

    return as_of(ItemsQuery, list_items)


def _get(kind: str) -> Handler:
    """Make the operation that reads one item of a kind."""

    async def get_item(asked: AsOfRequest[ItemQuery]) -> Answered:
        slug, query, database = slug_of(asked.request, "item", kind), asked.query, asked.database
        planned = INCLUDED[query.include].planned
        found = await engine_of(asked.question).item(database, asked.question, kind, slug, planned=planned)
        if found is None:
            raise await absent(database, asked.question, kind, slug, planned=planned)
        state = await one_with_sources(database, found.basis, found.state, query.sources)
        return Answered(state.body[1:-1], found.basis)

    return as_of(ItemQuery, get_item)


def _routes(kind: Kind) -> list[Route]:
    name, plural = kind.name, kind.plural
    return [
        Route(
            Operation(
                method="GET", path=f"/v1/{plural}", operation_id=f"list_{plural}", tag=plural,
                summary=f"List {plural} as of a day",
                description=f"The {plural} across issues as of (D, K) that match every filter, ended ones too, in "
                "order of first appearance in the log. Those that are only planned are left out unless asked for.",
                query=ItemsQuery, headers=("If-None-Match",),
                answers=as_of_answers(f"A page of {plural}.", response_shapes.PAGES[name]),
                problems=("knowledge-ahead",),
            ),
            _list(name),
        ),
        Route(
            Operation(
                method="GET", path=f"/v1/{plural}/{{item}}", operation_id=f"get_{name}", tag=plural,
                summary=f"Get {kind.with_article} as of a day", description=f"One {name} as of (D, K).",
                path_parameters={"item": ItemName}, query=ItemQuery, headers=("If-None-Match",),
                answers=as_of_answers(f"The {name}.", response_shapes.ANSWERS[name]),
                problems=("not-found", "knowledge-ahead"),
            ),
            _get(name),
        ),
    ]  # fmt: skip


ROUTES = [route for kind in KINDS.values() if kind.name != "issue" for route in _routes(kind)]
