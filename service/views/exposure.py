"""What touches a good and a country: restrictions and clearances across issues (docs/semantics.md, 10).

Candidates are the items that are found by both, and of the clearances from restrictions those found by the country.
They are listed from both ends and met here: on PostgreSQL that takes a fifth of the time of a probe for each. Those
that had not ended are looked at as of (D, K).
"""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from service.domain.codes import HS_SIZES, OF_RESTRICTION
from service.domain.states import AGAINST_ALL
from service.views import query

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from service.storage.database import Database, Dialect

CHUNK = 2_000
"""How many items of a token are listed at a time, at most. As published they are folded in parts of twice a page."""
PART = 10
"""How many items are looked at in one statement for each that is wanted, at most: it ends with the last wanted."""
RARE = 300
"""A good of fewer items is rare: the clearances from them are looked for by name."""
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


class Sought(NamedTuple):
    """What is asked about: the tokens of a good, of which one is enough, a party, and whether ended ones count."""

    goods: Sequence[str]
    party: str
    ended: bool

    @property
    def parties(self) -> tuple[str, str]:
        """The tokens of the party, of which one is enough."""
        return f"party:{self.party}", AGAINST_ALL


class Page(NamedTuple):
    """States in order of the items' first appearance; `more` tells whether others follow."""

    basis: query.Basis
    items: list[query.Found]
    more: bool


def hs_tokens(code: str) -> list[str]:
    """List the tokens of goods that an HS code touches: codes that begin so, and codes that it begins with."""
    return [f"hs:{code}", *[f"hs-exactly:{code[:size]}" for size in HS_SIZES if size < len(code)]]


async def page(database: Database, ask: query.Ask, sought: Sought, *, after: int, limit: int) -> Page:
    """Give the restrictions and clearances that touch a good and a party, behind an item number."""
    if ask.published is not None:
        at = await query.basis(database, ask)
        return await _published_page(database, at, sought, after=after, limit=limit)
    found: list[query.Found] = []
    size = min(30 * limit, CHUNK)
    while True:
        at, lists = await _listed(database, ask, sought, after, size)
        numbers = await _met(database, sought, lists)
        found += await _sifted(database, at, sought, numbers, limit + 1 - len(found))
        if len(found) > limit or lists.next >= NEVER:
            return Page(at, found[:limit], len(found) > limit)
        ask, after = at.pinned(), lists.next - 1


class _Lists(NamedTuple):
    """Items of the good, clearances from restrictions and items of the party, up to where all lists are complete.

    `next` is an item before which nothing further can be of both.
    """

    goods: set[int]
    clearances: set[int]
    parties: set[int]
    next: int


async def _listed(
    database: Database, ask: query.Ask, sought: Sought, after: int, size: int
) -> tuple[query.Basis, _Lists]:
    """List the items of every token behind a number, so many of each; KnowledgeAhead when K lies beyond the head."""
    tokens = (*sought.goods, OF_RESTRICTION, *sought.parties)
    sql = _lists_sql(database.dialect, ask.mode, len(tokens))
    (row,) = await database.fetch(sql, ask.known, after, size, *tokens)
    lists = [sorted(_NUMBERS.decode(f"[{text[1:-1]}]")) for text in row[3:]]
    horizon = min(items[-1] if len(items) == size else NEVER for items in lists)
    after = max(_next(lists[:-2], horizon, size), _next(lists[-2:], horizon, size))
    complete = [items[: bisect_right(items, horizon)] for items in lists]
    goods, parties = set().union(*complete[:-3]), set().union(*complete[-2:])
    return query.basis_of(ask, row), _Lists(goods, set(complete[-3]), parties, after)


@lru_cache(maxsize=64)
def _lists_sql(dialect: Dialect, mode: str, tokens: int) -> str:
    """Write the statement that lists: $2 is the item behind which, $3 how many, then come the tokens."""
    names = [f"${number}" for number in range(4, tokens + 4)]
    firsts = [_FIRST.format(token=name) for name in names]
    return _LISTS.format(
        goods=" UNION ALL ".join(firsts[:-2]),
        parties=" UNION ALL ".join(firsts[-2:]),
        basis=query.basis_sql(dialect, mode),
        each=", ".join(dialect.gathered.format(_LIST.format(token=name)) for name in names),
    )


def _next(lists: Iterable[Sequence[int]], horizon: int, size: int) -> int:
    """Give the first item behind the horizon that one of some lists has or may have."""
    behind = [(items, bisect_right(items, horizon)) for items in lists]
    return min(
        items[place] if place < len(items) else horizon + 1 if len(items) == size else NEVER for items, place in behind
    )


async def _met(database: Database, sought: Sought, lists: _Lists) -> list[int]:
    """Give the items that are of both, in order."""
    clearances = (lists.clearances & lists.parties) - lists.goods
    if clearances:
        clearances = await _from_good(database, sought, clearances)
    return sorted((lists.goods & lists.parties) | clearances)


async def _from_good(database: Database, sought: Sought, clearances: set[int]) -> set[int]:
    """Keep the clearances from restrictions on a good where it is rare; else all of them."""
    dialect = database.dialect
    among = dialect.slugs.format("$1")
    rows = await database.fetch(_RESTRICTIONS.format(among=among), dialect.listed(sought.goods), RARE)
    if len(rows) == RARE:
        return clearances
    tokens = [token for (token,) in rows]
    carrying = await database.fetch_long(_CARRYING.format(among=among), dialect.listed(tokens))
    return clearances & {item for (item,) in carrying}


async def _sifted(
    database: Database, at: query.Basis, sought: Sought, numbers: Sequence[int], most: int
) -> list[query.Found]:
    """Keep the first of some items whose state touches, so many at most."""
    found: list[query.Found] = []
    every = (sought.parties, (*sought.goods, OF_RESTRICTION))
    while numbers and len(found) < most:
        part = numbers[: PART * most]
        states = await query.sifted(database, at, part, every, ended=sought.ended, most=most)
        found += await _touching(database, at, sought, states)
        last = states[-1].found.number if len(states) == most else part[-1]
        numbers = numbers[bisect_right(numbers, last) :]
    return found


async def _published_page(database: Database, at: query.Basis, sought: Sought, *, after: int, limit: int) -> Page:
    found: list[query.Found] = []
    goods = ", ".join(f"${number}" for number in range(4, len(sought.goods) + 4))
    sql = _PUBLISHED_CANDIDATES.format(goods=goods)
    while True:
        names = await database.fetch_long(sql, after, at.position, CHUNK, *sought.goods)
        for start in range(0, len(names), 2 * limit):
            slugs = [slug for _, slug in names[start : start + 2 * limit]]
            found += await _touching(database, at, sought, await query.standings(database, at, slugs))
            if len(found) > limit:
                return Page(at, found[:limit], more=True)
        if len(names) < CHUNK:
            return Page(at, found, more=False)
        after = names[-1][0]


async def _touching(
    database: Database, at: query.Basis, sought: Sought, states: Sequence[query.Standing]
) -> list[query.Found]:
    """Keep the states that touch; a clearance that names no goods is about those of its restriction."""
    of_restriction = {each.found.slug: source for each in states if (source := _source(each)) is not None}
    known = {each.found.slug: each for each in states}
    missing = set(of_restriction.values()) - known.keys()
    known |= {each.found.slug: each for each in await query.standings(database, at, sorted(missing))} if missing else {}
    return [each.found for each in states if _touches(each, known.get(of_restriction.get(each.found.slug, "")), sought)]


def _source(state: query.Standing) -> str | None:
    """Give the restriction that a clearance without goods of its own is from."""
    if state.found.kind != "clearance" or any(token.startswith("good:") for token in state.tokens):
        return None
    return next((token.partition(":")[2] for token in state.tokens if token.startswith("restriction:")), None)


def _touches(state: query.Standing, restriction: query.Standing | None, sought: Sought) -> bool:
    goods = restriction.tokens if restriction is not None and restriction.found.kind == "restriction" else state.tokens
    return (
        state.found.kind in KINDS
        and not goods.isdisjoint(sought.goods)
        and not state.tokens.isdisjoint(sought.parties)
        and (sought.ended or "over" not in state.tokens)
    )
