"""The state of an item as it is answered: its JSON, and the changes to come that are put in on reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from service.domain.rule import life
from service.domain.vocabulary.kinds import SUSPENDED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from service.domain.rule.facts import LiveFact
    from service.domain.rule.life import Segment
    from service.domain.vocabulary.kinds import Kind

_ENCODER = msgspec.json.Encoder()


def state_of(kind: Kind, item: str, segment: Segment) -> dict[str, Any]:
    """Return an item's state on the days of a segment, as it is on days after which no change is known."""
    outcome, alternatives = segment.outcome, segment.alternatives
    running = life.running_until(segment)
    issues: set[str] = set()
    events: list[str] = []
    sources: list[bytes] = []
    contested = opened = False
    for fact in outcome.facts:  # once over them all: each lies somewhere else in memory
        issues.update(fact.issues)
        events.append(fact.id)
        contested = contested or fact.contested
        opened = opened or fact.opens
        if fact.sources:
            sources.append(fact.sources)
    state: dict[str, Any] = {
        "id": item,
        "kind": kind.name,
        "issues": sorted(issues),
        "status": outcome.status,
        "since": life.since(segment),
        "until": running.until.text if running and running.until else None,
        "certainty": "possible" if alternatives else "certain",
        "alternatives": [{"status": status, "event": ruling and ruling.id} for status, ruling in alternatives],
    }
    if running and running.event.until_condition:
        state["until_condition"] = running.event.until_condition
    state |= merged_terms(outcome.merged)
    if kind.name == "restriction":
        state["applies"] = applies(segment)
        state["ever_in_force"] = segment.ever_in_force
    state["contested"] = contested
    state["incomplete"] = not opened
    state["events"] = events
    state["reports"] = msgspec.Raw(b"[" + b",".join(sources) + b"]")
    # These two stay last, in this order: `with_upcoming` cuts the JSON before them.
    state["upcoming"] = segment.planned
    state["next_change"] = None
    return state


def merged_terms(facts: Iterable[LiveFact]) -> dict[str, Any]:
    """Merge the terms of facts in their order: a later value wins."""
    merged: dict[str, Any] = {}
    for fact in facts:
        merged.update(fact.terms)
    return merged


def applies(segment: Segment) -> str:
    """Return how far a restriction applies: full, partly (suspended with a part or a rate left) or none."""
    outcome = segment.outcome
    if outcome.status == "in_force":
        return "full"
    if outcome.status != SUSPENDED:
        return "none"
    left: dict[str, Any] = {}
    for fact in outcome.facts:
        if fact.change.name == SUSPENDED:
            left.clear()
        if fact.track == "overlay":
            left.update(fact.terms)
    return "partly" if left.get("portion") == "part" or left.get("rate_percent", 0) > 0 else "none"


def encode(value: Mapping[str, Any] | Sequence[Any]) -> bytes:
    """Return compact JSON."""
    return _ENCODER.encode(value)


def arrivals_text(segment: Segment) -> str:
    """Return the changes that take hold when a segment begins, as JSON objects joined by commas."""
    return _ENCODER.encode(segment.arrivals)[1:-1].decode() if segment.arrivals else ""


_UPCOMING = b'"upcoming":['
_NO_CHANGE = b'"next_change":null}'


def with_upcoming(body: bytes, status: str, later: str | None) -> bytes:
    """Put the changes after the day asked about into a state.

    `later` are the arrivals of the later segments in order of days, as `arrivals_text` returns them, joined by commas.
    Raises ValueError for a state that does not end as `state_of` ends it.
    """
    if not later:
        return body
    head, _, planned = body.rpartition(_UPCOMING)
    if not head or not planned.endswith(_NO_CHANGE):
        msg = "a state ends with `upcoming`, then `next_change`, which is null: `state_of` sets these two last"
        raise ValueError(msg)
    changes: list[dict[str, str]] = msgspec.json.decode(f"[{later}]")
    following = next((change for change in changes if change["status"] != status), None)
    joint = b"" if planned.startswith(b"]") else b","
    rest = planned.removesuffix(_NO_CHANGE) + b'"next_change":' + _ENCODER.encode(following) + b"}"
    return b"".join((head, _UPCOMING, later.encode(), joint, rest))
