"""The decision on a batch: the events as they will be recorded, or every reason for a refusal. Pure.

A refusal names every fault in the batch. Nothing here reads a clock or makes an id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from msgspec.structs import replace

from service.domain.admit.doubts import Before, doubts
from service.domain.admit.event_checks import faults_of, report_faults
from service.domain.errors import Fault, Malformed
from service.domain.vocabulary import dates
from service.domain.vocabulary.events import Fact, Record, RecordCorrected, id_of, text_of
from service.domain.vocabulary.kinds import CHANGES

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from uuid import UUID

Path = tuple[str | int, ...]
RECORD_ISSUES_MAX = 32


class Knowledge(Before, Protocol):
    """The questions that a decision asks about the ledger before the batch."""

    def issue_exists(self, issue: str) -> bool:
        """Return whether an issue's opening is known and holds."""


class Decision(NamedTuple):
    """The events as they will be recorded, every field filled in, and what looks wrong about them."""

    events: list[Fact | Record]
    warnings: list[Fault]


def decide(events: Sequence[Fact | Record], known: Knowledge, today: int, *, copied: bool = False) -> Decision:
    """Accept a batch whole, or raise Malformed with all its faults.

    Each event has its id; `today` is the day of recording, an ordinal. `copied` is true for events that some ledger has
    recorded already: they may be as an earlier edition of the vocabulary took them.
    """
    return _Draft(events, known, today, copied=copied).decide()


class _Chain:
    """A fact and the records on it: the issues that its texts name, in order, and its texts by the ids of their events.

    `text` is the last of the texts.
    """

    def __init__(self, events: Sequence[Fact | Record]) -> None:
        assert isinstance(events[0], Fact)  # noqa: S101 - a chain begins with its fact
        self.root = events[0]
        self.issues: dict[str, None] = {}
        self.texts: dict[UUID, Fact] = {}
        for event in events:
            self.add(event)

    def add(self, event: Fact | Record) -> None:
        """Add the next event."""
        text = text_of(event)
        if text is not None:
            self.issues.update(dict.fromkeys(text.issues))
            self.texts[id_of(event)] = self.text = text


class _Draft:
    """A batch on its way in: what is known, and what its earlier events add to that."""

    def __init__(self, events: Sequence[Fact | Record], known: Knowledge, today: int, *, copied: bool) -> None:
        self._events, self._known, self._today, self._copied = events, known, today, copied
        self._opened = {event.item for event in events if isinstance(event, Fact) and _opens_issue(event)}
        self._kinds: dict[str, str] = {}
        self._freed: set[str] = set()
        """Items on facts of which the batch has a record so far: an opening among them may be retracted."""
        self._begun: set[str] = set()
        """Issues that the batch has opened so far."""
        self._ids: set[UUID] = set()
        self._chains: dict[UUID, _Chain] = {}
        self._faults: list[Fault] = []

    def decide(self) -> Decision:
        decided = [self._take(event, ("events", index)) for index, event in enumerate(self._events)]
        if self._faults:
            raise Malformed(self._faults)
        return Decision(decided, doubts(enumerate(decided), self._known, self._today))

    def _take(self, event: Fact | Record, path: Path) -> Fact | Record:
        if event.id in self._ids:
            self._fault(path, "id", "another event of the batch has this id")
        self._ids.add(id_of(event))
        if faults := faults_of(event):
            self._faults += [Fault(path + fault.path, fault.detail) for fault in faults]
        if isinstance(event, Record):
            return self._take_record(event, path)
        self._check_names(event, path)
        self._check_new(event, path, ())
        self._chains[id_of(event)] = _Chain([event])
        return event

    def _take_record(self, record: Record, path: Path) -> Record:
        chain = self._chain(record.target)
        if chain is None:
            self._fault(path, "target", "no recorded event has this id")
            return record
        root = chain.root
        if isinstance(record, RecordCorrected):
            record = self._take_correction(record, chain, path)
        chain.add(record)
        self._freed.add(root.item)
        self._faults += [
            Fault(path + fault.path, fault.detail) for fault in report_faults(type(chain.text), record.reports)
        ]
        issues = tuple(chain.issues)
        if len(issues) > RECORD_ISSUES_MAX:
            self._fault(path, "target", f"the fact would touch more than {RECORD_ISSUES_MAX} issues")
        for name, given, own in (("issues", record.issues, issues), ("item", record.item, root.item)):
            if given is not None and given != own:
                self._fault(path, name, f"a record takes its {name} from its target: {own}")
        occurred = record.occurred or dates.iso(self._today)
        completed = replace(record, issues=issues, item=root.item, occurred=occurred)
        self._chains[id_of(completed)] = chain
        return completed

    def _take_correction(self, record: RecordCorrected, chain: _Chain, path: Path) -> RecordCorrected:
        root = chain.root
        if record.target not in chain.texts:
            self._fault(path, "target", "a correction names a fact, or a correction of one; this event has no text")
        text = record.event
        if text.id not in (None, root.id):
            self._fault(path, ("event", "id"), f"a corrected event keeps its id: {root.id}")
        text = replace(text, id=root.id)
        self._check_names(text, (*path, "event"))
        self._check_new(text, (*path, "event"), chain.texts.values())
        return replace(record, event=text)

    def _chain(self, target: UUID) -> _Chain | None:
        if target not in self._chains:
            recorded = self._known.chain(target)
            if recorded is None:
                return None
            chain = self._chains.get(id_of(recorded[0])) or _Chain(recorded)
            self._chains |= {id_of(event): chain for event in recorded}
        return self._chains[target]

    def _check_names(self, fact: Fact, path: Path) -> None:
        """Check that the issues exist and that the item's name belongs to its kind."""
        for index, issue in enumerate(fact.issues):
            if issue not in self._opened and not self._known.issue_exists(issue):
                self._fault(path, ("issues", index), f"there is no issue {issue}; open it first, or in the same batch")
        kind = CHANGES[fact.type].kind
        known = self._kinds.setdefault(fact.item, self._known.kind_of(fact.item) or kind)
        if known != kind:
            self._fault(path, "item", f"{fact.item} is known as another kind of item: {known}")

    def _check_new(self, fact: Fact, path: Path, earlier: Collection[Fact]) -> None:
        """Check what is asked of a new text alone; `earlier` are the texts that the fact has had."""
        if self._copied:
            return
        until = fact.until
        if until is not None and _is_coarse(until) and all(text.until != until for text in earlier):
            self._fault(path, "until", f"names no first day on which it no longer holds; {_suggested(until)}")
        if _opens_issue(fact) and not any(_opens_issue(text) and text.item == fact.item for text in earlier):
            exists = fact.item not in self._freed and self._known.issue_exists(fact.item)
            if exists or fact.item in self._begun:
                self._fault(path, "item", f"there is an issue {fact.item} already; issue.revised changes its terms")
            self._begun.add(fact.item)

    def _fault(self, path: Path, member: str | Path, detail: str) -> None:
        self._faults.append(Fault(path + ((member,) if isinstance(member, str) else member), detail))


_BY_MONTH = len("2025-06")


def _is_coarse(text: str) -> bool:
    """Return whether a date is of year or month precision."""
    return len(text) <= _BY_MONTH


def _suggested(until: str) -> str:
    return f'write "through": "{until}" for what holds through the last day of {until}, or the days in brackets'


def _opens_issue(fact: Fact) -> bool:
    return fact.type == "issue.opened" and fact.modality == "asserted"
