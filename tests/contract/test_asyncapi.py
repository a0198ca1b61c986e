"""The AsyncAPI document says what is sent, and shares the events' schemas with the OpenAPI document."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from service.api import routes
from service.app import create_app
from service.domain.vocabulary.events import FACTS, RECORDS
from service.settings import Settings

FOLDER = Path(__file__).parents[2] / "openapi"
DOCUMENT: dict[str, Any] = json.loads((FOLDER / "asyncapi.json").read_bytes())
OPENAPI: dict[str, Any] = json.loads((FOLDER / "openapi.json").read_bytes())
SEEDS = [json.loads(line) for line in (FOLDER.parent / "seeds" / "london.ndjson").read_text().splitlines()]
MESSAGES: dict[str, Any] = DOCUMENT["components"]["messages"]


@pytest.fixture(scope="module")
def client(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient[Litestar]]:
    """A service with the London set."""
    path = tmp_path_factory.mktemp("asyncapi") / "parley.db"
    path.write_bytes(sqlite_template.read_bytes())
    with TestClient(create_app(Settings(database_url=f"sqlite:///{path}"))) as client:
        assert client.post("/v1/events", json={"events": SEEDS}).status_code == 201
        yield client


def shared(message: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a message's payload, found where the document refers to."""
    file, _, pointer = message["payload"]["schema"]["$ref"].partition("#")
    assert file == "openapi.json"
    assert pointer.rpartition("/")[2] in OPENAPI["components"]["schemas"]
    return {"components": OPENAPI["components"], "$ref": f"#{pointer}"}


def test_the_committed_document_is_the_one_the_code_writes() -> None:
    """openapi/asyncapi.json has not drifted; `parley openapi` writes it again."""
    assert (FOLDER / "asyncapi.json").read_bytes() == routes.asyncapi()


@pytest.mark.parametrize("name", MESSAGES)
def test_the_example_of_a_message_is_of_its_schema(name: str) -> None:
    """The example of a message is valid by its schema, which is one of the OpenAPI document."""
    for example in MESSAGES[name]["examples"]:
        jsonschema.validate(example["payload"], shared(MESSAGES[name]))


def test_every_type_of_event_has_a_subject() -> None:
    """The subject's parameters list every kind and every change there is."""
    parameters = DOCUMENT["channels"]["jetstream"]["parameters"]
    for name in (*FACTS, *RECORDS):
        kind, _, change = name.partition(".")
        assert kind in parameters["kind"]["enum"]
        assert change in parameters["change"]["enum"]


def test_what_is_sent_is_of_its_schema(client: TestClient[Litestar]) -> None:
    """The events of the feed are messages of the stream, and as CloudEvents those of the two other channels."""
    for event in client.get("/v1/feed?limit=1000").json()["events"]:
        jsonschema.validate(event, shared(MESSAGES["recorded"]))
    batch = client.get("/v1/feed?limit=1000", headers={"accept": "application/cloudevents-batch+json"}).json()
    assert len(batch) == len(SEEDS)
    for cloud in batch:
        jsonschema.validate(cloud, shared(MESSAGES["delivered"]))


def test_the_data_of_a_cloud_event_is_of_its_dataschema(client: TestClient[Litestar]) -> None:
    """The schema that `dataschema` names is served on its own, takes the data and refuses another type."""
    batch = client.get("/v1/feed?limit=1000", headers={"accept": "application/cloudevents-batch+json"}).json()
    for cloud in batch:
        schema = client.get(cloud["dataschema"].removeprefix("http://127.0.0.1:8000"))
        assert schema.headers["content-type"] == "application/schema+json"
        jsonschema.Draft202012Validator.check_schema(schema.json())
        jsonschema.validate(cloud["data"], schema.json())
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**cloud["data"], "type": "no.such"}, schema.json())
    assert client.get("/schema/events/no.such.v1.json").status_code == 404


def test_the_service_has_the_document(client: TestClient[Litestar]) -> None:
    """The service has the AsyncAPI document next to the OpenAPI document, to which it refers by name."""
    assert client.get("/schema/asyncapi.json").json() == DOCUMENT
