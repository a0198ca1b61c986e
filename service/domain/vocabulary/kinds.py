"""The changes of each kind of item in order, with their tracks and statuses (docs/semantics.md, 7).

They are one row of text in `LIFE`, beside the structs of the kind: its name, then its changes in order, each as
`name`, a mark and `=status` where the status is not the name. Marks: `*` opens an item, `!` ends it, `~` is on the
overlay track, `+` on the terms track; without one the change is on the base track. Settings follow: `plural:` names the
collection over HTTP, `until:` the status after the `until` of a base change, `running:` that of an item known by
no base change.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from service.domain.vocabulary.events import MODULES

Track = Literal["base", "overlay", "terms"]

SUSPENDED = "suspended"
_HIDES = {"suspended", "suspension_extended"}
_TRACKS: dict[str, Track] = {"~": "overlay", "+": "terms"}


class ChangeRule(NamedTuple):
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

    `plural` names its collection over HTTP. `after_until` is the status after a base change's `until` (None: it
    changes nothing), `running` that of an item known only by overlay or terms changes, `ends` the statuses that are
    ends.
    """

    name: str
    plural: str
    changes: tuple[ChangeRule, ...]
    after_until: str | None
    running: str
    ends: frozenset[str]

    @property
    def with_article(self) -> str:
        """Return the name with its article: a call, an offer."""
        return f"{'an' if self.name[0] in 'aeiou' else 'a'} {self.name}"


def _change(kind: str, place: int, word: str) -> ChangeRule:
    name, mark, status = re.fullmatch(r"(\w+)([*!~+]?)(?:=(\w+))?", word).groups()  # type: ignore[union-attr]
    track = _TRACKS.get(mark, "base")
    hides = track == "overlay" and name in _HIDES
    laid = SUSPENDED if hides else (status or name) if track == "base" else ""
    return ChangeRule(kind, name, place, track, laid, opens=mark == "*", hides=hides)


def _kind(name: str, words: list[str]) -> Kind:
    settings = dict(word.split(":") for word in words if ":" in word)
    rows = [word for word in words if ":" not in word]
    after_until = settings.get("until")
    ends = {re.split("!", word)[0] for word in rows if "!" in word} | ({after_until} if after_until else set())
    changes = tuple(_change(name, place, word) for place, word in enumerate(rows))
    return Kind(name, settings["plural"], changes, after_until, settings.get("running", "open"), frozenset(ends))


def _kinds() -> dict[str, Kind]:
    rows: list[list[str]] = []
    for line in "".join(module.LIFE for module in MODULES).splitlines():
        if line[4:5].strip():
            rows.append(line.split())
        elif line.strip():
            rows[-1].extend(line.split())
    return {name: _kind(name, words) for name, *words in rows}


KINDS: dict[str, Kind] = _kinds()
"""Every kind of item by name, in the order of the vocabulary."""

CHANGES: dict[str, ChangeRule] = {
    f"{kind.name}.{change.name}": change for kind in KINDS.values() for change in kind.changes
}
"""Every change by the stored name of its event type."""

STATUSES: dict[str, tuple[str, ...]] = {
    kind.name: tuple(
        dict.fromkeys(
            [change.status for change in kind.changes if change.status]
            + ([kind.after_until] if kind.after_until else [])
            + (["announced"] if any(change.opens for change in kind.changes) else [])
            + ([kind.running] if any(change.track != "base" for change in kind.changes) else [])
        )
    )
    for kind in KINDS.values()
}
"""Every status that an item of a kind can have."""
