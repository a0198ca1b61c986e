"""Every status that some reading of uncertain dates gives (docs/semantics.md, 3; exact, with bounded work).

If no uncertain date is shared by two facts, the tracks are independent. A fact can then rule its track if its latest
place in the order is after the earliest place of every other fact that is certainly in effect. Treating shared dates as
independent never misses a status but can add one. So strings that stand on several facts, or in several fields of one,
are fixed to days, one reading at a time: only where that could exclude a status, and only on the facts that can rule.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from service.domain.rule.work import READING, Spend, unbounded
from service.domain.vocabulary.dates import When
from service.domain.vocabulary.kinds import SUSPENDED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from service.domain.rule.facts import LiveFact
    from service.domain.vocabulary.kinds import Kind, Track

WORK_MAX = 4_096
"""Readings of shared strings that are tried for one day, times the facts in each.

Past it the widest shared strings count as independent: then more is called possible, never less.
"""

TRACKS: tuple[Track, ...] = ("base", "overlay", "terms")

Order = tuple[int, int, int, int]
Ruled = tuple[str | None, "LiveFact | None"]
"""A status and the fact that rules it; None and None: no status."""


class _Dated:
    """A fact with its dates, some perhaps fixed by a reading; `earliest` and `latest` bound its place in the order."""

    __slots__ = ("earliest", "eff", "fact", "latest", "occ", "until")

    def __init__(self, fact: LiveFact, occ: When, eff: When, until: When | None) -> None:
        self.fact, self.occ, self.eff, self.until = fact, occ, eff, until
        place, position = fact.change.place, fact.position
        self.earliest: Order = (occ.lo, eff.lo, place, position)
        self.latest: Order = (occ.hi, eff.hi, place, position)

    def latest_on(self, day: int) -> Order:
        """Return its last place in the order among the readings in which it is in effect on `day`."""
        if self.eff.hi <= day:
            return self.latest
        eff = self.eff.latest(day)
        return (eff if self.fact.tied else self.occ.hi, eff, self.fact.change.place, self.fact.position)

    def can_run(self, day: int) -> bool:
        """Return whether it has not run out in some reading: its own end can still be to come, or it has none."""
        return self.until is None or self.until.hi > day

    def can_have_run_out(self, day: int) -> bool:
        """Return whether it has run out in some reading: its own end can have passed."""
        return self.until is not None and self.until.lo <= day


Able = list["_Dated | None"]
"""The facts of a track that some reading lets rule; None among them where a reading has none in effect."""


class _DayFacts(NamedTuple):
    """The facts that matter on a day: those that can rule each track, and openings not in effect in some reading."""

    base: Able
    overlay: Able
    terms: Able
    openings: list[_Dated]

    def facts(self) -> list[_Dated]:
        """Return every fact that can matter."""
        return list(dict.fromkeys([each for able in (*self[:3], self.openings) for each in able if each]))


class Readings:
    """The readings of one item's asserted facts."""

    def __init__(self, kind: Kind, facts: Sequence[LiveFact], spend: Spend = unbounded) -> None:
        """`facts` in the order of docs/semantics.md, 3.1, in the earliest reading; `spend` may refuse the work."""
        self._kind, self._spend = kind, spend
        self._facts = facts
        self._dated: list[_Dated] = []
        self._opening = next((fact for fact in facts if fact.opens), None)
        self._unsure = [(when.lo, when.hi) for fact in facts if fact.unsure for when in fact.dates if when.lo < when.hi]
        self._movable = list(_movable(facts))

    def on(self, day: int, headline: Ruled, base: LiveFact | None, overlay: LiveFact | None) -> tuple[Ruled, ...]:
        """List every status that some reading gives on a day, `headline` first; () when it is the only one.

        `headline`, `base` and `overlay` are the status and the rulers of these tracks in the earliest reading.
        """
        if not any([lo <= day < hi for lo, hi in self._unsure]) and not self._order_matters(base, overlay):
            return ()  # what is in effect, what has run out and which of them rule, is the same in all readings
        if not self._dated:
            self._dated = [_Dated(fact, fact.occ, fact.eff, fact.until) for fact in self._facts]
        self._spend(READING * len(self._dated))
        able = _day_facts(self._dated, day)
        found = _first_of_each(headline, _statuses(self._kind, able, day))
        if len(found) > 1:
            mattering = able.facts()
            if shared := _shared(each.fact for each in mattering):
                # No reading gives another status than these: once each was found, the rest need not be tried.
                found = _first_of_each(headline, _read(self._kind, mattering, shared, day, self._spend), len(found))
        found = self._opened(found)
        return tuple(found.items()) if len(found) > 1 else ()

    def _order_matters(self, base: LiveFact | None, overlay: LiveFact | None) -> bool:
        """Return whether the order of facts in some reading can change the status.

        Without a base fact in effect every fact may count; with one, only what rules its track and the overlay's.
        """
        return bool(self._movable) and (base is None or base in self._movable or overlay in self._movable)

    def _opened(self, found: dict[str | None, LiveFact | None]) -> dict[str | None, LiveFact | None]:
        """Return the statuses of an issue that is open where no fact rules."""
        if self._kind.name == "issue" and self._opening and None in found:
            del found[None]
            found.setdefault(self._opening.change.status, self._opening)
        return found


def _first_of_each(
    headline: Ruled, statuses: Iterable[Ruled], enough: int | None = None
) -> dict[str | None, LiveFact | None]:
    """Return each status with the first fact that rules it, `headline` first; stop when there are `enough`."""
    found: dict[str | None, LiveFact | None] = dict([headline])
    for status, ruling in statuses:
        found.setdefault(status, ruling)
        if len(found) == enough:
            break
    return found


def _movable(facts: Sequence[LiveFact]) -> Iterator[LiveFact]:
    """Find the facts whose place can move forward: some reading puts them before a fact that is before them here.

    `facts` are in the order of the earliest reading.
    """
    latest: Order = (0, 0, 0, 0)
    for fact in facts:
        if latest > fact.order:
            yield fact
        if fact.latest > latest:  # noqa: PLR1730 - max() costs a call, and this runs for every fact of an item
            latest = fact.latest


def _read(kind: Kind, dated: Sequence[_Dated], shared: Mapping[str, When], day: int, spend: Spend) -> Iterator[Ruled]:
    """Return the statuses of every reading of shared strings, fixed to days in every way that can matter."""
    bounds = {bound for each in dated for when in each.fact.dates for bound in (when.lo, when.hi)}
    days = sorted(bounds | {day})
    choices = {text: _representatives(when, days) for text, when in shared.items()}
    while _size(choices) * len(dated) > WORK_MAX:
        del choices[max(choices, key=lambda text: len(choices[text]))]
    for picked in product(*choices.values()):
        spend(READING * len(dated))
        fixed = dict(zip(choices, (When("", each, each) for each in picked), strict=True))
        read = [_fixed(each.fact, fixed) for each in dated]
        yield from _statuses(kind, _day_facts(read, day), day)


def _size(choices: Mapping[str, Sequence[int]]) -> int:
    size = 1
    for options in choices.values():
        size *= len(options)
    return size


def _shared(facts: Iterable[LiveFact]) -> dict[str, When]:
    """Find the uncertain strings that stand on several facts, or in several fields of one that must agree."""
    seen: set[str] = set()
    shared: dict[str, When] = {}
    for fact in facts:
        for when in fact.dates:
            if when.lo != when.hi:
                if when.text in seen:
                    shared[when.text] = when
                seen.add(when.text)
    return shared


def _representatives(when: When, days: Sequence[int]) -> list[int]:
    """Pick the days of a date that differ in their order to `days`: each of them, and up to two in each gap between."""
    if when.pair:
        return [when.lo, when.hi]
    picked: list[int] = []
    inside = [each for each in days if when.lo <= each <= when.hi]
    for here, following in zip(inside, [*inside[1:], None], strict=True):
        picked.append(here)
        if following is not None:
            picked.extend(range(here + 1, min(here + 3, following)))
    return picked


def _fixed(fact: LiveFact, fixed: Mapping[str, When]) -> _Dated:
    until = fact.until and fixed.get(fact.until.text, fact.until)
    return _Dated(fact, fixed.get(fact.occ.text, fact.occ), fixed.get(fact.eff.text, fact.eff), until)


def _day_facts(dated: Sequence[_Dated], day: int) -> _DayFacts:
    """Find the facts that may rule on a day, by track, and the openings that may be announced."""
    openings = [each for each in dated if each.fact.opens and each.eff.hi > day]
    base, overlay, terms = (_can_rule(dated, track, day) for track in TRACKS)
    return _DayFacts(base, overlay, terms, openings)


def _statuses(kind: Kind, able: _DayFacts, day: int) -> Iterator[Ruled]:
    """Return every status that these dates allow, the uncertain ones among them independent of each other."""
    base, overlay, terms, openings = able
    hiding = [each for each in overlay if each and each.fact.change.hides and each.can_run(day)]
    bare = any(each is None or not each.fact.change.hides or each.can_have_run_out(day) for each in overlay)
    for each in base:
        if each is not None:
            yield from _based(kind, each, hiding, day, bare=bare)
    if None not in base:
        return
    unmoved = None in overlay and None in terms
    if kind.name != "issue" or terms != [None]:
        yield from (("announced", each.fact) for each in _can_announce(openings, day))
        if any(not each.fact.tied and each.occ.hi <= day for each in openings):
            if kind.name == "issue" and unmoved:
                yield None, None
            return
    yield from ((SUSPENDED, each.fact) for each in hiding)
    yield from ((kind.running, each) for each in _last(overlay, terms, day))
    if unmoved:
        yield None, None


def _based(kind: Kind, base: _Dated, hiding: Sequence[_Dated], day: int, *, bare: bool) -> Iterator[Ruled]:
    """Return the statuses that are possible while a base fact rules."""
    statuses = []
    if kind.over is None or base.can_run(day):
        statuses.append(base.fact.change.status)
    if kind.over is not None and base.can_have_run_out(day):
        statuses.append(kind.over)
    for status in statuses:
        if status in kind.ends:
            yield status, base.fact
            continue
        if bare:
            yield status, base.fact
        yield from ((SUSPENDED, each.fact) for each in hiding)


def _last(overlay: Able, terms: Able, day: int) -> Iterator[LiveFact]:
    """List the facts off the base track that some reading lets be the last in effect while the item is not hidden."""
    sure = max((each.earliest for each in terms if each and each.eff.hi <= day), default=None)
    for each in overlay:
        if each is None:
            yield from (term.fact for term in terms if term)
        elif not each.fact.change.hides or each.can_have_run_out(day):
            if sure is None or each.latest_on(day) > sure:
                yield each.fact
            else:
                yield from (term.fact for term in terms if term and term.latest_on(day) > each.earliest)


def _can_rule(dated: Sequence[_Dated], track: str, day: int) -> Able:
    mine = [each for each in dated if each.fact.track == track and each.eff.lo <= day]
    sure = [each for each in mine if each.eff.hi <= day]
    if not sure:
        return [*mine, None]
    first = max(sure, key=_earliest)
    second = max((each.earliest for each in sure if each is not first), default=None)
    return [
        each
        for each in mine
        if (bar := second if each is first else first.earliest) is None or each.latest_on(day) > bar
    ]


def _earliest(each: _Dated) -> Order:
    return each.earliest


def _can_announce(openings: Sequence[_Dated], day: int) -> list[_Dated]:
    """List the openings that some reading lets be the announced one, none being in effect."""
    able = [each for each in openings if not each.fact.tied and each.occ.lo <= day]
    sure = [each for each in able if each.occ.hi <= day]
    return [
        each
        for each in able
        if all(
            other is each
            or (each.occ.latest(day), each.eff.hi, each.fact.change.place, each.fact.position)
            > (other.occ.lo, max(other.eff.lo, day + 1), other.fact.change.place, other.fact.position)
            for other in sure
        )
    ]
