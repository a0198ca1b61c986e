"""The engine as published: items as known on a day of publication (docs/semantics.md, 8).

Most items become known in the order in which they are recorded. Of these what was published by a day is what was
recorded up to some position, and the versions answer, as in `recorded.py`. An item that is out of order
(`OutOfOrderRow`) is loaded and weighed on demand: the same rule applies as in `rule.item`; only which facts an item
has, and with which reports, differs.
"""

from __future__ import annotations

from math import inf
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from service.domain.rule.posture import DECIDING_KINDS, ItemStatus, is_decided
from service.domain.rule.publication import as_published_by, days
from service.domain.rule.tokens import ENDED, of_issue, possible_in
from service.domain.vocabulary.dates import FOREVER
from service.domain.vocabulary.kinds import KINDS, PLANNED
from service.views.asof import recorded
from service.views.asof.question import (
    Basis,
    FirstStatus,
    Included,
    IssuePage,
    ItemState,
    OneState,
    StateFilter,
    StatePage,
    Statuses,
    is_full,
    issue_page_of,
    page_of,
)
from service.views.asof.sql import resolve
from service.views.asof.weighing import (
    CHUNK,
    PageWork,
    apart,
    chained,
    publication_day,
    rows_of,
    weighed_until,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from service.domain.rule.answer import Segment
    from service.domain.rule.facts import Entry
    from service.domain.rule.item import Item
    from service.storage.database import Database, Row
    from service.views.asof.question import Question

T = TypeVar("T")

_CANDIDATES = """
SELECT i.number, i.slug FROM facet f CROSS JOIN item i
WHERE f.token = $1 AND f.item > $2 AND f.item <= $3 AND i.number = f.item ORDER BY f.item LIMIT $4
"""
_OUT_OF_ORDER = """
SELECT i.number, i.slug FROM out_of_order o CROSS JOIN item i
WHERE o.item > $1 AND o.item <= $2 AND o.position <= $3 AND i.number = o.item{where} ORDER BY o.item LIMIT $4
"""
_EVERY = 10**9
_NEWEST = f"""
SELECT i.number, i.slug FROM facet f CROSS JOIN item i
WHERE f.token = $1 AND f.item < $2 AND i.number = f.item AND i.kind IN {DECIDING_KINDS}
ORDER BY f.item DESC LIMIT $3
"""


async def item(
    database: Database, question: Question, kind: str, slug: str, *, planned: bool = False
) -> OneState | None:
    """Return one item's state; None when it has no status at (D, K), or without `planned` is only planned."""
    found = await recorded.item(database, question, kind, slug, planned=planned)
    if found is not None:
        return found
    basis = await resolve(database, question)
    states, _ = await _worked_out(database, basis, _Wanted(kind, 1, slugs=[slug], planned=planned), PageWork(inf))
    if not states:
        return None
    return OneState(basis, states[0], (await recorded.issue_versions(database, basis.position, [slug])).get(slug, 0))


async def page(database: Database, question: Question, wanted: StateFilter, *, after: int, limit: int) -> StatePage:
    """Return the states that pass a filter, after an item number."""
    kept = await recorded.page(database, question, wanted, after=after, limit=limit)
    others = _Wanted(
        wanted.kind,
        limit + 1,
        wanted.tokens,
        lambda state: wanted.takes(state.tokens),
        planned=wanted.planned,
        after=after,
    )
    states, last = await _with_others(database, kept, others, PageWork())
    page = page_of(kept.basis, states, limit, more=kept.next is not None)
    return page if page.next else page._replace(next=last)


async def issue_page(
    database: Database, question: Question, slug: str, included: Included, *, after: int, limit: int
) -> IssuePage:
    """Return the states of an issue's items after an item number, ended and planned ones only when asked for."""
    kept = await recorded.issue_page(database, question, slug, included, after=after, limit=limit)
    token = of_issue(slug)
    hidden = list(kept.hidden)

    def passes(state: ItemState) -> bool:
        if token not in state.tokens:
            return False
        if included.ended or state.kind == "issue" or ENDED not in state.tokens:
            return True
        if "ended-surely" not in state.tokens:
            hidden.append(state)
        return False

    others = _Wanted(None, limit + 2, [token], passes, planned=included.planned, after=after)
    items = kept.items if kept.own is None else [kept.own.state, *kept.items]
    states, last = await _with_others(database, StatePage(kept.basis, items, kept.next), others, PageWork())
    version = kept.version  # 0 where no item is in order
    if not version and states:
        version = (await recorded.issue_versions(database, kept.basis.position, [slug])).get(slug, 0)
    return issue_page_of(kept.basis, version, states, slug, limit, last=last)._replace(hidden=hidden)


async def _with_others(
    database: Database, kept: StatePage, wanted: _Wanted, work: PageWork
) -> tuple[list[ItemState], int | None]:
    """Add to a page of states those of items that are out of order.

    Return them in order of numbers, and the number of the last item that was looked at where others may follow.
    """
    found, last = await _worked_out(database, kept.basis, wanted._replace(until=kept.next), work)
    if last is None:
        last = kept.next
    states = sorted([*kept.items, *found], key=attrgetter("number"))
    return [each for each in states if last is None or each.number <= last], last


async def named(database: Database, basis: Basis, slugs: Sequence[str], *, planned: bool = False) -> list[ItemState]:
    """Return the states of named items with their tokens, by number, maybe without their bodies.

    Those without a status are left out, and without `planned` those that are only planned.
    """
    kept = await recorded.named(database, basis, slugs, planned=planned)
    wanted = _Wanted(None, len(slugs), slugs=slugs, planned=planned)
    others, _ = await _worked_out(database, basis, wanted, PageWork(inf))
    return sorted([*kept, *others], key=attrgetter("number"))


async def out_of_order(
    database: Database, basis: Basis, kinds: Sequence[str], *, after: int, until: int | None, planned: bool
) -> tuple[list[ItemState], int | None]:
    """Return the states of the items of some kinds that are out of order, of numbers after one and up to another.

    Where they cost enough for a page, also the number of the last item that was looked at.
    """
    every = _Wanted(
        None, _EVERY, passes=lambda state: state.kind in kinds, planned=planned, after=after, until=until
    )  # fmt: skip
    return await _worked_out(database, basis, every, PageWork())


async def statuses(database: Database, question: Question, issues: Sequence[str]) -> Statuses:
    """Return issues' items as their postures see them, as many as these depend on.

    Items are read from the newest on: older ones have mostly ended. Of busy issues with a hundred items most are
    decided by twenty.
    """
    basis = await resolve(database, question)
    return {issue: await _statuses(database, basis, issue) for issue in issues}


async def _statuses(database: Database, basis: Basis, issue: str) -> set[ItemStatus]:
    found: set[ItemStatus] = set()
    token, before = of_issue(issue), basis.position + 1
    while names := await database.fetch_long(_NEWEST, token, before, CHUNK // 2):
        states = await named(database, basis, [slug for _, slug in names])
        found |= {
            ItemStatus(each.kind, each.status, possible_in(each.tokens)) for each in states if token in each.tokens
        }
        if is_decided(found):
            break
        before = names[-1][0]
    return found


async def first(database: Database, basis: Basis, kind: str, slug: str) -> FirstStatus | None:
    """Return when an item first has a status, of what was recorded up to a position; None when it never has.

    Where it has none on any day of publication, that is when it first has one as recorded.
    """
    found = await lives(database, basis._replace(published=FOREVER), kind, slug)
    begun = None if found is None else await apart(found.events, _begun, found)
    return begun or await recorded.first(database, basis, kind, slug)


def _begun(found: Lives) -> FirstStatus | None:
    for item, day, _ in found:
        for segment in item.segments:
            if segment.answer.status not in {None, PLANNED}:
                return FirstStatus(segment.start, None, day)
    return None


async def counted(database: Database, basis: Basis, slugs: Iterable[str]) -> set[int] | None:
    """Return the positions of the events of some items that count on the day of publication."""
    found: set[int] = set()
    for rows in await rows_of(database, slugs, basis.position):
        for chain in chained(rows).chains.values():
            found.update(entry.position for entry in as_published_by(chain, publication_day(basis)))
    return found


def state_on(item: Item, day: int, *, planned: bool = False) -> ItemState | None:
    """Return an item's state on a day with its tokens; None when it has no status, or with `planned` false a plan."""
    state = item.state(day)
    if state is None or (state.status == PLANNED and not planned):
        return None
    return ItemState(item.number, item.slug, item.kind.name, *state)


async def candidates(database: Database, basis: Basis, token: str, after: int) -> list[str]:
    """Return the slugs of CHUNK items that may carry a token, after an item number; fewer at the end."""
    rows = await database.fetch_long(_CANDIDATES, token, after, basis.position, CHUNK)
    return [slug for _, slug in rows]


async def taken_of_out_of_order(database: Database, basis: Basis, work: PageWork, take: Callable[[Item], T]) -> list[T]:
    """Take something of every item that is out of order, until the work is enough."""
    taken: list[T] = []
    wanted, after = _Wanted(None, CHUNK), 0
    while not work.is_enough and (names := await _out_of_order(database, basis, wanted, after)):
        taken += await weighed_until(database, basis, [slug for _, slug in names], work, take)
        after = names[-1][0]
    return taken


class Lives:
    """One item on each day of publication on which something about it may change, up to a day."""

    def __init__(self, rows: Sequence[Row], last: int) -> None:
        """`rows` are the events that bear on it, `last` the last day of publication that counts."""
        self._rows, self.last = rows, last
        self.slug, self.kind = rows[0][1], KINDS[rows[0][2]]
        self.events = len(rows)

    def __iter__(self) -> Iterator[tuple[Item, int, dict[int, Segment | None]]]:
        """Return the item as known on each day, with the day and its segments that are not as before.

        It is one item: take from it what is needed before going on to the next day. Only what changes is weighed again.
        """
        item = chained(self._rows)
        known: dict[int, Sequence[Entry]] = {}
        changes: dict[int, dict[int, None]] = {}
        for root, chain in item.chains.items():
            for entry in chain:
                for day in days(entry):
                    changes.setdefault(day, {})[root] = None
        for day in sorted(changes):
            if day > self.last:
                break
            chains = {root: as_published_by(item.chains[root], day) for root in changes[day]}
            new = {root: chain for root, chain in chains.items() if chain != known.get(root, [])}
            known |= new
            yield item, day, item.learn(new)


async def lives(database: Database, basis: Basis, kind: str, slug: str) -> Lives | None:
    """Load an item of a kind as known on each day of publication, up to the basis's; None where there is none."""
    found = [rows for rows in await rows_of(database, [slug], basis.position) if rows[0][2] == kind]
    return Lives(found[0], publication_day(basis)) if found else None


class _Wanted(NamedTuple):
    """Items that are out of order: of a kind (None: any), with every token, of some names; what they have to pass.

    Those that are only planned are left out unless `planned`. `limit` of them, of numbers after `after` and up to
    `until` (None: all).
    """

    kind: str | None
    limit: int
    tokens: Sequence[str] = ()
    passes: Callable[[ItemState], bool] = lambda _: True
    slugs: Sequence[str] | None = None
    planned: bool = False
    after: int = 0
    until: int | None = None


async def _worked_out(
    database: Database, basis: Basis, wanted: _Wanted, work: PageWork
) -> tuple[list[ItemState], int | None]:
    """Return the states that pass, in order of numbers.

    Where they cost too much for one page, or are too large for it, also the number of the last item looked at.
    """
    found: list[ItemState] = []
    after = wanted.after

    def take(item: Item) -> tuple[int, ItemState | None]:
        return item.number, state_on(item, basis.as_of, planned=wanted.planned)

    while names := await _out_of_order(database, basis, wanted, after):
        weighed = await weighed_until(database, basis, [slug for _, slug in names], work, take)
        states = [state for _, state in weighed if state is not None]
        found += [state for state in states if wanted.kind in {None, state.kind} and wanted.passes(state)]
        after = weighed[-1][0]
        if work.is_enough or is_full(found, wanted.limit):
            return found, after
        if len(names) < CHUNK or len(found) >= wanted.limit:
            break
    return found[: wanted.limit], None


async def _out_of_order(database: Database, basis: Basis, wanted: _Wanted, after: int) -> Sequence[Row]:
    """Return the number and name of CHUNK items out of order, after an item; fewer at the end."""
    dialect = database.dialect
    until = basis.position if wanted.until is None else wanted.until
    parameters: list[Any] = [after, until, basis.position, CHUNK]
    where = ""
    if wanted.kind is not None:
        parameters.append(wanted.kind)
        where += f" AND i.kind = ${len(parameters)}"
    for token in wanted.tokens:
        parameters.append(token)
        where += f" AND EXISTS (SELECT 1 FROM facet g WHERE g.token = ${len(parameters)} AND g.item = i.number)"
    if wanted.slugs is not None:
        parameters.append(dialect.listed(wanted.slugs))
        where += f" AND i.slug {dialect.slugs.format(f'${len(parameters)}')}"
    return await database.fetch_long(_OUT_OF_ORDER.format(where=where), *parameters)
