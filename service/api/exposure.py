"""Exposure: the restrictions and clearances that touch a good and a country on a day, across issues."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from service.api.http.asof import Answered, AsOfRequest, as_of
from service.api.http.parameters import INCLUDED, AsOfPageQuery, Compared, EndedOrPlanned
from service.api.spec import examples, response_shapes
from service.api.spec.operations import TABLE, Operation, Route, as_of_answers
from service.api.spec.state_shapes import STATES, columns_of
from service.domain.errors import Fault
from service.domain.matching.asked import CLAUSES
from service.domain.vocabulary.codes import Eccn, Hs, Name, Party
from service.views.asof import touching
from service.views.asof.displaced import displacing
from service.views.asof.question import ScopeFilter
from service.views.asof.sources import with_sources
from service.views.asof.touching import touching_page

_GOODS = ("good", "hs", "eccn", "entity")


class ExposureQuery(AsOfPageQuery, frozen=True, kw_only=True):
    """A good by one of its names or codes, a country, and D and K."""

    party: Annotated[Party, Meta(description="The country on either side: the one that acts, or the one acted upon.")]
    good: Annotated[
        Name | None,
        Meta(description="A good by the words of its name, in any case, singular or plural; by element or ECCN."),
    ] = None
    hs: Annotated[
        Hs | None, Meta(description="A good by HS code: measures on codes that begin so, or that it begins with.")
    ] = None
    eccn: Annotated[Eccn | None, Meta(description="A good by ECCN: measures on its paragraphs, or its entry.")] = None
    entity: Annotated[
        Name | None, Meta(description="An entity or beneficiary by words that all stand in one of its names.")
    ] = None
    compared: Compared = "yes"
    include: Annotated[
        EndedOrPlanned | None,
        Meta(
            description="`ended`: those too that have ended in every reading. `planned`: those that are known only by "
            "planned facts. Both with a comma between them."
        ),
    ] = None

    def faults(self) -> list[Fault]:
        """Refuse no good and no entity, or more than one."""
        given = [name for name in _GOODS if getattr(self, name) is not None]
        only = Fault((given[-1] if given else "good",), "give one of good, hs, eccn and entity")
        no_good = Fault(("compared",), "it is about a good: give good, hs or eccn")
        return [
            *([] if len(given) == 1 else [only]),
            *([no_good] if given == ["entity"] and self.compared == "no" else []),
            *super().faults(),
        ]

    def filter(self, day: int) -> ScopeFilter:
        """Return the filter that the query asks for on a day."""
        good = next(CLAUSES[name](value, day) for name in _GOODS if (value := getattr(self, name)) is not None)
        clauses = good, CLAUSES["party"](self.party, day)
        return ScopeFilter(response_shapes.MEASURES, clauses, (), INCLUDED[self.include], unsaid=self.compared == "no")


async def _get_exposure(asked: AsOfRequest[ExposureQuery]) -> Answered:
    """Read the restrictions and clearances that touch a good and a country."""
    query = asked.query
    wanted = query.filter(asked.question.as_of)
    page = await touching_page(asked.database, asked.question, wanted, after=asked.after, limit=query.limit)
    shown = await with_sources(asked.database, page.basis, page.items, page.next, query.sources)
    left = None if wanted.unsaid else await touching.not_compared(asked.database, page.basis, wanted)
    clauses = wanted.clauses[0], CLAUSES["against"](query.party, asked.question.as_of)
    others = await displacing(asked.database, page.basis, shown.items, clauses)
    bodies = [touching.shown(state, others.get(state.slug, ())) for state in shown.items]
    return asked.page(page.basis, bodies, shown.next, not_compared=left)


ROUTES = [
    Route(
        Operation(
            method="GET", path="/v1/exposure", operation_id="get_exposure", tag="exposure",
            summary="Get the measures on a good and a country",
            description="The restrictions and clearances across issues that touch a good and a country as of (D, K), "
            "each with its sources, in order of first appearance in the log. A clearance that names no goods is about "
            "those of the restriction that it names. Those that have ended in every reading, and those that are "
            "only planned, are left out unless asked for. `not_compared` counts the measures of the country that "
            "may be on the good as well: they name no goods, or not in the way that is asked for. A restriction in "
            "whose place others are in force has `displaced_by`.",
            query=ExposureQuery, headers=("If-None-Match",),
            answers=as_of_answers("What touches them.", response_shapes.Exposure, examples.EXPOSURE, also=TABLE),
            problems=("knowledge-ahead", "not-acceptable"),
        ),
        as_of(ExposureQuery, _get_exposure, columns_of(STATES["restriction"], STATES["clearance"])),
    )
]  # fmt: skip
