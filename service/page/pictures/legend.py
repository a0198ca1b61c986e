"""The legend of a picture: what its looks mean, of those that it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_LOOKS = (
    ("runs", "stay runs", "in force, standing, open"),
    ("runs", "cell runs", "in force, standing, open"),
    ("hidden", "stay hidden", "suspended, used up"),
    ("hidden", "cell hidden", "suspended, used up"),
    ("coming", "stay coming", "announced, proposed, not in force yet"),
    ("coming", "cell coming", "announced, proposed, not in force yet"),
    ("ended", "stay ended", "ended"),
    ("ended", "cell ended", "ended"),
    ("soft", "fade ", "the day is uncertain"),
    ("dots", '"dots"', "the day is uncertain"),
    ("hatch", '"hatch"', "contested"),
    ("step", '"step', "charged"),
    ("own", '"own"', "its own rate, of which not all is charged"),
    ("unknown", '"unknown"', "not known how much"),
    ("fact", "mark fact", "a fact"),
    ("corrected", "mark corrected", "a corrected fact"),
    ("disputed", "mark disputed", "a fact that is contested"),
    ("planned", "mark planned", "planned or conditional"),
    ("denied", "mark denied", "denied or retracted"),
    ("many", "mark many", "several at one place"),
    ("talk", 'mark talk"', "talks"),
    ("talk-planned", "mark talk-planned", "talks that are planned"),
    ("cancelled", "mark cancelled", "talks that were cancelled"),
    ("call", "mark call", "a call"),
    ("statement", "mark statement", "a statement"),
)
"""Looks in the order of a legend: the name of the sample, what the picture has where it has the look, the words."""


def legend(drawn: Iterable[str]) -> list[tuple[str, str]]:
    """Return the samples that explain a picture, each with its words."""
    text = "".join(drawn)
    return list(dict.fromkeys([(name, words) for name, sign, words in _LOOKS if sign in text]))
