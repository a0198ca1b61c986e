"""The feed: recorded events in position order, for services that follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from service.api.events import EventType
from service.api.queries import POSITION_MAX, Limit, Query
from service.api.wire import REVALIDATE, AnyRequest, answer, query_of, services
from service.domain.codes import Party, Slug
from service.feed import pages

if TYPE_CHECKING:
    from litestar import Response


class FeedQuery(Query, frozen=True, kw_only=True):
    """Where to read on, how much, and which events."""

    after: Annotated[
        int, Meta(ge=0, le=POSITION_MAX, description="Read the events behind this position; 0 is the beginning.")
    ] = 0
    limit: Limit = 50
    type: EventType | None = None
    issue: Annotated[Slug | None, Meta(description="Events that name this issue.")] = None
    party: Annotated[Party | None, Meta(description="Events that mention this party.")] = None

    def filter(self) -> pages.Filter:
        """Give what is asked for."""
        given = (("type", self.type), ("issue", self.issue), ("party", self.party))
        return pages.Filter(tuple(f"{name}:{value}" for name, value in given if value is not None))


async def read_feed(request: AnyRequest) -> Response[bytes]:
    """Read a page of the log."""
    asked = query_of(request, FeedQuery)
    page = await pages.page(services(request).database, asked.after, asked.limit, asked.filter())
    events = b",".join(event.json() for event in page.events)
    return answer(
        b'{"events":[%s],"next":%d,"head":%d}' % (events, page.next, page.head), headers={"Cache-Control": REVALIDATE}
    )
