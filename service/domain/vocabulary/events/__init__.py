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
    "Retraction",
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
    """An event about a recorded event, its target. It acts on what is known, never on valid time."""

    target: UUID
    """The id of the recorded event that the record is about."""
    issues: Annotated[tuple[Slug, ...], Meta(min_length=1, max_length=32)] | None = None
    """The slugs of all issues that the texts of the fact name. The ledger fills them in; if they are sent, they must be
    the same."""
    item: Slug | None = None
    """The slug of the item of the fact, as first recorded. The ledger fills it in; if it is sent, it must be the
    same."""
    occurred: Edtf | None = None
    """The date of the record; the day of recording, in UTC, when absent."""
    reason: Text | None = None
    """The reason for the record, in words."""
    reports: Annotated[tuple[Report, ...], Meta(max_length=64)] = ()
    """The sources of the record itself. They matter with `known_basis=published`. A correction or a retraction with
    reports is the source's own and counts from the day on which the first of them was published. Without reports it
    mends a slip of the ledger, which nobody published, and acts at every day of publication. A dispute without reports
    counts from the day on which it was recorded."""


class RecordCorrected(Record, frozen=True, tag="record.corrected", kw_only=True):
    """A correction: the text of the target was wrong, and a new one takes its place."""

    event: AnyFact
    """The whole new text of the fact, of any type of fact. It keeps the fact's id."""


class RecordRetracted(Record, frozen=True, tag="record.retracted"):
    """A retraction: the target should not have been recorded. Retracting a retraction restores its target."""


class RecordReportAdded(Record, frozen=True, tag="record.report_added", kw_only=True):
    """More reports on the target: other sources that report the fact, or deny it."""

    reports: Reports
    """The reports to add, at least one; they follow the fact's own."""


class RecordDisputed(Record, frozen=True, tag="record.disputed"):
    """The target is disputed by somebody, which makes the fact contested."""


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


Versions = dict[Slug, Annotated[int, Meta(ge=0)]]
"""Versions of issues, by slug."""


class Batch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A batch: events that are recorded together, all or none, and the versions of issues that the writer expects."""

    events: Annotated[tuple[AnyEvent, ...], Meta(min_length=1, max_length=BATCH_MAX)]
    """The events to record, in the order in which they get their positions."""
    expected_versions: Versions = {}
    """The version that the writer expects of each issue, by slug; 0 for an issue that does not exist. Where one
    differs, nothing is recorded (409); issues that are not named here are not compared."""


class Correction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A correction of an event: its whole new text, the reason, and the sources of the correction."""

    event: AnyFact
    """The whole new text of the event, of any type of fact. Its `id` may be absent; else it is that of the fact which
    is corrected."""
    reason: Text | None = None
    """The reason for the correction, in words."""
    reports: Annotated[tuple[Report, ...], Meta(max_length=64)] = ()
    """The sources of the correction itself; those of the fact stand in `event`. They matter with
    `known_basis=published`. With reports the correction is the source's own and counts from the day on which the first
    of them was published. Without reports it mends a slip of the ledger and acts at every day of publication."""


class Retraction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Why an event is retracted, and who says so."""

    reason: Text | None = None
    """The reason for the retraction, in words. It may stand in the query in place of the body, or in both."""
    reports: Annotated[tuple[Report, ...], Meta(max_length=64)] = ()
    """The sources of the retraction itself. They matter with `known_basis=published`. With reports the retraction is
    the source's own and counts from the day on which the first of them was published. Without reports it mends a slip
    of the ledger and acts at every day of publication."""


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


_DAY = len("2025-06-09")


def is_uncertain(text: Fact) -> bool:
    """Return whether a date that the rule looks at is not one day, which alone is written in ten characters.

    A `through` of year or month precision is certain: it ends on the day after its last day.
    """
    return (
        len(text.occurred) != _DAY
        or (text.effective is not None and len(text.effective) != _DAY)
        or (text.until is not None and len(text.until) != _DAY)
        or (text.through is not None and text.through[0] == "[")
    )


def encode(event: Event) -> bytes:
    """Write one event as the JSON that is stored: compact, absent fields left out, the same for the same event."""
    return _ENCODER.encode(event)
