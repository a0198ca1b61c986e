"""What the states of an item that is out of order may leave unsaid, whatever part of its events is known.

As published any part may be known: what was recorded by K and, of that, published by a day. So any mark of a state that
says what it leaves unsaid (`codes.SCOPE_MARKS`) is possible, unless the first fact rules it out for good: that fact is
known, and has begun, wherever another one rests on it, and no text takes back what it says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.domain.rule.disagreements import DENIES
from service.domain.rule.publication import days, known_from
from service.domain.rule.tokens import MARKED_BY, paired, pairs, says, tokens_of_text, unsaid_marks
from service.domain.vocabulary.dates import parse
from service.domain.vocabulary.events import (
    Fact,
    Record,
    RecordCorrected,
    RecordDisputed,
    RecordReportAdded,
    text_of,
)
from service.domain.vocabulary.kinds import CHANGES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from service.domain.rule.facts import Entry
    from service.domain.vocabulary.dates import When
    from service.domain.vocabulary.events import Report
    from service.domain.vocabulary.kinds import Kind


class Unsaid:
    """The terms that every state of an item says: fewer with each event that may be known without the first fact.

    It also keeps the parties that the texts name: a state may have any two of them.
    """

    __slots__ = (
        "_always", "_first", "_found_by", "_kind", "_known", "_parties", "_refers", "_slug", "_stands", "_terms",
    )  # fmt: skip

    def __init__(self, slug: str, kind: Kind, number: int, chains: Mapping[int, Sequence[Entry]]) -> None:
        """Begin with the chains of an item, known by the positions of their facts; its first event is at `number`."""
        self._slug, self._kind, self._terms = slug, kind, MARKED_BY.get(kind.name, ())
        self._parties: set[str] = set()
        self._found_by: tuple[str, ...] | None = None
        self._first: Fact | Record | None = None
        self._always: set[str] = set()
        self._refers = False
        self._known = self._stands = 0
        if number in chains:
            self._begin(chains[number][0])
        for chain in chains.values():
            for each in chain:
                self.take(chain[0], each)

    def _begin(self, entry: Entry) -> None:
        """Take what the first fact says, where it opens the item and somebody reports it."""
        self._first = fact = entry.event
        if isinstance(fact, Fact) and self._opens(fact) and not (fact.reports and all(map(_denies, fact.reports))):
            self._always.update(name for name in self._terms if says(name, getattr(fact, name)))
            self._known = known_from(fact, entry.recorded_on)
            self._stands = max(when.hi for when in _dates(fact))

    def found_by(self) -> tuple[str, ...]:
        """Return the marks and the pairs of parties that a state of the item may have, in order."""
        if self._found_by is None:
            said = [self._always, self._always | {"restriction"}] if self._refers else [self._always]
            marks = dict.fromkeys(mark for each in said for mark in unsaid_marks(self._kind.name, tuple(sorted(each))))
            self._found_by = (*marks, *pairs(self._kind, sorted({*self._parties, *marks})))
        return self._found_by

    def take(self, fact: Entry, entry: Entry) -> None:
        """Take in a fact, or a record on one."""
        text = text_of(entry.event)
        self._found_by = None
        is_first = fact.event is self._first
        is_early = not is_first and min(*days(entry), fact.recorded_on) < self._known
        if isinstance(text, Fact) and text.item == self._slug:
            self._parties.update(paired(tokens_of_text(text, ())))
            said = {name for name in self._terms if says(name, getattr(text, name))}
            taken_back = {name for name in self._always - said if getattr(text, name) is not None}
            self._refers |= "restriction" in said
            self._always -= taken_back.union(text.unset or ())
            if is_early or self._may_stand_alone(text):
                self._always &= said if CHANGES[text.type].opens else set()  # what others say may end with them
        elif is_early:
            self._always.clear()
        if is_first and not self._leaves_first(entry):
            self._always.clear()

    def _opens(self, text: Fact) -> bool:
        return text.item == self._slug and text.modality == "asserted" and CHANGES[text.type].opens

    def _may_stand_alone(self, text: Fact) -> bool:
        """Return whether a state may rest on a text, and not on what the first fact says."""
        change = CHANGES[text.type]
        return change.opens or text.modality != "asserted" or min(when.lo for when in _dates(text)) < self._stands

    def _leaves_first(self, entry: Entry) -> bool:
        """Return whether the first fact holds as early as before after an event of its chain."""
        event, first = entry.event, self._first
        if isinstance(event, RecordCorrected):
            text = event.event
            return (
                isinstance(first, Fact)
                and self._opens(text)
                and (text.occurred, text.effective) == (first.occurred, first.effective)
                and not any(map(_denies, text.reports))
                and (bool(event.reports) or text.reports == first.reports)
            )
        if isinstance(event, RecordReportAdded):
            return not any(map(_denies, event.reports))
        return isinstance(event, Fact | RecordDisputed)


def _denies(report: Report) -> bool:
    return report.stance == DENIES


def _dates(text: Fact) -> list[When]:
    return [parse(each) for each in (text.occurred, text.effective) if each is not None]
