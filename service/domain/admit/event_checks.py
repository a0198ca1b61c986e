"""Checks of one event beyond its types: dates exist and are in order, openings name what they need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from service.domain.errors import Fault
from service.domain.vocabulary.dates import parse
from service.domain.vocabulary.events import FACTS, Fact, Record, RecordCorrected
from service.domain.vocabulary.events.issues import Issue
from service.domain.vocabulary.events.measures import ClearanceOpening, RestrictionOpening
from service.domain.vocabulary.events.talks import CallHeld
from service.domain.vocabulary.terms import date_fields

if TYPE_CHECKING:
    from collections.abc import Callable

    from msgspec import Struct

    from service.domain.admit.json_faults import Path


def faults_of(event: Fact | Record) -> list[Fault]:
    """Check one event by itself; give each fault with its path from the event on, none for an event in order."""
    faults = _date_faults(event, ())
    if isinstance(event, Fact):
        if event.until is not None:
            faults += _order_faults(event, event.until)
        if (rule := _RULES.get(type(event))) and (fault := rule(event)):
            faults.append(fault)
    elif isinstance(event, RecordCorrected):
        faults += [Fault(("event", *path), detail) for path, detail in faults_of(event.event)]
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
        if isinstance(parts, tuple):
            for index, each in enumerate(parts):
                faults += _date_faults(each, (*path, name, index))
        elif parts is not None:
            faults += _date_faults(parts, (*path, name))
    return faults


def _order_faults(event: Fact, until: str) -> list[Fault]:
    """Refuse an end that in every reading comes before the start; one that may come after it is taken."""
    start = event.effective or event.occurred
    try:
        if parse(until).hi >= parse(start).lo:
            return []
    except ValueError:  # said already, of the date itself
        return []
    return [Fault(("until",), f"{until} is before {start}, when the change takes hold")]


def _restriction(event: RestrictionOpening) -> Fault | None:
    return None if event.goods or event.entities else Fault(("goods",), "a restriction names goods or entities")


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
