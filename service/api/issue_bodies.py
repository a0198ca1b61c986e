"""An issue as it is answered: its state with its version, its posture and how sure that is, and its items by kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.domain.vocabulary.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from service.domain.rule.posture import Posture
    from service.views.asof.question import ItemState


def with_posture(issue: ItemState, version: int, posture: Posture) -> bytes:
    """Return the state of an issue with its version and its posture, as JSON."""
    return b'%s,"version":%d,"posture":"%s","posture_certainty":"%s"}' % (
        issue.body[:-1], version, posture.posture.encode(), posture.certainty.encode(),
    )  # fmt: skip


def by_kind(states: Iterable[ItemState]) -> bytes:
    """Return states by their kinds, in the order of the vocabulary, as JSON without braces."""
    groups: dict[str, list[bytes]] = {kind: [] for kind in KINDS}
    for each in states:
        groups[each.kind].append(each.body)
    return b",".join(b'"%s":[%s]' % (kind.encode(), b",".join(bodies)) for kind, bodies in groups.items() if bodies)
