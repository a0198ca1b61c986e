"""Checks of the parts of an event, such as a rate or a quota, beyond their types; and of what parts say together."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import Struct

from service.domain.errors import Fault
from service.domain.vocabulary.dates import parse
from service.domain.vocabulary.events.base import Good, Quota, Rate
from service.domain.vocabulary.terms import parts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from service.domain.vocabulary.events.measures import Restriction


def part_faults(value: object) -> list[Fault]:
    """Return the faults of an event, a part or an array of parts, and of the parts within; other values have none.

    Their paths begin at the value. The parts of an array are of one type.
    """
    if isinstance(value, tuple):
        return _faults_of_parts(value)
    return [Fault(fault.path[1:], fault.detail) for fault in _faults_of_parts((value,))]


def _faults_of_parts(parts: Sequence[object]) -> list[Fault]:
    """Return the faults of parts of one type, check by check: an event may have thousands, most of which have none."""
    if not parts or not isinstance(parts[0], Struct):
        return []
    needs, rule, inner = _checks(type(parts[0]))
    faults = [
        Fault((index, at), detail)
        for name, needed, at, detail in needs
        for index, part in enumerate(parts)
        if getattr(part, name) is not None and getattr(part, needed) is None
    ]
    if rule is not None:
        faults += [fault.within(index) for index, part in enumerate(parts) for fault in rule(part)]
    for attribute, name in inner:
        for index, part in enumerate(parts):
            if (found := getattr(part, attribute)) is not None:
                faults += [fault.within(index, name) for fault in part_faults(found)]
    return faults


def scope_faults(event: Restriction) -> Iterator[Fault]:
    """Yield what a restriction says of its scope that cannot be so."""
    against = event.against or ()
    for index, party in enumerate(event.except_parties or ()):
        if party in against:
            yield Fault(("except_parties", index), f"the restriction is against {party}, too")
    named = event.in_place_of or ()
    for index, slug in enumerate(named):
        if slug == event.item:
            yield Fault(("in_place_of", index), "a restriction does not stand in place of itself")
        elif slug in named[:index]:
            yield Fault(("in_place_of", index), f"names {slug} more than once")
    if event.following == event.item:
        yield Fault(("following",), "a restriction does not come from itself")


def _rate(rate: Rate) -> Iterator[Fault]:
    if (rate.percent is None) == (rate.amount is None):
        yield Fault(("amount" if rate.amount is not None else "percent",), "give one of percent and amount")
    if rate.basis == "minimum_price" and rate.amount is None:
        yield Fault(("amount",), "a minimum price is an amount")


def _quota(quota: Quota) -> Iterator[Fault]:
    if quota.volume <= 0:
        yield Fault(("volume",), "a quota has a volume above 0")
    if quota.from_ is not None and quota.through is not None and _is_before(quota.through, quota.from_):
        yield Fault(("through",), f"{quota.through} is before {quota.from_}, when the period begins")


def _is_before(end: str, start: str) -> bool:
    try:
        return parse(end).hi < parse(start).lo
    except ValueError:  # said already, of the date itself
        return False


_NO_AMOUNT = "it belongs to an amount, and there is none"
_NEEDS = {
    Good: [("hs_edition", "hs", "hs_edition", "an edition is that of an HS code, and there is none")],
    Rate: [
        ("amount", "currency", "currency", "an amount has a currency"),
        ("currency", "amount", "currency", _NO_AMOUNT),
        ("per", "amount", "per", _NO_AMOUNT),
    ],
}
"""By type of part: a member, the one that it needs, the place of the fault, and the fault."""
_RULES: dict[type[Struct], Callable[[Any], Iterable[Fault]]] = {Rate: _rate, Quota: _quota}


class _Checks(NamedTuple):
    """The checks of a type of event or part; of the fields with parts that are checked: attribute, name in JSON."""

    needs: Sequence[tuple[str, str, str, str]]
    rule: Callable[[Any], Iterable[Fault]] | None
    parts: tuple[tuple[str, str], ...]


@cache
def _checks(struct: type[Struct]) -> _Checks:
    parts = tuple((attribute, name) for attribute, name, part in parts_of(struct) if any(_checks(part)))
    return _Checks(_NEEDS.get(struct, ()), _RULES.get(struct), parts)
