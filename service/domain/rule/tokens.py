"""Tokens: what a state or an event is found by, as `name:value` (docs/decisions/0004)."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from service.domain.rule.life import all_are_ends
from service.domain.vocabulary.terms import tokens_by_term

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from service.domain.rule.facts import LiveFact
    from service.domain.vocabulary.events import Fact
    from service.domain.vocabulary.kinds import Kind

AGAINST_ALL = "against-all"

Tokens = dict[str, None]
"""Tokens in a fixed order, each once: the order depends on what they are made from, not on hashing."""


def tokens_of_state(merged: Iterable[LiveFact], issues: Iterable[str]) -> Tokens:
    """List the tokens of a state: `name:value`, normalized where case does not matter.

    `merged` are the facts whose terms count: a term of a later fact takes the place of an earlier one's.
    """
    by_term: dict[str, tuple[str, ...]] = {}
    for fact in merged:
        if fact.tokens is None:
            fact.tokens = tokens_by_term(fact.event)
        by_term.update(fact.tokens)
    return _each_once(by_term, issues)


def tokens_of_text(text: Fact | None, issues: Iterable[str]) -> Tokens:
    """List the tokens of one text of a fact; without a text, those of its issues alone."""
    return _each_once({} if text is None else tokens_by_term(text), issues)


def _each_once(by_term: Mapping[str, Iterable[str]], issues: Iterable[str]) -> Tokens:
    return dict.fromkeys(chain([of_issue(issue) for issue in issues], *by_term.values()))


def token(name: str, value: str) -> str:
    """Return the token of a name and a value."""
    return f"{name}:{value}"


def of_issue(issue: str) -> str:
    """Return the token of events and states that name an issue."""
    return token("issue", issue)


def marks(kind: Kind, state: Mapping[str, Any]) -> list[str]:
    """List the marks of a state: its certainty, each status that some reading gives, whether it has ended.

    `ended` marks a status that is an end, `over` one that is an end in every reading, `against-all` a restriction that
    names no country that it is against.
    """
    possible = [each["status"] for each in state["alternatives"]] or [state["status"]]
    found = [f"certainty:{state['certainty']}", *[f"status:{each}" for each in possible]]
    if state["status"] in kind.ends:
        found.append("ended")
        if all_are_ends(kind, possible):
            found.append("over")
    if kind.name == "restriction" and not state.get("against") and not _names_a_country(state.get("entities", ())):
        found.append(AGAINST_ALL)
    return found


def _names_a_country(entities: Iterable[Any]) -> bool:
    return any(entity.country for entity in entities)


def delimited(token: str) -> str:
    """Return a token as it is stored among others: between line breaks."""
    return f"\n{token}\n"


def joined(tokens_of_state: Iterable[str]) -> str:
    """Return tokens as they are stored: each between line breaks."""
    return "\n" + "\n".join(tokens_of_state) + "\n"
