"""The first view: what stands between two partners, what comes next, and the issues."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

from service.domain.vocabulary.kinds import KINDS
from service.page.views.issues import ISSUES_MAX
from service.page.views.search import good_of, searched
from service.page.visit import View
from service.page.words import look, party

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from service.page.visit import Visit

    Members = Mapping[str, Any]

SIDES = ("a_on_b", "b_on_a", "both")
ITEMS_MAX = 250
"""Items between two partners that the view shows, at most."""
NEXT_MAX = 8
"""Changes to come that the view shows, at most."""
_LOOKS = ("runs", "hidden", "coming", "ended", "none")
_COMPARED = {"yes", "no"}


class Side(NamedTuple):
    """One side: its heading, its anchor, its items by kind, and how many they are."""

    head: str
    anchor: str
    kinds: list[tuple[str, list[Members]]]
    size: int


async def view(visit: Visit) -> View:
    """Show what stands between two partners: those of the URL, or else those of most issues."""
    issues = (await visit.get("/v1/issues", limit=ISSUES_MAX, sources="none"))["items"]
    a, b, q = (visit.query.get(name) for name in ("a", "b", "q"))
    pair = pair_of(issues, a, b)
    context: dict[str, Any] = {"issues": issues, "known": parties_of(issues), "pair": pair, "q": q}
    asked: dict[str, object] = {"limit": ITEMS_MAX, **(good_of(q) if q else {})}
    if q and (compared := visit.query.get("compared")) in _COMPARED:
        asked["compared"] = compared
    found = None if pair is None else await visit.get("/v1/between", a=pair[0], b=pair[1], **asked)
    if found is not None and pair is not None:
        context |= {"sides": sides(found, pair), "found": found, "asked": {"a": pair[0], "b": pair[1], **asked}}
        context["coming"] = coming(found)
    title = f"{party(pair[0])} and {party(pair[1])}" if pair else "What stands"
    if q:
        context |= await searched(visit, q, set() if found is None else {each["id"] for each in items_of(found)})
        return View("search.html", context, f"“{q}”")
    return View("start.html", context, title)


def pair_of(issues: Sequence[Members], a: str | None, b: str | None) -> tuple[str, str] | None:
    """Return the partners to show: those that are given, the rest by what most issues are between."""
    if a and b:
        return a, b
    pairs = Counter(pair for each in issues for pair in combinations(sorted(each.get("parties", ())), 2))
    given = a or b
    for (one, other), _ in pairs.most_common():
        if given in {None, one, other}:
            swapped = given == other or (given is None and other == "US")
            return (other, one) if swapped else (one, other)
    return None


def parties_of(issues: Iterable[Members]) -> list[str]:
    """Return the parties of the issues, those of the most issues first."""
    return [code for code, _ in Counter(code for each in issues for code in each.get("parties", ())).most_common()]


def sides(found: Members, pair: tuple[str, str]) -> list[Side]:
    """Return the sides that have items: by kind in the order of the vocabulary, what runs first."""
    one, other = party(pair[0]), party(pair[1])
    heads = (f"{one} on {other}", f"{other} on {one}", "Between both")
    every = []
    for side, head in zip(SIDES, heads, strict=True):
        order = sorted(found[side], key=_ORDER.index)
        kinds = [(kind, sorted(found[side][kind], key=_place)) for kind in order]
        every.append(Side(head, side.replace("_", "-"), kinds, sum(len(items) for _, items in kinds)))
    return [each for each in every if each.size]


_ORDER = ["restriction", "clearance", *(name for name in KINDS if name not in {"restriction", "clearance"})]
"""Kinds in the order of the view: measures first."""


def _place(item: Members) -> int:
    return _LOOKS.index(look(item["kind"], item["status"]))


def items_of(found: Members) -> Iterator[Members]:
    """Return all items of an answer with sides."""
    for side in SIDES:
        for items in found[side].values():
            yield from items


def coming(found: Members) -> list[tuple[Members, Members]]:
    """Return what comes next on the items of an answer, the first first, each with its item; nothing overdue."""
    every = [(entry, item) for item in items_of(found) for entry in item["upcoming"] if not entry["overdue"]]
    return sorted(every, key=lambda pair: pair[0]["on"].strip("[.")[:10])[:NEXT_MAX]
