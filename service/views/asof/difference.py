"""The changes in an issue, or in all, between two points of (D, K): two probes an item that may differ."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, NamedTuple

from service.domain.rule import tokens
from service.domain.rule.read_state import without_facts
from service.views.asof import out_of_order, published, sql
from service.views.asof.coming import first_changes, with_changes
from service.views.asof.engine import named
from service.views.asof.known import known_at
from service.views.asof.question import PAGE_BYTES, Basis, fitting
from service.views.asof.touching import touching
from service.views.asof.weighing import CHUNK, PAGE_STEPS, PageWork, weighed_until

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from service.domain.rule.item import Item
    from service.storage.database import Database, Dialect, Row
    from service.views.asof.question import ScopeFilter

# Known at one K, a state is another only where a version begins in between.
_BEGUN = """EXISTS (SELECT 1 FROM version w WHERE w.item = f.item AND w.valid_from > {da} AND w.valid_from <= {db}
    AND {known})"""
# On one D, what is known changes only by an event that bears on the item.
_BORNE_ON = """EXISTS (SELECT 1 FROM item_event n WHERE n.item = f.item AND n.position > {ka} AND n.position <= {kb})"""
_CHANGED = """
SELECT f.item, i.slug, i.kind, va.status, va.number, {body_a}, {later_a}, vb.status, vb.number, {body_b}, {later_b}
FROM {candidates} f CROSS JOIN item i {probe_a} {probe_b}
WHERE f.item > $5 AND i.number = f.item AND {moved} AND (va.number IS NOT NULL OR vb.number IS NOT NULL)
ORDER BY f.item LIMIT $6
"""
_OF_ISSUE = "(SELECT c.item FROM facet c WHERE c.token = $7)"
_ALL = "(SELECT c.number AS item FROM item c)"
_AMONG = "(SELECT DISTINCT c.item FROM facet c WHERE c.token {among})"
READ_MIN = 50
"""States that are read at a time at least, where a filter may leave few of them."""
SCAN_MAX = 5_000
"""States that a filter is asked about for one page, at most; the rest is for the next page."""


class Point(NamedTuple):
    """A day (an ordinal) and a K: a position or, as published, a day of publication."""

    day: int
    known: int


class Points(NamedTuple):
    """Two points to compare; `with_facts` is false where the states are compared and shown without their facts."""

    one: Point
    other: Point
    with_facts: bool = True


class WantedDiff(NamedTuple):
    """Which changes are wanted: those in an issue (None: in all), of items that touch something before or after.

    `touching` returns the filter on a day, and None is no filter.
    """

    issue: str | None = None
    touching: Callable[[int], ScopeFilter] | None = None

    def tokens(self, day: int) -> Sequence[str]:
        """Return tokens of which every item has ever had one that touches what is asked about."""
        if self.touching is None:
            return ()
        wanted = self.touching(day)
        return wanted.clauses[0].candidates(wanted.kinds)


class StateChange(NamedTuple):
    """An item with its states at two points; None: not of the issue asked about there, or without a status."""

    number: int
    slug: str
    kind: str
    before: bytes | None
    after: bytes | None

    @property
    def size(self) -> int:
        """Return the bytes of both states."""
        return len(self.before or b"") + len(self.after or b"")

    def without_facts(self) -> StateChange:
        """Return the same with states that have no member `facts`."""
        before, after = (state and without_facts(state) for state in (self.before, self.after))
        return self._replace(before=before, after=after)


class ChangePage(NamedTuple):
    """Items in the order of their first appearance; `next` is the item after which the next page begins, or None."""

    items: list[StateChange]
    next: int | None


async def change_page(
    database: Database,
    basis: Basis,
    wanted: WantedDiff,
    points: Points,
    *,
    after: int,
    limit: int,
) -> ChangePage:
    """Return what changed from one point to another, which has the same day or the same K.

    `basis` is that of the second point. States are compared as they are answered: with their facts or without. With a
    filter on what they touch a page may be short before the end.
    """
    compare = _recorded_states if basis.published is None else _published_states
    found: list[StateChange] = []
    rest: int | None = after
    count, scanned = 0, 0
    weighed = 1 if points.one.known == points.other.known else 2  # times, each item
    work = PageWork(PAGE_STEPS // weighed)
    referring = work.beside()
    size = limit + 1 if wanted.touching is None else max(limit + 1, READ_MIN)
    while rest is not None and count == len(found) <= limit and not work.is_enough and scanned < SCAN_MAX:
        states, rest = await compare(database, basis, wanted, points, rest, size, work)
        scanned += 0 if wanted.touching is None else len(states)
        states = states if points.with_facts else [each.without_facts() for each in states]
        differing = [each for each in states if each.before != each.after]
        found += await _touching(database, basis, wanted, points, differing, referring)
        count = fitting([each.size for each in found], limit)
    return ChangePage(found[:count], found[count - 1].number if count < len(found) else rest)


async def _touching(
    database: Database,
    basis: Basis,
    wanted: WantedDiff,
    points: Points,
    changes: list[StateChange],
    work: PageWork,
) -> list[StateChange]:
    """Keep the changes of items that touch what is asked about at one of the points, or at both."""
    if wanted.touching is None or not changes:
        return changes
    touched: set[str] = set()
    slugs = [each.slug for each in changes]
    for point in points[:2]:
        known = {"position": point.known} if basis.published is None else {"published": point.known}
        at = basis._replace(as_of=point.day, newest=False, **known)
        states = await named(database, at, slugs, work.beside(inf))
        touched |= {each.slug for each in await touching(database, at, wanted.touching(point.day), states, work)}
    return [each for each in changes if each.slug in touched]


async def _recorded_states(
    database: Database, _: Basis, wanted: WantedDiff, points: Points, after: int, size: int, __: PageWork
) -> tuple[list[StateChange], int | None]:
    """Return the states at two points of some items that may differ, and the item to go on after."""
    one, other = points[:2]
    dialect, issue = database.dialect, wanted.issue
    among = list(dict.fromkeys([*wanted.tokens(one.day), *wanted.tokens(other.day)]))
    candidates = _OF_ISSUE if issue else _AMONG.format(among=dialect.slugs.format("$7")) if among else _ALL
    text = _statement(dialect, candidates, same_day=one.day == other.day, whole=issue is None)
    token = () if issue is None else (tokens.of_issue(issue), tokens.delimited(tokens.of_issue(issue)))
    rows = await database.fetch_long(
        text, *one, *other, after, size, *token, *([dialect.listed(among)] if among else [])
    )
    states: list[StateChange] = []
    total = 0
    for row in rows:
        before = await _state(database, one, row[0], row[3:7])
        after_ = await _state(database, other, row[0], row[7:11])
        states.append(StateChange(row[0], row[1], row[2], before, after_))
        total += states[-1].size
        if total > PAGE_BYTES:
            break
    return states, states[-1].number if len(states) == size or len(states) < len(rows) else None


async def _published_states(
    database: Database, basis: Basis, wanted: WantedDiff, points: Points, after: int, _: int, work: PageWork
) -> tuple[list[StateChange], int | None]:
    """Return the same as published. Candidates are read once: a correction recorded in between may add to them."""
    one, other = points[:2]
    token = None if wanted.issue is None else tokens.of_issue(wanted.issue)

    def both(item: Item) -> StateChange:
        states = _member(item, one.day, token), _member(item, other.day, token)
        return StateChange(item.number, item.slug, item.kind.name, *states)

    slugs = await published.candidates(database, basis, token, after)
    states = await weighed_until(database, basis._replace(published=other.known), slugs, work, both)
    if one.known != other.known:
        slugs = [state.slug for state in states]
        then = await weighed_until(
            database,
            basis._replace(published=one.known),
            slugs,
            work.beside(inf),
            lambda item: _member(item, one.day, token),
        )
        states = [state._replace(before=before) for state, before in zip(states, then, strict=True)]
    return states, states[-1].number if len(states) == CHUNK or work.is_enough else None


def _member(item: Item, day: int, token: str | None) -> bytes | None:
    state = out_of_order.state_on(item, day)
    return state.body if state is not None and (token is None or token in state.tokens) else None


def _statement(dialect: Dialect, candidates: str, *, same_day: bool, whole: bool) -> str:
    """Return the statement: $1 and $2 are D and K of one point, $3 and $4 of the other."""
    number = dialect.number.format
    one, other = ("$1", number("$2")), ("$3", number("$4"))
    begun = _BEGUN.format(da=one[0], db=other[0], known=known_at(other[1]))
    return _CHANGED.format(
        body_a=sql.body("va"),
        body_b=sql.body("vb"),
        later_a=_later(dialect, *one),
        later_b=_later(dialect, *other),
        candidates=candidates,
        probe_a=_probe(dialect, "va", *one, whole=whole),
        probe_b=_probe(dialect, "vb", *other, whole=whole),
        moved=_BORNE_ON.format(ka=one[1], kb=other[1]) if same_day else begun,
    )


def _later(dialect: Dialect, day: str, known: str) -> str:
    """Return the expression for the changes to item f after a point's day."""
    return first_changes(dialect, "f.item", day, known_at(known))


def _probe(dialect: Dialect, name: str, day: str, known: str, *, whole: bool) -> str:
    """Return the join with the state of item f at a point; where it is of the issue ($8), unless `whole`."""
    number = sql.state_number("f.item", day, known_at(known))
    of_issue = "" if whole else f" AND {dialect.found_at}({name}.tokens, $8) > 0"
    return f"LEFT JOIN state {name} ON {name}.number = {number}{of_issue} AND {sql.NOT_PLANNED.format(name)}"


async def _state(database: Database, point: Point, item: int, columns: Row) -> bytes | None:
    status, state, small, first = columns
    if state is None:
        return None
    body = await sql.body_of(database, state, small)
    return await with_changes(database, Basis(*point, 0), item, status, body, first) if first else body
