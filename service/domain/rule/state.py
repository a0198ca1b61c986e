"""The state of an item as it is answered: its JSON, and the changes to come that are put in on reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from service.domain.rule.facts import shown
from service.domain.rule.posture import ItemStatus
from service.domain.vocabulary.dates import day_after, parse
from service.domain.vocabulary.kinds import IN_FORCE, PLANNED, SUSPENDED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from service.domain.rule.answer import Answer, Segment
    from service.domain.rule.facts import LiveFact
    from service.domain.vocabulary.kinds import Kind

_ENCODER = msgspec.json.Encoder()

UPCOMING_MAX = 20
"""Changes to come that a state shows; the others it counts."""


def state_of(kind: Kind, item: str, answer: Answer, every: Iterable[LiveFact] = ()) -> dict[str, Any]:
    """Return an item's state, as it is on days after which no change is known; `every` are facts to show as well."""
    ruling = answer.ruling
    assert ruling is not None  # noqa: S101 - an answer with a status has a ruling fact
    sets = answer.sets()
    state: dict[str, Any] = {
        "id": item,
        "kind": kind.name,
        "issues": answer.issues,
        "status": answer.status,
        "since": answer.since,
    }
    if not answer.is_over:
        event = ruling.event
        state |= {name: text for name in _ENDS if (text := getattr(event, name)) is not None}
    state |= {
        "certainty": answer.certainty,
        "alternatives": [{"status": status, "event": fact and fact.id} for status, fact in answer.possible],
    }
    state |= {name: fact.terms[name] for name, fact in answer.given.items()}
    if kind.name == "restriction":
        state |= _restriction(answer)
    state["contested"] = any([fact.contested for fact in sets])
    state["incomplete"] = not answer.complete
    state["ruling"] = ruling.id
    state["facts"] = _facts(sets, every)
    # These three stay last, in this order: `with_upcoming` cuts the JSON before them.
    state["upcoming"] = answer.planned[:UPCOMING_MAX]
    state["upcoming_more"] = max(len(answer.planned) - UPCOMING_MAX, 0)
    state["next_change"] = None
    return state


_ENDS = ("until", "through", "until_condition")


def _facts(sets: Mapping[LiveFact, Sequence[str]], every: Iterable[LiveFact]) -> msgspec.Raw:
    listed = {**dict.fromkeys(every, ()), **sets}
    ordered = sorted(listed.items(), key=lambda pair: pair[0].order) if every else listed.items()
    return msgspec.Raw(b"[" + b",".join([shown(fact, names) for fact, names in ordered]) + b"]")


def _restriction(answer: Answer) -> dict[str, Any]:
    """Return how far a restriction applies, what is charged, and whether it ever was in force."""
    own = answer.given.get("rate_percent")
    charged: float | None = 0
    if answer.status == IN_FORCE:
        charged = own.terms["rate_percent"] if own else 0
    elif answer.status == SUSPENDED:
        charged = answer.left.charged
    return {
        "applies": answer.applies,
        **({"charged_percent": charged} if own else {}),
        "ever_in_force": answer.ever,
        "ever_in_force_certainty": "certain" if answer.agreed else "possible",
    }


def encode(value: Mapping[str, Any] | Sequence[Any]) -> bytes:
    """Return compact JSON."""
    return _ENCODER.encode(value)


def arrival_text(segment: Segment) -> str:
    """Return the change with which a segment begins, as JSON; "" where there is none."""
    return "" if segment.arrival is None else _ENCODER.encode(segment.arrival).decode()


_FACTS = b',"facts":['
_UPCOMING = b'"upcoming":['
_MORE = b'],"upcoming_more":'
_NO_CHANGE = b',"next_change":null}'


class _Change(msgspec.Struct):
    """What is read of a change to come."""

    on: str
    status: str | None
    terms: dict[str, msgspec.Raw]
    modality: str


_change = msgspec.json.Decoder(_Change).decode
_texts = msgspec.json.Decoder(list[msgspec.Raw]).decode


_MAYBE = b',"certainty":"possible","alternatives":'


class _Alternatives(msgspec.Struct):
    """What is read of a state with alternatives."""

    alternatives: list[_Alternative]


class _Alternative(msgspec.Struct):
    """What is read of an alternative."""

    status: str | None


_alternatives = msgspec.json.Decoder(_Alternatives).decode


def status_in(kind: str, status: str, body: bytes) -> ItemStatus:
    """Return the status of a state, with every other that some reading gives."""
    if _MAYBE not in body:  # a quote within a text is escaped, so only the members of a state match
        return ItemStatus(kind, status)
    return ItemStatus(kind, status, frozenset([each.status for each in _alternatives(body).alternatives]))


class _WithDays(msgspec.Struct):
    """What is read of a state to see when its status begins and ends."""

    since: str
    until: str | None = None
    through: str | None = None


_days = msgspec.json.Decoder(_WithDays).decode


def begins(body: bytes) -> int:
    """Return the day (an ordinal) on which the status of a state begins, in the earliest reading."""
    return parse(_days(body).since).lo


def ends(body: bytes) -> int | None:
    """Return the day (an ordinal) on which the status of a state ends by its own terms; None where there is none.

    That is the first day on which it no longer holds, in the earliest reading.
    """
    end = _days(body)
    when = None if end.until is None else parse(end.until)
    if end.through is not None:
        when = day_after(parse(end.through))
    return None if when is None else when.lo


def ends_within(body: bytes, first: int | None, last: int | None) -> bool:
    """Return whether the status of a state ends by its own terms on one of some days (ordinals; None: no bound)."""
    day = ends(body)
    return day is not None and (first is None or first <= day) and (last is None or day <= last)


def without_facts(body: bytes) -> bytes:
    """Return a state without its member `facts`."""
    head, _, tail = body.partition(_FACTS)
    return b"".join((head, b",", _UPCOMING, tail.rpartition(_UPCOMING)[2]))


class Coming(NamedTuple):
    """The changes after a day: the first of them as JSON, no more than are shown; how many there are; the next one.

    The next one is the first with another status than that of the day, or with terms.
    """

    first: Sequence[bytes | msgspec.Raw]
    number: int
    following: bytes | msgspec.Raw | None


def changes_to(text: str) -> tuple[str | None, bool]:
    """Return the status that a change to come, as JSON, brings, and whether it changes terms."""
    change = _change(text)
    return change.status, bool(change.terms)


def with_upcoming(body: bytes, status: str, later: str | None) -> bytes:
    """Put the changes after the day asked about into a state.

    `later` are the arrivals of the later segments in order of days, as `arrival_text` returns them, joined by commas.
    Raises ValueError for a state that does not end as `state_of` ends it.
    """
    if not later:
        return body
    texts = _texts(f"[{later}]")
    following = next((text for text in texts if _is_next(_change(text), status)), None)
    return with_coming(body, Coming(texts[:UPCOMING_MAX], len(texts), following))


def with_coming(body: bytes, coming: Coming) -> bytes:
    """Put the changes after the day asked about into a state; raises ValueError as `with_upcoming` does."""
    if not coming.number:
        return body
    head, _, tail = body.rpartition(_UPCOMING)
    planned, _, more = tail.rpartition(_MORE)
    if not head or not more.endswith(_NO_CHANGE):
        msg = (
            "a state ends with `upcoming`, `upcoming_more` and `next_change`, which is null: `state_of` sets them last"
        )
        raise ValueError(msg)
    texts, count = coming.first, coming.number
    if planned:
        also = _texts(b"[" + planned + b"]")
        texts, count = _in_order([*texts, *also])[:UPCOMING_MAX], count + len(also)
    rest = int(more.removesuffix(_NO_CHANGE)) + max(count - UPCOMING_MAX, 0)
    following = b"null" if coming.following is None else coming.following
    return b"".join((head, _UPCOMING, b",".join(texts), _MORE, b'%d,"next_change":' % rest, following, b"}"))


def _is_next(change: _Change, status: str) -> bool:
    return change.status != status or bool(change.terms)


def _in_order(changes: Iterable[bytes | msgspec.Raw]) -> list[bytes | msgspec.Raw]:
    """Return changes in order of days, asserted ones before planned facts of the same day."""
    read = [(_change(text), text) for text in changes]
    return [text for _, text in sorted(read, key=lambda pair: (parse(pair[0].on).lo, pair[0].modality == PLANNED))]
