"""The basis of an answer: how D and K, as they are asked, become a day and a position."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.domain.errors import KnowledgeAhead
from service.views.asof.question import Basis

if TYPE_CHECKING:
    from service.storage.database import Database, Dialect, Row
    from service.views.asof.question import Mode, Question

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
