"""What stands on whose word: the sources of a state or a fact, each once, and the doubts about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from service.page import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Members = Mapping[str, Any]


def sources(item: Members) -> list[Members]:
    """Return the reports that a state rests on, each once: those of the fact that gives the status come first."""
    facts = sorted(item.get("facts", ()), key=lambda fact: fact["id"] != item.get("ruling"))
    return _once(report for fact in facts for report in fact["reports"])


def _once(reports: Iterable[Members]) -> list[Members]:
    found: dict[tuple[object, ...], Members] = {}
    for each in reports:
        found.setdefault((each["outlet"], each.get("title"), each.get("url")), each)
    return [*found.values()]


def safe_url(report: Members) -> str:
    """Return the address of a source that may be followed: of http or https; "" for others."""
    url = str(report.get("url") or "")
    return url if url.lower().startswith(("https://", "http://")) else ""


def disagreements(item: Members) -> list[tuple[str, str]]:
    """Return on what the sources of a state do not agree, as the member and what each says."""
    return [
        (
            each["member"],
            "; ".join(f"{words.value(one['value'])} ({', '.join(one['outlets'])})" for one in each["says"]),
        )
        for fact in item.get("facts", ())
        for each in fact.get("disagreements", ())
    ]


def readings(item: Members) -> list[str]:
    """Return the statuses that an uncertain state may have, in words."""
    return [
        "nothing yet" if each["status"] is None else each["status"].replace("_", " ")
        for each in item.get("alternatives", ())
    ]
