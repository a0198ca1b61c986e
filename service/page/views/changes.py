"""What changes: the calendar of what lapses and begins, and what differs between two days or two Ks."""

from __future__ import annotations

import re
from datetime import date, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

from service.domain.vocabulary.kinds import KINDS
from service.page.ask import ApiRefusal, target
from service.page.says import terms_between
from service.page.views.start import parties_of
from service.page.visit import View, together
from service.page.words import MONTHS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from service.page.visit import Visit

    Members = Mapping[str, Any]

CHANGES_MAX, DIFFERENCES_MAX = 150, 100
"""Changes, and items that differ, on the view at most."""
NAMED_MAX = 60
"""Items of the calendar that are asked for, to be named by a sentence; others go by their slug."""
DAYS = 90
"""Days that the calendar covers, and that lie between the two days or Ks that are compared, unless the URL says so."""
_COUNT = re.compile("[0-9]{1,5}")
_FILTERS = ("because", "party", "good")


async def view(visit: Visit) -> View:
    """Show the calendar, or the differences between two days, or between two Ks."""
    show = visit.query.get("show", "calendar")
    issues = (await visit.get("/v1/issues", limit=200, sources="none"))["items"]
    context: dict[str, Any] = {"show": show, "fields": visit.query, "known": parties_of(issues)}
    try:
        context |= await (_calendar(visit) if show == "calendar" else _differences(visit, show))
    except ApiRefusal as refusal:
        return View(
            "changes.html",
            context | {"since": visit.query.get("since", ""), "problem": refusal.problem},
            "What changes",
            refusal.status,
        )
    return View("changes.html", context, "What changes" if show == "calendar" else "What changed")


async def _calendar(visit: Visit) -> dict[str, Any]:
    days = visit.query.get("days", str(DAYS))
    first = visit.basis.as_of
    last = _later(first, int(days) if _COUNT.fullmatch(days) else DAYS)
    given = {name: visit.query[name] for name in _FILTERS if name in visit.query}
    asked = {"from": first, "to": last, "limit": CHANGES_MAX, **given}
    found = await visit.known("/v1/changes", **asked)
    changes = found["items"]
    states = await _states(visit, changes)
    months = [
        (f"{MONTHS[int(month[5:]) - 1]} {month[:4]}", [_entry(each, states.get(each["item"])) for each in items])
        for month, items in groupby(changes, lambda each: each["day"][:7])
    ]
    return {
        "months": months, "last": last, "days": days, "more": found["next"], "asked": ("/v1/changes", asked),
        "calendar": target("/v1/changes", {**given, "format": "ics"}),
        "news": target("/v1/changes", {**given, "format": "atom"}),
    }  # fmt: skip


async def _states(visit: Visit, changes: Iterable[Members]) -> dict[str, Members]:
    """Return the states of the items that change, each on the day of its first change, as known at K."""
    first: dict[str, Members] = {}
    for each in changes:
        first.setdefault(each["item"], each)
    asked = [*first.values()][:NAMED_MAX]
    paths = [f"/v1/{KINDS[each['kind']].plural}/{each['item']}" for each in asked]
    found = await together(
        *[
            visit.known(path, as_of=each["day"], sources="none", **_planned(each))
            for path, each in zip(paths, asked, strict=True)
        ]
    )
    return {each["id"]: each for each in found}


def _planned(change: Members) -> dict[str, str]:
    return {"include": "planned"} if change["after"]["status"] == "planned" and change["kind"] != "issue" else {}


def _entry(change: Members, state: Members | None) -> dict[str, Any]:
    """Return a change with the state of its item on that day, and its terms in words."""
    before, after = change["before"]["terms"], change["after"]["terms"]
    begins = change["before"]["status"] is None
    terms = [] if begins else terms_between(before, after, sorted({*before, *after}))
    status = change["after"]["status"]
    return {
        **change,
        "terms": terms,
        "state": None if state is None else {**state, "status": status or state["status"]},
    }


async def _differences(visit: Visit, show: str) -> dict[str, Any]:
    """Return the items that differ between two days at K, or on D between two Ks."""
    since = visit.query.get("since", "")
    basis = visit.basis
    if show == "days":
        since = since or _later(basis.as_of, -DAYS)
        asked: dict[str, object] = {"from": since, "to": basis.as_of, **visit.known_clocks}
    else:
        since = since or _later(basis.known_day or basis.today, -DAYS)
        asked = {"as_of": basis.as_of, "known_from": _moment(visit, since), "known_basis": basis.known_basis}
        published = basis.known_basis == "published"
        asked |= (
            {"known_to": basis.known_at, "known_position": basis.known_position}
            if published
            else {"known_to": basis.known_position}
        )
    found = (await visit.ask("/v1/diff", limit=DIFFERENCES_MAX, **asked)).members()
    items = [
        {**each, "terms": terms_between(each["before"] or {}, each["after"] or {}, each["changed"])}
        for each in found["items"]
    ]
    order = {"restriction": 0, "clearance": 1}
    items.sort(key=lambda each: order.get(each["kind"], 2))
    return {"since": since, "differences": items, "more": found["next"], "asked": ("/v1/diff", asked)}


def _moment(visit: Visit, day: str) -> str:
    """Return the K of a day: by recording, the instant at which it ended."""
    return (
        day
        if visit.basis.known_basis == "published" or len(day) != len("2025-06-10")
        else f"{_later(day, 1)}T00:00:00Z"
    )


def _later(day: str, days: int) -> str:
    try:
        return (date.fromisoformat(day) + timedelta(days=days)).isoformat()
    except (ValueError, OverflowError):
        return day
