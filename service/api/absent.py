"""Why an item has no answer: nobody has recorded it, or the first D and K with which it has one, as known now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.api.http.problems import NotFound
from service.domain.vocabulary import dates
from service.views.asof.engine import engine_of
from service.views.asof.sql import resolve

if TYPE_CHECKING:
    from service.storage.database import Database
    from service.views.asof.question import Question


async def absent(database: Database, question: Question, kind: str, slug: str) -> NotFound:
    """Return the problem of an item without a status at (D, K): from which day and K it has one, if ever.

    That is as known now, which may be later than K: the problem says so, and is no answer that may be kept.
    """
    first = await engine_of(question).first(database, await resolve(database, question), kind, slug)
    if first is None:
        return NotFound(f"There is no {kind} {slug}.")
    detail, day = f"The {kind} {slug} has no status on this day as known then. As known now,", dates.iso(first.as_of)
    if first.published is not None:
        known_at = dates.iso(first.published)
        detail += f" it has one from {day}, published by {known_at}."
        return NotFound(detail, first_as_of=day, first_known_at=known_at)
    detail += f" it has one from {day}, known from position {first.position}."
    return NotFound(detail, first_as_of=day, first_known_position=first.position)
