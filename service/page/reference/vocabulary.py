"""The vocabulary as text: the types of events by kind, what each must and may have, and what all have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.domain.vocabulary.events import FACTS, Record
from service.domain.vocabulary.kinds import KINDS
from service.page.words import words

if TYPE_CHECKING:
    from service.domain.vocabulary.kinds import ChangeRule
    from service.page.reference.shapes import ReferenceMember, Shapes

_RECORD = "record"


class TypeOfEvent(NamedTuple):
    """A type of event: its change, what it says, what it does to its item, and the terms that it must and may have."""

    type: str
    change: str
    description: str
    does: str
    must: list[str]
    may: list[str]


class KindOfEvent(NamedTuple):
    """A kind with its types of events and their terms; `some` names the types that have a term, where not all have."""

    name: str
    meaning: str
    statuses: list[str]
    types: list[TypeOfEvent]
    terms: list[ReferenceMember]
    some: dict[str, list[str]]

    @property
    def url(self) -> str:
        """Return the path of its page."""
        return f"/schema/vocabulary/{self.name}"


class Vocabulary:
    """Every kind by name; `facts` and `records` are the members that all events of that sort have."""

    def __init__(self, shapes: Shapes) -> None:
        """Read the types of events from the schemas of the document."""
        self._shapes = shapes
        kinds = dict.fromkeys(type_.partition(".")[0] for type_ in shapes.event_types)
        self._common = {kind: self._in_all(kind) for kind in ("fact", _RECORD)} if kinds else {}
        self.kinds = {kind: self._kind(kind) for kind in kinds}
        self.facts = self._shared("fact")
        self.records = self._shared(_RECORD)

    def _names(self, sort: str) -> list[str]:
        return [
            name for type_, name in self._shapes.event_types.items() if type_.startswith("record.") == (sort == _RECORD)
        ]

    def _in_all(self, sort: str) -> set[str]:
        found = [set(self._shapes.components[name]["properties"]) for name in self._names(sort)]
        return set.intersection(*found) if found else set()

    def _shared(self, sort: str) -> list[ReferenceMember]:
        names = self._names(sort)
        if not names:
            return []
        shape = self._shapes.components[names[-1]]  # the first is about an issue, which narrows what others may have
        common = [name for name in shape["properties"] if name in self._common[sort] and name != "type"]
        return self._shapes.members(shape, common)

    def _kind(self, kind: str) -> KindOfEvent:
        types = {type_: name for type_, name in self._shapes.event_types.items() if type_.partition(".")[0] == kind}
        common = self._common[_RECORD if kind == _RECORD else "fact"]
        owners: dict[str, list[str]] = {}
        members: dict[str, ReferenceMember] = {}
        for type_, name in types.items():
            shape = self._shapes.components[name]
            for term in shape["properties"]:
                if term not in common:
                    owners.setdefault(term, []).append(type_.partition(".")[2])
                    members.setdefault(term, self._shapes.member(term, shape["properties"][term], required=False))
        found = [self._type(type_, name, common) for type_, name in types.items()]
        some = {term: changes for term, changes in owners.items() if len(changes) < len(types)}
        return KindOfEvent(kind, _meaning(kind), self._statuses(kind), found, list(members.values()), some)

    def _statuses(self, kind: str) -> list[str]:
        state = self._shapes.components.get(f"{kind.capitalize()}State", {})
        status = self._shapes.resolved(state.get("properties", {}).get("status", {}))
        return [str(each) for each in status.get("enum", [status.get("const", "")]) if each]

    def _type(self, type_: str, name: str, common: set[str]) -> TypeOfEvent:
        shape = self._shapes.components[name]
        own = [term for term in shape["properties"] if term not in common]
        required = set(shape.get("required", ()))
        kind, _, change = type_.partition(".")
        rules = [each for each in (KINDS[kind].changes if kind in KINDS else ()) if each.name == change]
        return TypeOfEvent(
            type_,
            change,
            shape.get("description", ""),
            _does(kind, rules[0]) if rules else "",
            [term for term in own if term in required],
            [term for term in own if term not in required],
        )


def _meaning(kind: str) -> str:
    """Return what a kind is: the sentence of the struct that its types have in common."""
    facts = [fact for type_, fact in FACTS.items() if type_.partition(".")[0] == kind]
    bases = [base for base in (facts[0].__mro__ if facts else ()) if base.__name__.casefold() == kind]
    return " ".join(((bases or [Record])[0].__doc__ or "").partition("\n\n")[0].split())


def _does(kind: str, rule: ChangeRule) -> str:
    """Return in words what a change does to its item (docs/semantics.md, 7); "" where it gives no status."""
    act = f"Opens {KINDS[kind].with_article}" if rule.opens else "Ends it" if rule.ends else ""
    status = f"the status is then `{rule.status}`" if rule.status else ""
    text = "; ".join([part for part in (act, status) if part])
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def in_words(change: str) -> str:
    """Return a change as a heading: "Suspension extended"."""
    return words(change).capitalize()
