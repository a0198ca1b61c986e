"""Examples of answers that the rule works out from the seeds: states of the items that the paths have as examples."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from service.api.spec.examples import AS_OF, BASIS, ITEMS
from service.api.spec.operations import Documented
from service.domain.rule.item import Item
from service.domain.rule.read_state import without_facts
from service.domain.vocabulary import dates
from service.domain.vocabulary.events import decode
from service.domain.vocabulary.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from service.api.spec.operations import Operation
    from service.domain.vocabulary.events import Fact, Record


def with_answers(operations: Iterable[Operation], seeds: Iterable[bytes]) -> list[Operation]:
    """Return operations; those that get or list a kind of item have one of the seeds as an example.

    A history is that of its first fact alone, as it was when nothing more was known, and without facts: the document
    says things once.
    """
    answers = _answers([decode(line) for each in seeds for line in each.splitlines()])
    return [
        replace(each, answers={**each.answers, 200: _shown(each, answers[each.operation_id])})
        if each.operation_id in answers
        else each
        for each in operations
    ]


def _shown(operation: Operation, example: Any) -> Documented:  # noqa: ANN401 - JSON
    return Documented(*operation.answers[200])._replace(example=example)


def _answers(events: list[Fact | Record]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for kind, slug in ITEMS.items():
        state = _state(events, slug)
        found[f"get_{kind}"] = {**state, **BASIS}
        found[f"list_{KINDS[kind].plural}"] = {"items": [state], "next": None, **BASIS}
        found[f"list_{kind}_versions"] = {"items": _versions(events, slug), "next": None, **BASIS, "as_of": None}
    return found


def _state(events: list[Fact | Record], slug: str) -> dict[str, Any]:
    """Return the state of an item on the day of the examples, which it has."""
    state = Item.of(events, slug).state(dates.parse(AS_OF["as_of"]).lo)
    assert state is not None, slug  # noqa: S101 - the examples are ours
    members: dict[str, Any] = msgspec.json.decode(state.body)
    return members


def _versions(events: list[Fact | Record], slug: str) -> list[dict[str, Any]]:
    item = Item.of([next(event for event in events if event.item == slug)])
    starts = [segment.start for segment in item.segments]
    ends = [*map(dates.iso, starts[1:]), None]
    known = {"known_from": BASIS["known_position"], "known_to": None}
    return [
        {
            "valid_from": dates.iso(start),
            "valid_to": end,
            **known,
            "state": msgspec.json.decode(without_facts(state.body)),
        }
        for start, end in zip(starts, ends, strict=True)
        if (state := item.state(start))
    ]
