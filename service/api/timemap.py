"""The TimeMap of an item or an issue (RFC 7089): its frozen URLs, one for each event that is recorded on it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from litestar import Response

from service.api.http.asof import placed
from service.api.http.conditions import not_modified
from service.api.http.cursors import check_history, next_member
from service.api.http.frozen import etag, frozen, http_date, known_clocks, next_link, public_path
from service.api.http.parameters import AsOfPageQuery
from service.api.http.problems import NotFound
from service.api.http.query_strings import BadQuery
from service.api.http.requests import AnyRequest, Handler, parameters_of, slug_of
from service.api.spec import examples
from service.api.spec.operations import IssueName, Operation, Route, as_of_answers, item_name
from service.domain.errors import Fault
from service.domain.vocabulary import dates
from service.domain.vocabulary.kinds import KINDS, Kind
from service.eventlog.log import Place
from service.feed.filters import EventConditions, passing
from service.feed.pages import EventFilter, log_page
from service.views.asof.basis import resolve

if TYPE_CHECKING:
    from service.feed.pages import LogPage
    from service.views.asof.question import Basis

LINKS = "application/link-format"
_OWN = {"cursor", "limit", "as_of", "known_at", "known_position", "known_basis"}
"""Parameters that a frozen URL does not take over."""


def _timemap(kind: str, parameter: str) -> Handler:
    """Make the operation that lists the frozen URLs of what has a kind and a name in the path."""

    async def timemap(request: AnyRequest) -> Response[bytes]:
        asked = await placed(request, AsOfPageQuery)
        if asked.question.published is not None:
            raise BadQuery([Fault(("known_basis",), "a TimeMap is of what was recorded")])
        slug, edition = slug_of(request, parameter, kind), asked.services.heads.edition
        basis = await resolve(asked.database, asked.question)
        check_history(asked.cursor, basis)
        clocks = {"as_of": dates.iso(basis.as_of), **known_clocks(basis)}
        pinned = asked.query.as_of is not None and asked.query.pins_known()
        headers = frozen(request, etag(basis, edition), clocks, pinned=pinned)
        if (same := not_modified(request, headers, exists=False)) is not None:
            return same
        about = EventConditions(issue=slug) if kind == "issue" else EventConditions(item=slug, type=f"{kind}.*")
        wanted = EventFilter(passing(about), until=basis.position)
        page = await log_page(asked.database, Place(asked.after), asked.query.limit, wanted)
        if not page.events and not asked.after and page.next >= basis.position:
            detail = f"There is no {kind} {slug} at position {basis.position}."
            raise NotFound(detail)
        more = page.next if page.next < basis.position else None
        headers["Link"] += next_link(request, next_member(request, basis, more, 0))
        return not_modified(request, headers) or Response(
            _links(request, basis, page), media_type=LINKS, headers=headers
        )

    return timemap


def _links(request: AnyRequest, basis: Basis, page: LogPage) -> bytes:
    rest = [(name, value) for name, value in parameters_of(request) if name not in _OWN]
    query = urlencode([*rest, ("as_of", dates.iso(basis.as_of))])
    path = public_path(request, request.scope["path"].removesuffix("/timemap"))
    links = [f'<{path}?{query}>; rel="original timegate"']
    links += [
        f'<{path}?{query}&known_position={event.position}>; rel="memento"; datetime="{http_date(event.recorded_at)}"'
        for event in page.events
    ]
    return ",\n".join(links).encode()


def _route(kind: Kind) -> Route:
    name, parameter = kind.name, "issue" if kind.name == "issue" else "item"
    return Route(
        Operation(
            method="GET", path=f"/v1/{kind.plural}/{{{parameter}}}/timemap", operation_id=f"get_{name}_timemap",
            narrowed={"known_basis": ("recorded",)},
            tag=kind.plural, summary=f"List the frozen URLs of {kind.with_article}",
            description=f"A TimeMap (RFC 7089): the frozen URL of the {name} as of D, one for each event that is "
            "recorded on it, with its date. The header Link has the next page.",
            path_parameters={parameter: IssueName if name == "issue" else item_name(name)},
            query=AsOfPageQuery, example_query=examples.AS_OF, headers=("If-None-Match",),
            answers=as_of_answers("The links.", None, examples.TIMEMAP, by_datetime=False, media_type=LINKS),
            problems=("not-found", "knowledge-ahead"),
        ),
        _timemap(name, parameter),
    )  # fmt: skip


ROUTES = [_route(kind) for kind in KINDS.values()]
