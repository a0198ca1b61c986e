"""Exposure: the restrictions and clearances that touch a good and a country on a day, across issues."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from service.api.http.asof import Answered, AsOfRequest, as_of
from service.api.http.parameters import INCLUDED, AsOfPageQuery, EndedOrPlanned
from service.api.spec import examples, response_shapes
from service.api.spec.operations import Operation, Route, as_of_answers
from service.domain.errors import Fault
from service.domain.rule.tokens import token
from service.domain.vocabulary.codes import Eccn, Hs, Name, Party
from service.domain.vocabulary.words import normalized
from service.views.asof import exposure
from service.views.asof.exposure import ExposureFilter
from service.views.asof.sources import with_sources


class ExposureQuery(AsOfPageQuery, frozen=True, kw_only=True):
    """A good by one of its names or codes, a country, and D and K."""

    party: Annotated[Party, Meta(description="The country on either side: the one that acts, or the one acted upon.")]
    good: Annotated[Name | None, Meta(description="A good by name, element or ECCN, in any case.")] = None
    hs: Annotated[
        Hs | None, Meta(description="A good by HS code: measures on codes that begin so, or that it begins with.")
    ] = None
    eccn: Annotated[Eccn | None, Meta(description="A good by ECCN.")] = None
    include: Annotated[
        EndedOrPlanned | None,
        Meta(
            description="`ended`: those too that have ended in every reading. `planned`: those that are known only by "
            "planned facts. Both with a comma between them."
        ),
    ] = None

    def faults(self) -> list[Fault]:
        """Refuse no good, or more than one."""
        given = [name for name in ("good", "hs", "eccn") if getattr(self, name) is not None]
        faults = [] if len(given) == 1 else [Fault((given[-1] if given else "good",), "give one of good, hs and eccn")]
        return [*faults, *super().faults()]

    def filter(self) -> ExposureFilter:
        """Return the filter that the query asks for."""
        if self.hs is not None:
            goods = exposure.hs_tokens(self.hs)
        elif self.eccn is not None:
            goods = [token("eccn", normalized(self.eccn))]
        else:
            goods = [token("good", normalized(self.good or ""))]
        return ExposureFilter(goods, self.party, INCLUDED[self.include])


async def _get_exposure(asked: AsOfRequest[ExposureQuery]) -> Answered:
    """Read the restrictions and clearances that touch a good and a country."""
    query = asked.query
    page = await exposure.exposure_page(
        asked.database, asked.question, query.filter(), after=asked.after, limit=query.limit
    )
    shown = await with_sources(asked.database, page.basis, page.items, page.next, query.sources)
    return asked.page(page.basis, [state.body for state in shown.items], shown.next)


ROUTES = [
    Route(
        Operation(
            method="GET", path="/v1/exposure", operation_id="get_exposure", tag="exposure",
            summary="Get the measures on a good and a country",
            description="The restrictions and clearances across issues that touch a good and a country as of (D, K), "
            "each with its sources, in order of first appearance in the log. A clearance that names no goods is about "
            "those of the restriction that it names. Those that have ended in every reading, and those that are "
            "only planned, are left out unless asked for.",
            query=ExposureQuery, headers=("If-None-Match",),
            answers=as_of_answers("What touches them.", response_shapes.Exposure, examples.EXPOSURE),
            problems=("knowledge-ahead",),
        ),
        as_of(ExposureQuery, _get_exposure),
    )
]  # fmt: skip
