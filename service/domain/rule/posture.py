"""The posture of an issue: its items summed up in one word (docs/semantics.md, 6)."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, NamedTuple

from service.domain.rule.walk import ANNOUNCED
from service.domain.vocabulary.kinds import PLANNED, STATUSES, SUSPENDED

if TYPE_CHECKING:
    from collections.abc import Iterable


class ItemStatus(NamedTuple):
    """An item of an issue, or the issue itself, as its posture sees it.

    `possible` are the statuses that some reading gives, None for no status; empty where `status` is the only one.
    """

    kind: str
    status: str
    possible: frozenset[str | None] = frozenset()


IN_FORCE, ACTIVE = ItemStatus("restriction", "in_force"), ItemStatus("clearance", "active")
DECIDING_KINDS = ("restriction", "clearance", "round")
"""The kinds of items that an issue's posture depends on."""
CLOSED = "closed"
Choices = AbstractSet[str | None]
"""Every status that an item may have; None is no status."""
_PRESSING: dict[str | None, int] = {ANNOUNCED: 1, "proposed": 1, SUSPENDED: 2, "in_force": 3}
"""How pressing a restriction is, by its status: the most pressing one of an issue counts. Of others: 0."""
_POSTURES = {1: "announced", 2: "suspended"}
"""The posture by how pressing the restrictions are, where these decide."""
_WITH_OTHERS = {0: ("round", "in_talks", "open"), 3: ("clearance", "partially_cleared", "restricted")}
"""Where others decide: their kind, the posture where one of them counts, and the posture where none does."""
_COUNTING = {"clearance": {"active"}, "round": {*STATUSES["round"]} - {"concluded", "cancelled", PLANNED}}
"""The statuses of others that count: of a round that has begun or is to come, and has not ended."""


def posture_of(issue: ItemStatus, items: Iterable[ItemStatus]) -> tuple[str, str]:
    """Return the posture of an issue, and whether it is `certain` or `possible`.

    It is certain where every choice of a possible status, for the issue and for each item by itself, gives it. Items
    that are only planned do not count.
    """
    standing = {each for each in items if each.status != PLANNED}
    (found,) = postures(ItemStatus(issue.kind, issue.status), [ItemStatus(*each[:2]) for each in standing])
    if not issue.possible and not any([each.possible for each in standing]):
        return found, "certain"
    return found, "certain" if len(postures(issue, standing)) == 1 else "possible"


def postures(issue: ItemStatus, items: Iterable[ItemStatus]) -> set[str]:
    """Return every posture that some choice of possible statuses gives.

    A choice for one item leaves the others free. So of the restrictions, the most pressing may be as pressing as any of
    them can be, but not less than each of them has to be.
    """
    of_kind: dict[str, list[Choices]] = {kind: [] for kind in DECIDING_KINDS}
    for each in items:
        if each.kind in of_kind:
            of_kind[each.kind].append(each.possible or {each.status})
    own = issue.possible or {issue.status}
    found = {CLOSED} if CLOSED in own else set()
    if own == {CLOSED}:
        return found
    degrees = [{_PRESSING.get(status, 0) for status in choices} for choices in of_kind["restriction"]]
    least = max([min(each) for each in degrees], default=0)
    for degree in {0}.union(*degrees):
        if degree < least:
            continue
        if degree in _POSTURES:
            found.add(_POSTURES[degree])
            continue
        kind, beside, alone = _WITH_OTHERS[degree]
        others = [{status in _COUNTING[kind] for status in choices} for choices in of_kind[kind]]
        found |= {beside} if any([True in each for each in others]) else set()
        found |= {alone} if all([False in each for each in others]) else set()
    return found


def is_decided(items: set[ItemStatus]) -> bool:
    """Return whether no further item can change the posture of an issue, or make it less certain."""
    return {IN_FORCE, ACTIVE} <= items
