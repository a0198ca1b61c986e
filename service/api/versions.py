"""The versions of an item: every state that it ever had, as rectangles of (D, K)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.api.absent import without_status
from service.api.http.asof import AsOfRequest, as_known
from service.api.http.parameters import KnownPageQuery, StandingOrNone
from service.api.http.requests import Handler, slug_of
from service.api.spec import response_shapes
from service.api.spec.operations import Operation, Route, as_of_answers, item_name
from service.domain.rule.read_state import without_facts
from service.domain.vocabulary import dates
from service.domain.vocabulary.kinds import KINDS, Kind
from service.views.asof import versions

if TYPE_CHECKING:
    from service.views.asof.question import Basis
    from service.views.asof.rectangles import Rectangle


class VersionsQuery(KnownPageQuery, frozen=True, kw_only=True):
    """K, a page, and whether the states show facts."""

    sources: StandingOrNone = "standing"


def _list_versions(kind: str) -> Handler:
    """Make the operation that reads the history of an item of a kind as rectangles of (D, K)."""

    async def list_versions(asked: AsOfRequest[VersionsQuery], basis: Basis) -> bytes:
        slug = slug_of(asked.request, "item", kind)
        after = (asked.after, asked.cursor.within if asked.cursor else 0)
        page = await versions.version_page(asked.database, basis, kind, slug, after=after, limit=asked.query.limit)
        if page is None:
            raise await without_status(asked.database, basis.pinned(), kind, slug)
        last = page.rectangles[-1] if page.more else None
        with_facts = asked.query.sources != "none"
        bodies = [_rectangle(each, basis, with_facts=with_facts) for each in page.rectangles]
        return asked.page(basis, bodies, last and last.valid_from, last.known_from if last else 0).members

    return as_known(VersionsQuery, list_versions)


def _rectangle(each: Rectangle, basis: Basis, *, with_facts: bool) -> bytes:
    known = str if basis.published is None else lambda day: f'"{dates.iso(day)}"'
    return b'{"valid_from":"%s","valid_to":%s,"known_from":%s,"known_to":%s,"state":%s}' % (
        dates.iso(each.valid_from).encode(),
        b"null" if each.valid_to is None else b'"%s"' % dates.iso(each.valid_to).encode(),
        known(each.known_from).encode(),
        b"null" if each.known_to is None else known(each.known_to).encode(),
        each.state if with_facts else without_facts(each.state),
    )


def _route(kind: Kind) -> Route:
    name = kind.name
    return Route(
        Operation(
            method="GET", path=f"/v1/{kind.plural}/{{item}}/versions", operation_id=f"list_{name}_versions",
            tag=kind.plural, summary=f"Read the history of {kind.with_article}",
            description=f"Every state that the {name} has, on any day, as known at any position up to K (as published, "
            "on any day of publication): rectangles that do not overlap, by first day and first K. Each bound holds up "
            "to, not on, its second value; null is open. Stretches on which the item is only planned are left out.",
            path_parameters={"item": item_name(name)}, query=VersionsQuery, headers=("If-None-Match",),
            example_query={"sources": "none"},
            answers=as_of_answers(f"The history of the {name}.", response_shapes.HISTORIES[name]),
            problems=("not-found", "knowledge-ahead"),
        ),
        _list_versions(name),
    )  # fmt: skip


ROUTES = [_route(kind) for kind in KINDS.values() if kind.name != "issue"]
