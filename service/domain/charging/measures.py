"""What is read of the states of restrictions and clearances to reckon a charge, and how they compare with a good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from service.domain.vocabulary.dates import parse
from service.domain.vocabulary.elements import GROUPS, element_named, element_of_symbol, group_named
from service.domain.vocabulary.goods import phrase
from service.domain.vocabulary.words import normalized, stems_in, words_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Cover = Literal["all", "part", "none", "unknown"]
"""How much of the good that is asked about a named good is; `unknown`: it has no code of the sort that is asked for."""
COLLECTING = frozenset({"in_force", "suspended"})


class AskedGood(NamedTuple):
    """A good as it is asked about: by `hs`, `eccn` or `good`."""

    by: str
    value: str


class Shipment(NamedTuple):
    """What a charge is asked for: a good from a country on a day, perhaps of one maker, within a quota or beyond it.

    `blocs` are those that the country is in, `members` the countries of one that is a bloc itself.
    """

    good: AskedGood
    origin: str
    blocs: Sequence[str]
    day: int
    members: frozenset[str] = frozenset()
    maker: str | None = None
    quota: Literal["in", "over"] | None = None

    def is_from(self, country: str | None) -> bool:
        """Return whether it comes from a country or a bloc; from any for None."""
        return country is None or country == self.origin or country in self.blocs

    def is_by(self, names: Iterable[str]) -> bool:
        """Return whether all words of its maker stand in one of some names, as an entity is found."""
        if self.maker is None:
            return False
        words, whole = {*words_in(self.maker)}, normalized(self.maker)
        return any(normalized(name) == whole or (bool(words) and words <= {*words_in(name)}) for name in names)


class NamedGood(msgspec.Struct):
    """A good of a measure."""

    name: str
    hs: str | None = None
    eccn: str | None = None
    element: str | None = None
    place: str | None = None


class Maker(msgspec.Struct):
    """An entity or a beneficiary of a measure."""

    name: str
    also: list[str] = []
    country: str | None = None
    residual: bool = False

    @property
    def names(self) -> list[str]:
        """Return all of its names."""
        return [self.name, *self.also]


class DutyRate(msgspec.Struct):
    """One rate of a duty."""

    percent: int | float | None = None
    amount: int | float | None = None
    basis: Literal["additional", "all_in", "minimum_price"] = "additional"
    quota: Literal["in", "over"] | None = None
    goods: list[NamedGood] = []
    party: str | None = None
    entity: str | None = None


class RestsOn(msgspec.Struct):
    """A fact that a state rests on."""

    contested: bool
    sets: list[str]
    occurred: str
    effective: str | None = None

    def may_come_after(self, day: int) -> bool:
        """Return whether in some reading of its date it does not hold yet on a day."""
        return parse(self.effective or self.occurred).hi > day


class Possible(msgspec.Struct):
    """A status that some reading gives."""

    status: str | None


class Measure(msgspec.Struct):
    """A restriction or a clearance on a day."""

    id: str
    kind: str
    status: str
    certainty: str
    alternatives: list[Possible] = []
    facts: list[RestsOn] = []
    imposed_by: str | None = None
    instrument: str | None = None
    applies: str = "none"
    rate_percent: int | float | None = None
    charged_percent: int | float | None = None
    rates: list[DutyRate] = []
    quota: dict[str, object] | None = None
    goods: list[NamedGood] = []
    all_goods: bool = False
    except_goods: list[NamedGood] = []
    except_parties: list[str] = []
    entities: list[Maker] = []
    restriction: str | None = None
    beneficiaries: list[Maker] = []
    scope: str | None = None
    granted_by: str | None = None

    @property
    def is_duty(self) -> bool:
        """Return whether the restriction collects something while it applies."""
        rated = self.rate_percent is not None or bool(self.rates)
        return self.kind == "restriction" and (rated or self.instrument == "tariff")

    @property
    def may_collect(self) -> bool:
        """Return whether some reading has the restriction collect something."""
        return self.may_be(COLLECTING) and (self.certainty == "possible" or self.applies != "none")

    def may_be(self, statuses: Iterable[str]) -> bool:
        """Return whether some reading gives one of some statuses."""
        return not {each.status for each in self.alternatives}.union({self.status}).isdisjoint(statuses)

    def is_contested(self, names: Iterable[str]) -> bool:
        """Return whether a fact that gives the status or one of some terms is contested."""
        return any(fact.contested and not {"status", *names}.isdisjoint(fact.sets) for fact in self.facts)

    def is_early(self, names: Iterable[str], day: int) -> bool:
        """Return whether a fact that gives one of some terms may not hold yet on a day: its date is uncertain."""
        return any(fact.may_come_after(day) and not {*names}.isdisjoint(fact.sets) for fact in self.facts)


measure_of = msgspec.json.Decoder(Measure).decode


def cover(good: NamedGood, asked: AskedGood) -> Cover:
    """Return how much of what is asked about a good is."""
    if asked.by == "hs":
        return _of_code(good.hs, asked.value, "")
    if asked.by == "eccn":
        return _of_code(good.eccn and normalized(good.eccn), normalized(asked.value), ".")
    return _of_words(good, asked.value)


def _of_code(code: str | None, asked: str, end: str) -> Cover:
    if not code:
        return "unknown"
    if (asked + end).startswith(code + end):
        return "all"
    return "part" if (code + end).startswith(asked + end) else "none"


def _of_words(good: NamedGood, text: str) -> Cover:
    if phrase(good.name) == phrase(text):
        return "all"
    element, group = element_named(text) or element_of_symbol(text), group_named(text)
    own, own_group = good.element or element_named(good.name), group_named(good.name)
    if (element and (own == element or element in GROUPS.get(own_group or "", ()))) or (group and group == own_group):
        return "all"
    if good.eccn and (found := _of_code(normalized(good.eccn), normalized(text), ".")) in {"all", "part"}:
        return found
    words, asked = {*stems_in(good.name)}, {*stems_in(text)}
    in_group = group is not None and own in GROUPS[group]
    return "part" if in_group or words <= asked or asked <= words else "none"


def best(goods: Iterable[NamedGood], asked: AskedGood) -> Cover:
    """Return the most that one of some goods is of what is asked about; a good of one place is a part."""
    found = {"part" if good.place and each == "all" else each for good in goods for each in (cover(good, asked),)}
    order: tuple[Cover, ...] = ("all", "part", "unknown", "none")
    return next((each for each in order if each in found), "none")
