"""The posture of an issue: its items summed up in one word (docs/semantics.md, 6)."""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from service.domain.rule.walk import ANNOUNCED
from service.domain.vocabulary.kinds import PLANNED, STATUSES, SUSPENDED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


class ItemStatus(NamedTuple):
    """An item of an issue, or the issue itself, as its posture sees it.

    `possible` are the statuses that some reading gives, None for no status; empty where `status` is the only one.
    """

    kind: str
    status: str
    possible: frozenset[str | None] = frozenset()


class Posture(NamedTuple):
    """The posture of an issue on a day, and whether it is `certain` or `possible`."""

    posture: str
    certainty: str


IN_FORCE, ACTIVE = ItemStatus("restriction", "in_force"), ItemStatus("clearance", "active")
DECIDING_KINDS = ("restriction", "clearance", "round")
"""The kinds of items that an issue's posture depends on."""
CLOSED = "closed"
_DEGREES: dict[str, Mapping[str | None, int]] = {
    "issue": {CLOSED: 1},
    "restriction": {ANNOUNCED: 1, "proposed": 1, SUSPENDED: 2, "in_force": 3},
    "clearance": {"active": 1},
    "round": dict.fromkeys({*STATUSES["round"]} - {"concluded", "cancelled", PLANNED}, 1),
}
"""How much a status weighs, by kind: of an issue's items of a kind, the one with the highest degree counts. Others: 0.

Of a round counts that it has begun or is to come, and has not ended.
"""
BEARING_KINDS = frozenset(_DEGREES)
"""The kinds of items that have a bearing."""
_PLACES = {kind: place << 6 for place, kind in enumerate(_DEGREES)}
"""The kind in a bearing. The two bits after it are the degree, the last four the degrees that it may be."""


@lru_cache(maxsize=1_024)
def bearing_of(kind: str, status: str | None, possible: Iterable[str | None] = ()) -> int:
    """Return the bearing of an item on the posture of its issue, as a number up to 255; 0 for none.

    It has the kind, the degree of the status, and every degree that the status may have. `possible` is hashable. An
    item that is only planned, or has no status, has none.
    """
    degrees = _DEGREES.get(kind)
    if degrees is None or status is None or status == PLANNED:
        return 0
    found = {degrees.get(each, 0) for each in (status, *possible)}
    if found == {0}:
        return 0
    return _PLACES[kind] | degrees.get(status, 0) << 4 | sum(1 << degree for degree in found)


@lru_cache(maxsize=4_096)
def posture_in(bearings: int) -> Posture:
    """Return the posture of an issue whose items, itself among them, have these bearings: bit N is set for bearing N.

    It is certain where every choice of a possible status, for the issue and for each item by itself, gives it. A choice
    for one item leaves the others free. So the highest degree of a kind may be any degree that an item of the kind may
    have, but not less than each of them has to have.
    """
    of_kind: dict[int, list[tuple[int, set[int]]]] = {place: [] for place in _PLACES.values()}
    for bearing in _bits(bearings):
        of_kind[bearing & 0b11000000].append((bearing >> 4 & 3, {*_bits(bearing & 15)}))
    found = _posture(*[max([degree for degree, _ in each], default=0) for each in of_kind.values()])
    choices = [_highest([degrees for _, degrees in each]) for each in of_kind.values()]
    every = {_posture(*degrees) for degrees in product(*choices)}
    return Posture(found, "certain" if len(every) == 1 else "possible")


def posture_of(issue: ItemStatus, items: Iterable[ItemStatus]) -> Posture:
    """Return the posture of an issue with some items. Those that are only planned do not count."""
    bearings = 0
    for each in (issue, *items):
        bearings |= 1 << bearing_of(*each)
    return posture_in(bearings & ~1)


def _posture(issue: int, restriction: int, clearance: int, talks: int) -> str:
    """Return the posture by the highest degree of each kind."""
    if issue:
        return CLOSED
    if restriction == 0:
        return "in_talks" if talks else "open"
    return ("announced", "suspended", "partially_cleared" if clearance else "restricted")[restriction - 1]


def _highest(items: list[set[int]]) -> list[int]:
    """Return every highest degree that items may have, where each has one of its degrees."""
    least = max(map(min, items), default=0)
    return [degree for degree in {0}.union(*items) if degree >= least]


def _bits(number: int) -> Iterator[int]:
    return (place for place in range(number.bit_length()) if number >> place & 1)


def is_decided(items: set[ItemStatus]) -> bool:
    """Return whether no further item can change the posture of an issue, or make it less certain."""
    return {IN_FORCE, ACTIVE} <= items


NO_POSTURE = posture_in(0)
"""The posture of an issue on which nothing bears."""
