"""Why an item has no answer: it is only planned, or has a status from another D and K on, or nobody has recorded it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from service.api.http.basis import NOTHING_RECORDED
from service.api.http.problem_shape import PlannedFact
from service.api.http.problems import NotFound
from service.domain.vocabulary import dates
from service.views.asof.basis import resolve
from service.views.asof.engine import engine_of

if TYPE_CHECKING:
    from service.storage.database import Database
    from service.views.asof.question import Question


class _Fact(msgspec.Struct):
    """What is read of a fact of a state."""

    id: str
    type: str
    occurred: str
    effective: str | None = None


class _Planned(msgspec.Struct):
    """What is read of the state of an item that is only planned."""

    ruling: str
    facts: list[_Fact]


_planned = msgspec.json.Decoder(_Planned).decode


async def absent(database: Database, question: Question, kind: str, slug: str, *, planned: bool = False) -> NotFound:
    """Return the problem of an item without a status at (D, K): its plan if it has one, else as `without_status`.

    `planned`: the question asked for planned items as well, so there is no plan. Where the item is also decided on
    another day or at another K, the problem has the first ones too.
    """
    otherwise = await without_status(database, question, kind, slug)
    found = None if planned else await engine_of(question).item(database, question, kind, slug, planned=True)
    if found is None:
        return otherwise
    state = _planned(found.state.body)
    fact = next(each for each in state.facts if each.id == state.ruling)
    plan = PlannedFact(event=fact.id, type=fact.type, on=fact.effective or fact.occurred)
    return NotFound(
        f"The {kind} {slug} is only planned on this day as known then: {plan.type} on {plan.on}, by the event "
        f"{plan.event}. Ask with include=planned for its state.",
        plan=plan,
        **otherwise.members,
    )


async def without_status(database: Database, question: Question, kind: str, slug: str) -> NotFound:
    """Return the problem of an item without a status: from which day and K it has one, if ever.

    That is as known now, which may be later than K: the problem says so, and is no answer that may be kept.
    """
    basis = await resolve(database, question)
    first = await engine_of(question).first(database, basis, kind, slug)
    if first is None:
        return NotFound(f"There is no {kind} {slug}.")
    detail, day = f"The {kind} {slug} has no status on this day as known then.", dates.iso(first.as_of)
    if first.published is not None:
        known_at = dates.iso(first.published)
        detail += f" As known now, it has one from {day}, published by {known_at}."
        return NotFound(detail, first_as_of=day, first_known_at=known_at)
    detail += f" It has had one, for days from {day} on, since position {first.position}: its versions say when."
    if not basis.position:
        detail += f" {NOTHING_RECORDED}"
    return NotFound(detail, first_as_of=day, first_known_position=first.position)
