"""The shapes of recorded events: each type of event with its place in the log, when it was recorded and by whom."""

from __future__ import annotations

from typing import Annotated, Any, Union

import msgspec
from msgspec import Meta

from service.domain.vocabulary.events import FACTS, RECORDS, AnyFact, Event


class RecordedBy(msgspec.Struct, frozen=True, kw_only=True):
    """Who recorded an event: the holder of a key, and the key."""

    name: str
    """The name that the key was made with."""
    key: str
    """The id of the key."""


_RECORDED_FIELDS: list[Any] = [
    ("position", Annotated[int, Meta(ge=1, description="The position of the event: its place in the log.")]),
    (
        "recorded_at",
        Annotated[
            str,
            Meta(
                description="When the event was recorded, in UTC by the server's clock: the instant of its commit.",
                examples=["2025-06-10T12:00:00.000000Z"],
                extra_json_schema={"format": "date-time"},
            ),
        ],
    ),
    (
        "recorded_by",
        Annotated[
            RecordedBy | msgspec.UnsetType,
            Meta(description="Who recorded the event; absent where no key was asked for."),
        ],
        msgspec.UNSET,
    ),
]


_TARGET: Any = (
    "target_event",
    Annotated[
        AnyFact | msgspec.UnsetType,
        Meta(description="The fact that the record acts on, as it stood before; the feed and lists of events add it."),
    ],
    msgspec.UNSET,
)


def _recorded(event: type[Event]) -> type[msgspec.Struct]:
    return msgspec.defstruct(
        f"Recorded{event.__name__}",
        [*_RECORDED_FIELDS, _TARGET] if event in RECORDS.values() else _RECORDED_FIELDS,
        bases=(event,),
        tag=event.__struct_config__.tag,
        namespace={"__doc__": event.__doc__},
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=False,
    )


AnyRecorded: Any = Union[tuple(_recorded(event) for event in (*FACTS.values(), *RECORDS.values()))]  # noqa: UP007
"""An event as it is answered: its own fields after its place in the log. Only the documentation builds these."""
