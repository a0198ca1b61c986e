"""What changed in an issue between two points of (D, K): two probes an item, and only of items that may differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.domain import states
from service.views import probes, published

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.storage.database import Database, Dialect, Row
    from service.views.project import ItemView
    from service.views.published import Clocks

# Known at one K, a state is another only where a version begins in between.
_BEGUN = """EXISTS (SELECT 1 FROM version w WHERE w.item = f.item AND w.valid_from > {da} AND w.valid_from <= {db}
    AND {known})"""
# On one D, what is known changes only by an event that bears on the item.
_BORNE_ON = """EXISTS (SELECT 1 FROM item_event n WHERE n.item = f.item AND n.position > {ka} AND n.position <= {kb})"""
_CHANGED = """
SELECT f.item, i.slug, i.kind, va.status, va.body, {later_a}, vb.status, vb.body, {later_b}
FROM facet f CROSS JOIN item i {probe_a} {probe_b}
WHERE f.token = $5 AND f.item > $7 AND i.number = f.item AND {moved}
    AND (va.number IS NOT NULL OR vb.number IS NOT NULL)
ORDER BY f.item LIMIT $8
"""


class Point(NamedTuple):
    """A day (an ordinal) and a position."""

    day: int
    known: int


class Changed(NamedTuple):
    """An item of the issue whose states at two points differ; None: not of the issue there, or without a status."""

    number: int
    slug: str
    kind: str
    before: bytes | None
    after: bytes | None


class Page(NamedTuple):
    """Items in the order of their first appearance; `more` tells whether others follow."""

    items: list[Changed]
    more: bool


async def page(database: Database, issue: str, one: Point, other: Point, *, after: int, limit: int) -> Page:
    """Give what changed in an issue from one point to another, which has the same day or the same position."""
    sql = _statement(database.dialect, same_day=one.day == other.day)
    token = f"issue:{issue}"
    found: list[Changed] = []
    size = limit + 1
    while True:
        rows = await database.fetch_long(sql, *one, *other, token, states.marked(token), after, size)
        found += [changed for row in rows if (changed := _changed(row)).before != changed.after]
        if len(found) > limit or len(rows) < size:
            return Page(found[:limit], len(found) > limit)
        after = rows[-1][0]


async def published_page(database: Database, issue: str, one: Clocks, other: Clocks, *, after: int, limit: int) -> Page:
    """Give what changed in an issue from one point to another, as published; both have the same position."""
    token = f"issue:{issue}"
    found: list[Changed] = []
    while True:
        now = await published.members(database, other, token, after)
        then = now
        if one.published != other.published:
            then = await published.members(database, one, token, after)
        for old, new in zip(then, now, strict=True):  # which items may be of the issue, no day of publication changes
            before, later = _standing(old, one.as_of, token), _standing(new, other.as_of, token)
            if before != later:
                found.append(Changed(new.number, new.slug, new.kind.name, before, later))
        if len(found) > limit or len(now) < published.CHUNK:
            return Page(found[:limit], len(found) > limit)
        after = now[-1].number


def _standing(view: ItemView, day: int, token: str) -> bytes | None:
    state = published.standing(view, day)
    return state.body if state is not None and token in state.tokens else None


def _statement(dialect: Dialect, *, same_day: bool) -> str:
    """Write the statement: $1 and $2 are D and K of one point, $3 and $4 of the other."""
    number = dialect.number.format
    one, other = ("$1", number("$2")), ("$3", number("$4"))
    begun = _BEGUN.format(da=one[0], db=other[0], known=probes.known_at(other[1]))
    return _CHANGED.format(
        later_a=_later(dialect, *one),
        later_b=_later(dialect, *other),
        probe_a=_probe(dialect, "va", *one),
        probe_b=_probe(dialect, "vb", *other),
        moved=_BORNE_ON.format(ka=one[1], kb=other[1]) if same_day else begun,
    )


def _later(dialect: Dialect, day: str, known: str) -> str:
    """Write what gives the changes to item f that come after a point's day."""
    return probes.later(dialect, "f.item", day, probes.known_at(known))


def _probe(dialect: Dialect, name: str, day: str, known: str) -> str:
    """Join the state of item f that answers at a point, where it is of the issue ($6)."""
    number = probes.state("f.item", day, probes.known_at(known))
    of_issue = f"{dialect.found_at}({name}.tokens, $6) > 0"
    return f"LEFT JOIN state {name} ON {name}.number = {number} AND {of_issue}"


def _changed(row: Row) -> Changed:
    return Changed(row[0], row[1], row[2], _state(row[3:6]), _state(row[6:9]))


def _state(columns: Sequence[str | bytes | None]) -> bytes | None:
    status, body, later = columns
    if not isinstance(status, str) or not isinstance(body, bytes):
        return None
    return states.with_arrivals(body, status, later if isinstance(later, str) else None)
