"""The documents as they are served; tests/page/test_reference.py has the pages about them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from service.api.http.parameters import AsOfQuery
from service.api.http.problems import handlers
from service.api.spec.doc_pages import docs_handlers
from service.api.spec.openapi import document, encode
from service.api.spec.operations import Operation
from service.domain.vocabulary.events import AnyEvent, Batch

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENT = encode(
    document(
        [
            Operation(
                method="POST",
                path="/v1/events",
                operation_id="append_events",
                tag="events",
                summary="Append <events>",
                description="Appends `events`, all or none.",
                body=Batch,
                answers={201: ("Recorded.", AnyEvent)},
            ),
            Operation(
                method="GET",
                path="/v1/state",
                operation_id="get_state",
                tag="state",
                summary="Read",
                description="Reads.",
                query=AsOfQuery,
                answers={200: ("The state.", AnyEvent)},
            ),
        ],
        title="Parley",
        version="1.2.3",
        tags={"events": "Events.", "state": "State."},
    )
)


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient[Litestar]]:
    """Return a client of a service that has its documentation only."""
    handled = docs_handlers(DOCUMENT, b"{}")
    app = Litestar(handled, exception_handlers=cast("Any", handlers()), openapi_config=None, logging_config=None)
    with TestClient(app) as client:
        yield client


def test_the_document_is_served_compact(client: TestClient[Litestar]) -> None:
    """The document comes out as JSON, without the white space that people read it by."""
    response = client.get("/schema/openapi.json")
    assert response.content.decode() == json.dumps(json.loads(DOCUMENT), separators=(",", ":"), ensure_ascii=False)
    assert response.headers["content-type"] == "application/json"


PATHS = ("/schema/openapi.json", "/schema/asyncapi.json", "/schema/events/restriction.imposed.v1.json")


@pytest.mark.parametrize("path", PATHS)
def test_a_client_that_has_a_page_is_not_sent_it_again(client: TestClient[Litestar], path: str) -> None:
    """The entity tag of a page, sent back, is answered with a 304; HEAD with the headers alone."""
    response = client.get(path)
    again = client.get(path, headers={"If-None-Match": response.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    head = client.head(path)
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", response.headers["etag"])
