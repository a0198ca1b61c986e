"""Kept answers: an answer from memory equals one that is computed, and is never out of date."""

from collections.abc import Iterator

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from service.app import create_app
from service.settings import Settings
from tests.api.conftest import LONDON

Client = TestClient[Litestar]
ISSUE = "/v1/issues/rare-earth-export-restrictions?as_of=2025-06-10"
READS = [
    ISSUE,
    f"{ISSUE}&known_position=9",
    f"{ISSUE}&known_basis=published&known_at=2025-06-10",
    "/v1/issues?as_of=2025-06-10",
    "/v1/restrictions?as_of=2025-06-10&party=US",
    "/v1/restrictions/china-seven-rare-earths-control?as_of=2025-05-31",
]


@pytest.fixture
def other(migrated_url: str) -> Iterator[Client]:
    """Another service on the same database."""
    with TestClient(create_app(Settings(database_url=migrated_url))) as client:
        yield client


@pytest.mark.parametrize("path", READS)
def test_what_is_kept_is_what_another_service_answers(london: Client, other: Client, path: str) -> None:
    """A service answers twice with the same bytes and headers, and so does one with nothing in memory."""
    first, again, elsewhere = london.get(path), london.get(path), other.get(path)
    assert first.status_code == 200
    assert first.content == again.content == elsewhere.content
    assert dict(first.headers) == dict(again.headers) == dict(elsewhere.headers)
    assert london.get(path, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    assert london.get(path, headers={"If-None-Match": '"another"'}).content == first.content


def test_a_kept_answer_gives_way_to_what_another_service_records(london: Client, other: Client) -> None:
    """What another service records is in the next answer here; the answer at the old position stays as it was."""
    before = london.get(ISSUE)
    position = before.json()["known_position"]
    pinned = london.get(f"{ISSUE}&known_position={position}")
    event = LONDON[11] | {"item": "a-statement-recorded-elsewhere", "issues": ["rare-earth-export-restrictions"]}
    del event["id"]
    for service in (other, london, other):
        recorded = service.post("/v1/events", json={"events": [event]}).json()["position"]
        after = london.get(ISSUE)
        assert after.json()["known_position"] == recorded
        assert len(after.json()["items"]["statement"]) == len(before.json()["items"]["statement"]) + 1
    assert london.get(f"{ISSUE}&known_position={position}").content == pinned.content


def test_a_head_request_has_the_headers_and_no_body(london: Client) -> None:
    """HEAD is answered from memory too, and keeps the whole answer there."""
    head = london.head(ISSUE)
    full = london.get(ISSUE)
    assert head.content == b""
    assert full.json()["id"] == "rare-earth-export-restrictions"
    assert london.head(ISSUE).headers["ETag"] == full.headers["ETag"]
