"""The state of an item as it is answered: its JSON, the tokens it is found by, and the posture of an issue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from service.domain import items
from service.domain.lifecycle import SUSPENDED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from service.domain.facts import Known
    from service.domain.items import Segment
    from service.domain.lifecycle import Kind

_ENCODER = msgspec.json.Encoder()
PARTY_TERMS = ("by", "of", "to", "party", "initiator", "country", "imposed_by", "granted_by")
BY_TERMS = ("by", "imposed_by", "granted_by", "initiator")
HS_PREFIXES = (2, 4, 6)


def state(kind: Kind, item: str, segment: Segment) -> dict[str, Any]:
    """Give an item's state over a segment, as it is on days after which no change is known."""
    outcome, alternatives = segment.outcome, segment.alternatives
    folded = outcome.folded
    running = items.running_until(segment)
    answer: dict[str, Any] = {
        "id": item,
        "kind": kind.name,
        "issues": sorted({issue for fact in folded for issue in fact.issues}),
        "status": outcome.status,
        "since": items.since(segment),
        "until": running.until.text if running and running.until else None,
        "certainty": "possible" if alternatives else "certain",
        "alternatives": [{"status": status, "event": ruling.id if ruling else None} for status, ruling in alternatives],
    }
    if running and running.event.until_condition:
        answer["until_condition"] = running.event.until_condition
    answer |= terms(outcome.merged)
    if kind.name == "restriction":
        answer["applies"] = applies(segment)
        answer["ever_in_force"] = segment.ever_in_force
    answer["contested"] = any(fact.contested for fact in folded)
    answer["incomplete"] = not any(fact.change.opens for fact in folded)
    answer["events"] = [fact.id for fact in folded]
    answer["reports"] = [report for fact in folded for report in fact.reports]
    answer["upcoming"] = [entry._asdict() for entry in segment.planned]
    answer["next_change"] = None
    return answer


def terms(merged: Iterable[Known]) -> dict[str, Any]:
    """Merge the terms of facts, the later value wins."""
    answer: dict[str, Any] = {}
    for fact in merged:
        answer.update(fact.terms)
    return answer


def applies(segment: Segment) -> str:
    """Tell how far a restriction applies: full, partly (suspended with a part or a rate left) or none."""
    outcome = segment.outcome
    if outcome.status == "in_force":
        return "full"
    if outcome.status != SUSPENDED:
        return "none"
    left: dict[str, Any] = {}
    for fact in outcome.folded:
        if fact.change.name == SUSPENDED:
            left.clear()
        if fact.change.track == "overlay":
            left.update(fact.terms)
    return "partly" if left.get("portion") == "part" or left.get("rate_percent", 0) > 0 else "none"


def encode(answer: Mapping[str, Any] | Sequence[Any]) -> bytes:
    """Write as compact JSON."""
    return _ENCODER.encode(answer)


def arrivals(segment: Segment) -> str:
    """Write the changes that take hold when a segment begins: JSON objects joined by commas."""
    return ",".join(_ENCODER.encode(entry._asdict()).decode() for entry in segment.arrivals)


_UPCOMING = b'"upcoming":['
_NO_CHANGE = b'"next_change":null}'


def with_arrivals(body: bytes, status: str, later: str | None) -> bytes:
    """Put the changes that come after the day asked for into a state: `later` as `arrivals` writes them, by day."""
    if not later:
        return body
    head, _, planned = body.rpartition(_UPCOMING)
    changes: list[dict[str, str]] = msgspec.json.decode(f"[{later}]")
    following = next((change for change in changes if change["status"] != status), None)
    joint = b"" if planned.startswith(b"]") else b","
    rest = planned.removesuffix(_NO_CHANGE) + b'"next_change":' + _ENCODER.encode(following) + b"}"
    return b"".join((head, _UPCOMING, later.encode(), joint, rest))


def tokens(source: Mapping[str, Any], issues: Iterable[str]) -> set[str]:
    """List what a state, or an event's terms, can be found by: `name:value`, folded where case does not matter."""
    found = {f"issue:{issue}" for issue in issues}
    parties = {source[name] for name in PARTY_TERMS if source.get(name)} | set(source.get("parties") or ())
    parties |= set(source.get("against") or ())
    found |= {f"by:{source[name]}" for name in BY_TERMS if source.get(name)}
    found |= {f"against:{party}" for party in source.get("against") or ()}
    for good in source.get("goods") or ():
        found |= set(_good_tokens(good))
    for entity in (*(source.get("entities") or ()), *(source.get("beneficiaries") or ())):
        found.add(f"entity:{fold(entity.name)}")
        parties.add(entity.country)
    for participant in source.get("participants") or ():
        parties.add(participant.party)
    if condition := source.get("condition"):
        parties.add(condition.by)
    return found | {f"party:{party}" for party in parties if party}


def _good_tokens(good: Any) -> Iterator[str]:  # noqa: ANN401 - a Good, read by its fields
    yield f"good:{fold(good.name)}"
    if good.element:
        yield f"good:{fold(good.element)}"
    if good.eccn:
        yield f"good:{fold(good.eccn)}"
        yield f"eccn:{fold(good.eccn)}"
    if good.hs:
        yield from (f"hs:{good.hs[:length]}" for length in HS_PREFIXES if length <= len(good.hs))


def fold(text: str) -> str:
    """Fold a name for comparison: case and line breaks do not matter."""
    return " ".join(text.casefold().split())


def event_tokens(name: str, item: str, issues: Iterable[str], source: Mapping[str, Any]) -> set[str]:
    """List what a recorded event can be found by: its type `name` (and all of its kind), its item, and its terms."""
    kind, _, _ = name.partition(".")
    return tokens(source, issues) | {f"type:{name}", f"type:{kind}.*", f"item:{item}"}


def posture(issue_status: str, statuses: Iterable[tuple[str, str]]) -> str:
    """Sum up an issue from its own status and the (kind, status) of its items (docs/semantics.md, 6)."""
    held = set(statuses)
    if issue_status == "closed":
        return "closed"
    if ("restriction", "in_force") in held:
        return "partially_cleared" if ("clearance", "active") in held else "restricted"
    if ("restriction", SUSPENDED) in held:
        return "suspended"
    if not held.isdisjoint({("restriction", items.ANNOUNCED), ("restriction", "proposed")}):
        return "announced"
    if any(kind == "round" and status not in {"concluded", "cancelled"} for kind, status in held):
        return "in_talks"
    return "open"
