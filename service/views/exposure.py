"""What touches a good and a country: restrictions and clearances across issues (docs/semantics.md, 10).

Candidates are the items of which a text ever named the good, and the clearances from these; a chunk of them at a time
is looked at as of (D, K).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.domain.states import HS_PREFIXES
from service.views import query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.storage.database import Database, Row

CHUNK = 2_000
"""How many candidates are listed at a time; they are looked at in parts of twice a page."""

KINDS = {"restriction", "clearance"}
_CANDIDATES = """
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


class Page(NamedTuple):
    """States in order of the items' first appearance; `more` tells whether others follow."""

    items: list[query.Found]
    more: bool


def hs_tokens(code: str) -> list[str]:
    """List the tokens of goods that an HS code touches: codes that begin so, and codes that it begins with."""
    return [f"hs:{code}", *[f"hs-exactly:{code[:size]}" for size in HS_PREFIXES if size < len(code)]]


async def page(database: Database, at: query.Basis, sought: Sought, *, after: int, limit: int) -> Page:
    """Give the restrictions and clearances that touch a good and a party, behind an item number."""
    found: list[query.Found] = []
    while True:
        names = await _candidates(database, at, sought, after)
        for start in range(0, len(names), 2 * limit):
            found += await _touching(database, at, sought, [slug for _, slug in names[start : start + 2 * limit]])
            if len(found) > limit:
                return Page(found[:limit], more=True)
        if len(names) < CHUNK:
            return Page(found, more=False)
        after = names[-1][0]


async def _candidates(database: Database, at: query.Basis, sought: Sought, after: int) -> Sequence[Row]:
    goods = ", ".join(f"${number}" for number in range(4, len(sought.goods) + 4))
    return await database.fetch_long(_CANDIDATES.format(goods=goods), after, at.position, CHUNK, *sought.goods)


async def _touching(database: Database, at: query.Basis, sought: Sought, slugs: Sequence[str]) -> list[query.Found]:
    """Keep the items whose state touches; a clearance that names no goods is about those of its restriction."""
    states = await query.standings(database, at, slugs)
    of_restriction = {each.found.slug: source for each in states if (source := _source(each)) is not None}
    known = {each.found.slug: each for each in states}
    missing = set(of_restriction.values()) - set(slugs)
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
        and not state.tokens.isdisjoint((f"party:{sought.party}", "against-all"))
        and (sought.ended or "over" not in state.tokens)
    )
