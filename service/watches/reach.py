"""Which events may change the answer to a question: by the tokens that events are found by (docs/decisions/0044).

What is found may be too much and never too little: the question is asked then, and the answers are compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

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

    def levels(self) -> tuple[frozenset[str], ...]:
        """Return the groups, with the types as one of them."""
        return (*self.groups, self.types) if self.types else self.groups


NOTHING: Final = Reach((frozenset(),))
"""The reach of what no event changes."""

_Level = dict[str, set[str]]
"""The names of questions by one of the tokens that they need."""


class Index:
    """The reach of many questions by token: what an event costs does not grow with the questions that it is not about.

    Questions that need as many tokens stand together: by one of each group. Many share a token that says little (of
    goods without a code), so a group is only looked through when the event has a token of every group.
    """

    def __init__(self, reaches: Mapping[str, Reach]) -> None:
        """`reaches` by name."""
        self._by_count: dict[int, list[_Level]] = {}
        self._referring: _Level = {}
        self._always: set[str] = set()
        for name, reach in reaches.items():
            groups = reach.levels()
            if not groups:
                self._always.add(name)
            for level, group in zip(self._levels(len(groups)), groups, strict=True):
                _enter(level, name, group)
            if reach.refers:
                _enter(self._referring, name, frozenset().union(*reach.groups))

    def _levels(self, count: int) -> list[_Level]:
        return self._by_count.setdefault(count, [{} for _ in range(count)])

    def touched(self, tokens: frozenset[str]) -> set[str]:
        """Return the names of the questions whose answer an event with these tokens may change."""
        found = set(self._always)
        for levels in self._by_count.values():
            common = [level.keys() & tokens for level in levels]
            if common and all(common):
                named = [_names(level, each) for level, each in zip(levels, common, strict=True)]
                found |= set.intersection(*sorted(named, key=len))
        return found

    def may_refer(self, tokens: frozenset[str]) -> bool:
        """Return whether `referring` would find any."""
        return not self._referring.keys().isdisjoint(tokens)

    def referring(self, tokens: frozenset[str]) -> set[str]:
        """Return the names of the questions whose answer an event may change, of an item that others refer to."""
        return _names(self._referring, self._referring.keys() & tokens)


def _enter(level: _Level, name: str, tokens: Iterable[str]) -> None:
    for token in tokens:
        level.setdefault(token, set()).add(name)


def _names(level: _Level, tokens: Iterable[str]) -> set[str]:
    return set().union(*[level[token] for token in tokens])
