"""The shapes of answers, for the document: the service itself hands stored bytes through."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType, defstruct, field

from service.api.http.basis import KnownMembers
from service.api.spec.json_schema import AnyRecorded
from service.domain.vocabulary.codes import Edtf, Slug, Text
from service.domain.vocabulary.events import FACTS, AnyFact, Report
from service.domain.vocabulary.events.base import Fact, Modality
from service.domain.vocabulary.kinds import KINDS, STATUSES
from service.domain.vocabulary.terms import term_names

Moment = Annotated[str, Meta(examples=["2025-06-10T12:00:00.000000Z"], extra_json_schema={"format": "date-time"})]
DayText = Annotated[str, Meta(examples=["2025-06-10"], extra_json_schema={"format": "date"})]
Posture = Literal["closed", "partially_cleared", "restricted", "suspended", "announced", "in_talks", "open"]


class AsOfMembers(KnownMembers, frozen=True, kw_only=True):
    """What an answer rests on: the day it is about, and what was known."""

    as_of: DayText


class Alternative(Struct, frozen=True, kw_only=True):
    """A status that some reading of uncertain dates gives, with the event that rules it; null: none yet."""

    status: str | None
    event: UUID | None


class Coming(Struct, frozen=True, kw_only=True):
    """A change to come: its date as written, the status then, the event that brings it."""

    on: Edtf
    status: str
    event: UUID
    modality: Modality


class State(Struct, frozen=True, kw_only=True):
    """The state of an item; the terms of its kind stand beside these fields, where known."""

    id: Slug
    issues: tuple[Slug, ...]
    since: Annotated[Edtf, Meta(description="Since when the status holds, as the source gives it.")]
    until: Annotated[Edtf | None, Meta(description="When it ends by its own terms.")]
    until_condition: Text | UnsetType = UNSET
    certainty: Annotated[
        Literal["certain", "possible"], Meta(description="Whether all readings of uncertain dates agree.")
    ]
    alternatives: tuple[Alternative, ...]
    contested: Annotated[
        bool, Meta(description="A report denies, reports' dates exclude each other, or it is disputed.")
    ]
    incomplete: Annotated[bool, Meta(description="Nobody has recorded its opening.")]
    events: Annotated[tuple[UUID, ...], Meta(description="The events that the state is made of.")]
    reports: Annotated[tuple[Report, ...], Meta(description="Who says so.")]
    upcoming: tuple[Coming, ...]
    next_change: Coming | None


def _state(kind: str) -> type[Struct]:
    struct: type[Fact] = next(each for name, each in FACTS.items() if name.startswith(f"{kind}."))
    hints = _hints(struct)
    fields: list[Any] = [("kind", Literal[kind]), ("status", Literal[STATUSES[kind]])]
    fields += [(name, hints[name], UNSET) for name in term_names(struct)]
    if kind == "restriction":
        fields += [("applies", Literal["full", "partly", "none"]), ("ever_in_force", bool)]
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

Next = Annotated[str | None, Meta(description="The cursor of the next page; null at the end.")]
Version = Annotated[int, Meta(ge=0, description="How many recorded events name the issue.")]


def _many(state: Any) -> Any:  # noqa: ANN401 - a type, made at run time
    return tuple[state, ...]


def _page(kind: str) -> type[Struct]:
    item: Any = ISSUE if kind == "issue" else STATES[kind]
    return defstruct(
        f"{kind.capitalize()}Page", [("items", _many(item)), ("next", Next)], bases=(AsOfMembers,), frozen=True,
        kw_only=True, namespace={"__doc__": f"A page of {kind} states."},
    )  # fmt: skip


ISSUE: Any = defstruct(
    "IssueSummary", [("version", Version), ("posture", Posture)], bases=(STATES["issue"],), frozen=True, kw_only=True,
    namespace={"__doc__": "The state of an issue, summed up."},
)  # fmt: skip
ITEMS: Any = defstruct(
    "IssueItems", [(kind, _many(state) | UnsetType, UNSET) for kind, state in STATES.items() if kind != "issue"],
    frozen=True, kw_only=True, namespace={"__doc__": "An issue's items by kind; a kind without items is left out."},
)  # fmt: skip


def _with_basis(name: str, state: type[Struct], fields: list[Any], text: str) -> type[Struct]:
    own = list(_fields(AsOfMembers)) + fields
    return defstruct(name, own, bases=(state,), frozen=True, kw_only=True, namespace={"__doc__": text})


def _fields(struct: type[Struct]) -> list[Any]:
    return list(get_type_hints(struct, include_extras=True).items())


ISSUE_ANSWER: Any = _with_basis(
    "IssueAnswer", ISSUE, [("items", ITEMS), ("next", Next)], "The state of an issue with its items."
)
ANSWERS: dict[str, Any] = {
    kind: _with_basis(
        f"{kind.capitalize()}Answer",
        state,
        [],
        f"The state of {KINDS[kind].with_article}, and what the answer rests on.",
    )
    for kind, state in STATES.items()
    if kind != "issue"
}
PAGES: dict[str, Any] = {kind: _page(kind) for kind in KINDS}


class AnyState(State, frozen=True, kw_only=True):
    """The state of an item of any kind; the terms of its kind stand beside these fields."""

    kind: Literal[tuple(KINDS)]  # type: ignore[valid-type]
    status: str


class EveryDayMembers(KnownMembers, frozen=True, kw_only=True):
    """What an answer about every day rests on: what was known."""

    as_of: Annotated[None, Meta(description="Null: the answer is about no single day.")]


class TimelineFact(Struct, frozen=True, kw_only=True):
    """A fact as known; its terms and what else it says stand beside these fields."""

    position: Annotated[int, Meta(ge=1, description="The fact's own place in the log, whatever corrected it.")]
    recorded_at: Moment
    kind: Literal[tuple(KINDS)]  # type: ignore[valid-type]
    modality: Modality
    contested: bool
    corrected: Annotated[bool, Meta(description="A correction has given the text.")]
    id: UUID
    type: str
    issues: tuple[Slug, ...]
    item: Slug
    occurred: Edtf
    effective: Edtf | UnsetType = UNSET
    until: Edtf | UnsetType = UNSET
    reports: Annotated[tuple[Report, ...], Meta(description="Its own and those added.")]


class Timeline(EveryDayMembers, frozen=True, kw_only=True):
    """A page of an issue's facts in valid order; it may be short before the end, `next` tells."""

    items: tuple[TimelineFact, ...]
    next: Next


class Change(Struct, frozen=True, kw_only=True):
    """An item whose state differs between two points; null: it has no status there, or is not of the issue."""

    id: Slug
    kind: Literal[tuple(KINDS)]  # type: ignore[valid-type]
    before: AnyState | None
    after: AnyState | None


class Diff(KnownMembers, frozen=True, kw_only=True):
    """What changed in an issue, and between which points: two days as known at one K, or two Ks on one day."""

    items: tuple[Change, ...]
    next: Next
    from_: Annotated[DayText | UnsetType, Meta(description="The first of two days.")] = field(
        name="from", default=UNSET
    )
    to: DayText | UnsetType = UNSET
    as_of: Annotated[DayText | None, Meta(description="The day of two Ks; null with two days.")]
    known_from: Annotated[
        int | DayText | UnsetType, Meta(description="The first of two positions, or days of publication.")
    ] = UNSET
    known_to: int | DayText | UnsetType = UNSET


def _history(kind: str) -> type[Struct]:
    bounds: list[Any] = [
        ("valid_from", DayText),
        ("valid_to", Annotated[DayText | None, Meta(description="The first day on which it no longer holds.")]),
        ("known_from", Annotated[int | str, Meta(description="A position; as published a day.")]),
        ("known_to", Annotated[int | str | None, Meta(description="The first K at which it is no longer known so.")]),
        ("state", STATES[kind]),
    ]
    a_kind = KINDS[kind].with_article
    text = f"A state of {a_kind} over [valid_from, valid_to) as known over [known_from, known_to); null: open."
    one = defstruct(f"{kind.capitalize()}Version", bounds, frozen=True, kw_only=True, namespace={"__doc__": text})
    return defstruct(
        f"{kind.capitalize()}History", [("items", _many(one)), ("next", Next)], bases=(EveryDayMembers,), frozen=True,
        kw_only=True, namespace={"__doc__": f"The history of {a_kind}: by first day, then by first K."},
    )  # fmt: skip


HISTORIES: dict[str, Any] = {kind: _history(kind) for kind in KINDS if kind != "issue"}


class Exposure(AsOfMembers, frozen=True, kw_only=True):
    """A page of restrictions and clearances, with their sources."""

    items: tuple[AnyState, ...]
    next: Next


class Warned(Struct, frozen=True, kw_only=True):
    """What was accepted but looks wrong, and where in the body."""

    detail: str
    pointer: str


class Receipt(Struct, frozen=True, kw_only=True):
    """What was recorded: `position` and `recorded_at` are those of the last event."""

    position: Annotated[int, Meta(ge=1)]
    recorded_at: Moment
    events: tuple[AnyRecorded, ...]
    warnings: tuple[Warned, ...]


class EventPage(AsOfMembers, frozen=True, kw_only=True):
    """A page of recorded events in position order; it may be short before the end, `next` tells."""

    items: tuple[AnyRecorded, ...]
    next: Next


class EventNow(AsOfMembers, frozen=True, kw_only=True):
    """A recorded event with what has been recorded about it since; the event's own fields stand beside these."""

    position: Annotated[int, Meta(ge=1)]
    recorded_at: Moment
    id: UUID
    type: str
    records: Annotated[tuple[AnyRecorded, ...], Meta(description="Corrections, retractions, added reports, disputes.")]
    now: Annotated[AnyFact | None, Meta(description="The text that holds; null when the event is retracted.")]


class Health(Struct, frozen=True, kw_only=True):
    """How the service is."""

    status: Literal["ok"]
    head: Annotated[int | UnsetType, Meta(description="The last position of the log.")] = UNSET
