"""Checks of the parts of an event, such as a rate or a quota, beyond their types; and of what parts say together."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from service.domain.errors import Fault
from service.domain.vocabulary.dates import parse
from service.domain.vocabulary.events.base import Good, Quota, Rate
from service.domain.vocabulary.terms import parts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from service.domain.vocabulary.events.measures import Restriction

    Path = tuple[str | int, ...]


def part_faults(value: object, path: Path = ()) -> Iterator[Fault]:
    """Yield the faults of an event, a part or an array of parts, and of the parts within; other values have none."""
    if isinstance(value, tuple):
        for index, each in enumerate(value):
            yield from part_faults(each, (*path, index))
    elif isinstance(value, Struct):
        shape = type(value)
        for name, needed, at, detail in _NEEDS.get(shape, ()):
            if getattr(value, name) is not None and getattr(value, needed) is None:
                yield Fault((*path, at), detail)
        for fault in _RULES[shape](value) if shape in _RULES else ():
            yield Fault((*path, *fault.path), fault.detail)
        for attribute, name in _checked(shape):
            yield from part_faults(getattr(value, attribute), (*path, name))


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


@cache
def _checked(struct: type[Struct]) -> tuple[tuple[str, str], ...]:
    """Return the fields with parts that are checked, or have such parts: the attribute and the name in JSON."""
    return tuple(
        (attribute, name)
        for attribute, name, part in parts_of(struct)
        if part in _RULES or part in _NEEDS or _checked(part)
    )
