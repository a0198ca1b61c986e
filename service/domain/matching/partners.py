"""How an item stands between two partners: who acts, who is acted upon, who takes part (docs/semantics.md, 10).

The tokens of a state find the candidates; its roles decide. They are read from its JSON, because tokens do not say
which party of a demand makes it and which one it is made of.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec
import pycountry

from service.domain.matching.asked import BODIES, of_party, of_target
from service.domain.matching.blocs import blocs_with
from service.domain.matching.clauses import ALL, Clause, Way
from service.domain.vocabulary import dates
from service.domain.vocabulary.codes import (
    A_STATEMENT,
    COUNTRIES_OF_RESTRICTION,
    PAIR_MARKS,
    SLUG_PATTERN,
    TOGETHER,
    many,
    pair,
)
from service.domain.vocabulary.words import words_in

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from service.domain.matching.clauses import Tokens

Side = Literal["a_on_b", "b_on_a", "both"]
PARTNER_NAMES = frozenset({"a", "b", "either", "destination", "origin"})
"""The names of clauses about partners: what is found by them is decided here."""
PASSING = frozenset({"call", "statement"})
"""Kinds that never end: they stand between two partners for some days only."""
_NAMES = {
    "EU": ["European Union"], "EAEU": ["Eurasian Economic Union"], "GCC": ["Gulf Cooperation Council"],
    "SACU": ["Southern African Customs Union"], "EFTA": ["European Free Trade Association"],
    "UN": ["United Nations"], "WTO": ["World Trade Organization"], "XK": ["Kosovo"], "RU": ["Russia"],
    "TR": ["Turkey"], "GB": ["Britain"], "KR": ["South Korea"], "KP": ["North Korea"],
}  # fmt: skip
"""English names of parties that are not those of ISO 3166."""


class _MayName(msgspec.Struct):
    """A part of a state that may have a party."""

    country: str | None = None
    party: str | None = None


class Roles(msgspec.Struct):
    """What is read of a state to see who acts in it and who is acted upon."""

    since: str
    imposed_by: str | None = None
    granted_by: str | None = None
    by: str | None = None
    of: str | None = None
    to: str | None = None
    party: str | None = None
    initiator: str | None = None
    about: str | None = None
    instrument: str | None = None
    against: list[str] = []
    except_parties: list[str] = []
    parties: list[str] = []
    entities: list[_MayName] = []
    beneficiaries: list[_MayName] = []
    participants: list[_MayName] = []

    @property
    def actor(self) -> str | None:
        """Return the party that acts; of a statement, that of the speaker."""
        return self.imposed_by or self.granted_by or self.by or self.party

    @property
    def together(self) -> list[str]:
        """List the parties that take part with the same role: of an agreement, a round, a call."""
        found = [*self.parties, *[each.party for each in self.participants if each.party]]
        return [*found, self.initiator] if self.initiator else found


roles_of = msgspec.json.Decoder(Roles).decode


def about_item(body: bytes) -> str | None:
    """Return what may be the name of an item that a statement is about."""
    about = roles_of(body).about or ""
    return about if re.match(SLUG_PATTERN, about) else None


class Stands(NamedTuple):
    """How an item stands between partners: on which side, and by which party of its own it touches each."""

    side: Side
    one: str
    other: str


class Partners(NamedTuple):
    """Two partners on a day (an ordinal). `a` or `b` may be None: anybody.

    Calls and statements stand between them for `recent` days up to the day. Only the sides that are wanted count. With
    `flow`, `a` is the destination of goods and `b` their origin: of what `b` does to `a`, only what is on exports
    counts.
    """

    a: str | None
    b: str | None
    day: int
    recent: int = 90
    flow: bool = False

    def found(self, kind: str, body: bytes, reference: Tokens | None) -> Stands | None:
        """Return how the state of an item stands between the partners; None where it does not.

        `reference` are the tokens of what it refers to: the restriction of a clearance, the item that a statement is
        about.
        """
        roles = roles_of(body)
        if kind in PASSING and dates.parse(roles.since).hi <= self.day - self.recent:
            return None
        if kind in TOGETHER:
            return self._together(roles.together)
        for side, one, other in (("a_on_b", self.a, self.b), ("b_on_a", self.b, self.a)):
            met = _one_on_other(kind, roles, one, other, self.day, reference)
            if met is not None and side == "a_on_b":
                return Stands("a_on_b", *met)
            if met is not None and (not self.flow or _is_on_exports(kind, roles)):
                return Stands("b_on_a", met[1], met[0])
        return None

    def _together(self, parties: Sequence[str]) -> Stands | None:
        if self.a is None or self.b is None:
            return None
        for one in _covering(parties, self.a, self.day):
            for other in _covering(parties, self.b, self.day):
                if one != other:
                    return Stands("both", one, other)
        return None

    def clauses(self, kinds: Collection[str]) -> list[Clause]:
        """Return the clauses by which items of some kinds are found that may stand between the partners."""
        names = ("destination", "origin") if self.flow else ("a", "b")
        asked = [(name, party) for name, party in zip(names, (self.a, self.b), strict=True) if party is not None]
        found = [of_party(party, self.day)._replace(name=name) for name, party in asked]
        if "statement" not in kinds:
            return found
        either = Clause("either", tuple(way for clause in found for way in clause.ways), COUNTRIES_OF_RESTRICTION)
        return [*[clause._replace(ways=(*clause.ways, Way((A_STATEMENT,)))) for clause in found], either]

    def pairs(self, kinds: Iterable[str], unsaid: Sequence[str] = ()) -> list[str]:
        """List what every item of some kinds is found by that may stand between both partners; empty for one alone.

        With `unsaid`, those that do not say their goods in one of these ways.
        """
        if self.a is None or self.b is None:
            return []
        one, other = ((party, *blocs_with(party, self.day)) for party in (self.a, self.b))
        both = [(each, with_it) for each in one for with_it in other if each != with_it]
        found = []
        for kind in kinds:
            mark = PAIR_MARKS.get(kind)
            pairs = [*both, *[(each, mark) for each in (*one, *other) if mark]]
            found += [pair(kind, *each, what) for each in pairs for what in unsaid or ("",)]
            if kind in TOGETHER:
                found.append(many(kind))
        return list(dict.fromkeys(found))

    def matched(self, stands: Stands) -> dict[str, str]:
        """Return by which parties the item touches the partners, where these are not named themselves."""
        names = ("destination", "origin") if self.flow else ("a", "b")
        asked = zip(names, (self.a, self.b), (stands.one, stands.other), strict=True)
        return {name: found for name, party, found in asked if party is not None and found != party}


def _is_on_exports(kind: str, roles: Roles) -> bool:
    return kind == "clearance" or roles.instrument == "export_control"


def _covering(parties: Collection[str], party: str, day: int) -> list[str]:
    """List those of some parties that a party is, or is a member of on a day; the party itself first."""
    return [each for each in (party, *blocs_with(party, day)) if each in parties]


def _one_on_other(
    kind: str, roles: Roles, one: str | None, other: str | None, day: int, reference: Tokens | None
) -> tuple[str, str] | None:
    """Return the parties by which one partner acts on the other; None where it does not."""
    actor = roles.actor
    if actor is None or (one is not None and not _covering([actor], one, day)):
        return None
    if other is None:
        return actor, ""
    if actor == other:
        return None
    met = _faced(kind, roles, other, day, reference)
    inside = met != other and actor in blocs_with(other, day)  # what a bloc does to others is not on its members
    return None if met is None or inside else (actor, met)


def _faced(kind: str, roles: Roles, party: str, day: int, reference: Tokens | None) -> str | None:
    """Return how an item faces a party: by its name, a bloc or all; None where it does not."""
    if kind == "restriction":
        named = {*roles.against, *[each.country for each in roles.entities if each.country]}
        if not named:
            left_out = {party, *blocs_with(party, day)} & {*roles.except_parties}
            return None if left_out or party in BODIES else ALL
        left_out = {party} & {*roles.except_parties}
        found = _covering(named, party, day)
        return next((each for each in found if each == party or not left_out), None)
    if kind == "clearance":
        return _benefits(roles, party, day, reference)
    if kind == "statement":
        return party if _is_about(roles.about or "", party, day, reference) else None
    faced = [each for each in (*roles.against, roles.of, roles.to) if each]
    return next(iter(_covering(faced, party, day)), None)


def _benefits(roles: Roles, party: str, day: int, reference: Tokens | None) -> str | None:
    """Return how a clearance is for a party: by its beneficiaries, or else as its restriction is against it."""
    countries = [each.country for each in roles.beneficiaries if each.country]
    if countries or reference is None:
        return next(iter(_covering(countries, party, day)), None)
    found = of_target(party, day).found(reference)
    return None if found is None else found.what or party


def _is_about(about: str, party: str, day: int, reference: Tokens | None) -> bool:
    """Return whether a statement is about a party: the item that it names touches it, or its words name it."""
    if reference is not None:
        return of_party(party, day).found(reference) is not None
    return bool(re.search(rf"\b{party}\b", about)) or any(_has_words(about, name) for name in names_of(party))


def _has_words(text: str, name: str) -> bool:
    return f" {' '.join(words_in(name))} " in f" {' '.join(words_in(text))} "


@lru_cache(maxsize=512)
def names_of(party: str) -> tuple[str, ...]:
    """Return the English names of a party."""
    country = pycountry.countries.get(alpha_2=party)
    found = [] if country is None else [country.name, getattr(country, "common_name", country.name)]
    return tuple(dict.fromkeys([*found, *_NAMES.get(party, [])]))
