"""The items that touch what a question is about, across issues: partners, goods, entities (docs/semantics.md, 10).

Candidates (`candidates.py`) are items indexed under tokens of the clauses. Their states are read as of (D, K) and
compared.
"""

from __future__ import annotations

from bisect import bisect_right
from operator import attrgetter
from typing import TYPE_CHECKING

from service.domain.matching.partners import PARTNER_NAMES, about_item
from service.domain.rule.state import encode
from service.views.asof import candidates, published, recorded
from service.views.asof.candidates import NEVER, groups_of, intersected, listed
from service.views.asof.engine import engine_of
from service.views.asof.names import as_written, has_residual
from service.views.asof.question import (
    Basis,
    ItemState,
    Question,
    ScopeFilter,
    StateFilter,
    StatePage,
    is_full,
    page_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.domain.matching.clauses import Clause
    from service.storage.database import Database

PART = 10
"""Items read in one statement for each that is wanted, at most: it ends with the last wanted."""
NOT_COMPARED_MAX = 100


async def touching_page(
    database: Database, question: Question, wanted: ScopeFilter, *, after: int, limit: int
) -> StatePage:
    """Return the states that pass a filter, after an item number, each with what of it was found (`matched`)."""
    find = _recorded_page if question.published is None else _published_page
    return await find(database, question, wanted, after, limit)


async def not_compared(database: Database, basis: Basis, wanted: StateFilter | ScopeFilter) -> StatePage | None:
    """Return the first NOT_COMPARED_MAX measures that pass but for their goods, not said in the way that is asked for.

    None where a filter asks for no good, or for these measures themselves.
    """
    if not isinstance(wanted, ScopeFilter) or wanted.unsaid or not any(clause.unsaid for clause in wanted.clauses):
        return None
    others = wanted._replace(unsaid=True, bodies=wanted.partners is not None or wanted.maker is not None)
    return await touching_page(database, basis.pinned(), others, after=0, limit=NOT_COMPARED_MAX)


async def _recorded_page(
    database: Database, question: Question, wanted: ScopeFilter, after: int, limit: int
) -> StatePage:
    found: list[ItemState] = []
    searched = wanted.searched()
    groups, others = groups_of(searched)
    size = min(candidates.FIRST * limit, candidates.CHUNK)
    while True:
        basis, lists = await listed(database, question, groups, after, size)
        numbers = await intersected(database, groups, lists, narrow=not wanted.unsaid)
        sifted, more = await _sifted(database, basis, wanted, (searched, others), numbers, limit + 1 - len(found))
        found += sifted
        if more or is_full(found, limit) or lists.next >= NEVER:
            return page_of(basis, found, limit, more=more)
        question, after = basis.pinned(), lists.next - 1
        size = min(candidates.GROWTH * size, candidates.CHUNK)


async def _published_page(
    database: Database, question: Question, wanted: ScopeFilter, after: int, limit: int
) -> StatePage:
    """Add the items that are out of order, all of which are candidates, to those that the versions answer for."""
    kept = await _recorded_page(database, question, wanted, after, limit)
    others, last = await published.out_of_order(
        database, kept.basis, wanted.kinds, after=after, until=kept.next, planned=wanted.included.planned
    )
    found = [*kept.items, *await touching(database, kept.basis, wanted, others)]
    last = kept.next if last is None else last
    states = sorted([each for each in found if last is None or each.number <= last], key=attrgetter("number"))
    page = page_of(kept.basis, states, limit, more=kept.next is not None)
    return page if page.next else page._replace(next=last)


async def _sifted(
    database: Database,
    basis: Basis,
    wanted: ScopeFilter,
    searched: tuple[ScopeFilter, Sequence[Sequence[str]]],
    numbers: Sequence[int],
    most: int,
) -> tuple[list[ItemState], bool]:
    """Return the first of some items whose state touches, `most` at most; true: they are a page, and others follow."""
    found: list[ItemState] = []
    while numbers and len(found) < most:
        part = numbers[: PART * most]
        states, more = await recorded.sifted(database, basis, part, *searched, most)
        found += await touching(database, basis, wanted, states)
        if found and (more or is_full(found, most)):
            return found, True
        last = states[-1].number if more or len(states) == most else part[-1]
        numbers = numbers[bisect_right(numbers, last) :]
    return found, False


async def touching(
    database: Database, basis: Basis, wanted: ScopeFilter, states: Sequence[ItemState]
) -> list[ItemState]:
    """Keep the states that touch all that is asked about, with what was found; clearances with their restrictions."""
    referred = {each.slug: slug for each in states if (slug := _reference_of(each, wanted)) is not None}
    by_slug = {each.slug: each for each in states}
    if missing := set(referred.values()) - by_slug.keys():
        others = await engine_of(basis).named(database, basis, sorted(missing), planned=wanted.included.planned)
        by_slug |= {each.slug: each for each in others}
    touching = []
    for state in states:
        reference = by_slug.get(referred.get(state.slug, ""))
        is_one = reference is not None and (reference.kind == "restriction" or state.kind == "statement")
        found = _found(state, reference.tokens if reference is not None and is_one else None, wanted)
        if found is not None:
            touching.append(found)
    return touching


def _reference_of(state: ItemState, wanted: ScopeFilter) -> str | None:
    """Return the restriction whose goods or countries a clearance is for, or the item that a statement is about."""
    if wanted.partners is not None and state.kind == "statement":
        return about_item(state.body)
    if wanted.partners is None and not any(clause.inherits in state.tokens for clause in wanted.clauses):
        return None
    return next((token.partition(":")[2] for token in state.tokens if token.startswith("restriction:")), None)


def _found(state: ItemState, reference: frozenset[str] | None, wanted: ScopeFilter) -> ItemState | None:
    """Return a state that passes, with what of it was found; None for one that does not pass."""
    matched = _matched(state, None if state.kind == "statement" else reference, wanted)
    if matched is None or not _is_of(state, wanted.maker):
        return None
    if wanted.partners is None:
        return state._replace(matched=matched) if matched else state
    stands = wanted.partners.found(state.kind, state.body, reference)
    if stands is None:
        return None
    others = {name: what for name, what in matched.items() if name not in PARTNER_NAMES}
    return state._replace(matched=others | wanted.partners.matched(stands), side=stands.side)


def _is_of(state: ItemState, maker: Clause | None) -> bool:
    """Return whether a restriction is on a maker: it names no entity, this one, or all others."""
    if maker is None or state.kind != "restriction" or maker.found(state.tokens) is not None:
        return True
    return not any(token.startswith("entity:") for token in state.tokens) or has_residual(state.body)


def _matched(state: ItemState, restriction: frozenset[str] | None, wanted: ScopeFilter) -> dict[str, str] | None:
    """Return what was found of a state that passes, by parameter; None for one that does not pass."""
    if (
        state.kind not in wanted.kinds
        or not all(not state.tokens.isdisjoint(marks) for marks in wanted.marks)
        or not state.tokens.isdisjoint(wanted.without)
        or ("ended-surely" in state.tokens and not wanted.included.ended)
    ):
        return None
    matched = {}
    for clause in wanted.clauses:
        if wanted.unsaid and clause.unsaid:
            if clause.outcome(state.tokens, restriction) != "not_compared":
                return None
            continue
        found = clause.found(state.tokens, restriction)
        if found is None:
            return None
        if found.what:
            matched[clause.name] = as_written(state.body, found.what)
    return matched


def shown(state: ItemState, displaced_by: Sequence[str] = ()) -> bytes:
    """Return the body of a state, with what of it was found, and with what stands in its place, where there is any."""
    more = {"matched": state.matched, "displaced_by": displaced_by}
    added = {name: value for name, value in more.items() if value}
    return b"%s,%s" % (state.body[:-1], encode(added)[1:]) if added else state.body
