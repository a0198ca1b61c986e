"""The posture of an issue: its items summed up in one word (docs/semantics.md, 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.domain.rule.walk import ANNOUNCED
from service.domain.vocabulary.kinds import PLANNED, SUSPENDED

if TYPE_CHECKING:
    from collections.abc import Iterable

KindStatus = tuple[str, str]
"""The kind and the status of an item."""


class Member(NamedTuple):
    """An item of an issue, or the issue itself, as its posture sees it.

    It has its kind, its status, and every status that some reading gives.
    `possible` is empty where the status is the only one; None is no status.
    """

    kind: str
    status: str
    possible: frozenset[str | None] = frozenset()

    @property
    def choices(self) -> frozenset[str | None]:
        """Return every status that the item may have."""
        return self.possible or frozenset([self.status])


IN_FORCE, ACTIVE = Member("restriction", "in_force"), Member("clearance", "active")
DECIDING_KINDS = ("restriction", "clearance", "round")
"""The kinds of items that an issue's posture depends on."""
CLOSED = "closed"
_PRESSING = {ANNOUNCED: 1, "proposed": 1, SUSPENDED: 2, "in_force": 3}
"""How pressing a restriction is, by its status: the most pressing one of an issue counts. Of others: 0."""
_IN_FORCE = 3
_POSTURES = {1: "announced", 2: "suspended"}
_OVER = {"concluded", "cancelled", PLANNED, None}
"""The statuses of a round that is neither to come nor has begun, or has ended."""


def posture(issue_status: str, statuses: Iterable[KindStatus]) -> str:
    """Sum up an issue from its own status and the kinds and statuses of its items."""
    items = [Member(kind, status) for kind, status in statuses]
    (found,) = postures(Member("issue", issue_status), items)
    return found


def posture_of(issue: Member, items: Iterable[Member]) -> tuple[str, str]:
    """Return the posture of an issue, and whether it is `certain` or `possible`.

    It is certain where every choice of a possible status, for the issue and for each item by itself, gives it.
    """
    standing = [each for each in items if each.status != PLANNED]
    found = posture(issue.status, [(each.kind, each.status) for each in standing])
    if not issue.possible and not any(each.possible for each in standing):
        return found, "certain"
    return found, "certain" if len(postures(issue, standing)) == 1 else "possible"


def postures(issue: Member, items: Iterable[Member]) -> set[str]:
    """Return every posture that some choice of possible statuses gives.

    A choice for one item leaves the others free. So of the restrictions, the most pressing may be as pressing as any of
    them can be, but not less than each of them has to be.
    """
    by_kind: dict[str, list[frozenset[str | None]]] = {kind: [] for kind in DECIDING_KINDS}
    for each in items:
        if each.kind in by_kind:
            by_kind[each.kind].append(each.choices)
    found = {CLOSED} if CLOSED in issue.choices else set()
    if issue.choices == {CLOSED}:
        return found
    pressing = [{_PRESSING.get(status or "", 0) for status in choices} for choices in by_kind["restriction"]]
    least = max([min(degrees) for degrees in pressing], default=0)
    for degree in {0}.union(*pressing):
        if degree < least:
            continue
        if degree == _IN_FORCE:
            found |= _either(by_kind["clearance"], {"active"}, "partially_cleared", "restricted")
        elif degree:
            found.add(_POSTURES[degree])
        else:
            under_way = set().union(*by_kind["round"]) - _OVER
            found |= _either(by_kind["round"], under_way, "in_talks", "open")
    return found


def _either(items: Iterable[frozenset[str | None]], counting: set[str | None], one: str, other: str) -> set[str]:
    """Return `one` where some item can have a status that counts, `other` where none has to have one."""
    items = list(items)
    found = {one} if any(choices & counting for choices in items) else set()
    return found | ({other} if all(choices - counting for choices in items) else set())


def is_decided(items: set[Member]) -> bool:
    """Return whether no further item can change the posture of an issue, or make it less certain."""
    return {IN_FORCE, ACTIVE} <= items
