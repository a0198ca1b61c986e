"""Items as known on a day of publication (docs/semantics.md, 8): loaded and folded when asked, by the same rule.

A view loaded here is like one that `cache.load` gives; only which facts it holds, and with which reports, differs.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from service.domain import events, instants, states
from service.domain.facts import Entry
from service.domain.publication import days, published
from service.views.cache import rows_by_item
from service.views.project import ItemView
from service.views.rectangles import Rectangle

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from service.storage.database import Database, Row

CHUNK = 50
"""How many items are loaded and folded at a time, at most: 30 ms of work where each has ten facts."""

_CANDIDATES = """
SELECT i.number, i.slug FROM {source} WHERE i.number > $1 AND i.number <= $2 AND {where} ORDER BY {order} LIMIT $3
"""
_NEWEST = f"""
SELECT i.number, i.slug FROM facet f CROSS JOIN item i
WHERE f.token = $1 AND f.item < $2 AND i.number = f.item AND i.kind IN {states.SETTLING}
ORDER BY f.item DESC LIMIT $3
"""


class Clocks(NamedTuple):
    """The clocks of an answer: the day it is about, the last position that counts, the last day of publication."""

    as_of: int
    position: int
    published: int


class Sought(NamedTuple):
    """Which states: behind an item number, of a kind (None: any), with every token and mark.

    Unless `ended`, those that have ended are left out, but for issues.
    """

    after: int
    kind: str | None
    tokens: Sequence[str]
    marks: Sequence[str] = ()
    ended: bool = True

    def takes(self, state: Standing) -> bool:
        """Tell whether a state is one of them."""
        return (
            self.kind in {None, state.kind}
            and all(token in state.tokens for token in (*self.tokens, *self.marks))
            and (self.ended or state.kind == "issue" or "ended" not in state.tokens)
        )


class Standing(NamedTuple):
    """An item's state; `body` is its JSON, `tokens` what it is found by."""

    number: int
    slug: str
    kind: str
    status: str
    body: bytes
    tokens: frozenset[str]


async def load(database: Database, slugs: Iterable[str], until: int, day: int) -> list[ItemView]:
    """Load the views of items as published by a day, of what was recorded up to a position, in order of numbers."""
    return [_view(rows, day) for rows in await _rows(database, slugs, until)]


async def _rows(database: Database, slugs: Iterable[str], until: int) -> list[list[Row]]:
    return await rows_by_item(database.fetch_long, database.dialect, "e.recorded_at", slugs, until)


def _view(rows: Sequence[Row], day: int) -> ItemView:
    view = _chained(rows)
    _settle(view, _recorded_on(rows), day)
    return view


def _chained(rows: Sequence[Row]) -> ItemView:
    """Make the view of an item with its chains alone."""
    view = ItemView(*rows[0][:3])
    for row in rows:
        view.add(Entry(row[4], events.decode(row[5])))
    return view


def _recorded_on(rows: Sequence[Row]) -> dict[int, int]:
    return {row[4]: instants.day(row[3]) for row in rows}


def _settle(view: ItemView, recorded_on: Mapping[int, int], day: int) -> None:
    """Weigh what of each chain counts on a day of publication, and lay out the life that follows."""
    view.lay_out({root: published(chain, recorded_on, day) for root, chain in view.chains.items()})


def standing(view: ItemView, as_of: int) -> Standing | None:
    """Give an item's state on a day; None when it has no status."""
    begun = sum(segment.start <= as_of for segment in view.segments)
    return _standing(view, begun - 1) if begun else None


def _standing(view: ItemView, index: int) -> Standing:
    """Give the state over one segment of an item's life."""
    segment = view.segments[index]
    merged = states.terms(segment.outcome.merged)
    state = states.state(view.kind, view.slug, segment, merged)
    later = [text for segment in view.segments[index + 1 :] if (text := states.arrivals(segment))]
    status = state["status"]
    body = states.with_arrivals(states.encode(state), status, ",".join(later))
    found = frozenset([*states.tokens(segment.outcome.merged, state["issues"]), *states.marks(view.kind, state)])
    return Standing(view.number, view.slug, view.kind.name, status, body, found)


async def rectangles(database: Database, kind: str, slug: str, until: int, day: int) -> list[Rectangle]:
    """Give an item's states of (D, K) as known up to a day of publication: by first day, then by first K, a day too.

    The item is laid out anew for each day on which something about it came out.
    """
    found: list[Rectangle] = []
    standing: dict[int, Rectangle] = {}
    for rows in await _rows(database, [slug], until):
        view, recorded_on = _chained(rows), _recorded_on(rows)
        for known in _days(view, recorded_on) if view.kind.name == kind else ():
            if known > day:
                break
            _settle(view, recorded_on, known)
            now = {each.valid_from: each for each in _laid_out(view, known)}
            for start, old in list(standing.items()):
                new = now.get(start)
                if new is None or (new.valid_to, new.state) != (old.valid_to, old.state):
                    found.append(standing.pop(start)._replace(known_to=known))
            standing = now | standing
    return sorted([*found, *standing.values()], key=lambda each: (each.valid_from, each.known_from))


def _laid_out(view: ItemView, known: int) -> Iterator[Rectangle]:
    """Give the states of an item's whole life, known from a day on."""
    for index, segment in enumerate(view.segments):
        behind = view.segments[index + 1 : index + 2]
        end = behind[0].start if behind else None
        yield Rectangle(segment.start, end, known, None, _standing(view, index).body)


def _days(view: ItemView, recorded_on: Mapping[int, int]) -> list[int]:
    """List the days of publication on which something about an item may come to count."""
    entries = [entry for chain in view.chains.values() for entry in chain]
    return sorted({day for entry in entries for day in days(entry.event, recorded_on[entry.position])})


async def one(database: Database, at: Clocks, slug: str) -> Standing | None:
    """Give one item's state; None when it has no status."""
    views = await load(database, [slug], at.position, at.published)
    return standing(views[0], at.as_of) if views else None


async def page(database: Database, at: Clocks, sought: Sought, limit: int) -> list[Standing]:
    """Give up to so many of the states sought, in order of the items' first appearance."""
    found: list[Standing] = []
    size, after, tried = min(limit, CHUNK), sought.after, 0
    while names := await _candidates(database, at, sought, after, size):
        found += filter(sought.takes, await _standings(database, at, names))
        if len(found) >= limit or len(names) < size:
            break
        after, tried = names[-1][0], tried + len(names)
        missing = limit - len(found)
        size = min(missing * tried // len(found) + 1, CHUNK) if found else CHUNK  # as many as it will likely take
    return found[:limit]


async def statuses(database: Database, at: Clocks, issue: str) -> set[tuple[str, str]]:
    """Give the (kind, status) of an issue's items, so many that its posture is settled.

    From the newest on: older ones have mostly ended. Of busy issues with a hundred items most are settled by twenty.
    """
    found: set[tuple[str, str]] = set()
    token, before = f"issue:{issue}", at.position + 1
    while names := await database.fetch_long(_NEWEST, token, before, CHUNK // 2):
        found |= {(each.kind, each.status) for each in await _standings(database, at, names) if token in each.tokens}
        if states.settled(found):
            break
        before = names[-1][0]
    return found


async def members(database: Database, at: Clocks, token: str, after: int) -> list[ItemView]:
    """Load a chunk of the items that may carry a token, behind an item number; fewer than CHUNK at the end."""
    names = await _candidates(database, at, Sought(after, None, [token]), after, CHUNK)
    views = await load(database, [slug for _, slug in names], at.position, at.published)
    await asyncio.sleep(0)  # others want an answer too
    return views


async def _standings(database: Database, at: Clocks, names: Sequence[Row]) -> list[Standing]:
    return await among(database, at, [slug for _, slug in names])


async def among(database: Database, at: Clocks, slugs: Iterable[str]) -> list[Standing]:
    """Give the states of named items, in order of numbers; those without a status are left out."""
    views = await load(database, slugs, at.position, at.published)
    await asyncio.sleep(0)  # others want an answer too
    return [state for view in views if (state := standing(view, at.as_of)) is not None]


async def _candidates(database: Database, at: Clocks, sought: Sought, after: int, size: int) -> Sequence[Row]:
    """Give items that may have a state sought, each with its number: `facet` has the tokens of every text."""
    parameters: list[int | str] = [after, at.position, size]
    where: list[str] = []

    def takes(condition: str, value: str) -> None:
        parameters.append(value)
        where.append(condition.format(f"${len(parameters)}"))

    source, order = "item i", "i.number"
    if sought.tokens:
        source, order = "facet f CROSS JOIN item i", "f.item"
        takes("f.token = {} AND i.number = f.item AND f.item > $1", sought.tokens[0])
    for token in sought.tokens[1:]:
        takes("EXISTS (SELECT 1 FROM facet g WHERE g.token = {} AND g.item = i.number)", token)
    if sought.kind is not None:
        takes("i.kind = {}", sought.kind)
    sql = _CANDIDATES.format(source=source, where=" AND ".join(where), order=order)
    return await database.fetch_long(sql, *parameters)


async def counted(database: Database, slugs: Iterable[str], until: int, day: int) -> set[int]:
    """Give the positions of the events of some items that count on a day of publication."""
    found: set[int] = set()
    for rows in await _rows(database, slugs, until):
        recorded_on = _recorded_on(rows)
        for chain in _chained(rows).chains.values():
            found.update(entry.position for entry in published(chain, recorded_on, day))
    return found


class First(NamedTuple):
    """The first day of publication on which an item has a status at all, and the first day on which it has one then."""

    as_of: int
    published: int


async def first(database: Database, kind: str, slug: str, until: int) -> First | None:
    """Tell when an item first has a status, of what was recorded up to a position; None when it never has."""
    for rows in await _rows(database, [slug], until):
        view, recorded_on = _chained(rows), _recorded_on(rows)
        for day in _days(view, recorded_on):
            _settle(view, recorded_on, day)
            if view.segments and view.kind.name == kind:
                return First(view.segments[0].start, day)
    return None
