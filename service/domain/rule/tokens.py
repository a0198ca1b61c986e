"""Tokens: what a state or an event is found by, as `name:value` (docs/decisions/0004)."""

from __future__ import annotations

from functools import cache, lru_cache
from itertools import chain, combinations
from typing import TYPE_CHECKING, Any, NamedTuple

from service.domain.vocabulary.codes import (
    A_STATEMENT,
    AGAINST_ALL,
    COUNTRIES_OF_RESTRICTION,
    GOODS_OF_RESTRICTION,
    NO_GOODS,
    PAIR_MARKS,
    SCOPE_MARKS,
    TOGETHER,
    UNSAID,
    beside,
    many,
    pair,
)
from service.domain.vocabulary.terms import tokens_by_term

if TYPE_CHECKING:
    from collections.abc import Iterable

    from service.domain.rule.answer import Answer
    from service.domain.rule.facts import LiveFact
    from service.domain.rule.merge import Given
    from service.domain.vocabulary.events import Fact
    from service.domain.vocabulary.kinds import Kind

POSSIBLE = "certainty:possible"
"""The mark of a state whose status is not the same in every reading."""
ENDED = "ended"
"""The mark of a state whose status is an end."""
_STATUS, _NO_STATUS = "status:", "None"
_ON = "on:"
_ENTITIES = frozenset({"entities", "beneficiaries"})
MARKED_BY = {
    "restriction": ("against", "entities", "goods", "all_goods"),
    "clearance": ("goods", "restriction", "beneficiaries"),
}
"""By kind, the terms on which the marks of a state depend that say what it touches."""
PAIRED_MAX = 24
"""Parties with the same role of which each is paired with each, at most; the pairs of more are not remembered."""

Tokens = dict[str, None]
"""Tokens in a fixed order, each once: the order depends on what they are made from, not on hashing."""


class FoundBy(NamedTuple):
    """What a state is found by: its tokens and marks as they are stored, and those by which its item is found."""

    stored: str
    facets: list[str]


def found_by(kind: Kind, answer: Answer) -> FoundBy:
    """Return what a state is found by."""
    return _found_by(kind, answer.issues, _by_term(answer), marks(kind, answer))


@lru_cache(maxsize=64)  # most states of an item say the same as one before
def _found_by(
    kind: Kind, issues: tuple[str, ...], by_term: tuple[tuple[str, ...], ...], of_state: tuple[str, ...]
) -> FoundBy:
    tokens = [*_each_once(by_term, issues), *of_state]
    scope = [mark for mark in of_state if mark in SCOPE_MARKS]
    return FoundBy(joined(tokens), [*scope, *pairs(kind, tokens)])


def tokens_of_answer(answer: Answer) -> Tokens:
    """List the tokens of a state: `name:value`, normalized where case does not matter."""
    return _each_once(_by_term(answer), answer.issues)


def _by_term(answer: Answer) -> tuple[tuple[str, ...], ...]:
    return tuple([found for name, fact in answer.given.items() if (found := by_term(fact).get(name))])


def tokens_of_fact(fact: LiveFact, issues: Iterable[str]) -> Tokens:
    """List the tokens of the text of a fact and of the issues that it names."""
    return _each_once(by_term(fact).values(), issues)


def by_term(fact: LiveFact) -> dict[str, tuple[str, ...]]:
    """List the tokens of each term of a fact, for the terms that something is found by."""
    if fact.tokens is None:
        fact.tokens = tokens_by_term(fact.event)
    return fact.tokens


def tokens_of_text(text: Fact | None, issues: Iterable[str]) -> Tokens:
    """List the tokens of one text of a fact; without a text, those of its issues alone."""
    return _each_once(() if text is None else tokens_by_term(text).values(), issues)


def _each_once(by_term: Iterable[Iterable[str]], issues: Iterable[str]) -> Tokens:
    return dict.fromkeys(chain([of_issue(issue) for issue in issues], *by_term))


def token(name: str, value: str) -> str:
    """Return the token of a name and a value."""
    return f"{name}:{value}"


def of_issue(issue: str) -> str:
    """Return the token of events and states that name an issue."""
    return token("issue", issue)


def of_day(day: int) -> str:
    """Return the token of events that may have occurred on a day (an ordinal): it decides who is in a bloc."""
    return f"{_ON}{day}"


def days_in(found_by: Iterable[str]) -> list[int]:
    """Return the days on which an event may have occurred, by its tokens."""
    return [int(each.removeprefix(_ON)) for each in found_by if each.startswith(_ON)]


def marks(kind: Kind, answer: Answer) -> tuple[str, ...]:
    """List the marks of a state: its certainty, each status that some reading gives, whether it has ended.

    `ended` marks a status that is an end, `ended-surely` one that is an end in every reading. Marks that say what a
    measure touches follow: its `applies`, and those of `scope_marks`.
    """
    return _marks(kind, answer.certainty, tuple(statuses(answer)), answer.applies) + scope_marks(kind, answer.given)


@lru_cache(maxsize=1_024)
def _marks(kind: Kind, certainty: str, every: tuple[str | None, ...], applies: str) -> tuple[str, ...]:
    found = [f"certainty:{certainty}", *[f"{_STATUS}{each}" for each in every]]
    if every[0] in kind.ends:
        found.append(ENDED)
        if _all_ended(kind, every):
            found.append("ended-surely")
    return (*found, f"applies:{applies}") if kind.name == "restriction" else tuple(found)


def scope_marks(kind: Kind, given: Given) -> tuple[str, ...]:
    """List the marks of a state that say what it leaves unsaid (`codes.SCOPE_MARKS`), by the facts of its terms."""
    said = [name for name in MARKED_BY.get(kind.name, ()) if name in given and says(name, given[name].terms[name])]
    return unsaid_marks(kind.name, tuple(said))


@cache
def unsaid_marks(kind: str, said: tuple[str, ...]) -> tuple[str, ...]:
    """List the marks of a state that says some terms (`says`): what it leaves unsaid (`codes.SCOPE_MARKS`)."""
    found = []
    if kind == "restriction":
        if "against" not in said and "entities" not in said:
            found.append(AGAINST_ALL)
        if "goods" not in said and "all_goods" not in said:
            found.append(NO_GOODS)
    elif kind == "clearance":
        refers = "restriction" in said
        if "goods" not in said:
            found.append(GOODS_OF_RESTRICTION if refers else NO_GOODS)
        if refers and "beneficiaries" not in said:
            found.append(COUNTRIES_OF_RESTRICTION)
    elif kind == "statement":
        found.append(A_STATEMENT)
    return tuple(found)


def says(name: str, value: Any) -> bool:  # noqa: ANN401 - any term
    """Return whether the value of a term says what a state touches: entities do where one has a country."""
    return any(each.country for each in value or ()) if name in _ENTITIES else bool(value)


def pairs(kind: Kind, found_by: Iterable[str]) -> tuple[str, ...]:
    """List the pairs of parties that a state may stand between, by its tokens and marks (`codes.pair`).

    Who acts is paired with each other party, and with the mark for those that are not named. Where all take part with
    the same role, each is paired with each. A state that does not say its goods has each pair with that, too, and with
    it each party and the mark alone (`codes.beside`).
    """
    named = paired(found_by)
    make = _pairs if len(named) <= PAIRED_MAX else _pairs.__wrapped__
    return make(kind.name, tuple(named))


def paired(found_by: Iterable[str]) -> list[str]:
    """List those of some tokens and marks on which the pairs of a state depend."""
    return [each for each in found_by if each[:6] == "party:" or each[:3] == "by:" or each in _PAIRED]


_PAIRED = UNSAID | {*PAIR_MARKS.values()}


@lru_cache(maxsize=4_096)
def _pairs(kind: str, found_by: tuple[str, ...]) -> tuple[str, ...]:
    parties = [each[6:] for each in found_by if each[:6] == "party:"]
    if kind in TOGETHER:
        if len(parties) > PAIRED_MAX:
            return (many(kind),)
        return tuple([pair(kind, *both) for both in combinations(parties, 2)])
    mark = PAIR_MARKS.get(kind)
    others = [*parties, mark] if mark in found_by else parties
    unsaid = [each for each in found_by if each in UNSAID]
    actors = parties if kind == "statement" else [each[3:] for each in found_by if each[:3] == "by:"]
    both = [(actor, other) for actor in actors for other in others if other != actor]
    alone = [beside(each, what) for each in others for what in unsaid]
    return (*[pair(kind, *each, what) for each in both for what in ("", *unsaid)], *alone)


def statuses(answer: Answer) -> list[str | None]:
    """Return every status that some reading gives, that of the answer first."""
    return [status for status, _ in answer.possible] or [answer.status]


def possible_in(found_by: Iterable[str]) -> frozenset[str | None]:
    """Return every status that a state may have by its marks; empty where its status is the only one."""
    found = {each.removeprefix(_STATUS) for each in found_by if each.startswith(_STATUS)}
    return frozenset(None if each == _NO_STATUS else each for each in found) if len(found) > 1 else frozenset()


def has_surely_ended(kind: Kind, answer: Answer) -> bool:
    """Return whether the status is an end in every reading, or none at all in some."""
    return answer.status in kind.ends and _all_ended(kind, statuses(answer))


def _all_ended(kind: Kind, every: Iterable[str | None]) -> bool:
    return all([each is None or each in kind.ends for each in every])


def delimited(token: str) -> str:
    """Return a token as it is stored among others: between line breaks."""
    return f"\n{token}\n"


def joined(tokens_of_state: Iterable[str]) -> str:
    """Return tokens as they are stored: each between line breaks."""
    return "\n" + "\n".join(tokens_of_state) + "\n"
