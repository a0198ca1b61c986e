"""The view of one item."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.domain.vocabulary.kinds import KINDS
from service.page.ask import Refusal
from service.page.visit import View
from service.page.words import titled

if TYPE_CHECKING:
    from service.page.visit import Visit


async def view(visit: Visit) -> View:
    """Show an item as of (D, K)."""
    kind, slug = (visit.request.path_params[name] for name in ("kind", "item"))
    if kind not in KINDS:
        raise Refusal(404, {"title": "Not found", "detail": f"There is no kind of item called {kind[:40]}."})
    path = f"/v1/{KINDS[kind].plural}/{slug}"
    found = await visit.get(path)
    return View("item.html", {"item": found, "api": path}, titled(slug))
