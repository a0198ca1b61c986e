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

    For `all`, the facts of the items are loaded and weighed, unless `work` has them: where that costs enough, or the
    states are too large, the page ends.
    """
    if sources == "standing":
        return Sourced(states, following)
    if sources == "none":
        return Sourced([each._replace(body=without_facts(each.body)) for each in states], following)

    counted = PageWork() if work is None else work.rest()

    by_slug = {each.slug: each for each in states}

    def whole(item: Item) -> ItemState:
        state = by_slug[item.slug]
        body = item.with_list(state.body, basis.as_of)
        counted.count(state_steps(len(body)))
        return state._replace(body=body)

    shown = await weighed_until(database, basis, [*by_slug], counted, whole, lives=False)
    if work is not None:
        work.count(counted.steps)
    shown = shown[: fitting([len(each.body) for each in shown], len(shown))]
    return Sourced(shown, following if len(shown) == len(states) else shown[-1].number)


async def one_with_sources(database: Database, basis: Basis, state: ItemState, sources: Sources) -> ItemState:
    """Return one state with the facts that are asked for."""
    (shown,) = (await with_sources(database, basis, [state], None, sources)).items
    return shown
