"""The engine as published: items as known on a day of publication (docs/semantics.md, 8), loaded and weighed on demand.

The same rule applies as in `rule.item`; only which facts an item has, and with which reports, differs.
"""

from __future__ import annotations

from math import inf
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from service.domain.rule.posture import DECIDING_KINDS, ItemStatus, is_decided
from service.domain.rule.publication import as_published_by, days
from service.domain.rule.tokens import of_issue, possible_in
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
    recorded_on_days,
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
SELECT i.number, i.slug FROM {source} WHERE i.number > $1 AND i.number <= $2 AND {where} ORDER BY {order} LIMIT $3
"""
_NEWEST = f"""
SELECT i.number, i.slug FROM facet f CROSS JOIN item i
WHERE f.token = $1 AND f.item < $2 AND i.number = f.item AND i.kind IN {DECIDING_KINDS}
ORDER BY f.item DESC LIMIT $3
"""


async def item(
    database: Database, question: Question, kind: str, slug: str, *, planned: bool = False
) -> OneState | None:
    """Return one item's state; None when it has no status at (D, K), or without `planned` is only planned."""
    basis = await resolve(database, question)
    states = await named(database, basis, [slug], planned=planned)
    if not states or states[0].kind != kind:
        return None
    return OneState(basis, states[0], (await recorded.issue_versions(database, basis.position, [slug])).get(slug, 0))


async def page(database: Database, question: Question, wanted: StateFilter, *, after: int, limit: int) -> StatePage:
    """Return the states that pass a filter, after an item number."""
    basis = await resolve(database, question)
    required = (*wanted.tokens, *wanted.marks)

    def passes(state: ItemState) -> bool:
        return state.kind == wanted.kind and all(token in state.tokens for token in required)

    candidates = _Candidates(wanted.kind, wanted.tokens, passes, planned=wanted.planned)
    states, last = await _states(database, basis, candidates, after, limit + 1)
    page = page_of(basis, states, limit)
    return page if page.next else page._replace(next=last)


async def issue_page(
    database: Database, question: Question, slug: str, included: Included, *, after: int, limit: int
) -> IssuePage:
    """Return the states of an issue's items after an item number, ended and planned ones only when asked for."""
    basis = await resolve(database, question)
    token = of_issue(slug)
    hidden: list[ItemState] = []

    def passes(state: ItemState) -> bool:
        if token not in state.tokens:
            return False
        if included.ended or state.kind == "issue" or "ended" not in state.tokens:
            return True
        if "ended-surely" not in state.tokens:
            hidden.append(state)
        return False

    version = (await recorded.issue_versions(database, basis.position, [slug])).get(slug, 0)
    candidates = _Candidates(None, [token], passes, planned=included.planned)
    states, last = await _states(database, basis, candidates, after, limit + 2)
    return issue_page_of(basis, version, states, slug, limit, last=last)._replace(hidden=hidden)


async def named(database: Database, basis: Basis, slugs: Iterable[str], *, planned: bool = False) -> list[ItemState]:
    """Return the states of named items with their tokens, by number; those without a status are left out.

    Without `planned` those that are only planned are left out too.
    """
    states, _ = await named_until(database, basis, list(slugs), PageWork(inf), planned=planned)
    return sorted(states, key=attrgetter("number"))


async def named_until(
    database: Database, basis: Basis, slugs: Sequence[str], work: PageWork, *, planned: bool
) -> tuple[list[ItemState], int | None]:
    """Return the states of items named in order of numbers; where the work is enough, the last that was weighed too.

    It is a number; None where there was work left after all of them.
    """

    def take(item: Item) -> tuple[int, ItemState | None]:
        return item.number, state_on(item, basis.as_of, planned=planned)

    weighed = await weighed_until(database, basis, slugs, work, take)
    return [state for _, state in weighed if state is not None], weighed[-1][0] if work.is_enough else None


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
        recorded_on = recorded_on_days(rows)
        for chain in chained(rows).chains.values():
            found.update(entry.position for entry in as_published_by(chain, recorded_on, publication_day(basis)))
    return found


def state_on(item: Item, day: int, *, planned: bool = False) -> ItemState | None:
    """Return an item's state on a day with its tokens; None when it has no status, or with `planned` false a plan."""
    state = item.state(day)
    if state is None or (state.status == PLANNED and not planned):
        return None
    return ItemState(item.number, item.slug, item.kind.name, *state)


async def candidates(database: Database, basis: Basis, token: str, after: int) -> list[str]:
    """Return the slugs of CHUNK items that may carry a token, after an item number; fewer at the end."""
    wanted = _Candidates(None, [token], lambda _: True)
    return [slug for _, slug in await _named(database, basis, wanted, after, CHUNK)]


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
        item, recorded_on = chained(self._rows), recorded_on_days(self._rows)
        known: dict[int, Sequence[Entry]] = {}
        changes: dict[int, dict[int, None]] = {}
        for root, chain in item.chains.items():
            for entry in chain:
                for day in days(entry.event, recorded_on[entry.position]):
                    changes.setdefault(day, {})[root] = None
        for day in sorted(changes):
            if day > self.last:
                break
            chains = {root: as_published_by(item.chains[root], recorded_on, day) for root in changes[day]}
            new = {root: chain for root, chain in chains.items() if chain != known.get(root, [])}
            known |= new
            yield item, day, item.learn(new)


async def lives(database: Database, basis: Basis, kind: str, slug: str) -> Lives | None:
    """Load an item of a kind as known on each day of publication, up to the basis's; None where there is none."""
    found = [rows for rows in await rows_of(database, [slug], basis.position) if rows[0][2] == kind]
    return Lives(found[0], publication_day(basis)) if found else None


class _Candidates(NamedTuple):
    """Items of a kind (None: of any) that may carry every token, and what their states have to pass.

    Those that are only planned are left out unless `planned`.
    """

    kind: str | None
    tokens: Sequence[str]
    passes: Callable[[ItemState], bool]
    planned: bool = False


async def _states(
    database: Database, basis: Basis, candidates: _Candidates, after: int, limit: int
) -> tuple[list[ItemState], int | None]:
    """Return up to `limit` of the states that pass, in order of the items' first appearance.

    Where they cost too much for one page, also the number of the last item that was weighed.
    """
    found: list[ItemState] = []
    work = PageWork()
    size, tried = min(limit, CHUNK), 0
    while names := await _named(database, basis, candidates, after, size):
        slugs = [slug for _, slug in names]
        states, last = await named_until(database, basis, slugs, work, planned=candidates.planned)
        found += filter(candidates.passes, states)
        if last is not None:
            return found[:limit], last
        if is_full(found, limit) or len(found) >= limit or len(names) < size:
            break
        after, tried = names[-1][0], tried + len(names)
        missing = limit - len(found)
        size = min(missing * tried // len(found) + 1, CHUNK) if found else CHUNK  # as many as it will likely take
    return found[:limit], None


async def _named(database: Database, basis: Basis, candidates: _Candidates, after: int, size: int) -> Sequence[Row]:
    """Return the number and name of some candidates, after an item: `facet` has the tokens of every text."""
    parameters: list[int | str] = [after, basis.position, size]
    where: list[str] = []

    def require(condition: str, value: str) -> None:
        parameters.append(value)
        where.append(condition.format(f"${len(parameters)}"))

    source, order = "item i", "i.number"
    if candidates.tokens:
        source, order = "facet f CROSS JOIN item i", "f.item"
        require("f.token = {} AND i.number = f.item AND f.item > $1", candidates.tokens[0])
    for token in candidates.tokens[1:]:
        require("EXISTS (SELECT 1 FROM facet g WHERE g.token = {} AND g.item = i.number)", token)
    if candidates.kind is not None:
        require("i.kind = {}", candidates.kind)
    sql = _CANDIDATES.format(source=source, where=" AND ".join(where), order=order)
    return await database.fetch_long(sql, *parameters)
