"""The changes of each kind of item in order, with their tracks and statuses (docs/semantics.md, 7).

They are one row of text in `LIFE`, beside the structs of the kind: its name, then its changes in order, each as
`name`, a mark and `=status` where the status is not the name. Marks: `*` opens an item, `!` ends it, `~` is on the
overlay track, `%` on the quota track, `+` on the terms track; without one the change is on the base track. Settings
follow: `plural:` names the collection over HTTP, `over:` the status of a base ruler that is over, `running:` the
running status where it is not `open`.
"""

from __future__ import annotations

import re
from typing import Literal

from service.domain.vocabulary.events import MODULES

Track = Literal["base", "overlay", "quota", "terms"]

IN_FORCE, SUSPENDED = "in_force", "suspended"
EXHAUSTED = "exhausted"
PLANNED = "planned"
"""The status of an item that only planned facts are known of, where the question asks for planned items."""

_TRACKS: dict[str, Track] = {"~": "overlay", "%": "quota", "+": "terms"}
_HIDING = {
    ("overlay", "suspended"): SUSPENDED,
    ("overlay", "suspension_extended"): SUSPENDED,
    ("overlay", "postponed"): SUSPENDED,
    ("quota", "exhausted"): EXHAUSTED,
}
"""The hiding changes, by track and name, with the status that they give."""
_PRELIMINARY = {"proposed", "announced", "applied", "agreed", "framework_reached", "signed"}


class ChangeRule:
    """One change of one kind.

    `place` is its index in the row of its kind. `status` is the status that it gives: of a base change that of the
    item, of a hiding change that of the item which it hides, "" for every other change. `opens` and `ends` are true for
    openings and ends, `hides` for the overlay and quota changes that hide an item which is otherwise in force,
    `preliminary` for the openings that do not make the item run yet.
    """

    __slots__ = ("ends", "hides", "kind", "name", "opens", "place", "preliminary", "status", "track")

    def __init__(self, kind: str, place: int, word: str) -> None:
        """Read a word of the row of a kind."""
        name, mark, status = re.fullmatch(r"(\w+)([*!~%+]?)(?:=(\w+))?", word).groups()  # type: ignore[union-attr]
        track: Track = _TRACKS.get(mark, "base")
        self.kind, self.name, self.place, self.track = kind, str(name), place, track
        self.status = str(status or name) if track == "base" else _HIDING.get((track, name), "")
        self.opens, self.ends, self.hides = mark == "*", mark == "!", (track, name) in _HIDING
        self.preliminary = mark == "*" and name in _PRELIMINARY


class Kind:
    """One kind of item.

    `plural` names its collection over HTTP. `over` is the status of a base ruler that is over (None: base facts of this
    kind are never over). `running` is the running status: that of the item while it runs, and of one that is known by
    no base change. `ends` are the statuses that are ends, `over` among them.
    """

    __slots__ = ("changes", "ends", "name", "over", "plural", "running")

    def __init__(self, name: str, words: list[str]) -> None:
        """Read the words of its row after its name."""
        settings = dict(word.split(":") for word in words if ":" in word)
        rows = [word for word in words if ":" not in word]
        self.name, self.plural, self.over = name, settings["plural"], settings.get("over")
        self.running = settings.get("running", "open")
        self.changes = tuple([ChangeRule(name, place, word) for place, word in enumerate(rows)])
        over = {self.over} if self.over else set()
        self.ends = frozenset({change.status for change in self.changes if change.ends} | over)

    @property
    def with_article(self) -> str:
        """Return the name with its article: a call, an offer."""
        return f"{'an' if self.name[0] in 'aeiou' else 'a'} {self.name}"


def _kinds() -> dict[str, Kind]:
    rows: list[list[str]] = []
    for line in "".join(module.LIFE for module in MODULES).splitlines():
        if line[4:5].strip():
            rows.append(line.split())
        elif line.strip():
            rows[-1].extend(line.split())
    return {name: Kind(name, words) for name, *words in rows}


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
            + ([kind.over] if kind.over else [])
            + (["announced"] if any(change.opens for change in kind.changes) else [])
            + ([kind.running] if any(change.track != "base" for change in kind.changes) else [])
            + [PLANNED]
        )
    )
    for kind in KINDS.values()
}
"""Every status that an item of a kind can have; `planned` only where the question asks for planned items."""
