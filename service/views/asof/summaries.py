"""Issues summed up: their versions and postures, read as they are kept.

As published, where an issue's events were not published in their order in the log, the posture is the sum of what its
items bear; where an item of it is out of order, it is worked out from the items.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.domain.rule.posture import is_decided, posture_of
from service.domain.rule.read_state import status_in
from service.views.asof import published, recorded
from service.views.asof.question import Summary
from service.views.asof.weighing import PageWork

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.domain.rule.posture import ItemStatus, Posture
    from service.storage.database import Database
    from service.views.asof.question import Basis, IssuePage, ItemState


async def summaries(
    database: Database, basis: Basis, issues: Sequence[ItemState], work: PageWork, *, is_first: bool = True
) -> dict[str, Summary]:
    """Return the version and the posture of issues, of which these are the states.

    Some are left out where they take too much work together, of the first page of an answer all but the first: raises
    TooMuchToAnswer for one alone.
    """
    question = basis.pinned()
    found = await recorded.summaries(database, question, [each.slug for each in issues])
    others = [each for each in issues if each.slug not in found]
    if not others:
        return found
    postures = await recorded.summed_up(database, question, [each.slug for each in others])
    versions = await recorded.issue_versions(database, basis.position, [*postures])
    found |= {slug: Summary(versions[slug], posture) for slug, posture in postures.items()}
    others = [each for each in others if each.slug not in found]
    needed = issues[0].slug if is_first else None
    return found | await worked_out(database, basis, others, work, needed) if others else found


async def worked_out(
    database: Database, basis: Basis, issues: Sequence[ItemState], work: PageWork, needed: str | None
) -> dict[str, Summary]:
    """Return the same as published, worked out from the items of the issues."""
    slugs = [each.slug for each in issues]
    versions = await recorded.issue_versions(database, basis.position, slugs)
    statuses = await published.statuses(database, basis.pinned(), slugs, work, needed)
    return {
        each.slug: Summary(versions[each.slug], posture_of(_status(each), statuses[each.slug]))
        for each in issues
        if each.slug in statuses
    }


async def posture_by(database: Database, page: IssuePage, own: ItemState) -> Posture:
    """Return the posture of the issue of a page, `own` being its state."""
    if page.basis.published is not None and is_decided(statuses := set(map(_status, page.items))):
        return posture_of(_status(own), statuses)
    return page.posture or (await summaries(database, page.basis, [own], PageWork()))[own.slug].posture


def _status(state: ItemState) -> ItemStatus:
    return status_in(state.kind, state.status, state.body)
