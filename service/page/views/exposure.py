"""The view of what touches a good and a country, and what is charged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.page.visit import View

if TYPE_CHECKING:
    from service.page.visit import Visit


async def view(visit: Visit) -> View:
    """Show the form."""
    return View("exposure.html", {"asked": visit.query}, "Exposure")
