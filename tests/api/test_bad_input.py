"""Whatever is sent: a problem that names each fault, nothing stored, never a 500."""

import itertools
import json
import re
import shutil
import socket
from collections.abc import Iterator, Sequence
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from litestar import Litestar
from litestar.testing import TestClient

from service.app import create_app
from service.settings import Settings
from tests.servers import Server, serving

Client = TestClient[Litestar]
Json = Any

BODY_MAX = 8 * 1024 * 1024
AS_JSON = {"Content-Type": "application/json"}
FULL_WIDTH = "\uff12\uff10\uff12\uff15"
"""2025 in other digits."""
UNKNOWN = "0196b6f0-1111-7000-8000-00000000dead"
"""The id of no event."""
RELAXED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
MANY = settings(RELAXED, max_examples=300)
KINDS = (
    "restrictions", "clearances", "offers", "commitments", "demands", "threats", "agreements", "rounds", "calls",
    "statements", "investigations", "disputes",
)  # fmt: skip
REPORT = {"outlet": "MOFCOM"}
OPENING: Json = {
    "type": "issue.opened", "issues": ["chips"], "item": "chips", "occurred": "2025-01-01", "title": "Chips",
    "summary": "Export controls.", "parties": ["CN", "US"], "reports": [REPORT],
}  # fmt: skip
EVENT: Json = {
    "type": "restriction.imposed", "issues": ["chips"], "item": "quota", "occurred": "2025-04-04",
    "until": "2025-12-31",
    "imposed_by": "CN", "against": ["US"], "instrument": "export_control", "rate_percent": 25,
    "legal_reference": "CN-MOFCOM:2025/18", "note": "A note.",
    "goods": [{"name": "dysprosium", "element": "Dy"}, {"name": "terbium", "hs": "280530", "eccn": "1C118"}],
    "entities": [{"name": "A firm", "country": "US", "count": 2}],
    "reports": [{"outlet": "MOFCOM", "url": "https://example.org/18", "published": "2025-04-04", "kind": "official"}],
}  # fmt: skip
CALL: Json = {
    "type": "call.held", "issues": ["chips"], "item": "a-call", "occurred": "2025-06-05",
    "participants": [{"name": "A president", "role": "President", "party": "US"}], "topics": ["chips"],
    "reports": [REPORT],
}  # fmt: skip


@pytest.fixture(scope="module")
def client(shared_url: str) -> Iterator[Client]:
    """One ledger for all of this module on each backend: bad input leaves it as it is, so tests can share it."""
    yield from opened(shared_url)


def opened(url: str) -> Iterator[Client]:
    """Serve a ledger with an issue, a restriction and a call in it."""
    with TestClient(create_app(Settings(database_url=url)), raise_server_exceptions=False) as client:
        answer = client.post("/v1/events", json={"events": [OPENING, EVENT, CALL]})
        assert answer.status_code == 201, answer.text
        yield client


@pytest.fixture(scope="module")
def running(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real server: what comes over the wire is not tidied up by a client library."""
    path = shutil.copy(sqlite_template, tmp_path_factory.mktemp("running") / "parley.db")
    with serving(f"sqlite:///{path}") as server:
        yield server


def head(client: Client) -> int:
    """Ask for the last position of the log."""
    position: int = client.get("/v1/feed?limit=1").json()["head"]
    return position


def problem_of(response: httpx.Response, status: int) -> Json:
    """Check that a response is a whole and consistent problem of this status; return the problem."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert problem["type"].startswith("/problems/")
    assert problem["title"]
    assert all(error["detail"] for error in problem.get("errors", []))
    return problem


def refused(client: Client, body: bytes, status: int, method: str = "POST", target: str = "/v1/events") -> Json:
    """Send a body that must be refused; check that nothing is stored; return the problem."""
    before = head(client)
    response = client.request(method, target, content=body, headers={"Content-Type": "application/json"})
    problem = problem_of(response, status)
    assert head(client) == before
    return problem


def pointers(problem: Json) -> set[str]:
    return {error["pointer"] for error in problem["errors"]}


def parameters(problem: Json) -> set[str]:
    return {error["parameter"] for error in problem["errors"]}


def batch(*events: Json, **members: Json) -> bytes:
    return json.dumps({"events": list(events), **members}).encode()


def changed(**fields: Json) -> Json:
    return EVENT | fields


def without(*names: str) -> Json:
    return {name: value for name, value in EVENT.items() if name not in names}


# What the vocabulary does not take, one fault at a time


FAULTS: dict[str, tuple[Json, str]] = {
    "unknown field": (changed(colour="red"), "/colour"),
    "unknown field, odd name": (changed(**{"a/b~c d": 1}), "/a~1b~0c%20d"),
    "unknown field of a report": (changed(reports=[{**REPORT, "colour": 1}]), "/reports/0/colour"),
    "unknown field of a good": (changed(goods=[{"name": "a"}, {"name": "b", "size": 1}]), "/goods/1/size"),
    "field of another kind": (changed(participants=[]), "/participants"),
    "a position": (changed(position=1), "/position"),
    "unknown type": (changed(type="restriction.exploded"), "/type"),
    "a kind for a type": (changed(type="restriction"), "/type"),
    "a number for a type": (changed(type=1), "/type"),
    "no type": (without("type"), "/type"),
    "no item": (without("item"), "/item"),
    "no reports": (without("reports"), "/reports"),
    "no imposed_by": (without("imposed_by"), "/imposed_by"),
    "neither goods nor entities": (without("goods", "entities"), "/goods"),
    "empty goods and entities": (changed(goods=[], entities=[]), "/goods"),
    "null for required": (changed(occurred=None), "/occurred"),
    "null for a list": (changed(issues=None), "/issues"),
    "null in a list": (changed(against=["US", None]), "/against/1"),
    "number for a string": (changed(note=5), "/note"),
    "string for a number": (changed(rate_percent="25"), "/rate_percent"),
    "boolean for a number": (changed(rate_percent=True), "/rate_percent"),
    "object for a list": (changed(goods={}), "/goods"),
    "list for an object": (changed(goods=[[]]), "/goods/0"),
    "string for a list": (changed(issues="chips"), "/issues"),
    "bad id": (changed(id="1"), "/id"),
    "empty id": (changed(id=""), "/id"),
    "bad date": (changed(occurred="4 April 2025"), "/occurred"),
    "no such month": (changed(occurred="2025-13"), "/occurred"),
    "no such day": (changed(occurred="2025-02-29"), "/occurred"),
    "an instant": (changed(occurred="2025-04-04T10:00:00Z"), "/occurred"),
    "year 0": (changed(occurred="0000"), "/occurred"),
    "other digits": (changed(occurred=FULL_WIDTH), "/occurred"),
    "trailing line break": (changed(occurred="2025-04-04\n"), "/occurred"),
    "range in disorder": (changed(occurred="[2025-02-02..2025-02-01]"), "/occurred"),
    "pair of one day": (changed(occurred="[2025-02-01,2025-02-01]"), "/occurred"),
    "open end": (changed(occurred="[2025-02-01..]"), "/occurred"),
    "bad date of a report": (changed(reports=[{**REPORT, "published": "2025-02-30"}]), "/reports/0/published"),
    "until before effective": (changed(effective="2026-01-01"), "/until"),
    "unknown country": (changed(imposed_by="UK"), "/imposed_by"),
    "country in lower case": (changed(imposed_by="cn"), "/imposed_by"),
    "unknown country in a list": (changed(against=["US", "XX"]), "/against/1"),
    "unknown instrument": (changed(instrument="duty"), "/instrument"),
    "unknown element": (changed(goods=[{"name": "a", "element": "Xx"}]), "/goods/0/element"),
    "HS of three digits": (changed(goods=[{"name": "a", "hs": "123"}]), "/goods/0/hs"),
    "bad ECCN": (changed(goods=[{"name": "a", "eccn": "A3090"}]), "/goods/0/eccn"),
    "bad legal reference": (changed(legal_reference="18/2025"), "/legal_reference"),
    "bad URL": (changed(reports=[{**REPORT, "url": "javascript:alert(1)"}]), "/reports/0/url"),
    "bad slug": (changed(item="Two Words"), "/item"),
    "slug of 81 characters": (changed(item="a" * 81), "/item"),
    "unknown modality": (changed(modality="certain"), "/modality"),
    "empty note": (changed(note=""), "/note"),
    "empty item": (changed(item=""), "/item"),
    "empty name of a good": (changed(goods=[{"name": ""}]), "/goods/0/name"),
    "empty outlet": (changed(reports=[{"outlet": ""}]), "/reports/0/outlet"),
    "text of 10,001 characters": (changed(note="x" * 10_001), "/note"),
    "name of 501 characters": (changed(reports=[{"outlet": "é" * 501}]), "/reports/0/outlet"),
    "65 reports": (changed(reports=[REPORT] * 65), "/reports"),
    "17 issues": (changed(issues=[f"issue-{number}" for number in range(17)]), "/issues"),
    "no issues": (changed(issues=[]), "/issues"),
    "an issue twice": (changed(issues=["chips", "chips"]), "/issues"),
    "unknown issue": (changed(issues=["chips", "nowhere"]), "/issues/1"),
    "an item of another kind": (changed(item="a-call"), "/item"),
    "an issue for an item": (changed(item="chips"), "/item"),
    "an issue's event on another item": (OPENING | {"item": "quota"}, "/item"),
    "a call without participants": (CALL | {"item": "b-call", "participants": []}, "/participants"),
    "rate over all bounds": (changed(rate_percent=2**64), "/rate_percent"),
    "rate beyond a float": (changed(rate_percent=10**400), "/rate_percent"),
    "negative rate": (changed(rate_percent=-1), "/rate_percent"),
    "count beyond 64 bit": (changed(entities=[{"name": "A", "count": 2**64}]), "/entities/0/count"),
    "count below 1": (changed(entities=[{"name": "A", "count": 0}]), "/entities/0/count"),
    "fraction for a count": (changed(entities=[{"name": "A", "count": 1.5}]), "/entities/0/count"),
    "number beyond 64 bit for a string": (changed(note=10**30), "/note"),
    "NUL in a text": (changed(note="a\0b"), "/note"),
    "NUL in a name of a good": (changed(goods=[{"name": "a\0"}]), "/goods/0/name"),
    "record without a target": ({"type": "record.retracted"}, "/target"),
    "record on an unknown event": ({"type": "record.retracted", "target": UNKNOWN}, "/target"),
    "correction without a text": ({"type": "record.corrected", "target": UNKNOWN}, "/event"),
    "reports that are none": ({"type": "record.report_added", "target": UNKNOWN, "reports": []}, "/reports"),
    "an event that is a number": (5, ""),
    "an event that is null": (None, ""),
    "an event that is a list": ([EVENT], ""),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_by_its_pointer(client: Client, name: str) -> None:
    """Each fault, in an event after a good one, is named at its place and nowhere else; nothing is stored."""
    event, place = FAULTS[name]
    assert pointers(refused(client, batch(EVENT, event), 422)) == {f"#/events/1{place}"}


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"events": []}, "#/events"),
        ({"events": [EVENT] * 1_001}, "#/events"),
        ({"events": None}, "#/events"),
        ({"events": EVENT}, "#/events"),
        ({}, "#/events"),
        ({"events": [EVENT], "event": 1}, "#/event"),
        ({"events": [EVENT], "": 1}, "#/"),
        ({"events": [EVENT], "expected_versions": []}, "#/expected_versions"),
        ({"events": [EVENT], "expected_versions": {"chips": -1}}, "#/expected_versions/chips"),
        ({"events": [EVENT], "expected_versions": {"chips": 1.5}}, "#/expected_versions/chips"),
        ({"events": [EVENT], "expected_versions": {"chips": "3"}}, "#/expected_versions/chips"),
        ({"events": [EVENT], "expected_versions": {"chips": None}}, "#/expected_versions/chips"),
        ({"events": [EVENT], "expected_versions": {"Two Words": 1}}, "#/expected_versions/Two%20Words"),
        ([EVENT], "#"),
        ("events", "#"),
        (None, "#"),
        (17, "#"),
    ],
)
def test_a_batch_of_another_form_is_refused(client: Client, body: Json, place: str) -> None:
    """A body that is no batch, an empty batch and one of more than 1,000 events are faults at their place."""
    assert place in pointers(refused(client, json.dumps(body).encode(), 422))


def test_an_expected_version_of_any_size_is_a_conflict(client: Client) -> None:
    """A version that no issue can have is a conflict like another, also beyond 64 bit."""
    problem = refused(client, batch(EVENT, expected_versions={"chips": 10**30}), 409)
    assert problem["expected"] == {"chips": 10**30}


@pytest.mark.parametrize("rounds", [1, 3])
def test_every_fault_of_a_batch_is_named_at_once(client: Client, rounds: int) -> None:
    """Faults of form and of meaning, in one event and in others, are all in one answer, each by its pointer."""
    bad = [
        changed(colour="red", note=5, occurred="2025-02-30", imposed_by="UK"),
        changed(issues=["nowhere"]),
        changed(item="a-call"),
        changed(until="2025-01-01"),
        {"type": "record.disputed", "target": UNKNOWN},
        without("reports"),
    ]
    places = {
        "/0/colour", "/0/note", "/0/occurred", "/0/imposed_by", "/1/issues/0", "/2/item", "/3/until", "/4/target",
        "/5/reports",
    }  # fmt: skip
    expected = {
        f"#/events/{int(place.split('/')[1]) + number * len(bad)}/{'/'.join(place.split('/')[2:])}"
        for number, place in itertools.product(range(rounds), places)
    }
    assert pointers(refused(client, batch(*bad * rounds), 422)) == expected


def test_every_fault_of_form_is_named_at_once(client: Client) -> None:
    """Unknown fields, wrong types, unknown codes and missing fields of several events are listed together."""
    bad = [
        changed(colour="red", note=5, imposed_by="UK", against=["US", "XX", "YY"]),
        without("item", "reports"),
        changed(goods=[{"name": ""}, {"hs": "1"}]),
    ]
    places = {
        "0/colour", "0/note", "0/imposed_by", "0/against/1", "0/against/2", "1/item", "1/reports", "2/goods/0/name",
        "2/goods/1/hs", "2/goods/1/name",
    }  # fmt: skip
    assert pointers(refused(client, batch(*bad), 422)) == {f"#/events/{place}" for place in places}


def test_every_fault_of_meaning_is_named_at_once(client: Client) -> None:
    """Days that do not exist, unknown issues, wrong kinds, unknown targets and doubled ids are listed together."""
    twice = str(uuid4())
    bad = [
        changed(occurred="2025-02-30", until="2025-13", reports=[{**REPORT, "published": "2025-00"}]),
        changed(issues=["nowhere", "chips", "elsewhere"], id=twice),
        changed(item="a-call", id=twice),
        {"type": "record.retracted", "target": UNKNOWN},
    ]
    places = {
        "0/occurred", "0/until", "0/reports/0/published", "1/issues/0", "1/issues/2", "2/item", "2/id", "3/target",
    }  # fmt: skip
    assert pointers(refused(client, batch(*bad), 422)) == {f"#/events/{place}" for place in places}


def test_more_faults_than_anybody_reads_are_counted(client: Client) -> None:
    """Of a thousand faults a hundred are listed, and the last of them says how many more there are."""
    problem = refused(client, batch(*[changed(note=5)] * 1_000), 422)
    assert len(problem["errors"]) == 100
    assert "more faults" in problem["errors"][-1]["detail"]


# Bytes that are not JSON, or hide something


VALID = batch(EVENT)


def within(text: bytes) -> bytes:
    """Put bytes into the text of a note."""
    return VALID.replace(b"A note.", text)


NOT_JSON: dict[str, bytes] = {
    "no body": b"",
    "white space": b" \n",
    "a word": b"events",
    "cut off": VALID[:-1],
    "cut off in a string": VALID[: VALID.index(b"A note") + 3],
    "two values": VALID + VALID,
    "trailing comma": VALID[:-1] + b",}",
    "single quotes": VALID.replace(b'"', b"'"),
    "NaN": VALID.replace(b"25,", b"NaN,"),
    "Infinity": VALID.replace(b"25,", b"-Infinity,"),
    "leading zero": VALID.replace(b"25,", b"025,"),
    "hexadecimal": VALID.replace(b"25,", b"0x19,"),
    "a comment": VALID + b" // done",
    "byte order mark": b"\xef\xbb\xbf" + VALID,
    "UTF-16": VALID.decode().encode("utf-16"),
    "UTF-32": VALID.decode().encode("utf-32"),
    "broken UTF-8 in a value": within(b"\xff"),
    "broken UTF-8 in a key": VALID.replace(b'"note"', b'"no\xffte"'),
    "broken UTF-8 outside": VALID + b"\xff",
    "overlong UTF-8": within(b"\xc0\x80"),
    "UTF-8 cut off": within(b"\xe4\xb8"),
    "a surrogate in UTF-8": within(b"\xed\xa0\x80"),
    "beyond Unicode": within(b"\xf5\x80\x80\x80"),
    "Latin-1": within("é".encode("latin-1")),
    "lone surrogate": within(rb"\ud800"),
    "lone low surrogate": within(rb"\udc00"),
    "surrogates in disorder": within(rb"\udc00\ud800"),
    "lone surrogate in a key": VALID.replace(b'"note"', rb'"\ud800"'),
    "bad escape": within(rb"\x41"),
    "cut off escape": within(rb"\u12"),
    "raw NUL in a value": within(b"a\0b"),
    "raw NUL in a key": VALID.replace(b'"note"', b'"no\0te"'),
    "raw NUL outside": VALID + b"\0",
    "raw line break in a value": within(b"a\nb"),
    "100,000 arrays": b"[" * 100_000 + b"]" * 100_000,
    "100,000 arrays, not closed": b"[" * 100_000,
    "100,000 objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "100,000 arrays for the events": b'{"events":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "100,000 arrays in an unknown field": VALID[:-1] + b',"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "100,000 objects in a text": VALID.replace(b'"A note."', b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
}


@pytest.mark.parametrize("name", NOT_JSON)
def test_what_is_not_json_is_refused(client: Client, name: str) -> None:
    """Bytes that are not JSON by RFC 8259, or are nested too deep, are refused with a 400 that says why."""
    problem = refused(client, NOT_JSON[name], 400)
    assert problem["type"] == "/problems/not-json"
    assert problem["detail"]


HIDDEN: dict[str, tuple[bytes, set[str]]] = {
    "NUL in a value": (within(rb"a\u0000b"), {"#/events/0/note"}),
    "NUL in a key": (VALID.replace(b'"note"', rb'"no\u0000te"'), {"#/events/0/no%00te"}),
    "NUL in a name in a list": (VALID.replace(b'"terbium"', rb'"\u0000"'), {"#/events/0/goods/1/name"}),
    "NUL for an issue": (VALID.replace(b'["chips"]', rb'["\u0000"]'), {"#/events/0/issues/0"}),
    "NUL in a version": (batch(EVENT, expected_versions={"\0": 1}), {"#/expected_versions/%00"}),
    "a member twice": (VALID.replace(b'"note":', b'"note": "b", "note":'), {"#/events/0/note"}),
    "a member twice, escaped": (VALID.replace(b'"note":', rb'"n\u006fte": "b", "note":'), {"#/events/0/note"}),
    "the type twice": (VALID.replace(b'"type":', b'"type": "call.held", "type":'), {"#/events/0/type"}),
    "the events twice": (VALID[:-1] + b', "events": []}', {"#/events"}),
    "a member of a good twice": (VALID.replace(b'"hs":', b'"hs": "28", "hs":'), {"#/events/0/goods/1/hs"}),
    "an id twice": (batch(*[changed(id="0196b6f0-1111-7000-8000-00000000ffff")] * 2), {"#/events/1/id"}),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_what_a_decoder_may_pass_over_is_named(client: Client, name: str) -> None:
    """Escaped NUL characters and members named twice are faults at their place."""
    body, places = HIDDEN[name]
    assert pointers(refused(client, body, 422)) >= places


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"1" * 5_000, b"1" * 5_000 + b".5", b"1e-999999", b"-0.0"])
def test_numbers_of_any_size_do_no_harm(client: Client, number: bytes) -> None:
    """A number that no machine holds is refused, or read as the nearest one that can be; never a failure."""
    response = client.post("/v1/events", content=VALID.replace(b"25,", number + b","), headers=AS_JSON)
    assert response.status_code in {201, 400, 422}, response.text
    if response.status_code == 201:
        assert response.json()["events"][0]["rate_percent"] == 0
    else:
        assert "rate_percent" in response.text or response.status_code == 400


def test_what_looks_odd_and_is_right_is_taken(client: Client) -> None:
    """Escapes, characters of every plane, the longest text, 1,000 events: all of this is stored as it was sent."""
    text = "\u0001\u007f\u2028\ufeff\ufffd\uffff\U0001f600 é \\u0000 %00 </script>"
    for note in (text, "\U0001f600" * 10_000):
        answer = client.post("/v1/events", json={"events": [changed(note=note)]})
        assert answer.status_code == 201, answer.text
        assert answer.json()["events"][0]["note"] == note
        assert client.get(f"/v1/events/{answer.json()['events'][0]['id']}").json()["note"] == note
    full = client.post("/v1/events", json={"events": [changed(item=f"quota-{number}") for number in range(1_000)]})
    assert full.status_code == 201
    assert len(full.json()["events"]) == 1_000


# Size


@pytest.mark.parametrize("size", [BODY_MAX + 1, 20_000_000])
def test_a_body_that_is_too_large_is_refused(client: Client, size: int) -> None:
    """8 MiB and a byte, and 20 MB, are 413."""
    problem = refused(client, VALID + b" " * (size - len(VALID)), 413)
    assert problem["type"] == "/problems/too-large"


def test_a_body_of_8_mib_is_taken(client: Client) -> None:
    """The limit itself is within the limit."""
    assert client.post("/v1/events", content=VALID + b" " * (BODY_MAX - len(VALID)), headers=AS_JSON).status_code == 201


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("size", [BODY_MAX + 1, 20_000_000])
def test_a_client_that_still_writes_hears_of_it(running: Server, size: int, *, chunked: bool) -> None:
    """Over a real connection the 413 arrives, with and without a Content-Length, and the server keeps running."""
    body = b" " * size
    sent: bytes | Iterator[bytes] = iter([body[: size // 2], body[size // 2 :]]) if chunked else body
    response = over_the_wire(running, "POST", "/v1/events", sent, {"Content-Type": "application/json"})
    assert response.status == 413
    assert response.getheader("content-type") == "application/problem+json"
    assert over_the_wire(running, "GET", "/readyz").status == 200


def over_the_wire(
    server: Server,
    method: str,
    target: str,
    body: bytes | Iterator[bytes] | None = None,
    headers: dict[str, str] | None = None,
) -> HTTPResponse:
    """Send one request over a connection of its own and read the whole answer."""
    at = httpx.URL(server.url)
    connection = HTTPConnection(at.host, at.port, timeout=60)
    try:
        connection.request(method, target, body, headers or {}, encode_chunked=isinstance(body, Iterator))
        response = connection.getresponse()
        response.read()
        return response
    finally:
        connection.close()


# Media types and methods


@pytest.mark.parametrize(
    "media_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "json",
        "",
    ],
)
@pytest.mark.parametrize(
    ("method", "target"),
    [("POST", "/v1/events"), ("POST", "/v1/issues"), ("PATCH", "/v1/issues/chips")],
)
def test_a_body_of_another_type_is_refused(client: Client, method: str, target: str, media_type: str) -> None:
    """A body that is not sent as JSON is a 415, whatever it contains."""
    before = head(client)
    response = client.request(method, target, content=VALID, headers={"Content-Type": media_type})
    problem = problem_of(response, 415)
    assert "application/json" in problem["detail"]
    assert head(client) == before


@pytest.mark.parametrize(
    "media_type", ["application/json; charset=utf-8", "Application/JSON", "application/problem+json"]
)
def test_json_by_any_of_its_names_is_taken(client: Client, media_type: str) -> None:
    """Parameters, capitals and the suffix do not matter."""
    assert client.post("/v1/events", content=VALID, headers={"Content-Type": media_type}).status_code == 201


NO_BODY = (
    ("POST", "/v1/events"),
    ("POST", "/v1/issues"),
    ("PATCH", "/v1/issues/chips"),
    ("PUT", f"/v1/events/{UNKNOWN}"),
    ("POST", f"/v1/events/{UNKNOWN}/reports"),
)


@pytest.mark.parametrize(("method", "target"), NO_BODY)
@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'"\\ud800"', b"[" * 100_000])
def test_every_operation_with_a_body_reads_it_strictly(client: Client, method: str, target: str, body: bytes) -> None:
    """No body, a broken one and a deep one are refused with a 400 wherever a body is taken."""
    assert refused(client, body, 400, method, target)["type"] == "/problems/not-json"


@pytest.mark.parametrize(("method", "target"), NO_BODY)
def test_every_operation_with_a_body_names_faults_from_its_root(client: Client, method: str, target: str) -> None:
    """Unknown members and missing ones are named by pointers into the body that was sent."""
    assert "#/colour" in pointers(refused(client, b'{"colour":1}', 422, method, target))


def test_faults_of_a_correction_are_named_within_its_body(client: Client) -> None:
    """Pointers of PUT and of added reports lead into what the client sent, not into the record made of it."""
    recorded = client.get("/v1/feed?limit=3").json()["events"][1]["id"]
    bad = changed(occurred="2025-02-30", issues=["nowhere"], item="a-call")
    problem = refused(client, json.dumps({"event": bad}).encode(), 422, "PUT", f"/v1/events/{recorded}")
    assert pointers(problem) == {"#/event/occurred", "#/event/issues/0", "#/event/item"}
    problem = refused(
        client, json.dumps({"event": changed(id=str(uuid4()))}).encode(), 422, "PUT", f"/v1/events/{recorded}"
    )
    assert pointers(problem) == {"#/event/id"}
    report = {"outlet": "A", "published": "2025-02-30"}
    target = f"/v1/events/{recorded}/reports"
    assert pointers(refused(client, json.dumps({"reports": [report]}).encode(), 422, "POST", target)) == {
        "#/reports/0/published"
    }


def test_faults_of_an_issue_are_named_within_its_body(client: Client) -> None:
    """Pointers of POST and PATCH of issues lead into what the client sent."""
    opening = {"id": "Two Words", "title": "", "summary": "S", "parties": ["XX"], "occurred": "2025-1", "reports": []}
    problem = refused(client, json.dumps(opening).encode(), 422, "POST", "/v1/issues")
    assert pointers(problem) == {"#/id", "#/title", "#/parties/0", "#/occurred", "#/reports"}
    taken = {"id": "quota", "title": "T", "summary": "S", "parties": [], "occurred": "2025-02-30", "reports": [REPORT]}
    problem = refused(client, json.dumps(taken).encode(), 422, "POST", "/v1/issues")
    assert pointers(problem) == {"#/id", "#/occurred"}
    problem = refused(client, json.dumps({"reports": [REPORT]}).encode(), 422, "PATCH", "/v1/issues/chips")
    assert pointers(problem) == {"#"}


ALLOWED = {
    "/v1/events": {"GET", "HEAD", "OPTIONS", "POST"},
    f"/v1/events/{UNKNOWN}": {"DELETE", "GET", "HEAD", "OPTIONS", "PUT"},
    f"/v1/events/{UNKNOWN}/reports": {"OPTIONS", "POST"},
    "/v1/issues": {"GET", "HEAD", "OPTIONS", "POST"},
    "/v1/issues/chips": {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH"},
    "/v1/feed": {"GET", "HEAD", "OPTIONS"},
    "/healthz": {"GET", "HEAD", "OPTIONS"},
    "/readyz": {"GET", "HEAD", "OPTIONS"},
    "/metrics": {"GET", "HEAD", "OPTIONS"},
    **{f"/v1/{kind}": {"GET", "HEAD", "OPTIONS"} for kind in KINDS},
    **{f"/v1/{kind}/quota": {"GET", "HEAD", "OPTIONS"} for kind in KINDS},
}
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW")


def allowed_by(response: httpx.Response) -> set[str]:
    return set(re.split(r",\s*", response.headers["allow"]))


@pytest.mark.parametrize("path", ALLOWED)
def test_other_methods_are_refused_with_the_allowed_ones(client: Client, path: str) -> None:
    """A method that a path does not take is a 405 whose Allow names the others; OPTIONS lists the same."""
    options = client.options(path)
    assert options.is_success
    assert allowed_by(options) == ALLOWED[path]
    for method in sorted(set(METHODS) - ALLOWED[path]):
        response = client.request(method, path)
        assert response.status_code == 405, method
        assert allowed_by(response) == ALLOWED[path]
        assert response.headers["content-type"] == "application/problem+json"


READ = ("/v1/events", "/v1/issues", "/v1/issues/chips", "/v1/restrictions", "/v1/restrictions/quota", "/v1/feed")


@pytest.mark.parametrize("path", [*READ, "/healthz", "/readyz", "/metrics"])
def test_head_is_get_without_a_body(client: Client, path: str) -> None:
    """HEAD answers with the status and the headers of GET, and no body."""
    got, headed = client.get(path), client.head(path)
    assert (headed.status_code, headed.content) == (200, b"")
    for name in ("content-type", "etag", "link", "cache-control"):
        assert headed.headers.get(name) == got.headers.get(name)


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v2/issues", "/v1/sanctions", "/v1/issues/chips/colour", "/v1/event"])
def test_a_path_that_is_none_is_not_found(client: Client, path: str) -> None:
    """A path that the service does not have is a 404 problem for every method."""
    for method in ("GET", "POST", "DELETE"):
        problem_of(client.request(method, path), 404)


# Query strings


class Asked(NamedTuple):
    """A query, where it is asked, and the parameters that are to blame."""

    path: str
    query: str
    blamed: set[str]


ISSUE, LISTED, FEED = "/v1/issues/chips", "/v1/restrictions", "/v1/feed"
QUERIES = [
    *(Asked(path, "colour=red&size=1", {"colour", "size"}) for path in READ),
    *(Asked(path, "limit=1&limit=1", {"limit"}) for path in ("/v1/events", "/v1/issues", ISSUE, LISTED, FEED)),
    *(Asked(path, "as_of=2025-01-01&as_of=2025-01-01", {"as_of"}) for path in ("/v1/issues", ISSUE, LISTED)),
    *(Asked(path, f"limit={limit}", {"limit"}) for path in (FEED, LISTED, "/v1/events", ISSUE) for limit in (0, 1_001)),
    *(Asked(LISTED, f"limit={limit}", {"limit"}) for limit in ("-1", "1.5", "1e2", "abc", "", "%201", "0x10", "null")),
    Asked(LISTED, "limit=" + quote(FULL_WIDTH), {"limit"}),
    Asked(LISTED, "limit=99999999999999999999999", {"limit"}),
    Asked(LISTED, "limit", {"limit"}),
    *(Asked(ISSUE, f"as_of={day}", {"as_of"}) for day in ("null", "", "2025-02-30", "2025-13-01", "0000-01-01")),
    *(Asked(ISSUE, f"as_of={day}", {"as_of"}) for day in ("20250610", "2025-06-10T00:00:00Z", "today", "1", "2025-06")),
    Asked(ISSUE, "as_of=" + quote(f"{FULL_WIDTH}-06-10"), {"as_of"}),
    *(Asked(ISSUE, f"known_at={at}", {"known_at"}) for at in ("2025-06-10", "2025-06-10T12:00:00", "now", "", "null")),
    *(
        Asked(ISSUE, f"known_at=2025-06-10T{at}", {"known_at"})
        for at in ("25:00:00Z", "12:60:00Z", "12:00Z", "12:00:00+02:00")
    ),
    Asked(ISSUE, "known_at=2025-02-30T12:00:00Z", {"known_at"}),
    Asked(ISSUE, "known_at=0001-01-01T00:00:00%2B23:59", {"known_at"}),
    Asked(ISSUE, "known_at=9999-12-31T23:59:59-23:59", {"known_at"}),
    Asked(ISSUE, "known_at=2025-06-10T12:00:00%2B99:00", {"known_at"}),
    Asked(ISSUE, "known_at=2025-06-10T12:00:00%2B05:99", {"known_at"}),
    *(
        Asked(ISSUE, f"known_position={at}", {"known_position"})
        for at in ("-1", "1.0", "", "null", str(2**63), "9" * 40)
    ),
    Asked(ISSUE, "known_basis=rumoured", {"known_basis"}),
    Asked(ISSUE, "include=all", {"include"}),
    Asked(ISSUE, "limit=0&as_of=null&known_at=x&colour=1", {"limit", "as_of", "known_at", "colour"}),
    Asked(LISTED, "party=UK&by=xx&against=", {"party", "by", "against"}),
    Asked(LISTED, "hs=123&eccn=xyz&issue=Two%20Words", {"hs", "eccn", "issue"}),
    Asked(LISTED, "status=active", {"status"}),
    Asked(LISTED, "certainty=maybe", {"certainty"}),
    Asked(LISTED, "good=&entity=", {"good", "entity"}),
    Asked(LISTED, "good=" + "x" * 501, {"good"}),
    Asked(FEED, "after=-1", {"after"}),
    Asked(FEED, f"after={2**63}", {"after"}),
    Asked(FEED, "type=restriction.exploded", {"type"}),
    Asked(
        "/v1/events",
        "type=restriction&item=Two%20Words&occurred_from=2025-02-30&occurred_to=x",
        {"type", "item", "occurred_from", "occurred_to"},
    ),
    *(
        Asked(LISTED, f"cursor={cursor}", {"cursor"})
        for cursor in ("", "x", "bm90IGEgY3Vyc29y", "WzEsMiwzLCJ4Il0=", "%C3%A9", "A" * 2_000)
    ),
    *(Asked(LISTED, f"{name}=a%00b", {name}) for name in ("good", "entity", "cursor", "issue", "as_of")),
    Asked(LISTED, "a%00b=1", {"a%00b"}),
    Asked(LISTED, "good=%FF", {"good"}),
    Asked(LISTED, "good=%ED%A0%80", {"good"}),
]


@pytest.mark.parametrize("asked", QUERIES, ids=lambda asked: f"{asked.path}?{asked.query[:60]}")
def test_a_bad_query_names_its_parameters(client: Client, asked: Asked) -> None:
    """Unknown and repeated names, and values out of form or range, are 422 and each parameter is named."""
    problem = problem_of(client.get(f"{asked.path}?{asked.query}"), 422)
    assert problem["type"] == "/problems/bad-query"
    assert parameters(problem) == asked.blamed


WRITES = [
    ("POST", "/v1/events", VALID),
    (
        "POST",
        "/v1/issues",
        json.dumps({"id": "steel", "title": "T", "summary": "S", "parties": [], "reports": [REPORT]}).encode(),
    ),
    ("PATCH", "/v1/issues/chips", json.dumps({"title": "T", "reports": [REPORT]}).encode()),
    ("DELETE", "/v1/issues/chips", b""),
]


@pytest.mark.parametrize(
    ("method", "target", "body"), WRITES, ids=[f"{method} {target}" for method, target, _ in WRITES]
)
def test_a_write_with_an_unknown_parameter_is_refused(client: Client, method: str, target: str, body: bytes) -> None:
    """A write refuses a parameter that it does not know, and nothing is stored."""
    assert parameters(refused(client, body, 422, method, f"{target}?preview=true")) == {"preview"}


def test_a_write_on_an_event_with_an_unknown_parameter_is_refused(client: Client) -> None:
    """Corrections, retractions and added reports refuse a parameter that they do not know."""
    recorded = client.get("/v1/feed?limit=3").json()["events"][1]["id"]
    for method, target, body in (
        ("PUT", f"/v1/events/{recorded}", json.dumps({"event": EVENT}).encode()),
        ("DELETE", f"/v1/events/{recorded}", b""),
        ("POST", f"/v1/events/{recorded}/reports", json.dumps({"reports": [REPORT]}).encode()),
    ):
        assert parameters(refused(client, body, 422, method, f"{target}?preview=true")) == {"preview"}


@pytest.mark.parametrize("path", [path for path in READ if path != FEED])
def test_knowledge_that_is_not_there_yet_is_refused(client: Client, path: str) -> None:
    """A position beyond the head and an instant in the future are a 400: the answer could still change."""
    ahead = head(client) + 1
    for query in (f"known_position={ahead}", f"known_position={2**53 - 1}", "known_at=9999-01-01T00:00:00Z"):
        problem = problem_of(client.get(f"{path}?{query}"), 400)
        assert problem["type"] == "/problems/knowledge-ahead"
        assert problem["head"] == ahead - 1
    assert client.get(f"{path}?known_position={ahead - 1}").status_code == 200


@pytest.mark.parametrize("path", READ[:-1])
def test_the_edges_of_both_clocks_are_answered(client: Client, path: str) -> None:
    """The first and the last day, the first instant and position 0 may be asked about: a 200 or a 404."""
    for query in (
        "known_position=0", "known_at=0001-01-01T00:00:00Z", "known_at=1969-12-31T23:59:59.999999999Z",
        "as_of=0001-01-01", "as_of=9999-12-31", "as_of=0001-01-01&known_position=0",
    ):  # fmt: skip
        if "as_of" in query and path == "/v1/events":
            continue
        response = client.get(f"{path}?{query}")
        assert response.status_code in {200, 404}, response.text


def test_a_cursor_is_good_for_its_own_list_only(client: Client) -> None:
    """The cursor of another list, of other filters or of other clocks is refused."""
    client.post("/v1/events", json={"events": [changed(item=f"cursor-{number}") for number in range(3)]})
    cursor = client.get(f"{LISTED}?include=ended&limit=1&good=terbium").json()["next"]
    assert client.get(f"{LISTED}?include=ended&limit=2&good=terbium&cursor={cursor}").status_code == 200
    for target in (
        f"{LISTED}?include=ended&limit=1&cursor={cursor}",
        f"{LISTED}?include=ended&limit=1&good=dysprosium&cursor={cursor}",
        f"{LISTED}?include=ended&limit=1&good=terbium&as_of=2025-06-01&cursor={cursor}",
        f"/v1/clearances?include=ended&limit=1&good=terbium&cursor={cursor}",
        f"/v1/events?limit=1&good=terbium&cursor={cursor}",
        f"{LISTED}?include=ended&limit=1&good=terbium&cursor={cursor[:-2]}",
        f"{LISTED}?include=ended&limit=1&good=terbium&cursor=A{cursor}",
    ):
        assert parameters(problem_of(client.get(target), 422)) == {"cursor"}


# Paths


ODD_NAMES = (
    "Two%20Words", "%00", "chips%00", "%2e%2e", "..%2f..%2fetc", "chips%2Fquota", "é", "%C3%A9", "%FF", "%ED%A0%80",
    "chips%0A", "%0d%0aSet-Cookie:x", "null", "0", "-1", "a" * 81, "a" * 5_000, "'%20OR%201=1--", "{issue}", "%25", "*",
)  # fmt: skip


@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_odd_name_in_a_path_is_not_found(client: Client, name: str) -> None:
    """A name that nothing can have is not found by any operation, and nothing is stored."""
    before = head(client)
    for method, target in itertools.chain(
        itertools.product(("GET", "DELETE"), (f"/v1/issues/{name}", f"/v1/events/{name}")),
        [("GET", f"/v1/{kind}/{name}") for kind in KINDS],
    ):
        assert client.request(method, target).status_code == 404, (method, target)
    revision, correction = {"title": "T", "reports": [REPORT]}, {"event": EVENT}
    assert client.patch(f"/v1/issues/{name}", json=revision).status_code == 404
    assert client.put(f"/v1/events/{name}", json=correction).status_code == 404
    assert client.post(f"/v1/events/{name}/reports", json={"reports": [REPORT]}).status_code == 404
    assert head(client) == before


def raw(server: Server, request: bytes) -> int:
    """Write bytes to a server as they are; return the status of what comes back (0: it hung up)."""
    at = httpx.URL(server.url)
    with socket.create_connection((at.host, at.port), timeout=60) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := connection.recv(65_536):
            received += chunk
    return int(received.split(b" ", 2)[1]) if received else 0


TARGETS = (
    b"/v1/issues/%zz", b"/v1/issues/%", b"/v1/issues/%0", b"/v1/issues/%00", b"/v1/issues/chips%00", b"/v1/issues/\xff",
    b"/v1/issues/caf\xc3\xa9", b"/v1/issues/%ff%fe", b"/v1/issues/%ed%a0%80", b"//v1//issues", b"/v1/issues//",
    b"/v1/../v1/issues/x", b"/v1/events/%2e%2e%2f", b"/v1/restrictions/a b", b"/v1/issues/" + b"a" * 20_000,
    b"/v1/issues/" + b"%00" * 5_000, b"*", b"v1/issues", b"http://other.example/v1/issues/none",
)  # fmt: skip
RAW_QUERIES = (
    b"as_of=%zz", b"as_of=%", b"as_of=2025-06-1%", b"good=%c3%28", b"good=\xff", b"%zz=1", b"%00=%00", b"good=%00",
    b"=", b"=1", b"?", b"as_of", b"a=1&&b=2", b"a;b", b"limit=" + b"9" * 20_000,
    b"&".join(b"a%d=1" % n for n in range(2_000)),
)  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("method", [b"GET", b"DELETE"])
def test_an_odd_path_over_the_wire_does_no_harm(running: Server, method: bytes, target: bytes) -> None:
    """Whatever the request line contains, the answer is a plain one or a 4xx, and the server keeps running."""
    status = raw(running, method + b" " + target + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert status in {0, 200, 400, 404, 405, 414, 431}
    assert over_the_wire(running, "GET", "/readyz").status == 200


@pytest.mark.parametrize("query", RAW_QUERIES)
@pytest.mark.parametrize("path", [b"/v1/issues", b"/v1/feed", b"/v1/events", b"/v1/restrictions"])
def test_an_odd_query_over_the_wire_is_refused(running: Server, path: bytes, query: bytes) -> None:
    """Bad percent-encoding, bytes that are not ASCII and names by the thousand are 4xx, never a failure."""
    status = raw(running, b"GET " + path + b"?" + query + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert status in {0, 400, 414, 422, 431}


def test_bad_percent_encoding_is_named(running: Server) -> None:
    """A percent sign without its two digits is a fault of its parameter."""
    at = httpx.URL(running.url)
    connection = HTTPConnection(at.host, at.port, timeout=60)
    try:
        connection.request("GET", "/v1/restrictions?good=100%&entity=%zz&as_of=2025-06-10")
        response = connection.getresponse()
        assert response.status == 422
        assert parameters(json.load(response)) == {"good", "entity"}
    finally:
        connection.close()


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /v1/issues HTTP/9.9\r\n\r\n",
        b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
        b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{",
        b"GET /v1/issues HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: \xff\r\nConnection: close\r\n\r\n",
        b"PATCH /v1/issues/x HTTP/1.1\r\nHost: localhost\r\nContent-Type: \xff\r\nContent-Length: 2\r\n\r\n{}",
        b"GET /v1/issues HTTP/1.1\r\nHost: localhost\r\n" + b"X: " + b"y" * 200_000 + b"\r\n\r\n",
    ],
)
def test_a_request_that_is_hardly_http_does_no_harm(running: Server, request_bytes: bytes) -> None:
    """Broken request lines, lengths and headers never make the service fail; it answers the next request.

    501: there is no such method, as far as the parser can see (RFC 9110, 15.6.2).
    """
    answered = raw(running, request_bytes)
    assert answered < 500 or answered == 501
    assert over_the_wire(running, "GET", "/readyz").status == 200


def test_a_client_that_hangs_up_is_no_failure_of_the_service(migrated_sqlite_url: str) -> None:
    """A body that ends before its Content-Length leaves no traceback in the log."""
    with serving(migrated_sqlite_url) as server:
        raw(server, b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        assert over_the_wire(server, "GET", "/readyz").status == 200
        server.stop()
        assert "Traceback" not in server.log()


@pytest.mark.parametrize("tag", ["", '"', "x", '"x"', '"1", "2"', "W/", "W/1.5", '"-1"', '"' + "9" * 4_000 + '"', "²"])
def test_an_odd_if_match_is_a_failed_precondition(client: Client, tag: str) -> None:
    """An If-Match that names no version that the issue has is 412, and nothing is stored."""
    before = head(client)
    for method, body in (("PATCH", json.dumps({"title": "T", "reports": [REPORT]}).encode()), ("DELETE", b"")):
        headers = {"If-Match": tag.encode("latin-1"), "Content-Type": "application/json"}
        response = client.request(method, "/v1/issues/chips", content=body, headers=headers)  # type: ignore[arg-type]
        problem_of(response, 412)
    assert head(client) == before


# Fuzz


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["chips", "quota", "CN"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=8) | st.sampled_from(sorted(EVENT)), inner, max_size=4)
    ),
    max_leaves=12,
)
ISSUE_CLOSING = {
    "type": "issue.closed",
    "issues": ["chips"],
    "item": "chips",
    "occurred": "2025-07",
    "reports": [REPORT],
}
SEEDS = (
    {"events": [EVENT]},
    {"events": [CALL, EVENT], "expected_versions": {"chips": 3}},
    {
        "events": [
            OPENING | {"issues": ["steel"], "item": "steel"},
            EVENT | {"issues": ["steel"], "item": "steel-quota"},
        ]
    },
    {"events": [ISSUE_CLOSING]},
    {"events": [{"type": "record.corrected", "target": "TARGET", "event": EVENT}]},
    {"events": [{"type": "record.report_added", "target": "TARGET", "reports": [REPORT]}]},
)


def places(value: Json, trail: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """List the way to every part of a JSON value."""
    yield trail
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield from places(part, (*trail, key))


def mutated(value: Json, trail: Sequence[str | int], how: str, what: Json) -> Json:
    """Return a copy in which the part at the end of the way is deleted, replaced or joined by another."""
    if not trail:
        return what if how == "replace" else value
    copy = dict(value) if isinstance(value, dict) else list(value)
    step: Any = trail[0]
    if len(trail) > 1:
        copy[step] = mutated(copy[step], trail[1:], how, what)
    elif how == "replace":
        copy[step] = what
    elif how == "delete":
        del copy[step]
    elif isinstance(copy, dict):
        copy[what if isinstance(what, str) else "x"] = copy[step]
    else:
        copy.insert(step, what)
    return copy


@st.composite
def nearly_batches(draw: st.DrawFn) -> Json:
    """Draw a valid batch with a few changes at random places."""
    value: Json = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 4))):
        trail = draw(st.sampled_from(list(places(value))))
        what = draw(
            json_values | st.sampled_from(["2025-02-30", "[..2025-01-01]", "\0", "-", {}, [], None, 2**64, -1, ""])
        )
        value = mutated(value, trail, draw(st.sampled_from(["replace", "delete", "insert"])), what)
        if not isinstance(value, dict | list):
            break
    return value


def survives(client: Client, body: bytes) -> None:
    """Send a body: the answer is no 5xx, and a refusal is a problem with its faults that stores nothing."""
    before = head(client)
    response = client.post("/v1/events", content=body, headers=AS_JSON)
    assert response.status_code < 500, response.text
    if response.status_code >= 400:
        problem = problem_of(response, response.status_code)
        assert response.status_code != 422 or problem["errors"]
        assert head(client) == before


@pytest.mark.slow
@RELAXED
@given(body=json_values)
@example(body={"events": [{"type": []}]})
@example(body={"events": [{"type": {"a": 1}}]})
def test_any_json_at_all_is_survived(client: Client, body: Json) -> None:
    """JSON of any form is recorded or refused, never a failure."""
    survives(client, json.dumps(body).encode())


@pytest.mark.slow
@MANY
@given(body=nearly_batches())
def test_a_batch_with_random_changes_is_survived(client: Client, body: Json) -> None:
    """Valid batches with parts deleted, replaced and put in are stored or refused whole, never a failure."""
    target = client.get("/v1/feed?limit=2").json()["events"][1]["id"]
    survives(client, json.dumps(body).replace("TARGET", target).encode())


@pytest.mark.slow
@RELAXED
@given(place=st.integers(0, len(VALID) - 1), cut=st.integers(0, 3), put=st.binary(max_size=4))
def test_a_batch_with_random_bytes_is_survived(client: Client, place: int, cut: int, put: bytes) -> None:
    """Bytes cut out of a valid body and others put in do no harm."""
    survives(client, VALID[:place] + put + VALID[place + cut :])


@pytest.mark.slow
@RELAXED
@given(
    path=st.sampled_from(READ),
    pairs=st.lists(
        st.tuples(
            st.sampled_from(
                ["as_of", "known_at", "known_position", "limit", "cursor", "good", "status", "after", "type"]
            )
            | st.text(max_size=6),
            st.sampled_from(["2025-06-10", "2025-06-10T12:00:00Z", "1", "0", "in_force", "call.held", "null"])
            | st.text(max_size=12),
        ),
        max_size=4,
    ),
)
def test_any_query_is_survived(client: Client, path: str, pairs: list[tuple[str, str]]) -> None:
    """Queries of any names and values are answered or refused, never a failure."""
    query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)
    response = client.get(f"{path}?{query}")
    assert response.status_code in {200, 400, 404, 422}, response.text


# What is asked of new texts alone


@pytest.mark.parametrize("until", ["2025-12", "2026"])
def test_a_new_end_by_its_month_or_year_is_refused(client: Client, until: str) -> None:
    """The problem points at the end and suggests `through`, in an event and in the new text of a correction."""
    problem = refused(client, batch(EVENT | {"until": until}), 422)
    (error,) = problem["errors"]
    assert error["pointer"] == "#/events/0/until"
    assert f'"through": "{until}"' in error["detail"]
    recorded = client.get("/v1/events", params={"item": EVENT["item"]}).json()["items"][0]["id"]
    text = json.dumps({"event": EVENT | {"until": until}}).encode()
    assert pointers(refused(client, text, 422, "PUT", f"/v1/events/{recorded}")) == {"#/event/until"}


def test_an_issue_is_opened_once(client: Client) -> None:
    """A second opening is refused, of an issue that exists or that the batch has opened, by a correction too."""
    other = OPENING | {"item": "magnets", "issues": ["magnets"]}
    assert pointers(refused(client, batch(OPENING), 422)) == {"#/events/0/item"}
    assert pointers(refused(client, batch(other, other | {"title": "Again"}), 422)) == {"#/events/1/item"}
    call = client.get("/v1/events", params={"item": "a-call"}).json()["items"][0]["id"]
    text = json.dumps({"event": OPENING}).encode()
    assert pointers(refused(client, text, 422, "PUT", f"/v1/events/{call}")) == {"#/event/item"}


def test_the_terms_of_reports_on_a_fact_are_checked_against_its_text(client: Client) -> None:
    """Added reports, and those of a correction or a retraction, give terms that the fact's type has."""
    call = client.get("/v1/events", params={"item": "a-call"}).json()["items"][0]["id"]
    reports = [REPORT, REPORT | {"terms": {"topics": "chips", "rate_percent": 5}}]
    expected = {f"#/reports/1/terms/{name}" for name in ("topics", "rate_percent")}
    sent = json.dumps({"reports": reports}).encode()
    assert pointers(refused(client, sent, 422, "POST", f"/v1/events/{call}/reports")) == expected
    correction = json.dumps({"event": CALL, "reports": reports}).encode()
    assert pointers(refused(client, correction, 422, "PUT", f"/v1/events/{call}")) == expected
    record = {"type": "record.retracted", "target": call, "reports": reports}
    assert pointers(refused(client, batch(record), 422)) == {f"#/events/0{path[1:]}" for path in expected}


# A retraction: reason in the query, in the body, or in both; a body is optional


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"reason": "Another."}, "#/reason"),
        ({"reports": [{}]}, "#/reports/0/outlet"),
        ({"reports": [REPORT | {"published": "2025-02-30"}]}, "#/reports/0/published"),
        ({"reports": [REPORT] * 65}, "#/reports"),
        ({"reson": "Twice."}, "#/reson"),
    ],
)
def test_a_retraction_that_cannot_be_is_refused(client: Client, body: Json, pointer: str) -> None:
    """The problem points into the body; two reasons that differ are refused."""
    recorded = client.get("/v1/events", params={"item": "a-call"}).json()["items"][0]["id"]
    target = f"/v1/events/{recorded}?reason=Twice."
    assert pointers(refused(client, json.dumps(body).encode(), 422, "DELETE", target)) == {pointer}


def test_a_retraction_whose_body_is_no_json_is_refused(client: Client) -> None:
    """What is sent is read as strictly as any body: 400 for no JSON, 415 for another type, 422 for a wrong query."""
    recorded = client.get("/v1/events", params={"item": "a-call"}).json()["items"][0]["id"]
    target = f"/v1/events/{recorded}"
    refused(client, b"{", 400, "DELETE", target)
    before = head(client)
    typed = client.request("DELETE", target, content=b"{}", headers={"Content-Type": "text/plain"})
    problem_of(typed, 415)
    problem_of(client.delete(f"{target}?why=Twice."), 422)
    assert head(client) == before
