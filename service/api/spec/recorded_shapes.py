"""The shapes of recorded events: each type of event with its place in the log, when it was recorded and by whom.

One shape stands for an event wherever it is answered, so that a client reads the feed, a list, the timeline and one
event with the same code. What only a timeline adds may be absent, and its description says so.
"""

from __future__ import annotations

from typing import Annotated, Any, Union

import msgspec
from msgspec import Meta, UnsetType, defstruct

from service.api.spec.basis_shapes import EveryDayMembers, Moment
from service.api.spec.state_shapes import AnyKind
from service.domain.rule.disagreements import Disagreement
from service.domain.vocabulary.events import FACTS, RECORDS, AnyFact, Event


class RecordedBy(msgspec.Struct, frozen=True, kw_only=True):
    """Who recorded an event: the holder of a key, and the key."""

    name: str
    """The name that the key was made with."""
    key: str
    """The id of the key."""


def _added(name: str, shape: Any, text: str) -> Any:  # noqa: ANN401 - types, made at run time
    return name, Annotated[Union[shape, UnsetType], Meta(description=text)], msgspec.UNSET  # noqa: UP007 - may be text


_RECORDED_FIELDS: list[Any] = [
    ("position", Annotated[int, Meta(ge=1, description="The position of the event: its place in the log.")]),
    (
        "recorded_at",
        Annotated[
            Moment,
            Meta(description="When the event was recorded, in UTC by the server's clock: the instant of its commit."),
        ],
    ),
    _added("recorded_by", RecordedBy, "Who recorded the event; absent where no key was asked for."),
]
_TARGET: Any = _added(
    "target_event",
    AnyFact,
    "The fact that the record acts on, as it stood before; the feed and lists of events add it.",
)
_ON_TIMELINE: list[Any] = [
    _added("kind", AnyKind, "The kind of the item; only on a timeline."),
    _added(
        "contested",
        bool,
        "Whether a report denies the fact, its reports do not agree, or it is disputed; only on a timeline.",
    ),
    _added(
        "disagreements",
        tuple[Disagreement, ...],
        "On what the reports of the fact do not agree; absent where they agree, and only on a timeline.",
    ),
    _added("corrected", bool, "Whether the text is that of a correction; only on a timeline."),
]


def _recorded(event: type[Event], more: list[Any]) -> type[msgspec.Struct]:
    return defstruct(
        f"Recorded{event.__name__}",
        [*_RECORDED_FIELDS, *more],
        bases=(event,),
        tag=event.__struct_config__.tag,
        namespace={"__doc__": event.__doc__},
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=False,
    )


_FACTS = [_recorded(event, _ON_TIMELINE) for event in FACTS.values()]
_RECORDS = [_recorded(event, [_TARGET]) for event in RECORDS.values()]
AnyRecordedFact: Any = Union[tuple(_FACTS)]  # noqa: UP007
"""A fact as it is answered: its own fields after its place in the log."""
AnyRecordedRecord: Any = Union[tuple(_RECORDS)]  # noqa: UP007
"""A record as it is answered."""
AnyRecorded: Any = Union[(*_FACTS, *_RECORDS)]
"""An event as it is answered. Only the documentation builds these."""


class EventNow(EveryDayMembers, frozen=True, kw_only=True):
    """A recorded event, and what was recorded on it. Beside these members stand those of the event itself."""

    records: tuple[AnyRecordedRecord, ...]
    """The records on the event as known at K, in position order: corrections, retractions, reports, disputes."""
    now: AnyFact | None
    """The text of the event that holds at K; null where the event is retracted."""


ADDED = frozenset(
    [*(name for name, *_ in (*_RECORDED_FIELDS, _TARGET, *_ON_TIMELINE)), *EventNow.__struct_fields__]
) - {"note"}
"""The members that reading an event adds to it."""
