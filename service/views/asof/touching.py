"""The items that touch what a question is about, across issues: partners, goods, entities (docs/semantics.md, 10).

Candidates (`candidates.py`) are items indexed under tokens of the clauses. Their states are read as of (D, K) and
compared.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import partial
from typing import TYPE_CHECKING

from service.domain.matching.partners import PARTNER_NAMES, about_item
from service.domain.rule.state import encode
from service.domain.vocabulary.kinds import KINDS
from service.domain.vocabulary.terms import terms_of_kind
from service.views.asof import candidates, published, recorded
from service.views.asof.candidates import NEVER, groups_of, intersected, listed
from service.views.asof.names import as_written, has_residual
from service.views.asof.question import (
    Basis,
    ItemState,
    Question,
    ScopeFilter,
    Sieve,
    StateFilter,
    StatePage,
    is_full,
    page_of,
)
from service.views.asof.weighing import PageWork

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from service.domain.matching.clauses import Clause
    from service.storage.database import Database

PART = 10
"""Items read in one statement for each that is wanted, at most: it ends with the last wanted."""
NOT_COMPARED_MAX = 100
_REFERRING = frozenset(kind for kind in KINDS if "restriction" in terms_of_kind(kind))
"""Kinds of which a state may name a restriction."""


async def touching_page(
    database: Database,
    question: Question,
    wanted: ScopeFilter,
    *,
    after: int,
    limit: int,
    work: PageWork | None = None,
) -> StatePage:
    """Return the states that pass a filter, after an item number, each with what of it was found (`matched`).

    `work` is that of the parts of the answer before.
    """
    found: list[ItemState] = []
    groups, others = groups_of(wanted.searched())
    sieve, work = Sieve(wanted.searched(), others), work or PageWork()
    sift = recorded.sifted if question.published is None else partial(published.sifted, work=work)
    first = candidates.FIRST if len(groups) == 1 else candidates.FIRST_OF_SEVERAL
    size = min(first * limit, candidates.CHUNK)
    while True:
        basis, lists = await listed(database, question, groups, after, size)
        numbers = await intersected(database, basis, groups, lists, narrow=not wanted.unsaid)
        while numbers and not is_full(found, limit) and not work.is_enough:
            most = limit + 1 - len(found)
            part = numbers[: PART * most]
            states, last = await sift(database, basis, part, sieve, most)
            states, references, cut = await _with_references(database, basis, wanted, states, work)
            found += _touching(wanted, states, references)
            last = last if cut is None else cut
            after = part[-1] if last is None else last
            numbers = numbers[bisect_right(numbers, after) :]
        if work.is_enough or is_full(found, limit) or lists.next >= NEVER:
            page = page_of(basis, found, limit)
            return page._replace(next=after) if work.is_enough and page.next is None else page
        question, after = basis.pinned(), lists.next - 1
        size = min(candidates.GROWTH * size, candidates.CHUNK)


async def not_compared(
    database: Database, basis: Basis, wanted: StateFilter | ScopeFilter, work: PageWork | None = None
) -> StatePage | None:
    """Return the first NOT_COMPARED_MAX measures that pass but for their goods, not said in the way that is asked for.

    None where a filter asks for no good, or for these measures themselves. `work` is as for `touching_page`.
    """
    if not isinstance(wanted, ScopeFilter) or wanted.unsaid or not any(clause.unsaid for clause in wanted.clauses):
        return None
    others = wanted._replace(unsaid=True, bodies=wanted.partners is not None or wanted.maker is not None)
    return await touching_page(database, basis.pinned(), others, after=0, limit=NOT_COMPARED_MAX, work=work)


async def touching(
    database: Database, basis: Basis, wanted: ScopeFilter, states: list[ItemState], work: PageWork
) -> list[ItemState]:
    """Keep the states that touch all that is asked about, with what was found; clearances with their restrictions.

    Raises TooMuchToAnswer where, as published, these restrictions are too much work.
    """
    states, references, _ = await _with_references(database, basis, wanted, states, work)
    work.check()
    return _touching(wanted, states, references)


async def _with_references(
    database: Database, basis: Basis, wanted: ScopeFilter, states: list[ItemState], work: PageWork
) -> tuple[list[ItemState], Mapping[str, ItemState], int | None]:
    """Return the states with those that they refer to, by the slug of the state that does.

    Where these cost enough for a page, the states up to there, and the number of the last.
    """
    referred = {each.slug: slug for each in states if (slug := _reference_of(each, wanted)) is not None}
    by_slug = {each.slug: each for each in states}
    missing = [slug for slug in dict.fromkeys(referred.values()) if slug not in by_slug]
    others, left_out = list[ItemState](), frozenset[str]()
    if missing and basis.published is None:
        others = await recorded.named(database, basis, missing, planned=wanted.included.planned)
    elif missing:
        others, left_out = await published.named_until(database, basis, missing, work, planned=wanted.included.planned)
    by_slug |= {each.slug: each for each in others}
    cut = next((place for place, each in enumerate(states) if referred.get(each.slug) in left_out), None)
    states = states[:cut]
    references = {slug: by_slug[other] for slug, other in referred.items() if other in by_slug}
    return states, references, None if cut is None else states[-1].number


def _touching(wanted: ScopeFilter, states: Iterable[ItemState], references: Mapping[str, ItemState]) -> list[ItemState]:
    touching = []
    if wanted.partners is not None:  # they decide by themselves, more closely than the clauses that find candidates
        wanted = wanted._replace(clauses=[each for each in wanted.clauses if each.name not in PARTNER_NAMES])
    for state in states:
        reference = references.get(state.slug)
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
    if state.kind not in _REFERRING:
        return None
    return next((token.partition(":")[2] for token in state.tokens if token.startswith("restriction:")), None)


def _found(state: ItemState, reference: frozenset[str] | None, wanted: ScopeFilter) -> ItemState | None:
    """Return a state that passes, with what of it was found; None for one that does not pass."""
    matched = _matched(state, None if state.kind == "statement" else reference, wanted)
    if matched is None or not (wanted.maker is None or _is_of(state, wanted.maker)):
        return None
    if wanted.partners is None:
        return state._replace(matched=matched) if matched else state
    stands = wanted.partners.found(state.kind, state.body, reference)
    if stands is None:
        return None
    return state._replace(matched=matched | wanted.partners.matched(stands), side=stands.side)


def _is_of(state: ItemState, maker: Clause) -> bool:
    """Return whether a restriction is on a maker: it names no entity, this one, or all others."""
    if state.kind != "restriction" or maker.found(state.tokens) is not None:
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
