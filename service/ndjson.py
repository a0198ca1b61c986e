"""Files of NDJSON read as events: each line as strictly as the API reads one, lines joined into commits and batches."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from service.domain.admit.event_checks import faults_of
from service.domain.admit.strict_json import accept
from service.domain.errors import FAULTS_MAX, Fault, Malformed, NotJson
from service.domain.vocabulary import instants
from service.domain.vocabulary.codes import Name
from service.domain.vocabulary.events import BATCH_MAX, AnyEvent, encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from service.domain.vocabulary.events import Fact, Record

NAMESPACE = uuid5(NAMESPACE_URL, "urn:parley:import")
"""Of the ids that events without one get: made from their content, an id is the same at the next import."""
_LAST = b'{"end":'
"""How the last line of the feed as NDJSON begins; an event never does."""
_MEMBERS = dict[str, msgspec.Raw]
_EVENT: Any = AnyEvent


class BadLine(Exception):  # noqa: N818 - named as the condition
    """Lines that cannot be read, or whose events cannot be recorded."""

    def __init__(self, faults: Sequence[tuple[int, Fault]]) -> None:
        """`faults` come with the numbers of their lines, from 1; the message lists up to FAULTS_MAX of them."""
        super().__init__("\n".join(f"line {number}: {_text(fault)}" for number, fault in faults[:FAULTS_MAX]))


class _Place(Struct, frozen=True, kw_only=True):
    """The position and the instant of an event in the ledger that it was exported from."""

    position: Annotated[int, Meta(ge=1)]
    recorded_at: Annotated[
        str,
        Meta(
            pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z\Z",
            description="An instant as the feed writes it, in UTC with microseconds.",
            examples=["2025-06-10T12:00:00.000000Z"],
        ),
    ]


class _Recorder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who recorded an event in the ledger that it was exported from."""

    name: Name
    key: Name


class _End(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The last line of the feed as NDJSON: `count` events came before it, up to position `next`."""

    end: Literal[True]
    count: Annotated[int, Meta(ge=0)]
    next: Annotated[int, Meta(ge=0)]
    head: Annotated[int, Meta(ge=0)]


class Line(NamedTuple):
    """An event of a file, with the number of its line; when it was recorded, and the JSON of by whom, if it says so."""

    number: int
    recorded_at: int | None
    id: UUID
    event: Fact | Record
    recorded_by: str = ""


def batches(lines: Iterable[bytes]) -> Iterator[list[Line]]:
    """Join commits into batches of up to BATCH_MAX events; a repeated id begins the next batch."""
    batch: list[Line] = []
    ids: set[UUID] = set()
    for commit in _commits(lines):
        own = {line.id for line in commit}
        if batch and (len(batch) + len(commit) > BATCH_MAX or not ids.isdisjoint(own)):
            yield batch
            batch, ids = [], set()
        batch += commit
        ids |= own
    if batch:
        yield batch


def _commits(lines: Iterable[bytes]) -> Iterator[list[Line]]:
    """Read the commits of the source: lines of one instant, or a single line without one.

    Raises BadLine with the faults of all bad lines among a thousand, after yielding the commits before the first.
    """
    commit: list[Line] = []
    faults: list[tuple[int, Fault]] = []
    for number, raw in _events(lines):
        if faults and (len(faults) >= FAULTS_MAX or number - faults[0][0] >= BATCH_MAX):
            break
        try:
            line = _read(number, raw)
        except Malformed as refused:
            faults += [(number, fault) for fault in refused.faults]
        except NotJson as refused:
            faults.append((number, Fault((), f"not JSON: {refused.detail}")))
        else:
            if commit and not faults and (line.recorded_at is None or line.recorded_at != commit[-1].recorded_at):
                yield commit
                commit = []
            commit.append(line)
    if faults:
        raise BadLine(faults)
    if commit:
        yield commit


def _events(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Return the numbered lines of events; raises BadLine if there are not as many as the feed's last line counts."""
    read = 0
    for number, raw in enumerate(lines, 1):
        count = _count(raw)
        if count is None and raw.strip():
            read += 1
            yield number, raw
        elif count is not None and count != read:
            raise BadLine([(number, Fault(("count",), f"{count} events were sent, and {read} stand before it"))])
        elif count is not None:
            read = 0


def _count(raw: bytes) -> int | None:
    """Return the count of the feed's last line; None for any other line."""
    with suppress(Malformed, NotJson):  # a faulty last line is refused as an event
        return accept(raw, _End).count if raw.startswith(_LAST) else None
    return None


def _read(number: int, raw: bytes) -> Line:
    """Read one line as strictly as the API does; raises Malformed or NotJson."""
    members = accept(raw, _MEMBERS)
    members.pop("target_event", None)  # the feed adds it to records
    place = {name: members.pop(name) for name in _Place.__struct_fields__ if name in members}
    by = _recorder(members.pop("recorded_by", None))
    event: Fact | Record = accept(msgspec.json.encode(members), _EVENT)
    if faults := faults_of(event):
        raise Malformed(faults)
    id_ = event.id or uuid5(NAMESPACE, encode(event).decode())
    return Line(number, _instant(place) if place else None, id_, replace(event, id=id_), by)


def _recorder(written: msgspec.Raw | None) -> str:
    if written is None:
        return ""
    try:
        return msgspec.json.encode(accept(bytes(written), _Recorder)).decode()
    except Malformed as refused:
        raise Malformed([fault.within("recorded_by") for fault in refused.faults]) from refused


def _instant(members: dict[str, msgspec.Raw]) -> int:
    text = accept(msgspec.json.encode(members), _Place).recorded_at
    try:
        return instants.parse(text)
    except ValueError as error:
        raise Malformed([Fault(("recorded_at",), f"there is no {text}")]) from error


def _text(fault: Fault) -> str:
    """Return a fault as text; its pointer comes first, unless the fault is of the whole line."""
    return f"{fault.pointer}: {fault.detail}" if fault.path else fault.detail
