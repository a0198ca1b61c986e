"""What an item touches on some day, as it is known: the tokens of all its states, for those who follow (0040)."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - compiled, a tuple reads the types of its fields
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from service.domain.rule.answer import Rewrite
from service.domain.rule.tokens import MARKED_BY, by_term, of_day, of_issue, scope_marks
from service.domain.vocabulary.codes import (
    AGAINST_ALL,
    ALL_GOODS,
    ANY_OF,
    COUNTRIES_OF_RESTRICTION,
    GOODS_OF_RESTRICTION,
    NO_GOODS,
)
from service.domain.vocabulary.dates import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from service.domain.rule.answer import Answer, Segment
    from service.domain.vocabulary.events import Fact
    from service.domain.vocabulary.kinds import Kind

BOUND: Final = 2_000
"""Characters of the tokens of one sort that an event has for its item, at most; else it has that they are too many."""
_EXCEPT: Final = "except-"
_COMPARED: Final = 4
"""Texts of what is left out that are compared; of more, nothing counts as left out."""
_SORTS: Final = ("parties", "goods", "entities", "issues")
_SORT_OF: Final[dict[str, str]] = {
    **dict.fromkeys(("party", "by", AGAINST_ALL, COUNTRIES_OF_RESTRICTION), "parties"),
    **dict.fromkeys(
        (
            "good",
            "good-word",
            "hs",
            "hs-exactly",
            "eccn",
            "eccn-exactly",
            "element",
            "element-group",
            ALL_GOODS,
            "uncoded",
        ),
        "goods",
    ),
    **dict.fromkeys((GOODS_OF_RESTRICTION, NO_GOODS), "goods"),
    **dict.fromkeys(("entity", "entity-word"), "entities"),
    "issue": "issues",
}
"""The sort of a token, by its name: those that followers ask for. Parties are as many as the vocabulary has."""


class ScopeTokens(NamedTuple):
    """The tokens of all states of an item: by sort, None where they are too many; and what each state leaves out.

    `exists` is false for an item that has no state. `every` are the tokens of all sorts, with one for each sort of
    which they are too many.
    """

    sorts: Mapping[str, tuple[str, ...] | None]
    left_out: frozenset[str]
    exists: bool
    every: tuple[str, ...]


_Key = tuple[Any, ...]
"""What some tokens of a state follow from: a term and the fact that gives it, the issues, or the facts of the marks."""
_ISSUES: Final = "issues"
_MARKS: Final = "marks"


class Scope:
    """The tokens of all states of one item, kept as its states change: a change costs what it changes."""

    __slots__ = ("_counts", "_kind", "_left_out", "_marked_by", "_sizes", "_states", "_touched", "_uses")

    def __init__(self, kind: Kind, segments: Iterable[Segment] = ()) -> None:
        """Begin with the states of an item."""
        self._kind, self._marked_by = kind, MARKED_BY.get(kind.name, ())
        self._uses: dict[_Key, int] = {}
        """In how many states."""
        self._counts: dict[str, dict[str, int]] = {sort: {} for sort in _SORTS}
        self._sizes = dict.fromkeys(_SORTS, 0)
        self._left_out: dict[_Key, tuple[str, ...]] = {}
        self._states = 0
        self._touched: ScopeTokens | None = None
        self.change([Rewrite(segment.start, None, segment) for segment in segments])

    def change(self, rewrites: Iterable[Rewrite]) -> None:
        """Take states in place of others."""
        states = 0
        more: dict[_Key, int] = {}
        for _, before, after in rewrites:
            old = None if before is None or before.answer.status is None else before.answer
            new = None if after is None or after.answer.status is None else after.answer
            states += (new is not None) - (old is not None)
            was_given, given = {} if old is None else old.given, {} if new is None else new.given
            for name, fact in given.items():
                if was_given.get(name) is not fact:
                    more[name, fact] = more.get((name, fact), 0) + 1
            for name, fact in was_given.items():
                if given.get(name) is not fact:
                    more[name, fact] = more.get((name, fact), 0) - 1
            were, are = self._others(old), self._others(new)
            if were != are:
                for key in are:
                    more[key] = more.get(key, 0) + 1
                for key in were:
                    more[key] = more.get(key, 0) - 1
        self._add(more, states)

    def _others(self, answer: Answer | None) -> tuple[_Key, ...]:
        """Return the keys of the tokens of a state that no term alone gives: of its issues, and its marks."""
        if answer is None:
            return ()
        issues = _ISSUES, answer.issues
        if not self._marked_by:
            return (issues,)
        given = answer.given
        return issues, (_MARKS, *[given.get(name) for name in self._marked_by])

    def touched(self) -> ScopeTokens:
        """Return the tokens of all states."""
        if self._touched is None:
            sorts = {
                sort: None if sort in ANY_OF and self._sizes[sort] > BOUND else tuple(counted)
                for sort, counted in self._counts.items()
            }
            every = chain.from_iterable([(ANY_OF[sort],) if each is None else each for sort, each in sorts.items()])
            self._touched = ScopeTokens(sorts, self._left_out_of_all(), self._states > 0, tuple(every))
        return self._touched

    def _add(self, more: Mapping[_Key, int], states: int) -> None:
        """Count so many more uses of each key, and so many more states."""
        had, self._states = self._states > 0, self._states + states
        if had != (self._states > 0):
            self._touched = None
        for key, step in more.items():
            if step and (tokens := self._tokens(key)):
                uses = self._uses[key] = self._uses.get(key, 0) + step
                if uses == max(step, 0):  # the first, or the last
                    self._weigh(key, tokens, 1 if uses else -1)
                if not uses:
                    del self._uses[key]
        if self._left_out and (states or any(more.values())):  # what all states leave out
            self._touched = None

    def _tokens(self, key: _Key) -> tuple[str, ...]:
        name, *rest = key
        if name == _ISSUES:
            return tuple([of_issue(issue) for issue in rest[0]])
        if name == _MARKS:
            given = {name: fact for name, fact in zip(self._marked_by, rest, strict=True) if fact is not None}
            return scope_marks(self._kind, given)
        return by_term(rest[0]).get(name, ())

    def _weigh(self, key: _Key, tokens: tuple[str, ...], step: int) -> None:
        """Count the tokens of a key that is new, or gone."""
        self._touched = None
        if tokens[0].startswith(_EXCEPT):
            if step > 0:
                self._left_out[key] = tokens
            else:
                del self._left_out[key]
            return
        for token in tokens:
            sort = _sort_of(token)
            if sort is None:
                continue
            counted = self._counts[sort]
            number = counted.get(token, 0) + step
            if number:
                counted[token] = number
            else:
                del counted[token]
            if number == max(step, 0):  # the first, or the last
                self._sizes[sort] += step * (len(token) + 1)

    def _left_out_of_all(self) -> frozenset[str]:
        """Return what every state leaves out."""
        by_name: dict[str, list[_Key]] = {}
        for key in self._left_out:
            by_name.setdefault(key[0], []).append(key)
        found: set[str] = set()
        for keys in by_name.values():
            if len(keys) <= _COMPARED and sum([self._uses[key] for key in keys]) == self._states:
                found |= frozenset.intersection(*[frozenset(self._left_out[key]) for key in keys])
        return frozenset(found)


def of_texts(type_: str, texts: Iterable[Fact], kinds: Mapping[str, str]) -> set[str]:
    """Return what an event is found by for its type, the days of its texts and its items, whose kinds are given."""
    found = {f"type:{type_}", f"type:{type_.partition('.')[0]}.*"}
    for slug, kind in kinds.items():
        found |= {f"item:{slug}", f"type:{kind}.*"}
    for text in texts:
        when = parse(text.occurred)
        found |= {of_day(when.lo), of_day(when.hi)}
    return found


def followed(own: Iterable[str], others: Iterable[str], touched: Sequence[ScopeTokens]) -> list[str]:
    """List what an event is followed by: what its own text says, what others say of its item, what its states touch.

    Of a sort of which there is too much, only its own stand, with a token that says so. What is left out counts where
    all states leave it out; without any state, where its own text does.
    """
    own, others = list(own), list(others)
    if not others and len(touched) == 1 and touched[0].exists:  # mostly: nothing of what it touches has changed
        return [*[each for each in own if _sort_of(each) is not None], *touched[0].every, *touched[0].left_out]
    mine, theirs = _by_sort(own), _by_sort(others)
    found: list[str] = []
    for sort in _SORTS:
        found += mine.get(sort, ())
        parts = [each.sorts[sort] for each in touched]
        every = dict.fromkeys(chain(theirs.get(sort, ()), *[part for part in parts if part is not None]))
        if sort in ANY_OF and (None in parts or sum(map(len, every)) + len(every) > BOUND):
            found.append(ANY_OF[sort])
        else:
            found += every
    known = [each.left_out for each in touched if each.exists]
    found += frozenset.intersection(*known) if known else [token for token in own if token.startswith(_EXCEPT)]
    return found


def _by_sort(tokens: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for token in tokens:
        if (sort := _sort_of(token)) is not None:
            found.setdefault(sort, []).append(token)
    return found


@lru_cache(maxsize=16_384)
def _sort_of(token: str) -> str | None:
    return _SORT_OF.get(token.partition(":")[0])
