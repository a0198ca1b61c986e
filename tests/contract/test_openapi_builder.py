"""The OpenAPI builder: from a table of operations to a document that validators, readers and generators take."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from msgspec import Meta
from openapi_spec_validator import validate

from service.api.http.parameters import AsOfPageQuery, AsOfQuery, Limit
from service.api.http.problem_kinds import PROBLEM_KINDS
from service.api.http.query_strings import Query
from service.api.spec.named_types import TAG_TEXT
from service.api.spec.openapi import document, encode
from service.api.spec.operations import Documented, Media, Operation
from service.api.spec.recorded_shapes import AnyRecorded
from service.domain.vocabulary.codes import PARTIES, Party, Slug
from service.domain.vocabulary.events import FACTS, RECORDS, Batch, Correction
from tests.strategies import histories

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

EVENT_ID = Annotated[UUID, Meta(description="The id of a recorded event.")]


class Receipt(msgspec.Struct):
    """What an append answers."""

    position: int
    events: tuple[AnyRecorded, ...]


class EventPage(msgspec.Struct):
    """A page of events."""

    items: tuple[AnyRecorded, ...]
    next: str | None


class Filters(Query, frozen=True, kw_only=True):
    """Filters of one list; its limit is another than that of the other lists."""

    party: Party | None = None
    limit: Annotated[Limit, Meta(description="At most so many.")] = 7


OPERATIONS = [
    Operation(
        method="POST",
        path="/v1/events",
        operation_id="append_events",
        tag="events",
        summary="Append events",
        description="Appends events, all or none.",
        body=Batch,
        body_examples={"one": {"events": []}},
        answers={201: Documented("Recorded.", Receipt, headers=("Location",)), 200: ("Recorded before.", Receipt)},
        problems=(409,),
    ),
    Operation(
        method="GET",
        path="/v1/events",
        operation_id="list_events",
        tag="events",
        summary="List events",
        description="Lists events as known.",
        query=AsOfPageQuery,
        headers=("If-None-Match",),
        answers={
            200: Documented("Events.", EventPage, example={"items": [], "next": None}, also=(Media("text/csv"),)),
            304: ("The same.",),
        },
        problems=("knowledge-ahead",),
    ),
    Operation(
        method="GET",
        path="/v1/events/{id}",
        operation_id="get_event",
        tag="events",
        summary="Read an event",
        description="Gives one event.",
        path_parameters={"id": EVENT_ID},
        query=AsOfQuery,
        headers=("If-None-Match",),
        answers={200: ("The event.", AnyRecorded)},
        problems=("unknown-event",),
    ),
    Operation(
        method="PUT",
        path="/v1/events/{id}",
        operation_id="correct_event",
        tag="events",
        summary="Correct an event",
        description="Gives it a new text.",
        path_parameters={"id": EVENT_ID},
        required_headers=("If-Match",),
        body=Correction,
        answers={200: ("Corrected.", Receipt)},
        problems=(404, 412),
    ),
    Operation(
        method="GET",
        path="/v1/issues/{issue}",
        operation_id="get_issue",
        tag="events",
        summary="Read an issue",
        description="Gives an issue.",
        path_parameters={"issue": Slug},
        query=Filters,
        answers={200: Documented("The issue.", None, "text/plain")},
    ),
]


def build(operations: list[Operation] = OPERATIONS) -> dict[str, Any]:
    return document(operations, title="Parley", version="1.2.3", tags={"events": "Events."})


@pytest.fixture(scope="module")
def doc() -> dict[str, Any]:
    """Return the document of the table above."""
    return build()


def nodes(node: object) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    if isinstance(node, dict | list):
        for part in node.values() if isinstance(node, dict) else node:
            yield from nodes(part)


def parameters(doc: dict[str, Any], path: str, method: str) -> dict[str, dict[str, Any]]:
    found = doc["paths"][path][method]["parameters"]
    shared = doc["components"]["parameters"]
    resolved = [shared[each["$ref"].rpartition("/")[2]] if "$ref" in each else each for each in found]
    return {each["name"]: each for each in resolved}


def validator(doc: dict[str, Any], component: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(
        {"$ref": f"#/components/schemas/{component}", "components": doc["components"]}
    )


def test_the_document_is_valid_openapi(doc: dict[str, Any]) -> None:
    """The validator of the specification finds no fault."""
    validate(doc)
    assert doc["openapi"].startswith("3.1.")
    assert doc["info"]["license"] == {"name": "Apache License 2.0", "identifier": "Apache-2.0"}


def test_the_same_table_gives_the_same_bytes(doc: dict[str, Any]) -> None:
    """Building again changes no byte; the document is indented and ends with a newline."""
    assert encode(doc) == encode(build())
    assert encode(doc).startswith(b'{\n  "openapi"')
    assert encode(doc).endswith(b"}\n")
    assert json.loads(encode(doc)) == doc


def test_every_reference_leads_somewhere_and_every_component_is_referred_to(doc: dict[str, Any]) -> None:
    """There is no dangling reference, and no component that nothing needs."""
    mapped = {ref for node in nodes(doc) for ref in node.get("discriminator", {}).get("mapping", {}).values()}
    used = {node["$ref"] for node in nodes(doc) if isinstance(node.get("$ref"), str)} | mapped
    used |= {f"#/components/securitySchemes/{name}" for asked in doc["security"] for name in asked}
    named = {f"#/components/{sort}/{name}" for sort, parts in doc["components"].items() for name in parts}
    assert used == named


def test_unions_are_named_and_discriminated_by_type(doc: dict[str, Any]) -> None:
    """Events, facts and recorded events are named unions with a discriminator that maps every type."""
    schemas = doc["components"]["schemas"]
    expected: dict[str, Mapping[str, Any]] = {
        "ParleyEvent": {**FACTS, **RECORDS},
        "FactEvent": FACTS,
        "RecordedEvent": {**FACTS, **RECORDS},
    }
    for name, types in expected.items():
        assert set(schemas[name]["discriminator"]["mapping"]) == set(types)
        assert {part["$ref"] for part in schemas[name]["oneOf"]} == set(
            schemas[name]["discriminator"]["mapping"].values()
        )
    assert schemas["Batch"]["properties"]["events"]["items"] == {"$ref": "#/components/schemas/ParleyEvent"}
    assert schemas["RecordCorrected"]["properties"]["event"]["$ref"] == "#/components/schemas/FactEvent"
    assert schemas["EventPage"]["properties"]["items"]["items"] == {"$ref": "#/components/schemas/RecordedEvent"}


def test_the_tag_of_each_event_is_constant(doc: dict[str, Any]) -> None:
    """The type of an event is a constant."""
    for name, struct in {**FACTS, **RECORDS}.items():
        schema = doc["components"]["schemas"][struct.__name__]
        tag = {"description": TAG_TEXT, "type": "string", "const": name}
        assert schema["properties"]["type"] == tag
        assert schema["description"] == struct.__doc__


def test_what_goes_in_is_closed_and_what_comes_out_is_open(doc: dict[str, Any]) -> None:
    """Schemas of requests refuse unknown members; those of answers do not, so that answers may grow."""
    schemas = doc["components"]["schemas"]
    assert all(schemas[name]["additionalProperties"] is False for name in ("Batch", "Correction", "CallHeld", "Report"))
    assert all("additionalProperties" not in schemas[name] for name in ("Receipt", "RecordedCallHeld", "Problem"))


def test_party_codes_are_listed_once(doc: dict[str, Any]) -> None:
    """The list of parties is one component, however many fields hold a party."""
    lists = [node["enum"] for node in nodes(doc) if len(node.get("enum", ())) > 200]
    assert lists == [list(PARTIES)]
    assert doc["components"]["schemas"]["Party"]["type"] == "string"


def test_an_optional_field_of_a_request_is_no_null(doc: dict[str, Any]) -> None:
    """The only null of the document is that of an answer that has one."""
    nulls = [node for node in nodes(doc) if {"type": "null"} in node.get("anyOf", ())]
    assert nulls == [doc["components"]["schemas"]["EventPage"]["properties"]["next"]]


def test_patterns_are_those_of_ecma(doc: dict[str, Any]) -> None:
    r"""No pattern ends in Python's \Z, which is no end elsewhere."""
    patterns = [node["pattern"] for node in nodes(doc) if isinstance(node.get("pattern"), str)]
    assert patterns
    assert not [pattern for pattern in patterns if r"\Z" in pattern]


def test_parameters_come_from_the_types(doc: dict[str, Any]) -> None:
    """Each parameter has its place, its description, there and in its schema, and its bounds; no default."""
    found = parameters(doc, "/v1/events", "get")
    known = {"as_of", "known_at", "known_position", "known_basis"}
    assert set(found) == {*known, "sources", "cursor", "limit", "If-None-Match"}
    text = "At most so many on a page. `50` when absent."
    assert found["limit"]["schema"] == {"description": text, "type": "integer", "minimum": 1, "maximum": 1000}
    assert doc["components"]["schemas"]["Day"]["format"] == "date"
    assert all(each["schema"]["description"] == each["description"] for each in found.values())
    assert all(each["description"] and each["required"] is False for each in found.values())
    corrected = parameters(doc, "/v1/events/{id}", "put")
    assert (corrected["id"]["in"], corrected["If-Match"]["in"]) == ("path", "header")
    assert corrected["id"]["required"]
    assert corrected["If-Match"]["required"]


def test_parameters_are_shared_only_where_they_are_the_same(doc: dict[str, Any]) -> None:
    """A parameter of several operations is a component; one of the same name that differs is not."""
    assert {"AsOf", "KnownAt", "IdPath", "IfNoneMatchHeader"} <= doc["components"]["parameters"].keys()
    assert parameters(doc, "/v1/issues/{issue}", "get")["limit"]["description"].endswith("`7` when absent.")


def test_a_parameter_of_a_named_type_refers_to_it(doc: dict[str, Any]) -> None:
    """A party in a query is the same component as a party in an event."""
    assert parameters(doc, "/v1/issues/{issue}", "get")["party"]["schema"]["$ref"] == "#/components/schemas/Party"


ALWAYS = ("414", "421", "431", "500", "503")
"""The statuses of problems that every operation may answer with."""


@pytest.mark.parametrize(
    ("path", "method", "statuses"),
    [
        ("/v1/events", "post", {"200", "201", "400", "403", "408", "409", "413", *ALWAYS, "415", "422"}),
        ("/v1/events", "get", {"200", "304", "400", "422", *ALWAYS}),
        (
            "/v1/events/{id}",
            "put",
            {"200", "400", "403", "404", "408", "412", "413", "415", "422", *ALWAYS},
        ),
    ],
)
def test_every_operation_documents_its_problems(
    doc: dict[str, Any], path: str, method: str, statuses: set[str]
) -> None:
    """An operation documents the problems of its body, its query and the service, in addition to its own."""
    assert set(doc["paths"][path][method]["responses"]) == statuses


def test_problems_are_shared_answers_with_examples(doc: dict[str, Any]) -> None:
    """Each problem is a component of its media type; kinds that share a status share an answer with both examples."""
    answers = doc["components"]["responses"]
    for answer in answers.values():
        media = answer["content"]["application/problem+json"]
        assert media["schema"] == {"$ref": "#/components/schemas/Problem"}
        for name, example in media["examples"].items():
            assert example["value"]["type"] == PROBLEM_KINDS[name].type
            validator(doc, "Problem").validate(example["value"])
    conflict = next(answer for name, answer in answers.items() if "VersionConflict" in name)
    assert {"version-conflict", "event-id-conflict"} <= set(conflict["content"]["application/problem+json"]["examples"])
    assert "Retry-After" in answers["Unavailable"]["headers"]


def test_answers_without_content_have_none(doc: dict[str, Any]) -> None:
    """A 304 documents no body; other media types of an answer stand next to the first."""
    responses = doc["paths"]["/v1/events"]["get"]["responses"]
    assert "content" not in responses["304"]
    assert set(responses["200"]["content"]) == {"application/json", "text/csv"}
    assert responses["200"]["content"]["application/json"]["example"] == {"items": [], "next": None}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"operation_id": "append_events"}, "operation id"),
        ({"path": "/v1/events/{other}"}, "path"),
        ({"problems": ("no-such-problem",)}, "no such problems"),
        ({"tag": "secrets"}, "tag"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(change: dict[str, Any], complaint: str) -> None:
    """A repeated id, a parameter without a type, an unknown problem and an undescribed tag are refused."""
    with pytest.raises(ValueError, match=complaint):
        build([OPERATIONS[0], replace(OPERATIONS[2], **change)])


def test_two_structs_of_one_name_are_refused() -> None:
    """A component's name stands for one type."""
    namesake = msgspec.defstruct("Batch", [("x", int)])
    with pytest.raises(ValueError, match="Batch"):
        build([OPERATIONS[0], replace(OPERATIONS[1], answers={200: ("x", namesake)})])


@settings(max_examples=30)
@given(history=histories(max_events=6))
def test_events_that_the_ledger_takes_are_valid_by_the_document(
    doc: dict[str, Any], history: list[dict[str, Any]]
) -> None:
    """Every event of a valid history matches its schema."""
    check = validator(doc, "ParleyEvent")
    for event in history:
        check.validate(event)


def test_what_the_ledger_refuses_is_invalid_by_the_document(doc: dict[str, Any]) -> None:
    """An unknown field, a wrong code, a malformed date and a missing field are wrong by the schema too."""
    check = validator(doc, "ParleyEvent")
    sound: dict[str, Any] = {
        "type": "call.held",
        "issues": ["rare-earths"],
        "item": "call-of-june",
        "occurred": "2025-06-05",
        "participants": [{"name": "A president", "party": "US"}],
        "reports": [{"outlet": "Xinhua"}],
    }
    check.validate(sound)
    missing = {key: value for key, value in sound.items() if key != "item"}
    for wrong in ({**sound, "colour": 1}, {**sound, "initiator": "UK"}, {**sound, "occurred": "June 2025"}, missing):
        assert not check.is_valid(wrong)
