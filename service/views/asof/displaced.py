"""Restrictions in whose place others stand, where both touch what is asked about (docs/semantics.md, 10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.domain.rule.posture import IN_FORCE
from service.views.asof.engine import engine_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from service.domain.matching.clauses import Clause
    from service.storage.database import Database
    from service.views.asof.question import Basis, ItemState

_NAMING = """SELECT DISTINCT i.slug FROM facet f CROSS JOIN item i
    WHERE f.token {among} AND f.item <= $2 AND i.number = f.item"""
_TOKEN = "in-place-of:"  # noqa: S105 - a token to search by, not a secret


async def displacing(
    database: Database, basis: Basis, states: Iterable[ItemState], clauses: Sequence[Clause]
) -> dict[str, list[str]]:
    """Return, for each restriction that is displaced, the names of those that are in force in its place, sorted.

    Those displace for which every clause holds: they touch the same good, and are against the same country.
    """
    tokens = [f"{_TOKEN}{each.slug}" for each in states if each.kind == IN_FORCE.kind]
    if not tokens:
        return {}
    dialect = database.dialect
    sql = _NAMING.format(among=dialect.slugs.format("$1"))
    rows = await database.fetch(sql, dialect.listed(tokens), basis.position)
    found: dict[str, list[str]] = {}
    for other in await engine_of(basis).named(database, basis, [slug for (slug,) in rows]) if rows else ():
        if other.status == IN_FORCE.status and all(clause.found(other.tokens) for clause in clauses):
            for token in sorted(other.tokens.intersection(tokens)):
                found.setdefault(token.removeprefix(_TOKEN), []).append(other.slug)
    return {slug: sorted(others) for slug, others in found.items()}
