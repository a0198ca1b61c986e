"""The as-of statements: how the table of versions answers at (D, K). `VersionRow` explains what its rows mean.

Candidates come from an index of tokens or from the catalogue. The version that answers is, of an item's versions known
at K, the one with the latest `valid_from` up to D. Bodies are handed through as stored.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from service.domain.errors import KnowledgeAhead
from service.domain.rule import tokens
from service.domain.rule.state import with_upcoming
from service.storage.tables import OPEN_END
from service.views.asof.question import Basis, ItemState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from service.storage.database import Database, Dialect, Row
    from service.views.asof.question import Mode, Question

KNOWN_NOW = f"w.closed_at = {OPEN_END}"
"""The condition on versions w that may answer at the head."""
_KNOWN = "w.known_from <= {k} AND w.closed_at > {k}"
_STATE_NUMBER = """(SELECT w.state FROM version w WHERE w.item = {item} AND w.valid_from <= {day} AND {known}
    ORDER BY w.valid_from DESC, w.known_from DESC LIMIT 1)"""
_LATER = """(SELECT {joined} FROM (SELECT w.arrivals FROM version w
    WHERE w.item = {item} AND w.valid_from > {day} AND {known} AND w.arrivals <> '' ORDER BY w.valid_from) later)"""
_BASES = {
    # $1 is not needed for the head, but every statement takes it.
    "head": "SELECT h.position AS k, h.recorded_at AS at, h.position AS head FROM head h WHERE h.id = 1 AND $1 = 0",
    "position": """SELECT $1 AS k, coalesce((SELECT e.recorded_at FROM event e WHERE e.position = $1), 0) AS at,
        h.position AS head FROM head h WHERE h.id = 1""",
    "instant": """SELECT coalesce(max(m.position), 0) AS k, coalesce(max(m.recorded_at), 0) AS at,
        max(h.position) AS head FROM head h LEFT JOIN commit_mark m ON m.recorded_at =
            (SELECT c.recorded_at FROM commit_mark c WHERE c.recorded_at <= $1 ORDER BY c.recorded_at DESC LIMIT 1)
        WHERE h.id = 1""",
    "newest": "SELECT h.position AS k FROM head h WHERE h.id = 1 AND h.position = $1",
}
_OPEN = ("head", "newest")
"""The modes in which the open versions answer."""
_STATES = """
WITH b AS MATERIALIZED (SELECT b.*{extra} FROM ({basis}) b)
SELECT {shown}, i.number, i.slug, i.kind, v.status, v.body, {later}
FROM {source} CROSS JOIN b {probe}
    AND {where}
ORDER BY {order}
LIMIT {limit}
"""
NOT_KNOWN_ENDED = "(i.over_from > $2 OR i.over_known > b.k)"
"""A filter before the states are read: it skips items known to have ended in every reading (`over_from`).

Ended items that pass are dropped later, by the mark `ended` or `over` of their state.
"""
BY_KIND = "item i"
BY_TOKEN = "facet f CROSS JOIN item i"  # noqa: S105 - a token to search by, not a secret


def known_at(position: str) -> str:
    """Return the condition on versions w that may answer at a position."""
    return _KNOWN.format(k=position)


def state_number(item: str, day: str, known: str) -> str:
    """Return the expression for the number of the state that answers on a day: one probe of the key, backwards."""
    return _STATE_NUMBER.format(item=item, day=day, known=known)


def later(dialect: Dialect, item: str, day: str, known: str) -> str:
    """Return the expression for the changes after a day, as `with_upcoming` takes them."""
    return _LATER.format(joined=dialect.joined.format("later.arrivals"), item=item, day=day, known=known)


def _known(mode: Mode) -> str:
    return KNOWN_NOW if mode in _OPEN else known_at("b.k")


def probe(mode: Mode) -> str:
    """Return the join with the state of the one version of item i that answers, with the first of the conditions."""
    return f"CROSS JOIN state v WHERE v.number = {state_number('i.number', '$2', _known(mode))}"


async def resolve(database: Database, question: Question) -> Basis:
    """Resolve K to a position; raises KnowledgeAhead when it lies beyond the head."""
    mode, known = question.known()
    (row,) = await database.fetch(basis_sql(database.dialect, mode), known)
    return basis_of(question, row)


def basis_sql(dialect: Dialect, mode: Mode) -> str:
    """Return the statement that resolves K: $1 is K as `Question.known` gives it."""
    return _BASES[mode].replace("$1", dialect.number.format("$1"))


def basis_of(question: Question, row: Row) -> Basis:
    """Return the basis that a row begins with; raises KnowledgeAhead when K lies beyond the head."""
    if question.position is not None and question.position > row[2]:
        asked = f"known_position={question.position}"
        raise KnowledgeAhead(asked, row[2])
    return Basis(question.as_of, row[0], row[1], question.published, row[0] == row[2])


def state_of_row(row: Row, found_by: frozenset[str] = frozenset()) -> ItemState:
    """Return the state that a row ends with."""
    number, slug, kind, status, body, changes = row[-6:]
    return ItemState(number, slug, kind, status, with_upcoming(body, status, changes), found_by)


@lru_cache(maxsize=1_024)
def _statement(dialect: Dialect, mode: Mode, **parts: str) -> str:
    """Return the as-of statement: $1 is K as `Question.known` gives it, $2 is D; the others belong to its parts.

    The parts are `source`, `where` and `limit`; `extra`, columns of the basis b; `shown`, the columns before a state's.
    """
    return _STATES.format(
        later=later(dialect, "i.number", "$2", _known(mode)),
        basis=basis_sql(dialect, mode),
        probe=probe(mode),
        order="f.item" if parts["source"] == BY_TOKEN else "i.number",
        **parts,
    )


class StateStatement:
    """An as-of statement in the making: collects conditions, and parameters by number."""

    def __init__(self, database: Database, question: Question) -> None:
        """Begin without a condition."""
        self._database, self._question = database, question
        self._mode, known = question.known()
        self._parameters: list[Any] = [known, question.as_of]
        self.where: list[str] = []
        """The conditions; all hold."""
        self._found_at = database.dialect.found_at

    def parameter(self, value: int | str | Sequence[str]) -> str:
        """Add a parameter; return its name."""
        self._parameters.append(value)
        return f"${len(self._parameters)}"

    def by_token(self, token: str, after: int) -> None:
        """Take the candidates that ever carried a token, and of them the states that do."""
        self.where += [
            f"f.token = {self.parameter(token)}",
            f"f.item > {self.parameter(after)}",
            "i.number = f.item",
            self.carries(token),
        ]

    def carries(self, token: str, how: str = "> 0") -> str:
        """Return the condition that a state carries a token; `how` is `= 0` for one that does not."""
        return f"{self._found_at}(v.tokens, {self.parameter(tokens.delimited(token))}) {how}"

    def carries_any(self, found_by: Iterable[str]) -> str:
        """Return the condition that a state carries one of some tokens."""
        return f"({' OR '.join(map(self.carries, found_by))})"

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
            source=source,
            where=" AND ".join(self.where),
            limit=self.parameter(limit),
            extra=extra,
            shown="b.*",
        )
        fetch = self._database.fetch_long if long else self._database.fetch
        rows = await fetch(sql, *self._parameters)
        if rows:
            basis_of(self._question, rows[0])
        return rows

    async def states(self, basis: Basis, limit: str) -> list[ItemState]:
        """Run the statement for states with their tokens, at a K that is resolved; at the head that halves the time."""
        found = await self._states("newest", limit) if basis.newest else []
        if found or (basis.newest and (await resolve(self._database, self._question)).newest):
            return found
        return await self._states("position", limit)  # the head has moved on, or K never was the head

    async def _states(self, mode: Mode, limit: str) -> list[ItemState]:
        dialect, where = self._database.dialect, " AND ".join(self.where)
        sql = _statement(dialect, mode, source=BY_KIND, where=where, limit=limit, extra="", shown="v.tokens")
        rows = await self._database.fetch(sql, *self._parameters)
        return [state_of_row(row, frozenset(row[0].split("\n"))) for row in rows]
