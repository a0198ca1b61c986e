"""Every status that some reading of uncertain dates gives (docs/semantics.md, 3; exact, with bounded work).

Where each uncertain string stands on one fact only, the tracks are independent of each other and each has a direct
rule: a fact can rule its track when its latest place in the order is behind the earliest place of every other fact that
is surely in effect. Strings that stand on several facts, or in several fields of one, are first fixed to days, one
reading at a time.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from service.domain.dates import When
from service.domain.lifecycle import SUSPENDED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from service.domain.facts import Known
    from service.domain.lifecycle import Kind, Track

READINGS_MAX = 20_000
"""How many readings of shared strings are tried.

Past it the widest shared strings count as independent: then more is called possible, never less.
"""

Order = tuple[int, int, int, int]
Ruled = tuple[str | None, "Known | None"]
"""A status and the fact that rules it; None and None: no status."""


class _Dated(NamedTuple):
    """A fact with its dates, some perhaps fixed by a reading."""

    fact: Known
    occ: When
    eff: When
    until: When | None
    tied: bool

    def earliest(self) -> Order:
        """Give its first place in the order."""
        return (self.occ.lo, self.eff.lo, self.fact.change.place, self.fact.position)

    def latest(self, day: int) -> Order:
        """Give its last place in the order among the readings in which it is in effect on `day`."""
        eff = self.eff.latest(day)
        return (eff if self.tied else self.occ.hi, eff, self.fact.change.place, self.fact.position)


def possible(kind: Kind, facts: Sequence[Known], day: int, headline: Ruled) -> tuple[Ruled, ...]:
    """List every status that some reading gives on a day, `headline` first; () when it is the only one."""
    found: dict[str | None, Known | None] = dict([headline])
    for dated in _readings(facts, day):
        for status, ruling in _statuses(kind, dated, day):
            found.setdefault(status, ruling)
    opening = next((fact for fact in facts if fact.change.opens), None)
    if kind.name == "issue" and opening and None in found:
        del found[None]
        found.setdefault(opening.change.status, opening)
    return tuple(found.items()) if len(found) > 1 else ()


def _readings(facts: Sequence[Known], day: int) -> Iterator[list[_Dated]]:
    """Fix the shared strings to days in every way that can matter."""
    days = sorted({day}.union(*(fact.edges for fact in facts)))
    choices = {text: _representatives(when, days) for text, when in _shared(facts).items()}
    while _size(choices) > READINGS_MAX:
        del choices[max(choices, key=lambda text: len(choices[text]))]
    for picked in product(*choices.values()):
        fixed = dict(zip(choices, (When("", each, each) for each in picked), strict=True))
        yield [_dated(fact, fixed) for fact in facts]


def _size(choices: Mapping[str, Sequence[int]]) -> int:
    size = 1
    for options in choices.values():
        size *= len(options)
    return size


def _shared(facts: Sequence[Known]) -> dict[str, When]:
    """Find the uncertain strings that stand on several facts, or in several fields of one that must agree."""
    seen: dict[str, When] = {}
    shared: dict[str, When] = {}
    for fact in facts:
        for when in (fact.occ, *(() if fact.tied else (fact.eff,)), *((fact.until,) if fact.until else ())):
            if when.lo != when.hi:
                if when.text in seen:
                    shared[when.text] = when
                seen[when.text] = when
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


def _dated(fact: Known, fixed: Mapping[str, When]) -> _Dated:
    until = fact.until and fixed.get(fact.until.text, fact.until)
    return _Dated(fact, fixed.get(fact.occ.text, fact.occ), fixed.get(fact.eff.text, fact.eff), until, fact.tied)


def _statuses(kind: Kind, dated: Sequence[_Dated], day: int) -> Iterator[Ruled]:
    """Give every status that is possible with these dates, the uncertain ones among them independent of each other."""
    base, overlay = _can_rule(dated, "base", day), _can_rule(dated, "overlay", day)
    hiding = [each for each in overlay if each and each.fact.change.hides and _can_run(each, day)]
    bare = any(each is None or not each.fact.change.hides or _can_be_over(each, day) for each in overlay)
    for each in base:
        if each is not None:
            yield from _based(kind, each, hiding, day, bare=bare)
    if None not in base:
        return
    terms = [each for each in dated if each.fact.track == "terms"]
    unmoved = None in overlay and all(each.eff.hi > day for each in terms)
    if kind.name != "issue" or any(each.eff.lo <= day for each in terms):
        openings = [each for each in dated if each.fact.change.opens and each.eff.hi > day]
        yield from (("announced", each.fact) for each in _can_announce(openings, day))
        if any(not each.tied and each.occ.hi <= day for each in openings):
            if kind.name == "issue" and unmoved:
                yield None, None
            return
    yield from ((SUSPENDED, each.fact) for each in hiding)
    yield from ((kind.running, each.fact) for each in overlay if each and each not in hiding)
    yield from ((kind.running, each.fact) for each in hiding if _can_be_over(each, day))
    if None in overlay:
        yield from ((kind.running, each.fact) for each in terms if each.eff.lo <= day)
    if unmoved:
        yield None, None


def _based(kind: Kind, base: _Dated, hiding: Sequence[_Dated], day: int, *, bare: bool) -> Iterator[Ruled]:
    """Give the statuses that are possible while a base fact rules."""
    statuses = []
    if kind.over is None or _can_run(base, day):
        statuses.append(base.fact.change.status)
    if kind.over is not None and _can_be_over(base, day):
        statuses.append(kind.over)
    for status in statuses:
        if status in kind.ends:
            yield status, base.fact
            continue
        if bare:
            yield status, base.fact
        yield from ((SUSPENDED, each.fact) for each in hiding)


def _can_rule(dated: Sequence[_Dated], track: Track, day: int) -> list[_Dated | None]:
    """List the facts of a track that some reading lets rule; None among them where a reading has none in effect."""
    mine = [each for each in dated if each.fact.track == track]
    sure = [each for each in mine if each.eff.hi <= day]
    able: list[_Dated | None] = [
        each
        for each in mine
        if each.eff.lo <= day and all(other is each or each.latest(day) > other.earliest() for other in sure)
    ]
    return able if sure else [*able, None]


def _can_announce(openings: Sequence[_Dated], day: int) -> list[_Dated]:
    """List the openings that some reading lets be the announced one, none being in effect."""
    able = [each for each in openings if not each.tied and each.occ.lo <= day]
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


def _can_run(each: _Dated, day: int) -> bool:
    """Tell whether a fact's own end can still be to come (or it has none)."""
    return each.until is None or each.until.hi > day


def _can_be_over(each: _Dated, day: int) -> bool:
    """Tell whether a fact's own end can have passed."""
    return each.until is not None and each.until.lo <= day
