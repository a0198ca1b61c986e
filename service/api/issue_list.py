"""The list of issues as of (D, K), each with its posture: by party, status, posture and words."""

from __future__ import annotations

from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta

from service.api.http.asof import Answered, AsOfRequest, as_of
from service.api.http.parameters import AsOfPageQuery, Several, Words, faults_of_words
from service.api.issue_bodies import with_posture
from service.api.listing import SORTED, IssueSort, listed, order_of, place_of
from service.api.spec import examples, response_shapes
from service.api.spec.operations import TABLE, Operation, Route, as_of_answers
from service.api.spec.state_shapes import ISSUE, Posture, columns_of
from service.domain.matching.asked import clause_of
from service.domain.rule.tokens import token
from service.domain.rule.words import occur_in, words_of
from service.domain.vocabulary.codes import Party
from service.views.asof.question import Included, ScopeFilter, StateFilter
from service.views.asof.sorting import Listing, PagePlace
from service.views.asof.sources import page_work, with_sources
from service.views.asof.summaries import summaries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from service.domain.errors import Fault
    from service.views.asof.question import ItemState, Summary

PAGES_MAX = 10
"""Pages of issues whose postures are compared for one page."""


class IssuesQuery(AsOfPageQuery, frozen=True, kw_only=True):
    """The two clocks, and filters; all of them hold. Several values of one have commas between them."""

    party: Annotated[
        Several[Party] | None, Meta(description="Issues between parties of which one is this, or a bloc that it is in.")
    ] = None
    status: Annotated[
        Several[Literal["open", "closed"]] | None, Meta(description="Issues that are open, or closed.")
    ] = None
    posture: Annotated[
        Several[Posture] | None,
        Meta(description="Issues of one of these postures. A page may be short before the end."),
    ] = None
    q: Words | None = None
    sort: Annotated[
        IssueSort | None,
        Meta(description=f"{SORTED} `since`: by the first day of the status, in the earliest reading. `id`: by name."),
    ] = None

    def filter(self, day: int) -> StateFilter | ScopeFilter:
        """Return the filter on issues on a day."""
        marks = [] if self.status is None else [[token("status", each) for each in self.status]]
        if self.party is None:
            return StateFilter("issue", (), marks)
        included = Included(ended=True)
        return ScopeFilter(("issue",), [clause_of("party", self.party, day)], marks, included)

    def faults(self) -> list[Fault]:
        """Refuse what holds no word."""
        return [*faults_of_words(self.q), *super().faults()]


def _has_words(words: Sequence[str], issue: ItemState) -> bool:
    return occur_in("issue", issue.body, words)


async def _list_issues(asked: AsOfRequest[IssuesQuery]) -> Answered:
    """Read the issues as of (D, K), each with its version and posture."""
    query, question, place = asked.query, asked.question, place_of(asked)
    words = words_of(query.q or "")
    passes = partial(_has_words, words) if words else None
    listing = Listing(query.filter(question.as_of), passes, order_of(query.sort))
    found: list[tuple[ItemState, bytes]] = []
    pages, work = 0, page_work(asked.question, query.sources)
    summing = work.beside()
    while True:
        page = await listed(asked.database, question, listing, place, query.limit, work)
        shown = await with_sources(asked.database, page.basis, page.items, page.next, query.sources, work)
        summed = await summaries(asked.database, page.basis, shown.items, summing, is_first=not pages)
        items = [*takewhile(lambda each: each.slug in summed, shown.items)]  # noqa: B023 - of this page
        if len(items) < len(shown.items):
            shown = shown._replace(items=items, next=items[-1].number if items else place.number)
        found += _with_postures(shown.items, summed, query.posture)
        pages += 1
        if shown.next is not None:
            question = page.basis.pinned()
            place = PagePlace(listing.key(items) if items else place.key, shown.next)
        is_enough = len(found) >= query.limit or pages == PAGES_MAX or work.is_enough or summing.is_enough
        if query.posture is None or shown.next is None or is_enough:
            break
    kept = found[: query.limit]
    if len(kept) < len(found):
        last = kept[-1][0]
        place = PagePlace(listing.key([last]), last.number)
    following = place.number if len(kept) < len(found) or shown.next is not None else None
    return asked.page(page.basis, [body for _, body in kept], following, key=place.key)


def _with_postures(
    issues: Sequence[ItemState], found: Mapping[str, Summary], wanted: Sequence[str] | None
) -> list[tuple[ItemState, bytes]]:
    """Return the issues of some postures (None: of any), each with its JSON with its version and posture."""
    return [
        (issue, with_posture(issue, *found[issue.slug]))
        for issue in issues
        if wanted is None or found[issue.slug].posture.posture in wanted
    ]


ROUTES = [
    Route(
        Operation(
            method="GET", path="/v1/issues", operation_id="list_issues", tag="issues", summary="List issues",
            description="The issues as of (D, K), each with its version and posture, in the order of the log.",
            query=IssuesQuery, example_query=examples.AS_OF, headers=("If-None-Match",),
            answers=as_of_answers(
                "A page of issues.", response_shapes.PAGES["issue"], examples.ISSUES_ANSWER, also=TABLE
            ),
            problems=("knowledge-ahead", "not-acceptable"),
        ),
        as_of(IssuesQuery, _list_issues, columns_of(ISSUE)),
    ),
]  # fmt: skip
