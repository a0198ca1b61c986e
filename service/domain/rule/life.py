"""The whole life of an item: segments of days with one answer each (docs/semantics.md, 3 to 5).

A fact that comes, goes or is replaced changes the segments on the days on which it can matter; the others stay.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from operator import attrgetter
from typing import TYPE_CHECKING

from msgspec.structs import replace

from service.domain.rule.answer import NO_ANSWER, Answer, Cause, Rewrite, Segment, arrival, joined, still_planned
from service.domain.rule.calendar import Calendar
from service.domain.rule.choices import UNSURE_MAX
from service.domain.rule.decisions import Decisions
from service.domain.rule.facts import LiveFact
from service.domain.rule.influence import matters_until
from service.domain.rule.merge import Terms, given_by, left
from service.domain.rule.ordered import by_order
from service.domain.rule.reach import reaches
from service.domain.rule.readings import Readings
from service.domain.rule.tokens import has_surely_ended
from service.domain.rule.walk import Standing, Walk
from service.domain.rule.work import EDGE_STEPS, REACH_STEPS, Spend, unbounded
from service.domain.vocabulary.dates import FOREVER, OPEN
from service.domain.vocabulary.kinds import IN_FORCE, PLANNED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from service.domain.rule.ordered import Dated
    from service.domain.rule.readings import Ruled
    from service.domain.vocabulary.kinds import Kind


_by_start = attrgetter("start")
_first_day = attrgetter("begins")


class Life:
    """The segments of an item, kept with its facts as they change. The first is that of the item's first status."""

    __slots__ = (
        "_calendar", "_decisions", "_issues", "_kind", "_opened", "_planned", "_reaching", "_terms", "_unsure",
        "segments",
    )  # fmt: skip

    def __init__(self, kind: Kind, facts: Iterable[LiveFact] = (), spend: Spend = unbounded) -> None:
        """Begin with some facts; `spend` takes the steps of the work, and may refuse them."""
        self._kind = kind
        self._decisions, self._terms, self._calendar = Decisions(kind), Terms(kind.name), Calendar()
        self._planned: list[LiveFact] = []
        self._unsure: set[int] = set()
        self._reaching: set[int] = set()
        self._issues: dict[str, list[int]] = {}
        self._opened: list[int] = []
        self.segments: list[Segment] = []
        for fact in facts:
            self._put(fact)
        self._rewrite(OPEN, FOREVER, spend)

    def change(self, old: LiveFact | None, new: LiveFact | None, spend: Spend = unbounded) -> list[Rewrite]:
        """Put a fact in the place of another, either of them None; return what is not as before, in order of days.

        `spend` takes the steps of the work, and may refuse them.
        """
        if old is not None:
            self._take(old)
        changed = [fact for fact in (old, new) if fact is not None and (fact.counts or fact.planned)]
        spans = [self._span(fact) for fact in changed]
        if new is not None:
            self._put(new)
        if not spans:
            return []
        last = max(last for _, last in spans)
        rewrites = self._rewrite(min(first for first, _ in spans), last, spend)
        # Later dates of the facts: there the change may have another cause, and the answer is the same.
        dates = {day for fact in changed for day in (fact.decided, fact.ends) if last < day < FOREVER}
        for day in sorted(dates):
            rewrites += self._rewrite(day, day, spend)
        return joined(rewrites) if dates else rewrites

    def _put(self, fact: LiveFact) -> None:
        if reaches(fact.event):
            self._reaching.add(fact.position)
        if fact.counts:
            self._decisions.add(fact)
            self._calendar.add(fact)
            self._terms.add(fact)
            if fact.unsure:
                self._unsure.add(fact.position)
            for days in self._first_days(fact):
                insort(days, fact.begins)
        elif fact.planned:
            insort(self._planned, fact, key=by_order)

    def _take(self, fact: LiveFact) -> None:
        self._reaching.discard(fact.position)
        if fact.counts:
            self._decisions.remove(fact)
            self._calendar.remove(fact)
            self._terms.remove(fact)
            self._unsure.discard(fact.position)
            for days in self._first_days(fact):
                del days[bisect_left(days, fact.begins)]
        elif fact.planned:
            self._planned.remove(fact)

    def _first_days(self, fact: LiveFact) -> Iterator[list[int]]:
        """Return the days on which facts take hold: for each issue of a fact those that name it; openings for one."""
        for issue in fact.issues:
            yield self._issues.setdefault(issue, [])
        if fact.change.opens:
            yield self._opened

    def _span(self, fact: LiveFact) -> tuple[int, int]:
        """Return the first day on which a fact that is not put in can matter, and one from which on it does not."""
        if fact.planned or (fact.change.opens and self._kind.name == "issue"):
            return OPEN, FOREVER
        first = min(fact.decided, fact.begins) if fact.change.opens else fact.begins
        if self._planned or self._unsure or fact.unsure:
            return first, FOREVER
        last = matters_until(fact, self._decisions, self._terms)
        named = [days[0] if days else FOREVER for days in self._first_days(fact)]
        return first, max([last, *[day for day in named if day > first]])

    def _rewrite(self, first: int, last: int, spend: Spend) -> list[Rewrite]:
        """Work out the segments that begin on the days from one to another, both included; the rest takes over."""
        segments = self.segments
        begin, end = bisect_left(segments, first, key=_by_start), bisect_right(segments, last, key=_by_start)
        if end < len(segments):
            last = segments[end].start  # the change on that day may be another one
            end += 1
        former = segments[begin - 1] if begin else None
        facts = [fact for fact in self._decisions.all() if isinstance(fact, LiveFact)] if self._unsure else []
        readings = Readings(self._kind, facts, spend) if facts else None
        steps = EDGE_STEPS + self._terms.widest + len(self._issues) + REACH_STEPS * len(self._reaching)
        if readings is not None:
            steps += REACH_STEPS * len(self._decisions)
        made: list[Segment] = []
        for day in self._days(first, last, facts):
            spend(steps)
            segment = self._segment(day, former, readings)
            if segment is not None:
                made.append(segment)
                former = segment
        carried = [] if former is None else self._carried(end, former.answer)
        end += len(carried)
        made += carried
        old = {segment.start: segment for segment in segments[begin:end]}
        segments[begin:end] = made
        rewrites = [Rewrite(segment.start, old.pop(segment.start, None), segment) for segment in made]
        gone = [Rewrite(start, segment, None) for start, segment in old.items()]
        return sorted([*[each for each in rewrites if each.before != each.after], *gone])

    def _days(self, first: int, last: int, unsure: Iterable[LiveFact]) -> list[int]:
        """Return the days, from one to another, on which the answer may change, in order.

        With uncertain dates, of the facts `unsure`, every bound counts, and a day more for each of these strings: facts
        that a reading puts into another order take a day each.
        """
        days = {*self._calendar.between(first, last), last}
        if unsure:
            days |= _unsure_days(unsure, first)
        days.update(fact.eff.hi + 1 for fact in self._planned)
        if self._planned or self._kind.name == "issue":
            days.add(OPEN)
        return sorted([day for day in days if first <= day <= last and day < FOREVER])

    def _carried(self, place: int, former: Answer) -> list[Segment]:
        """Return the segments from a place on in which only what goes on from the answer before them is another."""
        carried: list[Segment] = []
        for index in range(place, len(self.segments)):
            segment = self.segments[index]
            answer = segment.answer
            goes_on = answer.status == former.status != PLANNED
            since = former.since if goes_on else answer.since
            ever = former.ever or answer.status == IN_FORCE
            if (since, ever) == (answer.since, answer.ever):
                break
            former = replace(answer, since=since, ever=ever)
            carried.append(replace(segment, answer=former))
        return carried

    def _segment(self, day: int, former: Segment | None, readings: Readings | None) -> Segment | None:
        """Return the segment that begins on a day; None where the answer is that of the days before it."""
        before = None if former is None else former.answer
        walk = Walk(self._decisions, day)
        standing = walk.standing()
        planned = self._still_planned(day) if self._planned else []
        status, ruling = standing.status, _live(standing.ruling)
        if status is None and planned:
            status, ruling = PLANNED, planned[0]
        if status is None and (before is None or before.status is None):
            return None
        cause = self._cause(day, standing)
        possible = () if readings is None or status in {None, PLANNED} else readings.on(day, (status, ruling))
        ever = status == IN_FORCE or (before is not None and before.ever)
        answer = Answer(
            status=status,
            ruling=ruling,
            is_over=ruling is not None and ruling.ends <= day and status != PLANNED,
            since=_since(before, status, ruling, cause),
            given=given_by(planned[0]) if status == PLANNED else self._terms.given(walk, standing),
            issues=self._named(day, ruling),
            complete=bool(self._opened and self._opened[0] <= day)
            or any(fact is not None and fact.change.opens for fact in (ruling, standing.coming)),
            possible=possible,
            left=left(standing),
            ever=ever,
            agreed=readings is None or self._agreed(day, readings, before, possible or ((status, ruling),)),
            planned=still_planned(planned, self._kind, day, before),
        )
        if answer == before:
            return None
        return Segment(day, arrival(self._kind, day, before or NO_ANSWER, answer, cause), answer)

    def _cause(self, day: int, standing: Standing) -> Cause | None:
        """Return the fact that brings what stands on a day, where that is a change, and its date of that day.

        None where no fact has a date on the day and nothing stands.
        """
        ruling, coming = _live(standing.ruling), _live(standing.coming)
        opening = _live(next(iter(self._decisions.openings.facts), None)) if self._kind.name == "issue" else None
        if opening is not None and day == OPEN and standing.status == opening.change.status:
            return Cause(opening, opening.eff.text)
        if ruling is not None and ruling is coming and ruling.decided == day:
            return Cause(ruling, ruling.occ.text)
        if ruling is not None and ruling.begins == day:
            return Cause(ruling, ruling.eff.text)
        fact = _live(self._calendar.last_on(day)) or ruling
        if fact is None:
            return None
        begins = fact.begins == day
        if not begins and fact.ends == day and fact.end is not None:
            return Cause(fact, fact.end.text, "end")
        return Cause(fact, fact.eff.text if begins else fact.occ.text)

    def _named(self, day: int, ruling: LiveFact | None) -> tuple[str, ...]:
        """Return the issues that an item belongs to on a day."""
        named = [issue for issue, days in self._issues.items() if days and days[0] <= day]
        return tuple(sorted({*named, *(() if ruling is None else ruling.issues)}))

    def _agreed(self, day: int, readings: Readings, before: Answer | None, possible: tuple[Ruled, ...]) -> bool:
        """Return whether all readings agree on whether the item was in force up to a day."""
        if self._kind.name != "restriction" or (before is not None and before.ever and before.agreed):
            return True
        statuses = [status for status, _ in possible]
        if statuses == [IN_FORCE] or (IN_FORCE not in statuses and (before is None or before.agreed)):
            return True
        return readings.agree_that(IN_FORCE, day, ever=statuses[0] == IN_FORCE or (before is not None and before.ever))

    def _still_planned(self, day: int) -> list[LiveFact]:
        """Return the planned facts that nothing later in the order of decisions has overtaken, by their days."""
        last = self._decisions.last(day)
        return sorted([fact for fact in self._planned if last is None or fact.order > last.order], key=_first_day)


def ended_from(kind: Kind, segments: Sequence[Segment]) -> int:
    """Return the day (an ordinal) from which an item has ended for good in every reading; FOREVER if it has not."""
    day = FOREVER
    for segment in reversed(segments):
        if not has_surely_ended(kind, segment.answer):
            break
        day = segment.start
    return day


def _since(before: Answer | None, status: str | None, ruling: LiveFact | None, cause: Cause | None) -> str:
    """Return the date since which an item has a status; of a plan, when it was made."""
    if status == PLANNED and ruling is not None:
        return ruling.occ.text
    if before is not None and before.status == status:
        return before.since
    return cause.on if cause is not None else ""


def _unsure_days(facts: Iterable[LiveFact], first: int) -> set[int]:
    """Return the days on which readings may begin to differ in another way, where some dates are uncertain.

    Most days before the first one that is asked for are left out.
    """
    dates = {(when.lo, when.hi, when.text) for fact in facts for when in (fact.occ, fact.eff, fact.end) if when}
    unsure = [(lo, hi) for lo, hi, _ in dates if lo < hi]
    steps = min(len(unsure), UNSURE_MAX)
    bounds = {bound for lo, hi, _ in dates for bound in (lo, hi) if bound >= first - steps}
    near = [(lo, hi + 1) for lo, hi in unsure if hi + 1 >= first]
    after = {bound + step for bound in bounds for step in range(1, steps + 1)} if near else ()
    return bounds | {day for day in after if any([lo <= day <= last for lo, last in near])}


def _live(fact: Dated | None) -> LiveFact | None:
    return fact if isinstance(fact, LiveFact) else None
