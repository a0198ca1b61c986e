"""The view of all issues: each with its posture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.page.visit import View

if TYPE_CHECKING:
    from service.page.visit import Visit

ISSUES_MAX = 200
"""Issues on the view, at most."""


async def view(visit: Visit) -> View:
    """Show every issue as of (D, K)."""
    found = await visit.get("/v1/issues", limit=ISSUES_MAX, sources="none")
    return View("issues.html", {"issues": found["items"]}, "Issues")
