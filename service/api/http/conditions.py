"""Requests that depend on an entity tag (RFC 9110, 13): what the client has, and what the writer saw."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from litestar import Response

from service.api.http.problems import PreconditionFailed
from service.api.http.requests import field_of, services_of

if TYPE_CHECKING:
    from service.api.http.requests import AnyRequest

CODINGS = ("gzip", "zstd")
"""The content codings; the tag of a compressed answer ends with the name of its coding."""
_TAG = re.compile(r'\s*(?:W/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*')
_CODED = re.compile(rf"\.({'|'.join(CODINGS)})\Z")
_VERSION = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)
_KNOWN = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}\.)?(?P<position>0|[1-9][0-9]{0,15})\."
    r"(recorded\.|published\.[0-9]{4}-[0-9]{2}-[0-9]{2}\.)?(?P<edition>[0-9a-f]+-[0-9]+)",
    re.ASCII,
)


class Seen(NamedTuple):
    """What a writer saw, by If-Match: versions of an issue, and positions up to which answers counted the log.

    Without either no tag can match.
    """

    versions: frozenset[int]
    positions: frozenset[int]

    def position(self) -> int:
        """Return the last of the positions; raises PreconditionFailed where If-Match has versions alone."""
        if not self.positions:
            detail = "If-Match has no entity tag of an answer about an event; send its ETag."
            raise PreconditionFailed(detail)
        return max(self.positions)


def seen_by(request: AnyRequest) -> Seen | None:
    """Return what a writer saw; None without If-Match, or with `*`: where nothing is there, the answer is 404 anyway.

    A weak tag counts as its strong one: a proxy that compresses makes tags weak, and these name a state, not bytes. A
    tag of another ledger, or from before the log was set back, is none of ours. Raises PreconditionFailed for no tag.
    """
    given = field_of(request, b"if-match")
    if given is None or given.strip() == "*":
        return None
    versions, positions = set(), set()
    edition = services_of(request).heads.edition
    for tag in _listed(given):
        if _VERSION.fullmatch(tag):
            versions.add(int(tag))
        elif (found := _KNOWN.fullmatch(_CODED.sub("", tag))) and found["edition"] == edition:
            positions.add(int(found["position"]))
    if not versions and not positions:
        detail = "If-Match has no entity tag of this ledger as it is now: send the ETag of an answer, or *."
        raise PreconditionFailed(detail)
    return Seen(frozenset(versions), frozenset(positions))


def _listed(given: str) -> list[str]:
    """Return the tags of a list, without quotes; a lone version may come without them."""
    if _VERSION.fullmatch(given.strip()):
        return [given.strip()]
    found, place = [], 0
    while match := _TAG.match(given, place):
        found.append(match[1])
        place = match.end()
        if place == len(given) or given[place] != ",":
            break
        place += 1
    return found if place == len(given) else []


def not_modified(request: AnyRequest, headers: dict[str, str], *, exists: bool = True) -> Response[bytes] | None:
    """Answer 304 when the client has the answer that would have these headers, in this form, compressed or not.

    `*` means any answer: it counts once it is known that there `exists` one.
    """
    given = field_of(request, b"if-none-match")
    if given is None:
        return None
    tag = headers["ETag"]
    if given.strip() == "*":
        return Response(b"", status_code=304, headers=headers) if exists else None
    for each in _listed(given):
        if _CODED.sub("", each) == tag[1:-1]:
            return Response(b"", status_code=304, headers=headers | {"ETag": f'"{each}"'})
    return None
