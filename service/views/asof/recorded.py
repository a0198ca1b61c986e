"""The engine as recorded: states at (D, K) from the projections, in one statement, one index probe an item."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.domain.rule.posture import ACTIVE, IN_FORCE
from service.views.asof import sql
from service.views.asof.question import (
    Basis,
    FirstStatus,
    IssuePage,
    ItemState,
    OneState,
    StateFilter,
    StatePage,
    Statuses,
    issue_page_of,
    page_of,
)
from service.views.asof.sql import BY_KIND, BY_TOKEN, NOT_KNOWN_ENDED, StateStatement, basis_of, resolve, states_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from service.storage.database import Database, Row
    from service.views.asof.question import Question

_VERSION = """, (SELECT n.version FROM issue_event n
    WHERE n.issue = (SELECT x.number FROM item x WHERE x.slug = {slug}) AND n.position <= b.k
    ORDER BY n.position DESC LIMIT 1) AS version"""
_ALL = "1000000"
"""More rows than there are names: with a limit that it does not know PostgreSQL goes through all items in order."""
_FIRST = f"""
SELECT min(w.valid_from), min(w.known_from) FROM item i JOIN version w ON w.item = i.number
JOIN state s ON s.number = w.state WHERE i.slug = $1 AND i.kind = $2 AND {sql.NOT_PLANNED.format("s")}
"""
_ISSUE_VERSIONS = """
SELECT i.slug, (SELECT n.version FROM issue_event n WHERE n.issue = i.number AND n.position <= $1
                ORDER BY n.position DESC LIMIT 1)
FROM item i WHERE i.slug IN ({slugs})
"""
_OF_ISSUE = """i.number = f.item AND i.kind || '' IN ({kinds}) AND {not_ended}
    AND {found_at}(v.tokens, '\n' || f.token || '\n') > 0"""
# The state as a scalar, so that the order is as written: to find one, PostgreSQL would go through all items instead.
_ANY_STATUS = """
SELECT s.slug FROM (SELECT {k} AS k) b CROSS JOIN item s WHERE s.slug {among} AND (
    SELECT 1 FROM facet f WHERE f.token = 'issue:' || s.slug AND f.item <= b.k AND (
        SELECT 1 FROM item i {probe} AND {of_issue} AND v.status = '{status}') = 1 LIMIT 1) = 1
"""
_ALL_STATUSES = """
SELECT DISTINCT s.slug, i.kind, v.status FROM (SELECT {k} AS k) b CROSS JOIN item s CROSS JOIN facet f CROSS JOIN item i
{probe} AND s.slug {among} AND f.token = 'issue:' || s.slug AND f.item <= b.k AND {of_issue}
"""


async def item(database: Database, question: Question, kind: str, slug: str) -> OneState | None:
    """Return one item's state; None when it has no status at (D, K)."""
    statement = StateStatement(database, question)
    name = statement.parameter(slug)
    statement.where.append(f"i.slug = {name}")
    statement.where.append(f"i.kind = {statement.parameter(kind)}")
    rows = await statement.rows(BY_KIND, 1, _VERSION.format(slug=name))
    if not rows:
        await resolve(database, question)  # raises KnowledgeAhead where K is ahead
        return None
    (state,), _ = await states_of(database, rows)
    return OneState(basis_of(question, rows[0]), state, rows[0][3] or 0)


async def page(database: Database, question: Question, wanted: StateFilter, *, after: int, limit: int) -> StatePage:
    """Return the states that pass a filter, after an item number."""
    statement = StateStatement(database, question)
    if wanted.tokens:
        statement.by_token(wanted.tokens[0], after)
    else:
        statement.where.append(f"i.number > {statement.parameter(after)}")
    # With candidates the kind is only compared: without statistics PostgreSQL would go through all items of it.
    kind = "i.kind || ''" if wanted.tokens else "i.kind"
    statement.where.append(f"{kind} = {statement.parameter(wanted.kind)}")
    for token in (*wanted.tokens[1:], *wanted.marks):
        statement.where.append(statement.carries(token))
    rows = await statement.rows(BY_TOKEN if wanted.tokens else BY_KIND, limit + 1, long=True)
    basis = basis_of(question, rows[0]) if rows else await resolve(database, question)
    states, more = await states_of(database, rows)
    return page_of(basis, states, limit, more=more)


async def issue_page(
    database: Database, question: Question, slug: str, *, ended: bool, after: int, limit: int
) -> IssuePage:
    """Return the states of an issue's items after an item number, ended ones only when asked for."""
    statement = StateStatement(database, question)
    statement.by_token(f"issue:{slug}", after)
    if not ended:
        statement.where.append(
            f"(i.kind = 'issue' OR {NOT_KNOWN_ENDED})"
        )  # on its own: it is tested before the state is read
        statement.where.append(f"(i.kind = 'issue' OR {statement.carries('ended', '= 0')})")
    rows = await statement.rows(BY_TOKEN, limit + 2, _VERSION.format(slug=statement.parameter(slug)))
    if not rows:
        return IssuePage(await resolve(database, question), [], None, None, 0)
    states, more = await states_of(database, rows)
    return issue_page_of(basis_of(question, rows[0]), rows[0][3] or 0, states, slug, limit, more=more)


async def named(database: Database, basis: Basis, slugs: Sequence[str]) -> list[ItemState]:
    """Return the states of named items with their tokens, by number, but not their bodies.

    Those without a status are left out.
    """
    statement = StateStatement(database, basis.pinned())
    statement.where.append(f"i.slug {statement.named(slugs)}")
    return await statement.without_bodies(basis, _ALL)


async def sifted(
    database: Database, basis: Basis, numbers: Sequence[int], every: Iterable[Iterable[str]], *, ended: bool, most: int
) -> tuple[list[ItemState], bool]:
    """Return, of some items, the first `most` states that carry a token of every set, by number.

    Those that have ended in every reading are left out unless `ended`. True: others are left out, because these are
    more than a page.
    """
    statement = StateStatement(database, basis.pinned())
    statement.where.append(f"i.number {statement.numbered(numbers)}")
    if not ended:
        statement.where.append(f"{NOT_KNOWN_ENDED} AND {statement.carries('ended-surely', '= 0')}")
    for tokens in every:
        statement.where.append(statement.carries_any(tokens))
    return await statement.states(basis, statement.parameter(most))


async def first(database: Database, basis: Basis, kind: str, slug: str) -> FirstStatus | None:  # noqa: ARG001 - at any K
    """Return when an item first has a status at all; None when it never has."""
    (row,) = await database.fetch(_FIRST, slug, kind)
    return None if row[0] is None else FirstStatus(row[0], row[1])


async def counted(database: Database, basis: Basis, slugs: Iterable[str]) -> set[int] | None:  # noqa: ARG001 - all do
    """Return the positions of the events of some items that count; None where every recorded event does."""
    return None


async def issue_versions(database: Database, position: int, issues: Sequence[str]) -> dict[str, int]:
    """Return the version of each issue at a position: how many recorded events name it."""
    if not issues:
        return {}
    slugs = ", ".join(f"${index}" for index in range(2, len(issues) + 2))
    rows = await database.fetch(_ISSUE_VERSIONS.format(slugs=slugs), position, *issues)
    return {slug: version or 0 for slug, version in rows}


async def statuses(database: Database, question: Question, issues: Sequence[str]) -> Statuses:
    """Return the kinds and statuses of issues' items, as many as a posture depends on; K is a position.

    No more items are read than the rule needs (docs/semantics.md, 6): of an issue that restricts, the first restriction
    in force decides; of another, every restriction and round that is not known to have ended is read.
    """
    found: Statuses = {issue: set() for issue in issues}
    restricted = await _having(database, question, issues, *IN_FORCE)
    for issue in restricted:
        found[issue].add(IN_FORCE)
    for issue in await _having(database, question, restricted, *ACTIVE):
        found[issue].add(ACTIVE)
    others = [issue for issue in issues if not found[issue]]
    for issue, kind, status in await _status_rows(database, question, others, _ALL_STATUSES, "'restriction', 'round'"):
        found[issue].add((kind, status))
    return found


async def _having(database: Database, question: Question, issues: Sequence[str], kind: str, status: str) -> list[str]:
    """Return those of the issues that have an item of a kind in a status."""
    return [row[0] for row in await _status_rows(database, question, issues, _ANY_STATUS, f"'{kind}'", status)]


async def _status_rows(
    database: Database, question: Question, issues: Sequence[str], statement: str, kinds: str, status: str = ""
) -> Iterable[Row]:
    if not issues:
        return ()
    dialect = database.dialect
    text = statement.format(
        k=dialect.number.format("$1"),
        among=dialect.slugs.format("$3"),
        probe=sql.probe("position"),
        of_issue=_OF_ISSUE.format(kinds=kinds, not_ended=NOT_KNOWN_ENDED, found_at=dialect.found_at),
        status=status,
    )
    return await database.fetch_long(text, question.position, question.as_of, dialect.listed(issues))
