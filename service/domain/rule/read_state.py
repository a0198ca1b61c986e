"""What is read of the JSON of a state, and put into it: the changes to come.

Decoded structs stand in a module that is never compiled (decision 74).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from service.domain.rule.posture import ItemStatus
from service.domain.rule.state import UPCOMING_MAX
from service.domain.vocabulary.dates import over_on, parse
from service.domain.vocabulary.kinds import PLANNED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class _Change(msgspec.Struct):
    """What is read of a change to come."""

    on: str
    status: str | None
    terms: dict[str, msgspec.Raw]
    modality: str


class _Alternatives(msgspec.Struct):
    """What is read of a state with alternatives."""

    alternatives: list[_Alternative]


class _Alternative(msgspec.Struct):
    """What is read of an alternative."""

    status: str | None


class _Shown(msgspec.Struct):
    """What is read of a fact."""

    id: str


class _WithDays(msgspec.Struct):
    """What is read of a state to see when its status begins and ends."""

    since: str
    until: str | None = None
    through: str | None = None


_change = msgspec.json.Decoder(_Change).decode
_texts = msgspec.json.Decoder(list[msgspec.Raw]).decode
_alternatives = msgspec.json.Decoder(_Alternatives).decode
_shown = msgspec.json.Decoder(_Shown).decode
_days = msgspec.json.Decoder(_WithDays).decode

_FACTS = b',"facts":['
_UPCOMING = b'"upcoming":['
_LATER = b"]," + _UPCOMING
_MORE = b'],"upcoming_more":'
_NO_CHANGE = b',"next_change":null}'


_MAYBE = b',"certainty":"possible","alternatives":'


def status_in(kind: str, status: str, body: bytes) -> ItemStatus:
    """Return the status of a state, with every other that some reading gives."""
    if _MAYBE not in body:  # a quote within a text is escaped, so only the members of a state match
        return ItemStatus(kind, status)
    return ItemStatus(kind, status, frozenset([each.status for each in _alternatives(body).alternatives]))


def begins(body: bytes) -> int:
    """Return the day (an ordinal) on which the status of a state begins, in the earliest reading."""
    return parse(_days(body).since).lo


def ends(body: bytes) -> int | None:
    """Return the day (an ordinal) on which the status of a state ends by its own terms; None where there is none.

    That is the first day on which it no longer holds, in the earliest reading.
    """
    days = _days(body)
    end = over_on(days.until, days.through)
    return None if end is None else end.lo


def ends_within(body: bytes, first: int | None, last: int | None) -> bool:
    """Return whether the status of a state ends by its own terms on one of some days (ordinals; None: no bound)."""
    day = ends(body)
    return day is not None and (first is None or first <= day) and (last is None or day <= last)


def without_facts(body: bytes) -> bytes:
    """Return a state without its member `facts`."""
    head, _, tail = body.partition(_FACTS)
    return b"".join((head, b",", _UPCOMING, tail.rpartition(_UPCOMING)[2]))


def facts_in(body: bytes) -> dict[str, bytes | msgspec.Raw]:
    """Return the facts of a state by their ids, each as JSON."""
    facts = body.partition(_FACTS)[2].rpartition(_LATER)[0]
    return {_shown(text).id: text for text in _texts(b"[" + facts + b"]")}


def with_facts(body: bytes, facts: Iterable[bytes | msgspec.Raw]) -> bytes:
    """Return a state with these facts, each as JSON, in the place of its own."""
    head, _, tail = body.partition(_FACTS)
    return b"".join((head, _FACTS, b",".join(facts), _LATER, tail.rpartition(_LATER)[2]))


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


def coming_of(status: str, later: str) -> Coming:
    """Return the changes after a day with a status.

    `later` are the arrivals of the later segments in order of days, as `arrival_text` returns them, joined by commas.
    """
    texts = _texts(f"[{later}]")
    following = next((text for text in texts if _is_next(_change(text), status)), None)
    return Coming(texts[:UPCOMING_MAX], len(texts), following)


def with_coming(body: bytes, coming: Coming) -> bytes:
    """Put the changes after the day asked about into a state.

    Raises ValueError for a state that does not end as `state_of` ends it.
    """
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
