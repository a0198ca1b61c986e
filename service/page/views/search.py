"""The search: a good, a code, a country, a company or words, in the whole ledger."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Any

from service.domain.vocabulary.kinds import KINDS
from service.page.visit import together
from service.page.words import party, party_named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.page.visit import Visit

    Members = Mapping[str, Any]

FOUND_MAX = 12
"""Items of each list that the view shows, at most."""
_HS = re.compile(r"\d{2}(\d{2}){0,4}")
_MEASURES = ("restrictions", "clearances")


def good_of(text: str) -> dict[str, object]:
    """Return the filter for a good: by HS code where the text is one, else by name, element or ECCN."""
    return {"hs": text} if _HS.fullmatch(text) else {"good": text}


async def searched(visit: Visit, text: str, shown: set[str]) -> dict[str, Any]:
    """Return what is found elsewhere, in groups without what is shown already, and the issues.

    A group is its head, its items, and whether there is more than these.
    """
    code = party_named(text)
    groups: list[tuple[str, list[tuple[str, dict[str, object]]]]] = (
        [
            (f"Touches {party(code)}", [(plural, {"party": code}) for plural in _MEASURES]),
        ]
        if code
        else [
            ("On this good, between any parties", [(plural, good_of(text)) for plural in _MEASURES]),
            ("Names this company or person", [(plural, {"entity": text}) for plural in _MEASURES]),
            ("Has these words", [(kind.plural, {"q": text}) for name, kind in KINDS.items() if name != "issue"]),
        ]
    )
    asked = [visit.get("/v1/issues", q=text, limit=FOUND_MAX, sources="none")]
    asked += [visit.get(f"/v1/{plural}", limit=FOUND_MAX, **given) for _, lists in groups for plural, given in lists]
    issues, *answers = await together(*asked)
    found, rest = [], iter(answers)
    for head, lists in groups:
        pages = list(islice(rest, len(lists)))
        items = [each for page in pages for each in page["items"] if each["id"] not in shown]
        shown |= {each["id"] for each in items}
        more = any(page["next"] for page in pages)
        if items or more:
            found.append((head, items, more))
    return {"groups": found, "issues": issues["items"], "more_issues": bool(issues["next"]), "country": code}
