"""Problems over HTTP: every failure is application/problem+json, with the members that a client needs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, unquote

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar import Litestar, Request, get, post
from litestar.exceptions import (
    HTTPException,
    ImproperlyConfiguredException,
    NotAuthorizedException,
    ServiceUnavailableException,
    TooManyRequestsException,
)
from litestar.params import FromPath
from litestar.testing import TestClient
from structlog.testing import capture_logs

from service.api.http.problem_kinds import PROBLEM_KINDS
from service.api.http.problem_shape import Problem
from service.api.http.problems import (
    EdgeRefused,
    NotAcceptable,
    NotFound,
    UnsupportedMediaType,
    handlers,
)
from service.api.http.query_strings import BadQuery
from service.domain import errors
from service.domain.admit.strict_json import accept
from service.domain.errors import (
    EventChanged,
    EventIdConflict,
    Fault,
    KeyReused,
    KnowledgeAhead,
    Malformed,
    NotJson,
    OtherLog,
    Refused,
    TooEarly,
    TooMuchToAnswer,
    TooMuchWork,
    Unavailable,
    UnknownEvent,
    VersionConflict,
)
from service.domain.vocabulary.events import Batch

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

RAISED: dict[str, Exception] = {
    "malformed": Malformed([Fault(("events", 0, "occurred"), "there is no day 2025-02-30")]),
    "too-much-work": TooMuchWork([Fault(("events", 0, "item"), "ban may have 1,000 facts at most")]),
    "not-json": NotJson("nested too deep"),
    "bad-query": BadQuery([Fault(("limit",), "must be at most 1000, not 2000")]),
    "bad-query as published": TooMuchToAnswer("ask as recorded, or about less"),
    "version-conflict": VersionConflict({"rare-earths": 5}, {"rare-earths": 7}),
    "event-id-conflict": EventIdConflict("The id is taken.", ["0196b6f0-1111-7000-8000-000000000000"]),
    "idempotency-key-reused": KeyReused(["0196b6f0-1111-7000-8000-000000000000"]),
    "unknown-event": UnknownEvent("0196b6f0-1111-7000-8000-000000000000"),
    "knowledge-ahead": KnowledgeAhead("position 900", 128),
    "other-log": OtherLog("128@2025-06-10T12:00:00.000000Z", 128),
    "precondition-failed": EventChanged(5, 7),
    "unavailable": Unavailable(),
    "not-found": NotFound("There is no issue x.", first_as_of="2025-04-04"),
    "not-acceptable": NotAcceptable("There is JSON only."),
    "unsupported-media-type": UnsupportedMediaType("Send application/json."),
}
FRAMEWORK: dict[str, Exception] = {
    "internal": ImproperlyConfiguredException("the secret is hunter2"),
    "unavailable": ServiceUnavailableException(),
    "bad-request": HTTPException("odd", status_code=400),
    "too-large": HTTPException(status_code=413),
}


@get("/raise/{name:str}", sync_to_thread=False)
def raise_refusal(name: FromPath[str]) -> None:
    raise RAISED[name]


@get("/framework/{name:str}", sync_to_thread=False)
def raise_framework(name: FromPath[str]) -> None:
    raise FRAMEWORK[name]


@get("/crash", sync_to_thread=False)
def crash() -> None:
    msg = "the secret is hunter2"
    raise RuntimeError(msg)


@get("/closed/{status:int}", sync_to_thread=False)
def closed(status: FromPath[int]) -> None:
    if status == 401:
        raise NotAuthorizedException(headers={"WWW-Authenticate": "Bearer"})
    raise TooManyRequestsException(headers={"Retry-After": "7"})


@post("/events", request_max_body_size=1_000)
async def append(request: Request[Any, Any, Any]) -> None:
    accept(await request.body(), Batch)


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "debug"])
def client(request: pytest.FixtureRequest) -> Iterator[TestClient[Litestar]]:
    """Return a client of a small service whose operations fail in every way; debug mode must show no more."""
    app = Litestar(
        [raise_refusal, raise_framework, crash, closed, append],
        exception_handlers=cast("Any", handlers()),
        openapi_config=None,
        logging_config=None,
        debug=request.param,
    )
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def problem(response: httpx.Response) -> dict[str, Any]:
    """Return the problem that a response is, having checked its form."""
    assert response.headers["content-type"] == "application/problem+json"
    answer: dict[str, Any] = response.json()
    (schema,), components = msgspec.json.schema_components([Problem], ref_template="#/$defs/{name}")
    jsonschema.validate(answer, {**schema, "$defs": components})
    assert answer["status"] == response.status_code
    return answer


@pytest.mark.parametrize("name", RAISED)
def test_every_refusal_is_a_problem_of_its_kind(client: TestClient[Litestar], name: str) -> None:
    """Type, title and status follow from the kind; the instance is the path that was asked for."""
    answer = problem(client.get(f"/raise/{name}"))
    kind = PROBLEM_KINDS[name.partition(" ")[0]]
    assert (answer["type"], answer["title"], answer["status"]) == (f"/problems/{kind.name}", kind.title, kind.status)
    assert answer["instance"] == f"/raise/{quote(name)}"
    assert answer["detail"]


def test_no_refusal_of_the_domain_is_left_out() -> None:
    """Each refusal of the domain is raised in these tests, except that of an import, which no request makes."""
    kinds = {each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, Exception)}
    assert kinds - {Refused, TooEarly} <= {type(raised) for raised in RAISED.values()}
    assert {each.kind for each in EdgeRefused.__subclasses__()} <= PROBLEM_KINDS.keys()


@pytest.mark.parametrize(
    ("name", "members"),
    [
        (
            "malformed",
            {"errors": [{"detail": "there is no day 2025-02-30", "pointer": "#/events/0/occurred"}]},
        ),
        ("bad-query", {"errors": [{"detail": "must be at most 1000, not 2000", "parameter": "limit"}]}),
        ("version-conflict", {"expected": {"rare-earths": 5}, "actual": {"rare-earths": 7}}),
        ("event-id-conflict", {"ids": ["0196b6f0-1111-7000-8000-000000000000"]}),
        ("knowledge-ahead", {"asked": "position 900", "head": 128}),
        ("other-log", {"asked": "128@2025-06-10T12:00:00.000000Z"}),
        ("not-found", {"first_as_of": "2025-04-04"}),
        ("precondition-failed", {"position": 7}),
    ],
)
def test_the_facts_of_a_refusal_are_members(client: TestClient[Litestar], name: str, members: dict[str, Any]) -> None:
    """What a client acts on is a member of the problem, not only a part of its text."""
    answer = problem(client.get(f"/raise/{name}"))
    assert {key: answer[key] for key in members} == members


def test_an_unavailable_service_says_when_to_try_again(client: TestClient[Litestar]) -> None:
    """A 503 carries Retry-After, whoever raised it."""
    assert client.get("/raise/unavailable").headers["retry-after"] == "1"
    assert client.get("/framework/unavailable").headers["retry-after"] == "1"


@pytest.mark.parametrize("path", ["/nowhere", "/raise", "/closed/x", "/%ff%00", "/a%20b/ü"])
def test_an_unknown_path_is_a_problem(client: TestClient[Litestar], path: str) -> None:
    """A path that leads nowhere answers 404 as a problem whose instance is a URI reference."""
    answer = problem(client.get(path))
    assert answer["type"] == "/problems/not-found"
    assert answer["instance"].isascii()
    assert " " not in answer["instance"]


def test_another_method_is_a_problem_that_says_which_are_allowed(client: TestClient[Litestar]) -> None:
    """A 405 keeps its Allow header."""
    response = client.put("/events")
    assert problem(response)["type"] == "/problems/method-not-allowed"
    assert set(response.headers["allow"].split(", ")) == {"POST", "OPTIONS"}


def test_a_body_that_is_too_large_is_a_problem(client: TestClient[Litestar]) -> None:
    """A 413 is a problem, although the framework raises it."""
    assert problem(client.post("/events", content=b"x" * 2_000))["type"] == "/problems/too-large"


@pytest.mark.parametrize("name", FRAMEWORK)
def test_exceptions_of_the_framework_are_problems(client: TestClient[Litestar], name: str) -> None:
    """What Litestar raises is the kind of problem that has its status."""
    assert problem(client.get(f"/framework/{name}"))["type"] == f"/problems/{name}"


@pytest.mark.parametrize(("status", "header"), [(401, "www-authenticate"), (429, "retry-after")])
def test_a_status_without_a_kind_says_no_more_than_the_status(
    client: TestClient[Litestar], status: int, header: str
) -> None:
    """A status that the table does not know is about:blank, and keeps its headers."""
    response = client.get(f"/closed/{status}")
    assert problem(response)["type"] == "about:blank"
    assert header in response.headers


@pytest.mark.parametrize("path", ["/crash", "/framework/internal"])
def test_a_crash_is_logged_and_shows_nothing(client: TestClient[Litestar], path: str) -> None:
    """A 500 logs what happened, and shows the client only that something did."""
    with capture_logs() as logs:
        response = client.get(path)
    assert problem(response) == {
        "type": "/problems/internal",
        "title": "Internal error",
        "status": 500,
        "instance": path,
    }
    (entry,) = logs
    assert (entry["event"], entry["method"]) == ("request.failed", "GET")
    assert "path" not in entry
    assert "hunter2" in str(logs[0]["exc_info"])


def test_bodies_that_are_refused_lead_to_their_faults(client: TestClient[Litestar]) -> None:
    """The pointer of each error is a JSON pointer to what was sent, or to what is missing."""
    answer = problem(client.post("/events", json={"events": [{"type": "call.held", "a/b~c d": 1}]}))
    pointers = {error["pointer"] for error in answer["errors"]}
    assert {"#/events/0/a~1b~0c%20d", "#/events/0/participants"} <= pointers
    assert problem(client.post("/events", content=b"{"))["type"] == "/problems/not-json"


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=5) | st.integers(0, 999), max_size=4))
def test_a_pointer_leads_back_to_its_path(path: list[str | int]) -> None:
    """A pointer is a URI fragment in ASCII, and unescaped by RFC 6901 it is the path again."""
    written = Fault(tuple(path), "").pointer
    assert written.isascii()
    assert not set(written) & set(' "<>[]^`{|}\\')
    steps = unquote(written[1:]).split("/")[1:]
    assert [step.replace("~1", "/").replace("~0", "~") for step in steps] == [str(step) for step in path]


def test_examples_are_problems_of_their_kind() -> None:
    """The example of each kind has the form that problems have."""
    for kind in PROBLEM_KINDS.values():
        example = {"type": kind.type, "title": kind.title, "status": kind.status, **kind.example}
        assert msgspec.json.decode(json.dumps(example), type=Problem, strict=True).type == kind.type
