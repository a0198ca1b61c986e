"""Items that are out of order (`OutOfOrderRow`): as published they are loaded and weighed on demand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from service.domain.vocabulary.kinds import PLANNED
from service.views.asof.question import ItemState, is_full
from service.views.asof.sql import CARRIES, CARRYING
from service.views.asof.weighing import CHUNK, PageWork, weighed_until

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from service.domain.rule.item import Item
    from service.storage.database import Database, Row
    from service.views.asof.question import Basis

T = TypeVar("T")

_OUT_OF_ORDER = """
SELECT i.number, i.slug FROM out_of_order o CROSS JOIN item i
WHERE o.item > $1 AND o.item <= $2 AND o.position <= $3 AND i.number = o.item{where} ORDER BY o.item LIMIT $4
"""
FEW = 2_000
"""Items with a token are looked up one by one where these are no more."""


def state_on(item: Item, day: int, *, planned: bool = False) -> ItemState | None:
    """Return an item's state on a day with its tokens; None when it has no status, or with `planned` false a plan."""
    state = item.state(day)
    if state is None or (state.status == PLANNED and not planned):
        return None
    return ItemState(item.number, item.slug, item.kind.name, *state)


class OutOfOrder(NamedTuple):
    """Items that are out of order: of some kinds (none: any), of some names or numbers; what they have to pass.

    They have carried a token of each of `tokens`. Those that are only planned are left out unless `planned`. `limit` of
    them, of numbers after `after` and up to `until` (None: all).
    """

    kinds: Sequence[str]
    limit: int
    tokens: Sequence[Sequence[str]] = ()
    passes: Callable[[ItemState], bool] = lambda _: True
    slugs: Sequence[str] | None = None
    numbers: Sequence[int] | None = None
    planned: bool = False
    after: int = 0
    until: int | None = None


async def worked_out(
    database: Database, basis: Basis, wanted: OutOfOrder, work: PageWork
) -> tuple[list[ItemState], int | None]:
    """Return the states that pass, in order of numbers.

    Where they are as many as wanted, or more, or cost or hold too much for one page, also the number of the last item
    looked at.
    """
    found: list[ItemState] = []
    after = wanted.after

    def take(item: Item) -> tuple[int, ItemState | None]:
        return item.number, state_on(item, basis.as_of, planned=wanted.planned)

    while names := await _named(database, basis, wanted, after):
        weighed = await weighed_until(database, basis, [slug for _, slug in names], work, take)
        states = [state for _, state in weighed if state is not None]
        found += [state for state in states if wanted.passes(state)]
        after = weighed[-1][0]
        if work.is_enough or len(found) >= wanted.limit or is_full(found, wanted.limit):
            return found, after
        if len(names) < CHUNK:
            break
    return found, None


async def _named(database: Database, basis: Basis, wanted: OutOfOrder, after: int) -> Sequence[Row]:
    """Return the number and name of CHUNK items out of order, after an item; fewer at the end."""
    dialect = database.dialect
    until = basis.position if wanted.until is None else wanted.until
    parameters: list[Any] = [after, until, basis.position, CHUNK]
    where = ""
    if wanted.kinds:
        parameters.append(dialect.listed([*wanted.kinds]))
        where += f" AND i.kind {dialect.slugs.format(f'${len(parameters)}')}"
    for tokens in wanted.tokens:
        parameters.append(dialect.listed(tokens))
        where += " AND " + CARRIES.format(among=dialect.slugs.format(f"${len(parameters)}"), item="o.item", known="$3")
    if wanted.slugs is not None:
        parameters.append(dialect.listed(wanted.slugs))
        where += f" AND i.slug {dialect.slugs.format(f'${len(parameters)}')}"
    if wanted.numbers is not None:
        parameters.append(dialect.numbered(wanted.numbers))
        where += f" AND o.item {dialect.positions.format(f'${len(parameters)}')}"
    return await database.fetch_long(_OUT_OF_ORDER.format(where=where), *parameters)


async def _carrying(database: Database, basis: Basis, tokens: Sequence[str]) -> list[int]:
    """Return the items that have carried some tokens, an item once for each token: all, or more than FEW."""
    text = f"{CARRYING.format(among=database.dialect.slugs.format('$1'), known='$3')} LIMIT $2"
    rows = await database.fetch_long(text, database.dialect.listed(tokens), FEW + 1, basis.position)
    return [number for (number,) in rows]


async def among(database: Database, basis: Basis, slugs: Sequence[str]) -> list[str]:
    """Return those of some items, in their order, that are out of order."""
    found: set[str] = set()
    for start in range(0, len(slugs), CHUNK):
        wanted = OutOfOrder((), CHUNK, slugs=slugs[start : start + CHUNK])
        found |= {slug for _, slug in await _named(database, basis, wanted, 0)}
    return [slug for slug in slugs if slug in found]


async def taken_of(
    database: Database, basis: Basis, wanted: OutOfOrder, work: PageWork, take: Callable[[Item], T]
) -> list[T]:
    """Take something of each item that is wanted, until the work is enough; its state is not looked at."""
    if wanted.tokens and len(few := await _carrying(database, basis, wanted.tokens[0])) <= FEW:
        wanted = wanted._replace(numbers=few, tokens=wanted.tokens[1:])
    taken: list[T] = []
    after = wanted.after
    while not work.is_enough and (names := await _named(database, basis, wanted, after)):
        taken += await weighed_until(database, basis, [slug for _, slug in names], work, take)
        after = names[-1][0]
    return taken
