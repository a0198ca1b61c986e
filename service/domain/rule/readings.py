"""Every status that some reading of uncertain dates gives (docs/semantics.md, 3; exact, with bounded work).

Only the order of days matters, so a date is read as few of its days: each bound of another date, and some days between
two of them. Dates that are alike in every reading are fixed, and facts before a decided opening that has taken hold for
certain are left out. What is left is read in every way. Past a bound of work every status counts as possible that some
fact can give: then more is called possible, never less.
"""

from __future__ import annotations

from itertools import chain, islice, product
from math import prod
from typing import TYPE_CHECKING

from service.domain.rule.choices import WORK_MAX, choices_of
from service.domain.rule.decisions import POSTPONED, Decisions
from service.domain.rule.ordered import Dated
from service.domain.rule.walk import ANNOUNCED, GIVE_WAY, START_AFRESH, standing_on
from service.domain.rule.work import MOVED_STEPS, PICK_STEPS, POSSIBLE_STEPS, READING, SIFT_STEPS, Spend, unbounded
from service.domain.vocabulary.dates import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from service.domain.rule.facts import LiveFact
    from service.domain.rule.ordered import Order
    from service.domain.vocabulary.kinds import Kind

Ruled = tuple[str | None, "LiveFact | None"]
"""A status and the fact that rules it; None and None: no status."""
Reading = dict[str, int]
"""The day of each uncertain date string."""


class Readings:
    """The readings of the facts of one item that count."""

    def __init__(self, kind: Kind, facts: Sequence[LiveFact], spend: Spend = unbounded) -> None:
        """`facts` are in the order of decisions; `spend` takes the steps of the work, and may refuse them."""
        self._kind, self._facts, self._spend = kind, facts, spend
        self._is_postponed = any([fact.change.name == POSTPONED for fact in facts])
        dates = [when for fact in facts if fact.unsure for when in (fact.occ, fact.eff, fact.end) if when]
        self._unsure = [(when.lo, when.hi) for when in dates if when.lo < when.hi]
        self._may_move = self._is_postponed or _can_pass(facts)

    def on(self, day: int, headline: Ruled) -> tuple[Ruled, ...]:
        """List every status that some reading gives on a day, `headline` first; () when it is the only one."""
        if not self._may_move and not any([lo <= day < hi for lo, hi in self._unsure]):
            return ()  # what has taken hold, what is over and their order are the same in all readings
        facts = self._mattering(day)
        self._spend(SIFT_STEPS * len(self._facts) + POSSIBLE_STEPS * len(facts))
        possible = dict(self._possible(facts, day)) if any([fact.unsure for fact in facts]) else {}
        if possible.keys() <= {headline[0]}:
            return ()
        self._spend(PICK_STEPS * len(facts))
        choices = choices_of(facts, day, self._spend, all_days=self._is_postponed)
        if choices is not None and not choices:
            return ()
        found = dict([headline])
        if choices is None:
            found = possible | found
        else:
            by_position = {fact.position: fact for fact in facts}
            for decisions in self._read(facts, choices):
                status, ruling, _, _ = standing_on(decisions, day)
                if status not in found:
                    found[status] = None if ruling is None else by_position[ruling.position]
                    if len(found) == len(possible):
                        break  # no reading gives another status than these
        del found[headline[0]]
        return (headline, *sorted(found.items(), key=_by_status)) if found else ()

    def agree_that(self, status: str, day: int, *, ever: bool) -> bool:
        """Return whether in every reading the item had a status on some day up to a day, or with `ever` false on none.

        False too where there are too many readings to try.
        """
        facts = [fact for fact in self._facts if self._may_rule(fact, day)]
        self._spend(PICK_STEPS * len(facts))
        choices = choices_of(facts, day, self._spend, all_days=True)
        if choices is None or prod(map(len, choices.values())) * len(facts) ** 2 > WORK_MAX:
            return False
        for decisions in self._read(facts, choices):
            days = [each for each in decisions.edges if each <= day]
            self._spend(READING * len(days))
            if any(standing_on(decisions, each).status == status for each in days) != ever:
                return False
        return True

    def _mattering(self, day: int) -> list[LiveFact]:
        """Return the facts that can matter to the status on a day, in some reading."""
        facts = [fact for fact in self._facts if self._may_rule(fact, day)]
        if self._is_postponed or not any([fact.unsure for fact in facts]):
            return facts
        base = max([fact.order for fact in facts if _lasts(fact, day)], default=None)
        if base is None:
            return facts
        cleared = max([fact.order for fact in facts if _lasts(fact, day) and fact.change.opens], default=_FIRST)
        afresh = max([fact.order for fact in facts if _clears(fact, day)], default=_FIRST)
        since = {"overlay": max(cleared, afresh), "quota": cleared}
        hiders = [
            fact
            for fact in facts
            if fact.change.track in since and _latest(fact) >= min(since[fact.change.track], base)
        ]
        first = min([base, *[fact.order for fact in hiders]])
        return hiders + [fact for fact in facts if fact.change.track == "base" and _is_after(fact, day, base, first)]

    def _may_rule(self, fact: LiveFact, day: int) -> bool:
        """Return whether some reading has a fact take hold, or be announced, by a day."""
        return fact.eff.lo <= day or (fact.change.opens and (fact.occ.lo <= day or self._kind.name == "issue"))

    def _possible(self, facts: Sequence[LiveFact], day: int) -> Iterator[Ruled]:
        """Return a status for each that some reading may give, and perhaps others."""
        kind = self._kind
        based = any([_surely_rules(fact, day) or (fact.change.opens and kind.name == "issue") for fact in facts])
        first = max(
            [fact.order for fact in facts if _surely_rules(fact, day) and not fact.change.preliminary], default=()
        )
        if not based:
            yield None, None
        for fact in facts:
            change = fact.change
            if change.opens and not based and fact.occ.lo <= day < fact.eff.hi:
                yield change.status if change.preliminary else ANNOUNCED, fact
            if change.track != "base" and not based and fact.eff.lo <= day:
                yield kind.running, fact
            if change.track == "base" and _latest(fact) < first:
                continue  # another base fact is after it in every reading
            if change.status:
                yield change.status, fact
            if change.track == "base" and kind.over is not None and fact.end is not None and fact.end.lo <= day:
                yield kind.over, fact
            if change.name == POSTPONED:
                yield ANNOUNCED, fact

    def _read(self, facts: Sequence[LiveFact], choices: Mapping[str, Sequence[int]]) -> Iterator[Decisions]:
        """Return the facts in every reading of some strings but the earliest, whose answer is known.

        They are the same object each time: the next reading moves those facts alone whose days are others in it.
        """
        decisions = Decisions(self._kind, facts)
        fixed: dict[LiveFact, Dated] = {fact: fact for fact in facts}
        having = {key: [fact for fact in facts if key in _keys(fact)] for key in choices}
        before: Sequence[int] = [days[0] for days in choices.values()]
        for picked in islice(product(*choices.values()), 1, None):
            others = [having[key] for key, day, was in zip(choices, picked, before, strict=True) if day != was]
            moved = dict.fromkeys(chain.from_iterable(others))
            self._spend(READING + MOVED_STEPS * len(moved) + len(facts))
            reading, before = dict(zip(choices, picked, strict=True)), picked
            for fact in moved:
                decisions.remove(fixed[fact])
                fixed[fact] = _fixed(fact, reading)
                decisions.add(fixed[fact])
            yield decisions


def _by_status(ruled: Ruled) -> tuple[bool, str]:
    return ruled[0] is None, ruled[0] or ""


_FIRST: Order = (0, 0, 0, 0)


def _lasts(fact: LiveFact, day: int) -> bool:
    """Return whether a base fact is in the list from its place on, in every reading."""
    change = fact.change
    return change.track == "base" and not change.ends and not change.preliminary and fact.eff.hi <= day


def _clears(fact: LiveFact, day: int) -> bool:
    """Return whether in every reading an overlay fact takes those before it out, or lets them rule no more."""
    return fact.change.name in START_AFRESH and fact.eff.hi <= day


def _is_after(fact: LiveFact, day: int, base: Order, first: Order) -> bool:
    """Return whether a base fact may come to matter.

    It may rule after a place, clear what hides after another, or be to come.
    """
    if fact.change.opens and fact.eff.hi > day:
        return True
    return _latest(fact) >= (first if fact.change.opens or fact.change.ends else base)


def _surely_rules(fact: LiveFact, day: int) -> bool:
    """Return whether a base fact is in the list in every reading, or passed over because another is."""
    return (
        fact.change.track == "base" and not fact.change.ends and fact.change.name not in GIVE_WAY and fact.eff.hi <= day
    )


def _latest(fact: LiveFact) -> Order:
    """Return the last place in the order that a reading can give a fact."""
    return (fact.occ.hi, fact.eff.hi, fact.change.place, fact.position)


def _can_pass(facts: Iterable[LiveFact]) -> bool:
    """Return whether in some reading two facts stand in another order than here, in the earliest."""
    last = _FIRST
    for fact in facts:
        if last > fact.order:
            return True
        if fact.unsure:
            last = max(last, _latest(fact))
    return False


def _keys(fact: LiveFact) -> tuple[str, ...]:
    """Return the date strings that a reading fixes."""
    keys = (fact.occ.text, fact.eff.text)
    return keys if fact.end_key is None else (*keys, fact.end_key)


def _fixed(fact: LiveFact, reading: Reading) -> Dated:
    """Return a fact in a reading."""
    decided, begins = reading.get(fact.occ.text, fact.decided), reading.get(fact.eff.text, fact.begins)
    ends = fact.ends
    if fact.end is not None and fact.end_key in reading:
        ends = reading[fact.end_key] + fact.end.hi - parse(fact.end_key).hi
    return Dated(fact.position, fact.change, decided, begins, ends)
