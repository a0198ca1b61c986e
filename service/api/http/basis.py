"""The basis of an answer on the wire: the members by which it states its D and K, once for answers and document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from service.api.http.requests import encode
from service.domain.vocabulary import dates, instants

if TYPE_CHECKING:
    from service.views.asof.question import Basis

KnownAt = Annotated[
    str | None,
    Meta(
        description="As recorded, the instant at which the last event that counts was recorded, null before the first "
        "event. As published, the last day whose publications count.",
        examples=["2025-06-10T12:00:00.000000Z", "2025-06-10"],
    ),
]


NOTHING_RECORDED = (
    "Nothing had been recorded at this K, so nothing is known. To count facts from the day on which they were "
    "published, ask with known_basis=published."
)


class KnownMembers(Struct, frozen=True, kw_only=True):
    """K of an answer: how much of the log counts."""

    known_at: KnownAt
    known_position: Annotated[int, Meta(ge=0, description="The last position of the log that counts.")]
    known_basis: Annotated[
        Literal["recorded", "published"],
        Meta(description="Whether facts count from their recording or from their earliest publication."),
    ]
    note: Annotated[
        str | UnsetType,
        Meta(description="Present where K lies before the first event: the answer says nothing about the world."),
    ] = UNSET


def known_members(basis: Basis) -> bytes:
    """Return the members by which an answer states its K, as JSON without braces."""
    if basis.published is None:
        known_at = instants.text(basis.recorded_at) if basis.position else None
        note = UNSET if basis.position else NOTHING_RECORDED
        known = KnownMembers(known_at=known_at, known_position=basis.position, known_basis="recorded", note=note)
    else:
        day = dates.iso(basis.published)
        known = KnownMembers(known_at=day, known_position=basis.position, known_basis="published")
    return encode(known)[1:-1]


def every_day_members(basis: Basis) -> bytes:
    """Return the members by which an answer about no single day states its K, as JSON without braces."""
    return b'"as_of":null,%s' % known_members(basis)


def basis_members(basis: Basis) -> bytes:
    """Return the members by which an answer states its D and K, as JSON without braces."""
    return b'"as_of":"%s",%s' % (dates.iso(basis.as_of).encode(), known_members(basis))
