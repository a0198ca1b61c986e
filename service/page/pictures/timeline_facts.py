"""What a timeline reads of a fact, and how it is marked."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from service.domain.vocabulary.dates import parse
from service.page.pictures.lives import Edge
from service.page.pictures.marks import described


class MarkedFact(Struct, frozen=True):
    """What is read of a fact of a timeline."""

    id: str
    type: str
    kind: str
    item: str
    occurred: str
    modality: str
    contested: bool
    corrected: bool
    effective: str | None = None
    city: str | None = None
    speaker: str | None = None
    reports: tuple[dict[str, Any], ...] = ()


def edge_of(fact: MarkedFact) -> Edge:
    """Return the days on which a fact may have occurred."""
    when = parse(fact.occurred)
    return Edge(when.lo, when.hi)


def shape_of(fact: MarkedFact) -> str:
    """Return the shape of the mark of a fact."""
    if fact.modality == "denied":
        return "denied"
    if fact.modality != "asserted":
        return "planned"
    return "disputed" if fact.contested else "corrected" if fact.corrected else "fact"


def title_of(fact: MarkedFact) -> str:
    """Return a fact in a few words, with who says so."""
    outlets = dict.fromkeys([str(report["outlet"]) for report in fact.reports])
    marks_of = [fact.modality] if fact.modality != "asserted" else []
    marks_of += [name for name, is_so in (("contested", fact.contested), ("corrected", fact.corrected)) if is_so]
    text = described(fact.type) + "".join([f", {name}" for name in marks_of])
    return f"{text} ({', '.join(outlets)})" if outlets else text
