"""The document keeps what clients made from the released one rely on, and each break has a name."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.breaking import DOCUMENT, breaking, released

if TYPE_CHECKING:
    from collections.abc import Callable

NOW: dict[str, Any] = json.loads(DOCUMENT.read_bytes())


def schema(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["schemas"][name]
    return found


def without_operation(document: dict[str, Any]) -> None:
    del document["paths"]["/v1/events"]["post"]


def without_member_of_an_answer(document: dict[str, Any]) -> None:
    del schema(document, "Receipt")["properties"]["epoch"]


def optional_in_an_answer(document: dict[str, Any]) -> None:
    schema(document, "Receipt")["required"].remove("position")


def required_in_a_request(document: dict[str, Any]) -> None:
    schema(document, "IssueOpening")["required"].append("note")


def another_type(document: dict[str, Any]) -> None:
    schema(document, "Receipt")["properties"]["position"] = {"type": "string"}


def without_a_value_in_a_request(document: dict[str, Any]) -> None:
    schema(document, "Instrument")["enum"].remove("tariff")


def without_a_type_of_event(document: dict[str, Any]) -> None:
    del schema(document, "ParleyEvent")["discriminator"]["mapping"]["call.held"]


def a_lower_bound(document: dict[str, Any]) -> None:
    schema(document, "Batch")["properties"]["events"]["maxItems"] = 10


def without_a_parameter(document: dict[str, Any]) -> None:
    parameters = document["paths"]["/v1/restrictions"]["get"]["parameters"]
    parameters[:] = [each for each in parameters if each.get("name") != "status"]


def null_in_an_answer(document: dict[str, Any]) -> None:
    now = schema(document, "EventNow")["properties"]["now"]
    now["anyOf"] = [{"$ref": "#/components/schemas/FactEvent"}]


BREAKS: list[tuple[Callable[[dict[str, Any]], None], str]] = [
    (without_operation, "POST /v1/events is gone"),
    (without_member_of_an_answer, "POST /v1/issues: 200.epoch is gone"),
    (optional_in_an_answer, "POST /v1/issues: 200.position is optional now"),
    (required_in_a_request, "POST /v1/issues: body.note is required now"),
    (another_type, "POST /v1/issues: 200.position is string in place of integer"),
    (without_a_value_in_a_request, ".instrument may no longer be tariff"),
    (without_a_type_of_event, "is no longer call.held"),
    (a_lower_bound, "POST /v1/events: body.events has maxItems 10 in place of 1000"),
    (without_a_parameter, "GET /v1/restrictions: parameter status is gone"),
]

SAID_SINCE = ("parameter q has another pattern", "parameter Idempotency-Key has another pattern")
"""Rules that the service already had when it was released, which its document did not say: nobody relied on more."""


def test_nothing_that_was_released_is_broken() -> None:
    """Clients made from the released document go on working; `python -m tests.contract.breaking` notes a release."""
    assert [each for each in breaking(released(), NOW) if not each.endswith(SAID_SINCE)] == []


@pytest.mark.parametrize(("change", "named"), BREAKS, ids=lambda each: getattr(each, "__name__", ""))
def test_a_break_is_named(change: Callable[[dict[str, Any]], None], named: str) -> None:
    """Each kind of break is found and says where it is; the other way around it is an addition, or another break."""
    changed = copy.deepcopy(NOW)
    change(changed)
    found = breaking(NOW, changed)
    assert any(named in each for each in found), found


def test_null_in_an_answer_is_a_break() -> None:
    """A client that reads a member without looking for null fails on one."""
    before = copy.deepcopy(NOW)
    null_in_an_answer(before)
    assert any("now may be null now" in each for each in breaking(before, NOW))


def test_additions_are_no_breaks() -> None:
    """A new operation, an optional member, a new type of event and another value of an answer break nothing."""
    before = copy.deepcopy(NOW)
    del before["paths"]["/v1/exposure"]
    del schema(before, "IssueOpening")["properties"]["note"]
    del schema(before, "RecordedEvent")["discriminator"]["mapping"]["call.held"]
    del schema(before, "ParleyEvent")["discriminator"]["mapping"]["call.held"]
    assert breaking(before, NOW) == []
