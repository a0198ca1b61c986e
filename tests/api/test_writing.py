"""Writing helped: a batch tried out before it is recorded, and records that say the same again."""

import asyncio
from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from tests.api.conftest import LONDON
from tests.ledgers import Event
from tests.servers import serving

Client = TestClient[Litestar]
CONTROL = "china-seven-rare-earths-control"
CONTROL_EVENT = next(each["id"] for each in LONDON if each["item"] == CONTROL)
REPORT = {"outlet": "Xinhua", "title": "Notice 18", "published": "2025-04-04", "kind": "official"}
OTHER = {"outlet": "Reuters", "title": "Notice 18", "published": "2025-04-05"}
EVENT = f"/v1/events/{CONTROL_EVENT}"


def head(client: Client) -> int:
    position: int = client.get("/readyz").json()["head"]
    return position


def fact(change: str, occurred: str, **terms: object) -> Event:
    return {
        "type": change,
        "issues": LONDON[3]["issues"],
        "item": CONTROL,
        "occurred": occurred,
        "reports": [REPORT],
    } | terms


def tried(client: Client, *events: Event, **batch: object) -> httpx.Response:
    return client.post("/v1/events?dry_run=true", json={"events": events} | batch)


def test_a_dry_run_shows_the_states_before_and_after_and_stores_nothing(london: Client) -> None:
    """The states are those that GET answers today, before the batch and after it is recorded; nothing else changes."""
    before, position = london.get(f"/v1/restrictions/{CONTROL}").json(), head(london)
    batch = (
        fact("restriction.lifted", "2025-07-01"),
        fact(
            "restriction.imposed",
            "2025-08-01",
            imposed_by="CN",
            instrument="export_control",
            goods=[{"name": "terbium", "element": "Tb"}],
        )
        | {"item": "another-control"},
    )
    preview = tried(london, *batch)
    assert preview.status_code == 200, preview.text
    found = preview.json()
    assert (found["known_position"], head(london)) == (position, position)
    assert [each["type"] for each in found["events"]] == ["restriction.lifted", "restriction.imposed"]
    assert london.get("/v1/restrictions/another-control").status_code == 404
    assert london.get(f"/v1/restrictions/{CONTROL}").json() == before
    london.post("/v1/events", json={"events": found["events"]}).raise_for_status()
    states = {each["id"]: each for each in found["items"]}
    assert states.keys() == {CONTROL, "another-control"}
    assert (states[CONTROL]["before"]["status"], states[CONTROL]["after"]["status"]) == ("in_force", "lifted")
    assert states["another-control"]["before"] is None
    for name, each in states.items():
        now = london.get(f"/v1/restrictions/{name}").json()
        assert {member: now[member] for member in each["after"]} == each["after"]
        assert each["kind"] == "restriction"


def test_a_dry_run_of_a_correction_shows_every_item_that_it_changes(london: Client) -> None:
    """A correction that puts a fact on another item changes both."""
    moved = {key: value for key, value in LONDON[3].items() if key != "id"} | {"item": "another-control"}
    found = tried(london, {"type": "record.corrected", "target": CONTROL_EVENT, "event": moved}).json()
    before_after = {each["id"]: (each["before"] is not None, each["after"] is not None) for each in found["items"]}
    assert before_after == {CONTROL: (True, False), "another-control": (False, True)}


def test_a_dry_run_warns_and_refuses_as_an_append_does(london: Client) -> None:
    """Warnings and problems are the same with and without it; a refusal of the first stores as little."""
    doubtful = fact("restriction.reinstated", "2025-07-01", id=str(uuid4()))
    warnings = tried(london, doubtful).json()["warnings"]
    assert warnings
    assert london.post("/v1/events", json={"events": [doubtful]}).json()["warnings"] == warnings
    position = head(london)
    again = tried(london, doubtful).json()
    assert (again["warnings"], again["items"]) == (warnings, [])
    for events, batch in (
        ([fact("restriction.lifted", "2025-13")], {}),
        ([fact("call.held", "2025-07-01", participants=[{"name": "He Lifeng"}])], {}),
        ([fact("restriction.lifted", "2025-07-01") | {"issues": ["nobody-opened-this"]}], {}),
        ([fact("restriction.lifted", "2025-07-01")], {"expected_versions": {LONDON[3]["issues"][0]: 1}}),
        ([doubtful | {"occurred": "2025-07-02"}], {}),
    ):
        refused, plain = tried(london, *events, **batch), london.post("/v1/events", json={"events": events} | batch)
        assert refused.status_code == plain.status_code >= 400
        assert refused.json() == plain.json()
    assert head(london) == position


def test_a_dry_run_is_true_or_false(london: Client) -> None:
    """Any other value, and any other name in the query, is refused."""
    for query in ("dry_run=yes", "dry_run=true&dry_run=true", "dryrun=true"):
        assert (
            london.post(f"/v1/events?{query}", json={"events": [fact("restriction.lifted", "2025-07-01")]}).status_code
            == 422
        )
    assert "lifted" not in london.get(f"/v1/restrictions/{CONTROL}").text


WRITES: dict[str, tuple[str, str, Event | None]] = {
    "retraction": ("DELETE", EVENT, {"reason": "It was another notice."}),
    "reports": ("POST", f"{EVENT}/reports", {"reports": [REPORT, OTHER]}),
    "correction": ("PUT", EVENT, {
        "event": {key: value for key, value in LONDON[3].items() if key != "id"} | {"occurred": "2025-04-04"},
        "reason": "The notice gives the day.",
    }),
}  # fmt: skip


@pytest.mark.parametrize("name", WRITES)
def test_the_same_record_again_is_answered_with_the_first(london: Client, name: str) -> None:
    """It answers 200 with the first receipt and records nothing, also where other records came in between."""
    method, path, body = WRITES[name]
    first = london.request(method, path, json=body)
    assert first.status_code == (200 if name == "retraction" else 201)
    if name != "retraction":
        london.post(
            "/v1/events", json={"events": [{"type": "record.disputed", "target": CONTROL_EVENT, "reason": "?"}]}
        )
    position = head(london)
    again = london.request(method, path, json=body)
    assert (again.status_code, again.json()) == (200, first.json())
    assert head(london) == position


def test_a_record_that_says_something_else_is_recorded(london: Client) -> None:
    """Other reports, another text, a text corrected back, a retraction after the first was retracted: all are new."""
    position = head(london)
    text = WRITES["correction"][2]
    assert text is not None
    for reports in ([REPORT], [OTHER], [REPORT, OTHER]):
        assert london.post(f"{EVENT}/reports", json={"reports": reports}).status_code == 201
    for occurred in ("2025-04-04", "2025-04-03", "2025-04-04"):
        assert london.put(EVENT, json={"event": text["event"] | {"occurred": occurred}}).status_code == 201
    first = london.delete(EVENT).json()["events"][0]["id"]
    assert london.delete(EVENT).json()["events"][0]["id"] == first
    with_reports = london.request("DELETE", EVENT, json={"reports": [OTHER]}).json()["events"][0]["id"]
    assert with_reports != first
    assert head(london) == position + 8
    for each in (first, with_reports):
        london.delete(f"/v1/events/{each}").raise_for_status()
    assert london.get(EVENT).json()["now"] is not None
    assert london.delete(EVENT).json()["events"][0]["id"] not in {first, with_reports}


@pytest.fixture
def url(migrated_url: str) -> Iterator[str]:
    """A server with the London set."""
    with serving(migrated_url) as server:
        httpx.post(f"{server.url}/v1/events", json={"events": LONDON}, trust_env=False).raise_for_status()
        yield server.url


def test_the_same_record_sent_at_once_is_recorded_once(url: str) -> None:
    """Of twenty retractions at the same time one is recorded, and all get its receipt."""

    async def send() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as client:
            return await asyncio.gather(*(client.delete(EVENT) for _ in range(20)))

    answers = asyncio.run(send())
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["position"] for answer in answers}) == 1


def test_a_correction_takes_the_event_as_it_was_read(london: Client) -> None:
    """The members that the ledger adds are ignored, so that what GET gave can be sent back with a change."""
    read = london.get(EVENT).json()
    assert london.put(EVENT, json={"event": read | {"occurred": "2025-04-04"}}).status_code == 201
    assert london.get(EVENT).json()["now"]["occurred"] == "2025-04-04"
