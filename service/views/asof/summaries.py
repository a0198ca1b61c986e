"""Issues summed up: their versions and postures, read as recorded, worked out from their items as published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.domain.rule.posture import is_decided, posture_of
from service.domain.rule.state import status_in
from service.views.asof import published, recorded
from service.views.asof.question import Summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.domain.rule.posture import ItemStatus, Posture
    from service.storage.database import Database
    from service.views.asof.question import Basis, IssuePage, ItemState


async def summaries(database: Database, basis: Basis, issues: Sequence[ItemState]) -> dict[str, Summary]:
    """Return the version and the posture of issues, of which these are the states."""
    slugs = [each.slug for each in issues]
    if basis.published is None:
        return await recorded.summaries(database, basis.pinned(), slugs)
    versions = await recorded.issue_versions(database, basis.position, slugs)
    statuses = await published.statuses(database, basis.pinned(), slugs)
    return {each.slug: Summary(versions[each.slug], posture_of(_status(each), statuses[each.slug])) for each in issues}


async def posture_by(database: Database, page: IssuePage, own: ItemState) -> Posture:
    """Return the posture of the issue of a page, `own` being its state."""
    if page.basis.published is None:
        return page.posture or (await summaries(database, page.basis, [own]))[own.slug].posture
    statuses = set(map(_status, page.items))
    if not is_decided(statuses):
        statuses = (await published.statuses(database, page.basis.pinned(), [own.slug]))[own.slug]
    return posture_of(_status(own), statuses)


def _status(state: ItemState) -> ItemStatus:
    return status_in(state.kind, state.status, state.body)
