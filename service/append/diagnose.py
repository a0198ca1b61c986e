"""Report every other reason why the ledger would reject a malformed batch, without recording anything.

Off the hot path: a well-formed batch never comes here.
"""

from __future__ import annotations

import asyncio
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from service.append.homes import recorded_homes
from service.append.knowledge import LedgerKnowledge
from service.domain.admit.decide import decide
from service.domain.errors import Fault, Malformed
from service.domain.vocabulary import dates
from service.domain.vocabulary.events import FACTS, RECORDS, AnyEvent, Fact, Record, Report
from service.domain.vocabulary.terms import date_fields
from service.views.working_set import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from uuid import UUID

    from service.domain.rule.item import Item
    from service.storage.database import Database

Good = dict[int, Fact | Record]
Bad = dict[int, dict[str, Any]]


@cache
def _dated() -> frozenset[str]:
    """Return every field that holds a date in some event or report: a malformed event may have no known type."""
    structs = (*FACTS.values(), *RECORDS.values(), Report)
    return frozenset(name for struct in structs for name in date_fields(struct).own.values())


async def diagnose(database: Database, sent: Sequence[Any], today: int, new_id: Callable[[], UUID]) -> list[Fault]:
    """List the faults of a malformed batch beyond those of form: all of its well-formed events', some of the others'.

    `sent` are the events as untyped JSON. What a malformed event would have added (an issue opened, an event to act on)
    counts as added, so that one fault is not reported twice.
    """
    good, bad = await asyncio.to_thread(_sorted, sent)
    good = {index: event if event.id is not None else replace(event, id=new_id()) for index, event in good.items()}
    known = _Assumed(*await _items(database, good, bad), bad)
    return await asyncio.to_thread(_faults, good, bad, known, today)


def _sorted(sent: Sequence[Any]) -> tuple[Good, Bad]:
    """Return the well-formed events and the others, by their places in the batch."""
    good: Good = {}
    bad: Bad = {}
    for index, value in enumerate(sent):
        try:
            good[index] = msgspec.convert(value, AnyEvent)
        except msgspec.ValidationError:
            bad[index] = value if isinstance(value, dict) else {}
    return good, bad


def _faults(good: Good, bad: Bad, known: _Assumed, today: int) -> list[Fault]:
    indexes = list(good)
    faults: list[Fault] = []
    try:
        decide(list(good.values()), known, today)
    except Malformed as refused:
        faults = [Fault(("events", indexes[_index(fault)], *fault.path[2:]), fault.detail) for fault in refused.faults]
    named = {str(value.get("id")) for value in bad.values()}
    targets = {index: str(event.target) for index, event in good.items() if isinstance(event, Record)}
    kept = [fault for fault in faults if fault.path[2:] != ("target",) or targets[_index(fault)] not in named]
    opened = {event.item or "" for event in good.values() if event.type == "issue.opened"}
    return kept + [fault for index, value in bad.items() for fault in _malformed(value, index, known, opened)]


def _index(fault: Fault) -> int:
    return int(fault.path[1])


class _Assumed(LedgerKnowledge):
    """The knowledge of the ledger, with the issues that malformed events of the batch would have opened."""

    def __init__(self, items: dict[str, Item], homes: dict[UUID, str], bad: Bad) -> None:
        super().__init__(items.get, homes)
        self._opened = {str(value.get("item")) for value in bad.values() if value.get("type") == "issue.opened"}

    def issue_exists(self, issue: str) -> bool:
        """Return whether an issue is known, or a malformed event of the batch opens it."""
        return issue in self._opened or super().issue_exists(issue)


async def _items(database: Database, good: Good, bad: Bad) -> tuple[dict[str, Item], dict[UUID, str]]:
    """Load the items that the batch names, and the homes of the events that it acts on."""
    targets = {event.target for event in good.values() if isinstance(event, Record)}
    homes = await recorded_homes(database, targets) if targets else {}
    names = {name for event in good.values() for name in (event.item or "", *(event.issues or ()))} | set(
        homes.values()
    )
    names |= {event.event.item for event in good.values() if event.type == "record.corrected"}  # type: ignore[union-attr]
    names |= {name for value in bad.values() for name in _issues(value)}
    plain = [name for name in names if name and "\0" not in name]
    return {item.slug: item for item in await load(database, plain)}, homes


def _issues(value: dict[str, Any]) -> list[str]:
    given = value.get("issues")
    return [name for name in given if isinstance(name, str)] if isinstance(given, list) else []


def _malformed(value: dict[str, Any], index: int, known: _Assumed, opened: set[str]) -> Iterator[Fault]:
    """Find faults of a malformed event: days that do not exist, issues that nobody has opened."""
    yield from _dates(value, ("events", index))
    reports = value.get("reports")
    for number, report in enumerate(reports if isinstance(reports, list) else []):
        if isinstance(report, dict):
            yield from _dates(report, ("events", index, "reports", number))
    issues = value.get("issues")
    for number, issue in enumerate(issues if isinstance(issues, list) else []):
        if isinstance(issue, str) and issue not in opened and not known.issue_exists(issue):
            yield Fault(("events", index, "issues", number), f"there is no issue {issue[:80]}")


def _dates(value: dict[str, Any], path: tuple[str | int, ...]) -> Iterator[Fault]:
    for name, text in value.items():
        if name in _dated() and isinstance(text, str) and dates.has_form(text):
            try:
                dates.parse(text)
            except ValueError as error:
                yield Fault((*path, name), str(error))
