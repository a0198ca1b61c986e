"""The forms of changes: JSON, a table (CSV), a calendar (iCalendar, RFC 5545), a news feed (Atom, RFC 4287)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID
from xml.etree import ElementTree as ET  # it writes XML and reads none  # nosec B405

import msgspec
from icalendar import Calendar, Event

from service.api.http.requests import JSON
from service.api.http.tables import CSV, table
from service.api.spec.change_shapes import ChangedPart, DayChange
from service.domain.vocabulary import dates, instants
from service.domain.vocabulary.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from service.views.asof.changes import DatedChange

CALENDAR, ATOM = "text/calendar", "application/atom+xml"
FORMS = {"json": JSON, "csv": CSV, "ics": CALENDAR, "atom": ATOM}
"""The media types by the value of `format`."""
_ATOM = "http://www.w3.org/2005/Atom"


class _Arrival(msgspec.Struct):
    """What is read of a change as it is stored (`service.domain.rule.answer.Arrival`, whose module may be compiled)."""

    on: str
    event: str
    type: str
    because: Literal["fact", "end"]
    terms: dict[str, msgspec.Raw]


_arrival = msgspec.json.Decoder(_Arrival).decode
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def dated(change: DatedChange) -> DayChange:
    """Return a change as it is answered."""
    arrival = _arrival(change.arrival)
    before, after = (None if body is None else _members(body) for body in (change.before, change.after))
    shown = after or before or {}
    changed = [name for name in arrival.terms if (before or {}).get(name) != (after or {}).get(name)]
    return DayChange(
        day=dates.iso(change.day),
        on=arrival.on,
        item=change.slug,
        kind=change.kind,
        issues=_value(shown.get("issues"), []),
        before=_part(before, changed),
        after=_part(after, changed),
        event=UUID(arrival.event),
        type=arrival.type,
        because=arrival.because,
        certainty=_value(shown.get("certainty"), "certain"),
    )


def _part(state: Mapping[str, msgspec.Raw] | None, terms: Iterable[str]) -> ChangedPart:
    if state is None:
        return ChangedPart(status=None, terms={})
    return ChangedPart(
        status=_value(state["status"], None), terms={name: state[name] for name in sorted(terms) if name in state}
    )


def _value(raw: msgspec.Raw | None, otherwise: Any) -> Any:  # noqa: ANN401 - any JSON
    return otherwise if raw is None else msgspec.json.decode(raw)


def sentence(change: DayChange) -> str:
    """Return a change in words: the item, its statuses, and the terms that change."""
    was, now = (part.status or "nothing" for part in (change.before, change.after))
    words = f"{change.item}: {now}" if change.before.status is None else f"{change.item}: {was} to {now}"
    if was == now:
        words = f"{change.item}: {now}"
    names = sorted({*change.before.terms, *change.after.terms})
    terms = [f"{name} {_brief(change.before, name)} to {_brief(change.after, name)}" for name in names]
    if change.before.status is None:
        terms = [f"{name} {_brief(change.after, name)}" for name in names if name in _SHORT]
    return f"{words} ({'; '.join(terms)})" if terms else words


_SHORT = {"rate_percent", "charged_percent", "portion", "imposed_by", "against"}
"""The terms of an opening that a sentence has."""


def _brief(part: ChangedPart, name: str) -> str:
    value = _value(part.terms.get(name), None)
    if isinstance(value, list):
        return ", ".join(str(each.get("name", each)) if isinstance(each, dict) else str(each) for each in value)
    return "none" if value is None else str(value)


def tabled(changes: Iterable[DayChange]) -> bytes:
    """Return changes as CSV, a line each."""
    rows = [msgspec.to_builtins(msgspec.structs.asdict(each) | _sides(each), str_keys=True) for each in changes]
    return table(COLUMNS, rows)


def _sides(change: DayChange) -> dict[str, Any]:
    """Return both sides of a change in columns of their own."""
    before, after = change.before, change.after
    return {
        "status_before": before.status,
        "status_after": after.status,
        "terms_before": _decoded(before.terms),
        "terms_after": _decoded(after.terms),
        "before": None,
        "after": None,
    }


def _decoded(terms: Mapping[str, msgspec.Raw]) -> dict[str, Any]:
    return {name: msgspec.json.decode(value) for name, value in terms.items()}


COLUMNS = (
    "day", "on", "item", "kind", "issues", "status_before", "status_after", "terms_before", "terms_after", "event",
    "type", "because", "certainty",
)  # fmt: skip
"""The columns of changes as a table."""


def calendar(changes: Iterable[DayChange], known: int, url: str, ledger: str) -> bytes:
    """Return changes as a calendar: an all-day entry each, the same `UID` for the same item and day of a ledger.

    `known` is the instant of K (microseconds since 1970 UTC), `url` that of the service.
    """
    made = Calendar()
    made.add("prodid", "-//Parley//changes//EN")
    made.add("version", "2.0")
    made.add("x-wr-calname", "Parley: what changes")
    for each in changes:
        day = date.fromisoformat(each.day)
        entry = Event()
        entry.add("uid", f"{each.item}.{each.day}@{ledger}")
        entry.add("dtstamp", _moment(known))
        entry.add("dtstart", day)
        entry.add("dtend", day + timedelta(1))
        entry.add("summary", sentence(each))
        entry.add("description", _described(each))
        entry.add("categories", [each.kind, each.because])
        entry.add("url", _item_url(each, url))
        entry.add("transp", "TRANSPARENT")
        made.add_component(entry)
    return bytes(made.to_ical())


def news(changes: Sequence[DayChange], known: Sequence[int], url: str, ledger: str) -> bytes:
    """Return changes as an Atom feed; `known` has the instant at which each became known, `url` is the service's."""
    ET.register_namespace("", _ATOM)
    feed = ET.Element(f"{{{_ATOM}}}feed")
    last = max(known, default=0)
    _children(feed, id=f"urn:uuid:{ledger}", title="Parley: what changes", updated=instants.text(last))
    ET.SubElement(feed, f"{{{_ATOM}}}link", rel="via", href=f"{url}/v1/changes")
    author = ET.SubElement(feed, f"{{{_ATOM}}}author")
    _children(author, name="Parley")
    for each, at in zip(changes, known, strict=True):
        entry = ET.SubElement(feed, f"{{{_ATOM}}}entry")
        _children(
            entry,
            id=f"tag:{ledger},2025:{each.item}/{each.day}",
            title=f"{each.day} {sentence(each)}",
            updated=instants.text(at),
            summary=_described(each),
        )
        ET.SubElement(entry, f"{{{_ATOM}}}link", rel="alternate", href=_item_url(each, url))
        ET.SubElement(entry, f"{{{_ATOM}}}category", term=each.kind)
    return bytes(ET.tostring(feed, encoding="utf-8", xml_declaration=True))


def _children(parent: ET.Element, **texts: str) -> None:
    for name, text in texts.items():
        ET.SubElement(parent, f"{{{_ATOM}}}{name}").text = text


def _described(change: DayChange) -> str:
    cause = "its end" if change.because == "end" else "a fact"
    return (
        f"By {cause} ({change.type}, {change.on}). Issues: {', '.join(change.issues)}. Certainty: {change.certainty}."
    )


def _item_url(change: DayChange, url: str) -> str:
    return f"{url}/v1/{KINDS[change.kind].plural}/{change.item}?as_of={change.day}"


def _moment(instant: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=instant)
