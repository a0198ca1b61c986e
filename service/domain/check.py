"""What the types cannot say about one event alone: dates that exist and are in order, terms that need one another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from service.domain.dates import parse
from service.domain.errors import Fault
from service.domain.events import FACTS, RECORDS, Fact, Record, RecordCorrected
from service.domain.events.measures import ClearanceOpening, RestrictionOpening
from service.domain.events.proceedings import Issue
from service.domain.events.talks import CallHeld

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.domain.events import Report
    from service.domain.walk import Path


def faults_of(event: Fact | Record) -> list[Fault]:
    """Check one event by itself; give each fault with its path from the event on, none for an event in order."""
    faults = _date_faults(event, _DATES[type(event)], ())
    for index, report in enumerate(event.reports):
        if report.published is not None or report.occurred is not None:
            faults += _date_faults(report, ("published", "occurred"), ("reports", index))
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


def _date_faults(part: Fact | Record | Report, names: tuple[str, ...], path: Path) -> list[Fault]:
    faults = []
    for name in names:
        text = getattr(part, name)
        if text is not None:
            try:
                parse(text)
            except ValueError as error:
                faults.append(Fault((*path, name), str(error)))
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


_DATED = ("occurred", "effective", "until", "planned_for", "due")
_DATES: dict[type, tuple[str, ...]] = {
    struct: tuple(name for name in _DATED if name in struct.__struct_fields__)
    for struct in (*FACTS.values(), *RECORDS.values())
}
"""The date fields of each type of event, found once: this runs for every event that comes in."""

_RULED: tuple[tuple[type[Fact], Callable[[Any], Fault | None]], ...] = (
    (RestrictionOpening, _restriction),
    (ClearanceOpening, _clearance),
    (CallHeld, _call),
    (Issue, _issue),
)
_RULES = {struct: rule for struct in FACTS.values() for base, rule in _RULED if issubclass(struct, base)}
