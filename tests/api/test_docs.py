"""The documentation as it is served: it needs no network, and its links lead somewhere."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, cast

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from service.api.http.parameters import AsOfQuery
from service.api.http.problem_kinds import PROBLEM_KINDS
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
VOID = {"br", "meta"}


class HtmlPage(HTMLParser):
    """Reads a page: its ids, links and sources; fails on tags that do not close."""

    def __init__(self, text: str) -> None:
        """Read the whole page."""
        super().__init__()
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.sources: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag names, leads to or loads."""
        given = dict(attrs)
        self.ids |= {value for value in [given.get("id")] if value}
        self.links |= {value for value in [given.get("href")] if value}
        self.sources += [tag for name in given if name == "src"] + [tag for name in ("script", "link") if tag == name]
        self._open += [tag] if tag not in VOID else []

    def handle_endtag(self, tag: str) -> None:
        """Close the tag opened last."""
        assert self._open.pop() == tag


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


def test_the_reference_page_loads_nothing(client: TestClient[Litestar]) -> None:
    """The page has no script, stylesheet or image, and its policy allows the browser to fetch nothing."""
    response = client.get("/schema")
    page = HtmlPage(response.text)
    assert page.sources == []
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert not [link for link in page.links if not link.startswith(("#", "/"))]
    assert not re.search(r"url\(|@import", response.text)


def test_the_reference_page_names_everything(client: TestClient[Litestar]) -> None:
    """Every operation and schema has an id on the page, every link within it leads to one, and text is escaped."""
    text = client.get("/schema").text
    page = HtmlPage(text)
    components = json.loads(DOCUMENT)["components"]["schemas"]
    assert {"append_events", "get_state"} | {f"schema-{name}" for name in components} <= page.ids
    assert {link[1:] for link in page.links if link.startswith("#")} <= page.ids
    assert "Append &lt;events&gt;" in text
    assert "<code>known_position</code>" in text


@pytest.mark.parametrize("path", ["/schema", "/schema/openapi.json", "/problems/malformed"])
def test_a_client_that_has_a_page_is_not_sent_it_again(client: TestClient[Litestar], path: str) -> None:
    """The entity tag of a page, sent back, is answered with a 304; HEAD with the headers alone."""
    response = client.get(path)
    again = client.get(path, headers={"If-None-Match": response.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    head = client.head(path)
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", response.headers["etag"])


@pytest.mark.parametrize("name", PROBLEM_KINDS)
def test_the_type_of_a_problem_leads_to_a_page_about_it(client: TestClient[Litestar], name: str) -> None:
    """The type of a problem is the URL of a page with its title."""
    response = client.get(PROBLEM_KINDS[name].type)
    HtmlPage(response.text)
    assert response.status_code == 200
    assert PROBLEM_KINDS[name].title in response.text


def test_there_is_no_page_about_an_unknown_problem(client: TestClient[Litestar]) -> None:
    """The page of an unknown kind of problem is a 404, itself a problem."""
    response = client.get("/problems/no-such-problem")
    assert (response.status_code, response.json()["type"]) == (404, "/problems/not-found")
