"""Items of every kind across issues, as of (D, K): by filter, and one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta

from service.api.issues import absent
from service.api.queries import AsOf, AsOfPage, BadQuery, Words, faults_of_words
from service.api.wire import (
    AnyRequest,
    Handler,
    as_of_answer,
    ask_of,
    named,
    next_of,
    place_of,
    query_of,
    services,
    unchanged,
)
from service.domain import terms, words
from service.domain.codes import Eccn, Hs, Name, Party, Slug
from service.domain.errors import Fault
from service.domain.lifecycle import STATUSES
from service.views import query as views
from service.views import search

if TYPE_CHECKING:
    from litestar import Response


class ItemsQuery(AsOfPage, frozen=True, kw_only=True):
    """The two clocks, and which items; conditions given together all hold."""

    issue: Annotated[Slug | None, Meta(description="Items of this issue.")] = None
    status: Annotated[
        Name | None,
        Meta(description="Items that have this status in some reading; with `certainty=certain` in every one."),
    ] = None
    certainty: Annotated[Literal["certain", "possible"] | None, Meta(description="How sure the status is.")] = None
    party: Annotated[Party | None, Meta(description="Items that mention this party in any part.")] = None
    by: Annotated[
        Party | None, Meta(description="Items whose `by`, `imposed_by`, `granted_by` or `initiator` is this party.")
    ] = None
    against: Annotated[Party | None, Meta(description="Items against this party.")] = None
    good: Annotated[Name | None, Meta(description="Items on this good: its name, element or ECCN, in any case.")] = None
    hs: Annotated[Hs | None, Meta(description="Items on goods whose HS code begins so.")] = None
    eccn: Annotated[Eccn | None, Meta(description="Items on goods of this ECCN.")] = None
    entity: Annotated[Name | None, Meta(description="Items that name this entity or beneficiary, in any case.")] = None

    q: Words | None = None

    def faults(self) -> list[Fault]:
        """Refuse what holds no word."""
        return [*faults_of_words(self.q), *super().faults()]

    def tokens(self) -> list[str]:
        """List the tokens of the items asked for, those first that leave the fewest candidates."""
        named = [(name, getattr(self, name)) for name in ("entity", "eccn", "good")]
        coded = [(name, getattr(self, name)) for name in ("issue", "hs", "against", "by", "party")]
        return [f"{name}:{terms.fold(text)}" for name, text in named if text is not None] + [
            f"{name}:{value}" for name, value in coded if value is not None
        ]

    def marks(self) -> list[str]:
        """List the marks of the states asked for."""
        given = (("status", self.status), ("certainty", self.certainty))
        return [f"{name}:{value}" for name, value in given if value is not None]


def lister(kind: str) -> Handler:
    """Make the operation that reads the items of a kind that match, ended ones included."""

    async def list_items(request: AnyRequest) -> Response[bytes]:
        asked = query_of(request, ItemsQuery)
        if asked.status is not None and asked.status not in STATUSES[kind]:
            raise BadQuery([Fault(("status",), f"a {kind} is never {asked.status}; it is {', '.join(STATUSES[kind])}")])
        ask, after = await place_of(request, asked)
        if (same := await unchanged(request, ask)) is not None:
            return same
        wanted = views.Wanted(kind, asked.tokens(), asked.marks())
        sought = words.of(asked.q or "")
        page = await search.page(services(request).database, ask, wanted, sought, after=after, limit=asked.limit)
        items = b",".join(found.body for found in page.items)
        following = next_of(request, page.basis, page.next)
        return as_of_answer(request, b'"items":[%s],%s' % (items, following), page.basis)

    return list_items


def getter(kind: str) -> Handler:
    """Make the operation that reads one item of a kind."""

    async def get_item(request: AnyRequest) -> Response[bytes]:
        slug = named(request, "item", kind)
        ask = await ask_of(request, query_of(request, AsOf))
        if (same := await unchanged(request, ask)) is not None:
            return same
        answered = await views.item(services(request).database, ask, kind, slug)
        if answered is None:
            raise await absent(request, kind, slug, ask)
        return as_of_answer(request, answered.found.body[1:-1], answered.basis)

    return get_item
