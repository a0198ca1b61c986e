"""Facts as a list shows them: the act in words, its days, what it says, who says so, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from service.page import says, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from service.page.ask import Members

_NOT_TERMS = {
    "position", "recorded_at", "recorded_by", "kind", "modality", "contested", "corrected", "corrected_by",
    "disagreements", "type", "id", "note", "issues", "item", "occurred", "effective", "until", "through",
    "until_condition", "reports", "retracted", "retracted_by", "correlation_id", "causation_id", "unset", "now",
    "records", "sets", "target", "target_event", "event", "reason",
    "as_of", "known_at", "known_basis", "known_position",
}  # fmt: skip


def shown(fact: Members) -> dict[str, Any]:
    """Return a fact with its act in words and its terms as pairs of a name and a value."""
    kind, _, change = fact["type"].partition(".")
    terms = [(words.term(name), words.value_of(name, value)) for name, value in fact.items() if name not in _NOT_TERMS]
    terms += [(words.term(name), "no longer") for name in fact.get("unset") or ()]
    return {**fact, "kind": kind, "act": words.words(change), "terms": terms, "ends": ends(fact)}


def as_recorded(event: Members) -> dict[str, Any]:
    """Return a fact as `/v1/events/ID` answers it, with the text that holds and the records on it in words."""
    text = shown({**event, **(event["now"] or {})})
    return text | {"records": [_record(each) for each in event.get("records", ())]}


def ends(fact: Mapping[str, Any]) -> str:
    """Return the end of a fact in words, "" where it has none."""
    parts = []
    if fact.get("through"):
        parts.append(f"through {words.when(fact['through'])}")
    if fact.get("until"):
        parts.append(f"until {words.when(fact['until'])}")
    if fact.get("until_condition"):
        parts.append(f"until {fact['until_condition']}")
    return ", ".join(parts)


def with_records(events: Iterable[Members], standing: Iterable[Members]) -> list[dict[str, Any]]:
    """Return an item's facts in the order of the log, each with the records on it and with what it gives.

    `events` are its events as recorded, `standing` the facts of its state. A fact has the text that holds; what it had
    said before a correction is with the correction.
    """
    gives = {fact["id"]: fact for fact in standing}
    facts: dict[str, dict[str, Any]] = {}
    for event in events:
        if not event["type"].startswith("record."):
            facts[event["id"]] = {**event, "records": []}
        elif (fact := facts.get(event["target"])) is not None:
            facts[event["target"]] = _after(fact, event)
    return [{**shown(fact), **_standing(gives.get(fact["id"])), "records": fact["records"]} for fact in facts.values()]


def _standing(state: Members | None) -> dict[str, Any]:
    if state is None:
        return {"stands": False, "sets": ()}
    return {"stands": True} | {name: state[name] for name in ("sets", "contested", "disagreements") if name in state}


def _after(fact: dict[str, Any], record: Members) -> dict[str, Any]:
    """Return a fact after a record on it."""
    entry = _record(record)
    change = entry["change"]
    records = [*fact["records"], entry]
    if change == "corrected":
        text = {**record["event"], "position": fact["position"], "recorded_at": fact["recorded_at"]}
        entry["before"] = "; ".join(_changed(fact, text))
        return {**text, "records": records, "corrected": True}
    if change == "retracted":
        return {**fact, "records": records, "retracted": True}
    if change == "report_added":
        return {**fact, "records": records, "reports": [*fact["reports"], *(record.get("reports") or ())]}
    return {**fact, "records": records, "contested": True}


def _record(event: Members) -> dict[str, Any]:
    """Return a record on a fact in words; a report that was added has the names of its outlets as `by`."""
    change = event["type"].partition(".")[2]
    entry = {name: event.get(name) for name in ("id", "position", "occurred", "reason", "reports")}
    outlets = [each["outlet"] for each in event.get("reports") or ()] if change == "report_added" else []
    said = "Denied" if says.is_denial(event) else _RECORDS.get(change, words.words(change))
    return entry | {"change": change, "words": said, "by": ", ".join(dict.fromkeys(outlets)), "before": ""}


_RECORDS = {"corrected": "Corrected", "retracted": "Retracted", "report_added": "Report added", "disputed": "Disputed"}


def _changed(fact: Members, text: Members) -> list[str]:
    """Return what a correction changes, as the fact had it before."""
    names = [name for name in {**fact, **text} if name not in _SAME and fact.get(name) != text.get(name)]
    return [f"{words.words(name)}: {_value(name, fact.get(name))}" for name in names]


_SAME = {
    "note",
    "records",
    "reports",
    "position",
    "recorded_at",
    "corrected",
    "recorded_by",
    "id",
    "retracted",
    "contested",
}
_DATES = {"occurred", "effective", "until", "through"}


def _value(name: str, value: object) -> str:
    return words.when(str(value)) if name in _DATES and value else words.value(value)
