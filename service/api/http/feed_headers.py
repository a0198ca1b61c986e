"""The headers of a page of the feed: where it ends, its entity tag, its links, and how long it may be kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.api.http.frozen import described, kept_for_ever, linked
from service.api.http.problems import POSITION
from service.api.http.requests import JSON, REVALIDATE, parameters_of, services_of
from service.feed.cloudevents import BATCH_MEDIA_TYPE

if TYPE_CHECKING:
    from service.api.http.requests import AnyRequest, Services
    from service.feed.pages import LogPage

VARY = "Accept, Accept-Encoding"
_SUFFIXES = {JSON: "", BATCH_MEDIA_TYPE: ".ce"}


def page_headers(request: AnyRequest, page: LogPage, form: str, *, frozen: bool) -> dict[str, str]:
    """Return the headers of a page in a form. One that is `frozen` is the same for ever, and a cache may keep it.

    Where it ends, its head included, it says as it was: also from a cache it says that more follows.
    """
    services = services_of(request)
    given = parameters_of(request)
    rest = [(name, value) for name, value in given if name not in {"after", "since"}]
    following = linked(request, [*rest, ("after", str(page.place))], "next")
    return {
        "Feed-Next": str(page.next),
        "Feed-Place": str(page.place),
        "Feed-Head": str(page.head),
        **edition_of(services),
        POSITION: str(page.head),
        "ETag": f'"{page.next}.{page.head}.{services.heads.edition}{_SUFFIXES[form]}"',
        "Link": f"{following}, {linked(request, given, 'self')}, {described(request)}",
        "Cache-Control": kept_for_ever(request) if frozen else REVALIDATE,
        "Vary": VARY,
    }


def edition_of(services: Services) -> dict[str, str]:
    """Return the headers that name the ledger and its epoch."""
    return {"Feed-Ledger": str(services.heads.ledger), "Feed-Epoch": str(services.heads.epoch)}
