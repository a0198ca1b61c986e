"""The vocabulary: every event type as its own frozen struct (design section 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Union
from uuid import UUID

import msgspec
from msgspec import Meta

from service.domain.vocabulary.codes import Edtf, Slug, Text
from service.domain.vocabulary.events import issues, measures, moves, proceedings, talks
from service.domain.vocabulary.events.base import Event, Fact, Good, Report, Reports

__all__ = [
    "FACTS",
    "MODULES",
    "RECORDS",
    "AnyEvent",
    "AnyFact",
    "Batch",
    "Correction",
    "Event",
    "Fact",
    "Good",
    "Record",
    "RecordCorrected",
    "RecordDisputed",
    "RecordReportAdded",
    "RecordRetracted",
    "Report",
    "Reports",
    "decode",
    "encode",
    "id_of",
    "text_of",
]

MODULES = (issues, talks, moves, measures, proceedings)
"""The modules of the facts, in the order of the vocabulary; each has the structs of its kinds and their `LIFE`."""

FACTS: dict[str, type[Fact]] = {
    str(struct.__struct_config__.tag): struct
    for module in MODULES
    for struct in vars(module).values()
    if isinstance(struct, type) and issubclass(struct, Fact) and struct.__struct_config__.tag
    if "." in str(struct.__struct_config__.tag)
}
"""Every type of fact by its stored name."""

if TYPE_CHECKING:
    AnyFact = Fact
else:
    AnyFact = Union[tuple(FACTS.values())]  # noqa: UP007 - made from a table


class Record(Event, frozen=True, kw_only=True):
    """A fact about a recorded event: `target` is that event's id. It acts on what is known, never on valid time.

    `issues`, `item` and `occurred` are the ledger's to fill in: from the target, and the day of recording.
    """

    target: UUID
    issues: Annotated[tuple[Slug, ...], Meta(min_length=1, max_length=32)] | None = None
    item: Slug | None = None
    occurred: Edtf | None = None
    reason: Text | None = None
    reports: Annotated[tuple[Report, ...], Meta(max_length=64)] = ()


class RecordCorrected(Record, frozen=True, tag="record.corrected", kw_only=True):
    """The target's text was wrong: `event` is the whole new text, of any type."""

    event: AnyFact


class RecordRetracted(Record, frozen=True, tag="record.retracted"):
    """The target should not have been recorded."""


class RecordReportAdded(Record, frozen=True, tag="record.report_added", kw_only=True):
    """More sources say so, or deny it."""

    reports: Reports


class RecordDisputed(Record, frozen=True, tag="record.disputed"):
    """Somebody disputes the target."""


RECORDS: dict[str, type[Record]] = {
    str(struct.__struct_config__.tag): struct
    for struct in (RecordCorrected, RecordRetracted, RecordReportAdded, RecordDisputed)
}
"""Every type of record by its stored name."""

if TYPE_CHECKING:
    AnyEvent = Fact | Record
else:
    AnyEvent = Union[(*FACTS.values(), *RECORDS.values())]


BATCH_MAX = 1_000
"""Events that one append may have."""


class Batch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What one append takes, whole or not at all: 1 to 1,000 events, and the issue versions the writer expects."""

    events: Annotated[tuple[AnyEvent, ...], Meta(min_length=1, max_length=BATCH_MAX)]
    expected_versions: dict[Slug, Annotated[int, Meta(ge=0)]] = {}


class Correction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a PUT on an event takes: its whole new text, why, and who says so."""

    event: AnyFact
    reason: Text | None = None
    reports: Annotated[tuple[Report, ...], Meta(max_length=64)] = ()


_DECODER: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)
_ENCODER = msgspec.json.Encoder()


def decode(body: bytes) -> Fact | Record:
    """Read one event from its stored JSON; msgspec.ValidationError when it is not one."""
    return _DECODER.decode(body)


def id_of(event: Event) -> UUID:
    """Return the id of an event that has one, as every event has from when it is taken in."""
    assert event.id is not None  # noqa: S101 - given when the append was taken
    return event.id


def text_of(event: Fact | Record) -> Fact | None:
    """Return the text of a fact that an event brings: its own, or the new one of a correction; None for the others."""
    if isinstance(event, RecordCorrected):
        return event.event
    return event if isinstance(event, Fact) else None


def encode(event: Event) -> bytes:
    """Write one event as the JSON that is stored: compact, absent fields left out, the same for the same event."""
    return _ENCODER.encode(event)
