"""The view of one item: its life and terms over the days, what was believed when, its facts with their sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from service.domain.vocabulary.dates import iso, parse
from service.domain.vocabulary.kinds import KINDS
from service.page.ask import ApiRefusal
from service.page.pictures import rectangles as picture
from service.page.pictures import story
from service.page.pictures.legend import legend
from service.page.pictures.lives import Cell, CellState, life_of
from service.page.pictures.scene import Links
from service.page.views.facts import with_records
from service.page.views.lists import pages, read
from service.page.visit import View, together
from service.page.words import titled

if TYPE_CHECKING:
    from service.page.ask import Members
    from service.page.visit import Visit


class Drawn(Struct, frozen=True):
    """A rectangle with its state as it came: only of those that stand now are the terms read."""

    valid_from: str
    valid_to: str | None
    known_from: int | str
    known_to: int | str | None
    state: msgspec.Raw


_state = msgspec.json.Decoder(CellState).decode


def _rectangle(each: Drawn) -> Cell:
    return Cell(each.valid_from, each.valid_to, each.known_from, each.known_to, _state(each.state))


def _members(each: Drawn) -> Members:
    bounds = {"valid_from": each.valid_from, "valid_to": each.valid_to, "known_to": each.known_to}
    return {**bounds, "state": msgspec.json.decode(each.state)}


async def view(visit: Visit) -> View:
    """Show an item as of (D, K)."""
    kind, slug = (visit.request.path_params[name] for name in ("kind", "item"))
    if kind not in KINDS:
        raise ApiRefusal(404, {"title": "Not found", "detail": f"There is no kind of item called {kind[:40]}."})
    path = f"/v1/{KINDS[kind].plural}/{slug}"
    if kind == "issue":
        found = await visit.get(path)
        return View("item.html", {"item": found, "api": path, "facts": []}, titled(slug))
    item, versions, events = await together(
        visit.get(path, sources="all"),
        read(visit, f"{path}/versions", Drawn, sources="none"),
        pages(visit, "/v1/events", item=slug),
    )
    facts = with_records(events[0], item["facts"])
    known = [_rectangle(each) for each in versions[0]]
    standing = [_members(each) for each in versions[0] if each.known_to is None]
    day = parse(visit.basis.as_of).lo
    window = picture.days_of(known, day)
    links = Links(
        lambda at: visit.here(as_of=iso(at)),
        lambda of_kind, other: visit.link(f"/items/{of_kind}/{other}"),
        lambda fact: f"#fact-{fact}",
    )
    drawn = story.story(life_of(slug, kind, known), facts, standing, day, window, links)
    believed = picture.picture(
        kind, known, window, story.notes(events[0], published=visit.basis.known_basis == "published"),
        lambda valid, at: visit.here(as_of=max(valid, "0001-01-02"), **_clock(at)), day=day,
    )  # fmt: skip
    context = {
        "item": item, "api": path, "story": drawn, "believed": believed, "facts": facts, "versions": known,
        "legends": {"life": legend(row.picture for row in drawn.rows), "believed": legend([believed.drawn])},
        "complete": versions[1] and events[1], "range": {"first": window.first, "last": window.last - 1},
    }  # fmt: skip
    return View("item.html", context, titled(slug))


def _clock(known: int | str) -> dict[str, Any]:
    """Return the parameters of a K of the picture."""
    if isinstance(known, int):
        return {"known_basis": "recorded", "known_position": known, "known_at": None}
    return {"known_basis": "published", "known_at": known, "known_position": None}
