"""Checks of one event beyond its types: dates exist and are in order, terms are terms, openings name what they need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from service.domain.admit.json_faults import faults_in, info_of
from service.domain.admit.nearest import hint
from service.domain.admit.part_checks import part_faults, scope_faults
from service.domain.errors import Fault
from service.domain.vocabulary.dates import parse
from service.domain.vocabulary.events import FACTS, Fact, Record, RecordCorrected
from service.domain.vocabulary.events.issues import Issue
from service.domain.vocabulary.events.measures import ClearanceOpening, Restriction, RestrictionOpening
from service.domain.vocabulary.events.talks import CallHeld
from service.domain.vocabulary.terms import date_fields, term_names, term_types, term_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from msgspec import Struct

    from service.domain.admit.json_faults import Path
    from service.domain.vocabulary.events import Report


def faults_of(event: Fact | Record) -> list[Fault]:
    """Check one event by itself; give each fault with its path from the event on, none for an event in order."""
    faults = _date_faults(event, ())
    if isinstance(event, Fact):
        if event.until is not None or event.through is not None:
            faults += _end_faults(event)
        if event.unset is not None:
            faults += _unset_faults(event, event.unset)
        faults += part_faults(event)
        if isinstance(event, Restriction) and (event.except_parties or event.in_place_of or event.following):
            faults += scope_faults(event)
        faults += report_faults(type(event), event.reports)
        if (rule := _RULES.get(type(event))) and (fault := rule(event)):
            faults.append(fault)
    elif isinstance(event, RecordCorrected):
        faults += [fault.within("event") for fault in faults_of(event.event)]
    if event.issues and len(set(event.issues)) < len(event.issues):
        faults.append(Fault(("issues",), "names an issue more than once"))
    return faults


def _date_faults(part: Struct, path: Path) -> list[Fault]:
    """Check every date of an event or a part, by the types of its fields."""
    fields = date_fields(type(part))
    faults = []
    for attribute, name in fields.own.items():
        text = getattr(part, attribute)
        if text is not None:
            try:
                parse(text)
            except ValueError as error:
                faults.append(Fault((*path, name), str(error)))
    for name in fields.parts:
        parts = getattr(part, name)
        if parts is not None:
            faults += _dates_of_parts(parts, (*path, name))
    return faults


def _dates_of_parts(parts: Struct | tuple[Struct, ...], path: Path) -> list[Fault]:
    if not isinstance(parts, tuple):
        return _date_faults(parts, path)
    return [fault for index, each in enumerate(parts) for fault in _date_faults(each, (*path, index))]


def report_faults(struct: type[Fact], reports: Iterable[Report]) -> list[Fault]:
    """Check the terms of reports on a fact of some type: each is a term of the type and has a value of its type."""
    return [
        Fault(("reports", index, "terms", name, *path), detail)
        for index, report in enumerate(reports)
        if report.terms is not None
        for name, value in report.terms.items()
        for path, detail in _value_faults(struct, name, value)
    ]


def _value_faults(struct: type[Fact], name: str, value: object) -> Iterator[Fault]:
    """Yield the faults of a value as a term; their paths begin at the value."""
    try:
        found = term_value(struct, name, value)
    except KeyError:
        yield Fault((), _no_term(struct, name))
        return
    except msgspec.ValidationError as error:
        faults = list(faults_in(value, info_of(term_types(struct)[name])))
        yield from faults or [Fault((), str(error))]
        return
    yield from part_faults(found)
    fields = date_fields(struct)
    if name in fields.own:
        try:
            parse(found)
        except ValueError as error:
            yield Fault((), str(error))
    elif name in fields.parts:
        yield from _dates_of_parts(found, ())


def _no_term(struct: type[Fact], name: str) -> str:
    return f"{struct.__struct_config__.tag} has no such term{hint(name, term_names(struct))}"


def _unset_faults(event: Fact, unset: tuple[str, ...]) -> Iterator[Fault]:
    """Find names that are no terms, that the fact gives itself, or that stand twice."""
    terms = term_names(type(event))
    for index, name in enumerate(unset):
        if name not in terms:
            yield Fault(("unset", index), _no_term(type(event), name))
        elif getattr(event, name) is not None:
            yield Fault(("unset", index), f"the same fact gives {name}")
        elif name in unset[:index]:
            yield Fault(("unset", index), f"names {name} more than once")


def _end_faults(event: Fact) -> Iterator[Fault]:
    """Refuse two ends, and one that in every reading comes before the start; one that may come after it is taken."""
    start = event.effective or event.occurred
    if event.until is not None and event.through is not None:
        yield Fault(("through",), "an act has one end: give until or through, not both")
    for name, end in (("until", event.until), ("through", event.through)):
        if end is not None and _is_before(end, start):
            yield Fault((name,), f"{end} is before {start}, when the change takes hold")


def _is_before(end: str, start: str) -> bool:
    try:
        return parse(end).hi < parse(start).lo
    except ValueError:  # said already, of the date itself
        return False


def _restriction(event: RestrictionOpening) -> Fault | None:
    if event.goods or event.entities or event.all_goods:
        return None
    return Fault(("goods",), "a restriction names goods or entities, or is on all_goods")


def _clearance(event: ClearanceOpening) -> Fault | None:
    return None if event.beneficiaries else Fault(("beneficiaries",), "a clearance names at least one beneficiary")


def _call(event: CallHeld) -> Fault | None:
    return None if event.participants else Fault(("participants",), "a call has at least one participant")


def _issue(event: Issue) -> Fault | None:
    if len(event.issues) != 1:
        return Fault(("issues",), "an issue's own events name that issue alone")
    return None if event.item == event.issues[0] else Fault(("item",), f"not the issue itself, {event.issues[0]}")


_RULED: tuple[tuple[type[Fact], Callable[[Any], Fault | None]], ...] = (
    (RestrictionOpening, _restriction),
    (ClearanceOpening, _clearance),
    (CallHeld, _call),
    (Issue, _issue),
)
_RULES = {struct: rule for struct in FACTS.values() for base, rule in _RULED if issubclass(struct, base)}
