"""The items that touch what a question is about, across issues: partners, goods, entities (docs/semantics.md, 10).

Candidates are items indexed under a token of each of the first two clauses. Their lists are fetched and intersected
here: on PostgreSQL that takes a fifth of the time of a probe for each. The states are read as of (D, K) and compared.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from service.domain.matching.clauses import ALL
from service.domain.rule.state import encode
from service.domain.vocabulary.codes import GOODS_OF_RESTRICTION
from service.domain.vocabulary.words import normalized
from service.views.asof import published, recorded
from service.views.asof.basis import basis_of, basis_sql
from service.views.asof.engine import engine_of
from service.views.asof.question import (
    Basis,
    ItemState,
    Mode,
    Question,
    ScopeFilter,
    StateFilter,
    StatePage,
    is_full,
    page_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from service.domain.matching.clauses import Clause
    from service.storage.database import Database, Dialect

CHUNK = 2_000
"""Items of a token that are listed at a time, at most."""
PART = 10
"""Items read in one statement for each that is wanted, at most: it ends with the last wanted."""
RARE = 300
"""A good of fewer items is rare: the clearances from them are looked up by name."""
NOT_COMPARED_MAX = 100
NEVER = 2**62

# As one text each: to fetch rows takes three times as long. Read as JSON, a number takes a quarter of `int`.
_NUMBERS = msgspec.json.Decoder(list[int])
# From the first that can be of all: a party's first items are the issues that it has a part in.
_LISTS = """WITH b AS MATERIALIZED (SELECT b.*, (SELECT max(z.item) FROM ({firsts}) z) AS first FROM ({basis}) b)
SELECT b.k, b.at, b.head, {each} FROM b"""
_FIRST = "SELECT (SELECT min(f.item) FROM facet f WHERE f.token = {token} AND f.item > $2) AS item"
_LIST = """SELECT f.item FROM facet f
    WHERE f.token = {token} AND f.item >= b.first AND f.item <= b.k ORDER BY f.item LIMIT $3"""
_RESTRICTIONS = """SELECT 'restriction:' || (SELECT i.slug FROM item i WHERE i.number = f.item)
    FROM facet f WHERE f.token {among} LIMIT $2"""
_CARRYING = "SELECT f.item FROM facet f WHERE f.token {among}"


async def touching_page(
    database: Database, question: Question, wanted: ScopeFilter, *, after: int, limit: int
) -> StatePage:
    """Return the states that pass a filter, after an item number, each with what of it was found (`matched`)."""
    find = _recorded_page if question.published is None else _published_page
    return await find(database, question, wanted, after, limit)


async def not_compared(database: Database, basis: Basis, wanted: StateFilter | ScopeFilter) -> int | None:
    """Count the measures that pass but for their goods, which are not said in the way that is asked for.

    NOT_COMPARED_MAX stands for so many or more; None where a filter asks for no good.
    """
    if not isinstance(wanted, ScopeFilter) or not any(clause.unsaid for clause in wanted.clauses):
        return None
    others = wanted._replace(unsaid=True, bodies=False)
    page = await touching_page(database, basis.pinned(), others, after=0, limit=NOT_COMPARED_MAX)
    return len(page.items)


async def _recorded_page(
    database: Database, question: Question, wanted: ScopeFilter, after: int, limit: int
) -> StatePage:
    found: list[ItemState] = []
    groups = [clause.candidates(wanted.kinds) for clause in wanted.searched().clauses[:2]]
    size = min(30 * limit, CHUNK)
    while True:
        basis, lists = await _listed(database, question, groups, after, size)
        numbers = await _intersected(database, groups, lists, narrow=not wanted.unsaid)
        sifted, more = await _sifted(database, basis, wanted, numbers, limit + 1 - len(found))
        found += sifted
        if more or is_full(found, limit) or lists.next >= NEVER:
            return page_of(basis, found, limit, more=more)
        question, after = basis.pinned(), lists.next - 1


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


class _Lists(NamedTuple):
    """Items by token, up to where all lists are complete; `next` is an item before which no other can be of all."""

    items: dict[str, set[int]]
    next: int


async def _listed(
    database: Database, question: Question, groups: Sequence[Sequence[str]], after: int, size: int
) -> tuple[Basis, _Lists]:
    """List up to `size` items of every token after a number; raises KnowledgeAhead when K lies beyond the head."""
    tokens = [token for group in groups for token in group]
    mode, known = question.known()
    sql = _lists_sql(database.dialect, mode, tuple(map(len, groups)))
    (row,) = await database.fetch(sql, known, after, size, *tokens)
    lists = {token: sorted(_NUMBERS.decode(f"[{text[1:-1]}]")) for token, text in zip(tokens, row[3:], strict=True)}
    horizon = min(items[-1] if len(items) == size else NEVER for items in lists.values())
    following = max(_next([lists[token] for token in group], horizon, size) for group in groups)
    complete = {token: set(items[: bisect_right(items, horizon)]) for token, items in lists.items()}
    return basis_of(question, row), _Lists(complete, following)


@lru_cache(maxsize=256)
def _lists_sql(dialect: Dialect, mode: Mode, groups: tuple[int, ...]) -> str:
    """Return the statement that lists: $2 is the item to begin after, $3 how many, then come the tokens of groups."""
    names = [f"${number}" for number in range(4, sum(groups) + 4)]
    firsts, rest = [], names
    for size in groups:
        each = " UNION ALL ".join(_FIRST.format(token=name) for name in rest[:size])
        firsts.append(f"SELECT min(x.item) AS item FROM ({each}) x")  # noqa: S608 - names of its own
        rest = rest[size:]
    return _LISTS.format(
        firsts=" UNION ALL ".join(firsts),
        basis=basis_sql(dialect, mode),
        each=", ".join(dialect.gathered.format(_LIST.format(token=name)) for name in names),
    )


def _next(lists: Iterable[Sequence[int]], horizon: int, size: int) -> int:
    """Return the first item after the horizon that one of some lists has or may have."""
    places = [(items, bisect_right(items, horizon)) for items in lists]
    return min(
        items[place] if place < len(items) else horizon + 1 if len(items) == size else NEVER for items, place in places
    )


async def _intersected(
    database: Database, groups: Sequence[Sequence[str]], lists: _Lists, *, narrow: bool
) -> list[int]:
    """Return the items that have a token of every group, in order; `narrow` leaves out clearances from other goods."""
    numbers = set.intersection(*[set().union(*[lists.items[token] for token in group]) for group in groups])
    for group in groups:
        if narrow and GOODS_OF_RESTRICTION in group:
            goods = [token for token in group if token != GOODS_OF_RESTRICTION]
            own = set().union(*[lists.items[token] for token in goods])
            if others := numbers - own:
                numbers = (numbers & own) | await _from_good(database, goods, others)
    return sorted(numbers)


async def _from_good(database: Database, goods: Sequence[str], clearances: set[int]) -> set[int]:
    """Keep the clearances from restrictions on a good where it is rare; else all of them."""
    dialect = database.dialect
    among = dialect.slugs.format("$1")
    rows = await database.fetch(_RESTRICTIONS.format(among=among), dialect.listed(goods), RARE)
    if len(rows) == RARE:
        return clearances
    tokens = [token for (token,) in rows]
    carrying = await database.fetch_long(_CARRYING.format(among=among), dialect.listed(tokens))
    return clearances & {item for (item,) in carrying}


async def _sifted(
    database: Database, basis: Basis, wanted: ScopeFilter, numbers: Sequence[int], most: int
) -> tuple[list[ItemState], bool]:
    """Return the first of some items whose state touches, `most` at most; true: they are a page, and others follow."""
    found: list[ItemState] = []
    while numbers and len(found) < most:
        part = numbers[: PART * most]
        states, more = await recorded.sifted(database, basis, part, wanted.searched(), most)
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
    referred = {each.slug: slug for each in states if (slug := _restriction_of(each, wanted.clauses)) is not None}
    by_slug = {each.slug: each for each in states}
    if missing := set(referred.values()) - by_slug.keys():
        others = await engine_of(basis).named(database, basis, sorted(missing), planned=wanted.included.planned)
        by_slug |= {each.slug: each for each in others}
    touching = []
    for state in states:
        restriction = by_slug.get(referred.get(state.slug, ""))
        is_one = restriction is not None and restriction.kind == "restriction"
        matched = _matched(state, restriction.tokens if restriction is not None and is_one else None, wanted)
        if matched is not None:
            touching.append(state._replace(matched=matched) if matched else state)
    return touching


def _restriction_of(state: ItemState, clauses: Iterable[Clause]) -> str | None:
    """Return the restriction whose goods or countries a clearance is for, as far as they are asked about."""
    if not any(clause.inherits in state.tokens for clause in clauses):
        return None
    return next((token.partition(":")[2] for token in state.tokens if token.startswith("restriction:")), None)


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
            matched[clause.name] = _as_written(state, found.what)
    return matched


def shown(state: ItemState, displaced_by: Sequence[str] = ()) -> bytes:
    """Return the body of a state, with what of it was found, and with what stands in its place, where there is any."""
    more = {"matched": state.matched, "displaced_by": displaced_by}
    added = {name: value for name, value in more.items() if value}
    return b"%s,%s" % (state.body[:-1], encode(added)[1:]) if added else state.body


class _NamedPart(msgspec.Struct):
    """The texts that a part of a state may be found by."""

    name: str
    also: list[str] = []
    eccn: str = ""


class _Names(msgspec.Struct):
    """The parts of a state that have names."""

    goods: list[_NamedPart] = []
    entities: list[_NamedPart] = []
    beneficiaries: list[_NamedPart] = []


_names = msgspec.json.Decoder(_Names).decode


def _as_written(state: ItemState, what: str) -> str:
    """Return a name or a code as the state has it: tokens have lost its case."""
    if what == ALL or not state.body:
        return what
    parts = _names(state.body)
    for part in (*parts.goods, *parts.entities, *parts.beneficiaries):
        for text in (part.name, *part.also, part.eccn):
            if normalized(text) == what:
                return text
    return what
