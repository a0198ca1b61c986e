"""The as-of statements: how the table of versions answers at (D, K). `VersionRow` explains what its rows mean.

Candidates come from an index of tokens or from the catalogue. The version that answers is, of an item's versions known
at K, the one with the latest `valid_from` up to D. Bodies are handed through as stored.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from service.domain.rule import tokens
from service.domain.vocabulary.kinds import PLANNED
from service.storage.database import Lost
from service.views.asof.basis import basis_of, basis_sql, resolve
from service.views.asof.coming import first_changes, with_changes
from service.views.asof.known import known_in
from service.views.asof.question import PAGE_BYTES, ItemState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from service.domain.matching.clauses import Clause
    from service.storage.database import Database, Dialect, Row
    from service.views.asof.question import Basis, Mode, Question

NOT_PLANNED = f"{{}}.status <> '{PLANNED}'"
"""The condition on a state that the item is not only planned."""
_STATE_NUMBER = """(SELECT w.state FROM version w WHERE w.item = {item} AND w.valid_from <= {day} AND {known}
    ORDER BY w.valid_from DESC, w.known_from DESC LIMIT 1)"""
_STATES = """
WITH b AS MATERIALIZED (SELECT b.*{extra} FROM ({basis}) b)
SELECT {shown}, i.number, i.slug, i.kind, v.status, v.number, {body}, {later}
FROM {source} CROSS JOIN b CROSS JOIN state v
WHERE v.number = {number} AND {where}
ORDER BY {order}
LIMIT {limit}
"""
BODY_MAX = 2**16
"""Bytes of a state that is read with others; a larger one is read by itself, if it has a place on the page."""
_LARGE = "SELECT v.body FROM state v WHERE v.number = $1"
NOT_KNOWN_ENDED = "(i.over_from > $2 OR i.over_known > b.k)"
"""A filter before the states are read: it skips items known to have ended in every reading (`over_from`).

Ended items that pass are dropped later, by the mark `ended` or `over` of their state.
"""
_NOT_PUBLISHED_ENDED = "(i.over_from > $2 OR i.over_known > b.k OR i.over_on > {day})"
IN_ORDER = "NOT EXISTS (SELECT 1 FROM out_of_order o WHERE o.item = i.number AND o.position <= b.k)"
"""The condition that the versions of item i answer as published."""
CARRYING = "SELECT f.item FROM facet f WHERE f.token {among} AND f.position <= {known}"
"""The statement for the items that have carried one of some tokens up to a position."""
CARRIES = "EXISTS (SELECT 1 FROM facet f WHERE f.token {among} AND f.item = {item} AND f.position <= {known})"
"""The condition that an item has."""
BY_KIND = "item i"
BY_TOKEN = "facet f CROSS JOIN item i"  # noqa: S105 - a token to search by, not a secret  # nosec B105


def state_number(item: str, day: str, known: str) -> str:
    """Return the expression for the number of the state that answers on a day: one probe of the key, backwards."""
    return _STATE_NUMBER.format(item=item, day=day, known=known)


def body(name: str) -> str:
    """Return the expression for the body of a state; null for a large one, see `body_of`."""
    return f"CASE WHEN length({name}.body) <= {BODY_MAX} THEN {name}.body END"


_NO_TOKENS: frozenset[str] = frozenset()


async def body_of(database: Database, state: int, small: bytes | None) -> bytes:
    """Return the body of a state: the small one, or the one that is read by itself; Lost where it is gone."""
    if small is not None:
        return small
    rows = await database.fetch(_LARGE, state)
    if not rows:
        reason = "the projections were remade while a state was read"
        raise Lost(reason)
    large: bytes = rows[0][0]
    return large


async def states_of(
    database: Database, basis: Basis, rows: Sequence[Row], found_by: Callable[[Row], frozenset[str]] | None = None
) -> tuple[list[ItemState], bool]:
    """Return the states that rows end with, and whether the last rows are left out: they are more than a page."""
    states: list[ItemState] = []
    size = 0
    for row in rows:
        number, slug, kind, status, state, body, changes = row[-7:]
        if body is None:
            body = await body_of(database, state, None)
        size += len(body)
        if changes:
            body = await with_changes(database, basis, number, status, body, changes)
        states.append(ItemState(number, slug, kind, status, body, found_by(row) if found_by else _NO_TOKENS))
        if size > PAGE_BYTES:
            return states, len(states) < len(rows)
    return states, False


@lru_cache(maxsize=1_024)
def _statement(dialect: Dialect, mode: Mode, day: str | None, **parts: str) -> str:
    """Return the as-of statement: $1 is K as `Question.known` gives it, $2 is D; the others belong to its parts.

    `day` is the parameter for a day of publication; the statement is for items that are in order then.

    The parts are `source`, `where` and `limit`; `extra`, columns of the basis b; `shown`, the columns before a state's;
    `body`, the expression for its body.
    """
    known = known_in(mode, day)
    return _STATES.format(
        later=first_changes(dialect, "i.number", "$2", known),
        basis=basis_sql(dialect, mode),
        number=state_number("i.number", "$2", known),
        order="f.item" if parts["source"] == BY_TOKEN else "i.number",
        **parts,
    )


class StateStatement:
    """An as-of statement in the making: collects conditions, and parameters by number."""

    def __init__(self, database: Database, question: Question, *, planned: bool = False) -> None:
        """Begin without a condition; items that are only planned are left out unless `planned`."""
        self._database, self._question = database, question
        self._mode, known = question.known()
        self._parameters: list[Any] = [known, question.as_of]
        self.where: list[str] = [] if planned else [NOT_PLANNED.format("v")]
        """The conditions; all hold."""
        self.not_known_ended = NOT_KNOWN_ENDED
        """See there."""
        self._day: str | None = None
        if question.published is not None:  # of items that are out of order others know
            self._day = self.parameter(question.published)
            self.where.append(IN_ORDER)
            self.not_known_ended = _NOT_PUBLISHED_ENDED.format(day=self._day)
        self._found_at = database.dialect.found_at

    def parameter(self, value: int | str | Sequence[str]) -> str:
        """Add a parameter; return its name."""
        self._parameters.append(value)
        return f"${len(self._parameters)}"

    def by_token(self, token: str, after: int) -> None:
        """Take the candidates that have carried a token up to K, and of them the states that do."""
        self.where += [
            f"f.token = {self.parameter(token)}",
            f"f.item > {self.parameter(after)}",
            "f.position <= b.k",
            "i.number = f.item",
            self.carries(token),
        ]

    def pass_marks(self, marks: Iterable[Iterable[str]], without: Iterable[str]) -> None:
        """Take the states that carry a mark of each of `marks`, and none of `without`."""
        self.where += [f"({' OR '.join(map(self.carries, each))})" for each in marks]
        self.where += [self.carries(mark, "= 0") for mark in without]

    def carries(self, token: str, how: str = "> 0") -> str:
        """Return the condition that a state carries a token; `how` is `= 0` for one that does not."""
        return f"{self._found_at}(v.tokens, {self.parameter(tokens.delimited(token))}) {how}"

    def holds(self, clause: Clause) -> str:
        """Return the condition that a clause may hold for a state, by the tokens of its ways."""
        alternatives = [self.carries(clause.inherits)] if clause.inherits else []
        for unless in dict.fromkeys([way.unless for way in clause.ways]):
            ways = [way.tokens for way in clause.ways if way.unless == unless]
            either = " OR ".join(" AND ".join(map(self.carries, tokens)) for tokens in ways)
            alternatives.append(" AND ".join([f"({either})", *[self.carries(each, "= 0") for each in unless]]))
        return f"({' OR '.join(alternatives)})"

    def found_by_one(self, tokens: Sequence[str]) -> str:
        """Return the condition that an item has carried one of some tokens up to K."""
        among = self._database.dialect.slugs.format(self.parameter(self._database.dialect.listed(tokens)))
        return CARRIES.format(among=among, item="i.number", known="b.k")

    def named(self, slugs: Sequence[str]) -> str:
        """Return the comparison of a name with some slugs."""
        dialect = self._database.dialect
        return dialect.slugs.format(self.parameter(dialect.listed(slugs)))

    def numbered(self, numbers: Sequence[int]) -> str:
        """Return the comparison of a number with some numbers."""
        dialect = self._database.dialect
        return dialect.positions.format(self.parameter(dialect.numbered(numbers)))

    async def rows(self, source: str, limit: int, extra: str = "", *, long: bool = False) -> Sequence[Row]:
        """Run the statement; each row begins with its basis. Raises KnowledgeAhead when K lies beyond the head."""
        sql = _statement(
            self._database.dialect,
            self._mode,
            self._day,
            source=source,
            where=" AND ".join(self.where),
            limit=self.parameter(limit),
            extra=extra,
            shown="b.*",
            body=body("v"),
        )
        fetch = self._database.fetch_long if long else self._database.fetch
        rows = await fetch(sql, *self._parameters)
        if rows:
            basis_of(self._question, rows[0])
        return rows

    async def states(self, basis: Basis, limit: str) -> tuple[list[ItemState], bool]:
        """Run the statement for states with their tokens, at a K that is resolved.

        True: others are left out, because these are more than a page.
        """
        return await states_of(self._database, basis, await self._at(basis, limit, body("v")), _tokens)

    async def without_bodies(self, basis: Basis, limit: str) -> list[ItemState]:
        """Run the statement for states with their tokens but without their bodies, at a K that is resolved."""
        rows = await self._at(basis, limit, "NULL")
        return [
            ItemState(number, slug, kind, status, b"", _tokens(row))
            for row in rows
            for number, slug, kind, status in (row[-7:-3],)
        ]

    async def _at(self, basis: Basis, limit: str, shown_body: str) -> Sequence[Row]:
        """Run the statement at the head where K is the head: that halves the time."""
        rows = await self._rows("newest", limit, shown_body) if basis.newest else ()
        if rows or (basis.newest and (await resolve(self._database, self._question)).newest):
            return rows
        return await self._rows("position", limit, shown_body)  # the head has moved on, or K never was the head

    async def _rows(self, mode: Mode, limit: str, shown_body: str) -> Sequence[Row]:
        sql = _statement(
            self._database.dialect,
            mode,
            self._day,
            source=BY_KIND,
            where=" AND ".join(self.where),
            limit=limit,
            extra="",
            shown="v.tokens",
            body=shown_body,
        )
        return await self._database.fetch(sql, *self._parameters)


def _tokens(row: Row) -> frozenset[str]:
    """Return the tokens that a row begins with."""
    return frozenset(row[0].split("\n"))
