"""Which facts the states of an answer show: those that they rest on, as they are kept; every fact; none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from service.domain.rule.read_state import without_facts
from service.domain.rule.work import state_steps
from service.views.asof.question import ItemState, fitting
from service.views.asof.weighing import PAGE_STEPS, PageWork, weighed_until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.domain.rule.item import Item
    from service.storage.database import Database
    from service.views.asof.question import Basis, Question

Sources = Literal["standing", "all", "none"]
"""Which facts a state has in `facts`."""


class Sourced(NamedTuple):
    """States as they are shown. `next` is the item after which the next page begins, None at the end."""

    items: Sequence[ItemState]
    next: int | None


def page_work(question: Question, sources: Sources) -> PageWork:
    """Begin to count the work of a page: as published most of it is left for all sources, where they are asked for."""
    is_shared = sources == "all" and question.published is not None
    return PageWork(PAGE_STEPS // 6 if is_shared else PAGE_STEPS)


async def with_sources(
    database: Database,
    basis: Basis,
    states: Sequence[ItemState],
    following: int | None,
    sources: Sources,
    work: PageWork | None = None,
) -> Sourced:
    """Return the states of a page with the facts that are asked for; `following` is the page's `next`.

    For `all`, the items are loaded and weighed, unless `work` has them: where that costs enough, or the states are too
    large, the page ends.
    """
    if sources == "standing":
        return Sourced(states, following)
    if sources == "none":
        return Sourced([each._replace(body=without_facts(each.body)) for each in states], following)

    counted = PageWork() if work is None else work.rest()

    def whole(item: Item) -> bytes | None:
        state = item.state(basis.as_of, whole=True)
        if state is None:
            return None
        counted.count(state_steps(len(state.body)))
        return state.body

    slugs = [each.slug for each in states]
    bodies = await weighed_until(database, basis, slugs, counted, whole)
    if work is not None:
        work.count(counted.steps)
    shown = [each._replace(body=body or each.body) for each, body in zip(states, bodies, strict=False)]
    shown = shown[: fitting([len(each.body) for each in shown], len(shown))]
    return Sourced(shown, following if len(shown) == len(states) else shown[-1].number)


async def one_with_sources(database: Database, basis: Basis, state: ItemState, sources: Sources) -> ItemState:
    """Return one state with the facts that are asked for."""
    (shown,) = (await with_sources(database, basis, [state], None, sources)).items
    return shown
