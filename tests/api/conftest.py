"""The service as its clients see it, on either database."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from service.app import create_app
from service.settings import Settings
from service.storage import files

LONDON: list[dict[str, Any]] = [
    json.loads(line) for line in (files.data("seeds") / "london.ndjson").read_bytes().splitlines()
]


def reports_of(state: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the reports of the facts that a state rests on, in their order."""
    return [report for fact in state.get("facts", []) for report in fact["reports"]]


@pytest.fixture
def client(migrated_url: str) -> Iterator[TestClient[Litestar]]:
    """An empty ledger over HTTP."""
    with TestClient(create_app(Settings(database_url=migrated_url)), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def london(client: TestClient[Litestar]) -> TestClient[Litestar]:
    """A ledger with the London set, each fact its own commit."""
    for event in LONDON:
        assert client.post("/v1/events", json={"events": [event]}).status_code == 201
    return client
