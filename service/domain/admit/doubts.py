"""What looks wrong about events that can be recorded: the warnings of a receipt. Pure.

They are found by what one event says, and by the latest facts of its item: an append costs the same however long the
history of the item is. Where the latest facts do not show that something is wrong, there is no warning.
"""

from __future__ import annotations

from collections.abc import Sequence  # noqa: TC003 - compiled, a tuple reads the types of its fields
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple, Protocol

from service.domain.errors import FAULTS_MAX, Fault
from service.domain.vocabulary import dates
from service.domain.vocabulary.events import Fact, Record, RecordCorrected, RecordReportAdded, id_of
from service.domain.vocabulary.events.measures import Restriction
from service.domain.vocabulary.kinds import CHANGES, KINDS, ChangeRule
from service.domain.vocabulary.terms import terms_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from uuid import UUID

    from service.domain.vocabulary.events import Report

Path = tuple[str | int, ...]
Order = tuple[int, int, int, int]
FAR_DAYS = 3_653
"""A date further ahead than this many days (ten years) draws a warning."""
LATEST = 16
"""Facts of an item that are looked at, the latest ones."""
LEFT_WHILE_HIDDEN = {"rate_percent", "rates", "portion", "legal_reference", "used"}
"""Terms of a hiding fact that say what it leaves, and by what act: they are not meant to stay after it."""
_BACK = {"reinstated", "reopened"}
"""The changes off the base track that bring an item back."""
_EXTENDS = {"extended", "suspension_extended"}
_order = attrgetter("order")


REFERRED: dict[str | int, tuple[str, ...]] = {
    "in_place_of": ("restriction",),
    "following": ("investigation", "restriction"),
}
"""The terms that name other items whose names are looked up, with the kinds that they may be of."""


def references(fact: Fact) -> list[tuple[Path, str]]:
    """List the other items that a fact names and that are looked up, each with the path of its name."""
    if not isinstance(fact, Restriction):
        return []
    found: list[tuple[Path, str]] = [(("in_place_of", at), name) for at, name in enumerate(fact.in_place_of or ())]
    return found if fact.following is None else [*found, (("following",), fact.following)]


class Earlier(Protocol):
    """A fact that is known before the one in question. `order` is its place in the order of decisions."""

    @property
    def event(self) -> Fact:
        """Its text."""

    @property
    def change(self) -> ChangeRule:
        """The rule of its change."""

    @property
    def order(self) -> Order:
        """The days on which it occurred and takes hold (their `lo`), the place of its change, its position."""


class Latest(NamedTuple):
    """The latest facts of an item that hold, the last one first; `whole` where there are no others."""

    facts: Sequence[Earlier]
    whole: bool


class Before(Protocol):
    """The questions that a warning asks about the ledger before the batch."""

    def kind_of(self, item: str) -> str | None:
        """Return the kind of an item; None when no event names it."""

    def has_opening(self, item: str) -> bool:
        """Return whether an asserted opening of an item is known and holds."""

    def latest(self, item: str) -> Latest:
        """Return up to LATEST facts of an item."""

    def chain(self, event_id: UUID) -> Sequence[Fact | Record] | None:
        """Return the fact that an event is, or acts on, then every record on it; None for an unknown id."""


def doubts(events: Iterable[tuple[int, Fact | Record]], known: Before, today: int) -> list[Fault]:
    """List what looks wrong about events that can be recorded; each comes with its index in the batch.

    Where there is more than FAULTS_MAX, the last entry says how many more.
    """
    found = _Doubts(known, today).of_all(events)
    listed = list(islice(found, FAULTS_MAX))
    if more := sum(1 for _ in found):
        listed[-1] = Fault((), f"and {more + 1} more warnings")
    return listed


class _Own(NamedTuple):
    """A fact of the batch, in the order of decisions: it is later than all that is recorded."""

    event: Fact
    change: ChangeRule
    order: Order


class _Doubts:
    """The warnings of one batch: what was known before it, and what its earlier facts add to that."""

    def __init__(self, known: Before, today: int) -> None:
        self._known, self._today = known, today
        self._own: dict[str, list[_Own]] = {}
        self._texts: dict[UUID, Fact] = {}
        self._kinds: dict[str, str] = {}
        self._opened: set[str] = set()

    def of_all(self, events: Iterable[tuple[int, Fact | Record]]) -> Iterator[Fault]:
        events = list(events)
        self._kinds = {event.item: CHANGES[event.type].kind for _, event in events if isinstance(event, Fact)}
        for index, event in events:
            path: Path = ("events", index)
            if isinstance(event, Fact):
                yield from self._of_fact(event, path)
            elif isinstance(event, RecordCorrected):
                yield from self._of_dates(event.event, (*path, "event"))
                self._texts[id_of(event)] = self._texts[id_of(event.event)] = event.event
            elif isinstance(event, RecordReportAdded) and (text := self._text(event.target)):
                yield from self._of_reports(text, event.reports, path)

    def _of_fact(self, fact: Fact, path: Path) -> Iterator[Fault]:
        change = CHANGES[fact.type]
        order = (_lo(fact.occurred), _lo(fact.effective or fact.occurred), change.place, dates.FOREVER)
        own = _Own(fact, change, order)
        latest = self._latest(fact.item)
        asserted = fact.modality == "asserted"
        if asserted and change.ends and fact.item not in self._opened and not self._known.has_opening(fact.item):
            yield Fault(path, "it ends an item whose opening nobody has recorded")
        elif latest is None and not change.opens:
            yield Fault(path, f"it changes {fact.item}, which nobody has opened: this is the first fact of that name")
        if latest is not None:
            if latest.facts and not _shares_an_issue(fact, latest.facts):
                others = ", ".join(latest.facts[0].event.issues)
                yield Fault(
                    (*path, "item"), f"{fact.item} is an item of {others}; no earlier fact of it names this issue"
                )
            if asserted:
                yield from _of_change(own, latest, path)
        yield from self._of_dates(fact, path)
        for place, name in references(fact):
            yield from self._of_reference(name, REFERRED[place[0]], (*path, *place))
        if asserted and change.opens:
            self._opened.add(fact.item)
        self._own.setdefault(fact.item, []).append(own)
        self._texts[id_of(fact)] = fact

    def _latest(self, item: str) -> Latest | None:
        """Return the latest facts of an item, those of the batch too; None where nothing names it."""
        own = self._own.get(item, [])
        if self._known.kind_of(item) is None:
            return Latest(own[: -LATEST - 1 : -1], len(own) <= LATEST) if own else None
        known = self._known.latest(item)
        if not own:
            return known
        facts = [*own[: -LATEST - 1 : -1], *known.facts]
        return Latest(facts[:LATEST], known.whole and len(facts) <= LATEST)

    def _of_dates(self, fact: Fact, path: Path) -> Iterator[Fault]:
        for name in ("occurred", "effective", "until", "through"):
            text = getattr(fact, name)
            if text and _lo(text) > self._today + FAR_DAYS:
                yield Fault((*path, name), f"{text} is more than ten years ahead")
        yield from self._of_reports(fact, fact.reports, path)

    def _of_reference(self, name: str, kinds: Iterable[str], path: Path) -> Iterator[Fault]:
        """Doubt the name of another item that nobody has recorded, or that is of a kind which cannot be meant."""
        kind = self._kinds.get(name) or self._known.kind_of(name)
        if kind is None:
            yield Fault(path, f"nobody has recorded {name}")
        elif kind not in kinds:
            meant = " or ".join(KINDS[each].with_article for each in kinds)
            yield Fault(path, f"{name} is {KINDS[kind].with_article}, not {meant}")

    def _of_reports(self, fact: Fact, reports: Iterable[Report], path: Path) -> Iterator[Fault]:
        for index, report in enumerate(reports):
            if report.published is None:
                continue
            published, occurred = dates.parse(report.published), report.occurred or fact.occurred
            place = (*path, "reports", index, "published")
            if published.lo > self._today + 1:  # where the day begins first it is a day ahead of UTC
                yield Fault(place, f"{report.published} is in the future")
            elif fact.modality == "asserted" and published.hi < _lo(occurred):
                yield Fault(place, f"published on {report.published}, before the fact occurred ({occurred})")

    def _text(self, target: UUID) -> Fact | None:
        """Return the latest text of a fact; None where it is not found, or the target is another record."""
        if target in self._texts:
            return self._texts[target]
        chain = self._known.chain(target) or ()
        texts = [event.event if isinstance(event, RecordCorrected) else event for event in chain]
        facts = [text for text in texts if isinstance(text, Fact)]
        return facts[-1] if facts else None


def _shares_an_issue(fact: Fact, facts: Iterable[Earlier]) -> bool:
    """Return whether an earlier fact names an issue that a fact names; a name may be that of another item otherwise."""
    issues = fact.issues
    return any(each.event.issues == issues or not set(issues).isdisjoint(each.event.issues) for each in facts)


def _of_change(own: _Own, latest: Latest, path: Path) -> Iterator[Fault]:
    """Doubt a change by the asserted facts that stand before it, in the order of decisions."""
    change, facts = own.change, latest.facts
    if change.track == "base":
        yield from _of_one_day(own, facts, path)
    elif change.name in _BACK:
        last = _last(own, [each for each in facts if _bears_on_return(each.change, change)])
        stands = last is not None and (last.change.hides or last.change.ends) and not _is_over(last, own)
        if not stands and (last is not None or latest.whole):
            yield Fault(path, f"it changes nothing: there is nothing before it that {change.name} brings back")
    else:
        last = _last(own, [each for each in facts if each.change.track == "base" or each.change.name in _BACK])
        if last is not None and last.change.ends and not _is_over(last, own):
            yield Fault(path, f"it changes nothing: {last.event.type} of {last.event.occurred} has ended the item")
    if change.hides:
        yield from _of_kept_terms(own, facts, path)
    if change.name in _EXTENDS and not (own.event.until or own.event.through or own.event.until_condition):
        last = _last(own, [each for each in facts if each.change.track == change.track])
        if last is not None and (last.event.until or last.event.through):
            yield Fault(
                path, f"it gives no end, and the end of {last.event.type} no longer stands: give until or through"
            )


def _last(own: _Own, facts: Iterable[Earlier]) -> Earlier | None:
    """Return the last asserted fact before another in the order of decisions."""
    before = [each for each in facts if each.order < own.order and each.event.modality == "asserted"]
    return max(before, key=_order, default=None)


def _bears_on_return(earlier: ChangeRule, change: ChangeRule) -> bool:
    """Return whether a change decides what a later `reinstated` or `reopened` finds."""
    opens = earlier.opens and not earlier.preliminary
    return opens or earlier.ends or (earlier.track == change.track and (earlier.hides or earlier.name == change.name))


def _of_one_day(own: _Own, facts: Iterable[Earlier], path: Path) -> Iterator[Fault]:
    """Doubt a base fact that shares both its days with another, where their places decide which of them stands.

    That is what a writer means where the places follow the recording: a round is started and concluded on one day. A
    measure that opens and ends on one day was never in force.
    """
    days = own.order[:2]
    for each in facts:
        if each.order[:2] == days and each.change.track == "base" and each.event.modality == "asserted":
            if each.order > own.order:
                yield Fault(
                    path, f"{each.event.type} has the same days and stands over it, though it was recorded before"
                )
                return
            opens = each.change.opens and not each.change.preliminary
            if own.change.ends and opens and KINDS[own.change.kind].running != "open":
                yield Fault(
                    path, f"it has the same days as {each.event.type}, and stands over it from the first day on"
                )
                return


def _of_kept_terms(own: _Own, facts: Iterable[Earlier], path: Path) -> Iterator[Fault]:
    """Doubt terms of a hiding fact that are other than before: they count only while it hides the item."""
    before = [each for each in facts if not each.change.hides]
    for name, value in terms_of(own.event).items():
        if name not in LEFT_WHILE_HIDDEN:
            last = _last(own, [each for each in before if getattr(each.event, name, None) is not None])
            if last is None or getattr(last.event, name) != value:
                yield Fault((*path, name), f"it counts only as long as the item is {own.change.status}")


def _is_over(earlier: Earlier, own: _Own) -> bool:
    """Return whether a fact is over when another takes hold, every date at its `lo`."""
    end = dates.over_on(earlier.event.until, earlier.event.through)
    return end is not None and end.lo <= own.order[1]


def _lo(text: str) -> int:
    return dates.parse(text).lo
