"""The shape of a state, for the document: what all kinds share, and each kind with its terms."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType, defstruct

from service.domain.vocabulary.codes import Edtf, Slug, Text
from service.domain.vocabulary.events import FACTS, Report
from service.domain.vocabulary.events.base import Fact, Modality
from service.domain.vocabulary.kinds import KINDS, STATUSES
from service.domain.vocabulary.terms import term_names

if TYPE_CHECKING:
    AnyKind = str
else:
    AnyKind = Annotated[Literal[tuple(KINDS)], Meta(description="The kind of the item.")]

Applies = Annotated[
    Literal["full", "partly", "none"],
    Meta(
        description="How far the restriction applies on D: `full` while it is in force, `partly` while it is suspended "
        "with a part or a rate above 0 left, else `none`."
    ),
]
EverInForce = Annotated[bool, Meta(description="Whether the restriction was in force on some day up to D.")]
Posture = Annotated[
    Literal["closed", "partially_cleared", "restricted", "suspended", "announced", "in_talks", "open"],
    Meta(
        description="The issue on D in one word, by the statuses of its items: the first of these values that applies."
    ),
]
Version = Annotated[
    int, Meta(ge=0, description="The version of the issue: the number of events up to `known_position` that name it.")
]


class Alternative(Struct, frozen=True, kw_only=True):
    """A status that some reading of the uncertain dates gives."""

    status: str | None
    """The status in that reading; null where the item has none yet."""
    event: UUID | None
    """The id of the fact that gives the status, null for none."""


class Coming(Struct, frozen=True, kw_only=True):
    """A change to come."""

    on: Edtf
    """The date of the change as its source gives it: when the event takes hold or, for an announcement, occurred; or
    when it ends (`until`)."""
    status: str
    """The status of the item from that date on; of a planned event, the one that it would give."""
    event: UUID
    """The id of the event that brings the change, by taking hold or by ending."""
    modality: Modality
    """`asserted` for a change that is decided, `planned` for one that is intended."""


class State(Struct, frozen=True, kw_only=True):
    """The state of an item; the terms of its kind stand beside these fields, where known."""

    id: Slug
    """The slug of the item."""
    issues: tuple[Slug, ...]
    """The slugs of the issues that the events of the state name, sorted."""
    since: Edtf
    """The date from which the status holds, as its source gives it."""
    until: Edtf | None
    """The first day on which the status no longer holds, by its own terms; null where no end is set."""
    until_condition: Text | UnsetType = UNSET
    """The condition under which the status ends, in words; absent where none is set."""
    certainty: Literal["certain", "possible"]
    """`certain` where all readings of uncertain dates give the same status, else `possible`."""
    alternatives: tuple[Alternative, ...]
    """Every status that some reading gives, the answer's own first; empty where the status is certain."""
    contested: bool
    """Whether one of the events is contested: a report denies it, the dates of its reports do not overlap, or it is
    disputed."""
    incomplete: bool
    """Whether none of the events is an opening: the beginning of the item is not recorded."""
    events: tuple[UUID, ...]
    """The ids of the events that the state is made of, by `occurred`, then `effective`."""
    reports: tuple[Report, ...]
    """The reports of these events, in the same order."""
    upcoming: tuple[Coming, ...]
    """The changes after D, as known at K, in order of days; then those that are planned."""
    next_change: Coming | None
    """The first decided change in `upcoming` to another status; null without one."""


class AnyState(State, frozen=True, kw_only=True):
    """The state of an item of any kind; the terms of its kind stand beside these fields."""

    kind: AnyKind
    status: str
    """The status of the item on D, one of those of its kind; where dates are uncertain, in their earliest reading."""


def described(shape: Any, text: str) -> Any:  # noqa: ANN401 - types, made at run time
    """Return a type with the description of a field that is made at run time."""
    return Annotated[shape, Meta(description=text)]


def many(state: Any, text: str) -> Any:  # noqa: ANN401 - types, made at run time
    """Return the type of an array, with its description."""
    return described(tuple[state, ...], text)


def _state(kind: str) -> type[Struct]:
    struct: type[Fact] = next(each for name, each in FACTS.items() if name.startswith(f"{kind}."))
    hints = _hints(struct)
    status = f"The status of the {kind} on D; where dates are uncertain, in their earliest reading."
    fields: list[Any] = [
        ("kind", described(Literal[kind], "The kind of the item.")),
        ("status", described(Literal[STATUSES[kind]], status)),
    ]
    fields += [(name, hints[name], UNSET) for name in term_names(struct)]
    if kind == "restriction":
        fields += [("applies", Applies), ("ever_in_force", EverInForce)]
    name, text = f"{kind.capitalize()}State", f"The state of {KINDS[kind].with_article}."
    own = {"__doc__": text, "described_by": struct}
    return defstruct(name, fields, bases=(State,), frozen=True, kw_only=True, namespace=own)


def _hints(struct: type[Fact]) -> dict[str, Any]:
    hints = get_type_hints(struct, include_extras=True)
    return {name: _present(hint) | UnsetType for name, hint in hints.items()}


def _present(hint: Any) -> Any:  # noqa: ANN401 - a type
    """Take `None` out of an optional type: an answer leaves out what is not known."""
    if get_origin(hint) in (Union, UnionType):
        return Union[tuple(each for each in get_args(hint) if each is not NoneType)]  # noqa: UP007
    return hint


STATES: dict[str, type[Struct]] = {kind: _state(kind) for kind in KINDS}
"""The shape of each kind's state."""


def _group(kind: str) -> tuple[str, Any, Any]:
    text = f"The {KINDS[kind].plural} of the issue, in order of first appearance in the log; absent without any."
    return kind, many(STATES[kind], text) | UnsetType, UNSET


ISSUE: Any = defstruct(
    "IssueSummary", [("version", Version), ("posture", Posture)], bases=(STATES["issue"],), frozen=True, kw_only=True,
    namespace={"__doc__": "The state of an issue, with its version and its posture."},
)  # fmt: skip
ITEMS: Any = defstruct(
    "IssueItems", [_group(kind) for kind in STATES if kind != "issue"],
    frozen=True, kw_only=True, namespace={"__doc__": "An issue's items by kind; a kind without items is left out."},
)  # fmt: skip
