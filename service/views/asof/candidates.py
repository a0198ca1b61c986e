"""The items that may touch what a question is about: candidates, whose states as of (D, K) decide.

The lists of items of its tokens are fetched and intersected here: on PostgreSQL that takes a fifth of the time of a
probe for each. Between two partners, the items of their pairs are listed alone (docs/decisions/0047).
"""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from service.domain.matching.partners import PARTNER_NAMES
from service.domain.vocabulary.codes import ALL_GOODS, GOODS_OF_RESTRICTION, beside
from service.domain.vocabulary.kinds import KINDS
from service.domain.vocabulary.terms import terms_of_kind
from service.views.asof.basis import basis_of, basis_sql
from service.views.asof.sql import CARRYING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from service.storage.database import Database, Dialect
    from service.views.asof.question import Basis, Mode, Question, ScopeFilter

FIRST = 6
"""Items of a token that are listed first, for each that is wanted."""
FIRST_OF_SEVERAL = 24
"""Items of a token that are listed first where lists are intersected: few of a list are in the others."""
GROWTH = 4
CHUNK = 2_000
"""Items of a token that are listed at a time, at most."""
OF_GOODS = frozenset(kind for kind in KINDS if {"goods", "all_goods"} & {*terms_of_kind(kind)})
"""Kinds of which a state may be on a good."""
RARE = 300
"""A good of fewer items is rare: the clearances from them are looked up by name."""
_OF_A_PARTY = PARTNER_NAMES | {"party", "by", "against"}
"""The names of clauses about a party."""
NEVER = 2**62

# As one text each: to fetch rows takes three times as long. Read as JSON, a number takes a quarter of `int`.
_NUMBERS = msgspec.json.Decoder(list[int])
# From the first that can be of all: a party's first items are the issues that it has a part in.
_LISTS = """WITH b AS MATERIALIZED (SELECT b.*, (SELECT max(z.item) FROM ({firsts}) z) AS first FROM ({basis}) b)
SELECT b.k, b.at, b.head, {each} FROM b"""
_FIRST = """SELECT (SELECT min(f.item) FROM facet f
    WHERE f.token = {token} AND f.item > $2 AND f.position <= b.k) AS item"""
_LIST = """SELECT f.item FROM facet f
    WHERE f.token = {token} AND f.item >= b.first AND f.position <= b.k ORDER BY f.item LIMIT $3"""
_RESTRICTIONS = """SELECT 'restriction:' || (SELECT i.slug FROM item i WHERE i.number = f.item)
    FROM facet f WHERE f.token {among} AND f.position <= $3 LIMIT $2"""


def groups_of(searched: ScopeFilter) -> tuple[list[Sequence[str]], list[Sequence[str]]]:
    """Return the tokens of which lists are intersected, of each group one is enough; and of which each item is probed.

    Items between two partners are few: they are found by pairs, and probed for the rest. Kinds that have no goods are
    between no partners on a good. Items of a party that do not say their goods are few, too.
    """
    each: dict[str, Sequence[str]] = {each.name: each.candidates(searched.kinds) for each in searched.clauses}
    good = next((clause.name for clause in searched.clauses if clause.unsaid), None)
    unsaid = each[good] if good is not None and searched.unsaid else ()
    found, done = list[str](), PARTNER_NAMES
    if searched.partners is not None:
        kinds = [kind for kind in searched.kinds if good is None or kind in OF_GOODS]
        found = searched.partners.pairs(kinds, unsaid)
    party = next((name for name in each if name in _OF_A_PARTY), None)
    if not found and unsaid and party is not None:
        tokens = [beside(token.rpartition(":")[2], what) for token in each[party] for what in unsaid]
        found, done = [*dict.fromkeys(tokens)], frozenset({party})
    if not found:
        return [*each.values()][:2], []
    return [found], [tokens for name, tokens in each.items() if name not in done and not (unsaid and name == good)]


class Lists(NamedTuple):
    """Items by token, up to where all lists are complete; `next` is an item before which no other can be of all."""

    items: dict[str, set[int]]
    next: int


async def listed(
    database: Database, question: Question, groups: Sequence[Sequence[str]], after: int, size: int
) -> tuple[Basis, Lists]:
    """List up to `size` items of every token after a number; raises KnowledgeAhead when K lies beyond the head."""
    tokens = [token for group in groups for token in group]
    mode, known = question.known()
    sql = _lists_sql(database.dialect, mode, tuple(map(len, groups)))
    (row,) = await database.fetch(sql, known, after, size, *tokens)
    lists = {token: sorted(_NUMBERS.decode(f"[{text[1:-1]}]")) for token, text in zip(tokens, row[3:], strict=True)}
    horizon = min(items[-1] if len(items) == size else NEVER for items in lists.values())
    following = max(_next([lists[token] for token in group], horizon, size) for group in groups)
    complete = {token: set(items[: bisect_right(items, horizon)]) for token, items in lists.items()}
    return basis_of(question, row), Lists(complete, following)


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


async def intersected(
    database: Database, basis: Basis, groups: Sequence[Sequence[str]], lists: Lists, *, narrow: bool
) -> list[int]:
    """Return the items that have a token of every group, in order; `narrow` leaves out clearances from other goods."""
    numbers = set.intersection(*[set().union(*[lists.items[token] for token in group]) for group in groups])
    for group in groups:
        if narrow and GOODS_OF_RESTRICTION in group:
            goods = [token for token in group if token != GOODS_OF_RESTRICTION]
            own = set().union(*[lists.items[token] for token in goods])
            if others := numbers - own:
                numbers = (numbers & own) | await _from_good(database, basis, [*goods, ALL_GOODS], others)
    return sorted(numbers)


async def _from_good(database: Database, basis: Basis, goods: Sequence[str], clearances: set[int]) -> set[int]:
    """Keep the clearances from restrictions on a good where it is rare; else all of them."""
    dialect = database.dialect
    among = dialect.slugs.format("$1")
    rows = await database.fetch(_RESTRICTIONS.format(among=among), dialect.listed(goods), RARE, basis.position)
    if len(rows) == RARE:
        return clearances
    tokens = [token for (token,) in rows]
    carrying = await database.fetch_long(
        CARRYING.format(among=among, known="$2"), dialect.listed(tokens), basis.position
    )
    return clearances & {item for (item,) in carrying}
