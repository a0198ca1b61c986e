"""What an item touches on some day, as it is known: the tokens of all its states, for those who follow (0040)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping  # noqa: TC003 - compiled, a tuple reads the types of its fields
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple

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
    from collections.abc import Iterable, Iterator, Sequence

    from service.domain.rule.answer import Answer, Segment
    from service.domain.rule.facts import LiveFact
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


class _Entry:
    """Some tokens that states carry together: in how many; `holder` keeps the facts alive that they are known by."""

    __slots__ = ("count", "holder", "tokens")

    def __init__(self, holder: object, tokens: tuple[str, ...]) -> None:
        self.count, self.holder, self.tokens = 0, holder, tokens


class Scope:
    """The tokens of all states of one item, kept as its states change: a change costs what it changes."""

    __slots__ = ("_counts", "_entries", "_kind", "_left_out", "_sizes", "_states", "_touched")

    def __init__(self, kind: Kind, segments: Iterable[Segment] = ()) -> None:
        """Begin with the states of an item."""
        self._kind = kind
        self._entries: dict[tuple[Any, ...], _Entry] = {}
        self._counts: dict[str, Counter[str]] = {sort: Counter() for sort in _SORTS}
        self._sizes: Counter[str] = Counter()
        self._left_out: dict[tuple[Any, ...], _Entry] = {}
        self._states = 0
        self._touched: ScopeTokens | None = None
        for segment in segments:
            self._count(segment.answer, 1)

    def change(self, before: Segment | None, after: Segment | None) -> None:
        """Take a state in place of another; None for none."""
        old, new = (None if each is None else each.answer for each in (before, after))
        if old is not None and new is not None and old.status is not None and new.status is not None:
            self._replace(old, new)
            return
        if new is not None:
            self._count(new, 1)
        if old is not None:
            self._count(old, -1)

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

    def _count(self, answer: Answer, step: int) -> None:
        if answer.status is None:
            return
        self._states += step
        if self._left_out or self._states <= 1:  # what all states leave out, or whether there is one
            self._touched = None
        for name, fact in answer.given.items():
            self._count_term(name, fact, step)
        for key in self._others(answer):
            self._count_other(key, answer, step)

    def _replace(self, old: Answer, new: Answer) -> None:
        """Count one state in place of another, by what differs."""
        if self._left_out and old.given != new.given:  # what all states leave out
            self._touched = None
        for name, fact in new.given.items():
            if old.given.get(name) is not fact:
                self._count_term(name, fact, 1)
        for name, fact in old.given.items():
            if new.given.get(name) is not fact:
                self._count_term(name, fact, -1)
        before, after = [*self._others(old)], [*self._others(new)]
        if before != after:
            for key in after:
                self._count_other(key, new, 1)
            for key in before:
                self._count_other(key, old, -1)

    def _count_term(self, name: str, fact: LiveFact, step: int) -> None:
        if tokens := (fact.tokens or by_term(fact)).get(name):
            key = (id(fact), name)
            entry = self._entries.get(key) or self._begin(key, fact, tokens)
            self._add(key, entry, step)

    def _count_other(self, key: tuple[Any, ...], answer: Answer, step: int) -> None:
        entry = self._entries.get(key) or self._begin(key, answer, self._tokens_of_other(key[0], answer))
        self._add(key, entry, step)

    def _add(self, key: tuple[Any, ...], entry: _Entry, step: int) -> None:
        entry.count += step
        if not entry.count:
            self._end(key, entry)

    def _others(self, answer: Answer) -> Iterator[tuple[Any, ...]]:
        """Return the keys of the tokens of a state that no term alone gives: of its issues, and its marks."""
        yield "issues", answer.issues
        if names := MARKED_BY.get(self._kind.name):
            yield "marks", *[id(answer.given.get(name)) for name in names]

    def _tokens_of_other(self, what: object, answer: Answer) -> tuple[str, ...]:
        if what == "marks":
            return tuple(scope_marks(self._kind, answer))
        return tuple([of_issue(issue) for issue in answer.issues])

    def _begin(self, key: tuple[Any, ...], holder: object, tokens: tuple[str, ...]) -> _Entry:
        entry = self._entries[key] = _Entry(holder, tokens)
        self._weigh(key, entry, 1)
        return entry

    def _end(self, key: tuple[Any, ...], entry: _Entry) -> None:
        del self._entries[key]
        self._weigh(key, entry, -1)

    def _weigh(self, key: tuple[Any, ...], entry: _Entry, step: int) -> None:
        """Count the tokens of an entry that is new, or gone."""
        self._touched = None
        if entry.tokens and entry.tokens[0].startswith(_EXCEPT):
            if step > 0:
                self._left_out[key] = entry
            else:
                del self._left_out[key]
            return
        for token in entry.tokens:
            sort = _sort_of(token)
            if sort is None:
                continue
            counted = self._counts[sort]
            counted[token] += step
            if counted[token] == max(step, 0):  # the first, or the last
                self._sizes[sort] += step * (len(token) + 1)
                if not counted[token]:
                    del counted[token]

    def _left_out_of_all(self) -> frozenset[str]:
        """Return what every state leaves out."""
        by_name: dict[str, list[_Entry]] = {}
        for (_, name), entry in self._left_out.items():
            by_name.setdefault(name, []).append(entry)
        found: set[str] = set()
        for entries in by_name.values():
            if len(entries) <= _COMPARED and sum([entry.count for entry in entries]) == self._states:
                found |= frozenset.intersection(*[frozenset(entry.tokens) for entry in entries])
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
