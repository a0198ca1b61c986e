"""States, facts and changes in words: plain lines, which `printing` breaks to the width of the screen.

All texts of an answer are free of control characters here: `printing.read` has escaped them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from service.cli.values import BRIEF, LONG, name_of, value_of
from service.domain.vocabulary.events import FACTS
from service.domain.vocabulary.terms import term_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    Members = Mapping[str, Any]

_PHRASES = {
    "issue": "between:parties ::summary",
    "round": ":number of:track at:venue in:city ,:country with:participants on:topics "
    "planned_for:planned_for ::outcome",
    "call": "between:participants called_by:initiator on:topics",
    "statement": "by:speaker ,:role of:party on:about ::summary",
    "demand": "by:by of:of ::action on:target",
    "offer": "by:by to:to ::promise if:condition",
    "commitment": "by:by to:to ::action ,:quantity due:due under:under",
    "threat": "by:by against:against ::action if:trigger",
    "agreement": "between:parties ::title in_force_for:in_force_for",
    "restriction": ":instrument by:imposed_by against:against but_not:except_parties on:goods on_all_goods:all_goods "
    "but_not:except_goods on:entities",
    "clearance": "by:granted_by for:beneficiaries on:goods from:restriction ::scope",
    "investigation": ":legal_basis by:by against:against on:goods ::finding stage:stage",
    "dispute": "by:by against:against at:forum ,:number on:about ::outcome",
}
"""What an item is, by kind: words, each with the term after it; : and , stand without a space before them."""
TERMS = {name.partition(".")[0]: tuple(term_names(fact)) for name, fact in FACTS.items()}
"""The names of the terms of each kind."""


def phrase(item: Members, kind: str, most: int | None = None) -> str:
    """Return what an item is, and between whom; `most` characters of each text."""
    if kind == "restriction" and "imposed_by" in item and not item.get("entities"):
        item = {**item, "against": item.get("against") or "all"}
    text = ""
    for part in _PHRASES.get(kind, "").split(" "):
        before, _, term = part.partition(":") if not part.startswith("::") else (":", "", part[2:])
        if (value := item.get(term)) in (None, [], False):
            continue
        shown = "" if value is True else value_of(value, most)
        text += ("" if before in {":", ","} else " ") + " ".join([before.replace("_", " "), shown]).strip()
    return text.strip(" :,").replace(" : ", ": ")


def state_lines(item: Members, *, whole: bool = False) -> Iterator[str]:
    """Return the lines under an item's name; `whole`: with all its terms, and every fact with its reports."""
    yield from brief_lines(item, None if whole else LONG)
    if whole:
        yield from _terms(item, item["kind"])
    yield from _doubts(item)
    yield from (_to_come(each) for each in item["upcoming"])
    if item["upcoming_more"]:
        yield f"and {item['upcoming_more']} more to come"
    if whole:
        yield from (line for fact in item.get("facts", ()) for line in _rests_on(fact))
    elif "facts" in item:
        yield f"according to {outlets(item['facts'])}"


def brief_lines(item: Members, most: int | None = LONG) -> Iterator[str]:
    """Return an item in a few words: what it is, its status, and what is collected."""
    if what := phrase(item, item["kind"], most):
        yield what
    yield _status(item)
    yield from _charges(item)


def _in_phrase(kind: str) -> set[str]:
    """Return the terms that `phrase` has of a kind."""
    return {part.rpartition(":")[2] for part in _PHRASES.get(kind, "").split(" ")}


def _status(item: Members) -> str:
    """Return a status with its dates and its certainty."""
    dates = [f"{name} {item[name]}" for name in ("since", "until", "through") if name in item]
    condition = f", {item['until_condition']}" if "until_condition" in item else ""
    return f"{' '.join([_word(item['status']), *dates])}{condition} ({item['certainty']})"


def _word(status: str | None) -> str:
    return (status or "no status").replace("_", " ")


def _charges(item: Members) -> Iterator[str]:
    """Return what is collected of a rate, and why nothing is."""
    if "charged_percent" in item:
        charged, rate = item["charged_percent"], item["rate_percent"]
        part = "a part that is not known" if charged is None else charged
        yield f"charged: {rate} percent" if charged == rate else f"charged: {part} of {rate} percent"
    elif "rate_percent" in item:
        yield f"rate: {item['rate_percent']} percent"
    yield from (f"rate: {_rate(each)}" for each in item.get("rates") or ())
    if item.get("displaced_by"):
        yield f"not collected where these stand in its place: {', '.join(item['displaced_by'])}"
    if "matched" in item:
        yield f"found by {', '.join(_found(*each) for each in item['matched'].items())}"


def _found(asked: str, found: str) -> str:
    """Return what was found in place of what was asked about."""
    if found == "all":
        return "all goods" if asked in {"good", "hs", "eccn"} else "all partners"
    return f"{asked.upper() if asked in {'hs', 'eccn'} else asked} {found}"


def _rate(rate: Members) -> str:
    """Return one of several rates: a percentage or an amount, and what it is for."""
    written = f"{rate['percent']} percent" if "percent" in rate else value_of(rate.get("amount"))
    if "percent" not in rate:
        written += "".join(f" {word}{rate[name]}" for name, word in (("currency", ""), ("per", "per ")) if name in rate)
    basis = [value_of(rate["basis"])] if rate.get("basis", "additional") != "additional" else []
    quota = [f"{rate['quota']} quota"] if "quota" in rate else []
    whom = [value_of(rate[name]) for name in ("goods", "party", "entity") if rate.get(name)]
    return f"{written} ({', '.join([*whom, *quota, *basis])})" if whom or quota or basis else written


def _doubts(item: Members) -> Iterator[str]:
    """Return what is not certain: other statuses that are possible, contested facts, a beginning that is missing."""
    if others := [_word(each["status"]) if each["status"] else "nothing yet" for each in item["alternatives"][1:]]:
        yield f"the dates are uncertain: possibly {' or '.join(others)}"
    for fact in item.get("facts", ()):
        if fact["contested"]:
            yield contested(fact)
    if item["incomplete"]:
        yield "incomplete: its beginning is not recorded"


def contested(fact: Members) -> str:
    """Return on what the sources of a fact do not agree."""
    says = [f"{each['member']} {_values(each['says'])}" for each in fact.get("disagreements", ())]
    return f"contested: {fact['type']} of {fact['occurred']} ({'; '.join(says) or 'disputed'})"


def _values(says: Iterable[Members]) -> str:
    """Return the values that sources give, each with its outlets."""
    return ", or ".join(f"{value_of(each['value'], BRIEF)} by {', '.join(each['outlets'])}" for each in says)


def _to_come(entry: Members) -> str:
    """Return a change to come: its day, the status from then on, the terms that change, and what brings it."""
    terms = [f"{name_of(name)} {value_of(value, BRIEF)}" for name, value in entry["terms"].items()]
    marks = [entry["type"], *(["planned"] if entry["modality"] == "planned" else []), *["overdue"] * entry["overdue"]]
    return f"to come on {entry['on']}: {', '.join([_word(entry['status']), *terms])} ({', '.join(marks)})"


def _rests_on(fact: Members) -> Iterator[str]:
    """Return a fact that a state rests on, with what it gives and its reports."""
    names = ", ".join(name_of(name) for name in fact["sets"])
    yield f"{fact['occurred']} {fact['type']}{_takes_hold(fact)}" + (f" gives {names}" if names else "")
    yield from (f"  {_report(each)}" for each in fact["reports"])


def _takes_hold(fact: Members) -> str:
    words = (("effective", "from"), ("until", "until"), ("through", "through"))
    return "".join(f" {word} {fact[name]}" for name, word in words if fact.get(name))


def _report(report: Members) -> str:
    """Return a source in one line: outlet, speaker, day, title, where in it, its address."""
    speaker = f" ({report['speaker']})" if "speaker" in report else ""
    denies = " denies" if report.get("stance") == "denies" else ""
    rest = [report[name] for name in ("published", "title", "locator", "url") if report.get(name)]
    return f"{report['outlet']}{speaker}{denies}: {', '.join(rest)}" if rest else f"{report['outlet']}{speaker}{denies}"


def outlets(facts: Iterable[Members]) -> str:
    """Return the names of the sources of some facts, each once, with the speakers."""
    reports = [report for fact in facts for report in fact["reports"]]
    named = {report["outlet"] + (f" ({report['speaker']})" if "speaker" in report else ""): None for report in reports}
    return ", ".join(named)


def fact_lines(fact: Members, *, whole: bool = False) -> Iterator[str]:
    """Return the lines under the name of a fact in a timeline; `whole`: with every report."""
    kind = fact["type"].partition(".")[0]
    if what := phrase(fact, kind, None if whole else LONG):
        yield what
    if dates := _takes_hold(fact).strip():
        yield f"{dates}{', ' + fact['until_condition'] if fact.get('until_condition') else ''}"
    if "rate_percent" in fact:
        yield f"rate: {fact['rate_percent']} percent"
    yield from (f"rate: {_rate(each)}" for each in fact.get("rates") or ())
    yield from _terms(fact, kind, None if whole else LONG)
    if fact.get("modality", "asserted") != "asserted":
        yield f"{fact['modality']}, not certain to happen"
    if fact.get("contested"):
        yield "contested: its sources do not agree"
    if fact.get("corrected"):
        yield "corrected since it was recorded"
    if whole:
        yield from ([f"note: {fact['note']}"] if fact.get("note") else [])
        yield from (_report(each) for each in fact.get("reports", ()))
    elif fact.get("reports"):
        yield f"according to {outlets([fact])}"
        yield f"event {fact['id']}"


def change_lines(change: Members) -> Iterator[str]:
    """Return the lines under the name of an item that changes on a day."""
    before, after, said = change["before"], change["after"], set[str]()
    was, now = _word(before["status"]), _word(after["status"])
    if before["status"] is None:
        said = _in_phrase(change["kind"])
        if what := phrase(after["terms"], change["kind"], LONG):
            yield what
        yield f"begins: {now}"
    else:
        yield f"{was} to {now}" if was != now else f"stays {now}"
    for name in sorted({*before["terms"], *after["terms"]} - said):
        old, new = (value_of(part["terms"].get(name), BRIEF) for part in (before, after))
        yield f"{name_of(name)}: {old} to {new}" if before["status"] else f"{name_of(name)}: {new}"
    cause = f"{change['type']} comes to its end" if change["because"] == "end" else f"by {change['type']}"
    exactly = "" if change["on"] == change["day"] else f", on {change['on']}"
    yield f"{cause}{exactly} ({change['certainty']})"
    yield f"according to the event {change['event']}"


def _terms(item: Members, kind: str, most: int | None = None) -> Iterator[str]:
    """Return the terms of a kind that no other line has."""
    said = _in_phrase(kind) | {"rate_percent", "rates"}
    for name in TERMS.get(kind, ()):
        if name not in said and item.get(name) not in (None, [], False):
            yield f"{name_of(name)}: {value_of(item[name], most)}"
