"""The shapes of what answers a write: the receipt of what was recorded, and the preview of what would be."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from service.api.spec.basis_shapes import DayText, Moment
from service.api.spec.recorded_shapes import AnyRecorded
from service.api.spec.state_shapes import AnyState
from service.domain.vocabulary.codes import Slug
from service.domain.vocabulary.events import AnyEvent


class Warned(Struct, frozen=True, kw_only=True):
    """A warning: something that was accepted but looks wrong."""

    detail: str
    """A sentence that says what looks wrong."""
    pointer: str
    """The place in the body: a JSON pointer (RFC 6901) as a URI fragment, such as `#/events/0/occurred`."""


class Receipt(Struct, frozen=True, kw_only=True):
    """The receipt of what was recorded."""

    position: Annotated[int, Meta(ge=1)]
    """The position of the last event."""
    recorded_at: Moment
    """When the last event was recorded, in UTC."""
    ledger: UUID
    """The id of the ledger."""
    epoch: Annotated[int, Meta(ge=0)]
    """The epoch of the ledger at the answer: it is raised when the log is set back or the projections are remade."""
    events: tuple[AnyRecorded, ...]
    """The events as they were recorded, in the order in which they were sent."""
    warnings: tuple[Warned, ...]
    """The parts that were accepted but look wrong; empty where none does."""


class ItemPreview(Struct, frozen=True, kw_only=True):
    """An item that a batch would change, with its states of today."""

    id: Slug
    """The name of the item."""
    kind: str
    """The kind of the item."""
    before: AnyState | None
    """The state without the batch; null where the item has no status."""
    after: AnyState | None
    """The state with the batch; null where the item has no status."""


class BatchPreview(Struct, frozen=True, kw_only=True):
    """What a batch would do if it were recorded now."""

    as_of: DayText
    """The day of the states: today, in UTC."""
    known_position: Annotated[int, Meta(ge=0)]
    """The head that the batch would follow."""
    events: tuple[AnyEvent, ...]
    """The events as they would be recorded. An id that was not sent is another one each time."""
    warnings: tuple[Warned, ...]
    """The parts that would be accepted but look wrong; empty where none does."""
    items: tuple[ItemPreview, ...]
    """The items that the events are about, and every other whose state would change."""
