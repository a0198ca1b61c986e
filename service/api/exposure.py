"""Exposure: what touches a good and a country on a day, across issues, and what is charged on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta

from service.api.http.asof import Answered, AsOfRequest, as_of
from service.api.http.parameters import INCLUDED, AsOfPageQuery, Compared, EndedOrPlanned
from service.api.http.requests import encode
from service.api.spec import between_shapes, examples, response_shapes
from service.api.spec.between_shapes import ChargePart, TakenAway
from service.api.spec.operations import TABLE, Operation, Route, as_of_answers
from service.api.spec.state_shapes import STATES, columns_of
from service.domain.charging.charge import Reckoned, Touching, charge
from service.domain.charging.measures import AskedGood, Shipment, measure_of
from service.domain.errors import Fault
from service.domain.matching.asked import CLAUSES
from service.domain.matching.blocs import blocs_with, members_on
from service.domain.matching.partners import Partners
from service.domain.vocabulary.codes import Eccn, Hs, Name, Party
from service.views.asof import touching
from service.views.asof.displaced import displacing
from service.views.asof.question import ScopeFilter, StatePage
from service.views.asof.sources import page_work, with_sources
from service.views.asof.touching import NOT_COMPARED_MAX, not_compared, touching_page

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from service.domain.charging.measures import Measure
    from service.domain.matching.clauses import Clause
    from service.views.asof.question import ItemState
    from service.views.asof.weighing import PageWork

CHARGED_MAX = 500
"""Measures that a charge is reckoned from, at most; with more it is not complete."""
_GOODS = ("good", "hs", "eccn")


class ExposureQuery(AsOfPageQuery, frozen=True, kw_only=True):
    """A good by one of its names or codes, a country on either side or those of a shipment, and D and K."""

    party: Annotated[
        Party | None, Meta(description="The country on either side: the one that acts, or the one acted upon.")
    ] = None
    origin: Annotated[
        Party | None,
        Meta(
            description="The country that the goods come from, in place of `party`: measures against it, its own "
            "controls on exports, and what is charged."
        ),
    ] = None
    destination: Annotated[
        Party | None,
        Meta(description="The country that the goods go to, alone or with `origin`: the one that imposes."),
    ] = None
    good: Annotated[
        Name | None,
        Meta(description="A good by the words of its name, in any case, singular or plural; by element or ECCN."),
    ] = None
    hs: Annotated[
        Hs | None, Meta(description="A good by HS code: measures on codes that begin so, or that it begins with.")
    ] = None
    eccn: Annotated[Eccn | None, Meta(description="A good by ECCN: measures on its paragraphs, or its entry.")] = None
    entity: Annotated[
        Name | None,
        Meta(
            description="An entity or beneficiary by words that all stand in one of its names. With a good: its maker; "
            "restrictions on other entities alone are left out."
        ),
    ] = None
    quota: Annotated[
        Literal["in", "over"] | None,
        Meta(description="Whether the goods are within the quotas of the measures that have one, for the charge."),
    ] = None
    include: Annotated[
        EndedOrPlanned | None,
        Meta(
            description="`ended`: those too that have ended in every reading. `planned`: those that are known only by "
            "planned facts. Both with a comma between them."
        ),
    ] = None

    compared: Compared = "yes"

    def faults(self) -> list[Fault]:
        """Refuse no good and no entity, more than one good; no country, or a party beside a shipment."""
        given = [name for name in _GOODS if getattr(self, name) is not None]
        faults = []
        if len(given) > 1 or (not given and self.entity is None):
            faults.append(Fault((given[-1] if given else "good",), "give one of good, hs and eccn, or an entity"))
        shipped = [name for name in ("origin", "destination") if getattr(self, name) is not None]
        if (self.party is None) is not bool(shipped):
            faults.append(Fault(("party",), "give party, or origin, destination or both"))
        if self.origin is not None and self.origin == self.destination:
            faults.append(Fault(("destination",), "the same as origin"))
        if self.quota is not None and self.origin is None:
            faults.append(Fault(("quota",), "only with origin: it is about a charge"))
        if self.compared == "no" and not given:
            faults.append(Fault(("compared",), "it is about a good: give good, hs or eccn"))
        return [*faults, *super().faults()]

    @property
    def good_asked(self) -> AskedGood | None:
        """Return the good that is asked about; None where an entity alone is."""
        return next((AskedGood(name, value) for name in _GOODS if (value := getattr(self, name)) is not None), None)

    def filter(self, day: int) -> ScopeFilter:
        """Return the filter that the query asks for on a day."""
        good, maker = self.good_asked, None if self.entity is None else CLAUSES["entity"](self.entity, day)
        clauses = [CLAUSES[good.by](good.value, day)] if good else [maker] if maker else []
        wanted = ScopeFilter(
            response_shapes.MEASURES,
            clauses,
            included=INCLUDED[self.include],
            unsaid=self.compared == "no",
            maker=maker if good else None,
        )
        if self.party is not None:
            return wanted._replace(clauses=[*clauses, CLAUSES["party"](self.party, day)])
        partners = Partners(self.destination, self.origin, day, flow=True)
        return wanted._replace(clauses=[*clauses, *partners.clauses(wanted.kinds)], partners=partners)

    def displacers(self, wanted: ScopeFilter, day: int) -> list[Clause]:
        """Return the clauses of restrictions that displace others: on the same good, against the same country."""
        found = [wanted.clauses[0]]
        if self.destination is not None:
            found.append(CLAUSES["by"](self.destination, day))
        target = self.party or self.origin
        return found if target is None else [*found, CLAUSES["against"](target, day)]


async def _get_exposure(asked: AsOfRequest[ExposureQuery]) -> Answered:
    """Read the restrictions and clearances that touch a good and a country, and what is charged."""
    query, database, day = asked.query, asked.database, asked.question.as_of
    wanted = query.filter(day)
    work = page_work(asked.question, query.sources)
    page = await touching_page(database, asked.question, wanted, after=asked.after, limit=query.limit, work=work)
    charged = asked.cursor is None and query.origin is not None and query.good_asked is not None
    if charged and not wanted.unsaid:
        return await _with_charge(asked, wanted, page, work)
    left = await not_compared(database, page.basis, wanted, work)
    others = await displacing(database, page.basis, [(page.items, query.displacers(wanted, day))], work.beside())
    return await _answered(asked, page, others, left, work)


async def _answered(
    asked: AsOfRequest[ExposureQuery],
    page: StatePage,
    others: Mapping[str, Sequence[str]],
    left: StatePage | None,
    work: PageWork,
) -> Answered:
    found = await with_sources(asked.database, page.basis, page.items, page.next, asked.query.sources, work)
    bodies = [touching.shown(each, others.get(each.slug, ())) for each in found.items]
    return asked.page(page.basis, bodies, found.next, not_compared=left)


async def _with_charge(
    asked: AsOfRequest[ExposureQuery], wanted: ScopeFilter, page: StatePage, work: PageWork
) -> Answered:
    """Return the first page with the charge: it is reckoned from all measures on imports, on any page."""
    query, basis, database, states = asked.query, page.basis, asked.database, [*page.items]
    good, origin, more = query.good_asked, query.origin, list[str]()
    assert good is not None  # noqa: S101 - asked for only with both
    assert origin is not None  # noqa: S101
    if page.next is not None:
        rest = await touching_page(database, basis.pinned(), wanted, after=page.next, limit=CHARGED_MAX, work=work)
        states += rest.items
        more += [] if rest.next is None else [f"more than {len(states)} measures touch the good"]
    unclear = wanted._replace(unsaid=True)
    left = await touching_page(database, basis.pinned(), unclear, after=0, limit=NOT_COMPARED_MAX, work=work)
    if left.next is not None and len(left.items) == NOT_COMPARED_MAX:
        more.append(f"{NOT_COMPARED_MAX} measures or more could not be compared")
    elif left.next is not None:
        more.append("the measures that could not be compared were too much work to be counted")
    others = await displacing(database, basis, [(states, query.displacers(wanted, basis.as_of))], work.beside())
    if query.entity is not None and not more:  # what was not found is for other makers
        names = {each.slug for each in states}
        others = {slug: [by for by in found if by in names] for slug, found in others.items()}
    day = basis.as_of
    shipment = Shipment(good, origin, blocs_with(origin, day), day, members_on(origin, day), query.entity, query.quota)
    measures = Touching(_on_imports(states), _on_imports(left.items), others, more)
    found = charge(shipment, measures, destination=query.destination is not None)
    answered = await _answered(asked, page, others, left, work)
    written = b"null" if found is None else _written(found)
    return answered._replace(members=b'%s,"charge":%s' % (answered.members, written))


def _written(found: Reckoned) -> bytes:
    taken = {
        name: [TakenAway(item=item, by=by) for item, by in pairs]
        for name, pairs in (("cleared", found.cleared), ("displaced", found.displaced))
    }
    parts = [ChargePart(item=part.item, percent=part.percent, basis=part.basis) for part in found.parts]
    return encode(found._asdict() | {"parts": parts} | taken)


def _on_imports(states: Iterable[ItemState]) -> Sequence[Measure]:
    return [measure_of(each.body) for each in states if each.side == "a_on_b"]


ROUTES = [
    Route(
        Operation(
            method="GET", path="/v1/exposure", operation_id="get_exposure", tag="exposure",
            summary="Get the measures on a good and a country, and the charge",
            description="The restrictions and clearances across issues that touch a good and a country as of (D, K), "
            "each with its sources, in order of first appearance in the log. A clearance that names no goods is about "
            "those of the restriction that it names. Those that have ended in every reading, and those that are "
            "only planned, are left out unless asked for. With `origin` the first page has what is charged on D: the "
            "sum of what is collected and neither displaced nor cleared, or why it cannot be reckoned. "
            "`not_compared` counts the measures that do not say their goods in the way asked for.",
            query=ExposureQuery, headers=("If-None-Match",),
            example_query={"good": "dysprosium", "origin": "CN", "destination": "US", **examples.AS_OF},
            answers=as_of_answers("What touches them.", between_shapes.Exposure, examples.EXPOSURE, also=TABLE),
            problems=("knowledge-ahead", "not-acceptable"),
        ),
        as_of(ExposureQuery, _get_exposure, columns_of(STATES["restriction"], STATES["clearance"])),
    )
]  # fmt: skip
