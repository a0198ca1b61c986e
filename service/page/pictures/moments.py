"""What happens on a day or a few: rounds of talks, calls and statements, each as one mark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.page.pictures.marks import Mark, described
from service.page.pictures.timeline_facts import edge_of
from service.page.words import titled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.page.pictures.scene import Links
    from service.page.pictures.timeline_facts import MarkedFact

_SHAPES = {"round": "talk", "call": "call", "statement": "statement"}
_HAPPENED = ("started", "session_held", "concluded", "adjourned", "resumed", "made")


def moment(kind: str, facts: Sequence[MarkedFact], links: Links) -> Mark:
    """Return the mark of one round, call or statement: on the day on which it took place, as far as is known."""
    first = next((fact for fact in facts if fact.type.partition(".")[2] in _HAPPENED), facts[-1])
    shape = _SHAPES[kind]
    if kind == "round":
        change = facts[-1].type.partition(".")[2]
        taken = any(fact.type.partition(".")[2] in _HAPPENED for fact in facts)
        shape = "cancelled" if change == "cancelled" else "talk" if taken else "talk-planned"
    text = f"{_label(kind, facts)}: {described(facts[-1].type)}"
    return Mark(edge_of(first), shape, text, links.item(kind, facts[0].item), _label(kind, facts))


def _label(kind: str, facts: Sequence[MarkedFact]) -> str:
    if kind == "round":
        city = next((fact.city for fact in reversed(facts) if fact.city), None)
        if city:
            return city
    if kind == "statement":
        speaker = next((fact.speaker for fact in facts if fact.speaker), None)
        if speaker:
            return speaker
    text = titled(facts[0].item)
    return text if len(text) <= LABEL_MOST else text[: LABEL_MOST - 1] + "…"


LABEL_MOST = 26
