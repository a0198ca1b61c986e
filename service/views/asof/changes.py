"""The changes of status or terms that fall on some days, across items, as known at one K, in the order of days.

A change is kept with the version that begins on its day (`VersionRow.arrivals`), so a page reads one stretch of an
index. Of each change the states on its day and on the day before are looked up, by a probe each.
"""

from __future__ import annotations

import asyncio
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from service.domain.rule.state import arrival_text
from service.domain.rule.work import state_steps
from service.domain.vocabulary.kinds import KINDS, PLANNED
from service.views.asof import out_of_order, sql
from service.views.asof.known import known_by
from service.views.asof.out_of_order import OutOfOrder
from service.views.asof.question import PAGE_BYTES, Included, ItemState, ScopeFilter
from service.views.asof.touching import touching
from service.views.asof.weighing import CHUNK, PageWork

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from service.domain.matching.clauses import Clause
    from service.domain.rule.item import Item, StateOnDay
    from service.storage.database import Database, Dialect, Row
    from service.views.asof.question import Basis

SCAN_MAX = 2_000
"""Changes of any item that are looked at for a page, at most: with a filter a page may be short before the end."""
TURN = 50
"""Changes that are looked at before others have their turn: 10 ms."""

# $1 and $2 are a place, $3 a day, $4 a number of changes, $5 the position, $6 the day of publication. Beside the place
# there is no first day: of two bounds PostgreSQL 18 may begin with the earlier one, and read all that is in between.
_CHANGES = """
WITH c AS MATERIALIZED (
    SELECT c.valid_from, c.item, c.known_from, c.arrivals, {candidate} AS candidate FROM version c
    WHERE (c.valid_from, c.item) > ($1, $2) AND c.valid_from <= $3 AND c.arrivals <> '' AND {known_c}
    ORDER BY c.valid_from, c.item LIMIT $4
)
SELECT c.valid_from, c.item, i.slug, i.kind, c.arrivals, c.candidate,
    (SELECT e.recorded_at FROM event e WHERE e.position = c.known_from),
    va.status, va.number, va.tokens, {body_a}, vb.status, vb.number, vb.tokens, {body_b}
FROM c CROSS JOIN item i
LEFT JOIN state va ON c.candidate AND va.number = {before}
LEFT JOIN state vb ON c.candidate AND vb.number = {after}
WHERE i.number = c.item
ORDER BY c.valid_from, c.item
"""
_IS_KIND = "EXISTS (SELECT 1 FROM item x WHERE x.number = c.item AND x.kind {among})"
_IN_ORDER = "NOT EXISTS (SELECT 1 FROM out_of_order o WHERE o.item = c.item AND o.position <= $5)"


class _Terms(msgspec.Struct):
    """What is read of a change: the terms that it is about."""

    terms: dict[str, msgspec.Raw]


_terms = msgspec.json.Decoder(_Terms).decode
_decoded = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_NO_STATE: dict[str, msgspec.Raw] = {}

ALL_KINDS = tuple(KINDS)

Place = tuple[int, int]
"""A day (an ordinal) and the number of an item: changes are in the order of these."""


class Wanted(NamedTuple):
    """The changes asked for: on the days `first` to `last` (ordinals), of items of some kinds.

    An item passes that meets every clause on the day, or on the day before: `clauses_on` returns those of a day, and an
    item that may meet them has a token of each of `every`. With `because`, a change that comes by a fact, or by an end.
    """

    first: int
    last: int
    kinds: tuple[str, ...] = ALL_KINDS
    clauses_on: Callable[[int], Sequence[Clause]] = lambda _: ()
    every: Sequence[Sequence[str]] = ()
    because: str | None = None

    def on(self, day: int) -> ScopeFilter:
        """Return the filter on the states of a day."""
        return ScopeFilter(self.kinds, self.clauses_on(day), included=Included(ended=True, planned=True))

    @property
    def cause(self) -> str:
        """Return what a change that passes has in its JSON; a quote within a text is escaped there."""
        return "" if self.because is None else f'"because":"{self.because}"'


class DatedChange(NamedTuple):
    """A change of an item on a day: `arrival` is its JSON, as `upcoming` shows it; the states before and after.

    A state is None where the item has no status, or only a plan. `known_at` is the instant at which the change became
    known (microseconds since 1970 UTC), None as published.
    """

    day: int
    number: int
    slug: str
    kind: str
    arrival: str
    known_at: int | None
    before: bytes | None
    after: bytes | None

    @property
    def place(self) -> Place:
        """Return its place in the order."""
        return self.day, self.number

    def differs(self) -> bool:
        """Return whether the status or a term is another: a fact may change nothing but until when, or what rules."""
        before, after = (_NO_STATE if body is None else _decoded(body) for body in (self.before, self.after))
        names = ("status", *_terms(self.arrival).terms)
        return any(before.get(name) != after.get(name) for name in names)


class DatedChanges(NamedTuple):
    """A page of changes; `next` is the place after which the next page begins, None at the end."""

    items: list[DatedChange]
    next: Place | None


async def change_page(database: Database, basis: Basis, wanted: Wanted, after: Place, limit: int) -> DatedChanges:
    """Return the changes after a place, as known at a basis.

    Raises TooMuchToAnswer where, as published, too many items are out of order.
    """
    work = PageWork()
    others = [] if basis.published is None else await _out_of_order(database, basis, wanted, work)
    others = [change for change in others if change.place > after]
    found: list[DatedChange] = []
    scanned, size = 0, limit + 1
    while len(found) <= limit and scanned < SCAN_MAX:
        rows = await _rows(database, basis, wanted, after, size)
        scanned += len(rows)
        for index, row in enumerate(rows):
            if not index % TURN:
                await asyncio.sleep(0)  # others want an answer too
            if change := await _change(database, basis, row, wanted, work):
                found.append(change)
        if len(rows) < size:
            return _page(sorted([*found, *others], key=_by_place), limit, None)
        after, size = (rows[-1][0], rows[-1][1]), min(4 * size, SCAN_MAX)
    among = [change for change in others if change.place <= after]
    return _page(sorted([*found, *among], key=_by_place), limit, after)


def _page(changes: list[DatedChange], limit: int, scanned: Place | None) -> DatedChanges:
    """Return the first changes, as many as are a page; `scanned` is the place up to which there are no others."""
    size = count = 0
    for change in changes[:limit]:
        size += len(change.before or b"") + len(change.after or b"")
        count += 1
        if size > PAGE_BYTES:
            break
    return DatedChanges(changes[:count], changes[count - 1].place if count < len(changes) else scanned)


_by_place = attrgetter("place")


async def _rows(database: Database, basis: Basis, wanted: Wanted, after: Place, size: int) -> Sequence[Row]:
    dialect = database.dialect
    parameters: list[Any] = [*max(after, (wanted.first, 0)), wanted.last, size, basis.position]
    if basis.published is not None:
        parameters.append(basis.published)
    first = len(parameters) + 1
    has_kinds = wanted.kinds != ALL_KINDS
    if has_kinds:
        parameters.append(dialect.listed(wanted.kinds))
    parameters += [dialect.listed(tokens) for tokens in wanted.every]
    text = _statement(dialect, first, published=basis.published is not None, kinds=has_kinds, every=len(wanted.every))
    return await database.fetch_long(text, *parameters)


@lru_cache(maxsize=64)
def _statement(dialect: Dialect, first: int, *, published: bool, kinds: bool, every: int) -> str:
    """Return the statement; the parameters for kinds and tokens are numbered from `first` on."""
    known = known_by("$5", "$6" if published else None)
    candidate = [_IN_ORDER] if published else []
    if kinds:
        candidate.append(_IS_KIND.format(among=dialect.slugs.format(f"${first}")))
    first += kinds
    listed = [dialect.slugs.format(f"${number}") for number in range(first, first + every)]
    candidate += [sql.CARRIES.format(among=among, item="c.item", known=dialect.number.format("$5")) for among in listed]
    return _CHANGES.format(
        candidate=" AND ".join(candidate) or "TRUE",
        known_c=known.replace("w.", "c."),
        before=sql.state_number("c.item", "c.valid_from - 1", known),
        after=sql.state_number("c.item", "c.valid_from", known),
        body_a=sql.body("va"),
        body_b=sql.body("vb"),
    )


async def _change(database: Database, basis: Basis, row: Row, wanted: Wanted, work: PageWork) -> DatedChange | None:
    """Return the change of a row; None where it does not pass, or neither the status nor a term is another."""
    day, number, slug, kind, arrival, candidate, known_at, *states = row
    if not candidate or wanted.cause not in arrival:
        return None
    (before, one), (after, other) = _status(states[:4]), _status(states[4:])
    sides = [
        (day - 1, ItemState(number, slug, kind, "", b"", one)),
        (day, ItemState(number, slug, kind, "", b"", other)),
    ]
    if not await _touches(database, basis, wanted, sides, work):
        return None
    bodies = [
        None if state is None else await sql.body_of(database, state, body)
        for state, body in ((before, states[3]), (after, states[7]))
    ]
    change = DatedChange(day, number, slug, kind, arrival, known_at, *bodies)
    return change if change.differs() else None


async def _touches(
    database: Database, basis: Basis, wanted: Wanted, sides: Iterable[tuple[int, ItemState]], work: PageWork
) -> bool:
    """Return whether one of some states meets every clause on its day; a state without tokens is none."""
    if not wanted.every:
        return True
    for day, state in sides:
        if state.tokens and await touching(database, basis._replace(as_of=day), wanted.on(day), [state], work):
            return True
    return False


def _status(columns: Sequence[Any]) -> tuple[int | None, frozenset[str]]:
    """Return the number of a state and its tokens; none where there is only a plan."""
    status, number, found_by, _ = columns
    if status is None or status == PLANNED:
        return None, frozenset()
    return number, frozenset(found_by.split("\n"))


async def _out_of_order(database: Database, basis: Basis, wanted: Wanted, work: PageWork) -> list[DatedChange]:
    """Return all changes of the items that are out of order and may pass."""

    def changes_of(item: Item) -> list[tuple[DatedChange, list[tuple[int, ItemState]]]]:
        return [*_of_item(item, wanted, work)]

    unordered = OutOfOrder(wanted.kinds, CHUNK, wanted.every)
    found = await out_of_order.taken_of(database, basis, unordered, work, changes_of)
    work.check()
    return [
        change for changes in found for change, sides in changes if await _touches(database, basis, wanted, sides, work)
    ]


def _of_item(item: Item, wanted: Wanted, work: PageWork) -> Iterator[tuple[DatedChange, list[tuple[int, ItemState]]]]:
    """Return the changes of an item, each with its states before and after, and their days."""

    @lru_cache(maxsize=2)  # the state after one change is that before the next
    def state_of(place: int) -> StateOnDay | None:
        state = item.state_of_segment(place) if place >= 0 else None
        work.spend(0 if state is None else state_steps(len(state.body)))
        return state

    for index, segment in enumerate(item.segments):
        arrival = arrival_text(segment)
        if not arrival or wanted.cause not in arrival or not wanted.first <= segment.start <= wanted.last:
            continue
        before, after = state_of(index - 1), state_of(index)
        before, after = (None if state is None or state.status == PLANNED else state for state in (before, after))
        head = item.number, item.slug, item.kind.name
        bodies = [state and state.body for state in (before, after)]
        change = DatedChange(segment.start, *head, arrival, None, *bodies)
        sides = ((segment.start - 1, before), (segment.start, after))
        if change.differs():
            yield change, [(day, ItemState(*head, *state)) for day, state in sides if state is not None]
