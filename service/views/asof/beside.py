"""What an answer says beside its items: how many measures could not be compared, and which are displaced."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from service.domain.vocabulary.words import normalized
from service.views.asof import published, recorded
from service.views.asof.touching import touching, touching_page

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from service.storage.database import Database
    from service.views.asof.question import Basis, ItemState, ScopeFilter

COUNTED_MAX = 100
"""Measures that could not be compared: so many are counted at most."""
_IN_PLACE = """SELECT f.token, i.number, i.slug FROM facet f CROSS JOIN item i
WHERE f.token {among} AND i.number = f.item AND f.item <= $2 ORDER BY f.item LIMIT 1000"""


class Uncompared(NamedTuple):
    """The measures that could not be compared with what is asked about; `more`: there are others."""

    items: Sequence[ItemState]
    more: bool


async def uncompared(database: Database, basis: Basis, wanted: ScopeFilter) -> Uncompared:
    """Return the measures of the same partners that do not say their goods in the way asked for, a hundred at most."""
    page = await touching_page(
        database, basis.pinned(), wanted._replace(uncompared=True), after=0, limit=COUNTED_MAX
    )  # fmt: skip
    return Uncompared(page.items, page.next is not None)


async def displaced(
    database: Database, basis: Basis, wanted: ScopeFilter, states: Iterable[ItemState]
) -> Mapping[str, Sequence[str]]:
    """Return, of the restrictions among some states, those in whose place others stand, with the slugs of these.

    The others pass the same filter and apply, in full or partly. Where no good is asked about, they are on every good
    that the displaced one names.
    """
    bodies = {each.slug: each.body for each in states if each.kind == "restriction"}
    if not bodies:
        return {}
    dialect = database.dialect
    tokens = [f"in-place-of:{slug}" for slug in bodies]
    statement = _IN_PLACE.format(among=dialect.slugs.format("$1"))
    rows = await database.fetch_long(statement, dialect.listed(tokens), basis.position)
    if not rows:
        return {}
    wanted = wanted._replace(kinds=("restriction",))
    found, _ = await recorded.sifted(database, basis, sorted({row[1] for row in rows}), wanted, len(rows))
    if basis.published is not None:
        others = await published.named(database, basis, sorted({row[2] for row in rows}))
        found += [each for each in others if each.body]
    by_good = any(clause.unsaid for clause in wanted.clauses)
    result: dict[str, list[str]] = {}
    for each in await touching(database, basis, wanted, found):
        new = _scope(each.body)
        for slug in new.in_place_of if new.applies != "none" else ():
            if slug in bodies and slug != each.slug and (by_good or _covers(new, _scope(bodies[slug]))):
                result.setdefault(slug, []).append(each.slug)
    return result


class _GoodName(msgspec.Struct):
    """What is compared of a good."""

    name: str
    hs: str = ""


class _Scope(msgspec.Struct):
    """What is read of a restriction that may stand in place of another."""

    applies: str
    in_place_of: list[str] = []
    all_goods: bool = False
    goods: list[_GoodName] = []


_scope = msgspec.json.Decoder(_Scope).decode


def _covers(new: _Scope, old: _Scope) -> bool:
    """Return whether a restriction is on every good that another one is on, by its codes or names."""
    if new.all_goods:
        return True
    if old.all_goods:
        return False
    codes = tuple(good.hs for good in new.goods if good.hs)
    names = {normalized(good.name) for good in new.goods}
    return all((good.hs and good.hs.startswith(codes)) or normalized(good.name) in names for good in old.goods)
