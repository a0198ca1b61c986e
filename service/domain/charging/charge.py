"""The charge of a shipment: what is collected on it in all, or why that cannot be reckoned (docs/decisions/0038)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Literal, NamedTuple

from service.domain.charging.duty import Collected, collected
from service.domain.charging.measures import best
from service.domain.vocabulary.words import words_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from service.domain.charging.measures import Maker, Measure, Shipment

_ROLES = frozenset(
    """
    all any every importers importer exporters exporter producers producer suppliers supplier traders trader buyers
    buyer companies company firms firm persons everyone others
    """.split()  # noqa: SIM905 - words to read
)
"""Names of beneficiaries that are made of these words alone mean everyone in that role."""
_NAMED = 5
"""Measures that one reason names, at most."""
_LIFTS = ("restriction", "goods", "beneficiaries", "quota", "scope")


class CollectedPart(NamedTuple):
    """What one restriction collects."""

    item: str
    percent: int | float | None
    basis: Literal["additional", "all_in"]


class Reckoned(NamedTuple):
    """What is collected on a shipment; `percent` is None where `why` says that it cannot be reckoned."""

    percent: int | float | None
    parts: Sequence[CollectedPart]
    cleared: Sequence[tuple[str, str]]
    displaced: Sequence[tuple[str, str]]
    complete: bool
    why: Sequence[str]


class Touching(NamedTuple):
    """The measures that a charge is reckoned from: those that touch the shipment, in order.

    `uncompared` are those that do not say their goods in the way asked for, `displaced_by` the restrictions in place of
    others, `more` is why there may be measures that are not among them.
    """

    measures: Sequence[Measure]
    uncompared: Sequence[Measure]
    displaced_by: Mapping[str, Sequence[str]]
    more: Sequence[str] = ()


def charge(shipment: Shipment, found: Touching, *, destination: bool) -> Reckoned | None:
    """Return the charge of a shipment; None where no duty touches it. `destination`: whether one was asked about."""
    duties = [each for each in found.measures if each.is_duty]
    doubtful = [each for each in found.uncompared if each.is_duty and each.may_collect and each.instrument != "fee"]
    if not duties and not doubtful:
        return None
    why = [*found.more]
    at_work = {duty.id: rate for duty in duties if (rate := collected(duty, shipment)) is not None}
    collectors = {each.imposed_by for each in duties if each.id in at_work} | {each.imposed_by for each in doubtful}
    if not destination and len(collectors) > 1:
        why.append(f"duties of several countries ({_listed(collectors)}): name the destination")
    if doubtful:
        why.append(f"{_counted(doubtful)} could not be compared with the good: {_listed(each.id for each in doubtful)}")
    cleared = _cleared(shipment, found, at_work, why)
    displaced = _displaced(found, at_work, cleared, why)
    gone = {item for item, _ in (*cleared, *displaced)}
    parts = [CollectedPart(item, rate.percent, rate.basis) for item, rate in at_work.items() if item not in gone]
    for item, rate in at_work.items():
        if item not in gone or any(by == item for _, by in displaced):
            why += [f"{item}: {reason}" for reason in rate.why]
    bases = {part.basis for part in parts if part.percent != 0}
    if "all_in" in bases and sum(part.percent != 0 for part in parts) > 1:
        why.append("a rate with the ordinary duty in it and others in addition to it have no sum")
    percent = None if why else _sum(parts)
    return Reckoned(percent, parts, cleared, displaced, not why, why)


def _sum(parts: Iterable[CollectedPart]) -> int | float:
    total = sum([Decimal(str(part.percent)) for part in parts], Decimal(0))
    return int(total) if total == int(total) else float(total)


def _listed(names: Iterable[str | None]) -> str:
    ordered = sorted({each for each in names if each})
    more = f" and {len(ordered) - _NAMED} more" if len(ordered) > _NAMED else ""
    return ", ".join(ordered[:_NAMED]) + more


def _counted(duties: Sequence[Measure]) -> str:
    return "1 duty" if len(duties) == 1 else f"{len(duties)} duties"


def _cleared(
    shipment: Shipment, found: Touching, at_work: Mapping[str, Collected], why: list[str]
) -> list[tuple[str, str]]:
    """Return the duties that a clearance surely lifts, with it; add to the reasons where one only may."""
    lifted: dict[str, str] = {}
    for each in _active(found.measures):
        if each.restriction is None and at_work:
            why.append(f"{each.id} may lift a duty: it names none")
        elif each.restriction is not None and each.restriction in at_work and each.restriction not in lifted:
            doubt = _doubt(each, shipment)
            if doubt is None:
                lifted[each.restriction] = each.id
            elif doubt:
                why.append(f"{each.id} may lift {each.restriction}: {doubt}")
    why += [
        f"{each.id} may lift {each.restriction}: its goods cannot be compared"
        for each in _active(found.uncompared)
        if each.restriction in at_work and each.restriction not in lifted
    ]
    return list(lifted.items())


def _active(measures: Iterable[Measure]) -> list[Measure]:
    return [each for each in measures if each.kind == "clearance" and each.may_be(["active"])]


def _doubt(clearance: Measure, shipment: Shipment) -> str | None:
    """Return why it is not sure that a clearance lifts a duty for a shipment; None: it is; "": it does not."""
    if clearance.quota is not None and shipment.quota == "over":
        return ""
    doubts = (
        (clearance.certainty == "possible", "it is not certain whether it is active"),
        (clearance.is_contested(_LIFTS), "a fact that it rests on is contested"),
        (bool(clearance.goods) and best(clearance.goods, shipment.good) != "all", "it is for a part of these goods"),
        (clearance.quota is not None and shipment.quota is None, "it depends on its quota"),
        (clearance.scope is not None, "its scope is in words"),
        (
            not any(_is_for(each, clearance, shipment) for each in clearance.beneficiaries),
            "it is for the beneficiaries it names",
        ),
        (clearance.is_early(_LIFTS, shipment.day), "it is not certain from which day on it says so"),
    )
    return next((text for holds, text in doubts if holds), None)


def _is_for(beneficiary: Maker, clearance: Measure, shipment: Shipment) -> bool:
    """Return whether a beneficiary is the maker, or everyone: of the origin, or who imports."""
    if shipment.is_by(beneficiary.names):
        return True
    if beneficiary.country != clearance.granted_by and not shipment.is_from(beneficiary.country):
        return False
    names = [{*words_in(name)} for name in beneficiary.names]
    return beneficiary.residual or any(words and words <= _ROLES for words in names)


def _displaced(
    found: Touching, at_work: Mapping[str, Collected], cleared: Sequence[tuple[str, str]], why: list[str]
) -> list[tuple[str, str]]:
    """Return the duties in whose place others stand, with these; add to the reasons where that is not sure."""
    lifted = {item for item, _ in cleared}
    by_id = {each.id: each for each in found.measures}
    pairs = [(item, by) for item in at_work if item not in lifted for by in found.displaced_by.get(item, ())[:1]]
    for item, by in pairs:
        if by in lifted:
            why.append(f"{by} stands in place of {item}, and is cleared")
        elif by not in at_work and (by not in by_id or by_id[by].certainty != "certain"):
            why.append(f"it is not certain whether {by} stands in place of {item}")
    return pairs
