"""By what the states of an item may be found as published holds for whatever part of its events is known."""

from datetime import date
from typing import Any

import msgspec
from hypothesis import event as note
from hypothesis import given

from service.domain.rule.facts import Entry
from service.domain.rule.item import Item
from service.domain.rule.publication import as_published_by, days
from service.domain.rule.tokens import marks, pairs, tokens_of_answer
from service.domain.vocabulary import events
from service.domain.vocabulary.codes import SCOPE_MARKS
from service.domain.vocabulary.events import text_of
from service.domain.vocabulary.kinds import CHANGES
from tests.examples import thorough
from tests.strategies import as_log, histories

Event = dict[str, Any]


def items_of(log: list[Event]) -> list[Item]:
    """Return the items of a log with their chains, as they are when all of it is known, without weighing any."""
    found: dict[str, Item] = {}
    chains: dict[Any, list[Entry]] = {}
    for each in log:
        body = {name: value for name, value in each.items() if name not in {"position", "recorded_at"}}
        event = events.decode(msgspec.json.encode(body))
        entry = Entry(each["position"], event, 0, date.fromisoformat(each["recorded_at"][:10]).toordinal())
        chain = chains.setdefault(getattr(event, "target", event.id), [])
        chain.append(entry)
        chains[event.id] = chain
        text = text_of(event)
        if text is not None and text.item not in found:
            found[text.item] = Item(entry.position, text.item, CHANGES[text.type].kind)
    for item in found.values():
        bearing = [chain for chain in chains.values() if any(named(entry) == item.slug for entry in chain)]
        for entry in sorted({e.position: e for chain in bearing for e in chain}.values(), key=lambda e: e.position):
            item.add(entry)
    return list(found.values())


def named(entry: Entry) -> str | None:
    text = text_of(entry.event)
    return None if text is None else text.item


def found_by(item: Item) -> set[str]:
    """Return the scope marks and the pairs of all states of an item as it is known now."""
    found: set[str] = set()
    for segment in item.segments:
        if segment.answer.status is not None:
            carried = [*tokens_of_answer(segment.answer), *marks(item.kind, segment.answer)]
            found |= {*SCOPE_MARKS.intersection(carried), *pairs(item.kind, carried)}
    return found


@thorough(3)
@given(histories())
def test_no_state_as_published_is_found_by_anything_else(history: list[Event]) -> None:
    """Marks and pairs of a state, at every K and on every day of publication, are among those that are possible."""
    log = as_log(history)
    for whole in items_of(log):
        entries = sorted([e for chain in whole.chains.values() for e in chain], key=lambda e: e.position)
        item = Item(whole.number, whole.slug, whole.kind.name)
        for place, entry in enumerate(entries, start=1):
            item.add(entry)
            if item.published is not None or entry.position < item.number:
                continue
            possible = {*item.possible()}
            for day in sorted({day for each in entries[:place] for day in days(each)}):
                known = Item(whole.number, whole.slug, whole.kind.name)
                known.know({root: as_published_by(chain, day) for root, chain in item.chains.items()})
                assert found_by(known) <= possible, (item.slug, entry.position, day)
            note(f"{item.kind.name}: {len(SCOPE_MARKS - possible)} marks are ruled out")
