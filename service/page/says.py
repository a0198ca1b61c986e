"""What stands on whose word: the sources of a state or a fact, each once, and the doubts about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from service.page import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Members = Mapping[str, Any]


def sources(item: Members, changed: Iterable[str] = ()) -> list[Members]:
    """Return the reports that a state rests on, each once.

    First come those of the facts that give what changed, then of the fact that gives the status, then the rate.
    """
    wanted = (*changed, "status", "rate_percent", "rates")

    def place(fact: Members) -> int:
        return min([wanted.index(name) for name in fact["sets"] if name in wanted], default=len(wanted))

    facts = sorted(item.get("facts", ()), key=place)
    return _once(
        [report for fact in facts for report in fact["reports"][:1]] + [r for f in facts for r in f["reports"]]
    )


def leading(item: Members) -> int:
    """Return how many of the sources stand for what a sentence says: one for the status, one for another rate."""
    facts = item.get("facts", ())
    givers = {fact["id"] for fact in facts if not {"status", "rate_percent", "rates"}.isdisjoint(fact["sets"])}
    return max(1, min(len(givers), 2))


def _once(reports: Iterable[Members]) -> list[Members]:
    found: dict[tuple[object, ...], Members] = {}
    for each in reports:
        found.setdefault((each["outlet"], each.get("title"), each.get("url")), each)
    return [*found.values()]


def is_denial(event: Members) -> bool:
    """Whether all the reports that an event adds to a fact deny it."""
    reports = event.get("reports") or ()
    added = event["type"] == "record.report_added"
    return added and bool(reports) and all(each.get("stance") == "denies" for each in reports)


def safe_url(report: Members) -> str:
    """Return the address of a source that may be followed: of http or https; "" for others."""
    url = str(report.get("url") or "")
    return url if url.lower().startswith(("https://", "http://")) else ""


_DIFFER = {"occurred": "when it was done", "effective": "when it takes hold", "stance": "whether it is so"}


def disagreements(item: Members) -> list[tuple[str, str]]:
    """Return on what the sources of a state do not agree, as the member and what each of them gives, in words."""
    return [
        (_DIFFER.get(each["member"], f"the {words.term(each['member'])}"), _values(each["member"], each["says"]))
        for fact in item.get("facts", ())
        for each in fact.get("disagreements", ())
    ]


def _values(member: str, given: Iterable[Members]) -> str:
    written = [(words.value_of(member, each["value"]), ", ".join(each["outlets"])) for each in given]
    return "; ".join(f"{text} ({outlets})" for text, outlets in written)


def readings(item: Members) -> list[str]:
    """Return the statuses that an uncertain state may have, in words."""
    return [
        "nothing yet" if each["status"] is None else each["status"].replace("_", " ")
        for each in item.get("alternatives", ())
    ]


_UNSAID = {"facts", "ruling", "alternatives", "upcoming", "upcoming_more", "next_change", "status", "issues"}
"""Members of a state that are not shown as terms that changed."""


class Changed(NamedTuple):
    """A term that changed: its name and both values, in words."""

    name: str
    before: str
    after: str


def terms_between(before: Members, after: Members, names: Iterable[str]) -> list[Changed]:
    """Return the terms of these names, each with both of its values in words."""
    return [
        Changed(words.term(name), words.value_of(name, before.get(name)), words.value_of(name, after.get(name)))
        for name in names
        if name not in _UNSAID
    ]
