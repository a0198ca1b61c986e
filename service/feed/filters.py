"""Which events pass a filter: those whose item does, by all that was known of it when the event was recorded (0040)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from service.domain.matching.asked import clause_of
from service.domain.matching.blocs import days_of_change
from service.domain.rule.tokens import days_in, delimited, token
from service.domain.vocabulary.codes import ANY_OF
from service.domain.vocabulary.dates import FOREVER
from service.domain.vocabulary.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.domain.matching.clauses import Clause

_COMPARED = {"party": None, "good": "goods", "hs": "goods", "eccn": "goods", "entity": "entities"}
"""The conditions that are compared as lists compare them, with the sort of token that an item may have too much of."""
_TEXTS = {"good", "entity"}


class EventConditions(Struct, frozen=True, omit_defaults=True):
    """The conditions on events, which hold together; None is no condition.

    `type` is a type, or all of a kind (`restriction.*`). The others mean what they mean for lists, and are about the
    item of the event. Each but `good` and `entity` may be several with commas between them: one is enough.
    """

    type: str | None = None
    issue: str | None = None
    item: str | None = None
    party: str | None = None
    good: str | None = None
    entity: str | None = None
    hs: str | None = None
    eccn: str | None = None

    @classmethod
    def of(cls, source: object) -> EventConditions:
        """Return the conditions that a query or a body has under these names."""
        given = [getattr(source, name, None) for name in cls.__struct_fields__]
        return cls(*[",".join(value) if isinstance(value, tuple) else value for value in given])


class Passing(NamedTuple):
    """A filter as it is applied to the tokens of an event, which stand between line breaks.

    Of each group an event has a token, or it does not pass. `compared` are conditions for which that is not enough.
    """

    groups: tuple[tuple[str, ...], ...] = ()
    compared: tuple[tuple[str, str], ...] = ()

    def passes(self, tokens: str) -> bool:
        """Return whether an event passes."""
        for group in self.groups:
            for each in group:
                if each in tokens:
                    break
            else:
                return False
        return not self.compared or self._holds(tokens)

    def _holds(self, tokens: str) -> bool:
        """Compare the conditions on each day on which the event may have occurred: one is enough."""
        found = frozenset(tokens.split("\n"))
        days = days_in(found)
        return all([any([_touches(_clause(*each, day), found) for day in days]) for each in self.compared])


EVERYTHING = Passing()
"""The filter that every event passes."""


@lru_cache(maxsize=4_096)
def passing(conditions: EventConditions) -> Passing:
    """Return the filter of some conditions."""
    groups: list[tuple[str, ...]] = []
    for name, others in (("type", ()), ("item", ()), ("issue", (ANY_OF["issues"],))):
        if (written := getattr(conditions, name)) is not None:
            groups.append((*[token(name, each) for each in written.split(",")], *others))
    compared = tuple([(name, value) for name in _COMPARED if (value := getattr(conditions, name)) is not None])
    groups += [tuple(dict.fromkeys(_needed(*each))) for each in compared]
    if not groups:
        return EVERYTHING
    return Passing(tuple([tuple(map(delimited, group)) for group in groups]), compared)


def _needed(name: str, value: str) -> Iterator[str]:
    """List tokens of which an event that passes has one, whatever the day."""
    for each in _several(name, value):
        for day in days_of_change(each, 1, FOREVER):
            yield from _clause(name, each, day).candidates(KINDS)
    if (sort := _COMPARED[name]) is not None:
        yield ANY_OF[sort]


@lru_cache(maxsize=4_096)
def _clause(name: str, value: str, day: int) -> Clause:
    return clause_of(name, _several(name, value), day)


def _several(name: str, value: str) -> list[str]:
    return [value] if name in _TEXTS else value.split(",")


def _touches(clause: Clause, tokens: frozenset[str]) -> bool:
    """Return whether the item of an event touches what is asked about.

    A clearance for what its restriction is on does: what that is may change without a further event of the clearance.
    """
    sort = _COMPARED[clause.name]
    return (
        clause.found(tokens) is not None or clause.inherits in tokens or (sort is not None and ANY_OF[sort] in tokens)
    )
