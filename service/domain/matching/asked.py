"""The clauses of a question: about a party on a day, a good, an entity."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from service.domain.matching.blocs import blocs_with
from service.domain.matching.clauses import ALL, Clause, Way
from service.domain.vocabulary.codes import (
    AGAINST_ALL,
    ALL_GOODS,
    COUNTRIES_OF_RESTRICTION,
    ECCN_PATTERN,
    GOODS_OF_RESTRICTION,
    NO_GOODS,
)
from service.domain.vocabulary.elements import GROUPS, element_named, element_of_symbol, group_named, groups_with
from service.domain.vocabulary.goods import eccn_parts, hs_parts, phrase
from service.domain.vocabulary.words import normalized, stems_in, words_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

BODIES = {"UN", "WTO"}
"""Parties that no measure is against just because it is against all."""
_IS_ECCN = re.compile(ECCN_PATTERN, re.IGNORECASE)


def of_token(name: str, token: str) -> Clause:
    """Return the clause that states with one token meet."""
    return Clause(name, (Way((token,)),))


def of_party(party: str, day: int) -> Clause:
    """Return the clause about a party on a day, on either side: named, in a bloc that is named, or one of all."""
    blocs = blocs_with(party, day)
    left_out = (f"except-party:{party}",)
    ways = [Way((f"party:{party}",)), *[Way((f"by:{bloc}",), bloc) for bloc in blocs]]
    ways += [Way((f"party:{bloc}",), bloc, left_out) for bloc in blocs]
    return Clause("party", (*ways, *_of_all(party, blocs)), COUNTRIES_OF_RESTRICTION)


def of_actor(party: str, day: int) -> Clause:
    """Return the clause about the party that acts: named, or in a bloc that is."""
    ways = [Way((f"by:{bloc}",), bloc) for bloc in blocs_with(party, day)]
    return Clause("by", (Way((f"by:{party}",)), *ways))


def of_target(party: str, day: int) -> Clause:
    """Return the clause about the party that is acted against: named, in a bloc that is, or one of all."""
    blocs = blocs_with(party, day)
    ways = [Way((f"against:{bloc}",), bloc, (f"except-party:{party}",)) for bloc in blocs]
    return Clause("against", (Way((f"against:{party}",)), *ways, *_of_all(party, blocs)))


def _of_all(party: str, blocs: Iterable[str]) -> list[Way]:
    if party in BODIES:
        return []
    return [Way((AGAINST_ALL,), ALL, tuple(f"except-party:{each}" for each in (party, *blocs)))]


def of_hs(code: str) -> Clause:
    """Return the clause about a good by its HS code: codes that it lies in, and codes that lie in it."""
    left_out = tuple(f"except-hs:{part}" for part in hs_parts(code))
    ways = _of_code("hs", code, hs_parts(code), code, left_out)
    return Clause("hs", (*ways, Way((ALL_GOODS,), ALL, left_out)), GOODS_OF_RESTRICTION, ("uncoded:hs", NO_GOODS))


def of_eccn(code: str) -> Clause:
    """Return the clause about a good by its ECCN: one whose paragraph it is, and the paragraphs of it."""
    eccn = normalized(code)
    left_out = tuple(f"except-eccn:{part}" for part in eccn_parts(eccn))
    ways = _of_code("eccn", eccn, eccn_parts(eccn), f"{eccn}.", left_out)
    return Clause("eccn", (*ways, Way((ALL_GOODS,), ALL, left_out)), GOODS_OF_RESTRICTION, ("uncoded:eccn", NO_GOODS))


def _of_code(name: str, code: str, parts: Sequence[str], narrower: str, left_out: tuple[str, ...]) -> list[Way]:
    """Return the ways of a code: itself, what it lies in (the narrowest first), what lies in it."""
    exact = f"{name}-exactly:"
    return [
        Way((f"{name}:{code}", f"{exact}{code}"), None, left_out),  # found with what lies in it
        *[Way((f"{exact}{part}",), part, left_out) for part in reversed(parts[:-1])],
        Way((f"{name}:{code}",), None, left_out, exact, lambda found: found.startswith(narrower)),
    ]


def of_good(text: str) -> Clause:
    """Return the clause about a good in words: in any case, singular or plural; by element, element group or ECCN."""
    stems = frozenset(stems_in(text))
    element, group = element_named(text) or element_of_symbol(text), group_named(text)
    groups = set(groups_with(element)) if element else set()
    eccn = normalized(text) if _IS_ECCN.match(text.strip()) else None
    left_out = (
        f"except-good:{phrase(text)}",
        *([f"except-element:{element}"] if element else []),
        *[f"except-element-group:{each}" for each in sorted(groups | ({group} if group else set()))],
        *([f"except-eccn:{part}" for part in eccn_parts(eccn)] if eccn else []),
    )
    words = tuple(f"good-word:{stem}" for stem in _rarest_first(stems))
    is_name = element_of_symbol(text) is None and eccn is None  # its words are tokens too: it is found with them
    ways = [Way((*(words if is_name else ()), f"good:{normalized(text)}"), None, left_out)]
    if words:
        ways.append(Way(words, None, left_out, "good:", lambda name: stems.issubset(stems_in(name))))
    if element:
        ways.append(Way((f"element:{element}",), element, left_out))
    if group:
        groups |= {each for each, members in GROUPS.items() if set(members) & set(GROUPS[group])}
        ways += [Way((f"element:{member}",), member, left_out) for member in GROUPS[group]]
    ways += [_of_group(each, left_out) for each in sorted(groups)]
    if eccn:
        ways += _of_code("eccn", eccn, eccn_parts(eccn), f"{eccn}.", left_out)
    return Clause("good", (*ways, Way((ALL_GOODS,), ALL, left_out)), GOODS_OF_RESTRICTION, (NO_GOODS,))


def _rarest_first(words: Iterable[str]) -> list[str]:
    """Put words in order: long ones are mostly rarer."""
    return sorted(words, key=lambda word: (-len(word), word))


def _of_group(group: str, left_out: tuple[str, ...]) -> Way:
    return Way((f"element-group:{group}",), None, left_out, "good:", lambda name: group_named(name) == group)


def of_entity(text: str) -> Clause:
    """Return the clause about an entity or a beneficiary: every word stands in one of its names."""
    words = frozenset(words_in(text))
    tokens = tuple(f"entity-word:{word}" for word in _rarest_first(words))
    ways = [Way((*tokens, f"entity:{normalized(text)}"))]
    if tokens:
        ways.append(Way(tokens, None, (), "entity:", lambda name: words.issubset(words_in(name))))
    return Clause("entity", tuple(ways))


CLAUSES: dict[str, Callable[[str, int], Clause]] = {
    "entity": lambda text, _: of_entity(text),
    "eccn": lambda code, _: of_eccn(code),
    "good": lambda text, _: of_good(text),
    "issue": lambda slug, _: of_token("issue", f"issue:{slug}"),
    "hs": lambda code, _: of_hs(code),
    "against": of_target,
    "by": of_actor,
    "party": of_party,
}
"""The clause of each filter on what an item touches, of its value and the day, in order of rarity."""


def clause_of(name: str, value: str | Sequence[str], day: int) -> Clause:
    """Return the clause of a filter; of several values one is enough."""
    clauses = [CLAUSES[name](each, day) for each in ((value,) if isinstance(value, str) else value)]
    return clauses[0]._replace(ways=tuple(way for clause in clauses for way in clause.ways))
