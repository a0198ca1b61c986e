"""Which events may change the answer to a question: by the tokens that events are found by (docs/decisions/0044).

What is found may be too much and never too little: the question is asked then, and the answers are compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Reach(NamedTuple):
    """What an event has to carry: a token of every group and, where there are any, one of `types`.

    With `refers`, items that others refer to (the restriction of a clearance, what a statement is about) change the
    answer although they carry a token of one group only. Without groups and types every event passes.
    """

    groups: tuple[frozenset[str], ...] = ()
    types: frozenset[str] = frozenset()
    refers: bool = False

    def holds(self, tokens: frozenset[str]) -> bool:
        """Return whether an event with these tokens may change the answer."""
        for group in self.groups:
            if group.isdisjoint(tokens):
                return False
        return not self.types or not self.types.isdisjoint(tokens)


class Index:
    """The reach of many questions by token: what an event costs does not grow with the questions that it is not about.

    Each name stands under the tokens of one group, its first; under those of all where its question refers to others.
    """

    def __init__(self, reaches: Mapping[str, Reach]) -> None:
        """`reaches` by name, each with its narrowest group first."""
        self._reaches = reaches
        self._direct: dict[str, list[str]] = {}
        self._referring: dict[str, list[str]] = {}
        self._always = []
        for name, reach in reaches.items():
            first = reach.groups[0] if reach.groups else reach.types
            if not first:
                self._always.append(name)
            _enter(self._direct, name, first)
            if reach.refers:
                _enter(self._referring, name, frozenset().union(*reach.groups))

    def touched(self, tokens: frozenset[str]) -> set[str]:
        """Return the names of the questions whose answer an event with these tokens may change."""
        found = {name for token in self._direct.keys() & tokens for name in self._direct[token]}
        return {*self._always, *[name for name in found if self._reaches[name].holds(tokens)]}

    def may_refer(self, tokens: frozenset[str]) -> bool:
        """Return whether `referring` would find any."""
        return not self._referring.keys().isdisjoint(tokens)

    def referring(self, tokens: frozenset[str]) -> set[str]:
        """Return the names of the questions whose answer an event may change, of an item that others refer to."""
        return {name for token in self._referring.keys() & tokens for name in self._referring[token]}


def _enter(index: dict[str, list[str]], name: str, tokens: Iterable[str]) -> None:
    for token in tokens:
        index.setdefault(token, []).append(name)


REFERENCES = ("restriction:{}", "about:{}")
"""The tokens of items that refer to another, whose name takes the place of `{}`."""
_ITEM = "item:"


def items_in(tokens: Iterable[str]) -> list[str]:
    """Return the names of the items that an event is about."""
    return [each.removeprefix(_ITEM) for each in tokens if each.startswith(_ITEM)]
