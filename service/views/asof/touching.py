"""The restrictions and clearances that touch a good and a country, across issues (docs/semantics.md, 10).

Candidates are items indexed under both the good and the country, plus clearances indexed under the country that refer
to a restriction. Both lists are fetched and intersected here: on PostgreSQL that takes a fifth of the time of a probe
for each. The states of those that have not ended are read as of (D, K).
"""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from service.domain.vocabulary.codes import AGAINST_ALL, HS_SIZES, OF_RESTRICTION
from service.views.asof import published, recorded
from service.views.asof.engine import engine_of
from service.views.asof.question import Basis, Included, ItemState, Mode, Question, StatePage, is_full, page_of
from service.views.asof.sql import basis_of, basis_sql, resolve
from service.views.asof.weighing import CHUNK as WEIGHED
from service.views.asof.weighing import PageWork

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from service.storage.database import Database, Dialect

CHUNK = 2_000
"""Items of a token that are listed at a time, at most. As published they are weighed in smaller parts."""
PART = 10
"""Items read in one statement for each that is wanted, at most: it ends with the last wanted."""
RARE = 300
"""A good of fewer items is rare: the clearances from them are looked up by name."""
NEVER = 2**62

KINDS = {"restriction", "clearance"}
# As one text each: to fetch rows takes three times as long. Read as JSON, a number takes a quarter of `int`.
_NUMBERS = msgspec.json.Decoder(list[int])
# From the first that can be of both: a party's first items are the issues that it has a part in.
_LISTS = """WITH b AS MATERIALIZED (SELECT b.*, (SELECT max(z.item) FROM (
        SELECT min(x.item) AS item FROM ({goods}) x UNION ALL SELECT min(y.item) FROM ({parties}) y
    ) z) AS first FROM ({basis}) b)
SELECT b.k, b.at, b.head, {each} FROM b"""
_FIRST = "SELECT (SELECT min(f.item) FROM facet f WHERE f.token = {token} AND f.item > $2) AS item"
_LIST = """SELECT f.item FROM facet f
    WHERE f.token = {token} AND f.item >= b.first AND f.item <= b.k ORDER BY f.item LIMIT $3"""
_RESTRICTIONS = """SELECT 'restriction:' || (SELECT i.slug FROM item i WHERE i.number = f.item)
    FROM facet f WHERE f.token {among} LIMIT $2"""
_CARRYING = "SELECT f.item FROM facet f WHERE f.token {among}"
_PUBLISHED_CANDIDATES = """
SELECT c.item, (SELECT i.slug FROM item i WHERE i.number = c.item) FROM (
    SELECT f.item FROM facet f WHERE f.token IN ({goods}) AND f.item > $1
    UNION
    SELECT g.item FROM facet f CROSS JOIN item r CROSS JOIN facet g
    WHERE f.token IN ({goods}) AND r.number = f.item AND g.token = 'restriction:' || r.slug AND g.item > $1
) c WHERE c.item <= $2 ORDER BY c.item LIMIT $3
"""


class ExposureFilter(NamedTuple):
    """The tokens of a good, of which one is enough, a party, and which items count as well."""

    goods: Sequence[str]
    party: str
    included: Included

    @property
    def parties(self) -> tuple[str, str]:
        """Return the tokens of the party, of which one is enough."""
        return f"party:{self.party}", AGAINST_ALL


def hs_tokens(code: str) -> list[str]:
    """List the tokens of goods that an HS code touches: codes that begin so, and codes that it begins with."""
    return [f"hs:{code}", *[f"hs-exactly:{code[:size]}" for size in HS_SIZES if size < len(code)]]


async def exposure_page(
    database: Database, question: Question, wanted: ExposureFilter, *, after: int, limit: int
) -> StatePage:
    """Return the restrictions and clearances that touch a good and a party, after an item number."""
    find = _recorded_page if question.published is None else _published_page
    return await find(database, question, wanted, after, limit)


async def _recorded_page(
    database: Database, question: Question, wanted: ExposureFilter, after: int, limit: int
) -> StatePage:
    found: list[ItemState] = []
    size = min(30 * limit, CHUNK)
    while True:
        basis, lists = await _listed(database, question, wanted, after, size)
        numbers = await _intersected(database, wanted, lists)
        sifted, more = await _sifted(database, basis, wanted, numbers, limit + 1 - len(found))
        found += sifted
        if more or is_full(found, limit) or lists.next >= NEVER:
            return page_of(basis, found, limit, more=more)
        question, after = basis.pinned(), lists.next - 1


async def _published_page(
    database: Database, question: Question, wanted: ExposureFilter, after: int, limit: int
) -> StatePage:
    basis = await resolve(database, question)
    found: list[ItemState] = []
    work = PageWork()
    goods = ", ".join(f"${number}" for number in range(4, len(wanted.goods) + 4))
    sql = _PUBLISHED_CANDIDATES.format(goods=goods)
    while True:
        names = await database.fetch_long(sql, after, basis.position, CHUNK, *wanted.goods)
        part = min(2 * limit, WEIGHED)
        for start in range(0, len(names), part):
            slugs = [slug for _, slug in names[start : start + part]]
            states, last = await published.named_until(database, basis, slugs, work, planned=wanted.included.planned)
            found += await _touching(database, basis, wanted, states)
            if last is not None or is_full(found, limit):
                page = page_of(basis, found, limit)
                return page if page.next else page._replace(next=last)
        if len(names) < CHUNK:
            return page_of(basis, found, limit)
        after = names[-1][0]


class _Lists(NamedTuple):
    """Items of the good, clearances from restrictions and items of the party, up to where all lists are complete.

    `next` is an item before which nothing further can be of both.
    """

    goods: set[int]
    clearances: set[int]
    parties: set[int]
    next: int


async def _listed(
    database: Database, question: Question, wanted: ExposureFilter, after: int, size: int
) -> tuple[Basis, _Lists]:
    """List up to `size` items of every token after a number; raises KnowledgeAhead when K lies beyond the head."""
    tokens = (*wanted.goods, OF_RESTRICTION, *wanted.parties)
    mode, known = question.known()
    (row,) = await database.fetch(_lists_sql(database.dialect, mode, len(tokens)), known, after, size, *tokens)
    lists = [sorted(_NUMBERS.decode(f"[{text[1:-1]}]")) for text in row[3:]]
    horizon = min(items[-1] if len(items) == size else NEVER for items in lists)
    after = max(_next(lists[:-2], horizon, size), _next(lists[-2:], horizon, size))
    complete = [items[: bisect_right(items, horizon)] for items in lists]
    goods, parties = set().union(*complete[:-3]), set().union(*complete[-2:])
    return basis_of(question, row), _Lists(goods, set(complete[-3]), parties, after)


@lru_cache(maxsize=64)
def _lists_sql(dialect: Dialect, mode: Mode, tokens: int) -> str:
    """Return the statement that lists: $2 is the item to begin after, $3 how many, then come the tokens."""
    names = [f"${number}" for number in range(4, tokens + 4)]
    firsts = [_FIRST.format(token=name) for name in names]
    return _LISTS.format(
        goods=" UNION ALL ".join(firsts[:-2]),
        parties=" UNION ALL ".join(firsts[-2:]),
        basis=basis_sql(dialect, mode),
        each=", ".join(dialect.gathered.format(_LIST.format(token=name)) for name in names),
    )


def _next(lists: Iterable[Sequence[int]], horizon: int, size: int) -> int:
    """Return the first item after the horizon that one of some lists has or may have."""
    places = [(items, bisect_right(items, horizon)) for items in lists]
    return min(
        items[place] if place < len(items) else horizon + 1 if len(items) == size else NEVER for items, place in places
    )


async def _intersected(database: Database, wanted: ExposureFilter, lists: _Lists) -> list[int]:
    """Return the items of both the good and the party, in order."""
    clearances = (lists.clearances & lists.parties) - lists.goods
    if clearances:
        clearances = await _from_good(database, wanted, clearances)
    return sorted((lists.goods & lists.parties) | clearances)


async def _from_good(database: Database, wanted: ExposureFilter, clearances: set[int]) -> set[int]:
    """Keep the clearances from restrictions on a good where it is rare; else all of them."""
    dialect = database.dialect
    among = dialect.slugs.format("$1")
    rows = await database.fetch(_RESTRICTIONS.format(among=among), dialect.listed(wanted.goods), RARE)
    if len(rows) == RARE:
        return clearances
    tokens = [token for (token,) in rows]
    carrying = await database.fetch_long(_CARRYING.format(among=among), dialect.listed(tokens))
    return clearances & {item for (item,) in carrying}


async def _sifted(
    database: Database, basis: Basis, wanted: ExposureFilter, numbers: Sequence[int], most: int
) -> tuple[list[ItemState], bool]:
    """Return the first of some items whose state touches, `most` at most; true: they are a page, and others follow."""
    found: list[ItemState] = []
    every = (wanted.parties, (*wanted.goods, OF_RESTRICTION))
    while numbers and len(found) < most:
        part = numbers[: PART * most]
        states, more = await recorded.sifted(database, basis, part, every, wanted.included, most)
        found += await _touching(database, basis, wanted, states)
        if found and (more or is_full(found, most)):
            return found, True
        last = states[-1].number if more or len(states) == most else part[-1]
        numbers = numbers[bisect_right(numbers, last) :]
    return found, False


async def _touching(
    database: Database, basis: Basis, wanted: ExposureFilter, states: Sequence[ItemState]
) -> list[ItemState]:
    """Keep the states that touch the good and the party; a clearance that names no goods is for its restriction's."""
    restrictions = {each.slug: slug for each in states if (slug := _restriction_of(each)) is not None}
    by_slug = {each.slug: each for each in states}
    if missing := set(restrictions.values()) - by_slug.keys():
        others = await engine_of(basis).named(database, basis, sorted(missing), planned=wanted.included.planned)
        by_slug |= {each.slug: each for each in others}
    return [each for each in states if _touches(each, by_slug.get(restrictions.get(each.slug, "")), wanted)]


def _restriction_of(state: ItemState) -> str | None:
    """Return the restriction that a clearance without goods of its own is from."""
    if state.kind != "clearance" or any(token.startswith("good:") for token in state.tokens):
        return None
    return next((token.partition(":")[2] for token in state.tokens if token.startswith("restriction:")), None)


def _touches(state: ItemState, restriction: ItemState | None, wanted: ExposureFilter) -> bool:
    goods = restriction.tokens if restriction is not None and restriction.kind == "restriction" else state.tokens
    return (
        state.kind in KINDS
        and not goods.isdisjoint(wanted.goods)
        and not state.tokens.isdisjoint(wanted.parties)
        and (wanted.included.ended or "ended-surely" not in state.tokens)
    )
