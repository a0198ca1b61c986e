"""What is said of an item on a stretch of days: the answer, and the change with which it begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from service.domain.rule.merge import Given, Left
from service.domain.vocabulary.kinds import IN_FORCE, PLANNED, SUSPENDED
from service.domain.vocabulary.terms import terms_of_kind
from service.domain.vocabulary.values import Frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from service.domain.rule.facts import LiveFact
    from service.domain.rule.readings import Ruled
    from service.domain.vocabulary.kinds import Kind


Because = Literal["fact", "end"]


class Arrival(Frozen, frozen=True):
    """A change to come: `on` is its date as written, `terms` those that change, with None for one that is gone.

    `because` is `end` where the change comes because its fact is over from then on, else `fact`.
    """

    on: str
    status: str | None
    event: str
    type: str
    terms: dict[str, Any]
    modality: str
    overdue: bool
    because: Because


class Answer(Frozen, frozen=True):
    """What an item's state says on the days of a segment. Without a status it says that there is none.

    `is_over` is true where the ruling fact is over. `given` has the fact that gives each term. `possible` are the
    statuses of all readings with their ruling facts, empty where there is one. `left` is what is collected while the
    item is hidden. `ever` is true from the first day in force on; `agreed` where all readings have that in common.
    `planned` are the facts that are still planned.
    """

    status: str | None
    ruling: LiveFact | None
    is_over: bool
    since: str
    given: Given
    issues: tuple[str, ...]
    complete: bool
    possible: tuple[Ruled, ...]
    left: Left
    ever: bool
    agreed: bool
    planned: tuple[Arrival, ...]

    @property
    def certainty(self) -> str:
        """Return whether the status is `possible`, `contested` or `certain`."""
        if self.possible:
            return "possible"
        return "contested" if self.ruling is not None and self.ruling.contested else "certain"

    @property
    def applies(self) -> str:
        """Return how far a restriction applies."""
        if self.status == IN_FORCE:
            return "full"
        return "partly" if self.status == SUSPENDED and self.left.applies else "none"

    def sets(self) -> dict[LiveFact, list[str]]:
        """Return the facts that the answer rests on, in the order of decisions, with the names of what each gives."""
        found: dict[LiveFact, list[str]] = {}
        if self.ruling is not None:
            found[self.ruling] = ["status"]
        for name in sorted(self.given):
            found.setdefault(self.given[name], []).append(name)
        return dict(sorted(found.items(), key=_order_of_first))


NO_ANSWER = Answer(
    None, None, is_over=False, since="", given={}, issues=(), complete=False, possible=(), left=Left(),
    ever=False, agreed=True, planned=(),
)  # fmt: skip


class Segment(Frozen, frozen=True):
    """An item's answer from the day `start` until the next segment's, as known at one K.

    `arrival` is the change on that day: None where nothing changes but what is possible or planned.
    """

    start: int
    arrival: Arrival | None
    answer: Answer


class Rewrite(NamedTuple):
    """The segment that begins on a day now, and the one that began on it before; None: none does."""

    start: int
    before: Segment | None
    after: Segment | None


def joined(rewrites: Iterable[Rewrite]) -> list[Rewrite]:
    """Return one rewrite for each day, of several that were made one after the other."""
    found: dict[int, Rewrite] = {}
    for each in rewrites:
        earlier = found.get(each.start)
        found[each.start] = each if earlier is None else Rewrite(each.start, earlier.before, each.after)
    return sorted(each for each in found.values() if each.before != each.after)


class Cause(Frozen, frozen=True):
    """The fact that brings a change, and its date of that day, as written."""

    fact: LiveFact
    on: str
    because: Because = "fact"


def arrival(kind: Kind, day: int, before: Answer, now: Answer, cause: Cause | None) -> Arrival | None:
    """Return the change from one answer to the next on a day; None where status, ruling fact and terms stay.

    What is only planned counts as nothing.
    """
    before = NO_ANSWER if before.status == PLANNED else before
    now = NO_ANSWER if now.status == PLANNED else now
    terms = {name: now.given[name].terms[name] if name in now.given else None for name in _changed(kind, before, now)}
    if cause is None or (not terms and before.status == now.status and before.ruling is now.ruling):
        return None
    ruling = now.ruling
    took_hold = ruling is not None and ruling is before.ruling and ruling.begins == day and kind.name != "issue"
    if took_hold and ruling is not None and ruling.change.opens:
        # It was to come, with these terms; now it takes hold with them.
        terms |= {name: ruling.terms[name] for name, fact in now.given.items() if fact is ruling}
    return Arrival(
        cause.on,
        now.status,
        cause.fact.id,
        cause.fact.event.type,
        terms,
        "asserted",
        overdue=False,
        because=cause.because,
    )


def still_planned(facts: Iterable[LiveFact], kind: Kind, day: int, before: Answer | None) -> tuple[Arrival, ...]:
    """Return planned facts as changes to come: the very tuple of the answer before, where it is the same."""
    found = tuple([_upcoming(fact, kind, day) for fact in facts])
    return before.planned if before is not None and before.planned == found else found


def _upcoming(fact: LiveFact, kind: Kind, day: int) -> Arrival:
    """Return a planned fact as a change to come."""
    status = fact.change.status or kind.running
    terms = dict.fromkeys(fact.unset) | fact.terms
    return Arrival(
        fact.eff.text, status, fact.id, fact.event.type, terms, PLANNED, overdue=day > fact.eff.hi, because="fact"
    )


def _changed(kind: Kind, before: Answer, now: Answer) -> Iterable[str]:
    """Return the terms that are not as before, in the order of the vocabulary."""
    was, given = before.given, now.given
    if was == given:
        return ()
    changed = [
        name
        for name, fact in given.items()
        if (other := was.get(name)) is not fact and (other is None or other.terms[name] != fact.terms[name])
    ]
    gone = was.keys() - given.keys()
    return [name for name in terms_of_kind(kind.name) if name in gone or name in changed] if gone else changed


def _order_of_first(pair: tuple[LiveFact, object]) -> tuple[int, int, int, int]:
    return pair[0].order
