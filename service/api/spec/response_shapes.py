"""The shapes of answers, for the document: the service itself hands stored bytes through."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args, get_type_hints
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType, defstruct, field

from service.api.http.basis import KnownMembers
from service.api.spec.basis_shapes import AsOfMembers, DayText, EveryDayMembers
from service.api.spec.recorded_shapes import AnyRecorded, AnyRecordedFact
from service.api.spec.state_shapes import ISSUE, ITEMS, STATES, AnyKind, AnyState, described, many
from service.domain.vocabulary.codes import Slug
from service.domain.vocabulary.kinds import KINDS

Next = Annotated[str | None, Meta(description="The value of `cursor` for the next page; null at the end.")]


NotCompared = Annotated[
    Annotated[int, Meta(ge=0, le=100)] | None,
    Meta(
        description="The measures that pass every other filter and may be on the good as well: they name no goods, or "
        "not all of them in the way that was asked for. 100 stands for 100 or more; null where to count them is too "
        "much work for one answer. Absent where the question is not about a good.",
    ),
]
NotComparedUrl = Annotated[
    str, Meta(description="Where those measures are listed, at the same D and K; absent where there are none.")
]


MEASURES = ("restriction", "clearance")
"""The kinds of items that touch goods: of these an answer counts what could not be compared."""


def _page(kind: str) -> type[Struct]:
    item: Any = ISSUE if kind == "issue" else STATES[kind]
    items = many(item, f"The {KINDS[kind].plural} on this page, in order of first appearance in the log.")
    fields: list[Any] = [("items", items), ("next", Next)]
    if kind in MEASURES:
        fields += [
            ("not_compared", NotCompared | UnsetType, UNSET),
            ("not_compared_url", NotComparedUrl | UnsetType, UNSET),
        ]
    return defstruct(
        f"{kind.capitalize()}Page", fields, bases=(AsOfMembers,), frozen=True,
        kw_only=True, namespace={"__doc__": f"A page of {KINDS[kind].plural} as of (D, K)."},
    )  # fmt: skip


def _with_basis(name: str, state: type[Struct], fields: list[Any], text: str) -> type[Struct]:
    own = list(_fields(AsOfMembers)) + fields
    return defstruct(name, own, bases=(state,), frozen=True, kw_only=True, namespace={"__doc__": text})


def _fields(struct: type[Struct]) -> list[Any]:
    hints = get_type_hints(struct, include_extras=True).items()
    return [(name, hint, UNSET) if UnsetType in get_args(hint) else (name, hint) for name, hint in hints]


ISSUE_ANSWER: Any = _with_basis(
    "IssueAnswer",
    ISSUE,
    [("items", described(ITEMS, "The items of the issue on this page.")), ("next", Next)],
    "The state of an issue with its items, and the basis of the answer.",
)
ANSWERS: dict[str, Any] = {
    kind: _with_basis(
        f"{kind.capitalize()}Answer",
        state,
        [],
        f"The state of {KINDS[kind].with_article}, and the basis of the answer.",
    )
    for kind, state in STATES.items()
    if kind != "issue"
}
PAGES: dict[str, Any] = {kind: _page(kind) for kind in KINDS}


class Timeline(EveryDayMembers, frozen=True, kw_only=True):
    """A page of an issue's facts in valid order. It may be short before the end: at the end `next` is null."""

    items: tuple[AnyRecordedFact, ...]
    """The facts, by the first day of `occurred`, then by its last day, then by position."""
    next: Next


class Change(Struct, frozen=True, kw_only=True):
    """An item whose state differs between two points."""

    id: Slug
    """The slug of the item."""
    kind: AnyKind
    changed: tuple[str, ...]
    """The names of the members that differ."""
    before: AnyState | None
    """The state at the first point; null where the item has no status there, or is not of the issue."""
    after: AnyState | None
    """The state at the second point; null where the item has no status there, or is not of the issue."""


class Diff(KnownMembers, frozen=True, kw_only=True):
    """What changed, in an issue or in all, between two points: two days as known at one K, or two Ks on one day."""

    items: tuple[Change, ...]
    """The items whose states differ, in order of first appearance in the log; the issue may be one of them."""
    next: Next
    from_: DayText | UnsetType = field(name="from", default=UNSET)
    """The first of two days; absent with two Ks."""
    to: DayText | UnsetType = UNSET
    """The second of two days; absent with two Ks."""
    as_of: DayText | None
    """The day that two Ks are compared on; null with two days."""
    known_from: int | DayText | UnsetType = UNSET
    """The first of two Ks: a position or, as published, a day of publication; absent with two days."""
    known_to: int | DayText | UnsetType = UNSET
    """The second of two Ks, in the form of the first; absent with two days."""


def _history(kind: str) -> type[Struct]:
    bounds: list[Any] = [
        ("valid_from", described(DayText, "The first day on which the state holds; 0001-01-01 for an open start.")),
        ("valid_to", described(DayText | None, "The first day on which the state no longer holds; null for no end.")),
        ("known_from", described(int | str, "The first K at which this is known: a position; as published, a day.")),
        ("known_to", described(int | str | None, "The first K at which this is no longer known; null for no end.")),
        ("state", described(STATES[kind], f"The state of the {kind} on these days, as known at these Ks.")),
    ]
    a_kind = KINDS[kind].with_article
    text = (
        f"A state of {a_kind} on the days from `valid_from` up to but not on `valid_to`, as known from `known_from` up "
        "to but not at `known_to`."
    )
    one = defstruct(f"{kind.capitalize()}Version", bounds, frozen=True, kw_only=True, namespace={"__doc__": text})
    items = many(one, f"The states that the {kind} has or had, in order of the first day, then of the first K.")
    return defstruct(
        f"{kind.capitalize()}History", [("items", items), ("next", Next)], bases=(EveryDayMembers,), frozen=True,
        kw_only=True, namespace={"__doc__": f"A page of the history of {a_kind}."},
    )  # fmt: skip


HISTORIES: dict[str, Any] = {kind: _history(kind) for kind in KINDS if kind != "issue"}


class EventPage(EveryDayMembers, frozen=True, kw_only=True):
    """A page of recorded events. It may be short before the end: at the end `next` is null."""

    items: tuple[AnyRecorded, ...]
    """The events in position order, each as it was recorded."""
    next: Next


class Health(Struct, frozen=True, kw_only=True):
    """The health of the service."""

    status: Literal["ok"]
    """Always `ok`: where the service cannot answer, the status code of HTTP says so."""


class Readiness(Health, frozen=True, kw_only=True):
    """The health of the service and the ledger that it answers from."""

    version: str
    """The version of the service."""
    ledger: UUID
    """The name of the ledger, made with it."""
    epoch: Annotated[int, Meta(ge=0)]
    """The number of times that the log was found set back, as to a backup, or the projections were remade."""
    head: Annotated[int, Meta(ge=0)]
    """The last position of the log."""
    clock_behind_head_seconds: Annotated[float, Meta(ge=0)]
    """The seconds by which the instant of the head is ahead of the clock of this process, 0 where these are 5 or fewer.
    Until the clock has caught up, events are recorded at instants that are still to come."""
