"""An issue as it is answered: its state with its version, its posture and how sure that is, and its items by kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.domain.rule.posture import ItemStatus, Posture, posture_of
from service.domain.rule.state import status_in
from service.domain.vocabulary.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from service.views.asof.question import ItemState


def posture_of_issue(issue: ItemState, items: Iterable[ItemStatus]) -> Posture:
    """Return the posture that its items give an issue."""
    return posture_of(status_in(issue.kind, issue.status, issue.body), items)


def with_posture(issue: ItemState, version: int, own: Posture) -> bytes:
    """Return the state of an issue with its version and its posture, as JSON."""
    posture, certainty = own
    return b'%s,"version":%d,"posture":"%s","posture_certainty":"%s"}' % (
        issue.body[:-1], version, posture.encode(), certainty.encode(),
    )  # fmt: skip


def by_kind(states: Iterable[ItemState]) -> bytes:
    """Return states by their kinds, in the order of the vocabulary, as JSON without braces."""
    groups: dict[str, list[bytes]] = {kind: [] for kind in KINDS}
    for each in states:
        groups[each.kind].append(each.body)
    return b",".join(b'"%s":[%s]' % (kind.encode(), b",".join(bodies)) for kind, bodies in groups.items() if bodies)
