"""What the postures of issues rest on (docs/semantics.md, 6): no more items are looked at than the rule needs.

What had ended is passed over. Of an issue that restricts, the first restriction in force settles the rest; of another,
every restriction and round that stands is looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.views import published, query

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from service.storage.database import Database, Row

Statuses = set[tuple[str, str]]
"""Kinds and statuses of items."""

_IN_FORCE, _ACTIVE = ("restriction", "in_force"), ("clearance", "active")

_STANDS = """i.number = f.item AND i.kind || '' IN ({kinds}) AND {stands}
    AND {found_at}(v.tokens, '\n' || f.token || '\n') > 0"""
# The state as a scalar, so that the order is as written: to find one, PostgreSQL would go through all items instead.
_ANY = """
SELECT s.slug FROM (SELECT {k} AS k) b CROSS JOIN item s WHERE s.slug {among} AND (
    SELECT 1 FROM facet f WHERE f.token = 'issue:' || s.slug AND f.item <= b.k AND (
        SELECT 1 FROM item i {probe} AND {stands} AND v.status = '{status}') = 1 LIMIT 1) = 1
"""
_ALL = """
SELECT DISTINCT s.slug, i.kind, v.status FROM (SELECT {k} AS k) b CROSS JOIN item s CROSS JOIN facet f CROSS JOIN item i
{probe} AND s.slug {among} AND f.token = 'issue:' || s.slug AND f.item <= b.k AND {stands}
"""


async def statuses(database: Database, ask: query.Ask, issues: Sequence[str]) -> dict[str, Statuses]:
    """Give, by issue, the (kind, status) of its items, as many as its posture may rest on; K is a position."""
    if ask.published is not None:
        at = query.clocks(await query.basis(database, ask))
        return {issue: await published.statuses(database, at, issue) for issue in issues}
    found: dict[str, Statuses] = {issue: set() for issue in issues}
    restricted = await _having(database, ask, issues, *_IN_FORCE)
    for issue in restricted:
        found[issue].add(_IN_FORCE)
    for issue in await _having(database, ask, restricted, *_ACTIVE):
        found[issue].add(_ACTIVE)
    others = [issue for issue in issues if not found[issue]]
    for issue, kind, status in await _ask(database, ask, others, _ALL, "'restriction', 'round'"):
        found[issue].add((kind, status))
    return found


async def _having(database: Database, ask: query.Ask, issues: Sequence[str], kind: str, status: str) -> list[str]:
    """Give those of the issues that have an item of a kind in a status."""
    return [row[0] for row in await _ask(database, ask, issues, _ANY, f"'{kind}'", status)]


async def _ask(
    database: Database, ask: query.Ask, issues: Sequence[str], statement: str, kinds: str, status: str = ""
) -> Iterable[Row]:
    if not issues:
        return ()
    dialect = database.dialect
    sql = statement.format(
        k=dialect.number.format("$1"),
        among=dialect.slugs.format("$3"),
        probe=query.probe("position"),
        stands=_STANDS.format(kinds=kinds, stands=query.STANDS, found_at=dialect.found_at),
        status=status,
    )
    return await database.fetch_long(sql, ask.position, ask.as_of, dialect.listed(issues))
