"""The as-of query: what stood on day D as known at K, in one statement, one index probe an item.

Candidates come from an index of tokens or from the catalogue; the version that answers is, of an item's versions known
at K, the one with the latest `valid_from` up to D. Bodies are handed through as stored.

As published, the same questions are answered by `published`, which folds: the last part of this module.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from service.domain import states
from service.domain.errors import KnowledgeAhead
from service.views import probes, published

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from service.storage.database import Database, Dialect, Row


class Ask(NamedTuple):
    """A question's two clocks: the day (an ordinal), and a position or an instant of recording; neither: the head.

    With `published`, a day of publication (an ordinal), what was published by its end counts, up to the position.
    """

    as_of: int
    position: int | None = None
    instant: int | None = None
    published: int | None = None

    @property
    def mode(self) -> str:
        """How K is given."""
        return "position" if self.position is not None else "instant" if self.instant is not None else "head"

    @property
    def known(self) -> int:
        """The parameter that gives K; 0 for the head."""
        return self.position if self.position is not None else self.instant if self.instant is not None else 0


class Basis(NamedTuple):
    """What an answer rests on: D, and K as a position and its instant (0 and 0 before the first event).

    `published` is the last day of publication that counts; None as recorded. With `newest` K was the head when it was
    looked up.
    """

    as_of: int
    position: int
    recorded_at: int
    published: int | None = None
    newest: bool = False

    def pinned(self) -> Ask:
        """Ask the same again, whatever was recorded since."""
        return Ask(self.as_of, self.position, published=self.published)


class Found(NamedTuple):
    """An item's state at (D, K); `body` is its JSON."""

    number: int
    slug: str
    kind: str
    status: str
    body: bytes


class Standing(NamedTuple):
    """An item's state and what it is found by."""

    found: Found
    tokens: frozenset[str]


class Page(NamedTuple):
    """States in order of the items' first appearance; `more` tells whether others follow."""

    basis: Basis
    items: list[Found]
    more: bool


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
"""Where the open versions answer. The newest is a position while it is the head; else no row."""
_STATE = """
WITH b AS MATERIALIZED (SELECT b.*{extra} FROM ({basis}) b)
SELECT {shown}, i.number, i.slug, i.kind, v.status, v.body, {later}
FROM {source} CROSS JOIN b {probe}
    AND {where}
ORDER BY {order}
LIMIT {limit}
"""


STANDS = "(i.over_from > $2 OR i.over_known > b.k)"
"""Leaves out items that had ended in every reading; some others had too."""


def _known(mode: str) -> str:
    return probes.KNOWN_NOW if mode in _OPEN else probes.known_at("b.k")


def probe(mode: str) -> str:
    """Join the state of the one version of item i that answers, with the first of the conditions."""
    return f"CROSS JOIN state v WHERE v.number = {probes.state('i.number', '$2', _known(mode))}"


@lru_cache(maxsize=1_024)
def _statement(dialect: Dialect, mode: str, **parts: str) -> str:
    """Write the as-of statement: $1 is K as `Ask.known` gives it, $2 D; the rest belongs to its parts.

    These are `source`, `where` and `limit`; `extra`, columns of the basis b; `shown`, what stands before a state's own.
    """
    return _STATE.format(
        later=probes.later(dialect, "i.number", "$2", _known(mode)),
        basis=basis_sql(dialect, mode),
        probe=probe(mode),
        order="f.item" if parts["source"] == _BY_TOKEN else "i.number",
        **parts,
    )


class _Question:
    """A statement in the making: collects parameters by number."""

    def __init__(self, database: Database, ask: Ask) -> None:
        self._database, self._ask = database, ask
        self._parameters: list[Any] = [ask.known, ask.as_of]
        self._where: list[str] = []
        self._found_at = database.dialect.found_at

    def parameter(self, value: int | str | Sequence[str]) -> str:
        """Take a value; give its name."""
        self._parameters.append(value)
        return f"${len(self._parameters)}"

    def where(self, condition: str) -> None:
        """Take a condition."""
        self._where.append(condition)

    def carries(self, token: str) -> str:
        """Write the condition that a state carries a token."""
        return f"{self._found_at}(v.tokens, {self.parameter(states.marked(token))}) > 0"

    def lacks(self, token: str) -> str:
        """Write the condition that a state does not carry a token."""
        return f"{self._found_at}(v.tokens, {self.parameter(states.marked(token))}) = 0"

    def carries_any(self, tokens: Iterable[str]) -> str:
        """Write the condition that a state carries one of some tokens."""
        return f"({' OR '.join(map(self.carries, tokens))})"

    async def rows(self, source: str, limit: int, extra: str = "", *, long: bool = False) -> Sequence[Row]:
        """Ask; KnowledgeAhead when K lies beyond the head."""
        sql = _statement(
            self._database.dialect,
            self._ask.mode,
            source=source,
            where=" AND ".join(self._where),
            limit=self.parameter(limit),
            extra=extra,
            shown="b.*",
        )
        fetch = self._database.fetch_long if long else self._database.fetch
        rows = await fetch(sql, *self._parameters)
        if rows:
            basis_of(self._ask, rows[0])
        return rows

    def named(self, slugs: Sequence[str]) -> str:
        """Write what a name is compared with to be one of these."""
        dialect = self._database.dialect
        return dialect.slugs.format(self.parameter(dialect.listed(slugs)))

    def numbered(self, numbers: Sequence[int]) -> str:
        """Write what a number is compared with to be one of these."""
        dialect = self._database.dialect
        return dialect.positions.format(self.parameter(dialect.numbered(numbers)))

    async def standings(self, at: Basis, limit: str) -> list[Standing]:
        """Ask for states with their tokens at a K that was looked up; at the head it takes half the time."""
        found = await self._standings("newest", limit) if at.newest else []
        if found or (at.newest and (await basis(self._database, self._ask)).newest):  # nothing: has the head moved on?
            return found
        return await self._standings("position", limit)

    async def _standings(self, mode: str, limit: str) -> list[Standing]:
        dialect, where = self._database.dialect, " AND ".join(self._where)
        sql = _statement(dialect, mode, source=_BY_KIND, where=where, limit=limit, extra="", shown="v.tokens")
        rows = await self._database.fetch(sql, *self._parameters)
        return [Standing(_found(row), frozenset(row[0].split("\n"))) for row in rows]


async def basis(database: Database, ask: Ask) -> Basis:
    """Resolve K; KnowledgeAhead when it lies beyond the head."""
    (row,) = await database.fetch(basis_sql(database.dialect, ask.mode), ask.known)
    return basis_of(ask, row)


def basis_sql(dialect: Dialect, mode: str) -> str:
    """Write the statement that resolves K: $1 is as `Ask.known` gives it."""
    return _BASES[mode].replace("$1", dialect.number.format("$1"))


def basis_of(ask: Ask, row: Row) -> Basis:
    """Give the basis that a row begins with; KnowledgeAhead when K lies beyond the head."""
    if ask.position is not None and ask.position > row[2]:
        asked = f"known_position={ask.position}"
        raise KnowledgeAhead(asked, row[2])
    return Basis(ask.as_of, row[0], row[1], ask.published, row[0] == row[2])


def _found(row: Row) -> Found:
    number, slug, kind, status, body, later = row[-6:]
    return Found(number, slug, kind, status, states.with_arrivals(body, status, later))


_BY_KIND = "item i"
_BY_TOKEN = "facet f CROSS JOIN item i"  # noqa: S105 - a token to search by, not a secret
_VERSION = """, (SELECT n.version FROM issue_event n
    WHERE n.issue = (SELECT x.number FROM item x WHERE x.slug = {slug}) AND n.position <= b.k
    ORDER BY n.position DESC LIMIT 1) AS version"""


class One(NamedTuple):
    """One item's state, and where it is an issue its version."""

    basis: Basis
    found: Found
    version: int


async def item(database: Database, ask: Ask, kind: str, slug: str) -> One | None:
    """Give one item's state; None when it has no status at (D, K)."""
    if ask.published is not None:
        return await _published_item(database, await basis(database, ask), kind, slug)
    question = _Question(database, ask)
    name = question.parameter(slug)
    question.where(f"i.slug = {name}")
    question.where(f"i.kind = {question.parameter(kind)}")
    rows = await question.rows(_BY_KIND, 1, _VERSION.format(slug=name))
    if not rows:
        await basis(database, ask)  # says so when K is ahead
        return None
    return One(basis_of(ask, rows[0]), _found(rows[0]), rows[0][3] or 0)


class IssuePage(NamedTuple):
    """A page of an issue's items; `own` is the issue itself where it stands on the page, `version` its version."""

    basis: Basis
    items: list[Found]
    more: bool
    own: One | None
    version: int


async def issue_page(database: Database, ask: Ask, slug: str, *, ended: bool, after: int, limit: int) -> IssuePage:
    """Give the states of an issue's items behind an item number, ended ones only when asked for."""
    if ask.published is not None:
        at = await basis(database, ask)
        members = published.Sought(after, None, [f"issue:{slug}"], ended=ended)
        version = (await versions(database, at.position, [slug])).get(slug, 0)
        return _issue_page(at, version, await _published(database, at, members, limit + 2), slug, limit)
    question = _Question(database, ask)
    _by_token(question, f"issue:{slug}", after)
    if not ended:
        question.where(f"(i.kind = 'issue' OR {STANDS})")  # on its own: it is looked at before the state is
        question.where(f"(i.kind = 'issue' OR {question.lacks('ended')})")
    rows = await question.rows(_BY_TOKEN, limit + 2, _VERSION.format(slug=question.parameter(slug)))
    if not rows:
        return IssuePage(await basis(database, ask), [], more=False, own=None, version=0)
    return _issue_page(basis_of(ask, rows[0]), rows[0][3] or 0, [_found(row) for row in rows], slug, limit)


def _issue_page(at: Basis, version: int, found: Sequence[Found], slug: str, limit: int) -> IssuePage:
    """Make a page of the states of an issue and its items: one more than `limit`, and perhaps the issue's own."""
    own = next((One(at, each, version) for each in found if each.slug == slug), None)
    items = [each for each in found if each.slug != slug]
    return IssuePage(at, items[:limit], len(items) > limit, own, version)


def _by_token(question: _Question, token: str, after: int) -> None:
    """Take the candidates that ever carried a token, and of them the states that do."""
    question.where(f"f.token = {question.parameter(token)}")
    question.where(f"f.item > {question.parameter(after)}")
    question.where("i.number = f.item")
    question.where(question.carries(token))


class Wanted(NamedTuple):
    """Which states: of a kind, of items that carry every token, with every mark.

    The first token is the one whose candidates are tried, without any all items of the kind are. Marks stand on the
    state alone (`status:`, `certainty:`), no item is found by them.
    """

    kind: str
    tokens: Sequence[str] = ()
    marks: Sequence[str] = ()


async def page(database: Database, ask: Ask, wanted: Wanted, *, after: int, limit: int) -> Page:
    """Give the states that are wanted, behind an item number."""
    if ask.published is not None:
        at = await basis(database, ask)
        found = await _published(database, at, published.Sought(after, *wanted), limit + 1)
        return Page(at, found[:limit], len(found) > limit)
    question = _Question(database, ask)
    if wanted.tokens:
        _by_token(question, wanted.tokens[0], after)
    else:
        question.where(f"i.number > {question.parameter(after)}")
    # With candidates the kind is only looked at: without statistics PostgreSQL would go through all items of it.
    kind = "i.kind || ''" if wanted.tokens else "i.kind"
    question.where(f"{kind} = {question.parameter(wanted.kind)}")
    for token in (*wanted.tokens[1:], *wanted.marks):
        question.where(question.carries(token))
    rows = await question.rows(_BY_TOKEN if wanted.tokens else _BY_KIND, limit + 1, long=True)
    at = basis_of(ask, rows[0]) if rows else await basis(database, ask)
    return Page(at, [_found(row) for row in rows[:limit]], len(rows) > limit)


_ALL = "1000000"
"""More rows than there are names: with a limit that it does not know PostgreSQL goes through all items in order."""


async def standings(database: Database, at: Basis, slugs: Sequence[str]) -> list[Standing]:
    """Give the states of named items, in the order of their numbers; those without a status are left out."""
    if at.published is not None:
        folded = await published.among(database, clocks(at), slugs)
        return [Standing(Found(*each[:5]), each.tokens) for each in folded]
    question = _Question(database, at.pinned())
    question.where(f"i.slug {question.named(slugs)}")
    return await question.standings(at, _ALL)


async def sifted(
    database: Database, at: Basis, numbers: Sequence[int], every: Iterable[Iterable[str]], *, ended: bool, most: int
) -> list[Standing]:
    """Give those states of some items that carry of every set a token, in the order of their numbers, so many at most.

    Those that have ended in every reading are left out unless `ended`.
    """
    question = _Question(database, at.pinned())
    question.where(f"i.number {question.numbered(numbers)}")
    if not ended:
        question.where(f"{STANDS} AND {question.lacks('over')}")
    for tokens in every:
        question.where(question.carries_any(tokens))
    return await question.standings(at, question.parameter(most))


_ISSUE_HEADS = """
SELECT i.slug, (SELECT n.version FROM issue_event n WHERE n.issue = i.number AND n.position <= $1
                ORDER BY n.position DESC LIMIT 1)
FROM item i WHERE i.slug IN ({slugs})
"""


async def versions(database: Database, position: int, issues: Sequence[str]) -> dict[str, int]:
    """Give the version of each issue at a position: how many recorded events name it."""
    if not issues:
        return {}
    slugs = ", ".join(f"${index}" for index in range(2, len(issues) + 2))
    rows = await database.fetch(_ISSUE_HEADS.format(slugs=slugs), position, *issues)
    return {slug: version or 0 for slug, version in rows}


_FIRST = """
SELECT min(w.valid_from), min(w.known_from) FROM item i JOIN version w ON w.item = i.number
WHERE i.slug = $1 AND i.kind = $2
"""


async def first_known(database: Database, kind: str, slug: str) -> tuple[int, int] | None:
    """Give the first day and the first position with which an item has a status at all; None when it never has."""
    (row,) = await database.fetch(_FIRST, slug, kind)
    return None if row[0] is None else (row[0], row[1])


async def counted(database: Database, at: Basis, slugs: Iterable[str]) -> set[int]:
    """Give the positions of the events of some items that count as published."""
    at_publication = clocks(at)
    return await published.counted(database, slugs, at_publication.position, at_publication.published)


async def first_published(database: Database, at: Basis, kind: str, slug: str) -> published.First | None:
    """Give the first day of publication with which an item has a status at all; None when it never has."""
    return await published.first(database, kind, slug, at.position)


def clocks(at: Basis) -> published.Clocks:
    """Give the clocks of a basis as published."""
    assert at.published is not None  # noqa: S101 - asked as published
    return published.Clocks(at.as_of, at.position, at.published)


async def _published(database: Database, at: Basis, sought: published.Sought, limit: int) -> list[Found]:
    return [Found(*each[:5]) for each in await published.page(database, clocks(at), sought, limit)]


async def _published_item(database: Database, at: Basis, kind: str, slug: str) -> One | None:
    found = await published.one(database, clocks(at), slug)
    if found is None or found.kind != kind:
        return None
    return One(at, Found(*found[:5]), (await versions(database, at.position, [slug])).get(slug, 0))
