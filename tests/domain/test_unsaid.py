"""An item out of order is found by every mark and pair that its states have, whatever part of its events is known."""

from datetime import date
from typing import Any

import msgspec
import pytest
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
from tests.events import corrected, eased, event, imposed, record
from tests.examples import thorough
from tests.strategies import as_log, histories

Event = dict[str, Any]


def items_of(log: list[Event]) -> list[Item]:
    """Return the items of a log with their chains, as they are when all of it is known, without weighing any."""
    found: dict[str, Item] = {}
    chains: dict[Any, list[Entry]] = {}
    for each in log:
        body = {name: value for name, value in each.items() if name not in {"position", "recorded_at"}}
        decoded = events.decode(msgspec.json.encode(body))
        entry = Entry(each["position"], decoded, 0, date.fromisoformat(each["recorded_at"][:10]).toordinal())
        chain = chains.setdefault(getattr(decoded, "target", decoded.id), [])
        chain.append(entry)
        chains[decoded.id] = chain
        text = text_of(decoded)
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


def said(day: str, *, stance: str = "reports") -> list[Event]:
    return [{"outlet": "A ministry", "published": day, "stance": stance}]


DUTY = imposed("duty", "trade", against=["US"], occurred="2025-03-01", reports=said("2025-03-01"))
EASED = eased(
    "duty", "trade", rate_percent=5, occurred="2025-04-01", reports=[*said("2025-04-01"), *said("2025-04-03")]
)
DENIED = DUTY | {"reports": said("2025-03-01", stance="denies")}
WHOLE = {"goods": [{"name": "terbium"}], "against": ["US"]}
GOODS, COUNTRIES = "no-goods", "against-all"


def later(type_: str, **fields: object) -> Event:
    """Make a fact that is published, and occurs, after the others."""
    return event(type_, "duty", "trade", **({"occurred": "2025-05-01", "reports": said("2025-05-01")} | fields))


@pytest.mark.parametrize(
    ("more", "marks"),
    [
        (later("restriction.suspended"), []),
        (later("restriction.lifted"), []),
        (later("restriction.amended", goods=[{"name": "dysprosium"}]), []),
        (record("disputed", DUTY, reports=said("2025-02-01")), []),
        (record("report_added", DUTY, reports=said("2025-02-01")), []),
        (corrected(DUTY, DUTY | {"goods": [{"name": "dysprosium"}]}), []),
        (later("restriction.amended", against=[]), [COUNTRIES]),
        (later("restriction.amended", unset=["goods"]), [GOODS]),
        (
            later("restriction.imposed", imposed_by="CN", instrument="quota", entities=[{"name": "A"}]),
            [COUNTRIES, GOODS],
        ),
        (later("restriction.suspended", modality="planned"), [COUNTRIES, GOODS]),
        (later("restriction.suspended", reports=said("2025-02-01")), [COUNTRIES, GOODS]),
        (later("restriction.suspended", occurred="2025-02-01"), [COUNTRIES, GOODS]),
        (later("restriction.suspended", occurred="[2025-02-01..2025-06-01]"), [COUNTRIES, GOODS]),
        (record("report_added", EASED, reports=said("2025-02-01")), [COUNTRIES, GOODS]),
        (record("report_added", DUTY, reports=said("2025-05-01", stance="denies")), [COUNTRIES, GOODS]),
        (record("retracted", DUTY, reports=said("2025-05-01")), [COUNTRIES, GOODS]),
        (corrected(DUTY, DUTY | {"occurred": "2025-04-15"}), [COUNTRIES, GOODS]),
        (corrected(DUTY, DUTY | {"reports": said("2025-04-15")}), [COUNTRIES, GOODS]),
        (corrected(DUTY, DUTY | {"against": []}), [COUNTRIES]),
        (corrected(DUTY, DENIED, reports=said("2025-05-01")), [COUNTRIES, GOODS]),
        (later("restriction.amended", **WHOLE, through="2025-06-01", reports=said("2025-02-01")), [COUNTRIES, GOODS]),
    ],
)
def test_what_the_first_fact_says_holds_until_an_event_may_be_known_without_it(more: Event, marks: list[str]) -> None:
    """Of a duty that names goods and countries no state leaves them unsaid; with one event more some state may."""
    (item,) = items_of(as_log([DUTY, EASED, more]))
    assert item.published is None
    assert [mark for mark in item.possible() if mark in SCOPE_MARKS] == marks
