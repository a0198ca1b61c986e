"""The state of an item as it is answered: its JSON, without the changes to come that `read_state` puts in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from service.domain.rule.facts import shown
from service.domain.vocabulary.kinds import IN_FORCE, SUSPENDED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from service.domain.rule.answer import Answer, Segment
    from service.domain.vocabulary.events import Fact
    from service.domain.vocabulary.kinds import Kind

_ENCODER = msgspec.json.Encoder()

UPCOMING_MAX = 20
"""Changes to come that a state shows; the others it counts."""


def state_of(kind: Kind, item: str, answer: Answer) -> dict[str, Any]:
    """Return an item's state, as it is on days after which no change is known."""
    ruling = answer.ruling
    assert ruling is not None  # noqa: S101 - an answer with a status has a ruling fact
    sets = answer.sets()
    return {
        "id": item,
        "kind": kind.name,
        "issues": answer.issues,
        "status": answer.status,
        "since": answer.since,
        **({} if answer.is_over else _ends_of(ruling.event)),
        "certainty": answer.certainty,
        "alternatives": [{"status": status, "event": fact and fact.id} for status, fact in answer.possible],
        **{name: fact.terms[name] for name, fact in answer.given.items()},
        **(_restriction(answer) if kind.name == "restriction" else {}),
        "contested": any([fact.contested for fact in sets]),
        "incomplete": not answer.complete,
        "ruling": ruling.id,
        "facts": [msgspec.Raw(shown(fact, names)) for fact, names in sets.items()],
        # These three stay last, in this order: `read_state.with_coming` cuts the JSON before them.
        "upcoming": answer.planned[:UPCOMING_MAX],
        "upcoming_more": max(len(answer.planned) - UPCOMING_MAX, 0),
        "next_change": None,
    }


def _ends_of(fact: Fact) -> dict[str, str]:
    """Return the dates and the condition with which a fact ends, as they are written."""
    ends = {"until": fact.until, "through": fact.through, "until_condition": fact.until_condition}
    return {name: text for name, text in ends.items() if text is not None}


def _restriction(answer: Answer) -> dict[str, Any]:
    """Return how far a restriction applies, what is charged, and whether it ever was in force."""
    own = answer.given.get("rate_percent")
    charged: float | None = 0
    if answer.status == IN_FORCE:
        charged = own.terms["rate_percent"] if own else 0
    elif answer.status == SUSPENDED:
        charged = answer.left.charged
    return {
        "applies": answer.applies,
        **({"charged_percent": charged} if own else {}),
        "ever_in_force": answer.ever,
        "ever_in_force_certainty": "certain" if answer.agreed else "possible",
    }


def encode(value: Mapping[str, Any] | Sequence[Any]) -> bytes:
    """Return compact JSON."""
    return _ENCODER.encode(value)


def arrival_text(segment: Segment) -> str:
    """Return the change with which a segment begins, as JSON; "" where there is none."""
    return "" if segment.arrival is None else _ENCODER.encode(segment.arrival).decode()
