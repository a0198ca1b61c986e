"""The OpenAPI document is what the service does: no drift, every route in it, examples and answers of its schemas."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from litestar import Litestar
from litestar.testing import TestClient
from openapi_spec_validator import validate

from service.api import routes
from service.api.spec.state_shapes import State
from service.app import create_app
from service.domain.vocabulary.events import FACTS
from service.domain.vocabulary.terms import term_names
from service.page.handlers import page_handlers
from service.settings import Settings

ROOT = Path(__file__).parents[2]
DOCUMENT: dict[str, Any] = json.loads((ROOT / "openapi" / "openapi.json").read_bytes())
SEEDS = [json.loads(line) for line in (ROOT / "seeds" / "london.ndjson").read_text().splitlines()]
WEBHOOK = "desk"
DAY, ISSUE, EVENT = "2025-06-10", "rare-earth-export-restrictions", SEEDS[3]["id"]

QUESTIONS = [
    "/v1/issues?limit=2",
    f"/v1/issues/{ISSUE}?as_of={DAY}",
    f"/v1/issues/{ISSUE}?as_of=2025-04-15&include=ended",
    "/v1/issues/chip-export-controls?as_of=2020-01-01",
    f"/v1/issues/{ISSUE}?as_of={DAY}&include=ended,planned&sources=all",
    "/v1/rounds?status=planned&as_of=2025-06-01&sources=none",
    f"/v1/issues/{ISSUE}/timeline",
    f"/v1/issues/{ISSUE}/diff?from=2025-03-31&to={DAY}",
    f"/v1/issues/{ISSUE}/diff?known_from=3&as_of={DAY}",
    f"/v1/issues/{ISSUE}/diff",
    "/v1/issues/no-such-issue/timeline",
    "/v1/exposure?good=dysprosium&party=US&as_of=2025-06-10",
    "/v1/exposure?party=US",
    "/v1/exposure?good=semiconductors&origin=CN&destination=US&as_of=2025-06-10",
    "/v1/exposure?hs=8542&origin=CN&known_position=0",
    "/v1/between?a=US&b=CN&as_of=2025-06-10",
    "/v1/between?between=US,CN&hs=28&as_of=2025-06-10&known_position=0",
    "/v1/between?a=US",
    "/v1/issues?q=chip",
    "/v1/restrictions/china-seven-rare-earths-control/versions",
    "/v1/rounds/us-china-talks-london/versions?known_position=12",
    "/v1/restrictions?as_of=2025-04-15",
    "/v1/restrictions/china-seven-rare-earths-control",
    "/v1/rounds",
    f"/v1/rounds/us-china-talks-london?as_of={DAY}",
    "/v1/calls",
    "/v1/statements",
    "/v1/demands",
    "/v1/offers",
    "/v1/commitments",
    f"/v1/clearances?as_of={DAY}",
    "/v1/threats",
    "/v1/agreements",
    "/v1/investigations",
    "/v1/disputes",
    "/v1/events?limit=20",
    f"/v1/events/{EVENT}",
    "/v1/feed?limit=1000",
    "/v1/consumers",
    "/v1/consumers/archive",
    "/v1/consumers/nobody",
    "/healthz",
    "/readyz",
    "/v1/restrictions/no-such-item",
    "/v1/restrictions?as_of=2025-13-01&foo=1",
    "/v1/feed?after=-1",
    "/v1/subscriptions",
    f"/v1/subscriptions/{WEBHOOK}",
    f"/v1/subscriptions/{WEBHOOK}/deliveries",
    "/v1/subscriptions/nobody",
    f"/v1/subscriptions/{WEBHOOK}/deliveries?limit=0",
]


@pytest.fixture
def client(migrated_sqlite_url: str) -> Iterator[TestClient[Litestar]]:
    """A service with the London set and a webhook, which may go to this machine: nothing is resolved."""
    with TestClient(create_app(Settings(database_url=migrated_sqlite_url, webhooks_allow_private=True))) as client:
        webhook = {"id": WEBHOOK, "url": "http://127.0.0.1:9/", "party": "CN"}
        assert client.post("/v1/subscriptions", json=webhook).status_code == 201
        assert client.post("/v1/events", json={"events": SEEDS}).status_code == 201
        assert client.put("/v1/consumers/archive", json={"position": 7}).status_code == 201
        yield client


def schema_of(path: str, method: str, status: int, form: str = "application/json") -> dict[str, Any]:
    """Return the schema that the document has for an answer of a media type."""
    operation = next(
        item[method] for template, item in DOCUMENT["paths"].items() if method in item and matches(template, path)
    )
    answer = operation["responses"][str(status)]
    if "$ref" in answer:
        answer = DOCUMENT["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    return {"components": CLOSED, **answer["content"][form.partition(";")[0]]["schema"]}


def closed(schemas: dict[str, Any]) -> dict[str, Any]:
    """Return the components with every object closed: an answer has no member that is not described.

    Where members stand beside a union, each takes those of the other.
    """
    written = {
        name: schema | {"additionalProperties": False} if "properties" in schema and "oneOf" not in schema else schema
        for name, schema in schemas.items()
    }
    beside = schemas["EventNow"]
    both = [
        written[ref] | {"properties": written[ref]["properties"] | beside["properties"]}
        for ref in (each["$ref"].rpartition("/")[2] for each in beside["oneOf"])
    ]
    return written | {"EventNow": {"required": beside["required"], "oneOf": both}}


CLOSED = DOCUMENT["components"] | {"schemas": closed(DOCUMENT["components"]["schemas"])}


def matches(template: str, path: str) -> bool:
    """Return whether a path is of a template."""
    ours, theirs = template.split("/"), path.split("/")
    return len(ours) == len(theirs) and all(
        one == "{" + one[1:-1] + "}" or one == other for one, other in zip(ours, theirs, strict=True)
    )


def test_the_committed_document_is_the_one_the_code_writes() -> None:
    """openapi/openapi.json has not drifted; `parley openapi` writes it again."""
    assert (ROOT / "openapi" / "openapi.json").read_bytes() == routes.openapi()


def test_the_document_is_openapi() -> None:
    """The document is valid OpenAPI 3.1."""
    validate(DOCUMENT)


def test_every_route_is_described_and_every_description_routed(migrated_sqlite_url: str) -> None:
    """The paths and methods of the application are those of the document, pages for people aside."""
    pages = {path for handler in page_handlers() for path in handler.paths}
    app: Litestar = create_app(Settings(database_url=migrated_sqlite_url))
    routed = {
        (route.path_format, method)
        for route in app.routes
        for method in getattr(route, "methods", ())
        if method not in {"OPTIONS", "HEAD"} and not route.path.startswith(("/schema", "/problems", "/.well-known"))
        if route.path not in pages
    }
    described = {
        (path, method.upper()) for path, item in DOCUMENT["paths"].items() for method in item if method != "parameters"
    }
    assert routed == described


def test_every_operation_has_what_a_reader_needs() -> None:
    """Each operation has an id of its own, a summary, a description, a tag, its problems, and examples of its body."""
    ids = [operation["operationId"] for item in DOCUMENT["paths"].values() for operation in item.values()]
    assert len(ids) == len(set(ids))
    for item in DOCUMENT["paths"].values():
        for operation in item.values():
            assert operation["summary"], operation["operationId"]
            assert operation["description"]
            assert operation["tags"]
            assert any(status[0] in "45" for status in operation["responses"])
            for media in operation.get("requestBody", {}).get("content", {}).values():
                assert media["examples"]


@pytest.mark.parametrize("path", QUESTIONS)
def test_answers_are_of_their_schema(client: TestClient[Litestar], path: str) -> None:
    """What the service answers on the London set is valid by the document."""
    response = client.get(path)
    schema = schema_of(path.partition("?")[0], "get", response.status_code, response.headers["content-type"])
    jsonschema.Draft202012Validator(schema).validate(response.json())


def test_a_member_that_the_document_does_not_know_is_noticed(client: TestClient[Litestar]) -> None:
    """The check of the answers refuses a member that the document does not have."""
    path = f"/v1/issues/{ISSUE}"
    answer = client.get(path, params={"as_of": DAY}).json()
    validator = jsonschema.Draft202012Validator(schema_of(path, "get", 200))
    validator.validate(answer)
    item = answer["items"]["restriction"][0]
    for spoilt in (answer, item, item["facts"][0], item["facts"][0]["reports"][0]):
        spoilt["severity"] = "high"
        assert not validator.is_valid(answer)
        del spoilt["severity"]


def test_examples_of_answers_are_of_their_schema() -> None:
    """Each example of an answer is valid by the schema that it stands beside, without further members."""
    seen = 0
    for item in DOCUMENT["paths"].values():
        for operation in item.values():
            for answer in operation["responses"].values():
                name = answer.get("$ref", "").rpartition("/")[2]
                resolved = DOCUMENT["components"]["responses"][name] if name else answer
                for form, media in resolved.get("content", {}).items():
                    for example in media.get("examples", {}).values():
                        if "json" in form and "schema" in media:
                            schema = {"components": CLOSED, **media["schema"]}
                            jsonschema.Draft202012Validator(schema).validate(example["value"])
                            seen += 1
    assert seen > 100


def test_no_term_takes_the_name_of_a_member_of_every_state() -> None:
    """A term of such a name would take the member's place in the states of its kind."""
    members = set(State.__struct_fields__) | {"applies", "ever_in_force", "upcoming", "next_change"}
    for name, struct in FACTS.items():
        if not name.startswith("issue."):
            assert members.isdisjoint(term_names(struct)), name


def test_examples_of_bodies_are_accepted(client: TestClient[Litestar]) -> None:
    """Each example of a request body is accepted as it stands."""
    sent = 0
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            for media in operation.get("requestBody", {}).get("content", {}).values():
                for example in media["examples"].values():
                    names = {"consumer": "newsroom", "subscription": WEBHOOK, "watch": "rare-earths"}
                    target = path.format(issue=ISSUE, event_id=EVENT, **names)
                    body = example["value"]
                    if path == "/v1/issues":
                        body = {**body, "id": "another-issue"}
                    if path == "/v1/events":
                        body = json.loads(
                            json.dumps(body).replace(ISSUE, "yet-another").replace("china-seven-rare", "other")
                        )
                    response = client.request(method.upper(), target, json=body)
                    assert response.status_code in {200, 201}, (path, response.text)
                    sent += 1
    assert sent >= 5
