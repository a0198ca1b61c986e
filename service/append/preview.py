"""What a batch would do, without recording it: it is decided and projected as for an append, and nothing is stored."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from service.append.attempt import Attempt
from service.domain.errors import TooMuchWork
from service.eventlog.head import head_of
from service.views.working_set import WorkingSet, load

if TYPE_CHECKING:
    from service.append.request import Request
    from service.domain.errors import Fault
    from service.domain.rule.item import Item
    from service.storage.database import Database


class PreviewedItem(NamedTuple):
    """An item with its states before and after, as JSON; None where it has no status."""

    slug: str
    kind: str
    before: bytes | None
    after: bytes | None


class Preview(NamedTuple):
    """What a batch would do.

    `events` are the bodies as they would be recorded, `position` the head that they would follow. `items` are those
    that the events are about, and the others whose states would change, with their states on the day `day`.
    """

    position: int
    day: int
    events: list[bytes]
    warnings: list[Fault]
    items: list[PreviewedItem]


async def preview(database: Database, request: Request, now: int) -> Preview:
    """Preview a request, as of the day of the instant `now` (microseconds since 1970 UTC).

    Raises what an append of it would: Malformed (TooMuchWork), VersionConflict, EventIdConflict.
    """
    request.look_up = True
    attempt = Attempt(database, WorkingSet(database), await head_of(database), now)
    try:
        with suppress(TooMuchWork):  # noted with the request
            await attempt.prepare([request])
        request.outcome = request.outcome or request.refused
        request.resolve()
        result = await request.answer
    finally:
        del request  # see `Ledger.append`
    after, day = attempt.items, attempt.today
    position = attempt.head.position - (0 if result.repeated else len(result.events))
    before = {item.slug: item for item in await load(database, after, position)}
    about = attempt.homes.values()
    items = [
        PreviewedItem(item.slug, item.kind.name, was, now)
        for item in sorted(after.values(), key=_by_number)
        for was, now in ((_state(before.get(item.slug), day), _state(item, day)),)
        if was != now or item.slug in about
    ]
    return Preview(position, day, [event.body for event in result.events], result.warnings, items)


def _by_number(item: Item) -> int:
    return item.number


def _state(item: Item | None, day: int) -> bytes | None:
    state = None if item is None else item.state(day)
    return None if state is None else state.body
