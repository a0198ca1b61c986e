"""The shapes of changes by day: what changes, and what lapses."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from msgspec import Struct, defstruct, field

from service.api.spec.basis_shapes import DayText, EveryDayMembers
from service.api.spec.response_shapes import Next
from service.api.spec.state_shapes import AnyKind, described, terms_shape
from service.domain.vocabulary.codes import Edtf, Slug
from service.domain.vocabulary.kinds import KINDS, STATUSES


class ChangedPart(Struct, frozen=True, kw_only=True):
    """One side of a change."""

    status: str | None
    """The status; null for none, or where the item is only planned."""
    terms: dict[str, Any]
    """The terms that the change is about, as they are on this side; those that it has not are left out."""


class DayChange(Struct, frozen=True, kw_only=True):
    """A change of status or terms of an item on a day."""

    day: DayText
    """The day on which the change falls, in the earliest reading of uncertain dates."""
    on: Edtf
    """The date of the change as its source gives it."""
    item: Slug
    """The name of the item."""
    kind: AnyKind
    """The kind of the item."""
    issues: tuple[Slug, ...]
    """The issues that the item belongs to."""
    before: ChangedPart
    """The status and the terms on the day before."""
    after: ChangedPart
    """The status and the terms on the day."""
    event: UUID
    """The id of the fact that brings the change."""
    type: str
    """The type of that fact, such as `restriction.lifted`."""
    because: Literal["fact", "end"]
    """`end` where the change comes because that fact ends by its own terms, else `fact`."""
    certainty: Literal["certain", "contested", "possible"]
    """How sure the status is on the day."""


def _part(kind: str) -> type[Struct]:
    text = "The status; null for none, or where the item is only planned."
    terms = "The terms that the change is about, as they are on this side; those that it has not are left out."
    fields = [
        ("status", described(Literal[STATUSES[kind]] | None, text)),
        ("terms", described(terms_shape(kind), terms)),
    ]
    doc = {"__doc__": f"One side of a change of {KINDS[kind].with_article}."}
    return defstruct(f"{kind.capitalize()}Side", fields, frozen=True, kw_only=True, namespace=doc)


def _change(kind: str) -> type[Struct]:
    side = _part(kind)
    fields: list[Any] = [
        ("kind", described(Literal[kind], "The kind of the item.")),
        ("before", described(side, "The status and the terms on the day before.")),
        ("after", described(side, "The status and the terms on the day.")),
    ]
    text = {"__doc__": f"A change of status or terms of {KINDS[kind].with_article} on a day."}
    return defstruct(
        f"{kind.capitalize()}Change", fields, bases=(DayChange,), frozen=True, kw_only=True, namespace=text
    )


DAY_CHANGES: dict[str, Any] = {kind: _change(kind) for kind in KINDS}
"""The shape of a change by kind of item: `DayChange`, with the statuses and terms of the kind."""


class ChangesPage(EveryDayMembers, frozen=True, kw_only=True):
    """A page of changes in the order of their days. With filters it may be short before the end."""

    from_: DayText = field(name="from")
    """The first day."""
    to: DayText
    """The last day."""
    items: tuple[DayChange, ...]
    """The changes; on one day in order of the items' first appearance in the log."""
    next: Next
