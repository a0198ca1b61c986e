"""A generated ledger, for what many items, facts and rectangles look like and cost."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

ISSUE = "generated-matter"
MANY_RECTANGLES = "much-corrected-duty"
_START = date(2019, 1, 1)


def batches(items: int = 100, facts: int = 10, steps: int = 32, corrections: int = 32) -> list[list[dict[str, Any]]]:
    """Return batches of events: an issue with `items` items of `facts` facts each, and an item of many rectangles.

    That item has `steps` rates one after the other; its goods are corrected `corrections` times, and each of these
    changes every state.
    """
    events = [_opened()]
    for number in range(items):
        events += _item(number, facts)
    events += _corrected(steps, corrections)
    return [events[start : start + 500] for start in range(0, len(events), 500)]


def _report(day: date) -> list[dict[str, Any]]:
    published = {"published": day.isoformat()}
    return [
        {"outlet": "Gazette", "title": "Notice", "url": f"https://example.org/{day}", "kind": "official", **published}
    ]


def _fact(kind: str, change: str, item: str, day: date, **terms: object) -> dict[str, Any]:
    event = {"type": f"{kind}.{change}", "issues": [ISSUE], "item": item, "occurred": day.isoformat()}
    return {**event, "reports": _report(day), **terms}


def _opened() -> dict[str, Any]:
    terms = {"title": "A generated matter", "summary": "For measuring.", "parties": ["CN", "US"]}
    return _fact("issue", "opened", ISSUE, _START, **terms)


def _item(number: int, facts: int) -> list[dict[str, Any]]:
    kind = ("restriction", "restriction", "restriction", "commitment", "statement", "call", "round")[number % 7]
    slug = f"{kind}-{number:03}"
    day = _START + timedelta(days=17 * number % 1900)
    if kind == "statement":
        return [_fact(kind, "made", slug, day, speaker=f"Speaker {number}", party="US", summary="A statement.")]
    if kind == "call":
        return [
            _fact(kind, "held", slug, day, participants=[{"name": "A", "party": "US"}, {"name": "B", "party": "CN"}])
        ]
    if kind == "round":
        return [_fact(kind, "concluded", slug, day, city=f"City {number}", country="CH")]
    if kind == "commitment":
        terms = {"by": "CN", "to": "US", "action": "buy soya beans"}
        later = [_fact(kind, "partially_fulfilled", slug, day + timedelta(days=40 * each)) for each in range(1, 4)]
        return [
            _fact(kind, "given", slug, day, **terms),
            *later,
            _fact(kind, "fulfilled", slug, day + timedelta(days=300)),
        ]
    return _restriction(slug, number, day, facts)


def _restriction(slug: str, number: int, day: date, facts: int) -> list[dict[str, Any]]:
    terms = {
        "imposed_by": "US",
        "against": ["CN"],
        "instrument": "tariff",
        "rate_percent": 10,
        "goods": [{"name": "steel"}],
    }
    events = [_fact("restriction", "imposed", slug, day, **terms)]
    for each in range(1, 2 * facts):
        at = day + timedelta(days=25 * each)
        if each % 5 == 3:
            until = (at + timedelta(days=20)).isoformat()
            events.append(_fact("restriction", "suspended", slug, at, until=until))
        else:
            events.append(_fact("restriction", "tightened", slug, at, rate_percent=10 + each))
    if number % 2:
        events.append(_fact("restriction", "lifted", slug, day + timedelta(days=50 * facts)))
    return events


def _corrected(steps: int, corrections: int) -> list[dict[str, Any]]:
    number = "00000000-0000-4000-8000-000000000001"
    terms = {"imposed_by": "US", "against": ["CN"], "instrument": "tariff", "rate_percent": 1}
    first = _fact("restriction", "imposed", MANY_RECTANGLES, _START, **terms, goods=[{"name": "steel"}])
    events = [{**first, "id": number}]
    for each in range(1, steps):
        day = _START + timedelta(days=30 * each)
        change = {"rate_percent": 1 + each} if each % 6 else {"until": (day + timedelta(days=20)).isoformat()}
        events.append(_fact("restriction", "tightened" if each % 6 else "suspended", MANY_RECTANGLES, day, **change))
    for each in range(corrections):
        day = _START + timedelta(days=30 * steps + each)
        text = {**first, "goods": [{"name": f"steel of kind {each}"}]}
        record = {
            "type": "record.corrected",
            "target": number,
            "occurred": day.isoformat(),
            "reason": f"Reason {each}.",
        }
        events.append({**record, "event": text, "reports": _report(day)})
    return events
