"""The two engines: one answers as recorded, the other as published.

`engine_of` picks one by the basis for the questions of `Engine`: items, issues. Other questions branch on the
basis themselves: `lists.py`, `touching.py`, `difference.py` and `versions.py` have one way for each, and `timeline.py`
cuts chains to what was published.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from service.views.asof import published, recorded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.storage.database import Database
    from service.views.asof.question import (
        Basis,
        FirstStatus,
        Included,
        IssuePage,
        ItemState,
        OneState,
        Question,
    )
    from service.views.asof.weighing import PageWork


class Engine(Protocol):
    """The questions that each engine answers. Raises KnowledgeAhead for a K that lies beyond the head."""

    async def item(
        self, database: Database, question: Question, kind: str, slug: str, *, planned: bool = False
    ) -> OneState | None:
        """Return one item's state; None when it has no status at (D, K), or without `planned` is only planned."""

    async def issue_page(
        self, database: Database, question: Question, slug: str, included: Included, *, after: int, limit: int
    ) -> IssuePage:
        """Return the states of an issue's items after an item number, ended and planned ones only when asked for."""

    async def first(self, database: Database, basis: Basis, kind: str, slug: str) -> FirstStatus | None:
        """Return when an item first has a status at all; None when it never has."""


def engine_of(question: Question | Basis) -> Engine:
    """Return the engine that answers a question."""
    return recorded if question.published is None else published


async def named(database: Database, basis: Basis, slugs: Sequence[str], work: PageWork) -> list[ItemState]:
    """Return the states of named items with their tokens, by number; those without a status, and plans, are left out.

    `work` counts what they cost as published: raises TooMuchToAnswer where that is too much.
    """
    if basis.published is None:
        return await recorded.named(database, basis, slugs)
    found = await published.named(database, basis, slugs, work=work)
    work.check()
    return found
