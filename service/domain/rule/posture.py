"""The posture of an issue: its items summed up in one word (docs/semantics.md, 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.domain.rule.walk import ANNOUNCED
from service.domain.vocabulary.kinds import PLANNED, SUSPENDED

if TYPE_CHECKING:
    from collections.abc import Iterable

KindStatus = tuple[str, str]
"""The kind and the status of an item."""

IN_FORCE, ACTIVE = ("restriction", "in_force"), ("clearance", "active")
DECIDING_KINDS = ("restriction", "clearance", "round")
"""The kinds of items that an issue's posture depends on."""


def posture(issue_status: str, statuses: Iterable[KindStatus]) -> str:
    """Sum up an issue from its own status and the kinds and statuses of its items."""
    present = set(statuses)
    if issue_status == "closed":
        return "closed"
    if IN_FORCE in present:
        return "partially_cleared" if ACTIVE in present else "restricted"
    if ("restriction", SUSPENDED) in present:
        return "suspended"
    if not present.isdisjoint({("restriction", ANNOUNCED), ("restriction", "proposed")}):
        return "announced"
    if any(kind == "round" and status not in {"concluded", "cancelled", PLANNED} for kind, status in present):
        return "in_talks"
    return "open"


def is_decided(statuses: set[KindStatus]) -> bool:
    """Return whether no further item can change the posture of an issue."""
    return {IN_FORCE, ACTIVE} <= statuses
