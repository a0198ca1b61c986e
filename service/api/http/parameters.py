"""The parameters that operations share, and the queries that ask as of (D, K)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

from msgspec import Meta

from service.api.http import moments
from service.api.http.moments import POSITION_MAX, ended_day
from service.api.http.query_strings import Query
from service.domain.admit.nearest import hint
from service.domain.errors import Fault
from service.domain.vocabulary.codes import (
    ECCN_PATTERN,
    HS_PATTERN,
    NAME_MAX,
    PARTIES,
    SLUG_MAX,
    SLUG_PATTERN,
    Eccn,
    Hs,
    Name,
    Party,
    Slug,
)
from service.domain.vocabulary.events import FACTS, RECORDS
from service.domain.vocabulary.kinds import KINDS
from service.views.asof.question import Included
from service.views.asof.sources import Sources
from service.webhooks.rules import ANSWERS_ALONE

LIMIT_MAX = 1_000
LIMIT_DEFAULT = 50
SEVERAL_MAX = 32

Day = Annotated[
    str,
    Meta(
        pattern=moments.DAY,
        description="A day, YYYY-MM-DD.",
        examples=["2025-06-10"],
        extra_json_schema={"format": "date"},
    ),
]
Instant = Annotated[
    str,
    Meta(
        pattern=moments.INSTANT,
        description="An instant of RFC 3339, with its offset; in a query a + must be written %2B.",
        examples=["2025-06-10T12:00:00Z"],
        extra_json_schema={"format": "date-time"},
    ),
]
DayOrInstant = Annotated[
    str,
    Meta(
        pattern=moments.DAY_OR_INSTANT,
        description="A day, YYYY-MM-DD, to its end in UTC; or an RFC 3339 instant with offset (+ is written %2B).",
        examples=["2025-06-10", "2025-06-10T12:00:00Z"],
    ),
]
Moment = Annotated[
    str,
    Meta(
        pattern=moments.MOMENT,
        description="What was known: a position, or an RFC 3339 instant with its offset (a + is written %2B); as "
        "published a day, to its end in UTC, or an instant.",
        examples=["128", "2025-06-10T12:00:00Z", "2025-06-10"],
    ),
]
Position = Annotated[int, Meta(ge=0, le=POSITION_MAX, description="A position in the log.", examples=[128])]
Cursor = Annotated[
    str,
    Meta(
        min_length=1, max_length=1_000, description="Where the next page starts: `next` of the page before, unchanged."
    ),
]
Words = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=NAME_MAX,
        description="States in which every word occurs, in any case and as a part of a word too: in the item's name, "
        "or in a text of its terms. A page may be short before the end.",
        examples=["rare magnets"],
        extra_json_schema={"pattern": r"\S"},  # said by `faults_of_words`
    ),
]
T = TypeVar("T")
Several = Annotated[tuple[T, ...], Meta(min_length=1, max_length=SEVERAL_MAX)]
"""One value or more, with commas between them."""
Certainty = Literal["certain", "contested", "possible"]
Applies = Literal["full", "partly", "none"]
Limit = Annotated[int, Meta(ge=1, le=LIMIT_MAX, description="At most so many on a page.")]


EVENT_TYPES = {*FACTS, *RECORDS, *(f"{kind}.*" for kind in KINDS), "record.*"}
"""The values of the filter `type`: a type, or all of a kind."""

if TYPE_CHECKING:
    EventType = str
else:
    EventType = Annotated[
        Literal[tuple(sorted(EVENT_TYPES))],
        Meta(description="An event type, or all of a kind: `restriction.imposed`, `restriction.*`."),
    ]
Since = Annotated[
    str,
    Meta(
        pattern=moments.DAY_OR_INSTANT,
        description="Events recorded at this instant (RFC 3339 with offset, + is written %2B) or later, or on "
        "this day in UTC or later; in place of `after`.",
        examples=["2025-06-10T12:00:00Z", "2025-06-10"],
    ),
]
OfTypes = Annotated[
    Several[EventType],
    Meta(
        description="Events of these types, with commas between them; all of a kind, with the records on them: "
        "`restriction.*`."
    ),
]


def _several(pattern: str, most: int, description: str, *examples: str) -> Meta:
    """Return what a text of several values with commas between them is: each of a pattern and `most` characters."""
    one = pattern.removeprefix("^").removesuffix("\\Z")
    return Meta(
        pattern=rf"^{one}(,{one}){{0,{SEVERAL_MAX - 1}}}\Z",
        max_length=SEVERAL_MAX * (most + 1),
        description=f"{description} Several have commas between them.",
        examples=list(examples),
    )


OfType = Annotated[
    str,
    _several(
        r"^[a-z_]+\.([a-z_]+|\*)\Z",
        60,
        "Events of this type, or of all of a kind, with the records on them: `restriction.*`. `answer.changed` is no "
        "event: with it alone, only changed answers of watches are sent.",
        "restriction.*",
        "restriction.imposed,restriction.lifted",
        "answer.changed",
    ),
]
OfIssue = Annotated[
    str,
    _several(SLUG_PATTERN, SLUG_MAX, "Events that name this issue, or whose item does.", "chip-export-controls"),
]
OfItem = Annotated[str, _several(SLUG_PATTERN, SLUG_MAX, "Events of this item, and the records on them.", "steel-duty")]
OfParty = Annotated[
    str,
    _several(
        r"^[A-Z]+\Z",
        8,
        "Events whose item touches this party, as lists mean it: the item mentions it, or a bloc that it was a member "
        "of when the event occurred, or is against all.",
        "CN",
        "CN,US",
    ),
]
OfIssues = Annotated[Several[Slug], Meta(description="Events that name one of these issues, or whose item does.")]
OfItems = Annotated[Several[Slug], Meta(description="Events of one of these items, and the records on them.")]
OfParties = Annotated[
    Several[Party],
    Meta(
        description="Events whose item touches one of these parties, as lists mean it: the item mentions it, or a bloc "
        "that it was a member of when the event occurred, or is against all."
    ),
]
OfGood = Annotated[Name, Meta(description="Events whose item is on this good, as lists mean it.")]
OfEntity = Annotated[Name, Meta(description="Events whose item names this entity or beneficiary, as lists mean it.")]
OfHs = Annotated[
    str,
    _several(HS_PATTERN, 10, "Events whose item is on goods of this HS code, as lists mean it.", "280530", "7208,7209"),
]
OfHsCodes = Annotated[
    Several[Hs], Meta(description="Events whose item is on goods of one of these HS codes, as lists mean it.")
]
OfEccns = Annotated[
    Several[Eccn], Meta(description="Events whose item is on goods of one of these ECCNs, as lists mean it.")
]
OfEccn = Annotated[
    str, _several(ECCN_PATTERN, 40, "Events whose item is on goods of this ECCN, as lists mean it.", "3A090")
]


def faults_of_conditions(types: str | None, parties: str | None) -> list[Fault]:
    """Refuse conditions with a name that is no type of message, and names the nearest, or with a code of no party."""
    known = {*EVENT_TYPES, ANSWERS_ALONE}
    given = [each for each in (types or "").split(",") if each and each not in known]
    codes = [each for each in (parties or "").split(",") if each and each not in PARTIES]
    faults = [Fault(("type",), f"there is no type {each}{hint(each, known)}") for each in given]
    return [*faults, *[Fault(("party",), f"there is no party {each}") for each in codes]]


IncludePlanned = Annotated[
    Literal["planned"],
    Meta(description="`planned`: items that are known only by planned facts, with the status `planned`."),
]
Compared = Annotated[
    Literal["yes", "no"],
    Meta(
        description="`no`: in place of the measures on the good, those of which nobody can say whether they are on it: "
        "they name no goods, or some of their goods not in the way that is asked for."
    ),
]
EndedOrPlanned = Literal["ended", "planned", "ended,planned", "planned,ended"]
"""What an answer may include: one, or both with a comma between them."""
INCLUDED = {
    None: Included(),
    "ended": Included(ended=True),
    "planned": Included(planned=True),
    "ended,planned": Included(ended=True, planned=True),
    "planned,ended": Included(ended=True, planned=True),
}
"""What an answer includes, by the value of `include`."""
StandingOrNone = Annotated[
    Literal["standing", "none"],
    Meta(
        description="Which facts a state shows in `facts`: `standing`, those that the state rests on; with `none` it "
        "has no `facts`. `all` is for answers as of one (D, K)."
    ),
]
_SOURCES = (
    "Which facts a state shows in `facts`: `standing`, those that it rests on; `all`, also those that still count and "
    "give nothing that stands, which takes longer and may make pages short; with `none` it has no `facts`."
)

_KNOWN_AT = (
    "What was known at this instant. With `known_basis=recorded` an RFC 3339 instant with its offset (a + is written "
    "%2B); together with `known_position` the one that counts less holds. With `published` a day, to its end in UTC, "
    "today when absent; or an instant, which counts the days that have ended before it."
)
_KNOWN_POSITION = "What had been recorded up to this position; the head of the log when absent."
_KNOWN_BASIS = (
    "Whether a fact counts as known from its recording, or from its earliest publication (of what was recorded up to "
    "`known_position`)."
)


def faults_of_words(text: str | None) -> list[Fault]:
    """Refuse a text to search for that holds no word."""
    return [] if text is None or text.split() else [Fault(("q",), "holds no word")]


class KnownQuery(Query, frozen=True, kw_only=True):
    """K: what counts as known."""

    known_at: Annotated[DayOrInstant | None, Meta(description=_KNOWN_AT)] = None
    known_position: Annotated[Position | None, Meta(description=_KNOWN_POSITION)] = None
    known_basis: Annotated[Literal["recorded", "published"], Meta(description=_KNOWN_BASIS)] = "recorded"

    def faults(self) -> list[Fault]:
        """Refuse what does not go with the basis: as recorded, a day for an instant."""
        faults = []
        if self.known_basis == "recorded" and self.known_at is not None:
            if len(self.known_at) == len("2025-06-10"):
                faults.append(Fault(("known_at",), "with known_basis=recorded an instant with its offset, not a day"))
        elif self.known_basis == "published" and self.known_day() == 0:
            faults.append(Fault(("known_at",), "no day has ended before it"))
        return faults

    def pins_known(self) -> bool:
        """Return whether the query names everything that K is made of."""
        if self.known_basis == "published":
            return self.known_position is not None and self.known_at is not None
        return self.known_position is not None or self.known_at is not None

    def known_day(self) -> int | None:
        """Return the last day that has ended in UTC by `known_at`, as an ordinal; None when it is not given."""
        return None if self.known_at is None else ended_day(self.known_at)


class AsOfQuery(KnownQuery, frozen=True, kw_only=True):
    """D and K: the day that the answer is about, and what counts as known; and which facts its states show."""

    as_of: Annotated[Day | None, Meta(description="The day that the answer is about; today in UTC when absent.")] = None
    sources: Annotated[Sources, Meta(description=_SOURCES)] = "standing"


class KnownPageQuery(KnownQuery, frozen=True, kw_only=True):
    """K, and a page of a list."""

    cursor: Cursor | None = None
    limit: Limit = LIMIT_DEFAULT


class AsOfPageQuery(AsOfQuery, frozen=True, kw_only=True):
    """D and K, which facts the states show, and a page of a list.

    Structs have one base, so the fields of `KnownPageQuery` stand here again.
    """

    cursor: Cursor | None = None
    limit: Limit = LIMIT_DEFAULT
