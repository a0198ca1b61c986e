"""The view of what touches a good from one country to another, over time, and what is charged on the day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from service.domain.vocabulary.kinds import KINDS
from service.page.ask import ApiRefusal, target
from service.page.bands import Band, BandSegment, BandWindow, drawn, window_around
from service.page.views.search import good_of
from service.page.views.start import parties_of
from service.page.visit import View, together

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from service.page.visit import Visit

    Members = Mapping[str, Any]

BANDS_MAX = 24
"""Measures that are drawn over time, at most."""
_GOODS = ("good", "hs", "eccn")
"""The parameters that name a good: the form has one field for all of them, which sends `good`."""
_COUNTRIES = {"origin", "destination", "party"}
_FIELDS = ("entity", "origin", "destination", "party", "quota")


async def view(visit: Visit) -> View:
    """Show the form, and where it is filled in, what it asks for."""
    issues = (await visit.get("/v1/issues", limit=200, sources="none"))["items"]
    fields = {**visit.query, "good": good_named(visit.query)}
    context: dict[str, Any] = {"known": parties_of(issues), "fields": fields}
    asked = asked_of(visit.query)
    if asked.keys().isdisjoint(_COUNTRIES) or asked.keys() <= _COUNTRIES:
        return View("exposure.html", context, "Exposure")
    try:
        found, ended = await together(
            visit.get("/v1/exposure", limit=100, **asked),
            visit.get("/v1/exposure", limit=BANDS_MAX, include="ended", sources="none", **asked),
        )
    except ApiRefusal as refusal:
        return View("exposure.html", {**context, "problem": refusal.problem}, "Exposure", refusal.status)
    window = window_around(visit.basis.as_of)
    context |= {
        "found": found,
        "asked": asked,
        "names": {each["id"]: each for each in [*ended["items"], *found["items"]]},
        "bands": drawn(await bands(visit, ended["items"], window), window, visit.basis.as_of),
        "table": target("/exposure.csv", {**asked, **visit.basis.frozen}),
        "unclear": visit.query.get("compared") == "no",
    }
    if context["unclear"]:
        context["found"] |= {"items": (await visit.get("/v1/exposure", limit=100, compared="no", **asked))["items"]}
    return View("exposure.html", context, f"Exposure: {fields['good'] or fields.get('entity', '')}")


def good_named(query: Mapping[str, str]) -> str:
    """Return the good that a query names, as the field shows it; "" where it names none."""
    return next((query[name].strip() for name in _GOODS if name in query), "")


def asked_of(query: Mapping[str, str]) -> dict[str, object]:
    """Return what the API is asked: a good by name or code, its maker, and the countries."""
    coded: dict[str, object] = {name: query[name] for name in _GOODS if name != "good" and name in query}
    given: dict[str, object] = {name: query[name] for name in _FIELDS if name in query}
    return {**(good_of(query["good"].strip()) if "good" in query else {}), **coded, **given}


async def bands(visit: Visit, items: Iterable[Members], window: BandWindow) -> list[Band]:
    """Return the life of each measure as known at K."""
    chosen = list(items)
    paths = [f"/v1/{KINDS[each['kind']].plural}/{each['id']}/versions" for each in chosen]
    found = await together(*[visit.known(path, limit=500, sources="none") for path in paths])
    every = [_band(item, history["items"]) for item, history in zip(chosen, found, strict=True)]
    return [each for each in every if any(window.shows(segment) for segment in each.segments)]


def _band(item: Members, rectangles: Iterable[Members]) -> Band:
    """Return the states of an item that are known at K: the rectangles that are open towards later K."""
    segments = [
        BandSegment(each["valid_from"], each["valid_to"], each["state"])
        for each in rectangles
        if each["known_to"] is None
    ]
    return Band(item, sorted(segments, key=lambda each: each.begins))
