"""The life of each kind of item: its changes in order, their tracks and statuses (docs/semantics.md, 7)."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

Track = Literal["base", "overlay", "terms"]

SUSPENDED = "suspended"
_HIDES = {"suspended", "suspension_extended"}
_TRACKS: dict[str, Track] = {"~": "overlay", "+": "terms"}

_LIVES = """
    issue         opened*=open revised+ closed! reopened=open
    round         scheduled* postponed started*=in_session session_held=in_session adjourned resumed=in_session
                  concluded! cancelled!
    call          held*
    statement     made*
    demand        made*=open accepted! rejected! withdrawn!
    offer         made*=open condition_met=open accepted! rejected! withdrawn! over:lapsed
    commitment    given*=open partially_fulfilled breach_alleged fulfilled! broken!
    threat        made*=standing carried_out! withdrawn! over:lapsed
    agreement     framework_reached* signed* in_effect* extended=in_effect suspended~ reinstated~ terminated!
                  over:expired running:in_effect
    restriction   proposed* announced* imposed*=in_force extended=in_force tightened+ eased+ suspended~
                  suspension_extended~ reinstated~ lifted! superseded! invalidated! over:expired running:in_force
    clearance     applied* agreed* granted*=active extended=active suspended~ reinstated~ denied! revoked!
                  over:expired running:active
    investigation opened*=open suspended~ reinstated~ closed!
    dispute       filed*=open ruled settled! withdrawn!
"""


class Change(NamedTuple):
    """One change of one kind.

    `place` is its index in the row of its kind; `status` what it sets (base) or lays over (overlay; "" lays nothing);
    `hides` is true for the overlay changes that suspend.
    """

    kind: str
    name: str
    place: int
    track: Track
    status: str
    opens: bool
    hides: bool


class Kind(NamedTuple):
    """One kind of item.

    `over` is the status that follows a base change's `until` (None: it changes nothing), `running` that of an item
    known only by overlay or terms changes, `ends` the statuses that are ends.
    """

    name: str
    changes: tuple[Change, ...]
    over: str | None
    running: str
    ends: frozenset[str]


def _change(kind: str, place: int, word: str) -> Change:
    name, mark, status = re.fullmatch(r"(\w+)([*!~+]?)(?:=(\w+))?", word).groups()  # type: ignore[union-attr]
    track = _TRACKS.get(mark, "base")
    hides = track == "overlay" and name in _HIDES
    laid = SUSPENDED if hides else (status or name) if track == "base" else ""
    return Change(kind, name, place, track, laid, opens=mark == "*", hides=hides)


def _kind(name: str, words: list[str]) -> Kind:
    settings = dict(word.split(":") for word in words if ":" in word)
    rows = [word for word in words if ":" not in word]
    over = settings.get("over")
    ends = {re.split("!", word)[0] for word in rows if "!" in word} | ({over} if over else set())
    changes = tuple(_change(name, place, word) for place, word in enumerate(rows))
    return Kind(name, changes, over, settings.get("running", "open"), frozenset(ends))


def _kinds() -> dict[str, Kind]:
    rows: list[list[str]] = []
    for line in _LIVES.strip("\n").splitlines():
        if line[4] == " ":
            rows[-1].extend(line.split())
        else:
            rows.append(line.split())
    return {name: _kind(name, words) for name, *words in rows}


KINDS: dict[str, Kind] = _kinds()
"""Every kind of item by name, in the order of the vocabulary."""

CHANGES: dict[str, Change] = {
    f"{kind.name}.{change.name}": change for kind in KINDS.values() for change in kind.changes
}
"""Every change by the stored name of its event type."""

STATUSES: dict[str, tuple[str, ...]] = {
    kind.name: tuple(
        dict.fromkeys(
            [change.status for change in kind.changes if change.status]
            + ([kind.over] if kind.over else [])
            + (["announced"] if any(change.opens for change in kind.changes) else [])
            + ([kind.running] if any(change.track != "base" for change in kind.changes) else [])
        )
    )
    for kind in KINDS.values()
}
"""Every status that an item of a kind can have."""

PLURALS: dict[str, str] = {
    "restriction": "restrictions",
    "clearance": "clearances",
    "offer": "offers",
    "commitment": "commitments",
    "demand": "demands",
    "threat": "threats",
    "agreement": "agreements",
    "round": "rounds",
    "call": "calls",
    "statement": "statements",
    "investigation": "investigations",
    "dispute": "disputes",
}
"""The name of each kind's collection over HTTP; issues have their own."""
