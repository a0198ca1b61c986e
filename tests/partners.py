"""Who stands how between two partners, the slow and obvious way (docs/semantics.md, 10): a rule for each kind.

States are JSON, as they are answered. This shares no code with `service/domain/matching`.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests import oracle, touching

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

State = dict[str, Any]
NAMES = {
    "CN": "China",
    "US": "United States",
    "EU": "European Union",
    "DE": "Germany",
    "GB": "United Kingdom",
    "CH": "Switzerland",
}
"""English names of the parties that tests ask about."""


def side(state: State, standing: Sequence[State], partners: tuple[str, str], day: date, recent: int) -> str | None:
    """Return the side on which an item stands between two partners; None where it stands on none."""
    a, b = partners
    kind = state["kind"]
    if kind == "issue":
        return None
    if kind in {"call", "statement"} and oracle.bounds(state["since"])[1] <= day - timedelta(recent):
        return None
    if kind in {"agreement", "round", "call"}:
        return "both" if take_part(parties_of(state), a, b, day) else None
    if acts_on(state, standing, a, b, day):
        return "a_on_b"
    return "b_on_a" if acts_on(state, standing, b, a, day) else None


def parties_of(state: State) -> list[str]:
    """List who takes part in an agreement, a round or a call."""
    participants = [each.get("party") for each in state.get("participants") or []]
    return [each for each in (*(state.get("parties") or []), *participants, state.get("initiator")) if each]


def stands_for(party: str, day: date) -> list[str]:
    """List a party and the blocs that it is in."""
    return [party, *touching.blocs_of(party, day)]


def take_part(parties: Iterable[str], a: str, b: str, day: date) -> bool:
    """Whether two different parties stand for the two partners."""
    found = list(parties)
    pairs = [(one, other) for one in found for other in found if one != other]
    return any(one in stands_for(a, day) and other in stands_for(b, day) for one, other in pairs)


def acts_on(state: State, standing: Sequence[State], one: str, other: str, day: date) -> bool:
    """Whether what one partner does is on the other."""
    kind = state["kind"]
    actor = next((state[name] for name in ("imposed_by", "granted_by", "by") if state.get(name)), None)
    actor = state.get("party") if kind == "statement" else actor
    if actor is None or actor not in stands_for(one, day) or actor == other:
        return False
    if kind == "statement":
        met = "" if is_about(state.get("about") or "", standing, other, day) else None
    elif kind == "clearance":
        met = benefits(state, standing, other, day)
    elif kind == "restriction":
        met = touching.target_found(state, other, day)
    else:
        faced = [*(state.get("against") or []), state.get("of"), state.get("to")]
        found = [each for each in stands_for(other, day) if each in faced]
        met = None if not found else "" if found[0] == other else found[0]
    if met is None:
        return False
    return not met or actor not in touching.blocs_of(other, day)


def benefits(state: State, standing: Sequence[State], party: str, day: date) -> str | None:
    """Return how a clearance is for a party: by the countries of its beneficiaries, or as its restriction is on it."""
    countries = [each["country"] for each in state.get("beneficiaries") or [] if each.get("country")]
    restriction = touching.restriction_of(state, standing)
    if not countries and restriction is not None:
        return touching.target_found(restriction, party, day)
    found = [each for each in stands_for(party, day) if each in countries]
    return None if not found else "" if found[0] == party else found[0]


def is_about(about: str, standing: Sequence[State], party: str, day: date) -> bool:
    """Whether a statement is about a party: by the item that it names, or by the party's code or name."""
    item = next((state for state in standing if state["id"] == about), None)
    if item is not None:
        return touching.party_found(item, party, day) is not None
    return bool(re.search(rf"\b{party}\b", about)) or NAMES[party].casefold() in about.casefold()
