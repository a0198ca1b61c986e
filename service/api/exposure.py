"""Exposure: what touches a good and a country on a day, as known then, across issues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta

from service.api.queries import AsOfPage
from service.api.wire import AnyRequest, as_of_answer, next_of, place_of, query_of, services, unchanged
from service.domain import terms
from service.domain.codes import Eccn, Hs, Name, Party
from service.domain.errors import Fault
from service.views import exposure

if TYPE_CHECKING:
    from litestar import Response


class ExposureQuery(AsOfPage, frozen=True, kw_only=True):
    """A good by one of its names or codes, a country, and the two clocks."""

    party: Annotated[Party, Meta(description="The country on either side: the one that acts, or the one acted upon.")]
    good: Annotated[Name | None, Meta(description="A good by name, element or ECCN, in any case.")] = None
    hs: Annotated[
        Hs | None, Meta(description="A good by HS code: measures on codes that begin so, or that it begins with.")
    ] = None
    eccn: Annotated[Eccn | None, Meta(description="A good by ECCN.")] = None
    include: Annotated[
        Literal["ended"] | None, Meta(description="`ended`: those too that have ended in every reading.")
    ] = None

    def faults(self) -> list[Fault]:
        """Refuse no good, or more than one."""
        given = [name for name in ("good", "hs", "eccn") if getattr(self, name) is not None]
        faults = [] if len(given) == 1 else [Fault((given[-1] if given else "good",), "give one of good, hs and eccn")]
        return [*faults, *super().faults()]

    def sought(self) -> exposure.Sought:
        """Give what is asked about."""
        if self.hs is not None:
            goods = exposure.hs_tokens(self.hs)
        elif self.eccn is not None:
            goods = [f"eccn:{terms.fold(self.eccn)}"]
        else:
            goods = [f"good:{terms.fold(self.good or '')}"]
        return exposure.Sought(goods, self.party, self.include is not None)


async def get_exposure(request: AnyRequest) -> Response[bytes]:
    """Read the restrictions and clearances that touch a good and a country."""
    asked = query_of(request, ExposureQuery)
    database = services(request).database
    ask, after = await place_of(request, asked)
    if (same := await unchanged(request, ask)) is not None:
        return same
    page = await exposure.page(database, ask, asked.sought(), after=after, limit=asked.limit)
    items = b",".join(found.body for found in page.items)
    following = next_of(request, page.basis, page.items[-1].number if page.more else None)
    return as_of_answer(request, b'"items":[%s],%s' % (items, following), page.basis)
