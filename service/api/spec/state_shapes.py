"""The shape of a state, for the document: what all kinds share, and each kind with its terms."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, defstruct

from service.domain.rule.disagreements import Disagreement
from service.domain.vocabulary.codes import Edtf, Slug, Text
from service.domain.vocabulary.events import FACTS, Report
from service.domain.vocabulary.events.base import Fact
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
Charged = Annotated[
    int | float | None,
    Meta(
        description="The rate that is collected on D, in percent: `rate_percent` while the restriction is in force; "
        "while it is suspended, the rate that the suspension leaves, 0 where it leaves none, or null where it leaves a "
        "part and no source says how much; else 0. Absent where the restriction has no `rate_percent`."
    ),
]
EverInForce = Annotated[bool, Meta(description="Whether the restriction was in force on some day up to D.")]
PlainCertainty = Literal["certain", "possible"]
EverInForceCertainty = Annotated[
    PlainCertainty,
    Meta(
        description="`certain` where `ever_in_force` is the same in every reading of the uncertain dates, `possible` "
        "where readings differ or are too many to try."
    ),
]
Posture = Annotated[
    Literal["closed", "partially_cleared", "restricted", "suspended", "announced", "in_talks", "open"],
    Meta(
        description="The issue on D in one word, by the statuses of its items: the first of these values that applies."
    ),
]
PostureCertainty = Annotated[
    PlainCertainty,
    Meta(
        description="`certain` where every status that the issue and its items may have gives this posture, else "
        "`possible`."
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


class Upcoming(Struct, frozen=True, kw_only=True):
    """A change to come: one that is decided (`asserted`), or a fact that is planned."""

    on: Edtf
    """The date of the change as its source gives it: when the fact takes hold, the first day on which it no longer
    holds or, for an opening that takes hold later still, when it occurred."""
    status: str | None
    """The status of the item from that date on, null for none. Of a planned fact: the status that it would give."""
    event: UUID
    """The id of the fact that brings the change, by taking hold or by ending."""
    type: str
    """The type of that fact: its kind and its change, such as `restriction.suspended`."""
    terms: dict[str, Any]
    """The terms that change, by name, with their new values; null for a term that is gone. Of a planned fact: its
    terms."""
    modality: Literal["asserted", "planned"]
    """`asserted` for a change that is decided, `planned` for one that is intended."""
    overdue: bool
    """Whether a planned fact should have taken hold by D, and no later fact says what became of it. False for a change
    that is decided."""
    because: Literal["fact", "end"]
    """`end` where the change comes because that fact ends by its own terms, else `fact`."""


class StateFact(Struct, frozen=True, kw_only=True):
    """A fact that a state rests on, with what it gives and with its sources."""

    described_by = Fact

    id: UUID
    """The id of the fact. Corrections do not change it."""
    type: str
    """The type of the fact: its kind and its change, such as `restriction.imposed`."""
    occurred: Edtf
    effective: Edtf | UnsetType = UNSET
    """The date on which the act takes hold; absent where the source gives none: then it is `occurred`."""
    until: Edtf | UnsetType = UNSET
    through: Edtf | UnsetType = UNSET
    contested: bool
    """Whether a report denies the fact, its reports do not agree, or it is disputed."""
    disagreements: tuple[Disagreement, ...] | UnsetType = UNSET
    """On what the reports of the fact do not agree; absent where they agree."""
    sets: tuple[str, ...]
    """The names of what the fact gives to the state: `status` first, for the ruling fact, then terms by name. Empty for
    a fact that only `sources=all` shows."""
    reports: tuple[Report, ...]
    """The reports of the fact: those of its text, then those added, each once."""


Matched = Annotated[
    dict[str, str] | UnsetType,
    Meta(
        description="In lists by `party`, `by`, `against`, `good`, `hs`, `eccn` or `entity`, and in exposure: what was "
        "found in place of what was asked about, by parameter. A bloc, a code that is wider or narrower, the name of a "
        "good or an entity, the symbol of an element, or `all`. Absent where everything was named itself."
    ),
]


class State(Struct, frozen=True, kw_only=True):
    """The state of an item; the terms of its kind stand beside these fields, where known."""

    id: Slug
    """The slug of the item."""
    issues: tuple[Slug, ...]
    """The slugs of the issues that the item belongs to, sorted: those that its facts up to D name."""
    since: Edtf
    """The date from which the status holds, as its source gives it."""
    until: Edtf | UnsetType = UNSET
    """The first day on which the ruling fact no longer holds, by its own terms; absent where it sets none, or has
    ended. `upcoming` says what follows."""
    through: Edtf | UnsetType = UNSET
    """The last day on which the ruling fact holds, by its own terms; absent where it sets none, or has ended."""
    until_condition: Text | UnsetType = UNSET
    """The condition under which the ruling fact ends, in words; absent where none is set."""
    certainty: Literal["certain", "contested", "possible"]
    """`possible` where readings of the uncertain dates differ in the status; else `contested` where the sources of the
    ruling fact do not agree, or it is disputed; else `certain`."""
    alternatives: tuple[Alternative, ...]
    """Every status that some reading gives, the answer's own first; empty where all readings give the same."""
    contested: bool
    """Whether one of the facts that the state rests on is contested."""
    incomplete: bool
    """Whether the beginning of the item is not recorded: no opening has taken hold by D, and the status rests on
    none."""
    ruling: UUID
    """The id of the ruling fact: the one that gives the status."""
    facts: tuple[StateFact, ...] | UnsetType = UNSET
    """The facts that the state rests on: the ruling fact, and each fact whose value of a term stands. In the order in
    which they were decided. With `sources=all` also every other fact that stands; absent with `sources=none`."""
    upcoming: tuple[Upcoming, ...]
    """The changes after D, as known at K, in order of days: the next 20."""
    upcoming_more: Annotated[int, Meta(ge=0)]
    """How many changes follow those in `upcoming`."""
    next_change: Upcoming | None
    """The first decided change after D to another status or to other terms; null without one."""
    matched: Matched = UNSET


class AnyState(Struct, frozen=True):
    """Stands for the state of an item of any kind: the document has the union of them all."""


DisplacedBy = Annotated[
    tuple[Slug, ...] | UnsetType,
    Meta(
        description="In exposure, and between partners: the slugs of the restrictions in force that stand in place of "
        "this one (`in_place_of`), for the good and the country asked about; absent where there are none."
    ),
]


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
        fields += [("applies", Applies), ("charged_percent", Charged | UnsetType, UNSET)]
        fields += [("ever_in_force", EverInForce), ("ever_in_force_certainty", EverInForceCertainty)]
        fields += [("displaced_by", DisplacedBy, UNSET)]
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
    "IssueSummary",
    [("version", Version), ("posture", Posture), ("posture_certainty", PostureCertainty)],
    bases=(STATES["issue"],),
    frozen=True,
    kw_only=True,
    namespace={"__doc__": "The state of an issue, with its version and its posture."},
)
ITEMS: Any = defstruct(
    "IssueItems", [_group(kind) for kind in STATES if kind != "issue"],
    frozen=True, kw_only=True, namespace={"__doc__": "An issue's items by kind; a kind without items is left out."},
)  # fmt: skip


def terms_shape(kind: str) -> type[Struct]:
    """Return the shape of some of the terms of a kind; each may be absent."""
    struct: type[Fact] = next(each for name, each in FACTS.items() if name.startswith(f"{kind}."))
    hints = _hints(struct)
    fields: list[Any] = [(name, hints[name], UNSET) for name in term_names(struct)]
    own = {"__doc__": f"Terms of {KINDS[kind].with_article}.", "described_by": struct}
    return defstruct(f"{kind.capitalize()}Terms", fields, frozen=True, kw_only=True, namespace=own)


def columns_of(*states: type[Struct]) -> tuple[str, ...]:
    """Return the members of some states as the columns of a table; what they rest on is left out."""
    names = [each.encode_name for state in states for each in msgspec.structs.fields(state)]
    return tuple(name for name in dict.fromkeys(names) if name not in {"facts", "upcoming", "alternatives"})
