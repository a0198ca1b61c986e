"""The filters on what an item touches, as clauses: the same for lists and for exposure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.domain.matching import asked
from service.domain.rule.tokens import of_issue

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from service.domain.matching.clauses import Clause

CLAUSES: dict[str, Callable[[str, int], Clause]] = {
    "entity": lambda text, _: asked.of_entity(text),
    "eccn": lambda code, _: asked.of_eccn(code),
    "good": lambda text, _: asked.of_good(text),
    "issue": lambda slug, _: asked.of_token("issue", of_issue(slug)),
    "hs": lambda code, _: asked.of_hs(code),
    "against": asked.of_target,
    "by": asked.of_actor,
    "party": asked.of_party,
}
"""The clause of each filter on what an item touches, of its value and the day, in order of rarity."""


def clause_of(name: str, value: str | Sequence[str], day: int) -> Clause:
    """Return the clause of a filter; of several values one is enough."""
    clauses = [CLAUSES[name](each, day) for each in ((value,) if isinstance(value, str) else value)]
    return clauses[0]._replace(ways=tuple(way for clause in clauses for way in clause.ways))
