"""Answers that hold for ever at some D and K: their entity tags, their links, and how long they may be kept.

A tag names D, K and the edition of the ledger, within its own URL. So the tag that a reader got says up to which
position of the log the reader saw (see conditions.py).
"""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode, urlsplit

from service.api.http.cursors import next_cursor
from service.api.http.problems import POSITION
from service.api.http.requests import REVALIDATE, AnyRequest, parameters_of, services_of
from service.domain.vocabulary import dates
from service.domain.vocabulary.instants import EPOCH

if TYPE_CHECKING:
    from collections.abc import Iterable

    from service.views.asof.question import Basis

ACCEPT_DATETIME = "Accept-Datetime"
IMMUTABLE = "max-age=31536000, immutable"


def etag(basis: Basis, edition: str) -> str:
    """Return the entity tag of an answer: its basis and its edition, within its own URL."""
    published = "" if basis.published is None else f".{dates.iso(basis.published)}"
    known_basis = "published" if published else "recorded"
    return f'"{dates.iso(basis.as_of)}.{basis.position}.{known_basis}{published}.{edition}"'


def known_clocks(basis: Basis) -> dict[str, str]:
    """Return the parameters that pin K."""
    clocks = {"known_position": str(basis.position)}
    if basis.published is not None:
        clocks |= {"known_basis": "published", "known_at": dates.iso(basis.published)}
    return clocks


def tag_of(clocks: dict[str, str], edition: str) -> str:
    """Return the entity tag of an answer of some edition that some parameters pin."""
    return f'"{".".join([*clocks.values(), edition])}"'


def frozen(
    request: AnyRequest, tag: str, clocks: dict[str, str], *, pinned: bool, recorded_at: int | None = None
) -> dict[str, str]:
    """Return the headers of an answer that holds for ever at some D and K, which its frozen URL names as `clocks`.

    `pinned` is true where the request names them all; a cursor has them too. With `recorded_at`, the instant of K
    (microseconds since 1970 UTC, 0 before the first event), the answer has earlier ones, by Accept-Datetime.
    """
    given = parameters_of(request)
    paged = any(name == "cursor" for name, _ in given)
    original, memento = urls_of(request, clocks)
    own = _url(request, urlencode(given))
    links = [_link(own if paged else memento, "memento"), _link(own, "self"), described(request)]
    headers = {"ETag": tag, "Cache-Control": kept_for_ever(request) if pinned or paged else REVALIDATE}
    if recorded_at is not None and not paged and "known_basis" not in clocks:
        links.append(_link(original, "original timegate"))
        if not pinned:
            headers["Vary"] = ACCEPT_DATETIME
        elif recorded_at:
            headers["Memento-Datetime"] = http_date(recorded_at)
    headers["Link"] = ", ".join(links)
    position = clocks.get("known_position", clocks.get("known_to", ""))
    return headers | {POSITION: position} if position.isdecimal() else headers


def urls_of(request: AnyRequest, clocks: dict[str, str]) -> tuple[str, str]:
    """Return the URLs of an answer: the one with its D and without its K, and the frozen one."""
    given = parameters_of(request)
    rest = [(name, value) for name, value in given if not name.startswith("known_") and name not in clocks]
    days = [(name, value) for name, value in clocks.items() if not name.startswith("known_")]
    original = urlencode([*rest, *days])
    known = urlencode([(name, value) for name, value in clocks.items() if name.startswith("known_")])
    return _url(request, original), _url(request, f"{original}&{known}" if original else known)


@lru_cache(maxsize=4_096)
def http_date(instant: int) -> str:
    """Write microseconds since 1970 UTC as a date of HTTP."""
    return format_datetime(EPOCH + timedelta(microseconds=instant), usegmt=True)


def kept_for_ever(request: AnyRequest) -> str:
    """Return the Cache-Control of what never changes: only what anybody may read is for caches that serve others."""
    return f"{'public' if services_of(request).keys.anyone else 'private'}, {IMMUTABLE}"


def next_link(request: AnyRequest, members: bytes) -> str:
    """Return what the header Link has about the next page beside others, from the members of the answer, as JSON.

    It is "" at the end.
    """
    cursor = next_cursor(members)
    if not cursor:
        return ""
    given = [(name, value) for name, value in parameters_of(request) if name != "cursor"]
    return f", {linked(request, [*given, ('cursor', cursor)], 'next')}"


def timemap_link(request: AnyRequest, day: str) -> str:
    """Return what the header Link has about the TimeMap beside others."""
    url = public_path(request, f"{request.scope['path']}/timemap")
    return f', <{url}?as_of={day}>; rel="timemap"; type="application/link-format"'


def linked(request: AnyRequest, parameters: Iterable[tuple[str, str]], rel: str) -> str:
    """Return a link to the path of a request with other parameters (RFC 8288)."""
    return _link(_url(request, urlencode([*parameters])), rel)


def _url(request: AnyRequest, query: str) -> str:
    return f"{public_path(request, request.scope['path'])}{'?' if query else ''}{query}"


def _link(url: str, rel: str) -> str:
    return f'<{url}>; rel="{rel}"'


def described(request: AnyRequest) -> str:
    """Return the link to the document that describes the service."""
    return f'<{public_path(request, "/schema/openapi.json")}>; rel="service-desc"'


def public_path(request: AnyRequest, path: str) -> str:
    """Return a path as clients reach it: the public URL may have a path of its own, which a proxy takes away."""
    return prefix_of(services_of(request).public_url) + quote(path)


@lru_cache(maxsize=16)
def prefix_of(public_url: str) -> str:
    """Return the path of a public URL, without a slash at its end."""
    return urlsplit(public_url).path.rstrip("/")
