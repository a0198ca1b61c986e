"""The first view: what stands between two partners, what comes next, and the issues."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING, Any

from service.page.views.issues import ISSUES_MAX
from service.page.visit import View, together
from service.page.words import party

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from service.page.visit import Visit

    Members = Mapping[str, Any]

SIDES = ("a_on_b", "b_on_a", "both")
ITEMS_MAX = 200
"""Items between two partners that the view shows, at most."""
NEXT_MAX = 8
"""Changes to come that the view shows, at most."""


async def view(visit: Visit) -> View:
    """Show what stands between two partners: those of the URL, or else those of most issues."""
    issues = (await visit.get("/v1/issues", limit=ISSUES_MAX, sources="none"))["items"]
    a, b = visit.query.get("a"), visit.query.get("b")
    chosen = pair_of(issues, a, b)
    context: dict[str, Any] = {"issues": issues, "known": parties_of(issues), "pair": chosen, "chosen": not (a and b)}
    if chosen is None:
        return View("start.html", {**context, "sides": []})
    found, coming = await together(
        visit.get("/v1/between", a=chosen[0], b=chosen[1], limit=ITEMS_MAX),
        visit.known("/v1/changes", **{"from": visit.basis.as_of, "party": chosen[0], "limit": NEXT_MAX}),
    )
    context |= {"sides": sides(found, chosen), "found": found, "coming": coming["items"]}
    return View("start.html", context, f"{party(chosen[0])} and {party(chosen[1])}")


def pair_of(issues: Sequence[Members], a: str | None, b: str | None) -> tuple[str, str] | None:
    """Return the partners to show: those that are given, the rest by what most issues are between."""
    pairs = Counter(pair for each in issues for pair in combinations(sorted(each.get("parties", ())), 2))
    if a and b:
        return a, b
    given = a or b
    for (one, other), _ in pairs.most_common():
        if given in (None, one, other):
            return (other, one) if given == other or (given is None and other == "US") else (one, other)
    return None


def parties_of(issues: Iterable[Members]) -> list[str]:
    """Return the parties of the issues, those of the most issues first."""
    return [code for code, _ in Counter(code for each in issues for code in each.get("parties", ())).most_common()]


def sides(found: Members, pair: tuple[str, str]) -> list[tuple[str, list[Members]]]:
    """Return the sides that have items, each under a heading, restrictions first."""
    one, other = party(pair[0]), party(pair[1])
    heads = (f"{one} on {other}", f"{other} on {one}", "Between both")
    groups = [[each for kind in found[side].values() for each in kind] for side in SIDES]
    return [(head, items) for head, items in zip(heads, groups, strict=True) if items]
