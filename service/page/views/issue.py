"""The view of one issue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.page.visit import View

if TYPE_CHECKING:
    from service.page.visit import Visit


async def view(visit: Visit) -> View:
    """Show an issue as of (D, K), with its items."""
    issue = await visit.get(f"/v1/issues/{visit.request.path_params['issue']}")
    return View("issue.html", {"issue": issue}, issue["title"])
