"""The parameter `sort` of lists as of (D, K), and pages in its order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from service.api.http.query_strings import BadQuery
from service.domain.errors import Fault
from service.views.asof import sorting
from service.views.asof.sorting import Order, PagePlace, TooManyToSort

if TYPE_CHECKING:
    from service.api.http.asof import AsOfRequest, K
    from service.storage.database import Database
    from service.views.asof.question import Question, StatePage
    from service.views.asof.sorting import Listing
    from service.views.asof.weighing import PageWork

SORTED = (
    "In place of the order of the log, which is kept among equals; with `-` the last first. At most "
    f"{sorting.SORTED_MAX:,} that pass the other filters can be sorted."
)
ItemSort = Literal["since", "-since", "until", "-until", "id", "-id"]
IssueSort = Literal["since", "-since", "id", "-id"]


async def listed(
    database: Database, question: Question, listing: Listing, place: PagePlace, limit: int, work: PageWork
) -> StatePage:
    """Return a page of a list after a place; raises BadQuery where there are too many to sort."""
    try:
        return await sorting.page(database, question, listing, place=place, limit=limit, work=work)
    except TooManyToSort:
        more = f"more than {sorting.SORTED_MAX:,} would be sorted: add filters"
        raise BadQuery([Fault(("sort",), more)]) from None


def place_of(asked: AsOfRequest[K]) -> PagePlace:
    """Return the place that a page begins after; of the first its number is 0."""
    return PagePlace("" if asked.cursor is None else asked.cursor.key, asked.after)


def order_of(sort: str | None) -> Order | None:
    """Return the order of a list by its parameter `sort`."""
    return None if sort is None else Order(sort.removeprefix("-"), last_first=sort.startswith("-"))
