"""The engine as published: items as known on a day of publication (docs/semantics.md, 8).

Most items become known in the order in which they are recorded. Of these what was published by a day is what was
recorded up to some position, and the versions answer, as in `recorded.py`. An item that is out of order
(`OutOfOrderRow`) is loaded and weighed on demand: the same rule applies as in `rule.item`; only which facts an item
has, and with which reports, differs.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from math import inf
from operator import attrgetter
from typing import TYPE_CHECKING

from service.domain.errors import TooMuchToAnswer
from service.domain.rule.posture import DECIDING_KINDS, ItemStatus, is_decided
from service.domain.rule.publication import as_published_by
from service.domain.rule.tokens import ENDED, of_issue, possible_in
from service.domain.vocabulary.dates import FOREVER
from service.domain.vocabulary.kinds import PLANNED
from service.views.asof import recorded
from service.views.asof.basis import resolve
from service.views.asof.lives import Lives, lives
from service.views.asof.out_of_order import OutOfOrder, among, state_on, worked_out
from service.views.asof.question import (
    Basis,
    FirstStatus,
    Included,
    IssuePage,
    ItemState,
    OneState,
    Sieve,
    StateFilter,
    StatePage,
    Statuses,
    issue_page_of,
    page_of,
)
from service.views.asof.weighing import (
    CHUNK,
    PageWork,
    apart,
    chained,
    loaded_until,
    publication_day,
    publish_steps,
    weighed_until,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.storage.database import Database, Row
    from service.views.asof.question import Question

_CANDIDATES = """
SELECT i.number, i.slug FROM facet f CROSS JOIN item i
WHERE f.item > $1 AND f.position <= $2 AND f.token = $4 AND i.number = f.item ORDER BY f.item LIMIT $3
"""
_ITEMS = "SELECT i.number, i.slug FROM item i WHERE i.number > $1 AND i.number <= $2 ORDER BY i.number LIMIT $3"
READ_STEPS = 100
"""Steps to decode an event, and to put it into its chain."""
NAMED_STEPS = 500
"""Steps of work (service/domain/rule/work.py) to read the state of an item whose name is known."""
_NEWEST = f"""
SELECT i.number, i.slug FROM facet f CROSS JOIN item i
WHERE f.token = $1 AND f.item < $2 AND f.position <= $4 AND i.number = f.item AND i.kind IN {DECIDING_KINDS}
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
    states, _ = await worked_out(database, basis, OutOfOrder([kind], 1, slugs=[slug], planned=planned), PageWork(inf))
    if not states:
        return None
    return OneState(basis, states[0], (await recorded.issue_versions(database, basis.position, [slug])).get(slug, 0))


async def page(
    database: Database, question: Question, wanted: StateFilter, *, after: int, limit: int, work: PageWork
) -> StatePage:
    """Return the states that pass a filter, after an item number."""
    kept = await recorded.page(database, question, wanted, after=after, limit=limit)
    others = OutOfOrder(
        [wanted.kind],
        limit + 1,
        [(token,) for token in wanted.tokens],
        lambda state: wanted.takes(state.tokens),
        planned=wanted.planned,
        after=after,
    )
    states, last = await _with_others(database, kept, others, work)
    page = page_of(kept.basis, states, limit, more=kept.next is not None)
    return page if page.next else page._replace(next=last)


async def issue_page(
    database: Database, question: Question, slug: str, included: Included, *, after: int, limit: int
) -> IssuePage:
    """Return the states of an issue's items after an item number, ended and planned ones only when asked for."""
    kept = await recorded.issue_page(database, question, slug, included, after=after, limit=limit)
    token = of_issue(slug)

    def passes(state: ItemState) -> bool:
        return token in state.tokens and (included.ended or state.kind == "issue" or ENDED not in state.tokens)

    others = OutOfOrder((), limit + 2, [(token,)], passes, planned=included.planned, after=after)
    items = kept.items if kept.own is None else [kept.own.state, *kept.items]
    states, last = await _with_others(database, StatePage(kept.basis, items, kept.next), others, PageWork())
    version = kept.version  # 0 where no item is in order
    if not version and states:
        version = (await recorded.issue_versions(database, kept.basis.position, [slug])).get(slug, 0)
    return issue_page_of(kept.basis, version, states, slug, limit, last=last)


async def _with_others(
    database: Database, kept: StatePage, wanted: OutOfOrder, work: PageWork
) -> tuple[list[ItemState], int | None]:
    """Add to a page of states those of items that are out of order.

    Return them in order of numbers, and the number of the last item that was looked at where others may follow.
    """
    found, last = await worked_out(database, kept.basis, wanted._replace(until=kept.next), work)
    if last is None:
        last = kept.next
    states = sorted([*kept.items, *found], key=attrgetter("number"))
    return [each for each in states if last is None or each.number <= last], last


async def named(
    database: Database, basis: Basis, slugs: Sequence[str], *, planned: bool = False, work: PageWork | None = None
) -> list[ItemState]:
    """Return the states of named items with their tokens, by number, maybe without their bodies.

    Those without a status are left out, and without `planned` those that are only planned. Where the work is enough,
    the rest is left out too.
    """
    kept = await recorded.named(database, basis, slugs, planned=planned)
    wanted = OutOfOrder((), len(slugs), slugs=slugs, planned=planned)
    others, _ = await worked_out(database, basis, wanted, work or PageWork(inf))
    return sorted([*kept, *others], key=attrgetter("number"))


async def named_until(
    database: Database, basis: Basis, slugs: Sequence[str], work: PageWork, *, planned: bool = False
) -> tuple[list[ItemState], frozenset[str]]:
    """Return the states of named items as `named` does, and the names of those for which the work was enough before.

    Items are weighed in the order of their names here; the first is, whatever the work has been.
    """
    found = await recorded.named(database, basis, slugs, planned=planned)
    done = {each.slug for each in found}
    rest = [slug for slug in slugs if slug not in done]
    unordered = await among(database, basis, rest)
    take = partial(state_on, day=basis.as_of, planned=planned)
    for place, slug in enumerate(unordered):
        if place and work.is_enough:
            return found, frozenset(unordered[place:])
        states = await weighed_until(database, basis, [slug], work.beside(inf) if work.is_enough else work, take)
        found += [state for state in states if state is not None]
    return found, frozenset()


async def sifted(
    database: Database,
    basis: Basis,
    numbers: Sequence[int],
    sieve: Sieve,
    most: int,
    work: PageWork,
) -> tuple[list[ItemState], int | None]:
    """Return, of some items, the first states that may pass a sieve, as `recorded.sifted` does.

    Others may follow, too, where those that are out of order cost enough for a page.
    """
    kept, last = await recorded.sifted(database, basis, numbers, sieve, most)
    wanted, carried = sieve
    unordered = OutOfOrder(wanted.kinds, most, carried, numbers=numbers, planned=wanted.included.planned)
    return await _with_others(database, StatePage(basis, kept, last), unordered, work)


async def statuses(
    database: Database, question: Question, issues: Sequence[str], work: PageWork, needed: str | None
) -> Statuses:
    """Return issues' items as their postures see them, as many as these depend on; of the last issues none.

    These are left out once the work is enough for a page; raises TooMuchToAnswer where the `needed` issue is one.
    Items are read from the newest on: older ones have mostly ended. Of busy issues with a hundred items most are
    decided by twenty.
    """
    basis = await resolve(database, question)
    found: dict[str, set[ItemStatus]] = {}
    for issue in issues:
        try:
            found[issue] = await _statuses(database, basis, issue, work)
        except TooMuchToAnswer:
            if issue == needed:
                raise
            break
    return found


async def _statuses(database: Database, basis: Basis, issue: str, work: PageWork) -> set[ItemStatus]:
    found: set[ItemStatus] = set()
    token, before = of_issue(issue), basis.position + 1
    while names := await database.fetch_long(_NEWEST, token, before, CHUNK // 2, basis.position):
        states = await named(database, basis, [slug for _, slug in names], work=work)
        work.spend(NAMED_STEPS * len(names))
        found |= {
            ItemStatus(each.kind, each.status, possible_in(each.tokens)) for each in states if token in each.tokens
        }
        if is_decided(found):
            break
        before = names[-1][0]
    return found


async def first(database: Database, basis: Basis, kind: str, slug: str) -> FirstStatus | None:
    """Return when an item first has a status, of what was recorded up to a position; None when it never has.

    Where it has none on any day of publication, or these take too much work, that is when it first has one as recorded.
    """
    found = await lives(database, basis._replace(published=FOREVER), kind, slug)
    begun = None
    if found is not None:
        with suppress(TooMuchToAnswer):
            begun = await apart(found.size, _begun, found)
    return begun or await recorded.first(database, basis, kind, slug)


def _begun(found: Lives) -> FirstStatus | None:
    for item, day, _ in found:
        for segment in item.segments:
            if segment.answer.status not in {None, PLANNED}:
                return FirstStatus(segment.start, None, day)
    return None


async def counted(
    database: Database, basis: Basis, slugs: Sequence[str], work: PageWork
) -> tuple[set[int], frozenset[str]]:
    """Return the positions of the events of some items that count on the day of publication.

    Where the work is enough, also the names of the items after that, which were not looked at.
    """
    day = publication_day(basis)

    def count(_: str, rows: Sequence[Row]) -> list[int]:
        if not rows:
            return []
        item = chained(rows)
        work.add(item, publish_steps(item.size, item.reports) + READ_STEPS * item.size)
        return [entry.position for chain in item.chains.values() for entry in as_published_by(chain, day)]

    found = await loaded_until(database, basis, slugs, work, count)
    return {position for of_item in found for position in of_item}, frozenset(slugs[len(found) :])


async def candidates(database: Database, basis: Basis, token: str | None, after: int) -> list[str]:
    """Return the slugs of CHUNK items that may carry a token (None: of any), after an item number; fewer at the end."""
    given = (after, basis.position, CHUNK)
    if token is None:
        rows = await database.fetch_long(_ITEMS, *given)
    else:
        rows = await database.fetch_long(_CANDIDATES, *given, token)
    return [slug for _, slug in rows]
