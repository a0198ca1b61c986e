"""The state of an item as it is answered: its JSON, the tokens it is found by, and the posture of an issue."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec

from service.domain import items
from service.domain.dates import FOREVER
from service.domain.lifecycle import SUSPENDED
from service.domain.terms import tokens_by_term

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from service.domain.events.base import Entity, Fact
    from service.domain.facts import Known
    from service.domain.items import Segment
    from service.domain.lifecycle import Kind

_ENCODER = msgspec.json.Encoder()
AGAINST_ALL = "against-all"


def state(kind: Kind, item: str, segment: Segment, merged: Mapping[str, Any]) -> dict[str, Any]:
    """Give an item's state over a segment, as it is on days after which no change is known.

    `merged` are the terms of the facts whose terms count, as `terms` gives them.
    """
    outcome, alternatives = segment.outcome, segment.alternatives
    folded = outcome.folded
    running = items.running_until(segment)
    issues: set[str] = set()
    events: list[str] = []
    sources: list[bytes] = []
    contested = opened = False
    for fact in folded:  # once over them all: each lies somewhere else in memory
        issues.update(fact.issues)
        events.append(fact.id)
        contested = contested or fact.contested
        opened = opened or fact.opens
        if fact.sources:
            sources.append(fact.sources)
    answer: dict[str, Any] = {
        "id": item,
        "kind": kind.name,
        "issues": sorted(issues),
        "status": outcome.status,
        "since": items.since(segment),
        "until": running.until.text if running and running.until else None,
        "certainty": "possible" if alternatives else "certain",
        "alternatives": [{"status": status, "event": ruling and ruling.id} for status, ruling in alternatives],
    }
    if running and running.event.until_condition:
        answer["until_condition"] = running.event.until_condition
    answer |= merged
    if kind.name == "restriction":
        answer["applies"] = applies(segment)
        answer["ever_in_force"] = segment.ever_in_force
    answer["contested"] = contested
    answer["incomplete"] = not opened
    answer["events"] = events
    answer["reports"] = msgspec.Raw(b"[" + b",".join(sources) + b"]")
    answer["upcoming"] = segment.planned
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
        if fact.track == "overlay":
            left.update(fact.terms)
    return "partly" if left.get("portion") == "part" or left.get("rate_percent", 0) > 0 else "none"


def encode(answer: Mapping[str, Any] | Sequence[Any]) -> bytes:
    """Write as compact JSON."""
    return _ENCODER.encode(answer)


def arrivals(segment: Segment) -> str:
    """Write the changes that take hold when a segment begins: JSON objects joined by commas."""
    return _ENCODER.encode(segment.arrivals)[1:-1].decode() if segment.arrivals else ""


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


Tokens = dict[str, None]
"""Tokens in a fixed order, each once: the order depends on what they are made from, not on hashing."""


def tokens(merged: Iterable[Known], issues: Iterable[str]) -> Tokens:
    """List what a state can be found by: `name:value`, folded where case does not matter.

    `merged` are the facts whose terms count: a term of a later one takes the place of an earlier one's.
    """
    found: dict[str, tuple[str, ...]] = {}
    for fact in merged:
        if fact.found is None:
            fact.found = tokens_by_term(fact.event)
        found.update(fact.found)
    return _each_once(found, issues)


def tokens_of_text(text: Fact | None, issues: Iterable[str]) -> Tokens:
    """List what a text can be found by; without a text, by its issues alone."""
    return _each_once({} if text is None else tokens_by_term(text), issues)


def _each_once(found: Mapping[str, Iterable[str]], issues: Iterable[str]) -> Tokens:
    return dict.fromkeys(chain([f"issue:{issue}" for issue in issues], *found.values()))


def marks(kind: Kind, state: Mapping[str, Any]) -> list[str]:
    """List what a state itself is found by: its certainty, each status that some reading gives, whether it ended.

    `over` has ended in every reading. `against-all` is a restriction that names no country it is against.
    """
    possible = [each["status"] for each in state["alternatives"]] or [state["status"]]
    found = [f"certainty:{state['certainty']}", *[f"status:{each}" for each in possible]]
    if state["status"] in kind.ends:
        found.append("ended")
        if _all_end(kind, possible):
            found.append("over")
    if kind.name == "restriction" and not state.get("against") and not _countries(state.get("entities", ())):
        found.append(AGAINST_ALL)
    return found


def _all_end(kind: Kind, possible: Iterable[str | None]) -> bool:
    return all([each is None or each in kind.ends for each in possible])


def over_from(kind: Kind, segments: Sequence[Segment]) -> int:
    """Give the day from which on an item is over for good; FOREVER when it is not."""
    day = FOREVER
    if not segments or segments[-1].outcome.status not in kind.ends:
        return day
    for segment in reversed(segments):
        possible = [status for status, _ in segment.alternatives]
        if segment.outcome.status not in kind.ends or not _all_end(kind, possible):
            break
        day = segment.start
    return day


def _countries(entities: Iterable[Entity]) -> list[str]:
    return [entity.country for entity in entities if entity.country]


def marked(token: str) -> str:
    """Write a token as it stands among others."""
    return f"\n{token}\n"


def joined(found: Iterable[str]) -> str:
    """Write tokens as they are stored: each between line breaks."""
    return "\n" + "\n".join(found) + "\n"


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


SETTLING = ("restriction", "clearance", "round")
"""The kinds of items that an issue's posture looks at."""


def settled(statuses: set[tuple[str, str]]) -> bool:
    """Tell whether no further item can change the posture of an issue."""
    return {("restriction", "in_force"), ("clearance", "active")} <= statuses
