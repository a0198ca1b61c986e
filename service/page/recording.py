"""Recording one event from a form: the draft that is typed, its check by a dry run, and its recording.

Everything goes by `POST /v1/events`, with the reader's key: what it refuses or warns of is what the form shows.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from service.page.ask import ApiRefusal, post
from service.page.form_text import read_fact, read_record, reports_in, written
from service.page.forms import FieldGroup, Notes, fact_groups, record_groups, shape_of
from service.page.says import Changed, terms_between
from service.page.words import when, words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.page.ask import Members
    from service.page.visit import Visit

CORRECTION = "record.corrected"
_PREFIX = "event."
"""Where the fields of the new text of a correction stand."""
_OF_CORRECTION = "Who says so of the correction, where a source made it"
_KEPT = ("causation_id", "correlation_id")
"""Members of a fact without a field that a correction keeps."""
_REFUSED, _NOT_FOUND = 400, 404
_UNSAID = {"facts", "ruling", "upcoming_more", "next_change", "issues", "id", "kind", "alternatives"}


class Draft(NamedTuple):
    """An event that is being written.

    `target` is the recorded event that a record is on, as it is read; `text` the text of it that holds, None for one
    that is retracted. `schema` is that of the type, `fact_schema` that of the new text of a correction.
    """

    type: str
    target: Members | None
    text: Members | None
    schema: Members
    fact_schema: Members | None

    @property
    def says(self) -> str:
        """Return what the vocabulary says of the type."""
        return str(shape_of(self.schema).get("description", ""))

    def groups(self, given: Mapping[str, str]) -> list[FieldGroup]:
        """Return the fields, of as many reports as the form has."""
        own = max(reports_in(given), 1)
        if self.fact_schema is not None:
            reports = max(reports_in(given, _PREFIX), 1)
            return [*fact_groups(self.fact_schema, reports, _PREFIX), *record_groups(self.schema, own, _OF_CORRECTION)]
        return fact_groups(self.schema, own) if self.target is None else record_groups(self.schema, own)

    def values(self) -> dict[str, str]:
        """Return what the form of a correction has at first: the text that holds."""
        return {} if self.fact_schema is None or self.text is None else written(self.text, _PREFIX)

    def event(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Return the event that a form gives."""
        if self.target is None:
            return {"type": self.type, **read_fact(self.schema, given)}
        record = {"type": self.type, "target": self.target["id"], **read_record(self.schema, given)}
        if self.fact_schema is None or self.text is None:
            return record
        kept = {name: self.text[name] for name in _KEPT if name in self.text}
        return {**record, "event": {"type": self.text["type"], **kept, **read_fact(self.fact_schema, given, _PREFIX)}}


async def draft_of(visit: Visit, kind: str, target: str) -> Draft:
    """Return the draft of a type of event, on a recorded event where it is a record; raises ApiRefusal."""
    schema = await _schema(visit, kind)
    if not kind.startswith("record."):
        return Draft(kind, None, None, schema, None)
    if not target:
        raise ApiRefusal(
            _NOT_FOUND, {"title": "No fact", "detail": "A record is on a fact: choose it beside the fact."}
        )
    read = (await visit.ask(f"/v1/events/{target}")).members()
    text = read["now"]
    if kind != CORRECTION:
        return Draft(kind, read, text, schema, None)
    if text is None:
        raise ApiRefusal(
            _REFUSED, {"title": "Retracted", "detail": "This fact has been retracted: retract that first."}
        )
    return Draft(kind, read, text, schema, await _schema(visit, text["type"]))


async def _schema(visit: Visit, kind: str) -> Members:
    # The schema of a correction has the whole vocabulary in it; its own members are those of a retraction.
    name = "record.retracted" if kind == CORRECTION else kind
    schema = (await visit.ask(f"/schema/events/{name}.v1.json")).members()
    if kind == CORRECTION:
        shape = {**shape_of(schema), "description": "The text of the fact was wrong, and a new one takes its place."}
        schema["$defs"][schema["$ref"].rpartition("/")[2]] = shape
    return schema


class DryRun(NamedTuple):
    """What a dry run answers: the day, the position, the event's id, its items; and the digest of the event."""

    as_of: str
    position: int
    id: str
    items: list[dict[str, Any]]
    digest: str


def digest(event: Members) -> str:
    """Return a text that is another one for other events: by it a form knows what has been checked."""
    return hashlib.sha256(msgspec.json.encode(event)).hexdigest()[:20]


async def may_record(visit: Visit) -> None:
    """Raise ApiRefusal where the reader may not record: without a key that may."""
    status, problem = await _sent(visit, {"dry_run": "true"}, {"events": []})
    if status in {401, 403}:
        raise ApiRefusal(status, problem)


async def checked(visit: Visit, event: Members) -> tuple[DryRun | None, Notes, Members]:
    """Return what the answer would be, what is said of the fields, and the problem; no preview of what is refused."""
    status, found = await _sent(visit, {"dry_run": "true"}, {"events": [event]})
    if status >= _REFUSED:
        return None, Notes(found.get("errors", ())), found
    items = [_compared(each) for each in found["items"]]
    preview = DryRun(found["as_of"], found["known_position"], found["events"][0]["id"], items, digest(event))
    return preview, Notes((), found["warnings"]), {}


async def recorded(visit: Visit, event: Members, number: str) -> tuple[Notes, Members]:
    """Record an event under an id: once, however often it is sent. Returns what is said where it is refused."""
    status, found = await _sent(visit, {}, {"events": [{**event, "id": number}]})
    return (Notes(found.get("errors", ())), found) if status >= _REFUSED else (Notes(), {})


async def _sent(visit: Visit, query: Mapping[str, object], body: Members) -> tuple[int, Members]:
    answer = await post(visit.request, "/v1/events", query, msgspec.json.encode(body))
    return answer.status, msgspec.json.decode(answer.body)


def _compared(item: Members) -> dict[str, Any]:
    """Return an item with what differs between both of its states."""
    before, after = item["before"] or {}, item["after"] or {}
    names = [name for name in {**before, **after} if name not in _UNSAID and before.get(name) != after.get(name)]
    terms = terms_between(before, after, [name for name in names if name not in {"upcoming", "status"}])
    if "upcoming" in names:
        terms.append(Changed("what comes next", _upcoming(before), _upcoming(after)))
    changed = sorted({each.name for each in terms})
    return {**item, "terms": terms, "same": not names, "changed": changed}


def _upcoming(state: Members) -> str:
    return "; ".join(f"{words(each['status'])}, {when(each['on'])}" for each in state.get("upcoming", ())) or "nothing"
