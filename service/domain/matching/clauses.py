"""A condition on what a state touches, over its tokens alone (docs/decisions/0030).

A clause has ways to hold, any of which is enough. The tokens of its ways are those by which candidates are found: a
state that it holds for carries one of them, so its item has carried it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from service.domain.vocabulary.codes import AGAINST_ALL, ALL_GOODS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

ALL = "all"
"""What is found where a measure is against all countries, or on all goods."""
_OF_RESTRICTIONS = frozenset({AGAINST_ALL, ALL_GOODS})
"""Tokens that only restrictions carry."""

Tokens = frozenset[str]
Outcome = Literal["matches", "differs", "not_compared"]
"""How a state compares with a question about a good. `not_compared`: it does not say its goods in the way asked for."""


class Found(NamedTuple):
    """What was found in place of what was asked about: a bloc, a code, a name, `all`; None: the very same."""

    what: str | None


class Way(NamedTuple):
    """One way for a clause to hold: a state carries every token of `tokens` and none of `unless`.

    The first of the tokens is the one that candidates are found by.
    Where there is a `prefix`, a token that begins so also fits, by what comes after the prefix: that is what was found.
    Without one it is `what`.
    """

    tokens: tuple[str, ...]
    what: str | None = None
    unless: tuple[str, ...] = ()
    prefix: str = ""
    fits: Callable[[str], bool] = lambda _: True

    def found(self, tokens: Tokens) -> Found | None:
        """Return what was found in a state with these tokens; None where this way does not hold."""
        if not tokens.issuperset(self.tokens) or not tokens.isdisjoint(self.unless):
            return None
        if not self.prefix:
            return Found(self.what)
        start = len(self.prefix)
        names = [token[start:] for token in tokens if token.startswith(self.prefix) and self.fits(token[start:])]
        return Found(min(names)) if names else None


class Clause(NamedTuple):
    """A condition on states, named as the parameter that asks for it.

    `inherits` is the mark of clearances for which the restriction that they name is compared as well. `unsaid` are
    tokens of states that do not say their goods, or not all of them, in the way asked for.
    """

    name: str
    ways: tuple[Way, ...]
    inherits: str = ""
    unsaid: tuple[str, ...] = ()

    def found(self, tokens: Tokens, of_restriction: Tokens | None = None) -> Found | None:
        """Return what was found in a state; None where the clause does not hold for it.

        `of_restriction` are the tokens of the restriction that a clearance names.
        """
        inherited = [of_restriction] if of_restriction is not None and self.inherits in tokens else []
        for each in (tokens, *inherited):
            for way in self.ways:
                if (found := way.found(each)) is not None:
                    return found
        return None

    def outcome(self, tokens: Tokens, of_restriction: Tokens | None = None) -> Outcome:
        """Return how a state compares; one that is left out by name differs."""
        if self.found(tokens, of_restriction) is not None:
            return "matches"
        if self.inherits in tokens:
            tokens = of_restriction if of_restriction is not None else frozenset(self.unsaid)
        return "differs" if tokens.isdisjoint(self.unsaid) else "not_compared"

    def candidates(self, kinds: Collection[str]) -> tuple[str, ...]:
        """Return the tokens that find every item of some kinds for which the clause may hold; one for each way."""
        found = [way.tokens[0] for way in self.ways]
        if "restriction" not in kinds:
            found = [token for token in found if token not in _OF_RESTRICTIONS]
        if "clearance" in kinds and self.inherits:
            found.append(self.inherits)
        return tuple(dict.fromkeys(found))

    def uncompared(self) -> Clause:
        """Return the clause for states that may be neither known to match nor to differ; `outcome` decides."""
        return self._replace(ways=tuple(Way((token,)) for token in self.unsaid))

    def token(self, kinds: Collection[str]) -> str | None:
        """Return the token that states of some kinds carry just where the clause holds; None where that is not all."""
        if len(self.ways) > 1 and len(self.candidates(kinds)) > 1:
            return None
        way = self.ways[0]
        return None if way.unless or way.prefix or way.what or len(way.tokens) > 1 else way.tokens[0]
