"""Exposure: what touches a good and a country on a day, across issues, and what is charged on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta

from service.api.http.asof import Answered, AsOfRequest, as_of
from service.api.http.clauses import CLAUSES
from service.api.http.cursors import next_member
from service.api.http.parameters import INCLUDED, AsOfPageQuery, EndedOrPlanned
from service.api.http.requests import encode
from service.api.http.uncompared import Compared, uncompared_member
from service.api.spec import between_shapes, examples
from service.api.spec.between_shapes import ChargePart, TakenAway
from service.api.spec.operations import Operation, Route, as_of_answers
from service.domain.charging.charge import Reckoned, Touching, charge
from service.domain.charging.measures import AskedGood, Shipment, measure_of
from service.domain.errors import Fault
from service.domain.matching.blocs import blocs_with
from service.domain.matching.partners import Partners
from service.domain.vocabulary.codes import Eccn, Hs, Name, Party
from service.views.asof import touching
from service.views.asof.beside import Uncompared, displaced, uncompared
from service.views.asof.question import ScopeFilter, StatePage
from service.views.asof.sources import with_sources
from service.views.asof.touching import touching_page

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from service.domain.charging.measures import Measure
    from service.views.asof.question import ItemState

CHARGED_MAX = 500
"""Measures that a charge is reckoned from, at most; with more it is not complete."""
_GOODS = ("good", "hs", "eccn")
_KINDS = ("restriction", "clearance")


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

    compared: Compared | None = None

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
        if self.compared is not None and not given:
            faults.append(Fault(("compared",), "only with good, hs or eccn"))
        return [*faults, *super().faults()]

    @property
    def good_asked(self) -> AskedGood | None:
        """Return the good that is asked about; None where an entity alone is."""
        return next((AskedGood(name, value) for name in _GOODS if (value := getattr(self, name)) is not None), None)

    def filter(self, day: int) -> ScopeFilter:
        """Return the filter that the query asks for on a day."""
        good, maker = self.good_asked, None if self.entity is None else CLAUSES["entity"](self.entity, day)
        clauses = [CLAUSES[good.by](good.value, day)] if good else [maker] if maker else []
        included, is_other = INCLUDED[self.include], self.compared is not None
        if self.party is not None:
            clauses.append(CLAUSES["party"](self.party, day))
            return ScopeFilter(_KINDS, clauses, (), included, maker=maker if good else None, uncompared=is_other)
        partners = Partners(self.destination, self.origin, day, flow=True)
        clauses += partners.clauses(_KINDS)
        return ScopeFilter(_KINDS, clauses, (), included, partners, maker if good else None, is_other)


async def _get_exposure(asked: AsOfRequest[ExposureQuery]) -> Answered:
    """Read the restrictions and clearances that touch a good and a country, and what is charged."""
    query, database = asked.query, asked.database
    wanted = query.filter(asked.question.as_of)
    page = await touching_page(database, asked.question, wanted, after=asked.after, limit=query.limit)
    basis, beside = page.basis, list[bytes]()
    if asked.cursor is None and query.good_asked is not None and not wanted.uncompared:
        unclear = await uncompared(database, basis, wanted)
        beside.append(uncompared_member(asked, basis, unclear))
        others, charged = await _charge(asked, wanted, page, unclear)
        beside += charged
    else:
        others = await displaced(database, basis, wanted, page.items)
    found = await with_sources(database, basis, page.items, page.next, query.sources)
    bodies = b",".join([touching.shown(each, others.get(each.slug, ())) for each in found.items])
    return Answered(
        b",".join([b'"items":[%s]' % bodies, next_member(asked.request, basis, found.next), *beside]), basis
    )


async def _charge(
    asked: AsOfRequest[ExposureQuery], wanted: ScopeFilter, page: StatePage, unclear: Uncompared
) -> tuple[Mapping[str, Sequence[str]], list[bytes]]:
    """Return what is displaced, and with an origin the member `charge`, as JSON.

    It is reckoned from all measures on imports, not only those on the page.
    """
    query, basis, states, more = asked.query, page.basis, [*page.items], list[str]()
    good, origin = query.good_asked, query.origin
    if good is None or origin is None:
        return await displaced(asked.database, basis, wanted, states), []
    if page.next is not None:
        rest = await touching_page(asked.database, basis.pinned(), wanted, after=page.next, limit=CHARGED_MAX)
        states += rest.items
        more += [] if rest.next is None else [f"more than {len(states)} measures touch the good"]
    if unclear.more:
        more.append(f"more than {len(unclear.items)} measures could not be compared")
    others = await displaced(asked.database, basis, wanted, states)
    shipment = Shipment(good, origin, blocs_with(origin, basis.as_of), query.entity, query.quota)
    measures = Touching(_on_imports(states), _on_imports(unclear.items), others, more)
    found = charge(shipment, measures, destination=query.destination is not None)
    return others, [b'"charge":%s' % (b"null" if found is None else _written(found))]


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
            answers=as_of_answers("What touches them.", between_shapes.Exposure, examples.EXPOSURE),
            problems=("knowledge-ahead",),
        ),
        as_of(ExposureQuery, _get_exposure),
    )
]  # fmt: skip
