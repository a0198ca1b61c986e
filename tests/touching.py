"""Who and what a measure touches, the slow and obvious way (design, section 4; docs/semantics.md, 10).

States are JSON, as they are answered. This shares no code with `service/domain/matching`.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

State = dict[str, Any]

MEMBERS = {
    "EU": {
        "DE": ("1958-01-01", ""),
        "FR": ("1958-01-01", ""),
        "RO": ("2007-01-01", ""),
        "HR": ("2013-07-01", ""),
        "GB": ("1973-01-01", "2020-01-31"),
    },
    "EFTA": {"CH": ("1960-05-03", ""), "NO": ("1960-05-03", ""), "GB": ("1960-05-03", "1972-12-31")},
    "MERCOSUR": {"BR": ("1991-11-29", ""), "VE": ("2012-08-12", "2016-12-01")},
}
"""The members of the blocs of the tests that the tests ask about, with their first and last days."""
RARE_EARTHS = "Sc Y La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu".split()  # noqa: SIM905 - a list to read
ELEMENTS = {"dysprosium": "Dy", "terbium": "Tb", "gallium": "Ga", "scandium": "Sc", "iron": "Fe", "tungsten": "W"}
RARE_EARTH_NAMES = ["rare earth", "rare earths", "rare earth element", "rare earth elements", "rare earth metals"]


def words(text: str) -> list[str]:
    """Split a text at everything that is no letter or digit; Chinese characters stand alone."""
    found = [""]
    for char in unicodedata.normalize("NFKC", text.casefold()):
        if "\u4e00" <= char <= "\u9fff":
            found += [char, ""]
        elif char.isalnum():
            found[-1] += char
        else:
            found.append("")
    return [word for word in found if word]


def plurals(word: str) -> set[str]:
    """Return the plurals that a word may have."""
    return {word, word + "s", word + "es", word[:-1] + "ies" if word.endswith("y") else word}


def alike(one: str, other: str) -> bool:
    """Whether two words are the same, or one is the plural of the other."""
    return one in plurals(other) or other in plurals(one)


def covers(name: str, asked: str) -> bool:
    """Whether every word of what is asked stands in a name."""
    return bool(words(asked)) and all(any(alike(word, each) for each in words(name)) for word in words(asked))


def same_words(one: str, other: str) -> bool:
    """Whether two names have the same words."""
    return covers(one, other) and covers(other, one)


def written_alike(one: str | None, other: str) -> bool:
    """Whether two texts are the same but for case and white space."""
    return one is not None and one.casefold().split() == other.casefold().split()


def is_rare_earths(name: str) -> bool:
    return any(sorted(words(name)) == sorted(words(each)) for each in RARE_EARTH_NAMES)


def element_of(name: str) -> str | None:
    """Return the element that a text names, or is the symbol of."""
    symbols = {symbol.casefold(): symbol for symbol in (*ELEMENTS.values(), *RARE_EARTHS)}
    return ELEMENTS.get(name.strip().casefold()) or symbols.get(name.strip().casefold())


def blocs_of(party: str, day: date) -> list[str]:
    """List the blocs that a party was a member of on a day."""
    found = []
    for bloc, members in MEMBERS.items():
        first, last = members.get(party, ("9999-12-31", ""))
        if first <= day.isoformat() and (not last or day.isoformat() <= last):
            found.append(bloc)
    return sorted(found)


# Each of the functions below returns what was found: "" for the very thing that was asked about, None for nothing.


def names_against(state: State) -> set[str]:
    """Return the countries that a state is against."""
    entities = state.get("entities") or []
    return {*(state.get("against") or []), *(each["country"] for each in entities if each.get("country"))}


APART = {"except_parties", "rates", "facts", "upcoming", "next_change"}
"""Members of a state that say nothing of the parties that it touches."""


def parties_in(value: object, *, of: str = "") -> set[str]:
    """Return every party that a state names, but for those that it leaves out and those that rates are for."""
    if isinstance(value, dict):
        inner = [(name, each) for name, each in value.items() if name not in APART]
        return set().union(*[parties_in(each, of=name) for name, each in inner])
    if isinstance(value, list):
        return set().union(*[parties_in(each, of=of) for each in value])
    fields = {"imposed_by", "granted_by", "by", "of", "to", "party", "initiator", "country", "against", "parties"}
    return {value} if isinstance(value, str) and of in fields | {"in_force_for"} else set()


def party_found(state: State, party: str, day: date) -> str | None:
    """Return how a state touches a party."""
    named, blocs = parties_in(state), blocs_of(party, day)
    acting = {state.get(name) for name in ("imposed_by", "granted_by", "by", "initiator")}
    left_out = state.get("except_parties") or []
    if party in named:
        return ""
    for bloc in blocs:
        if bloc in acting:
            return bloc
    for bloc in blocs:
        if bloc in named and party not in left_out:
            return bloc
    return all_found(state, party, blocs)


def all_found(state: State, party: str, blocs: Iterable[str]) -> str | None:
    """Return `all` for a restriction that is against nobody in particular and leaves the party in."""
    left_out = set(state.get("except_parties") or [])
    is_country = party not in {"UN", "WTO"}
    against_all = is_country and state["kind"] == "restriction" and not names_against(state)
    return "all" if against_all and left_out.isdisjoint({party, *blocs}) else None


def target_found(state: State, party: str, day: date) -> str | None:
    """Return how a state is against a party."""
    if state["kind"] == "restriction":
        against, blocs = names_against(state), blocs_of(party, day)
    else:
        against, blocs = set(state.get("against") or []), blocs_of(party, day)
    if party in against:
        return ""
    for bloc in blocs:
        if bloc in against and party not in (state.get("except_parties") or []):
            return bloc
    return all_found(state, party, blocs)


def actor_found(state: State, party: str, day: date) -> str | None:
    """Return how a party acts in a state."""
    acting = {state.get(name) for name in ("imposed_by", "granted_by", "by", "initiator")}
    if party in acting:
        return ""
    return next((bloc for bloc in blocs_of(party, day) if bloc in acting), None)


def code_found(code: str | None, asked: str, name: str) -> bool:
    """Whether one of two codes lies in the other: by digits, or by paragraphs of an ECCN."""
    if code is None:
        return False
    one, other = code.casefold(), asked.casefold()
    if name == "eccn":
        one, other = one + ".", other + "."
    return one.startswith(other) or other.startswith(one)


def good_found(state: State, name: str, asked: str) -> str | None:
    """Return whether a state touches a good: `name` is good, hs or eccn. What was found is not worked out."""
    left_out = state.get("except_goods") or []
    if any(leaves_out(good, name, asked) for good in left_out):
        return None
    goods = state.get("goods") or []
    if any(touches(good, name, asked) for good in goods):
        return ""
    return "all" if state.get("all_goods") else None


def touches(good: State, name: str, asked: str) -> bool:
    """Whether a good is what is asked about, wider or narrower."""
    if name in {"hs", "eccn"}:
        return code_found(good.get(name), asked, name)
    element, own = element_of(asked), good.get("element") or ELEMENTS.get(good["name"].strip().casefold())
    by_group = is_rare_earths(good["name"]) and (element in RARE_EARTHS or is_rare_earths(asked))
    return (
        written_alike(good["name"], asked)
        or covers(good["name"], asked)
        or (own is not None and (own == element or (is_rare_earths(asked) and own in RARE_EARTHS)))
        or by_group
        or (asked[:1].isdigit() and code_found(good.get("eccn"), asked, "eccn"))
    )


def leaves_out(good: State, name: str, asked: str) -> bool:
    """Whether what is left out is all of what is asked about."""
    if name in {"hs", "eccn"}:
        code, end = good.get(name), "." if name == "eccn" else ""
        return code is not None and (asked.casefold() + end).startswith(code.casefold() + end)
    element, own = element_of(asked), good.get("element") or ELEMENTS.get(good["name"].strip().casefold())
    return (
        same_words(good["name"], asked)
        or (own is not None and own == element)
        or (is_rare_earths(good["name"]) and (element in RARE_EARTHS or is_rare_earths(asked)))
        or (asked[:1].isdigit() and leaves_out(good | {"name": "-"}, "eccn", asked))
    )


def says_goods(state: State, name: str) -> bool:
    """Whether a state says all its goods in the way asked about."""
    goods = state.get("goods") or []
    if state["kind"] == "restriction" and state.get("all_goods") and not goods:
        return True
    return bool(goods) and all(name == "good" or good.get(name) for good in goods)


def entity_found(state: State, asked: str) -> str | None:
    """Return whether a state names an entity or a beneficiary in these words."""
    for entity in (*(state.get("entities") or []), *(state.get("beneficiaries") or [])):
        for name in (entity["name"], *(entity.get("also") or [])):
            if written_alike(name, asked) or (words(asked) and set(words(asked)) <= set(words(name))):
                return ""
    return None


def restriction_of(state: State, standing: Sequence[State]) -> State | None:
    """Return the state of the restriction that a clearance names."""
    names = [state.get("restriction")] if state["kind"] == "clearance" else []
    return next((each for each in standing if each["kind"] == "restriction" and each["id"] in names), None)


def found(state: State, standing: Sequence[State], name: str, asked: str, day: date) -> str | None:
    """Return what a state has of what is asked about, by parameter; `standing` are the states of that day."""
    of = restriction_of(state, standing)
    if name == "party":
        own = party_found(state, asked, day)
        beneficiaries = state.get("beneficiaries") or []
        inherits = of is not None and not any(each.get("country") for each in beneficiaries)
        return party_found(of, asked, day) if own is None and inherits and of is not None else own
    if name in {"by", "against"}:
        return (actor_found if name == "by" else target_found)(state, asked, day)
    if name == "entity":
        return entity_found(state, asked)
    own = good_found(state, name, asked)
    return good_found(of, name, asked) if own is None and of is not None and not state.get("goods") else own


def outcome(state: State, standing: Sequence[State], name: str, asked: str, day: date) -> str:
    """Return how a measure compares with a question about a good: matches, differs or not_compared."""
    if found(state, standing, name, asked, day) is not None:
        return "matches"
    if state["kind"] == "clearance" and not state.get("goods"):
        of = restriction_of(state, standing)
        return "differs" if of is not None and says_goods(of, name) else "not_compared"
    return "differs" if says_goods(state, name) else "not_compared"
