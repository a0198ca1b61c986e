"""Restrictions in whose place others stand, where both touch what is asked about (docs/semantics.md, 10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.domain.rule.posture import IN_FORCE
from service.domain.rule.tokens import token
from service.domain.vocabulary.codes import ALL_GOODS
from service.domain.vocabulary.goods import hs_parts
from service.views.asof.engine import named

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from service.domain.matching.clauses import Clause
    from service.storage.database import Database
    from service.views.asof.question import Basis, ItemState
    from service.views.asof.weighing import PageWork

_NAMING = """SELECT DISTINCT i.slug FROM facet f CROSS JOIN item i
    WHERE f.token {among} AND f.position <= $2 AND i.number = f.item"""
_NOT_APPLIED = token("applies", "none")
_TOKEN = "in-place-of:"  # noqa: S105 - a token to search by, not a secret  # nosec B105


async def displacing(
    database: Database, basis: Basis, asked: Iterable[tuple[Iterable[ItemState], Sequence[Clause]]], work: PageWork
) -> dict[str, list[str]]:
    """Return, for each restriction that is displaced, the names of those that apply in its place, sorted.

    Raises TooMuchToAnswer where, as published, these are too much work.

    Of `asked`, states come with the clauses that have to hold for those that displace them: they touch the same good,
    and are against the same country. Without a clause about a good, they are on every good that the displaced one
    names.
    """
    displaced = {
        f"{_TOKEN}{each.slug}": (each.tokens, clauses)
        for states, clauses in asked
        for each in states
        if each.kind == IN_FORCE.kind
    }
    tokens = [*displaced]
    if not tokens:
        return {}
    dialect = database.dialect
    sql = _NAMING.format(among=dialect.slugs.format("$1"))
    rows = await database.fetch(sql, dialect.listed(tokens), basis.position)
    found: dict[str, list[str]] = {}
    for other in await named(database, basis, [slug for (slug,) in rows], work) if rows else ():
        if _NOT_APPLIED not in other.tokens:
            for name in other.tokens.intersection(tokens):
                if _displaces(other.tokens, *displaced[name]):
                    found.setdefault(name.removeprefix(_TOKEN), []).append(other.slug)
    return {slug: sorted(others) for slug, others in found.items()}


def _displaces(new: frozenset[str], old: frozenset[str], clauses: Sequence[Clause]) -> bool:
    """Return whether a restriction displaces another one that it names, by their tokens."""
    by_good = any(clause.unsaid for clause in clauses)
    return all(clause.found(new) for clause in clauses) and (by_good or _covers(new, old))


def _covers(new: frozenset[str], old: frozenset[str]) -> bool:
    """Return whether a restriction is on every good that another one is on, by their tokens: HS codes, or names."""
    if ALL_GOODS in new or ALL_GOODS in old:
        return ALL_GOODS in new
    codes = _after("hs-exactly:", old)
    if codes and "uncoded:hs" not in old:
        own = _after("hs-exactly:", new)
        return all(not own.isdisjoint(hs_parts(code)) for code in codes)
    return _after("good:", old) <= _after("good:", new)


def _after(prefix: str, tokens: frozenset[str]) -> set[str]:
    return {token.removeprefix(prefix) for token in tokens if token.startswith(prefix)}
