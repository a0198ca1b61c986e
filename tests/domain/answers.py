"""States by the rule of the service, for events written with names in place of UUIDs and without what nobody asks."""

import json
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import msgspec

from service.domain.rule.item import Item
from service.domain.vocabulary import dates
from service.domain.vocabulary.events import FACTS, AnyEvent, Fact, Record
from tests.strategies import REQUIRED

Event = dict[str, Any]


def by_the_rule(log: list[Event], item: str, day: str) -> Event | None:
    """Return the state of an item on a day by the rule of the service, in the names of the log; None without one."""
    names = {str(uuid5(NAMESPACE_OID, event["id"])): event["id"] for event in log}
    state = Item.of([typed(event) for event in log], item).state(dates.parse(day).lo)
    if state is None:
        return None
    text = state.body.decode()
    for written, name in names.items():
        text = text.replace(written, name)
    found: Event = json.loads(text)
    return found


def typed(event: Event) -> Fact | Record:
    """Return an event as the service reads it: with UUIDs, and with the terms that its type requires."""
    plain = {name: value for name, value in event.items() if name not in {"position", "recorded_at"}}
    made: Fact | Record = msgspec.convert(completed(plain), AnyEvent)
    return made


def completed(event: Event) -> Event:
    """Return the event with the UUIDs of its names, and with the terms that its type requires."""
    ids: Event = {name: str(uuid5(NAMESPACE_OID, event[name])) for name in ("id", "target") if name in event}
    text: Event = {"event": completed(event["event"])} if "event" in event else {}
    return {**with_required(event), **ids, **text}


def with_required(event: Event) -> Event:
    """Return the event with the terms that its type requires, where it leaves them out."""
    fields = msgspec.structs.fields(FACTS[event["type"]]) if event["type"] in FACTS else ()
    of_kind = REQUIRED.get(event["type"].partition(".")[0], {})
    missing = {field.name: of_kind[field.name] for field in fields if field.required and field.name in of_kind}
    return {**missing, **event}
