"""The types that the document gives a name: unions, codes, dates, enumerations."""

from __future__ import annotations

import re
from typing import Any, Literal, get_args

from msgspec import Meta

from service.api.http import moments, parameters
from service.api.spec import watch_shapes
from service.api.spec.between_shapes import AnyMeasure
from service.api.spec.change_shapes import DAY_CHANGES, DayChange
from service.api.spec.recorded_shapes import AnyRecorded, AnyRecordedFact, AnyRecordedRecord
from service.api.spec.state_shapes import STATES, AnyKind, AnyState, PlainCertainty, Posture
from service.domain.vocabulary import codes, dates
from service.domain.vocabulary.events import FACTS, AnyEvent, AnyFact, base, measures
from service.domain.vocabulary.kinds import KINDS, STATUSES
from service.domain.vocabulary.terms import term_names
from service.views.asof.sources import Sources

Schema = dict[str, Any]

NO_NUL = r"^[^\u0000]*$"
"""What a text is at least: PostgreSQL stores no NUL."""
NO_SPACE = r"[^\s\u001c-\u001f\u0085]"
"""What is no space for Python: these are some more than ECMA 262 has."""
PARTY_TEXT = (
    "A country by its ISO 3166-1 alpha-2 code, or XK; a bloc (EU, EAEU, EFTA, ASEAN, GCC, MERCOSUR, SACU), which "
    "stands for its members on the day; UN or WTO."
)
TAG_TEXT = "The type of the event: its kind and its change. It decides which other fields the event has."

UNIONS: dict[str, tuple[Any, str]] = {
    "ParleyEvent": (AnyEvent, "An event of any type: a fact or a record. `type` decides which other fields it has."),
    "FactEvent": (AnyFact, "A fact: an event of any type but `record.*`."),
    "RecordedEvent": (AnyRecorded, "A recorded event of any type, with its position."),
    "RecordedRecord": (AnyRecordedRecord, "A recorded record: a correction, a retraction, reports, or a dispute."),
    "RecordedFact": (AnyRecordedFact, "A recorded fact: an event of any type but `record.*`, with its position."),
}
"""Unions of tagged structs that have a name, with their description."""

BY_KIND: dict[type, tuple[dict[str, Any], str]] = {
    AnyState: (STATES, "The state of an item of any kind. `kind` decides which terms it has."),
    AnyMeasure: (
        {kind: STATES[kind] for kind in ("restriction", "clearance")},
        "The state of a restriction or of a clearance. `kind` says which.",
    ),
    DayChange: (DAY_CHANGES, "A change of status or terms of an item on a day. `kind` decides which terms it has."),
}
"""Structs that stand for the unions of other structs, one a kind of item; with the description of the union."""

BESIDE = {"EventNow": "RecordedEvent"}
"""Structs whose members stand beside those of a union, with its name."""


_INSTANT = (
    rf"{dates.EXACT_DAY}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{{1,9}})?"
    r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
)
_TYPES = sorted(parameters.EVENT_TYPES)
_CHANGES = {
    kind: "|".join(re.escape(each.partition(".")[2]) for each in _TYPES if each.startswith(f"{kind}."))
    for kind in (*KINDS, "record")
}
_EVENT_TYPE = "|".join(f"{kind}[.]({changes})" for kind, changes in _CHANGES.items()) + "|answer[.]changed"


def _of(shape: Any) -> str:  # noqa: ANN401 - a type
    """Return the pattern of a type."""
    return next(str(each.pattern) for each in get_args(shape)[1:] if isinstance(each, Meta) and each.pattern)


def _several(one: str) -> str:
    """Return the pattern of values with commas between them."""
    return f"^(({one})(,(?!$)|$)){{1,{parameters.SEVERAL_MAX}}}$"


EXACT: dict[str, str] = {
    dates.PATTERN: dates.EXACT_PATTERN,
    moments.DAY: f"^{dates.EXACT_DAY}$",
    moments.INSTANT: f"^{_INSTANT}$",
    moments.DAY_OR_INSTANT: f"^({dates.EXACT_DAY}|{_INSTANT})$",
    moments.MOMENT: f"^([0-9]{{1,16}}|{dates.EXACT_DAY}|{_INSTANT})$",
    moments.PLACE: f"^[0-9]{{1,16}}(@{_INSTANT})?$",
    _of(parameters.OfType): _several(_EVENT_TYPE),
    _of(parameters.OfParty): _several("|".join(sorted(codes.PARTIES))),
}
"""Patterns by which texts are decoded, and what also holds for them, which later checks say in words."""


def _terms_of(kind: str) -> tuple[str, ...]:
    return term_names(next(struct for name, struct in FACTS.items() if name.startswith(f"{kind}.")))


def _a(text: str, **more: Any) -> Schema:  # noqa: ANN401 - JSON Schema
    return {"description": text, **more}


NAMED: dict[str, tuple[Any, Schema]] = {
    "Party": (codes.Party, _a(PARTY_TEXT, examples=["CN"])),
    "Element": (codes.Element, _a("A chemical element by its symbol (IUPAC).", examples=["Dy"])),
    "Slug": (codes.Slug, {}),
    "EdtfDate": (codes.Edtf, {}),
    "Day": (parameters.Day, {}),
    "Instant": (parameters.Instant, {}),
    "DayOrInstant": (parameters.DayOrInstant, {}),
    "HsCode": (codes.Hs, {}),
    "Eccn": (codes.Eccn, {}),
    "LegalReference": (codes.LegalReference, {}),
    "Modality": (base.Modality, _a("How the source of a fact has it.")),
    "PlanModality": (Literal["asserted", "planned"], _a("Whether a change is decided, or intended.")),
    "Instrument": (measures.Instrument, _a("The sort of a measure.")),
    "Portion": (Literal["full", "part"], _a("How much of a restriction is taken away.")),
    "RateBasis": (Literal["additional", "all_in", "minimum_price"], _a("What a rate is collected on.")),
    "ChargeBasis": (Literal["additional", "all_in"], _a("Whether the ordinary duty is in a rate.")),
    "QuotaSide": (Literal["in", "over"], _a("Within a quota, or beyond it.")),
    "ReportKind": (Literal["official", "named", "anonymous"], _a("Who speaks in a report.")),
    "ReportStance": (Literal["reports", "denies"], _a("Whether a source says that a fact is so, or that it is not.")),
    "DateBasis": (Literal["stated", "inferred"], _a("Where the date of a fact is from.")),
    "Certainty": (parameters.Certainty, _a("How sure a status is.")),
    "PlainCertainty": (PlainCertainty, _a("Whether all readings of the uncertain dates agree.")),
    "Applies": (parameters.Applies, _a("How far a restriction applies.")),
    "Posture": (Posture, {}),
    "ItemKind": (AnyKind, {}),
    "Because": (Literal["fact", "end"], _a("Whether a change comes by a fact, or by the end of one.")),
    "KnownBasis": (Literal["recorded", "published"], _a("From when a fact counts as known.")),
    "Sources": (Sources, _a("Which facts a state shows.")),
    "StandingSources": (parameters.StandingOrNone, _a("Which facts a state shows.")),
    "Include": (parameters.EndedOrPlanned, _a("What an answer includes in addition.")),
    "Compared": (Literal["yes", "no"], _a("The measures on a good, or those of which nobody can say.")),
    "EventTypeFilter": (parameters.EventType, {}),
    "AnswerStatus": (watch_shapes.AnswerStatus, {}),
    "SubscriptionState": (Literal["active", "paused", "disabled"], _a("Whether events are sent.")),
    "SubscriptionSwitch": (Literal["active", "paused"], _a("Whether events are to be sent.")),
    "MessageIds": (Literal["position", "place"], _a("What the ids of messages are.")),
    "ChangesForm": (Literal["json", "csv", "ics", "atom"], _a("The form of an answer.")),
    **{
        f"{kind.capitalize()}Status": (Literal[STATUSES[kind]], _a(f"A status of {KINDS[kind].with_article}."))
        for kind in KINDS
    },
    **{
        f"{kind.capitalize()}TermName": (Literal[_terms_of(kind)], _a(f"A term of {KINDS[kind].with_article}."))
        for kind in KINDS
    },
}
"""Types that many fields share and that have a name, with what their schema also says."""
