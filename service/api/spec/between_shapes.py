"""The shapes of what stands between partners, and of what an exposure costs, for the document."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from service.api.spec.basis_shapes import AsOfMembers
from service.api.spec.response_shapes import Next, NotCompared, NotComparedUrl
from service.api.spec.state_shapes import ITEMS, described
from service.domain.vocabulary.codes import Slug

_ON: Any = described(ITEMS, "Items by kind; a kind without items is left out.")


class Between(AsOfMembers, frozen=True, kw_only=True):
    """A page of what stands between two partners."""

    a_on_b: _ON
    """What `a` does to `b`, by kind."""
    b_on_a: _ON
    """What `b` does to `a`, by kind."""
    both: _ON
    """What both take part in, by kind."""
    next: Next
    not_compared: NotCompared | UnsetType = UNSET
    not_compared_url: NotComparedUrl | UnsetType = UNSET


BETWEEN: Any = Between


class ChargePart(Struct, frozen=True, kw_only=True):
    """What one restriction collects."""

    item: Slug
    """The name of the restriction."""
    percent: int | float | None
    """The rate that is collected, in percent of the value; null where it is not known."""
    basis: Literal["additional", "all_in"]
    """`additional`: in addition to the ordinary duty. `all_in`: the ordinary duty is in it."""


class TakenAway(Struct, frozen=True, kw_only=True):
    """A restriction that collects nothing because of another item."""

    item: Slug
    """The name of the restriction."""
    by: Slug
    """The name of the clearance, or of the restriction that stands in its place."""


class Charge(Struct, frozen=True, kw_only=True):
    """What is collected on the good on D, by what the ledger knows; the ordinary duty is not in it."""

    percent: int | float | None
    """The sum of the parts, in percent of the value; null where it cannot be reckoned."""
    parts: tuple[ChargePart, ...]
    """What each restriction collects, in order of first appearance in the log."""
    cleared: tuple[TakenAway, ...]
    """The restrictions that a clearance lifts for this good and country."""
    displaced: tuple[TakenAway, ...]
    """The restrictions in whose place others stand."""
    complete: bool
    """Whether `percent` is all that is collected."""
    why: tuple[str, ...]
    """The reasons why it cannot be reckoned, in words; empty where it can."""


class AnyMeasure(Struct, frozen=True):
    """Stands for the state of a restriction or of a clearance: the document has the union of both."""


class Exposure(AsOfMembers, frozen=True, kw_only=True):
    """A page of the restrictions and clearances that touch a good and a country."""

    items: tuple[AnyMeasure, ...]
    """The restrictions and clearances, in order of first appearance in the log, each with its sources."""
    next: Next
    charge: Charge | UnsetType | None = UNSET
    """What is collected, on the first page where `origin` is asked about; null where no duty touches the good."""
    not_compared: NotCompared | UnsetType = UNSET
    not_compared_url: NotComparedUrl | UnsetType = UNSET
