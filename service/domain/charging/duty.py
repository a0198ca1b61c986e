"""What one duty collects on a shipment, or why that cannot be reckoned (docs/decisions/0038)."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Literal, NamedTuple

from service.domain.charging.measures import DutyRate, best, cover
from service.domain.vocabulary.words import normalized

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.domain.charging.measures import Maker, Measure, Shipment

_RESTS_ON = (
    "imposed_by", "against", "except_parties", "goods", "all_goods", "except_goods", "entities", "rate_percent",
    "rates", "quota",
)  # fmt: skip


class Collected(NamedTuple):
    """What a duty collects: a percentage, None where it is not known, and the reasons why not, in words."""

    percent: int | float | None
    basis: Literal["additional", "all_in"] = "additional"
    why: Sequence[str] = ()


def collected(duty: Measure, shipment: Shipment) -> Collected | None:
    """Return what a duty that touches a shipment collects; None for one that surely collects nothing."""
    if not duty.may_collect:
        hidden = duty.status not in {"proposed", "announced", "planned"} and duty.is_contested(())
        return Collected(None, why=["its status is contested"]) if hidden else None
    doubts = [*_doubts(duty, shipment.day), *_goods(duty, shipment)]
    if duty.status == "suspended":
        found = Collected(duty.charged_percent)
        if duty.charged_percent is None:
            doubts.append("no source says what its suspension leaves")
    else:
        found = _rate(duty, shipment)
    return found._replace(why=[*doubts, *found.why])


def _doubts(duty: Measure, day: int) -> list[str]:
    if duty.certainty == "possible":
        return ["it is not certain whether it applies on this day"]
    if duty.is_contested(_RESTS_ON):
        return ["a fact that it rests on is contested"]
    collecting = {"status", "charged_percent"} if duty.status == "suspended" else set[str]()
    is_early = duty.is_early({*_RESTS_ON, *collecting}, day)
    return ["it is not certain whether its terms hold on this day already"] if is_early else []


def _goods(duty: Measure, shipment: Shipment) -> list[str]:
    """List why it is not sure that all of what is asked about falls under a duty."""
    found = []
    if not duty.all_goods and (covered := best(duty.goods, shipment.good)) != "all":
        found.append("it is on a part of these goods" if covered == "part" else "its goods cannot be compared")
    excepted = {cover(good, shipment.good) for good in duty.except_goods}
    if excepted & {"all", "part"}:
        found.append("a part of these goods is excepted")
    elif "unknown" in excepted:
        found.append("its exceptions cannot be compared with the good")
    if not shipment.members.isdisjoint(duty.except_parties):
        found.append(f"a part of {shipment.origin} is excepted")
    if duty.entities and not any(_is_on(each, shipment) for each in duty.entities):
        found.append("it is for the entities that it names")
    return found


def _is_on(entity: Maker, shipment: Shipment) -> bool:
    return shipment.is_by(entity.names) or (entity.residual and shipment.is_from(entity.country))


def _rate(duty: Measure, shipment: Shipment) -> Collected:
    """Return the rate of a duty in force for a shipment: the one that is said the most closely."""
    rates = list(duty.rates)
    if duty.rate_percent is not None:
        rates.append(DutyRate(percent=duty.rate_percent))
    by_quota = any(rate.quota for rate in rates)
    if (by_quota and shipment.quota is None) or (duty.quota is not None and not by_quota):
        return Collected(None, why=["it depends on its quota"])
    meant = [rate for rate in rates if shipment.quota is None or rate.quota in {None, shipment.quota}]
    if rates and not meant:  # it is on the other side of the quota alone
        return Collected(0)
    fits = [(rate, how) for rate in meant for how in (_fits(rate, duty, shipment),) if how != "no"]
    if unsure := [how for _, how in fits if how != "yes"]:
        return Collected(None, why=[unsure[0]])
    return _only([rate for rate, _ in fits])


def _fits(rate: DutyRate, duty: Measure, shipment: Shipment) -> str:
    """Return whether a rate is for a shipment: `yes`, `no`, or why that is not known."""
    covered = best(rate.goods, shipment.good) if rate.goods else "all"
    is_of_member = rate.party in shipment.members
    by_maker = rate.entity is not None
    if (
        covered == "none"
        or not (is_of_member or shipment.is_from(rate.party))
        or (by_maker and shipment.maker is not None and not shipment.is_by(_names_of(rate, duty)))
    ):
        return "no"
    doubts = (
        (covered != "all", "its rate depends on the good"),
        (by_maker and shipment.maker is None, "its rate depends on the maker"),
        (is_of_member, "its rate depends on the country"),
    )
    return next((text for holds, text in doubts if holds), "yes")


def _names_of(rate: DutyRate, duty: Measure) -> list[str]:
    """List the name of a rate's maker, and the other names that the duty's entities have for it."""
    name = rate.entity or ""
    same = [each.names for each in duty.entities if normalized(name) in map(normalized, each.names)]
    return [name, *chain.from_iterable(same)]


def _only(rates: Sequence[DutyRate]) -> Collected:
    """Return the one rate of some that is for the closest description; a reason where there is none, or several."""
    if not rates:
        return Collected(None, why=["no source says its rate for this"])
    said = [{name for name in ("party", "goods", "entity") if getattr(rate, name)} for rate in rates]
    closest = max(said, key=len)
    found = [rate for rate, names in zip(rates, said, strict=True) if names == closest]
    values = {(rate.percent, rate.amount, rate.basis) for rate in found}
    if len(values) > 1 or any(not names <= closest for names in said):
        return Collected(None, why=["it has several rates for this"])
    rate = found[0]
    if rate.basis == "minimum_price":
        return Collected(None, why=["it depends on the price"])
    if rate.percent is None:
        return Collected(None, why=["its rate is an amount"])
    return Collected(rate.percent, rate.basis)
