"""The view of what changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.page.visit import View

if TYPE_CHECKING:
    from service.page.visit import Visit


async def view(visit: Visit) -> View:
    """Show what changes on the days after D."""
    found = await visit.known("/v1/changes", **{"from": visit.basis.as_of})
    return View("changes.html", {"changes": found["items"], "found": found}, "What changes")
