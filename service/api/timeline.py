"""The timeline of an issue: its facts in valid order, as known at K."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.api.absent import without_status
from service.api.http.asof import AsOfRequest, as_known
from service.api.http.parameters import KnownPageQuery
from service.api.http.requests import slug_of
from service.api.spec import examples, response_shapes
from service.api.spec.operations import IssueName, Operation, Route, as_of_answers
from service.views.asof import timeline
from service.views.asof.engine import engine_of

if TYPE_CHECKING:
    from service.storage.database import Database
    from service.views.asof.question import Basis


async def _get_timeline(asked: AsOfRequest[KnownPageQuery], basis: Basis) -> bytes:
    """Read a page of an issue's facts in valid order."""
    slug = slug_of(asked.request, "issue", "issue")
    await check_issue(asked.database, basis, slug)
    page = await timeline.timeline_page(asked.database, basis, slug, after=asked.after, limit=asked.query.limit)
    return asked.page(basis, [fact.body for fact in page.facts], page.next).members


async def check_issue(database: Database, basis: Basis, slug: str) -> None:
    """Refuse an issue that is not known at K. One that is known exists on every day."""
    question = basis.pinned()
    if await engine_of(question).item(database, question, "issue", slug) is None:
        raise await without_status(database, question, "issue", slug)


ROUTES = [
    Route(
        Operation(
            method="GET", path="/v1/issues/{issue}/timeline", operation_id="get_timeline", tag="issues",
            summary="Read the timeline of an issue",
            description="The issue's facts in valid order as known at K: retracted ones are absent, corrected ones "
            "have their newest text, planned, conditional and denied ones stand here too. In order of the first day on "
            "which a fact may have occurred, then the last, then its position. A page of facts with many records may "
            "be short before the end.",
            path_parameters={"issue": IssueName}, query=KnownPageQuery, headers=("If-None-Match",),
            answers=as_of_answers("A page of facts.", response_shapes.Timeline, examples.TIMELINE),
            problems=("not-found", "knowledge-ahead"),
        ),
        as_known(KnownPageQuery, _get_timeline),
    )
]  # fmt: skip
