"""A write repeated with its Idempotency-Key, as after a lost answer, is recorded once and answered as the first time.

What is sent are the examples of the document, for every operation in it that records.
"""

import asyncio
import json
from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from service.api.routes import ROUTES
from service.api.spec import examples
from service.app import create_app
from service.settings import Settings
from tests.events import imposed
from tests.events import opening as opening_of
from tests.ledgers import Event, now
from tests.servers import client as client_of
from tests.servers import serving_together

WRITES = {"POST", "PUT", "PATCH", "DELETE"}
RECEIPT = "#/components/schemas/Receipt"


class Write(NamedTuple):
    """A request that records: its body is None where the operation takes none."""

    method: str
    path: str
    body: Any

    @property
    def status(self) -> int:
        """The status of the first answer; a repeat answers 200."""
        return 200 if self.method in {"DELETE", "PATCH"} else 201

    def other(self) -> "Write":
        """Make the same request with other content."""
        if self.body is None:
            return self._replace(path=f"{self.path}?reason=Another")
        text = json.dumps(self.body)
        assert '"outlet": "' in text
        return self._replace(body=json.loads(text.replace('"outlet": "', '"outlet": "Another, ')))


def writes(document: Event) -> Iterator[tuple[str, str, Event]]:
    """Return the path, the method and the description of each operation that writes."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if method.upper() in WRITES:
                yield path, method.upper(), operation


def records(operation: Event) -> bool:
    """Return whether an operation answers with a receipt: it records."""
    contents = [answer.get("content", {}) for answer in operation["responses"].values()]
    return any(each["schema"].get("$ref") == RECEIPT for content in contents for each in content.values())


def takes_key(document: Event, operation: Event) -> bool:
    """Return whether the document names the header among the parameters of an operation."""
    shared = document["components"]["parameters"]
    names = [
        shared[each["$ref"].rpartition("/")[2]] if "$ref" in each else each for each in operation.get("parameters", [])
    ]
    return "Idempotency-Key" in [each["name"] for each in names]


def _recording(*, with_ids: bool = False) -> Iterator[Write]:
    named = {"issue": examples.ISSUE, "event_id": examples.EVENT_ID}
    for operation, _ in ROUTES:
        if operation.takes_key:
            body = next(iter(operation.body_examples.values()), None)
            if body is not None and "events" in body and not with_ids:
                again = [each for each in body["events"] if each["type"] != "issue.opened"]
                body = {"events": [{name: each[name] for name in each if name != "id"} for each in again]}
            yield Write(operation.method, operation.path.format(**named), body)


RECORDING = [*_recording()]
BATCH = next(each for each in RECORDING if each.path == "/v1/events")
per_write = pytest.mark.parametrize("write", RECORDING, ids=[f"{each.method} {each.path[:12]}" for each in RECORDING])


def send(client: TestClient[Litestar], write: Write, key: str | None = None, **headers: str) -> httpx.Response:
    given = headers if key is None else headers | {"Idempotency-Key": key}
    return client.request(
        write.method, write.path, json=write.body, headers={k.replace("_", "-"): v for k, v in given.items()}
    )


def recorded(client: TestClient[Litestar]) -> int:
    position: int = client.get("/readyz").json()["head"]
    return position


@pytest.fixture
def ledger(client: TestClient[Litestar]) -> TestClient[Litestar]:
    """A ledger with the issue and the event that the examples name."""
    batch = next(iter(examples.BATCHES.values()))
    client.post("/v1/events", json=batch).raise_for_status()
    return client


@pytest.mark.row(10)
def test_every_write_takes_a_key_or_refuses_it(ledger: TestClient[Litestar]) -> None:
    """What records takes the header, by the document; every other write answers 400 to it, and changes nothing."""
    document = ledger.get("/schema/openapi.json").json()
    assert len(RECORDING) == sum(records(operation) for _, _, operation in writes(document)) >= 7
    for path, method, operation in writes(document):
        assert records(operation) == takes_key(document, operation), (method, path)
        if not records(operation):
            refused = ledger.request(method, path.replace("{", "").replace("}", ""), headers={"Idempotency-Key": "k"})
            assert (refused.status_code, "Idempotency-Key" in refused.json()["detail"]) == (400, True), (method, path)


@pytest.mark.row(10)
@per_write
def test_a_repeat_is_recorded_once(ledger: TestClient[Litestar], write: Write) -> None:
    """The repeat answers 200 with the bytes of the first answer and records nothing, as often as it is sent."""
    before = recorded(ledger)
    first = send(ledger, write, "one")
    after = recorded(ledger)
    assert (first.status_code, after) == (write.status, first.json()["position"]), first.text
    assert after == before + len(first.json()["events"])
    for key in ("one", '"one"'):
        again = send(ledger, write, key)
        assert (again.status_code, again.content) == (200, first.content)
        assert again.headers.get("location") == first.headers.get("location")
    assert recorded(ledger) == after
    other = send(ledger, write, "two")
    once = write.path.startswith("/v1/events/")  # a record that says the same again is the first one, with any key
    assert other.status_code == (409 if write.path == "/v1/issues" else 200 if once else first.status_code)
    assert (recorded(ledger) == after) is (once or other.status_code == 409), "another key, another request"


@pytest.mark.row(10)
@per_write
def test_a_key_is_of_one_request(ledger: TestClient[Litestar], write: Write) -> None:
    """Other content, another target or another operation under a recorded key is refused and records nothing."""
    first = send(ledger, write, "one").raise_for_status()
    after = recorded(ledger)
    elsewhere = write._replace(
        path=write.path.replace(examples.ISSUE, "elsewhere").replace(examples.EVENT_ID, str(uuid4()))
    )
    for other in (write.other(), elsewhere, *RECORDING):
        if other != write:
            refused = send(ledger, other, "one")
            assert (refused.status_code, refused.json()["type"]) == (422, "/problems/idempotency-key-reused"), other
            assert refused.json()["ids"] == [each["id"] for each in first.json()["events"]]
    assert recorded(ledger) == after
    assert send(ledger, write, "one").content == first.content


@pytest.mark.row(10)
def test_a_refused_request_leaves_its_key_free(ledger: TestClient[Litestar]) -> None:
    """A key belongs to what is recorded: after a refusal the request may be mended under the same key."""
    wrong = Write("POST", f"/v1/events/{uuid4()}/reports", {"reports": [examples.REPORT]})
    assert send(ledger, wrong, "one").status_code == 404
    right = wrong._replace(path=f"/v1/events/{examples.EVENT_ID}/reports")
    assert [send(ledger, right, "one").status_code for _ in range(2)] == [201, 200]


@pytest.mark.row(10)
def test_events_with_ids_of_their_own_may_have_a_key(client: TestClient[Litestar]) -> None:
    """The key is of the request, whether or not its events have ids; without the key their ids still decide."""
    write = next(each for each in _recording(with_ids=True) if each.path == "/v1/events")
    first = send(client, write, "one")
    assert (first.status_code, send(client, write, "one").content, send(client, write).content) == (
        201,
        *[first.content] * 2,
    )
    ids = {each["id"]: str(uuid4()) for each in write.body["events"]}
    for events in (
        [each | {"id": ids[each["id"]]} for each in write.body["events"]],
        write.body["events"][:1],
        [*write.body["events"], write.body["events"][1] | {"id": str(uuid4())}],
    ):
        assert send(client, write._replace(body={"events": events}), "one").status_code == 422
    assert recorded(client) == 2


@pytest.mark.row(10)
@pytest.mark.parametrize("write", [each for each in RECORDING if "/issues/" in each.path])
def test_a_repeat_does_not_check_the_precondition_again(ledger: TestClient[Litestar], write: Write) -> None:
    """If-Match was right the first time; the first try itself has moved the version."""
    first = send(ledger, write, "one", If_Match='"2"').raise_for_status()
    assert send(ledger, write, "two", If_Match='"2"').status_code == 412
    again = send(ledger, write, "one", If_Match='"2"')
    assert (again.status_code, again.content, recorded(ledger)) == (200, first.content, 3)


@pytest.mark.row(10)
def test_a_repeat_does_not_check_expected_versions_again(ledger: TestClient[Litestar]) -> None:
    """The same holds for a batch that expects versions; one that expects others is another request."""
    write = BATCH._replace(body=BATCH.body | {"expected_versions": {examples.ISSUE: 2}})
    first = send(ledger, write, "one").raise_for_status()
    assert (send(ledger, write, "one").content, send(ledger, write, "two").status_code) == (first.content, 409)
    assert send(ledger, BATCH, "one").status_code == 422


@pytest.mark.row(10)
def test_a_repeat_is_answered_whatever_has_become_of_its_target(ledger: TestClient[Litestar]) -> None:
    """Every write is answered as the first time after its issue is retracted, when nothing can name it any more."""
    firsts = [(write, send(ledger, write, f"key {index}")) for index, write in enumerate(RECORDING)]
    for opening in (examples.OPENING_ID, firsts[RECORDING.index(BATCH)][1].json()["events"][0]["id"]):
        ledger.delete(f"/v1/events/{opening}").raise_for_status()
    revision = next(write for write in RECORDING if write.method == "PATCH")
    assert send(ledger, revision).status_code == 404
    before = recorded(ledger)
    for index, (write, first) in enumerate(firsts):
        again = send(ledger, write, f"key {index}")
        assert (again.status_code, again.content) == (200, first.content), write
    assert recorded(ledger) == before


@pytest.mark.row(10)
def test_a_repeat_on_the_next_day_after_a_restart_is_a_repeat(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the ledger fills in, such as today's date, is no part of what was asked; keys outlive the process."""
    writes = [Write("DELETE", f"/v1/issues/{examples.ISSUE}", None), *RECORDING]
    writes += [Write("PATCH", f"/v1/issues/{examples.ISSUE}", {"title": "Another", "reports": [examples.REPORT]})]
    answers: list[list[bytes]] = []
    for day in range(2):
        monkeypatch.setattr("service.app.clock", lambda day=day: now() + day * 86_400_000_000)
        with TestClient(create_app(Settings(database_url=migrated_url))) as client:
            if not day:
                client.post("/v1/events", json=next(iter(examples.BATCHES.values()))).raise_for_status()
            answers.append([send(client, write, f"key {index}").content for index, write in enumerate(writes)])
    assert answers[0] == answers[1]


@pytest.mark.row(10)
@pytest.mark.parametrize("key", ["", "a" * 256, "\xe9", '"a', '"a"b"', '"\\a"', '""', '"' + "a" * 256 + '"'])
def test_a_key_is_1_to_255_printable_characters(client: TestClient[Litestar], key: str) -> None:
    """Anything else in the header is refused with 400."""
    refused = client.post("/v1/events", json=BATCH.body, headers={b"Idempotency-Key": key.encode("latin-1")})
    assert (refused.status_code, refused.json()["type"]) == (400, "/problems/bad-request")
    assert recorded(client) == 0


@pytest.mark.row(10)
@pytest.mark.parametrize(
    ("first", "again"), [("10", "10.0"), ("1e2", "100"), ("0", "-0.0"), ("0.0", "0"), ("2.50", "2.5")]
)
def test_a_number_written_otherwise_is_the_same(client: TestClient[Litestar], first: str, again: str) -> None:
    """An event repeated under its id with an equal number is a repeat; with another number it is a conflict."""
    fact = imposed("ban", "steel", rate_percent="RATE")
    assert client.post("/v1/events", json={"events": [opening_of("steel")]}).status_code == 201
    answers = []
    for written in (first, again, "11"):
        body = json.dumps({"events": [fact]}).replace('"RATE"', written)
        answers.append(client.post("/v1/events", content=body, headers={"Content-Type": "application/json"}))
    assert [answer.status_code for answer in answers] == [201, 200, 409]
    assert answers[0].json() == answers[1].json()


def test_two_keys_in_one_request_are_refused(client: TestClient[Litestar]) -> None:
    """Nothing says which of them is meant."""
    headers = httpx.Headers([("Idempotency-Key", '"a"'), ("Idempotency-Key", '"b"')])
    request = client.build_request("POST", "/v1/events", json=BATCH.body)
    request.headers = httpx.Headers([*request.headers.multi_items(), *headers.multi_items()])
    assert client.send(request).status_code == 400


@pytest.mark.row(10)
def test_a_key_may_be_as_long_as_allowed_and_hold_quotes(ledger: TestClient[Litestar]) -> None:
    """A quoted key is what stands between the quotes, without the backslashes."""
    for index, (plain, quoted) in enumerate((("a" * 255, f'"{"a" * 255}"'), ('k\\ "1', '"k\\\\ \\"1"')), 1):
        first, again = send(ledger, BATCH, plain), send(ledger, BATCH, quoted)
        assert (first.status_code, again.status_code, again.content) == (201, 200, first.content)
        assert recorded(ledger) == 2 + index


@pytest.mark.row(10)
@pytest.mark.attack
@pytest.mark.anyio
async def test_repeats_at_the_same_time_in_two_processes_and_after_a_kill(migrated_url: str) -> None:
    """Of 8 copies of each write, sent to two servers at once, one is recorded; all are answered alike, also later."""
    with serving_together([migrated_url] * 2) as servers:

        async def everything() -> list[list[httpx.Response]]:
            async with client_of(servers[0].url) as one, client_of(servers[1].url) as other:
                await one.post("/v1/events", json=next(iter(examples.BATCHES.values())))
                copies = [
                    [
                        sender.request(
                            write.method, write.path, json=write.body, headers={"Idempotency-Key": f"k{index}"}
                        )
                        for sender in (one, other) * 4
                    ]
                    for index, write in enumerate(RECORDING)
                ]
                return [list(await asyncio.gather(*each)) for each in copies]

        firsts = await everything()
        for write, answers in zip(RECORDING, firsts, strict=True):
            assert len({each.content for each in answers}) == 1, [each.text for each in answers]
            statuses = sorted(each.status_code for each in answers)
            assert statuses == [200] * (len(answers) - 1) + [write.status], write
        for server in servers:
            server.kill()
            server.start()
        agains = await everything()
        assert {each.status_code for answers in agains for each in answers} == {200}
        contents = [[{each.content for each in answers} for answers in both] for both in (firsts, agains)]
        assert contents[0] == contents[1]
        async with client_of(servers[0].url) as reader:
            head = (await reader.get("/readyz")).json()["head"]
        assert head == 2 + sum(len(answers[0].json()["events"]) for answers in firsts)
