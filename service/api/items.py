"""Items of every kind but issues, across issues, as of (D, K): by filter, and one by one.

The operations are generated for each kind; `ItemsQuery` is the query of every list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from service.api.absent import absent
from service.api.http.asof import Answered, AsOfRequest, as_of
from service.api.http.moments import ordinal
from service.api.http.parameters import (
    INCLUDED,
    Applies,
    AsOfPageQuery,
    AsOfQuery,
    Certainty,
    Compared,
    Day,
    EndedOrPlanned,
    IncludePlanned,
    Several,
    Words,
    faults_of_words,
)
from service.api.http.query_strings import BadQuery
from service.api.http.requests import Handler, slug_of
from service.api.listing import SORTED, ItemSort, listed, order_of, place_of
from service.api.spec import examples, response_shapes, state_shapes
from service.api.spec.operations import TABLE, Operation, Route, as_of_answers, item_name
from service.api.spec.state_shapes import columns_of
from service.domain.errors import Fault
from service.domain.matching.asked import CLAUSES, clause_of
from service.domain.rule.read_state import ends_within
from service.domain.rule.tokens import ENDED, token
from service.domain.rule.words import occur_in, words_of
from service.domain.vocabulary.codes import Eccn, Hs, Name, Party, Slug
from service.domain.vocabulary.kinds import KINDS, PLANNED, STATUSES, Kind
from service.views.asof import touching
from service.views.asof.engine import engine_of
from service.views.asof.question import Included, ItemState, ScopeFilter, StateFilter
from service.views.asof.sorting import Listing
from service.views.asof.sources import one_with_sources, page_work, with_sources

if TYPE_CHECKING:
    from service.views.asof.lists import Passes


class ItemQuery(AsOfQuery, frozen=True, kw_only=True):
    """D and K, which facts the state shows, and whether an item that is only planned has one."""

    include: IncludePlanned | None = None


class ItemsQuery(AsOfPageQuery, frozen=True, kw_only=True):
    """D and K, a page, and filters on items; all of them hold. Several values of one have commas between them."""

    issue: Annotated[Several[Slug] | None, Meta(description="Items of one of these issues.")] = None
    status: Annotated[
        Several[Name] | None,
        Meta(
            description="Items that have one of these statuses in some reading; with `certainty=certain` in every one. "
            "`planned`: items that are known only by planned facts. A status that is an end includes ended items."
        ),
    ] = None
    certainty: Annotated[Several[Certainty] | None, Meta(description="How sure the status is.")] = None
    applies: Annotated[
        Several[Applies] | None, Meta(description="How far a restriction applies: `full`, `partly`, `none`.")
    ] = None
    party: Annotated[
        Several[Party] | None,
        Meta(
            description="Items that touch one of these parties: those that mention it, or a bloc that it is a member "
            "of on D; restrictions against all; clearances for the countries of a restriction that touches it."
        ),
    ] = None
    by: Annotated[
        Several[Party] | None,
        Meta(
            description="Items whose `by`, `imposed_by`, `granted_by` or `initiator` is one of these parties, or a "
            "bloc that it is a member of on D."
        ),
    ] = None
    against: Annotated[
        Several[Party] | None,
        Meta(
            description="Items against one of these parties, a bloc that it is a member of on D, or all, unless "
            "it is left out."
        ),
    ] = None
    good: Annotated[
        Name | None,
        Meta(
            description="Items on this good: every word in a name, in any case, singular or plural; or its element, a "
            "group of elements, or its ECCN; and restrictions on all goods, unless it is left out."
        ),
    ] = None
    hs: Annotated[
        Several[Hs] | None,
        Meta(description="Items on goods whose HS code begins so, or that one of these codes begins with."),
    ] = None
    eccn: Annotated[
        Several[Eccn] | None, Meta(description="Items on goods of one of these ECCNs, their paragraphs or their entry.")
    ] = None
    entity: Annotated[
        Name | None,
        Meta(
            description="Items that name an entity or beneficiary in one of whose names every word stands, in any case."
        ),
    ] = None
    until_from: Annotated[
        Day | None, Meta(description="Items whose status ends by its own terms on this day or later (`until`).")
    ] = None
    until_to: Annotated[
        Day | None, Meta(description="Items whose status ends by its own terms on this day or before (`until`).")
    ] = None
    include: Annotated[
        EndedOrPlanned | None,
        Meta(
            description="`ended`: the items that have ended too. `planned`: those that are known only by planned "
            "facts. Both with a comma between them."
        ),
    ] = None
    compared: Compared = "yes"
    q: Words | None = None
    sort: Annotated[
        ItemSort | None,
        Meta(
            description=f"{SORTED} `since`, `until`: by the first day of the status, or the one on which it ends by "
            "its own terms, in the earliest reading; those without an end come last. `id`: by name."
        ),
    ] = None

    def faults(self) -> list[Fault]:
        """Refuse a search text without a word, days that are not in order, and what cannot be compared with no good."""
        about_good = self.compared == "yes" or self.good or self.hs or self.eccn
        days = self.until_from, self.until_to
        upside_down = None not in days and str(self.until_to) < str(self.until_from)
        return [
            *([Fault(("until_to",), "before until_from")] if upside_down else []),
            *([] if about_good else [Fault(("compared",), "it is about a good: give good, hs or eccn")]),
            *faults_of_words(self.q),
            *super().faults(),
        ]

    def filter(self, kind: Kind, day: int) -> StateFilter | ScopeFilter:
        """Return the filter on items of a kind on a day: by tokens alone, where these decide it."""
        given = [(name, value) for name in CLAUSES if (value := getattr(self, name)) is not None]
        clauses = [clause_of(name, value, day) for name, value in given]
        tokens = [token for clause in clauses if (token := clause.token({kind.name})) is not None]
        statuses = self.status or ()
        planned = INCLUDED[self.include].planned or PLANNED in statuses
        is_ended = INCLUDED[self.include].ended or not kind.ends.isdisjoint(statuses)
        without = () if is_ended else (ENDED,)
        if len(tokens) == len(clauses):
            return StateFilter(kind.name, tokens, self.marks(), planned, without)
        included, unsaid = Included(ended=True, planned=planned), self.compared == "no"
        return ScopeFilter((kind.name,), clauses, self.marks(), included, without, unsaid)

    def marks(self) -> list[list[str]]:
        """List the marks of the filters on states, of each of which one is enough."""
        given = (("status", self.status), ("certainty", self.certainty), ("applies", self.applies))
        return [[token(name, value) for value in values] for name, values in given if values is not None]

    def passes(self) -> Passes | None:
        """Return what else a state has to pass, which its JSON shows; None for nothing."""
        words, days = words_of(self.q or ""), (self.until_from, self.until_to)
        if not words and days == (None, None):
            return None
        first, last = (None if day is None else ordinal(day) for day in days)
        has_days = first is not None or last is not None

        def passes(state: ItemState) -> bool:
            if words and not occur_in(state.kind, state.body, words):
                return False
            return not has_days or ends_within(state.body, first, last)

        return passes


def _list(kind: str) -> Handler:
    """Make the operation that reads the items of a kind that match."""

    async def list_items(asked: AsOfRequest[ItemsQuery]) -> Answered:
        query = asked.query
        if never := [each for each in query.status or () if each not in STATUSES[kind]]:
            raise BadQuery([Fault(("status",), f"a {kind} is never {never[0]}; it is {', '.join(STATUSES[kind])}")])
        if query.compared == "no" and kind not in response_shapes.MEASURES:
            raise BadQuery([Fault(("compared",), "only restrictions and clearances are measures")])
        wanted, passes = query.filter(KINDS[kind], asked.question.as_of), query.passes()
        listing = Listing(wanted, passes, order_of(query.sort))
        work = page_work(asked.question, query.sources)
        page = await listed(asked.database, asked.question, listing, place_of(asked), query.limit, work)
        shown = await with_sources(asked.database, page.basis, page.items, page.next, query.sources, work)
        left = None
        if kind in response_shapes.MEASURES and passes is None:
            left = await touching.not_compared(asked.database, page.basis, wanted, work)
        bodies, key = map(touching.shown, shown.items), listing.key(shown.items)
        return asked.page(page.basis, bodies, shown.next, key=key, not_compared=left)

    return as_of(ItemsQuery, list_items, columns_of(state_shapes.STATES[kind]))


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

    return as_of(ItemQuery, get_item, mapped=True)


def _narrowed(kind: str) -> dict[str, tuple[str, ...]]:
    """Return the values that parameters may have for the kind, for the document."""
    return {"status": STATUSES[kind], **({} if kind in response_shapes.MEASURES else {"compared": ("yes",)})}


def _routes(kind: Kind) -> list[Route]:
    name, plural = kind.name, kind.plural
    return [
        Route(
            Operation(
                method="GET", path=f"/v1/{plural}", operation_id=f"list_{plural}", tag=plural,
                summary=f"List {plural} as of a day",
                description=f"The {plural} across issues as of (D, K) that match every filter, in order of first "
                "appearance in the log. Those that have ended, and those that are only planned, are left out unless "
                "asked for.",
                query=ItemsQuery, narrowed=_narrowed(name), example_query=examples.AS_OF, headers=("If-None-Match",),
                answers=as_of_answers(f"A page of {plural}.", response_shapes.PAGES[name], also=TABLE),
                problems=("knowledge-ahead", "not-acceptable"),
            ),
            _list(name),
        ),
        Route(
            Operation(
                method="GET", path=f"/v1/{plural}/{{item}}", operation_id=f"get_{name}", tag=plural,
                summary=f"Get {kind.with_article} as of a day", description=f"One {name} as of (D, K).",
                path_parameters={"item": item_name(name)}, query=ItemQuery, example_query=examples.AS_OF,
                headers=("If-None-Match",),
                answers=as_of_answers(f"The {name}.", response_shapes.ANSWERS[name]),
                problems=("not-found", "knowledge-ahead"),
            ),
            _get(name),
        ),
    ]  # fmt: skip


ROUTES = [route for kind in KINDS.values() if kind.name != "issue" for route in _routes(kind)]
