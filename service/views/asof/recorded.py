"""The engine as recorded: states at (D, K) from the projections, in one statement, one index probe an item."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.domain.rule.posture import NO_POSTURE, Posture, posture_in
from service.domain.rule.tokens import ENDED
from service.views.asof import sql
from service.views.asof.basis import basis_of, resolve
from service.views.asof.known import known_at
from service.views.asof.question import (
    Basis,
    FirstStatus,
    Included,
    IssuePage,
    ItemState,
    OneState,
    Sieve,
    StateFilter,
    StatePage,
    Summary,
    issue_page_of,
    page_of,
)
from service.views.asof.sql import BY_KIND, BY_TOKEN, StateStatement, states_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.storage.database import Database
    from service.views.asof.question import Question

_VERSION = """(SELECT n.version FROM issue_event n WHERE n.issue = {issue} AND n.position <= {k}
    ORDER BY n.position DESC LIMIT 1)"""
_POSTURE = f"""(SELECT p.posture || ' ' || p.certainty FROM posture p
    WHERE p.issue = {{issue}} AND p.valid_from <= $2 AND {known_at("{k}", "p")}
    ORDER BY p.valid_from DESC, p.known_from DESC LIMIT 1)"""
_NUMBERED = "(SELECT x.number FROM item x WHERE x.slug = {})"
_ALL = "1000000"
"""More rows than there are names: with a limit that it does not know PostgreSQL goes through all items in order."""
_FIRST = f"""
SELECT min(w.valid_from), min(w.known_from) FROM item i JOIN version w ON w.item = i.number
JOIN state s ON s.number = w.state WHERE i.slug = $1 AND i.kind = $2 AND {sql.NOT_PLANNED.format("s")}
"""
_ISSUE_VERSIONS = f"SELECT i.slug, {_VERSION.format(issue='i.number', k='$1')} FROM item i WHERE i.slug IN ({{slugs}})"
_SUMMARIES = f"""
WITH b AS MATERIALIZED (SELECT i.slug, i.number, {{k}} AS k, {{until}} AS until FROM item i WHERE i.slug {{among}})
SELECT b.slug, {_VERSION.format(issue="b.number", k="b.k")}, b.until,
    {_POSTURE.format(issue="b.number", k="b.until")}
FROM b
"""
_SUMMED_UP = """
WITH i AS MATERIALIZED (SELECT x.slug, x.number FROM item x WHERE x.slug {among} AND NOT EXISTS (
    SELECT 1 FROM issue_published d
    WHERE d.issue = x.number AND d.latest > $4 AND d.position <= {k} AND d.earliest = 0))
SELECT i.slug, 0 FROM i
UNION ALL
SELECT i.slug, b.bearing FROM i JOIN bearing b ON b.issue = i.number
WHERE b.position <= {k} AND b.day <= $2 AND b.published_on <= $4
GROUP BY i.slug, b.bearing HAVING sum(b.more) > 0
"""
_UNTIL = """CASE WHEN NOT EXISTS (SELECT 1 FROM issue_published d
    WHERE d.issue = i.number AND d.latest > $4 AND d.position <= {k} AND d.earliest <= $4)
THEN coalesce((SELECT CASE WHEN d.position > {k} THEN {k} ELSE d.position - 1 END FROM issue_published d
    WHERE d.issue = i.number AND d.latest > $4 ORDER BY d.latest, d.position LIMIT 1), {k}) END"""
"""The position up to which an issue's events were published by the day $4, none after it; null where there is none."""


async def item(
    database: Database, question: Question, kind: str, slug: str, *, planned: bool = False
) -> OneState | None:
    """Return one item's state; None when it has no status at (D, K), or without `planned` is only planned."""
    statement = StateStatement(database, question, planned=planned)
    name = statement.parameter(slug)
    statement.where.append(f"i.slug = {name}")
    statement.where.append(f"i.kind = {statement.parameter(kind)}")
    rows = await statement.rows(BY_KIND, 1, _shown(_VERSION, name))
    if not rows:
        await resolve(database, question)  # raises KnowledgeAhead where K is ahead
        return None
    basis = basis_of(question, rows[0])
    (state,), _ = await states_of(database, basis, rows)
    return OneState(basis, state, rows[0][3] or 0)


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
    if ENDED in wanted.without:
        statement.where.append(statement.not_known_ended)
    statement.where += [statement.carries(token) for token in wanted.tokens[1:]]
    statement.pass_marks(wanted.marks, wanted.without)
    rows = await statement.rows(BY_TOKEN if wanted.tokens else BY_KIND, limit + 1, long=True)
    basis = basis_of(question, rows[0]) if rows else await resolve(database, question)
    states, more = await states_of(database, basis, rows)
    return page_of(basis, states, limit, more=more)


async def issue_page(
    database: Database, question: Question, slug: str, included: Included, *, after: int, limit: int
) -> IssuePage:
    """Return the states of an issue's items after an item number, ended and planned ones only when asked for."""
    statement = StateStatement(database, question, planned=included.planned)
    statement.by_token(f"issue:{slug}", after)
    if not included.ended:  # the first on its own: it is tested before the state is read
        statement.where.append(f"(i.kind = 'issue' OR {statement.not_known_ended})")
        statement.where.append(f"(i.kind = 'issue' OR {statement.carries(ENDED, '= 0')})")
    name = statement.parameter(slug)
    rows = await statement.rows(BY_TOKEN, limit + 2, _shown(_VERSION, name) + _shown(_POSTURE, name))
    basis = basis_of(question, rows[0]) if rows else await resolve(database, question)
    states, more = await states_of(database, basis, rows)
    if not rows:
        return issue_page_of(basis, 0, states, slug, limit)
    last = states[-1].number if more else None
    version, posture = rows[0][3:5]
    return issue_page_of(basis, version or 0, states, slug, limit, last=last)._replace(posture=_posture(posture))


def _shown(expression: str, slug: str) -> str:
    """Return a column of the basis about the issue of a slug, a parameter."""
    return ", " + expression.format(issue=_NUMBERED.format(slug), k="b.k")


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
    sieve: Sieve,
    most: int,
) -> tuple[list[ItemState], int | None]:
    """Return, of some items, the first `most` states that may pass a sieve, by number, with their tokens.

    What an item has carried is seen before its state is read. A name of several words, and the restriction of a
    clearance, are not looked at. Where others may follow, the number of the last of these too.
    """
    wanted = sieve.wanted
    statement = StateStatement(database, basis.pinned(), planned=wanted.included.planned)
    statement.where.append(f"i.number {statement.numbered(numbers)}")
    statement.where.append(f"i.kind || '' IN ({', '.join(map(repr, wanted.kinds))})")
    if not wanted.included.ended:
        statement.where.append(f"{statement.not_known_ended} AND {statement.carries('ended-surely', '= 0')}")
    statement.where += [statement.found_by_one(tokens) for tokens in sieve.carried]
    statement.where += [statement.holds(clause) for clause in wanted.clauses]
    statement.pass_marks(wanted.marks, wanted.without)
    if not wanted.bodies:
        states, more = await statement.without_bodies(basis, statement.parameter(most)), False
    else:
        states, more = await statement.states(basis, statement.parameter(most))
    return states, states[-1].number if more or len(states) == most else None


async def first(database: Database, basis: Basis, kind: str, slug: str) -> FirstStatus | None:  # noqa: ARG001 - at any K
    """Return when an item first has a status at all; None when it never has."""
    (row,) = await database.fetch(_FIRST, slug, kind)
    return None if row[0] is None else FirstStatus(row[0], row[1])


async def issue_versions(database: Database, position: int, issues: Sequence[str]) -> dict[str, int]:
    """Return the version of each issue at a position: how many recorded events name it."""
    if not issues:
        return {}
    slugs = ", ".join(f"${index}" for index in range(2, len(issues) + 2))
    rows = await database.fetch(_ISSUE_VERSIONS.format(slugs=slugs), position, *issues)
    return {slug: version or 0 for slug, version in rows}


async def summed_up(database: Database, question: Question, issues: Sequence[str]) -> dict[str, Posture]:
    """Return the postures of issues as published, by the sums of what their items bear; K is a position.

    Issues are left out that have an item out of order of which a part may not be out on the day of publication.
    """
    dialect = database.dialect
    text = _SUMMED_UP.format(k=dialect.number.format("$1"), among=dialect.slugs.format("$3"))
    rows = await database.fetch_long(
        text, question.position, question.as_of, dialect.listed(issues), question.published
    )
    found: dict[str, int] = {}
    for slug, bearing in rows:
        found[slug] = found.get(slug, 0) | (1 << bearing if bearing else 0)
    return {slug: posture_in(bearings) for slug, bearings in found.items()}


async def summaries(database: Database, question: Question, issues: Sequence[str]) -> dict[str, Summary]:
    """Return the version and the posture of each issue; K is a position.

    As published those issues are left out of which, for the day of publication, no position parts the events that were
    out from those that were not.
    """
    dialect = database.dialect
    k, given = dialect.number.format("$1"), [question.position, question.as_of, dialect.listed(issues)]
    until = k if question.published is None else _UNTIL.format(k=k)
    text = _SUMMARIES.format(k=k, until=until, among=dialect.slugs.format("$3"))
    rows = await database.fetch(text, *given, *([] if question.published is None else [question.published]))
    return {
        slug: Summary(version or 0, _posture(posture)) for slug, version, until, posture in rows if until is not None
    }


def _posture(text: str | None) -> Posture:
    return Posture(*text.split(" ")) if text else NO_POSTURE
