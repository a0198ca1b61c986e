"""The engine as recorded: states at (D, K) from the projections, in one statement, one index probe an item."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.domain.rule.posture import ACTIVE, IN_FORCE, ItemStatus
from service.domain.rule.tokens import POSSIBLE, delimited, possible_in
from service.domain.vocabulary.kinds import KINDS
from service.views.asof import sql
from service.views.asof.question import (
    Basis,
    FirstStatus,
    Included,
    IssuePage,
    ItemState,
    OneState,
    ScopeFilter,
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
# The tokens of a state whose status is not the same in every reading; "" of another.
_UNSURE = f"CASE WHEN {{found_at}}(v.tokens, '{delimited(POSSIBLE)}') > 0 THEN v.tokens ELSE '' END"
# The state as a scalar, so that the order is as written: to find one, PostgreSQL would go through all items instead.
_FIRST_WITH = """
SELECT s.slug, (SELECT c.unsure FROM (SELECT (
        SELECT {unsure} FROM item i {probe} AND {found_at}(v.tokens, '{mark}') > 0 AND {of_issue}
    ) AS unsure FROM facet f WHERE f.token = 'issue:' || s.slug AND f.item <= b.k) c
    WHERE c.unsure IS NOT NULL LIMIT 1)
FROM (SELECT {k} AS k) b CROSS JOIN item s WHERE s.slug {among}
"""
_ALL_STATUSES = """
SELECT DISTINCT s.slug, i.kind, v.status, {unsure}
FROM (SELECT {k} AS k) b CROSS JOIN item s CROSS JOIN facet f CROSS JOIN item i
{probe} AND s.slug {among} AND f.token = 'issue:' || s.slug AND f.item <= b.k AND {of_issue} AND {not_planned}
"""
_ENDS = {(kind.name, status) for kind in KINDS.values() if kind.name != "issue" for status in kind.ends}
"""The kinds and statuses of items that have ended. An issue is on its page also when it is closed."""


async def item(
    database: Database, question: Question, kind: str, slug: str, *, planned: bool = False
) -> OneState | None:
    """Return one item's state; None when it has no status at (D, K), or without `planned` is only planned."""
    statement = StateStatement(database, question, planned=planned)
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
    statement = StateStatement(database, question, planned=wanted.planned)
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
    database: Database, question: Question, slug: str, included: Included, *, after: int, limit: int
) -> IssuePage:
    """Return the states of an issue's items after an item number, ended and planned ones only when asked for."""
    page = IssuePage(Basis(question.as_of, 0, 0), [], None, None, 0)
    states: list[ItemState] = []
    hidden: list[ItemState] = []
    while True:
        size = limit + 2 - len(states)
        statement = StateStatement(database, question, planned=included.planned)
        statement.by_token(f"issue:{slug}", after)
        if not included.ended:  # the first on its own: it is tested before the state is read
            statement.where.append(f"(i.kind = 'issue' OR {statement.not_known_ended})")
            statement.where.append(f"(i.kind = 'issue' OR {statement.carries('ended-surely', '= 0')})")
        rows = await statement.rows(BY_TOKEN, size, _VERSION.format(slug=statement.parameter(slug)))
        if not rows:
            basis = page.basis if states or hidden else await resolve(database, question)
            return issue_page_of(basis, page.version, states, slug, limit)._replace(hidden=hidden)
        page = page._replace(basis=basis_of(question, rows[0]), version=rows[0][3] or 0)
        found, more = await states_of(database, rows)
        ends = () if included.ended else _ENDS
        gone = [each for each in found if (each.kind, each.status) in ends]
        states += [each for each in found if each not in gone] if gone else found
        hidden += gone
        if more or not gone or len(rows) < size:
            last = found[-1].number if more else None
            return issue_page_of(page.basis, page.version, states, slug, limit, last=last)._replace(hidden=hidden)
        question, after = page.basis.pinned(), found[-1].number


async def named(database: Database, basis: Basis, slugs: Sequence[str], *, planned: bool = False) -> list[ItemState]:
    """Return the states of named items with their tokens, by number, but not their bodies.

    Those without a status are left out, and without `planned` those that are only planned.
    """
    statement = StateStatement(database, basis.pinned(), planned=planned)
    statement.where.append(f"i.slug {statement.named(slugs)}")
    return await statement.without_bodies(basis, _ALL)


async def sifted(
    database: Database,
    basis: Basis,
    numbers: Sequence[int],
    wanted: ScopeFilter,
    most: int,
) -> tuple[list[ItemState], bool]:
    """Return, of some items, the first `most` states that may pass a filter, by number, with their tokens.

    A name of several words, and the restriction of a clearance, are not looked at. True: others are left out, because
    these are more than a page.
    """
    statement = StateStatement(database, basis.pinned(), planned=wanted.included.planned)
    statement.where.append(f"i.number {statement.numbered(numbers)}")
    statement.where.append(f"i.kind || '' IN ({', '.join(map(repr, wanted.kinds))})")
    if not wanted.included.ended:
        statement.where.append(f"{statement.not_known_ended} AND {statement.carries('ended-surely', '= 0')}")
    statement.where += [statement.holds(clause) for clause in wanted.searched]
    statement.where += [statement.carries(mark) for mark in wanted.marks]
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
    """Return issues' items as their postures see them, as many as these depend on; K is a position.

    No more items are read than the rule needs (docs/semantics.md, 6): of an issue that restricts, the first restriction
    that may be in force decides if it surely is; of another, every restriction and round that is not known to have
    ended is read. Where it is not sure, clearances are read as well.
    """
    found: Statuses = {issue: set() for issue in issues}
    in_force = await _first_with(database, question, issues, IN_FORCE)
    restricted = [issue for issue, is_sure in in_force.items() if is_sure]
    active = await _first_with(database, question, restricted, ACTIVE)
    for issue in restricted:
        found[issue] |= {IN_FORCE, ACTIVE} if active.get(issue) else {IN_FORCE}
    unsure = [issue for issue in issues if False in {in_force.get(issue), active.get(issue)}]
    others = [issue for issue in issues if issue not in in_force]
    for among, kinds in ((others, "'restriction', 'round'"), (unsure, "'restriction', 'clearance', 'round'")):
        for issue, kind, status, tokens in await _status_rows(database, question, among, _ALL_STATUSES, kinds):
            found[issue].add(ItemStatus(kind, status, possible_in(tokens.split("\n"))))
    return found


async def _first_with(
    database: Database, question: Question, issues: Sequence[str], wanted: ItemStatus
) -> dict[str, bool]:
    """Return those of the issues that have an item of a kind that may have a status: true where one surely has it."""
    mark = delimited(f"status:{wanted.status}")
    rows = await _status_rows(database, question, issues, _FIRST_WITH, f"'{wanted.kind}'", mark)
    return {issue: not tokens for issue, tokens in rows if tokens is not None}


async def _status_rows(
    database: Database, question: Question, issues: Sequence[str], statement: str, kinds: str, mark: str = ""
) -> Iterable[Row]:
    if not issues:
        return ()
    dialect = database.dialect
    text = statement.format(
        k=dialect.number.format("$1"),
        among=dialect.slugs.format("$3"),
        probe=sql.probe("position"),
        of_issue=_OF_ISSUE.format(kinds=kinds, not_ended=NOT_KNOWN_ENDED, found_at=dialect.found_at),
        unsure=_UNSURE.format(found_at=dialect.found_at),
        found_at=dialect.found_at,
        not_planned=sql.NOT_PLANNED.format("v"),
        mark=mark,
    )
    return await database.fetch_long(text, question.position, question.as_of, dialect.listed(issues))
